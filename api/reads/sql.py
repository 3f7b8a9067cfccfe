"""Pieces of SQL that the compiler and the normal way share: the rows of a relation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from graphql import GraphQLField

from api.reads.mapping import First, Many, OrderKey, Page
from api.reads.model import StoredType
from api.reads.pages import PageAsk, beyond_sql, total_order
from api.reads.parameters import Values, argument_cast

Place: TypeAlias = Callable[[object, str], str]
"""Gives the place of a named value, with its type in Postgres."""


def fill(template: str, row: str, value: str = "") -> str:
    """Fill a declaration's template."""
    return template.format(row=row, value=value)


def order_of(how: Many | Page | First, target: StoredType) -> tuple[OrderKey, ...]:
    """Tell the total order of a connection; empty for what has no pages."""
    return total_order(how.order, target.key) if isinstance(how, Page) else ()


def conditions(
    how: Many | Page | First,
    target: StoredType,
    field_def: GraphQLField,
    values: Values,
    place: Place,
    row: str,
) -> list[str]:
    """Write what rows of a relation fulfil, beside belonging to their owner."""
    found = [fill(one, row) for one in (target.condition(), how.where) if one]
    for argument in how.arguments:
        if argument.name in values:
            value = place(argument.name, argument_cast(argument, field_def))
            found.append(fill(argument.where, row, value))
        elif argument.otherwise:
            found.append(fill(argument.otherwise, row))
    return found


def page_conditions(
    page: PageAsk, order: Sequence[OrderKey], types: Sequence[str], place: Place, row: str
) -> list[str]:
    """Write what rows between the cursors fulfil."""
    found = []
    for end in ("after", "before"):
        if getattr(page, end) is not None:
            places = [place((end, number), cast) for number, cast in enumerate(types)]
            found.append(beyond_sql(order, row, places, before=end == "before"))
    return found


def where(found: Sequence[str]) -> str:
    """Write a WHERE clause, if there is any condition."""
    return f" where {' and '.join(f'({one})' for one in found)}" if found else ""
