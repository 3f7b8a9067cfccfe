"""A hundred replans at once on Modal, and the Mondays that its clock announces."""

import asyncio
import collections
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("modal", reason="the extra `modal` is not installed")

from api.context import Services
from api.planning.mondays import Mondays
from api.vacancies import filling_vacancies
from solver_jobs.app import APP, SECRET
from tests.api.desk import desk_of, open_services
from tests.api.foundry.shop import PROBLEM
from tests.api.planning.test_mondays import SET, runs_of
from tests.api.planning.test_replan import import_scenario
from tests.api.planning.test_replan_many import batch_of, follow, replan_many
from tests.database import Connection, Plant, TemporaryDatabase, add_plant
from tests.peers.modal.hosted import Hosted, hosted_shop
from tests.solver_jobs.shop import eventually

TEN_BY_TEN = {"maxPatterns": list(range(1, 11)), "moldsPerDay": list(range(8, 18))}
SECONDS = 400.0
"""Ten containers start on whatever cores there are; on two it takes a minute."""


@pytest.fixture
async def plant(admin: Connection) -> Plant:
    return await add_plant(admin, "hall")


@pytest.fixture
async def hosted(database: TemporaryDatabase, admin: Connection, tmp_path: Path) -> AsyncIterator[Hosted]:
    async with hosted_shop(database, admin, tmp_path / "hold") as shop:
        shop.lease_for_long()
        yield shop


async def done_once(admin: Connection, hosted: Hosted, runs: int) -> None:
    """Each run was spawned once, begun once, and has one plan."""
    assert hosted.peer.plane.asked["FunctionMap"] == runs == len(hosted.peer.plane.calls)
    rows = await admin.fetch(
        "select r.status, r.attempt, l.call_id, count(p.run_id) as plans from plan_runs as r"
        " join plan_run_leases as l on l.run_id = r.id left join replans as p on p.run_id = r.id"
        " group by r.id, l.call_id"
    )
    assert collections.Counter((row["status"], row["attempt"], row["plans"]) for row in rows) == {
        ("SUCCEEDED", 1, 1): runs
    }
    assert {row["call_id"] for row in rows} == set(hosted.peer.plane.calls)


async def test_a_hundred_replans_at_once_succeed_once_each_in_as_many_containers_as_may_be(
    hosted: Hosted, admin: Connection, plant: Plant, database: TemporaryDatabase, tmp_path: Path
) -> None:
    await admin.execute("update tenants set open_replans = 100")
    async with (
        hosted.dispatcher() as dispatcher,
        open_services(database, tmp_path, dispatcher) as services,
    ):
        desk = desk_of(services, plant, "planner")
        batch = await replan_many(desk, await import_scenario(desk), whatIf=TEN_BY_TEN, seconds=1)
        told = await follow(desk, batch, SECONDS)
        assert told[-1]["counts"]["succeeded"] == 100
        assert told[-1]["percent"] == 100
        found = await batch_of(desk, batch)
    most = hosted.peer.function(APP, "replan").autoscaler_settings.max_containers
    assert len(hosted.peer.plane.containers) == most == 10
    assert max(one["counts"]["running"] for one in told) <= most
    await done_once(admin, hosted, 100)
    assert len({run["id"] for run in found["runs"]["nodes"]}) == 100
    assert found["bestObjective"] <= found["worstObjective"]


async def test_of_a_tenant_as_many_run_at_once_as_it_may_and_the_next_goes_as_soon_as_one_has_ended(
    hosted: Hosted, admin: Connection, plant: Plant, database: TemporaryDatabase, tmp_path: Path
) -> None:
    await admin.execute("update tenants set open_replans = 2")
    # Were the dispatcher not told of room, it would look again in an hour.
    async with (
        hosted.dispatcher(reap_seconds=3600) as dispatcher,
        open_services(database, tmp_path, dispatcher) as services,
        filling_vacancies(services.notices, dispatcher),
    ):
        desk = desk_of(services, plant, "planner")
        what_if = {"maxPatterns": list(range(1, 9))}
        batch = await replan_many(desk, await import_scenario(desk), whatIf=what_if, seconds=1)
        told = await follow(desk, batch, SECONDS)
    assert told[-1]["counts"]["succeeded"] == 8
    assert {one["counts"]["running"] for one in told} <= {0, 1, 2}
    await done_once(admin, hosted, 8)


# ---------------------------------------------------------------- Mondays


class Door:
    """Where a service would answer: it tells what was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readline()).decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()


async def due_scenario(services: Services, admin: Connection, plant: Plant) -> str:
    """A scenario that is replanned on Mondays from their first hour on: this week's is due."""
    today = datetime.now(UTC).date()
    monday = today - timedelta(days=today.weekday())
    later = monday + timedelta(weeks=12)
    orders = [{**order, "due_date": later.isoformat()} for order in PROBLEM["orders"]]
    desk = desk_of(services, plant, "planner")
    scenario = await import_scenario(desk, {**PROBLEM, "asof_date": monday.isoformat(), "orders": orders})
    await desk.ask(SET, scenario=scenario, hour=0, seconds=1)
    await admin.execute("update monday_replans set asked_at = $1", datetime(2026, 1, 1, tzinfo=UTC))
    return scenario


async def test_modals_clock_announces_mondays_and_wakes_the_service_that_plans_them(
    hosted: Hosted, admin: Connection, plant: Plant, database: TemporaryDatabase, tmp_path: Path
) -> None:
    door = Door()
    server = await asyncio.start_server(door.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    hosted.peer.plane.secrets[SECRET]["POURPLAN_URL"] = f"http://127.0.0.1:{port}/"
    async with (
        server,
        hosted.dispatcher() as dispatcher,
        open_services(database, tmp_path, dispatcher) as services,
    ):
        scenario = await due_scenario(services, admin, plant)
        for _ in range(2):
            call = await hosted.peer.fire(APP, "monday")
            await asyncio.wait_for(call.done.wait(), SECONDS)
            assert call.result.status == call.result.GENERIC_STATUS_SUCCESS, call.result.exception
        assert await admin.fetchval("select count(*) from monday_wishes") == 1
        assert [line.split()[:2] for line in door.asked] == [["GET", "/health/live"]] * 2
        desk = desk_of(services, plant, "planner")
        assert await runs_of(desk, scenario) == []
        async with Mondays(
            services.database, database.jobs_url, services.notices, dispatcher, every_seconds=3600
        ):

            async def planned() -> bool:
                return [run["status"] for run in await runs_of(desk, scenario)] == ["SUCCEEDED"]

            await eventually(planned, "the plan of the Monday", seconds=SECONDS)
        (run,) = await runs_of(desk, scenario)
        assert date.fromisoformat(run["asofDate"]).weekday() == 0


async def test_a_service_that_does_not_answer_costs_no_monday(
    hosted: Hosted, admin: Connection, plant: Plant, database: TemporaryDatabase, tmp_path: Path
) -> None:
    hosted.peer.plane.secrets[SECRET]["POURPLAN_URL"] = "http://127.0.0.1:9"
    async with open_services(database, tmp_path) as services:
        await due_scenario(services, admin, plant)
        call = await hosted.peer.fire(APP, "monday")
        await asyncio.wait_for(call.done.wait(), SECONDS)
    assert call.result.status == call.result.GENERIC_STATUS_SUCCESS, call.result.exception
    assert await admin.fetchval("select count(*) from monday_wishes") == 1
