"""How long a planner waits for a forecast of the sample plant, from the mutation to the result.

    python bench/run_latency.py [-n RUNS]

A service of its own on a fresh data folder: embedded Postgres, the sample workbooks, then one `runForecast`
after the other through the schema, each followed by `runUpdates` to its end and read. Every run is cold: its
worker process starts from nothing. The stages come from the run's own times in the database.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import platform
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import structlog

from api.auth import LOCAL_IDENTITY
from api.cli.forecasting import FOLLOW, FORECAST, RUN_FORECAST
from api.cli.local_session import LocalSession
from api.services import open_services
from api.settings import Settings
from api.workbooks.store import import_workbooks

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
MONTH = "2024-09"
TARGET_SECONDS = 1.5

STAGES = """
select extract(epoch from started_at - requested_at)::float8 as claimed,
    extract(epoch from finished_at - requested_at)::float8 as finished
from plan_runs order by requested_at desc limit 1
"""


STAGES_SHOWN = {
    "claimed": "a worker had it",
    "stored": "the result was stored",
    "read": "the result was read",
}


@dataclass(frozen=True)
class Waited:
    """Seconds from the mutation until a worker had the run, its result was stored, and it was read."""

    claimed: float
    stored: float
    read: float
    heats: int


async def wait_for_forecast(session: LocalSession) -> Waited:
    """Run one forecast as a client does."""
    begin = time.perf_counter()
    asked = await session.ask(RUN_FORECAST, month=MONTH, rounding="LARGEST_REMAINDER")
    run_id = asked["runForecast"]["run"]["id"]
    update = {}
    async for told in session.follow(FOLLOW, run=run_id):
        update = told["runUpdates"]
    if update["status"] != "SUCCEEDED":
        raise SystemExit(f"The run was {update['status']}: {update['error']}")
    forecast = (await session.ask(FORECAST, run=run_id))["planRun"]
    read = time.perf_counter() - begin
    async with session.context.transaction() as connection:
        stages = await connection.fetchrow(STAGES)
    assert stages is not None
    return Waited(stages["claimed"], stages["finished"], read, forecast["totalHeats"])


async def measure(runs: int) -> list[Waited]:
    """Set the plant up and wait for its forecast `runs` times."""
    with tempfile.TemporaryDirectory(prefix="pourplan-bench-") as folder:
        settings = Settings(data=Path(folder), log_level="error")
        async with open_services(settings, exclusive=True) as services:
            session = LocalSession(services)
            workbooks = [(path.name, path.read_bytes()) for path in sorted(SAMPLE.glob("*.xlsx"))]
            async with services.database.transaction(LOCAL_IDENTITY) as connection:
                await import_workbooks(connection, workbooks, dry_run=False, files=services.originals)
            return [await wait_for_forecast(session) for _ in range(runs)]


def report(waits: list[Waited]) -> bool:
    """Print what was measured; tell whether the slowest run was fast enough."""
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{len(waits)} forecasts of {MONTH}, {waits[0].heats} heats; seconds from the mutation\n")
    print(f"{'':28}{'first':>8}{'median':>8}{'slowest':>9}")
    for name, label in STAGES_SHOWN.items():
        seconds = [getattr(wait, name) for wait in waits]
        print(f"{label:28}{seconds[0]:8.3f}{statistics.median(seconds):8.3f}{max(seconds):9.3f}")
    slowest = max(wait.read for wait in waits)
    print(f"\nTarget: under {TARGET_SECONDS} s: {'met' if slowest < TARGET_SECONDS else 'missed'}.")
    return slowest < TARGET_SECONDS


def main() -> int:
    """Measure and report; the exit code tells whether the target was met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-n", "--runs", type=int, default=10)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    return 0 if report(asyncio.run(measure(arguments.runs))) else 1


if __name__ == "__main__":
    raise SystemExit(main())
