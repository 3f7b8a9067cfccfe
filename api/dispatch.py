"""Hands a run to Modal, or to a worker process on this machine, and never loses one.

The queue is the database's: the dispatcher keeps no list of its own, so a restart forgets nothing, and
several dispatchers on one database are harmless: the first worker that claims a run has it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import Any, Self
from uuid import UUID

import asyncpg
import structlog

from api.local_workers import WORKER, LocalWorkers
from api.modal_calls import modal_calls
from api.settings import Settings
from solver_jobs.calls import Calls, QueuedRun
from solver_jobs.handing_over import HandingOver
from solver_jobs.queue import DirectQueue

_CONNECTIONS = 3
_STATEMENT_SECONDS = 30
_CLOSE_SECONDS = 5

CALL = "select run_call($1)"

# What is told of a run whose call ended without a claim.
TELL_UNCLAIMED = "select tell_unclaimed($1, $2)"

STATISTICS = "select kind, status, runs, oldest_seconds from run_statistics()"

log = structlog.get_logger(__name__)


class Dispatcher:
    """Hands over what is queued, oldest first, and brings back what was lost.

    Looks at start-up, whenever a run is handed over or a worker ends, and every `settings.reap_seconds`. A
    run that was handed over already is only handed over again once its call is known to be over.

    Parameters
    ----------
    settings
        Where runs go, how many at once, the lease, the attempts.
    jobs_url
        Postgres as the login ``pourplan_jobs``.
    own_runs_only
        True for a command beside the service: only what it hands over itself is its own to start.
    worker
        The program of a worker process.
    """

    def __init__(
        self,
        settings: Settings,
        jobs_url: str,
        *,
        own_runs_only: bool = False,
        worker: Sequence[str] = WORKER,
    ) -> None:
        self._settings = settings
        self._jobs_url = jobs_url
        self._own: set[UUID] | None = set() if own_runs_only else None
        self._wake = asyncio.Event()
        self._calls: Calls = (
            modal_calls(settings, settings.modal_app)
            if settings.modal_app
            else LocalWorkers(
                settings, jobs_url, self._call_ended, self._wake.set, worker, quiet=own_runs_only
            )
        )
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._pool = await asyncpg.create_pool(
            self._jobs_url,
            min_size=1,
            max_size=_CONNECTIONS,
            command_timeout=_STATEMENT_SECONDS,
            server_settings={"application_name": "pourplan-dispatch", "jit": "off"},
        )
        queue = DirectQueue(self._pool)
        self._handing_over = HandingOver(queue, self._calls, self._settings.max_attempts)
        self._housekeeping = asyncio.create_task(self._keep_house())
        return self

    async def __aexit__(self, *_: object) -> None:
        # Not cancelled, unless it hangs: a worker that is being started must not be forgotten.
        self._closing = True
        self._wake.set()
        await asyncio.wait({self._housekeeping}, timeout=_CLOSE_SECONDS)
        self._housekeeping.cancel()
        await asyncio.gather(self._housekeeping, return_exceptions=True)
        # Workers give their runs back to the queue, which needs the pool.
        await self._calls.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await asyncio.wait_for(self._pool.close(), _CLOSE_SECONDS)
        except TimeoutError:
            self._pool.terminate()

    async def hand_over(self, run_id: UUID) -> None:
        """Take care of a run whose transaction is committed; it stays queued until there is room for it."""
        if self._own is not None:
            self._own.add(run_id)
        self._wake.set()

    def look(self) -> None:
        """Look at the queue soon: there may be room for a run that waits."""
        self._wake.set()

    async def cancel(self, run_id: UUID) -> None:
        """End the work on a run that the database says is cancelled; does not wait for its end."""
        self._in_background(self._cancel(run_id))

    async def statistics(self) -> list[asyncpg.Record]:
        """Count runs: rows of kind, status, runs, oldest_seconds."""
        return list(await self._pool.fetch(STATISTICS))

    # ------------------------------------------------------------------ housekeeping

    async def _keep_house(self) -> None:
        loop = asyncio.get_running_loop()
        next_look = loop.time()
        while not self._closing:
            thorough = loop.time() >= next_look
            if thorough:
                next_look = loop.time() + self._settings.reap_seconds
            try:
                waiting = await self._handing_over.look()
                await self._handing_over.start(waiting, thorough=thorough, may_start=self._may_start)
            except Exception as error:
                # Whatever it is, the runs stay where they are, and the next look may find it mended.
                log.warning("housekeeping_failed", reason=f"{type(error).__name__}: {error}")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), next_look - loop.time())
            self._wake.clear()

    def _may_start(self, run: QueuedRun) -> bool:
        return not self._closing and (self._own is None or run.run_id in self._own)

    async def _call_ended(self, call_id: str, died_of: str | None) -> None:
        """Queue again at once what a worker left unfinished; should that fail, its lease will run out."""
        try:
            await self._handing_over.look([call_id])
            if died_of is not None:
                await self._pool.execute(TELL_UNCLAIMED, call_id, died_of)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("reaping_failed", call=call_id, reason=f"{type(error).__name__}: {error}")
        self._wake.set()

    async def _cancel(self, run_id: UUID) -> None:
        try:
            call_id = await self._pool.fetchval(CALL, run_id)
            if call_id is not None:
                await self._calls.cancel(call_id)
        except Exception as error:
            log.warning("cancel_failed", run=str(run_id), reason=f"{type(error).__name__}: {error}")

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
