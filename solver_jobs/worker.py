"""One run, start to end: claim, solve, verify, write back.

The solver works in a thread of its own, while the event loop renews the lease, tells progress and hears
whether to stop. It knows the four operations of `store` and no database, and no solver but through `kinds`.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

import structlog
from pydantic import BaseModel, ValidationError

from solver_jobs.errors import JobError
from solver_jobs.faults import describe_faults
from solver_jobs.kinds import Kind, kind_of
from solver_jobs.store import Claim, LeaseLost, Progress, RunNotFound, RunStore, Stop, StoreUnreachable

BEATS_PER_LEASE = 6
"""Signs of life within the time after which a silent worker is given up."""
TELLING_SECONDS = 0.5
"""Least time between two tellings of progress."""
_FIRST_RETRY_SECONDS = 0.1
_LONGEST_RETRY_SECONDS = 5.0
_SHOWN_FAULTS = 20

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")
KindOf = Callable[[str], Kind[Any, Any]]


class Ending(Enum):
    """How a worker ended; what became of the run stands in the database."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The run failed, and says why."""
    CANCELLED = "cancelled"
    NOT_CLAIMED = "not_claimed"
    """There was nothing to do: another worker has the run, or it has ended."""
    GIVEN_UP = "given_up"
    """The run is not this worker's any more; what it found was thrown away."""


class _Lease:
    """Until when the run is surely ours, counted from before each renewal was asked for."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.renew(time.monotonic())

    def renew(self, asked_at: float) -> None:
        self._ends_at = asked_at + self.seconds

    async def persist(self, operation: Callable[[], Awaitable[Answer]]) -> Answer:
        """Repeat an operation while the database is out of reach, as long as the lease lasts.

        Raises
        ------
        StoreUnreachable
            It was out of reach until the lease was over.
        """
        pause = _FIRST_RETRY_SECONDS
        while True:
            try:
                return await operation()
            except StoreUnreachable as error:
                left = self._ends_at - time.monotonic()
                if left <= 0:
                    raise
                log.warning("database_unreachable", reason=str(error), lease_left_seconds=round(left, 1))
                await asyncio.sleep(min(pause, left))
                pause = min(2 * pause, _LONGEST_RETRY_SECONDS)


async def work(run_id: UUID, store: RunStore, *, lease_seconds: float, kinds: KindOf = kind_of) -> Ending:
    """Work on a run, if it is to be had, and see to it that its end is written.

    Parameters
    ----------
    run_id
        The run.
    store
        Where it stands.
    lease_seconds
        The lease that `store` asks for.
    kinds
        What works on which kind of run.

    Raises
    ------
    StoreUnreachable
        Nothing could be written until the lease was over: another worker will do it again.
    RunNotFound
        There is no such run.
    """
    lease = _Lease(lease_seconds)
    asked_at = time.monotonic()

    async def take() -> Claim | None:
        nonlocal asked_at
        asked_at = time.monotonic()
        return await store.claim(run_id)

    claim = await lease.persist(take)
    if claim is None:
        log.info("run_not_claimed", run=str(run_id))
        return Ending.NOT_CLAIMED
    lease.renew(asked_at)
    started = time.monotonic()
    log.info("run_claimed", run=str(run_id), kind=claim.kind, attempt=claim.attempt)
    ending = await _Attempt(store, claim, lease, kinds).run()
    log.info(f"run_{ending.value}", run=str(run_id), seconds=round(time.monotonic() - started, 3))
    return ending


class _Attempt:
    """A claimed run under way."""

    def __init__(self, store: RunStore, claim: Claim, lease: _Lease, kinds: KindOf) -> None:
        self._store = store
        self._claim = claim
        self._lease = lease
        self._kinds = kinds
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._latest = Progress("starting", 0.0)
        self._news = asyncio.Event()
        self._solved = asyncio.Event()

    async def run(self) -> Ending:
        """Solve under the lease, then write."""
        heart = asyncio.create_task(self._beat())
        answer = asyncio.create_task(self._answer())
        try:
            await asyncio.wait({heart, answer}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                self._solved.set()
            if (ended_early := await heart) is not None:
                return ended_early
            return await self._write(await answer)
        finally:
            # A solver that is still at work hears that nobody waits for it any more.
            self._stop.set()
            for task in (heart, answer):
                task.cancel()
            await asyncio.gather(heart, answer, return_exceptions=True)

    # ------------------------------------------------------------------ the solver's thread

    async def _answer(self) -> Mapping[str, Any] | JobError:
        try:
            return await asyncio.to_thread(self._plan)
        except JobError as error:
            return error
        except MemoryError:
            return _out_of_memory(self._claim)
        except Exception as error:
            return _internal(self._claim, error)

    def _plan(self) -> Mapping[str, Any]:
        kind = self._kinds(self._claim.kind)
        try:
            problem: BaseModel = kind.parse(self._claim.problem)
        except ValidationError as error:
            raise _problem_invalid(error) from error
        result: BaseModel = kind.solve(problem, stop=self._stop, progress=self._hear)
        last = self._latest
        self._hear("verifying", max(last.percent, 99.0), last.best_objective, last.best_bound)
        if violations := kind.verify(problem, result):
            raise _plan_invalid(violations)
        return result.model_dump(mode="json")

    def _hear(
        self,
        phase: str,
        percent: float,
        best_objective: float | None = None,
        best_bound: float | None = None,
    ) -> None:
        self._latest = Progress(phase, percent, best_objective, best_bound)
        # The loop is closed once a run was given up whose solver did not end.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._news.set)

    # ------------------------------------------------------------------ the lease

    async def _beat(self) -> Ending | None:
        """Renew the lease and tell the news until the problem is solved, or the run is not ours any more."""
        every = self._lease.seconds / BEATS_PER_LEASE
        at_most = min(TELLING_SECONDS, every)
        while not await _happens(self._solved, within=at_most):
            await _either(self._news, self._solved, within=every - at_most)
            if self._solved.is_set():
                break
            self._news.clear()
            if (ended := await self._renew()) is not None:
                return ended
        return None

    async def _renew(self) -> Ending | None:
        asked_at = time.monotonic()

        async def tell() -> Stop | None:
            nonlocal asked_at
            asked_at = time.monotonic()
            return await self._store.progress(self._claim, self._latest)

        try:
            stop = await self._lease.persist(tell)
        except (LeaseLost, RunNotFound) as error:
            return self._give_up(error)
        self._lease.renew(asked_at)
        if stop is not None:
            self._stop.set()
        return Ending.CANCELLED if stop is Stop.CANCEL else None

    def _give_up(self, error: Exception) -> Ending:
        log.warning("lease_lost", run=str(self._claim.run_id), reason=str(error))
        return Ending.GIVEN_UP

    # ------------------------------------------------------------------ the end

    async def _write(self, answer: Mapping[str, Any] | JobError) -> Ending:
        """Write the run's end; once begun, it is not interrupted."""
        writing = asyncio.ensure_future(self._end_run(answer))
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.gather(writing, return_exceptions=True)
            raise
        except (LeaseLost, RunNotFound) as error:
            return self._give_up(error)

    async def _end_run(self, answer: Mapping[str, Any] | JobError) -> Ending:
        if not isinstance(answer, JobError):
            result = answer
            try:
                await self._lease.persist(lambda: self._store.finish(self._claim, result))
            except (LeaseLost, RunNotFound, StoreUnreachable):
                raise
            except Exception as error:
                # The database refused the result: so it would a second time.
                answer = _internal(self._claim, error)
            else:
                return Ending.SUCCEEDED
        failure = answer
        await self._lease.persist(lambda: self._store.fail(self._claim, failure))
        log.info("run_failure", run=str(self._claim.run_id), code=failure.code, message=failure.message)
        return Ending.FAILED


