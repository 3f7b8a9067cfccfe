"""Where a job reads its problem and writes its result: four operations, whichever door they take.

Each operation is one SQL function of `supabase/migrations`; a door only carries the call. `DirectStore` is a
Postgres connection, `rpc_store.RpcStore` is HTTP. It must not know what a problem means, nor how one is
solved.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, Self
from uuid import UUID

import asyncpg
import orjson

from solver_jobs.errors import JobError

_CONNECT_SECONDS = 10.0

# The run, for whoever asks first: {kind, problem, lease_token, attempt}, or null.
CLAIM = "select claim_run($1, $2, $3, $4)::text"

# Renews the lease; answers {stop}.
PROGRESS = "select progress_run($1, $2, $3, $4, $5, $6, $7)::text"

# All rows of the result, and the run's end, in one transaction.
FINISH = "select finish_run($1, $2, $3::text::jsonb)"

# The run's end without a result.
FAIL = "select fail_run($1, $2, $3, $4, $5, $6)"

_LEASE_LOST = "PT409"
_NOT_FOUND = "PT404"
_SQLSTATE_LENGTH = 5
# Connection, rollback (deadlock), resources, operator intervention (restart, cancelled statement).
_PASSING = ("08", "40", "53", "57")


class LeaseLost(Exception):
    """The run is not this worker's any more: it was cancelled, ended, or given to another worker."""


class StoreUnreachable(Exception):
    """The database cannot be reached now, or is busy restarting; it is worth trying again."""


class RunNotFound(Exception):
    """There is no run with this id."""


class DoorShut(Exception):
    """The key or the token that the worker came with does not open the run; another one may."""


class Stop(Enum):
    """What a planner wants of a job that is under way."""

    CANCEL = "CANCEL"
    """End, and throw away what was found."""
    KEEP_BEST = "KEEP_BEST"
    """End, and keep the best plan so far."""

    @classmethod
    def read(cls, answer: Mapping[str, Any] | None) -> Stop | None:
        """Read what `progress_run` answers."""
        stop = (answer or {}).get("stop")
        return cls(stop) if stop else None


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that is this worker's, as long as it renews the lease.

    Attributes
    ----------
    run_id
        The run.
    kind
        What is to be solved: ``FORECAST``, ``REPLAN`` or ``ALLOCATION``.
    problem
        The problem in its JSON form, as it was stored.
    lease_token
        Proves that the run is this worker's; never shown to anybody.
    attempt
        How often the run was claimed, this time included.
    """

    run_id: UUID
    kind: str
    problem: object
    lease_token: UUID = field(repr=False)
    attempt: int

    @classmethod
    def read(cls, run_id: UUID, answer: Mapping[str, Any]) -> Self:
        """Read what `claim_run` answers."""
        return cls(
            run_id=run_id,
            kind=answer["kind"],
            problem=answer["problem"],
            lease_token=UUID(answer["lease_token"]),
            attempt=answer["attempt"],
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: the phase's name, percent done (0 to 100), objective and bound of the best plan."""

    phase: str
    percent: float
    best_objective: float | None = None
    best_bound: float | None = None

    def bounded(self) -> Progress:
        """Give the same in what the database takes: a percentage from 0 to 100, and finite numbers."""
        return Progress(
            self.phase,
            min(max(self.percent, 0.0), 100.0) if math.isfinite(self.percent) else 0.0,
            _finite(self.best_objective),
            _finite(self.best_bound),
        )


class RunStore(Protocol):
    """The four operations.

    Each may raise `StoreUnreachable`, and can then be repeated: what was done is not done twice. All but
    `claim` raise `LeaseLost` once the run is not this worker's any more.
    """

    async def claim(self, run_id: UUID) -> Claim | None:
        """Take a run that is queued or whose worker was lost; None when there is nothing to do.

        Raises
        ------
        RunNotFound
            There is no such run.
        DoorShut
            What the worker came with does not open it.
        """

    async def progress(self, claim: Claim, progress: Progress) -> Stop | None:
        """Renew the lease, tell how far the job is, and hear whether to stop."""

    async def finish(self, claim: Claim, result: Mapping[str, Any]) -> None:
        """Store a verified result, in its JSON form, and end the run: all or nothing."""

    async def fail(self, claim: Claim, error: JobError) -> None:
        """End the run without a result."""


