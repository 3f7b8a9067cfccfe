"""The sample foundry's Monday by GraphQL, with workers and services killed: one plan in the end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from api.dispatch import Dispatcher
from api.local_workers import WORKER
from api.relay import parse_node_id
from api.settings import Settings
from solver_jobs.foundry.problem import read_plan, read_problem
from solver_jobs.foundry.verify import verify
from tests.api.desk import Desk, desk_of, open_services
from tests.api.foundry.shop import big_problem
from tests.api.planning.test_replan import CANCEL, PLAN, follow, import_scenario, replan, sample
from tests.api.test_dispatch import gone, service_process
from tests.database import Connection, Plant, TemporaryDatabase, connected
from tests.solver_jobs.paused_worker import STEPS
from tests.solver_jobs.shop import Shop
from tests.solver_jobs.workers import go, paused, paused_program, started, worker_environment

RESULT_TABLES = ("replans", "plan_days", "plan_daily_order", "plan_weekly_order", "order_status")
WRITTEN_LAST = "plan_weekly_order"
ALL_STEPS = (*STEPS[:2], "improving", *STEPS[3:])
"""Of a search: it is killed while it has a plan and looks for a better one."""


@pytest.fixture
async def shop(database: TemporaryDatabase, admin: Connection, other_plant: Plant) -> Shop:
    """The foundry's runs, as its database knows them."""
    return Shop(database, admin, other_plant)


@pytest.fixture
def hold(tmp_path: Path) -> Path:
    """Where a held worker tells that it waits."""
    return tmp_path / "hold"


@asynccontextmanager
async def office(
    shop: Shop,
    folder: Path,
    worker: Sequence[str] = WORKER,
    *,
    lease_seconds: int = 3600,
    reap_seconds: float = 0.5,
) -> AsyncIterator[Desk]:
    """The planner, in a service that runs jobs; unless told, nothing comes back by an expired lease."""
    settings = Settings(
        data=folder, workers=1, lease_seconds=lease_seconds, reap_seconds=reap_seconds, log_level="error"
    )
    async with (
        Dispatcher(settings, shop.database.jobs_url, worker=worker) as dispatcher,
        open_services(shop.database, folder, dispatcher) as services,
    ):
        yield desk_of(services, shop.plant, "planner")


@asynccontextmanager
async def counter(shop: Shop, folder: Path) -> AsyncIterator[Desk]:
    """The planner, in a service whose runs others carry out."""
    async with open_services(shop.database, folder) as services:
        yield desk_of(services, shop.plant, "planner")


async def asked(desk: Desk, seconds: int = 1) -> str:
    """Ask for the sample foundry's Monday."""
    return await replan(desk, await import_scenario(desk, sample()), seconds=seconds)


def key_of(run_id: str) -> UUID:
    return parse_node_id(run_id)[1]


async def rows(shop: Shop) -> dict[str, int]:
    return {name: await shop.admin.fetchval(f"select count(*) from {name}") for name in RESULT_TABLES}


async def assert_one_plan(desk: Desk, shop: Shop, run_id: str) -> dict[str, Any]:
    """Follow a run to its plan, which keeps every rule and is the only one that is stored."""
    assert (await follow(desk, run_id))[-1]["status"] == "SUCCEEDED"
    run: dict[str, Any] = (await desk.ask(PLAN, id=run_id))["planRun"]
    problem, plan = read_problem(run["problem"]), read_plan(run["plan"])
    assert verify(problem, plan) == []
    weeks = {day.workday_index: day.week_index for day in plan.calendar_workdays}
    assert await rows(shop) == {
        "replans": 1,
        "plan_days": len(plan.calendar_workdays),
        "plan_daily_order": len(plan.x),
        "plan_weekly_order": len({(weeks[row.workday_index], row.order_id) for row in plan.x}),
        "order_status": len(problem.orders),
    }
    assert run["orderStatuses"]["totalCount"] == len(problem.orders)
    assert sum(row["moldsMolded"] for row in run["dailyOrders"]["nodes"]) == sum(row.molds for row in plan.x)
    return run


async def kill_at(shop: Shop, hold: Path, step: str, *others: asyncio.subprocess.Process) -> None:
    """Kill the held worker, in the midst of its transaction when that is the step; others before it."""

    async def kill() -> None:
        for process in others:
            process.kill()
            await process.wait()
        os.kill(pid, signal.SIGKILL)

    if step != "in_finish":
        pid = await paused(hold)
        await kill()
    else:
        async with connected(shop.database.admin_url) as other, other.transaction():
            await other.execute(f"lock table {WRITTEN_LAST} in access exclusive mode")
            pid = await paused(hold)
            await shop.until_blocked()
            await kill()
            await asyncio.sleep(0.3)
    await gone(pid)


