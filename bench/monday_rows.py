"""What one run costs a real Postgres and a worker: seconds, calls, bytes; measured, plant size by plant size.

The planner works through the worker's own door on an embedded Postgres; then its answer is stored many times
over as further runs, and the tables are weighed before and after.
"""

from __future__ import annotations

import asyncio
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import asyncpg
import orjson

from api.auth import LOCAL_IDENTITY
from api.database import Database
from api.embedded import EmbeddedPostgres, embedded
from api.foundry import store as foundry
from api.foundry.problem import sound_problem, stored_form
from api.local_tenant import ensure_local_tenant
from api.migrations import migrate
from api.planning.forecast_problem import build
from api.workbooks.originals import FolderOriginals
from api.workbooks.store import import_workbooks
from bench.monday_queue import Effort
from solver_jobs.errors import JobError
from solver_jobs.foundry.generate import generate
from solver_jobs.foundry.problem import FoundryProblem
from solver_jobs.foundry.task import ReplanTask
from solver_jobs.store import Claim, DirectStore, Progress, Stop
from solver_jobs.worker import Ending, work

LEASE_SECONDS = 60
COPIES = 20
"""Runs that are stored to weigh one."""
BEATS = 20
PREPARED = 3
"""Times that a run of each plant is prepared."""
SOFT_START = "from solver_jobs.kinds import kind_of; kind_of('FORECAST'); kind_of('REPLAN')"

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
MONTH = date(2024, 9, 1)

REPLAN = "select create_replan($1, $2, $3)"
FORECAST = "select create_run('FORECAST', $1, $2)"
# Of the scenario whose plan was stored last.
ROWS = """
select count(*) from plan_daily_order where scenario_id =
    (select scenario_id from plan_runs where scenario_id is not null order by requested_at desc limit 1)
"""
MANY = "update tenants set open_replans = 1000"
WEIGHT = """
select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
from pg_class as c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
"""
Answer = TypeVar("Answer")
Ask: TypeAlias = tuple[str, tuple[object, ...]]
"""The statement that queues a run, and its arguments."""


@dataclass
class TimedStore:
    """The worker's door, with a watch."""

    store: DirectStore
    seconds: dict[str, list[float]] = field(
        default_factory=lambda: {"claim": [], "progress": [], "finish": []}
    )
    result: Mapping[str, Any] | None = None
    lasted: float = 0.0

    async def claim(self, run_id: UUID) -> Claim | None:
        """Take a run."""
        return await self._timed("claim", self.store.claim(run_id))

    async def progress(self, claim: Claim, progress: Progress) -> Stop | None:
        """Give a sign of life."""
        return await self._timed("progress", self.store.progress(claim, progress))

    async def finish(self, claim: Claim, result: Mapping[str, Any]) -> None:
        """Store the result, and keep it."""
        self.result = result
        await self._timed("finish", self.store.finish(claim, result))

    async def fail(self, claim: Claim, error: JobError) -> None:
        """End without a result."""
        raise SystemExit(f"Run {claim.run_id} failed: {error.message}")

    async def _timed(self, call: str, answer: Awaitable[Answer]) -> Answer:
        began = time.perf_counter()
        try:
            return await answer
        finally:
            self.seconds[call].append(time.perf_counter() - began)


@dataclass(frozen=True, slots=True)
class Plant:
    """A size of plant, and what its runs cost.

    Attributes
    ----------
    orders, rows
        Orders in its book; days of orders in one plan.
    prepare
        Median seconds in which the service reads the plant, checks it and queues a run.
    seconds
        From claim to result, a figure a run.
    beats
        Signs of life, a figure a run.
    claim, beat, finish
        Median seconds of a call.
    scenario_bytes, run_bytes
        What Postgres keeps, indexes included.
    """

    orders: int
    rows: int
    prepare: float
    seconds: list[float]
    beats: list[int]
    claim: float
    beat: float
    finish: float
    scenario_bytes: int
    run_bytes: int

    @property
    def effort(self) -> Effort:
        """The same for the simulation."""
        per_beat = statistics.mean(s / max(1, b) for s, b in zip(self.seconds, self.beats, strict=True))
        return Effort(self.prepare, self.seconds, per_beat, self.claim, self.beat, self.finish)


