"""Pages of a connection: keyset cursors, which keep their place whatever is added or removed before them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import orjson

from api.reads.leaves import INSTANT, unbroken
from api.reads.mapping import OrderKey
from api.relay import DEFAULT_PAGE, MAX_PAGE, bad_request, is_storable


@dataclass(frozen=True, slots=True)
class _Part:
    """A column in a cursor: how SQL writes it, what Postgres takes it for, how Python reads it."""

    cast: str
    parse: Callable[[Any], Any]
    json: str = "{sql}"


def _number(part: Any) -> int:
    if type(part) is not int or not -(2**31) <= part < 2**31:
        raise ValueError(part)
    return part


def _text(part: Any) -> str:
    if not isinstance(part, str) or not is_storable(part):
        raise ValueError(part)
    return part


def _instant(part: Any) -> datetime:
    instant = datetime.fromisoformat(_text(part))
    if instant.tzinfo is None:
        raise ValueError(part)
    # Sent in UTC, in which the ends of the calendar may lie beyond it.
    return instant.astimezone(UTC)


_PARTS: Mapping[type, _Part] = {
    int: _Part("integer", _number),
    str: _Part("text", _text),
    UUID: _Part("uuid", lambda part: UUID(_text(part))),
    date: _Part("date", lambda part: date.fromisoformat(_text(part))),
    datetime: _Part("timestamptz", _instant, INSTANT),
}


@dataclass(frozen=True, slots=True)
class PageAsk:
    """Which page is asked for: how many, from which end, between which places."""

    size: int
    backward: bool
    after: tuple[Any, ...] | None
    before: tuple[Any, ...] | None


def total_order(order: Sequence[OrderKey], key: str) -> tuple[OrderKey, ...]:
    """Complete an order by the table's key, so that no two rows share a place."""
    return (*order, OrderKey(key, UUID, order[-1].descending))


def page_ask(arguments: Mapping[str, Any], order: Sequence[OrderKey]) -> PageAsk:
    """Read the arguments of a connection.

    Raises
    ------
    GraphQLError
        `BAD_USER_INPUT`: a size beyond the limits, both ends at once, or a cursor that this list did not
        answer.
    """
    first, last = arguments.get("first"), arguments.get("last")
    if first is not None and last is not None:
        raise bad_request("first and last are both told; expected one of them.", path=["last"])
    backward = last is not None
    size = _size("last" if backward else "first", last if backward else first)
    return PageAsk(
        size,
        backward,
        _place("after", arguments.get("after"), order),
        _place("before", arguments.get("before"), order),
    )


def page_size(arguments: Mapping[str, Any]) -> int:
    """Tell how many rows a page has at most, whether that is allowed or not."""
    asked = arguments.get("last") if arguments.get("first") is None else arguments.get("first")
    return DEFAULT_PAGE if asked is None else int(asked)


def _size(name: str, asked: int | None) -> int:
    size = DEFAULT_PAGE if asked is None else asked
    if not 0 <= size <= MAX_PAGE:
        raise bad_request(
            f"{name} is {size}; expected 0 to {MAX_PAGE}. Read further pages with after or before.",
            path=[name],
        )
    return size


def _place(name: str, cursor: str | None, order: Sequence[OrderKey]) -> tuple[Any, ...] | None:
    if cursor is None:
        return None
    try:
        parts = _list(orjson.loads(base64.b64decode(cursor, validate=True)))
        return tuple(_PARTS[key.type].parse(part) for key, part in zip(order, parts, strict=True))
    except (binascii.Error, ValueError, TypeError, OverflowError):
        raise bad_request(
            f"{name} is {cursor!r}; expected a cursor that this list has answered.", path=[name]
        ) from None


def _list(parts: Any) -> list[Any]:
    if not isinstance(parts, list):
        raise TypeError(parts)
    return parts


# ---------------------------------------------------------------- in SQL


def cursor_sql(order: Sequence[OrderKey], row: str) -> str:
    """Write the cursor of a row."""
    parts = ", ".join(_PARTS[key.type].json.replace("{sql}", f"{row}.{key.column}") for key in order)
    return unbroken(f"encode(convert_to(json_build_array({parts})::text, 'UTF8'), 'base64')")


def order_sql(order: Sequence[OrderKey], row: str, *, backward: bool) -> str:
    """Write what stands after ORDER BY."""
    return ", ".join(f"{row}.{key.column}{' desc' if key.descending != backward else ''}" for key in order)


def casts(order: Sequence[OrderKey]) -> list[str]:
    """Tell Postgres' types of a cursor's parts."""
    return [_PARTS[key.type].cast for key in order]


def beyond_sql(order: Sequence[OrderKey], row: str, place: Sequence[str], *, before: bool) -> str:
    """Write the condition that a row lies after a place, or before it.

    Where all columns go the same way, it is a comparison of rows, for which Postgres uses an index.
    """
    columns = [f"{row}.{key.column}" for key in order]
    down = [key.descending != before for key in order]
    if len(set(down)) == 1:
        sign = "<" if down[0] else ">"
        return f"({', '.join(columns)}) {sign} ({', '.join(place)})"
    condition = ""
    for column, value, falls in reversed(list(zip(columns, place, down, strict=True))):
        sign = "<" if falls else ">"
        tie = f" or ({column} = {value} and {condition})" if condition else ""
        condition = f"({column} {sign} {value}{tie})"
    return condition
