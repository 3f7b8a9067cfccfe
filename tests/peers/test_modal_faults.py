"""What may break between a click and its plan on Modal: each row of the matrix ends with one result."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

pytest.importorskip("modal", reason="the extra `modal` is not installed")

from solver_jobs import modal_calls
from solver_jobs.app import APP
from solver_jobs.calls import NotHandedOver, QueuedRun
from solver_jobs.handing_over import HandingOver
from solver_jobs.queue import DirectQueue
from tests.api.desk import desk_of, open_services
from tests.api.planning.test_replan import CANCEL, PLAN, import_scenario, replan, sample
from tests.database import Connection, TemporaryDatabase, connected
from tests.peers.modal.hosted import Hosted, calls_of, hosted_shop
from tests.peers.modal.images import build
from tests.peers.modal.plane import Call
from tests.solver_jobs.forecast.plants import melt_shop_rows
from tests.solver_jobs.shop import NOTHING, ONE_RESULT, eventually
from tests.solver_jobs.workers import go, paused

PROBLEM = melt_shop_rows() | {"schedule": []}

# A service that is killed the moment it has committed a run and is about to hand it over.
KILLED_SERVICE = """
import asyncio, os, signal, sys
from pathlib import Path
from uuid import UUID
from api.dispatch import Dispatcher
from api.settings import Settings
from solver_jobs import handing_over, modal_calls

class Killed(modal_calls.ModalCalls):
    async def begin(self, run):
        if sys.argv[3] == "after":
            await super().begin(run)
        os.kill(os.getpid(), signal.SIGKILL)

modal_calls.ModalCalls = Killed

async def main():
    async with Dispatcher(Settings(data=Path(sys.argv[1]), modal_app="pourplan"), sys.argv[2]):
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture
async def hosted(database: TemporaryDatabase, admin: Connection, tmp_path: Path) -> AsyncIterator[Hosted]:
    async with hosted_shop(database, admin, tmp_path / "hold") as shop:
        yield shop


async def exactly_one_result(hosted: Hosted, run_id: UUID, attempts: int = 1) -> None:
    """Wait for the run's end, and for every call that may still be at it: what stands is one result."""
    row = await hosted.shop.until(run_id, "SUCCEEDED", seconds=60)
    for call in list(hosted.peer.plane.calls.values()):
        await asyncio.wait_for(call.done.wait(), 60)
    assert await hosted.shop.rows() == ONE_RESULT
    assert row["attempt"] == attempts


async def swept(hosted: Hosted) -> Call:
    """Let the clock of Modal strike; the call of the sweep, which is over."""
    call = await hosted.peer.fire(APP, "sweep")
    await asyncio.wait_for(call.done.wait(), 60)
    assert call.result.status == call.result.GENERIC_STATUS_SUCCESS, call.result.exception
    return call


def spawned(hosted: Hosted) -> int:
    """How many calls of jobs there were."""
    jobs = {hosted.peer.plane.published[hosted.peer.plane.apps[APP]][name] for name in ("forecast", "replan")}
    return sum(call.function_id in jobs for call in hosted.peer.plane.calls.values())


async def expire(hosted: Hosted, run_id: UUID) -> None:
    await hosted.shop.admin.execute(
        "update plan_run_leases set lease_expires_at = now() - interval '1 second',"
        " reserved_until = reserved_until - interval '1 hour' where run_id = $1",
        run_id,
    )


# ---------------------------------------------------------------------- handing over


