"""The scalars of the schema beside GraphQL's own: months, and instants that must say their offset."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

_MONTH_FORM = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


def parse_month(value: object) -> date:
    """Read "2024-09" as the first day of that month.

    Raises
    ------
    GraphQLError
        It is not a month.
    """
    found = _MONTH_FORM.fullmatch(value) if isinstance(value, str) else None
    if not found or int(found[1]) == 0:
        raise GraphQLError(f'{value!r} is not a month; expected the form "2024-09".')
    return date(int(found[1]), int(found[2]), 1)


def format_month(value: date) -> str:
    """Write a month as "2024-09"."""
    return f"{value:%Y-%m}" if value.year >= 1000 else f"{value.year:04}-{value.month:02}"


def parse_instant(value: object) -> datetime:
    """Read an instant in ISO 8601 that names its offset.

    Raises
    ------
    GraphQLError
        It is no instant, or has no offset: then nobody knows when it is.
    """
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        instant = None
    if instant is None:
        raise GraphQLError(
            f'{value!r} is not an instant; expected ISO 8601, such as "2024-09-02T06:00:00+02:00".'
        )
    if instant.tzinfo is None:
        raise GraphQLError(f'{value!r} has no offset from UTC; expected one, such as "{value}Z".')
    return instant


def format_instant(value: datetime) -> str:
    """Write an instant in UTC, to the microsecond: always the same way, as SQL writes it too."""
    return value.astimezone(UTC).isoformat(timespec="microseconds")


Month = NewType("Month", date)

_MONTH_SCALAR = strawberry.scalar(
    name="Month",
    description='A month, as "2024-09".',
    serialize=format_month,
    parse_value=parse_month,
)
_INSTANT_SCALAR = strawberry.scalar(
    name="DateTime",
    description='An instant in ISO 8601 with its offset from UTC, as "2024-09-02T06:00:00+02:00".',
    serialize=format_instant,
    parse_value=parse_instant,
    specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
)

SCALARS: Mapping[object, ScalarDefinition] = {Month: _MONTH_SCALAR, datetime: _INSTANT_SCALAR}
"""For the schema's configuration: what these Python types are in GraphQL."""
