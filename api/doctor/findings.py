"""What an examination tells: a verdict on one thing, what was found, what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class Verdict(Enum):
    """How something is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    UNCHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    area: str
    verdict: Verdict
    message: str
    """What was found; of what is not checked, why."""
    todo: str | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether something has to be mended."""
        return self.verdict is Verdict.WRONG


Findings: TypeAlias = AsyncIterator[Finding]


@dataclass(frozen=True, slots=True)
class Area:
    """What the findings of one module are about."""

    name: str

    def ok(self, message: str) -> Finding:
        """Tell that something is as it must be."""
        return Finding(self.name, Verdict.OK, message)

    def warning(self, message: str, todo: str) -> Finding:
        """Tell what works, and should be better."""
        return Finding(self.name, Verdict.WARNING, message, todo)

    def wrong(self, message: str, todo: str) -> Finding:
        """Tell what has to be mended."""
        return Finding(self.name, Verdict.WRONG, message, todo)

    def unchecked(self, reason: str) -> Finding:
        """Tell why something can't be told, or needs no check."""
        return Finding(self.name, Verdict.UNCHECKED, reason)


def listed(names: list[str], most: int = 6) -> str:
    """Name a few of many."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