async def _happens(event: asyncio.Event, *, within: float) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), within)
    return event.is_set()


async def _either(*events: asyncio.Event, within: float) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


# ---------------------------------------------------------------------- what a planner is told


def _problem_invalid(error: ValidationError) -> JobError:
    return JobError(
        "PROBLEM_INVALID",
        "The problem that was stored with the run is not of the form that its job reads.",
        "Start a new run; if that fails too, service and worker are of different versions.",
        describe_faults(error, "the problem", _SHOWN_FAULTS),
    )


def _plan_invalid(violations: list[str]) -> JobError:
    return JobError(
        "PLAN_INVALID",
        "The job found a plan that breaks what it must keep, so it was not stored.",
        "This is a fault of Pourplan: please report it with the run's problem.",
        violations,
    )


def _out_of_memory(claim: Claim) -> JobError:
    log.error("run_out_of_memory", run=str(claim.run_id))
    return JobError(
        "OUT_OF_MEMORY",
        "The job needed more memory than its worker has.",
        "Run it where there is more memory, or plan a smaller part.",
    )


def _internal(claim: Claim, error: Exception) -> JobError:
    reference = secrets.token_hex(4)
    log.error("run_broke", run=str(claim.run_id), reference=reference, exc_info=error)
    return JobError(
        "INTERNAL",
        f"The job ended through a fault of its own, reference {reference}.",
        "The worker's log tells more under that reference; please report it with the run's problem.",
    )
