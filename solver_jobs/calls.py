"""What is asked of those who run jobs: worker processes on this machine, or Modal."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


class NotHandedOver(Exception):
    """Whoever runs jobs cannot be reached now, or refused; the message says why."""


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A run that waits.

    Attributes
    ----------
    run_id, kind
        The run, and what is to be solved.
    call_id
        The call that it was handed to, if it was.
    """

    run_id: UUID
    kind: str
    call_id: str | None = None


class Calls(Protocol):
    """Starts, watches and ends calls; a call is one worker's work on one run."""

    async def begin(self, run: QueuedRun) -> str | None:
        """Start a call and give its id; None while there is no room for another one.

        Raises
        ------
        NotHandedOver
            It cannot be started now.
        """

    async def has_ended(self, run: QueuedRun) -> bool:
        """Tell whether the call of a run is surely over; False where that cannot be known now."""

    async def cancel(self, call_id: str) -> None:
        """End the call of a run that was cancelled; what it would write is refused by the database."""

    async def drop(self, call_ids: Collection[str]) -> None:
        """End at once calls that were given up because they said nothing any more."""

    async def close(self) -> None:
        """End what cannot go on without this process."""