async def test_broken_modal_at_dispatch(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run waits without a call, and the next look after Modal is back hands it over."""
    monkeypatch.setattr(modal_calls, "ANSWER_SECONDS", 1.0)
    await hosted.peer.go_down()
    run_id = await hosted.shop.queue(PROBLEM)
    async with connected(hosted.shop.database.jobs_url) as jobs:
        look = HandingOver(DirectQueue(jobs), calls_of(APP), max_attempts=3)
        assert await look.start(await look.look(), thorough=True) == 0
        row = await hosted.shop.run(run_id)
        assert (row["status"], row["attempt"], row["call_id"]) == ("QUEUED", 0, None)
        await hosted.peer.come_up()
        assert await look.start(await look.look(), thorough=True) == 1
    await exactly_one_result(hosted, run_id)
    assert spawned(hosted) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_broken_the_service_killed_while_it_hands_over(hosted: Hosted, moment: str) -> None:
    """Between commit and spawn, or between spawn and its note: the sweep on Modal makes up for it."""
    run_id = await hosted.shop.queue(PROBLEM)
    service = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", KILLED_SERVICE, str(hosted.folder), hosted.shop.database.jobs_url),
        moment,
        env=os.environ | hosted.peer.environment,
    )
    assert await asyncio.wait_for(service.wait(), 60) == -signal.SIGKILL
    if moment == "before":
        assert (await hosted.shop.run(run_id))["status"] == "QUEUED"
        await swept(hosted)  # the reservation of the dead one still stands
        assert spawned(hosted) == 0
        await expire(hosted, run_id)
    await swept(hosted)
    await exactly_one_result(hosted, run_id)
    assert spawned(hosted) == 1


async def test_broken_two_dispatches_of_one_run(hosted: Hosted) -> None:
    """However often it is spawned, whoever claims it first has it."""
    hosted.lease_for_long()
    hosted.hold("after_claim")
    run_id = await hosted.shop.queue(PROBLEM)
    calls = calls_of(APP)
    first = await calls.begin(QueuedRun(run_id, "FORECAST"))
    await paused(hosted.folder)
    second = await calls.begin(QueuedRun(run_id, "FORECAST"))
    assert first is not None
    assert second is not None
    await asyncio.wait_for(hosted.peer.plane.calls[second].done.wait(), 60)
    assert (await hosted.shop.run(run_id))["call_id"] == first
    go(hosted.folder)
    await exactly_one_result(hosted, run_id)


async def test_broken_sweep_and_service_look_at_once(hosted: Hosted) -> None:
    """Six runs, two services and the sweep: each is spawned once and has one result."""
    hosted.lease_for_long()
    run_ids = [await hosted.shop.queue(PROBLEM) for _ in range(6)]
    sweeping = await hosted.peer.fire(APP, "sweep")
    async with hosted.dispatcher(reap_seconds=0.2), hosted.dispatcher(reap_seconds=0.2):
        for run_id in run_ids:
            assert (await hosted.shop.until(run_id, "SUCCEEDED", seconds=180))["attempt"] == 1
            assert await hosted.shop.rows(run_id) == ONE_RESULT
        await asyncio.wait_for(sweeping.done.wait(), 60)
    assert spawned(hosted) == 6


async def test_a_kind_that_is_not_deployed_keeps_no_other_waiting(hosted: Hosted) -> None:
    older = await hosted.shop.queue(PROBLEM)
    await hosted.shop.admin.execute(
        "update plan_runs set kind = 'ALLOCATION', month = null where id = $1", older
    )
    run_id = await hosted.shop.queue(PROBLEM)
    await swept(hosted)
    await exactly_one_result(hosted, run_id)
    row = await hosted.shop.run(older)
    assert (row["status"], row["call_id"]) == ("QUEUED", None)
    with pytest.raises(NotHandedOver, match="allocation"):
        await calls_of(APP).begin(QueuedRun(older, "ALLOCATION"))


# ---------------------------------------------------------------------- at work


async def test_broken_a_container_pre_empted(hosted: Hosted) -> None:
    """Modal runs the same input again under the same call, which may claim what it holds already."""
    hosted.hold("solving")
    run_id = await hosted.shop.queue(PROBLEM)
    async with hosted.dispatcher() as running:
        await running.hand_over(run_id)
        await paused(hosted.folder)
        (call,) = hosted.peer.plane.calls.values()
        before = (await hosted.shop.run(run_id))["lease_token"]
        await hosted.peer.preempt(call)
        await exactly_one_result(hosted, run_id, attempts=2)
    assert spawned(hosted) == 1
    assert (await hosted.shop.run(run_id))["lease_token"] != before


async def test_broken_a_container_killed_in_the_middle_of_writing(hosted: Hosted) -> None:
    """The transaction is undone or done, and the sweep has the run done again where it was undone."""
    hosted.hold("in_finish")
    run_id = await hosted.shop.queue(PROBLEM)
    async with connected(hosted.shop.database.admin_url) as other:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("lock table forecast_scores in access exclusive mode")
        await swept(hosted)
        pid = await paused(hosted.folder)
        backend = await hosted.shop.until_blocked()
        os.kill(pid, signal.SIGKILL)
        # As where the machine is gone: its connection ends in the middle of the transaction.
        await hosted.shop.admin.execute("select pg_terminate_backend($1, 5000)", backend)
        await transaction.rollback()
    assert await hosted.outcome(run_id) == ("RUNNING", NOTHING)
    await expire(hosted, run_id)
    await swept(hosted)
    await exactly_one_result(hosted, run_id, attempts=2)


async def test_broken_every_container(hosted: Hosted) -> None:
    """A run whose workers are lost each time fails after the last attempt, and says so."""
    run_id = await hosted.shop.queue(PROBLEM)
    async with connected(hosted.shop.database.jobs_url) as jobs:
        for _ in range(3):
            assert await jobs.fetchval("select claim_run($1, 60, 3, 'fc-gone')", run_id) is not None
            await expire(hosted, run_id)
    await swept(hosted)
    row = await hosted.shop.run(run_id)
    assert (row["status"], row["error"]["code"]) == ("FAILED", "WORKER_LOST")
    assert spawned(hosted) == 0
    assert await hosted.shop.rows() == NOTHING


async def test_broken_off_by_the_planner(hosted: Hosted) -> None:
    """A running call ends with its container, and nothing is stored."""
    hosted.hold("solving")
    run_id = await hosted.shop.queue(PROBLEM)
    async with hosted.dispatcher() as running:
        await running.hand_over(run_id)
        await paused(hosted.folder)
        await hosted.shop.cancel(run_id)
        await running.cancel(run_id)
        (call,) = hosted.peer.plane.calls.values()
        await asyncio.wait_for(call.done.wait(), 30)

        async def no_container() -> bool:
            return not hosted.peer.containers()

        await eventually(no_container, "the container to end")
    await swept(hosted)
    assert spawned(hosted) == 1
    assert await hosted.outcome(run_id) == ("CANCELLED", NOTHING)


async def test_broken_off_by_the_planner_who_keeps_the_best_plan(hosted: Hosted) -> None:
    """A replan that would search for minutes ends soon with the plan it has, in a container of its image."""
    database = hosted.shop.database
    async with hosted.dispatcher() as running, open_services(database, hosted.folder, running) as services:
        desk = desk_of(services, hosted.shop.plant, "planner")
        scenario = await import_scenario(desk, sample())
        run_id = await replan(desk, scenario, seconds=280)
        row_id = await hosted.shop.admin.fetchval("select id from plan_runs where kind = 'REPLAN'")

        async def has_a_plan() -> bool:
            row = await hosted.shop.run(row_id)
            assert row["status"] in ("QUEUED", "RUNNING"), row["error"]
            return row["best_objective"] is not None

        await eventually(has_a_plan, "a first plan", seconds=150)
        payload = (await desk.ask(CANCEL, id=run_id, keep=True))["cancelRun"]
        assert payload == {"run": {"id": run_id, "status": "RUNNING"}, "userErrors": []}
        await hosted.shop.until(row_id, "SUCCEEDED", seconds=60)
        summary = (await desk.ask(PLAN, id=run_id))["planRun"]["summary"]
    assert summary["stoppedEarly"]
    assert summary["solveSeconds"] < 280
    built = await build(hosted.peer.plane, hosted.peer.function(APP, "replan").image_id)
    assert built.variables == {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    (container,) = hosted.peer.plane.containers.values()
    compiled = "solver_jobs/foundry/__pycache__/*.nbc"
    assert list((built.folder / "root").glob(compiled)), "the image holds no machine code"
    assert not list((container.folder / "root").glob(compiled)), "the container compiled it once more"
