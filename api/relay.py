"""What all features share of the GraphQL conventions: node ids, connections, user errors."""

from __future__ import annotations

import base64
import binascii
import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Generic, TypeVar
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry.types.enum import StrawberryEnumDefinition

from api.wording import one_line

DEFAULT_PAGE = 50
MAX_PAGE = 1_000
LONGEST_NAME = 200
_LONGEST_SHOWN = 80
"""Characters of a wrong id that are shown."""

NodeType = TypeVar("NodeType")


class UserMistake(Exception):
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


def is_storable(text: str) -> bool:
    """Whether Postgres can hold this text: no zero character, no half of a surrogate pair."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)


def length_of(text: str) -> str:
    """Say how long a text is, or that it can't be stored."""
    return f"has {len(text)} characters" if is_storable(text) else "holds a character that can't be stored"


def checked_name(asked: str, path: Sequence[str], hint: str) -> str:
    """Read the name that people give a thing, on one line.

    Raises
    ------
    UserMistake
        `NAME_INVALID`
    """
    name = one_line(asked)
    if not name or len(name) > LONGEST_NAME or not is_storable(name) or _is_controlling(name):
        controls = is_storable(name) and _is_controlling(name)
        raise UserMistake(
            "NAME_INVALID",
            f"The name {'holds a control character' if controls else length_of(name)}; expected 1 to "
            f"{LONGEST_NAME} characters that can be stored and seen.",
            path=path,
            hint=hint,
        )
    return name


def _is_controlling(text: str) -> bool:
    return any(unicodedata.category(character) == "Cc" for character in text)


def bad_request(message: str, code: str = "BAD_USER_INPUT", **extensions: Any) -> GraphQLError:
    """Make the error for a caller's programming mistake."""
    return GraphQLError(message, extensions={"code": code, **extensions})


EnumClass = TypeVar("EnumClass", bound=type[Enum])


def described_enum(
    description: str, members: Mapping[str, str], *, name: str | None = None
) -> Callable[[EnumClass], EnumClass]:
    """Make a plain Python enum, wherever it lives, one of the schema, with each member described."""

    def decorate(cls: EnumClass) -> EnumClass:
        strawberry.enum(cls, name=name, description=description)
        definition: StrawberryEnumDefinition = cls.__strawberry_definition__  # type: ignore[attr-defined]
        for value in definition.values:
            value.description = members[value.name]
        return cls

    return decorate


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
            f"{_shown(value)} is not an id of Pourplan.",
            hint="Use an id exactly as a query answered it.",
        ) from None


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}...")


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
            "INVALID_ID",
            f"{_shown(value)} is the id of a {type_name[:_LONGEST_SHOWN]}; expected a {expected}.",
            path=path,
            hint=f"Use the id of a {expected}.",
        )
    return key


def asked_key(value: str, *type_names: str, path: Sequence[str] = ("id",)) -> UUID:
    """Decode the id in a query's argument, where a wrong one is the caller's programming mistake.

    Raises
    ------
    GraphQLError
        `INVALID_ID`
    """
    try:
        return key_of(value, *type_names, path=path)
    except UserMistake as mistake:
        raise bad_request(mistake.message, mistake.code, path=list(path), hint=mistake.hint) from None


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
    nodes: list[NodeType] = strawberry.field(description="The page, without cursors.")
    page_info: PageInfo = strawberry.field(description="Where this page lies.")
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="How many there are in all; counted only when asked for.")
    async def total_count(self) -> int:
        """Count the whole list."""
        return await self.count()