@dataclass(frozen=True, slots=True)
class Measured:
    """All that was measured on one machine.

    Attributes
    ----------
    machine
        Which.
    search_seconds
        Longest search of a run.
    start_seconds
        From nothing to a worker that may claim.
    beats_per_second
        Signs of life that this Postgres took, of several workers at once.
    plants
        By size.
    """

    machine: str
    search_seconds: float
    start_seconds: float
    beats_per_second: float
    plants: dict[str, Plant]

    @classmethod
    def read(cls, file: Path) -> Measured:
        """Read what was written."""
        told = orjson.loads(file.read_bytes())
        return cls(**{**told, "plants": {size: Plant(**plant) for size, plant in told["plants"].items()}})

    def write(self, file: Path) -> None:
        """Keep it for further simulations."""
        file.write_bytes(orjson.dumps(self, option=orjson.OPT_INDENT_2) + b"\n")


def machine() -> str:
    """Name the processor, its cores and the versions that matter."""
    told = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if "model name" in line]
    name = told[0] if told else platform.machine()
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def start_seconds() -> float:
    """Time a worker's start, the middle one of three."""
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", SOFT_START], check=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


@asynccontextmanager
async def scales(folder: Path) -> AsyncIterator[Scales]:
    """Open a database to weigh in."""
    async with embedded(folder) as server:
        await migrate(server.admin_url)
        await ensure_local_tenant(server.admin_url)
        admin = await asyncpg.connect(server.admin_url)
        database = await Database.connect(server.api_url, size=4)
        try:
            await admin.execute(MANY)
            yield Scales(server, admin, database)
        finally:
            await database.close()
            await admin.close()


