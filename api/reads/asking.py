"""What a field answers instead of rows: which rows are asked for.

The executor reads them, knowing what was selected of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast
from uuid import UUID

from api.reads.mapping import First, Many, Page

Shown = TypeVar("Shown")


@dataclass(frozen=True, slots=True)
class ByKey:
    """One row by its key; its type by name."""

    type_name: str
    key: UUID


@dataclass(frozen=True, slots=True)
class ByKeys:
    """Several rows by types and keys, in this order."""

    types: tuple[str, ...]
    keys: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Matching:
    """Rows that fulfil conditions."""

    how: First | Many | Page
    type_name: str
    arguments: Mapping[str, Any]


Wanted: TypeAlias = ByKey | ByKeys | Matching


@dataclass(frozen=True, slots=True)
class Ask:
    """Rows to read, with whatever is selected below."""

    wanted: Wanted


def stored_one(cls: type[Shown], key: UUID) -> Shown:
    """Stand for a stored object in what a mutation or a subscription answers: it is read when it is told.

    By then the transaction that changed it must have been committed.
    """
    return cast("Shown", Ask(ByKey(cls.__name__, key)))
