"""Worker processes that a test holds at a step, and kills."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from tests.solver_jobs.shop import Shop, eventually

PAUSED_WORKER = Path(__file__).parent / "paused_worker.py"


def paused_program(step: str, folder: Path) -> tuple[str, ...]:
    """The worker's program, of which the first process waits at a step; the run's id is to be added."""
    folder.mkdir(parents=True, exist_ok=True)
    return (sys.executable, "-P", str(PAUSED_WORKER), step, str(folder))


async def paused(folder: Path) -> int:
    """Wait until a worker waits at its step; its process id."""

    async def look() -> int | None:
        path = folder / "paused"
        return int(path.read_text()) if path.exists() else None

    return int(await eventually(look, "a worker to come to its step"))


def go(folder: Path) -> None:
    (folder / "go").touch()


def worker_environment(shop: Shop, url: str | None = None, lease_seconds: int = 60) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_JOBS_URL": url or shop.database.jobs_url,
        "POURPLAN_LEASE_SECONDS": str(lease_seconds),
        "POURPLAN_LOG_FORMAT": "json",
    }


class Worker:
    """A process that nobody watches but the test."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log = ""

    async def ended(self, seconds: float = 30) -> int:
        """Wait for its end; its exit code."""
        _, err = await asyncio.wait_for(self.process.communicate(), seconds)
        self.log += err.decode()
        assert self.process.returncode is not None
        return self.process.returncode

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@asynccontextmanager
async def started(
    environment: dict[str, str], run_id: UUID | str, *, step: str = "none", folder: Path = Path("none")
) -> AsyncIterator[Worker]:
    """A worker process of the real program; held at a step when one is named."""
    program = (sys.executable, "-P", "-m", "solver_jobs") if step == "none" else paused_program(step, folder)
    process = await asyncio.create_subprocess_exec(
        *program, str(run_id), env=environment, stderr=asyncio.subprocess.PIPE, start_new_session=True
    )
    worker = Worker(process)
    try:
        yield worker
    finally:
        if process.returncode is None:
            process.kill()
            await worker.ended()