@dataclass
class Scales:
    """A database, and what is weighed there."""

    server: EmbeddedPostgres
    admin: asyncpg.Connection
    database: Database

    async def foundry(self, size: str, utilisations: Sequence[float], search_seconds: float) -> Plant:
        """Plan foundries of one size, then store the last plan many times over."""
        problems = [generate(size, utilisation, seed=2026) for utilisation in utilisations]
        before = await self.weigh()
        scenarios = [await self._import(problem) for problem in problems]
        scenario_bytes = (await self.weigh() - before) // len(problems)
        asked: list[Ask] = []
        for scenario, problem in zip(scenarios, problems, strict=True):
            # The name tells how it was drawn, which no stored problem does.
            stored = problem.model_copy(update={"name": None, "meta": None})
            task = ReplanTask(problem=stored, time_limit_seconds=search_seconds).model_dump(mode="json")
            asked.append((REPLAN, (scenario, problem.asof_date, task)))
        solved = [await self._solve(ask) for ask in asked]
        prepare = statistics.median([await self._prepare(scenario) for scenario in scenarios * PREPARED])
        return await self._plant(asked[-1], solved, prepare, len(problems[-1].orders), scenario_bytes)

    async def melt_shop(self, runs: int) -> Plant:
        """Forecast a month of the sample plant some times, then store the last answer many times over."""
        before = await self.weigh()
        async with self.database.transaction(LOCAL_IDENTITY) as connection:
            books = [(path.name, path.read_bytes()) for path in sorted(SAMPLE.glob("*.xlsx"))]
            originals = FolderOriginals(self.server.folder / "files")
            await import_workbooks(connection, books, dry_run=False, files=originals)
            problem = await build(connection, MONTH, "LARGEST_REMAINDER")
        scenario_bytes = await self.weigh() - before
        ask: Ask = (FORECAST, (problem.model_dump(mode="json"), MONTH))
        return await self._plant(ask, [await self._solve(ask) for _ in range(runs)], 0.0, 0, scenario_bytes)

    async def beats_per_second(self, workers: int, seconds: float) -> float:
        """Let several workers at once give signs of life as fast as they are taken."""
        scenario = await self._import(generate("S", 0.9, seed=1))
        task = ReplanTask(problem=generate("S", 0.9, seed=1), time_limit_seconds=1).model_dump(mode="json")
        runs = [await self._ask((REPLAN, (scenario, date(2026, 1, 5), task))) for _ in range(workers)]
        until = time.perf_counter() + seconds

        async def beat(run: UUID) -> int:
            beats = 0
            async with DirectStore(self.server.jobs_url, lease_seconds=LEASE_SECONDS) as store:
                claim = await store.claim(run)
                assert claim is not None
                while time.perf_counter() < until:
                    await store.progress(claim, Progress("improve", beats / 1e6))
                    beats += 1
            return beats

        return sum(await asyncio.gather(*(beat(run) for run in runs))) / seconds

    async def weigh(self) -> int:
        """Give the bytes of all tables with their indexes, dead rows cleared away."""
        await self.admin.execute("vacuum analyze")
        return int(await self.admin.fetchval(WEIGHT))

    async def _plant(
        self, ask: Ask, solved: list[TimedStore], prepare: float, orders: int, scenario_bytes: int
    ) -> Plant:
        result = solved[-1].result
        assert result is not None
        before = await self.weigh()
        copies = await self._store_again(ask, result)
        run_bytes = (await self.weigh() - before) // COPIES
        return Plant(
            orders=orders,
            rows=await self.admin.fetchval(ROWS) // (COPIES + 1) if orders else 0,
            prepare=round(prepare, 4),
            seconds=[round(one.lasted, 3) for one in solved],
            beats=[len(one.seconds["progress"]) for one in solved],
            claim=round(statistics.median(copies.seconds["claim"]), 5),
            beat=round(statistics.median(copies.seconds["progress"]), 5),
            finish=round(statistics.median(copies.seconds["finish"]), 5),
            scenario_bytes=scenario_bytes,
            run_bytes=run_bytes,
        )

    async def _import(self, problem: FoundryProblem) -> UUID:
        async with self.database.transaction(LOCAL_IDENTITY) as connection:
            return await foundry.put_scenario(connection, problem.name or "plant", stored_form(problem))

    async def _prepare(self, scenario: UUID) -> float:
        began = time.perf_counter()
        async with self.database.transaction(LOCAL_IDENTITY) as connection:
            sound, _ = await sound_problem(await foundry.problem(connection, scenario), ("scenario",))
            task = ReplanTask(problem=sound, time_limit_seconds=1).model_dump(mode="json")
            run = await connection.fetchval(REPLAN, scenario, sound.asof_date, task)
        lasted = time.perf_counter() - began
        await self.admin.execute("delete from plan_runs where id = $1", run)
        return lasted

    async def _ask(self, ask: Ask) -> UUID:
        statement, arguments = ask
        async with self.database.transaction(LOCAL_IDENTITY) as connection:
            run: UUID = await connection.fetchval(statement, *arguments)
        return run

    async def _solve(self, ask: Ask) -> TimedStore:
        run = await self._ask(ask)
        async with DirectStore(self.server.jobs_url, lease_seconds=LEASE_SECONDS) as door:
            store = TimedStore(door)
            began = time.perf_counter()
            ending = await work(run, store, lease_seconds=LEASE_SECONDS)
            store.lasted = time.perf_counter() - began
        assert ending is Ending.SUCCEEDED
        return store

    async def _store_again(self, ask: Ask, result: Mapping[str, Any]) -> TimedStore:
        async with DirectStore(self.server.jobs_url, lease_seconds=LEASE_SECONDS) as door:
            store = TimedStore(door)
            for _ in range(COPIES):
                claim = await store.claim(await self._ask(ask))
                assert claim is not None
                for beat in range(BEATS):
                    await store.progress(claim, Progress("improve", beat))
                await store.finish(claim, result)
        return store
