"""Runs as worker processes on this machine, each its own: no solver takes the service along.

It knows processes and no database: what a worker's end means is its listener's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psutil
import structlog

from api.last_words import pass_on
from api.settings import Settings
from api.worker_slots import WorkerSlots
from solver_jobs.calls import NotHandedOver, QueuedRun

WORKER = (sys.executable, "-P", "-m", "solver_jobs")
"""The worker's program, to which the run's id is added; -P keeps the working folder off the import path."""
GRACE_SECONDS = 5.0
"""What a worker has for an orderly end."""
ROOM_SECONDS = 0.25
"""Between two looks for a place that somebody else's worker holds."""
_HANDED_DOWN = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT", "PGSSLROOTCERT")
_HANDED_DOWN_PREFIXES = ("NUMBA_",)
_FIRST_TO_GO = "500"  # from -1000 (never) to 1000: among all processes, what the system ends to get memory

log = structlog.get_logger(__name__)

Ended = Callable[[str, str | None], Awaitable[None]]
"""Told the id of a call that is over, and what it died of if it did."""
Room = Callable[[], None]
"""Told that there is a place again."""


@dataclass(eq=False)
class _Worker:
    call_id: str
    run_id: UUID
    process: asyncio.subprocess.Process
    last_words: asyncio.Task[str] | None = None
    dismissed: bool = False
    watch: asyncio.Task[None] = field(init=False)