@pytest.mark.parametrize("step", ALL_STEPS)
async def test_a_worker_killed_at_any_step_is_replaced_and_leaves_one_plan(
    shop: Shop, tmp_path: Path, hold: Path, step: str
) -> None:
    async with office(shop, tmp_path, paused_program(step, hold)) as desk:
        run_id = await asked(desk)
        await kill_at(shop, hold, step)
        await assert_one_plan(desk, shop, run_id)
    once = step in ("before_claim", "in_finish", "after_finish")
    assert (await shop.run(key_of(run_id)))["attempt"] == (1 if once else 2)


async def test_a_worker_outlives_its_service_and_its_plan_counts(
    shop: Shop, tmp_path: Path, hold: Path
) -> None:
    async with counter(shop, tmp_path) as desk:
        run_id = await asked(desk, seconds=3)
    async with service_process(shop, tmp_path, paused_program("improving", hold)) as service:
        await paused(hold)
        service.kill()
        await service.wait()
    async with office(shop, tmp_path) as desk:
        told = (await desk.ask(PLAN, id=run_id))["planRun"]
        assert (told["status"], told["plan"]) == ("RUNNING", None)
        go(hold)
        await assert_one_plan(desk, shop, run_id)
    assert (await shop.run(key_of(run_id)))["attempt"] == 1


@pytest.mark.parametrize("step", ["improving", "in_finish"])
async def test_service_and_worker_killed_together_lose_nothing(
    shop: Shop, tmp_path: Path, hold: Path, step: str
) -> None:
    async with counter(shop, tmp_path) as desk:
        run_id = await asked(desk)
    async with service_process(shop, tmp_path, paused_program(step, hold), lease_seconds=2) as service:
        await kill_at(shop, hold, step, service)
    async with office(shop, tmp_path, lease_seconds=2) as desk:
        await assert_one_plan(desk, shop, run_id)


@pytest.mark.parametrize("step", ["improving", "before_finish"])
async def test_a_ghost_whose_lease_expired_changes_nothing(
    shop: Shop, tmp_path: Path, hold: Path, step: str
) -> None:
    environment = worker_environment(shop, lease_seconds=2)
    async with counter(shop, tmp_path) as desk:
        run_id = await asked(desk)
        key = key_of(run_id)
        async with started(environment, key, step=step, folder=hold) as ghost:
            await paused(hold)
            ghost.send(signal.SIGSTOP)
            await asyncio.sleep(2.1)
            async with started(environment, key) as second:
                assert await second.ended() == 0
            before = await assert_one_plan(desk, shop, run_id)
            go(hold)
            ghost.send(signal.SIGCONT)
            assert await ghost.ended() == 0
        assert "lease_lost" in ghost.log
        assert await assert_one_plan(desk, shop, run_id) == before
    assert (await shop.run(key))["attempt"] == 2


@pytest.mark.parametrize("step", ["before_claim", "improving", "before_finish"])
async def test_a_cancelled_run_leaves_nothing_and_frees_its_place(
    shop: Shop, tmp_path: Path, hold: Path, step: str
) -> None:
    async with office(shop, tmp_path, paused_program(step, hold)) as desk:
        run_id = await asked(desk)
        pid = await paused(hold)
        payload = (await desk.ask(CANCEL, id=run_id, keep=False))["cancelRun"]
        assert payload == {"run": {"id": run_id, "status": "CANCELLED"}, "userErrors": []}
        await gone(pid)
        assert set((await rows(shop)).values()) == {0}
        await assert_one_plan(desk, shop, await asked(desk))
        assert (await desk.ask(PLAN, id=run_id))["planRun"]["status"] == "CANCELLED"


async def test_a_run_ended_with_its_best_plan_survives_its_worker(
    shop: Shop, tmp_path: Path, hold: Path
) -> None:
    """Killed after it was told to end: the next worker ends at once, too."""
    async with office(shop, tmp_path, paused_program("before_finish", hold)) as desk:
        run_id = await asked(desk, seconds=300)
        async with asyncio.timeout(60):
            while (await shop.run(key_of(run_id)))["best_objective"] is None:
                await asyncio.sleep(0.05)
        payload = (await desk.ask(CANCEL, id=run_id, keep=True))["cancelRun"]
        assert payload == {"run": {"id": run_id, "status": "RUNNING"}, "userErrors": []}
        await kill_at(shop, hold, "before_finish")
        run = await assert_one_plan(desk, shop, run_id)
    assert run["summary"]["stoppedEarly"] is True
    assert (await shop.run(key_of(run_id)))["attempt"] == 2


async def test_the_time_limit_ends_a_run_with_its_plan(shop: Shop, tmp_path: Path) -> None:
    async with office(shop, tmp_path) as desk:
        scenario = await import_scenario(desk, big_problem())
        run = await assert_one_plan(desk, shop, await replan(desk, scenario, seconds=2))
    assert run["timeLimitSeconds"] == 2
    assert (run["summary"]["stoppedEarly"], run["summary"]["provenOptimal"]) == (False, False)
    assert run["summary"]["bound"] < run["summary"]["objective"]
