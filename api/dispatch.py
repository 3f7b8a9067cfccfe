"""Hands a run to Modal, or to a worker process on this machine, and never loses one.

The queue is the database's: the dispatcher keeps no list of its own, so a restart forgets nothing, and
several dispatchers on one database are harmless: the first worker that claims a run has it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Coroutine, Sequence
from typing import Any, Self
from uuid import UUID

import asyncpg
import structlog

from api.calls import Calls, NotHandedOver, QueuedRun
from api.local_workers import WORKER, LocalWorkers
from api.modal_calls import ModalCalls
from api.settings import Settings

_CONNECTIONS = 3
_STATEMENT_SECONDS = 30
_CLOSE_SECONDS = 5

# Runs that wait, oldest first.
QUEUED = "select run_id, kind, call_id from queued_runs()"

# Queue again what was lost: by its expired lease, or because its call is known to be over.
REAP = "select run_id, status, call_id from reap_runs($1, $2)"

RECORD = "select record_dispatch($1, $2)"

CALL = "select run_call($1)"

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
            ModalCalls(settings.modal_app)
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
                if thorough:
                    await self._reap()
                await self._hand_over_queued(thorough=thorough)
            except Exception as error:
                # Whatever it is, the runs stay where they are, and the next look may find it mended.
                log.warning("housekeeping_failed", reason=f"{type(error).__name__}: {error}")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), next_look - loop.time())
            self._wake.clear()

    async def _hand_over_queued(self, *, thorough: bool) -> None:
        """Start what waits, in its order, as far as there is room.

        A run that has a call is looked at only now and then: a worker that dies before it claims its run,
        because the database does not let it in, must not be started in a circle.
        """
        for row in await self._pool.fetch(QUEUED):
            run = QueuedRun(row["run_id"], row["kind"], row["call_id"])
            if self._closing:
                break
            if self._own is not None and run.run_id not in self._own:
                continue
            if run.call_id and not (thorough and await self._calls.has_ended(run)):
                continue
            try:
                call_id = await self._calls.begin(run)
            except NotHandedOver as error:
                log.warning("run_not_handed_over", run=str(run.run_id), reason=str(error))
                return
            if call_id is None:
                return
            await self._pool.execute(RECORD, run.run_id, call_id)
            log.info("run_handed_over", run=str(run.run_id), kind=run.kind, call=call_id)

    async def _reap(self, ended_calls: Collection[str] = ()) -> None:
        lost = await self._pool.fetch(REAP, self._settings.max_attempts, list(ended_calls))
        for row in lost:
            log.warning("run_lost", run=str(row["run_id"]), call=row["call_id"], now=row["status"])
        await self._calls.drop({row["call_id"] for row in lost if row["call_id"] not in (None, *ended_calls)})

    async def _call_ended(self, call_id: str) -> None:
        """Queue again at once what a worker left unfinished; should that fail, its lease will run out."""
        try:
            await self._reap([call_id])
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