class LocalWorkers:
    """At most `settings.workers` processes at once, on the whole machine.

    A call's id is ``local:<instance>:<process id>``, the instance being this object.

    Parameters
    ----------
    settings
        How many, how long the lease, where the data folder is.
    jobs_url
        Postgres as the login of the workers.
    ended
        Heard whenever a worker is over, however it ended.
    room
        Heard when a place is free again that a worker of another dispatcher held.
    program
        The worker.
    quiet
        Whether workers log only what went wrong, for commands whose terminal is somebody's.
    """

    def __init__(
        self,
        settings: Settings,
        jobs_url: str,
        ended: Ended,
        room: Room,
        program: Sequence[str] = WORKER,
        *,
        quiet: bool = False,
    ) -> None:
        self.instance = uuid.uuid4().hex
        self._ended = ended
        self._room = room
        self._look_for_room: asyncio.Task[None] | None = None
        self._program = program
        self._slots = WorkerSlots(settings.data, settings.workers)
        self._environment = worker_environment(settings, jobs_url, self.instance, quiet=quiet)
        self._workers: dict[str, _Worker] = {}
        self._stumbled: set[UUID] = set()

    async def begin(self, run: QueuedRun) -> str | None:
        """Start a worker; None while all places are taken, after which `ended` or `room` is told."""
        for worker in self._workers.values():
            if worker.run_id == run.run_id and not worker.dismissed:
                return worker.call_id
        try:
            slot = self._slots.take()
            if slot is None:
                self._wait_for_room()
                return None
            try:
                process = await self._spawn(run.run_id, slot)
            finally:
                os.close(slot)
        except OSError as error:
            raise NotHandedOver(f"A worker process could not be started: {error}") from error
        heard = asyncio.create_task(pass_on(process.stderr)) if process.stderr else None
        worker = _Worker(f"local:{self.instance}:{process.pid}", run.run_id, process, heard)
        self._workers[worker.call_id] = worker
        worker.watch = asyncio.create_task(self._watch(worker))
        return worker.call_id

    async def has_ended(self, run: QueuedRun) -> bool:
        """Tell whether no process of this machine works on the run under the call's id."""
        if run.call_id in self._workers:
            return False
        pid = (run.call_id or "").rpartition(":")[2]
        if not (run.call_id or "").startswith("local:") or not pid.isdigit():
            return True
        # Another dispatcher's: a command beside the service, or a service before this one.
        try:
            return str(run.run_id) not in psutil.Process(int(pid)).cmdline()
        except psutil.Error:
            return True

    async def cancel(self, call_id: str) -> None:
        """End a worker in order; one that is not ours hears it from the database with its next beat."""
        if call_id in self._workers:
            await self._dismiss([self._workers[call_id]])

    async def drop(self, call_ids: Collection[str]) -> None:
        """Kill workers that said nothing for a whole lease."""
        for worker in [self._workers[call_id] for call_id in call_ids if call_id in self._workers]:
            worker.dismissed = True
            with contextlib.suppress(ProcessLookupError):
                worker.process.kill()

    async def close(self) -> None:
        """End all workers; whoever does not within the time of grace is killed."""
        if self._look_for_room is not None:
            self._look_for_room.cancel()
        workers = list(self._workers.values())
        await self._dismiss(workers)
        await asyncio.gather(*(worker.watch for worker in workers), return_exceptions=True)

    # ------------------------------------------------------------------ one worker

    async def _spawn(self, run_id: UUID, slot: int) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *self._program,
            str(run_id),
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            # Only where a worker died before: others may outlive the service, whose end would break the pipe.
            stderr=asyncio.subprocess.PIPE if run_id in self._stumbled else None,
            # A terminal's Ctrl-C is for the service, which then ends its workers in order.
            start_new_session=True,
            pass_fds=() if sys.platform == "win32" else (slot,),
        )
        with contextlib.suppress(OSError):
            Path(f"/proc/{process.pid}/oom_score_adj").write_text(_FIRST_TO_GO)
        return process

    def _wait_for_room(self) -> None:
        """See to it that a free place is noticed; of places that our own workers hold, their end tells."""
        looking = self._look_for_room is not None and not self._look_for_room.done()
        if len(self._workers) < self._slots.count and not looking:
            self._look_for_room = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while (slot := self._slots.take()) is None:
            await asyncio.sleep(ROOM_SECONDS)
        os.close(slot)
        self._room()

    async def _watch(self, worker: _Worker) -> None:
        code = await worker.process.wait()
        del self._workers[worker.call_id]
        died = code != 0 and not worker.dismissed
        if died:
            log.error("worker_died", run=str(worker.run_id), call=worker.call_id, exit_code=code)
            self._stumbled.add(worker.run_id)
        else:
            self._stumbled.discard(worker.run_id)
        said = await _heard(worker) if died else ""
        await self._ended(worker.call_id, (said or f"exit code {code}") if died else None)

    async def _dismiss(self, leaving: Sequence[_Worker]) -> None:
        if not leaving:
            return
        for worker in leaving:
            worker.dismissed = True
            with contextlib.suppress(ProcessLookupError):
                worker.process.terminate()
        _, staying = await asyncio.wait([worker.watch for worker in leaving], timeout=GRACE_SECONDS)
        for worker in leaving:
            if worker.watch in staying:
                with contextlib.suppress(ProcessLookupError):
                    worker.process.kill()


async def _heard(worker: _Worker) -> str:
    """Give the last words of a worker; a process that it left behind may hold the pipe open."""
    if worker.last_words is None:
        return ""
    try:
        return await asyncio.wait_for(worker.last_words, GRACE_SECONDS)
    except (TimeoutError, OSError):
        return ""


def worker_environment(settings: Settings, jobs_url: str, instance: str, *, quiet: bool) -> Mapping[str, str]:
    """Give what a worker needs and nothing else: no secret of the service reaches a solver."""
    handed_down = {
        name: value
        for name, value in os.environ.items()
        if name in _HANDED_DOWN or name.startswith(_HANDED_DOWN_PREFIXES)
    }
    return handed_down | {
        "DATABASE_JOBS_URL": jobs_url,
        "POURPLAN_INSTANCE": instance,
        "POURPLAN_LEASE_SECONDS": str(settings.lease_seconds),
        "POURPLAN_MAX_ATTEMPTS": str(settings.max_attempts),
        "POURPLAN_SOLVER_THREADS": str(settings.solver_threads),
        "POURPLAN_LOG_FORMAT": settings.log_format,
        "POURPLAN_LOG_LEVEL": "warning" if quiet and settings.log_level == "info" else settings.log_level,
    }
