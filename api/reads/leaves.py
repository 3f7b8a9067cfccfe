"""Scalars and enums: how SQL writes a stored value into JSON, and how Python takes it from a plain row.

Both must come to the same JSON. What a scalar is, the schema says; so a declaration names no types.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from graphql import GraphQLEnumType, GraphQLLeafType

from api.relay import node_id

INSTANT = """to_char({sql} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')"""


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Leaf:
    """One sort of value.

    Attributes
    ----------
    json
        SQL that writes it as `row_to_json` shall show it; `{sql}` is the stored value.
    row
        SQL that a plain row selects.
    parse
        Makes the Python value of what the plain row holds, never None.
    parse_json
        The same of a value in a JSON document.
    cast
        Postgres' type of a parameter that is compared with it, and of a value in a JSON document.
    """

    json: str = "{sql}"
    row: str = "{sql}"
    parse: Callable[[Any], Any] = _same
    parse_json: Callable[[Any], Any] = _same
    cast: str = "text"


_LEAVES = {
    "String": Leaf(),
    "Int": Leaf(cast="integer"),
    "Float": Leaf(json="({sql})::float8", row="({sql})::float8", cast="float8", parse_json=float),
    "Boolean": Leaf(cast="boolean"),
    "ID": Leaf(json="({sql})::text", row="({sql})::text"),
    "JSON": Leaf(cast="jsonb"),
    "Date": Leaf(cast="date", parse_json=date.fromisoformat),
    "DateTime": Leaf(json=INSTANT, cast="timestamptz", parse_json=datetime.fromisoformat),
    "Month": Leaf(json="to_char({sql}, 'YYYY-MM')", cast="date", parse_json=date.fromisoformat),
}


def leaf_of(kind: GraphQLLeafType) -> Leaf | None:
    """Tell how a scalar or an enum is written; None for one that this room does not know."""
    return _enum(kind) if isinstance(kind, GraphQLEnumType) else _LEAVES.get(kind.name)


def _enum(kind: GraphQLEnumType) -> Leaf:
    members = {value.value: name for name, value in kind.values.items()}
    parse = getattr(kind, "wrapped_cls", _same)
    if all(value == name for value, name in members.items()):
        return Leaf(parse=parse, parse_json=parse)
    cases = " ".join(f"when {literal(str(value))} then {literal(name)}" for value, name in members.items())
    return Leaf(json=f"(case {{sql}} {cases} end)", parse=parse, parse_json=parse)


def node_leaf(type_name: str) -> Leaf:
    """Tell how the key of a type becomes the id of its node, as `api.relay.node_id` makes it."""

    def parse(key: UUID) -> str:
        return node_id(type_name, key)

    encoded = f"encode(convert_to({literal(type_name + ':')} || {{sql}}, 'UTF8'), 'base64')"
    return Leaf(json=unbroken(encoded), parse=parse, cast="uuid")


def unbroken(base64: str) -> str:
    """Take out the line breaks that Postgres puts into long base64."""
    return f"translate({base64}, E'\\n', '')"


def literal(text: str) -> str:
    """Write a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
