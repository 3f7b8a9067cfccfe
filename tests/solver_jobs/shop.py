"""A melt shop in a database, whose planner queues forecasts; what became of them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from tests.database import Connection, Plant, TemporaryDatabase, add_plant, as_user, connected
from tests.solver_jobs.forecast.plants import TONS, melt_shop

RESULT_TABLES = ("forecasts", "forecast_heats", "forecast_groups", "forecast_unassigned", "forecast_scores")


@dataclass
class Shop:
    """The plant whose figures are published, in a database of its own."""

    database: TemporaryDatabase
    admin: Connection
    plant: Plant

    @classmethod
    async def open(cls, database: TemporaryDatabase, admin: Connection, slug: str = "melt-shop") -> "Shop":
        plant = await add_plant(admin, slug)
        for position, (group, grades) in enumerate(TONS.items()):
            group_id = await admin.fetchval(
                "insert into product_groups (tenant_id, name, position) values ($1, $2, $3) returning id",
                plant.id,
                group,
                position,
            )
            await admin.executemany(
                "insert into steel_grades (tenant_id, product_group_id, name, position)"
                " values ($1, $2, $3, $4)",
                [(plant.id, group_id, grade, nr) for nr, grade in enumerate(grades)],
            )
        return cls(database, admin, plant)

    async def queue(self, problem: Any = None) -> UUID:
        """A forecast of September 2024, or of whatever JSON stands for a problem."""
        given = melt_shop().model_dump(mode="json") if problem is None else problem
        async with connected(self.database.api_url) as connection, as_user(connection, self.plant.planner):
            run_id: UUID = await connection.fetchval(
                "select create_run('FORECAST', $1::jsonb, '2024-09-01')", given
            )
            return run_id

    async def cancel(self, run_id: UUID, *, keep_best: bool = False) -> Any:
        """What the planner's `cancelRun` does in the database."""
        async with connected(self.database.api_url) as connection, as_user(connection, self.plant.planner):
            return await connection.fetchval("select cancel_run($1, $2)", run_id, keep_best)

    async def run(self, run_id: UUID) -> asyncpg.Record:
        row = await self.admin.fetchrow(
            "select r.*, l.call_id, l.lease_token, l.lease_expires_at from plan_runs as r"
            " join plan_run_leases as l on l.run_id = r.id where r.id = $1",
            run_id,
        )
        assert row is not None
        return row

    async def rows(self, run_id: UUID | None = None) -> dict[str, int]:
        """How many rows stand in each table of results, of one run or of all together."""
        count = "select count(*) from {} where $1::uuid is null or run_id = $1"
        return {name: await self.admin.fetchval(count.format(name), run_id) for name in RESULT_TABLES}

    async def until_blocked(self) -> int:
        """Wait until a worker's transaction waits for a lock; its backend."""
        return int(
            await eventually(
                lambda: self.admin.fetchval(
                    "select pid from pg_stat_activity where datname = current_database()"
                    " and application_name = 'pourplan-worker' and wait_event_type = 'Lock'"
                ),
                "a worker's transaction to wait",
            )
        )

    async def until(self, run_id: UUID, *statuses: str, seconds: float = 30) -> asyncpg.Record:
        """Wait until the run has one of these statuses."""

        async def reached() -> asyncpg.Record | None:
            row = await self.run(run_id)
            return row if row["status"] in statuses else None

        what = f"run {run_id} to be {' or '.join(statuses)}"
        row: asyncpg.Record = await eventually(reached, what, seconds=seconds)
        return row


ONE_RESULT = {
    "forecasts": 1,
    "forecast_heats": sum(len(grades) for grades in TONS.values()),
    "forecast_groups": len(TONS),
    "forecast_unassigned": 0,
    "forecast_scores": 0,
}
NOTHING = dict.fromkeys(RESULT_TABLES, 0)


async def eventually(look: Callable[[], Awaitable[Any]], what: str, *, seconds: float = 30) -> Any:
    """Look again and again until there is something to see."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (seen := await look()):
        assert asyncio.get_running_loop().time() < deadline, f"waited {seconds} s for {what}"
        await asyncio.sleep(0.03)
    return seen
