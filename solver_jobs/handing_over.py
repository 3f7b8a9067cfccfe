"""One look at the queue: what was lost is brought back, what waits is handed to those who run jobs.

The service's dispatcher and the sweep on Modal do the same here, each as often as it likes and both at once:
a run is held in the database while it is handed over, and the first worker that claims it has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable

import structlog

from solver_jobs.calls import Calls, NotHandedOver, QueuedRun
from solver_jobs.queue import RunQueue

ASKED_AT_ONCE = 20
"""Calls that are asked for side by side: a thousand that wait at Modal must not hold up what is new."""

log = structlog.get_logger(__name__)


class HandingOver:
    """Hands over what waits.

    Parameters
    ----------
    queue
        Where runs wait.
    calls
        Who takes them.
    max_attempts
        A run whose workers were lost so often fails.
    """

    def __init__(self, queue: RunQueue, calls: Calls, max_attempts: int) -> None:
        self._queue = queue
        self._calls = calls
        self._max_attempts = max_attempts

    async def look(self, ended_calls: Collection[str] = ()) -> tuple[QueuedRun, ...]:
        """Bring back what was lost, end the calls that lost it, and list what waits."""
        look = await self._queue.look(self._max_attempts, ended_calls)
        for run in look.lost:
            log.warning("run_lost", run=str(run.run_id), call=run.call_id, now=run.status)
        await self._calls.drop({r.call_id for r in look.lost if r.call_id} - set(ended_calls))
        return look.waiting

    async def start(
        self,
        waiting: Iterable[QueuedRun],
        *,
        thorough: bool,
        may_start: Callable[[QueuedRun], bool] = lambda _: True,
    ) -> int:
        """Start what waits, in its order, as far as there is room; how many.

        A run that has a call is looked at only when this is done thoroughly: a worker that dies before it
        claims its run, because the database does not let it in, must not be started in a circle.
        """
        waiting = [run for run in waiting if may_start(run)]
        over = await self._over(waiting) if thorough else frozenset[str]()
        started = 0
        refused: set[str] = set()
        for run in waiting:
            if run.kind in refused or not may_start(run):
                continue
            if run.call_id and run.call_id not in over:
                continue
            reservation = await self._queue.reserve(run)
            if reservation is None:
                continue
            try:
                call_id = await self._calls.begin(run)
            except NotHandedOver as error:
                log.warning("run_not_handed_over", run=str(run.run_id), reason=str(error))
                await self._queue.record(run, None, reservation)
                # A kind that is not deployed keeps the others waiting for nothing.
                refused.add(run.kind)
                continue
            await self._queue.record(run, call_id, reservation)
            if call_id is None:
                break
            started += 1
            log.info("run_handed_over", run=str(run.run_id), kind=run.kind, call=call_id)
        return started

    async def _over(self, runs: Iterable[QueuedRun]) -> frozenset[str]:
        """Ask for the calls of runs; those that are surely over."""
        turns = asyncio.Semaphore(ASKED_AT_ONCE)

        async def ask(run: QueuedRun) -> str | None:
            async with turns:
                return run.call_id if await self._calls.has_ended(run) else None

        told = await asyncio.gather(*(ask(run) for run in runs if run.call_id))
        return frozenset(call_id for call_id in told if call_id)
