"""What a feature declares about a type that is stored: where its rows lie, and how others are reached.

A declaration stands beside the GraphQL type: `@stored(Table(...))` above the class, `read(...)` in the place
of `strawberry.field` where a field is more than the column of its own name. SQL is given as a template:
`{row}` is the row that is told, `{value}` the value of an argument; a brace of SQL's own is doubled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, TypeAlias, TypeVar
from uuid import UUID

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from api.relay import DEFAULT_PAGE, MAX_PAGE

STORED = "__stored__"
READ = "pourplan.read"

EXPECTED_ROWS = DEFAULT_PAGE
"""How long a list without pages is taken to be when the cost of a query is estimated."""

# ---------------------------------------------------------------- where rows lie


@dataclass(frozen=True, slots=True)
class Table:
    """A type whose values are rows of a table.

    Attributes
    ----------
    name
        The table.
    key
        Its column, of type uuid, by which a single row is read; its value is in the node's id.
    where
        Condition that all rows of the type fulfil.
    """

    name: str
    key: str = "id"
    where: str | None = None


@dataclass(frozen=True, slots=True)
class Kinds:
    """An interface over rows of one table, of which a column tells the type.

    Attributes
    ----------
    by
        The column.
    types
        Name of the GraphQL type by the column's value; rows with other values are not told.
    """

    name: str
    by: str
    types: Mapping[str, str]
    key: str = "id"


@dataclass(frozen=True, slots=True)
class Owned:
    """A type whose values are made of columns of the row that they belong to."""


@dataclass(frozen=True, slots=True)
class Document:
    """A type whose values are JSON objects in a column, with the fields' names in snake_case as keys."""


Source: TypeAlias = Table | Kinds | Owned | Document

# ---------------------------------------------------------------- arguments and orders


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument that filters.

    Attributes
    ----------
    name
        As the schema shows it.
    type
        Its Python type; one that may be None is optional.
    where
        Condition on the rows, with `{row}` and `{value}`.
    otherwise
        Condition where the argument is missing or null; unless told, all rows are meant.
    of
        For an id: names of the types whose it may be.
    """

    name: str
    type: Any
    description: str
    where: str
    otherwise: str | None = None
    of: tuple[str, ...] = ()

    @property
    def is_optional(self) -> bool:
        """Whether it may be left out."""
        return type(None) in getattr(self.type, "__args__", ())


@dataclass(frozen=True, slots=True)
class OrderKey:
    """A column, never null, by which a connection is ordered."""

    column: str
    type: type[int | str | UUID | date | datetime]
    descending: bool = False


def rising(column: str, type_: type[int | str | UUID | date | datetime]) -> OrderKey:
    """Order by a column, the smallest first."""
    return OrderKey(column, type_)


def falling(column: str, type_: type[int | str | UUID | date | datetime]) -> OrderKey:
    """Order by a column, the greatest first."""
    return OrderKey(column, type_, descending=True)


Check: TypeAlias = Callable[[Mapping[str, Any]], None]
"""Looks at coerced arguments, and raises a GraphQLError where they make no sense together."""

# ---------------------------------------------------------------- how a field is read


@dataclass(frozen=True, slots=True)
class Column:
    """A value computed in SQL from the row."""

    sql: str


@dataclass(frozen=True, slots=True)
class Inside:
    """An object of a type that is `Owned`: made of columns of the same row; null unless `when`."""

    when: str


@dataclass(frozen=True, slots=True)
class Json:
    """An object of a type that is a `Document`, from a column of jsonb; null where that is null."""

    sql: str


@dataclass(frozen=True, slots=True)
class One:
    """The row whose `there` equals this row's `here`: one at most."""

    here: str
    there: str = "id"


@dataclass(frozen=True, slots=True)
class Many:
    """All rows whose `there` equals this row's `here`; at the root, where both are missing, all rows.

    Attributes
    ----------
    order
        What stands after ORDER BY, a total order.
    where
        Condition on the rows.
    expected
        How many rows one list is taken to have when the cost of a query is estimated.
    """

    order: str
    here: str | None = None
    there: str | None = None
    where: str | None = None
    arguments: tuple[Argument, ...] = ()
    check: Check | None = None
    expected: int = EXPECTED_ROWS


@dataclass(frozen=True, slots=True)
class Page:
    """A connection over the same rows as `Many`; ties in its order are broken by the key of the table."""

    order: tuple[OrderKey, ...]
    here: str | None = None
    there: str | None = None
    where: str | None = None
    arguments: tuple[Argument, ...] = ()
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class First:
    """The first row that fulfils all conditions, at the root; null where there is none."""

    order: str | None = None
    where: str | None = None
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyNode:
    """Whatever has this id (`node`), or each of these ids (`nodes`)."""

    many: bool = False


Reading: TypeAlias = Column | Inside | Json | One | Many | Page | First | AnyNode
Relation: TypeAlias = One | Many | Page | First | AnyNode
"""What leads to other rows, and costs a statement the normal way."""

Shown = TypeVar("Shown", bound=type)


def stored(source: Source) -> Callable[[Shown], Shown]:
    """Declare where the values of a GraphQL type lie."""

    def declare(cls: Shown) -> Shown:
        setattr(cls, STORED, source)
        return cls

    return declare


def read(how: Reading, *, description: str, name: str | None = None) -> Any:
    """Declare a field that is read so."""
    field = strawberry.field(description=description, name=name, metadata={READ: how})
    if not isinstance(field, StrawberryField):
        raise TypeError("strawberry.field without a resolver makes a field")
    field.arguments = _arguments(how)
    return field


FIRST = f"How many at most, from the beginning; {DEFAULT_PAGE} unless told, {MAX_PAGE} at most."
LAST = f"How many at most, from the end; {MAX_PAGE} at most. Either this or `first`."
PAGING: tuple[tuple[Literal["first", "after", "last", "before"], Any, str], ...] = (
    ("first", int | None, FIRST),
    ("after", str | None, "Only what comes after this cursor."),
    ("last", int | None, LAST),
    ("before", str | None, "Only what comes before this cursor."),
)


def _arguments(how: Reading) -> list[StrawberryArgument]:
    told = [
        _argument(one.name, one.type, one.description, is_optional=one.is_optional)
        for one in getattr(how, "arguments", ())
    ]
    if isinstance(how, Page):
        told += [_argument(name, type_, text, is_optional=True) for name, type_, text in PAGING]
    if isinstance(how, AnyNode):
        told.append(_node_argument(many=how.many))
    return told


def _node_argument(*, many: bool) -> StrawberryArgument:
    if many:
        return _argument("ids", list[strawberry.ID], f"Their ids, {MAX_PAGE} at most.", is_optional=False)
    return _argument("id", strawberry.ID, "Its id, as a query answered it.", is_optional=False)


def _argument(name: str, type_: Any, description: str, *, is_optional: bool) -> StrawberryArgument:
    required: dict[str, Any] = {"default": None} if is_optional else {}
    return StrawberryArgument(
        python_name=name,
        graphql_name=name,
        type_annotation=StrawberryAnnotation(type_),
        description=description,
        **required,
    )
