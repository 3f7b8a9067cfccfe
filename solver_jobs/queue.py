"""The queue of runs as those see it who hand them over, whichever door they take.

Each operation is one SQL function of `supabase/migrations`; what stands there alone decides. `DirectQueue` is
Postgres, `RpcQueue` is HTTP.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self
from uuid import UUID

from solver_jobs.calls import QueuedRun

if TYPE_CHECKING:
    from solver_jobs.rpc import Rpc

# Brings back what was lost, then lists all that waits.
WAITING = "select lost, run_id, kind, status, call_id from waiting_runs($1, $2)"

# Holds a run while it is handed over, if it still has the call that was seen.
RESERVE = "select reserve_run($1, $2)"

# Notes the call, and ends the reservation.
RECORD = "select record_dispatch($1, $2, $3)"

# Records which scenarios are to be replanned because their Monday morning has come.
WISH_MONDAYS = "select wish_mondays()"


@dataclass(frozen=True, slots=True)
class LostRun:
    """A run that its worker left unfinished.

    Attributes
    ----------
    run_id
        The run.
    status
        ``QUEUED`` again, or ``FAILED`` after the last attempt.
    call_id
        The call that held it.
    """

    run_id: UUID
    status: str
    call_id: str | None


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the queue found: what was lost and is brought back, and all that waits, in order."""

    lost: tuple[LostRun, ...]
    waiting: tuple[QueuedRun, ...]

    @classmethod
    def read(cls, rows: Sequence[Mapping[str, Any]]) -> Self:
        """Read what `waiting_runs` answers."""
        return cls(
            tuple(LostRun(_id(row), row["status"], row["call_id"]) for row in rows if row["lost"]),
            tuple(QueuedRun(_id(row), row["kind"], row["call_id"]) for row in rows if not row["lost"]),
        )


class RunQueue(Protocol):
    """The four operations."""

    async def look(self, max_attempts: int, ended_calls: Collection[str] = ()) -> Look:
        """Bring back what was lost, by its expired lease or because its call has ended; list what waits."""

    async def reserve(self, run: QueuedRun) -> UUID | None:
        """Hold a run for a moment, so that nobody else hands it over; None where somebody else does."""

    async def record(self, run: QueuedRun, call_id: str | None, reservation: UUID) -> None:
        """Note the call that took the run, if one did, and hold it no longer."""

    async def wish_mondays(self) -> int:
        """Record each scenario whose Monday morning has come, once; how many are new."""


class Executes(Protocol):
    """What runs statements: a connection or a pool of asyncpg."""

    async def fetch(self, query: str, *arguments: object) -> list[Any]:
        """Give all rows."""

    async def fetchval(self, query: str, *arguments: object) -> Any:
        """Give the first value."""

    async def execute(self, query: str, *arguments: object) -> str:
        """Run it."""


class DirectQueue:
    """The queue in Postgres, as the login ``pourplan_jobs``."""

    def __init__(self, database: Executes) -> None:
        self._database = database

    async def look(self, max_attempts: int, ended_calls: Collection[str] = ()) -> Look:
        """Bring back and list; see `RunQueue.look`."""
        return Look.read(await self._database.fetch(WAITING, max_attempts, list(ended_calls)))

    async def reserve(self, run: QueuedRun) -> UUID | None:
        """Hold a run; see `RunQueue.reserve`."""
        reservation: UUID | None = await self._database.fetchval(RESERVE, run.run_id, run.call_id)
        return reservation

    async def record(self, run: QueuedRun, call_id: str | None, reservation: UUID) -> None:
        """Note the call; see `RunQueue.record`."""
        await self._database.execute(RECORD, run.run_id, call_id, reservation)

    async def wish_mondays(self) -> int:
        """Record Mondays; see `RunQueue.wish_mondays`."""
        return int(await self._database.fetchval(WISH_MONDAYS))


class RpcQueue:
    """The queue through Supabase's REST, with the project's secret key."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    async def look(self, max_attempts: int, ended_calls: Collection[str] = ()) -> Look:
        """Bring back and list; see `RunQueue.look`."""
        given = {"p_max_attempts": max_attempts, "p_ended_calls": list(ended_calls)}
        return Look.read(await self._rpc.call("waiting_runs", **given))

    async def reserve(self, run: QueuedRun) -> UUID | None:
        """Hold a run; see `RunQueue.reserve`."""
        answer = await self._rpc.call("reserve_run", p_run_id=str(run.run_id), p_call_id=run.call_id)
        return None if answer is None else UUID(answer)

    async def record(self, run: QueuedRun, call_id: str | None, reservation: UUID) -> None:
        """Note the call; see `RunQueue.record`."""
        await self._rpc.call(
            "record_dispatch",
            p_run_id=str(run.run_id),
            p_call_id=call_id,
            p_reservation=str(reservation),
        )

    async def wish_mondays(self) -> int:
        """Record Mondays; see `RunQueue.wish_mondays`."""
        return int(await self._rpc.call("wish_mondays"))


def _id(row: Mapping[str, Any]) -> UUID:
    return UUID(str(row["run_id"]))
