"""The real worker process, of which the first that comes to a step waits there.

    python paused_worker.py STEP FOLDER [RUN_ID]

It writes its process id to FOLDER/paused and goes on once there is a FOLDER/go; all others pass. With the
step `stubborn`, the solver waits like in `solving` and does not listen to its stop signal; with `improving`,
the search of a replan waits once it has a plan.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from solver_jobs import __main__ as program
from solver_jobs import environment, kinds
from solver_jobs.errors import JobError
from solver_jobs.kinds import Kind, Listener, StopSignal
from solver_jobs.store import Claim, DirectStore

STEPS = ("before_claim", "after_claim", "solving", "before_finish", "in_finish", "after_finish")
HELD: dict[str, Path] = {}
"""Where the process that is held at a step tells it."""


def first_at(step: str) -> bool:
    folder = HELD.get(step)
    if folder is None:
        return False
    try:
        descriptor = os.open(folder / "first", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        return False
    os.close(descriptor)
    (folder / "new").write_text(str(os.getpid()))
    (folder / "new").rename(folder / "paused")
    return True


def may_go() -> bool:
    return any((folder / "go").exists() for folder in HELD.values())


async def pause(step: str) -> None:
    if first_at(step):
        while not may_go():
            await asyncio.sleep(0.02)


class PausingStore(DirectStore):
    async def claim(self, run_id: UUID) -> Claim | None:
        await pause("before_claim")
        claim = await super().claim(run_id)
        await pause("after_claim")
        return claim

    async def finish(self, claim: Claim, result: Mapping[str, Any]) -> None:
        await pause("before_finish")
        first_at("in_finish")  # the test holds a lock that stops the transaction half-way
        await super().finish(claim, result)
        await pause("after_finish")

    async def fail(self, claim: Claim, error: JobError) -> None:
        await pause("before_finish")
        await super().fail(claim, error)


def pausing(real_kind: Callable[[int], Kind[Any, Any]]) -> Callable[[int], Kind[Any, Any]]:
    """The same kind, whose first solve can be held."""

    def kind(threads: int) -> Kind[Any, Any]:
        real = real_kind(threads)

        def solve(problem: Any, *, stop: StopSignal, progress: Listener) -> Any:
            if first_at("solving"):
                progress("waiting", 50.0, best_objective=7.0)
                while not may_go() and not stop.is_set():
                    time.sleep(0.02)
            if first_at("stubborn"):
                while not may_go():
                    time.sleep(0.02)
            if first_at("out_of_memory"):
                raise MemoryError
            if first_at("broken"):
                raise RuntimeError("a secret of the solver")
            return real.solve(problem, stop=stop, progress=pausing_listener(progress, stop))

        def verify(problem: Any, result: Any) -> list[str]:
            return ["Grade A36 has 3 heats too many."] if first_at("wrong") else real.verify(problem, result)

        return Kind(real.parse, solve, verify)

    return kind


def pausing_listener(progress: Listener, stop: StopSignal) -> Listener:
    """Hear like `progress`, and hold a search that has a plan."""

    def hear(
        phase: str, percent: float, best_objective: float | None = None, best_bound: float | None = None
    ) -> None:
        progress(phase, percent, best_objective, best_bound)
        if best_objective is not None and first_at("improving"):
            while not may_go() and not stop.is_set():
                time.sleep(0.02)

    return hear


def hold(step: str, folder: Path) -> None:
    """Hold the first process that comes to a step."""
    HELD[step] = folder
    environment.__dict__["DirectStore"] = PausingStore
    kinds._KINDS = {name: pausing(kind) for name, kind in kinds._KINDS.items()}


if __name__ == "__main__":
    hold(sys.argv[1], Path(sys.argv[2]))
    sys.exit(program.main(sys.argv[3:]))
