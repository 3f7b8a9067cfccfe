"""What all features share of the GraphQL conventions: node ids, connections, user errors."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
import strawberry
from graphql import GraphQLError

DEFAULT_PAGE = 50
MAX_PAGE = 1_000

NodeType = TypeVar("NodeType")


class UserMistake(Exception):  # noqa: N818 - it is data for the user, not a fault
    """A mistake of the user that a mutation answers in `userErrors`.

    Parameters
    ----------
    code
        A stable name for clients, in capitals.
    message
        What was found, and what was expected.
    path
        The input field that it is about, from the outside in.
    hint
        What to do next.
    """

    def __init__(self, code: str, message: str, *, path: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = tuple(path)
        self.hint = hint


@strawberry.type(description="A mistake in what was asked: what it is, where, and what to do.")
class UserError:
    """One entry of a payload's `userErrors`."""

    code: str = strawberry.field(description="Stable name of the mistake, for programs.")
    message: str = strawberry.field(description="What was found and what was expected, for people.")
    path: list[str] = strawberry.field(description="The input field that it is about, from the outside in.")
    hint: str | None = strawberry.field(default=None, description="What to do next.")

    @classmethod
    def of(cls, mistake: UserMistake) -> UserError:
        """Show a mistake as data."""
        return cls(code=mistake.code, message=mistake.message, path=list(mistake.path), hint=mistake.hint)


def bad_request(message: str, code: str = "BAD_USER_INPUT", **extensions: Any) -> GraphQLError:
    """Make the error for a caller's programming mistake."""
    return GraphQLError(message, extensions={"code": code, **extensions})


# ---------------------------------------------------------------- nodes


@strawberry.interface(description="Anything that has an id of its own and can be read by it.")
class Node:
    """Relay's object identification."""

    id: strawberry.ID = strawberry.field(description="Opaque id, unique over all types.")


def node_id(type_name: str, key: UUID | str) -> strawberry.ID:
    """Encode the id of a node; `api/reads` encodes the same way in SQL."""
    return strawberry.ID(base64.b64encode(f"{type_name}:{key}".encode()).decode())


def parse_node_id(value: str) -> tuple[str, UUID]:
    """Decode a node id into its type's name and its key.

    Raises
    ------
    UserMistake
        `INVALID_ID`: it is not one of our ids.
    """
    try:
        type_name, _, key = base64.b64decode(value, validate=True).decode().partition(":")
        return type_name, UUID(key)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise UserMistake(
            "INVALID_ID",
            f"{value!r} is not an id of Pourplan.",
            hint="Use an id exactly as a query answered it.",
        ) from None


def key_of(value: str, *type_names: str, path: Sequence[str] = ()) -> UUID:
    """Decode a node id that must be of one of these types.

    Raises
    ------
    UserMistake
        `INVALID_ID`: it is not one of our ids, or of another type.
    """
    try:
        type_name, key = parse_node_id(value)
    except UserMistake as mistake:
        raise UserMistake(mistake.code, mistake.message, path=path, hint=mistake.hint) from None
    if type_name not in type_names:
        expected = " or ".join(type_names)
        raise UserMistake(
            "INVALID_ID", f"{value!r} is the id of a {type_name}; expected a {expected}.", path=path
        )
    return key


# ---------------------------------------------------------------- connections


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Relay's page information."""

    has_next_page: bool = strawberry.field(description="Whether more follow.")
    has_previous_page: bool = strawberry.field(description="Whether some come before.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first one here.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last one here; hand it to `after`.")


@strawberry.type(description="One of a list, with its place.")
class Edge(Generic[NodeType]):
    """Relay's edge."""

    cursor: str = strawberry.field(description="Its place in the list; hand it to `after`.")
    node: NodeType = strawberry.field(description="The one itself.")


@strawberry.type(description="A page of a list that can grow.")
class Connection(Generic[NodeType]):
    """Relay's connection, with the nodes also told directly."""

    edges: list[Edge[NodeType]] = strawberry.field(description="The page, with cursors.")
    page_info: PageInfo = strawberry.field(description="Where this page lies.")
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="The page, without cursors.")
    def nodes(self) -> list[NodeType]:
        """Tell the nodes without their edges."""
        return [edge.node for edge in self.edges]

    @strawberry.field(description="How many there are in all; counted only when asked for.")
    async def total_count(self) -> int:
        """Count the whole list."""
        return await self.count()


First = Annotated[
    int | None,
    strawberry.argument(description=f"How many at most; {DEFAULT_PAGE} unless told, {MAX_PAGE} at most."),
]
After = Annotated[str | None, strawberry.argument(description="Only what comes after this cursor.")]


def page_size(first: int | None) -> int:
    """Check the size of a page.

    Raises
    ------
    GraphQLError
        `BAD_USER_INPUT`: below zero or above the limit.
    """
    size = DEFAULT_PAGE if first is None else first
    if not 0 <= size <= MAX_PAGE:
        raise bad_request(f"first is {size}; expected 0 to {MAX_PAGE}. Read further pages with after.")
    return size


def encode_cursor(key: Sequence[Any]) -> str:
    """Encode the sort key of a row."""
    return base64.b64encode(orjson.dumps(list(key), default=str)).decode()


def decode_cursor(after: str | None, length: int) -> list[Any] | None:
    """Decode a cursor into the sort key of `length` values that it stands for.

    Raises
    ------
    GraphQLError
        `BAD_USER_INPUT`: it is no cursor of this list.
    """
    if after is None:
        return None
    try:
        key = orjson.loads(base64.b64decode(after, validate=True))
    except (binascii.Error, ValueError):
        key = None
    if not isinstance(key, list) or len(key) != length:
        raise bad_request(f"after is {after!r}; expected a cursor that this list has answered.")
    return key


def connect(
    rows: Sequence[Mapping[str, Any]],
    size: int,
    *,
    build: Callable[[Any], NodeType],
    sort_key: Callable[[Any], Sequence[Any]],
    count: Callable[[], Awaitable[int]],
    after: str | None,
) -> Connection[NodeType]:
    """Make a connection of up to `size` of the rows; one row more than `size` tells that others follow."""
    edges = [Edge(cursor=encode_cursor(sort_key(row)), node=build(row)) for row in rows[:size]]
    return Connection(
        edges=edges,
        page_info=PageInfo(
            has_next_page=len(rows) > size,
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
        count=count,
    )