class DirectStore:
    """The four operations over a Postgres connection, which is made when needed and again when lost.

    Parameters
    ----------
    url
        Postgres, as the login ``pourplan_jobs``.
    call_id
        The worker process or Modal call that this is, for those who may have to end it.
    lease_seconds
        A worker that says nothing for so long is given up.
    max_attempts
        The run fails once it was claimed so often and no worker ended it.
    """

    def __init__(
        self, url: str, *, call_id: str | None = None, lease_seconds: int = 60, max_attempts: int = 3
    ) -> None:
        self._url = url
        self._call_id = call_id
        self._lease_seconds = lease_seconds
        self._max_attempts = max_attempts
        self._connection: asyncpg.Connection | None = None
        self._one_at_a_time = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._connection is not None:
            # A polite goodbye to a database that went away would be waited for.
            self._connection.terminate()
            self._connection = None

    async def claim(self, run_id: UUID) -> Claim | None:
        """Take a run; see `RunStore.claim`."""
        answer = await self._call(CLAIM, run_id, self._lease_seconds, self._max_attempts, self._call_id)
        return None if answer is None else Claim.read(run_id, orjson.loads(answer))

    async def progress(self, claim: Claim, progress: Progress) -> Stop | None:
        """Renew the lease; see `RunStore.progress`."""
        told = progress.bounded()
        answer = await self._call(
            PROGRESS,
            claim.run_id,
            claim.lease_token,
            told.phase,
            told.percent,
            told.best_objective,
            told.best_bound,
            self._lease_seconds,
        )
        return Stop.read(orjson.loads(answer or "null"))

    async def finish(self, claim: Claim, result: Mapping[str, Any]) -> None:
        """Store the result; see `RunStore.finish`."""
        await self._call(FINISH, claim.run_id, claim.lease_token, orjson.dumps(result).decode())

    async def fail(self, claim: Claim, error: JobError) -> None:
        """End without a result; see `RunStore.fail`."""
        await self._call(
            FAIL, claim.run_id, claim.lease_token, error.code, error.message, error.hint, error.details
        )

    async def _call(self, statement: str, *arguments: object) -> str | None:
        async with self._one_at_a_time:
            try:
                connection = await self._connected()
                answer: str | None = await connection.fetchval(
                    statement, *arguments, timeout=self._lease_seconds
                )
            except asyncpg.PostgresError as error:
                if (fact := fact_behind(error.sqlstate or "", str(error))) is None:
                    raise
                raise fact from error
            except asyncpg.InternalClientError as error:
                # The driver lost count while the server hung up: of this connection nothing is to be had.
                if self._connection is not None:
                    self._connection.terminate()
                    self._connection = None
                raise StoreUnreachable(f"{type(error).__name__}: {error}") from error
            except (OSError, TimeoutError, asyncpg.InterfaceError) as error:
                raise StoreUnreachable(f"{type(error).__name__}: {error}") from error
            return answer

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._url,
                timeout=_CONNECT_SECONDS,
                server_settings={"application_name": "pourplan-worker", "jit": "off"},
            )
        return self._connection


def fact_behind(code: str, message: str) -> Exception | None:
    """Name the fact behind an error's SQLSTATE; None for what is none of the worker's facts."""
    if code == _LEASE_LOST:
        return LeaseLost(message)
    if code == _NOT_FOUND:
        return RunNotFound(message)
    if len(code) == _SQLSTATE_LENGTH and code.startswith(_PASSING):
        return StoreUnreachable(f"{code}: {message}")
    return None


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None
