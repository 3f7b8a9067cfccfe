"""Whether this machine will do: its clock, its disk, and that a worker starts on it."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import time
import uuid
from pathlib import Path

import asyncpg

from api.doctor.findings import Area, Finding, Findings
from api.local_workers import WORKER, worker_environment
from api.settings import Settings

CLOCK, DISK, WORKERS = Area("clock"), Area("disk"), Area("worker")
CLOCK_SECONDS = 2.0
"""By more the leases of runs, which the database counts, and a person's watch disagree visibly."""
LITTLE_BYTES, TOO_LITTLE_BYTES = 2_000_000_000, 300_000_000
_START_SECONDS = 60.0
_SOLVERS = ("ortools", "numba")
_LOOKED_IN_VAIN = 2
"""How a worker ends whose run is not there: it started, got in and asked."""

NOW = "select extract(epoch from clock_timestamp())::float8"


async def check_clock(connection: asyncpg.Connection) -> Findings:
    """Compare this machine's clock with the database's."""
    began = time.time()
    theirs = await connection.fetchval(NOW)
    ended = time.time()
    apart = max(began - theirs, theirs - ended, 0.0)
    if apart > CLOCK_SECONDS:
        yield CLOCK.warning(
            f"It is {apart:.1f} s off the database's.", "Let both machines' clocks be set by NTP."
        )
        return
    yield CLOCK.ok("It agrees with the database's.")


async def check_disk(settings: Settings) -> Findings:
    """Look how much the data folder can still take."""
    folder = settings.data
    while not folder.exists():
        folder = folder.parent
    yield _space(settings.data, shutil.disk_usage(folder).free)


def _space(folder: Path, free: int) -> Finding:
    shown = f"{free / 1e9:.1f} GB are free in {folder}."
    todo = "Make room, or set POURPLAN_DATA to a folder on another disk."
    if free < TOO_LITTLE_BYTES:
        return DISK.wrong(f"Only {shown}", todo)
    return DISK.warning(f"Only {shown}", todo) if free < LITTLE_BYTES else DISK.ok(shown)


async def check_worker(settings: Settings, jobs_url: str) -> Findings:
    """Start a worker for a run that does not exist: it has to look for it, and to end."""
    if settings.modal_app:
        yield WORKERS.unchecked("Runs are worked on at Modal, not on this machine.")
        return
    if missing := [name for name in _SOLVERS if importlib.util.find_spec(name) is None]:
        yield WORKERS.wrong(
            f"The packages {' and '.join(missing)} are not installed: foundries can't be planned here.",
            "Install pourplan with its extra `solver`, or let Modal do the work (POURPLAN_MODAL_APP).",
        )
        return
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(*WORKER, str(uuid.uuid4())),
        env=worker_environment(
            settings.model_copy(update={"log_level": "warning"}), jobs_url, "doctor", quiet=True
        ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), _START_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        yield WORKERS.wrong(
            f"A worker did not end within {_START_SECONDS:g} s.", "Look at the machine's load."
        )
        return
    if process.returncode != _LOOKED_IN_VAIN or b"run_not_found" not in said:
        last = said.decode(errors="replace").strip().splitlines()[-1:] or [f"exit code {process.returncode}"]
        yield WORKERS.wrong(f"A worker does not come to its work: {last[0]}", "Look at DATABASE_JOBS_URL.")
        return
    yield WORKERS.ok(f"A worker started, asked the database and ended, in {time.monotonic() - began:.1f} s.")
