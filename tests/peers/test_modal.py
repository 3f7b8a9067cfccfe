"""Runs on Modal: the real client deploys, spawns and cancels; real containers reach Postgres by TCP."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

pytest.importorskip("modal", reason="the extra `modal` is not installed")

from solver_jobs import modal_calls
from solver_jobs.app import APP, SECRET
from solver_jobs.calls import NotHandedOver, QueuedRun
from solver_jobs.foundry.task import MOST_SECONDS
from solver_jobs.kinds import SOLVER_THREADS
from tests.database import Connection, TemporaryDatabase, connected
from tests.peers.modal import ModalPeer
from tests.peers.modal.hosted import ROOT, Hosted, calls_of, deploy, hosted_shop
from tests.solver_jobs import paused_worker
from tests.solver_jobs.forecast.plants import melt_shop_rows
from tests.solver_jobs.shop import NOTHING, ONE_RESULT, eventually
from tests.solver_jobs.workers import go, paused

PROBLEM = melt_shop_rows() | {"schedule": []}

# Runs in a container before Modal's runtime: every worker dies before its claim.
DIE = """
from solver_jobs.environment import JobEnvironment
def die(*_):
    raise TimeoutError("no answer")
JobEnvironment.store = die
"""


@pytest.fixture
async def hosted(database: TemporaryDatabase, admin: Connection, tmp_path: Path) -> AsyncIterator[Hosted]:
    async with hosted_shop(database, admin, tmp_path / "hold") as shop:
        yield shop


# ---------------------------------------------------------------------- what is deployed


async def test_what_is_deployed_is_what_the_app_declares(hosted: Hosted) -> None:
    function = hosted.peer.function(APP, "forecast")
    assert function.resources.milli_cpu == 1000
    assert function.resources.memory_mb == 1024
    assert function.timeout_secs == 300
    assert function.retry_policy.retries == 0
    assert function.autoscaler_settings.max_containers == 10
    assert list(function.secret_ids) == [f"st-{SECRET}"]


async def test_a_replan_has_time_memory_and_the_cores_that_it_searches_on(hosted: Hosted) -> None:
    function = hosted.peer.function(APP, "replan")
    assert function.resources.milli_cpu == 1000 * SOLVER_THREADS
    assert function.resources.memory_mb >= 1500
    assert function.timeout_secs > MOST_SECONDS
    assert function.retry_policy.retries == 0
    commands = [line for image in hosted.peer.plane.images.values() for line in image.dockerfile_commands]
    (install,) = [line for line in commands if "ortools" in line]
    assert "--constraint /constraints.txt" in install
    assert any("solver_jobs.foundry.warm" in line for line in commands)


async def test_the_sweep_does_not_wait_for_more_at_somebodys_expense(hosted: Hosted) -> None:
    assert hosted.peer.function(APP, "sweep").task_idle_timeout_secs == 2


async def test_what_is_deployed_is_the_jobs_and_nothing_of_the_service(hosted: Hosted) -> None:
    function = hosted.peer.function(APP, "forecast")
    uploaded = {path for mount in function.mount_ids for path in hosted.peer.plane.mounts[mount]}
    ours = {f"/root/{path.relative_to(ROOT)}" for path in (ROOT / "solver_jobs").rglob("*.py")}
    assert uploaded == ours


async def test_the_image_is_made_of_pinned_packages(hosted: Hosted) -> None:
    commands = [line for image in hosted.peer.plane.images.values() for line in image.dockerfile_commands]
    (install,) = [line for line in commands if "asyncpg" in line]
    assert "--constraint /constraints.txt" in install
    copied = [
        hosted.peer.plane.mounts[image.context_mount_id]
        for image in hosted.peer.plane.images.values()
        if image.context_mount_id
    ]
    (constraints,) = [files["/constraints.txt"] for files in copied if "/constraints.txt" in files]
    assert hosted.peer.plane.files[constraints] == (ROOT / "constraints.txt").read_bytes()


@pytest.mark.parametrize(
    ("secrets", "said"),
    [({}, "'pourplan-jobs' not found"), ({SECRET: {"DATABASE_URL": "x"}}, "SUPABASE_SECRET_KEY")],
)
async def test_a_deployment_without_its_secret_is_refused(
    secrets: dict[str, dict[str, str]], said: str
) -> None:
    async with ModalPeer(secrets) as peer:
        code, output = await deploy(peer)
    assert code != 0
    assert said in " ".join(output.split())


# ---------------------------------------------------------------------- runs


async def test_a_run_is_spawned_solved_and_written_by_tcp(hosted: Hosted) -> None:
    hosted.lease_for_long()
    run_id = await hosted.shop.queue(PROBLEM)
    async with hosted.dispatcher() as running:
        await running.hand_over(run_id)
        row = await hosted.shop.until(run_id, "SUCCEEDED")
    assert await hosted.shop.rows() == ONE_RESULT
    assert row["attempt"] == 1
    assert row["call_id"] in hosted.peer.plane.calls


async def test_a_run_that_waits_for_its_container_is_not_spawned_again(hosted: Hosted) -> None:
    hosted.hold("before_claim")
    run_id = await hosted.shop.queue(PROBLEM)
    async with hosted.dispatcher(reap_seconds=0.2) as running:
        await running.hand_over(run_id)
        await paused(hosted.folder)
        await asyncio.sleep(1)
        assert hosted.peer.plane.asked["FunctionMap"] == 1
        assert hosted.peer.plane.asked["FunctionGetOutputs"] >= 2
        go(hosted.folder)
        await hosted.shop.until(run_id, "SUCCEEDED")
    assert await hosted.shop.rows() == ONE_RESULT


async def test_two_services_hand_the_same_run_over_and_one_container_has_it(hosted: Hosted) -> None:
    hosted.lease_for_long()
    run_id = await hosted.shop.queue(PROBLEM)
    async with hosted.dispatcher(reap_seconds=0.2) as one, hosted.dispatcher(reap_seconds=0.2) as other:
        await asyncio.gather(one.hand_over(run_id), other.hand_over(run_id))
        await hosted.shop.until(run_id, "SUCCEEDED")
        for call in hosted.peer.plane.calls.values():
            await asyncio.wait_for(call.done.wait(), 20)
    assert await hosted.shop.rows() == ONE_RESULT
    assert (await hosted.shop.run(run_id))["attempt"] == 1


@pytest.mark.parametrize("call_id", ["fc-expired", "local:somewhere:4194304"])
async def test_a_run_whose_call_nobody_knows_any_more_is_handed_over_again(
    hosted: Hosted, call_id: str
) -> None:
    run_id = await hosted.shop.queue(PROBLEM)
    async with connected(hosted.shop.database.jobs_url) as jobs:
        await jobs.execute("select record_dispatch($1, $2)", run_id, call_id)
    async with hosted.dispatcher():
        await hosted.shop.until(run_id, "SUCCEEDED")


@pytest.mark.parametrize("step", paused_worker.STEPS)
async def test_a_container_killed_at_any_step_leaves_exactly_one_result_in_the_end(
    hosted: Hosted, step: str
) -> None:
    hosted.hold(step)
    run_id = await hosted.shop.queue(PROBLEM)
    async with connected(hosted.shop.database.admin_url) as other, hosted.dispatcher(0.3) as running:
        transaction = other.transaction()
        await transaction.start()
        if step == "in_finish":
            await other.execute("lock table forecast_scores in access exclusive mode")
        await running.hand_over(run_id)
        pid = await paused(hosted.folder)
        if step == "in_finish":
            await hosted.shop.until_blocked()
        os.kill(pid, signal.SIGKILL)
        await transaction.rollback()
        await hosted.shop.until(run_id, "SUCCEEDED")
    assert await hosted.shop.rows() == ONE_RESULT
    once = step in ("before_claim", "in_finish", "after_finish")
    assert (await hosted.shop.run(run_id))["attempt"] == (1 if once else 2)


@pytest.mark.parametrize("step", ["before_claim", "stubborn"])
async def test_a_cancelled_run_ends_its_call_and_its_container(hosted: Hosted, step: str) -> None:
    hosted.hold(step)
    run_id = await hosted.shop.queue(PROBLEM)
    async with hosted.dispatcher() as running:
        await running.hand_over(run_id)
        await paused(hosted.folder)
        await hosted.shop.cancel(run_id)
        await running.cancel(run_id)
        (call,) = hosted.peer.plane.calls.values()
        await asyncio.wait_for(call.done.wait(), 10)

        async def no_container() -> bool:
            return not hosted.peer.containers()

        await eventually(no_container, "the container to end")
    assert await hosted.outcome(run_id) == ("CANCELLED", NOTHING)


async def test_a_run_of_a_problem_that_cannot_be_solved_fails_and_says_why(hosted: Hosted) -> None:
    run_id = await hosted.shop.queue({"month": "2024-09"})
    async with hosted.dispatcher() as running:
        await running.hand_over(run_id)
        row = await hosted.shop.until(run_id, "FAILED")
    assert row["error"]["code"] == "NOTHING_TO_FORECAST"


# ---------------------------------------------------------------------- Modal is away


async def test_while_modal_is_down_runs_wait_and_are_done_when_it_is_back(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modal_calls, "ANSWER_SECONDS", 1.0)
    await hosted.peer.go_down()
    run_id = await hosted.shop.queue(PROBLEM)
    async with hosted.dispatcher(reap_seconds=0.3) as running:
        await running.hand_over(run_id)
        await asyncio.sleep(2.5)
        row = await hosted.shop.run(run_id)
        assert (row["status"], row["attempt"], row["call_id"]) == ("QUEUED", 0, None)
        await hosted.peer.come_up()
        await hosted.shop.until(run_id, "SUCCEEDED")
    assert await hosted.shop.rows() == ONE_RESULT


async def test_what_cannot_be_asked_is_not_taken_for_ended(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modal_calls, "ANSWER_SECONDS", 1.0)
    hosted.hold("before_claim")
    calls = calls_of(APP)
    run_id = await hosted.shop.queue(PROBLEM)
    run = QueuedRun(run_id, "FORECAST", await calls.begin(QueuedRun(run_id, "FORECAST")))
    assert not await calls.has_ended(run)
    await hosted.peer.go_down()
    assert not await calls.has_ended(run)
    await hosted.peer.come_up()
    go(hosted.folder)
    await hosted.shop.until(run_id, "SUCCEEDED")

    async def ended() -> bool:
        return await calls.has_ended(run)

    await eventually(ended, "the call to be over")


async def test_a_worker_that_died_of_a_timeout_is_not_taken_for_modal_being_away(hosted: Hosted) -> None:
    hosted.peer.plane.prelude = DIE
    calls = calls_of(APP)
    run_id = await hosted.shop.queue(PROBLEM)
    call_id = await calls.begin(QueuedRun(run_id, "FORECAST"))
    assert call_id is not None
    call = hosted.peer.plane.calls[call_id]
    await asyncio.wait_for(call.done.wait(), 60)
    assert call.result.exception.startswith("WorkerDied('TimeoutError: no answer')")
    assert await calls.has_ended(QueuedRun(run_id, "FORECAST", call_id))
    assert await hosted.outcome(run_id) == ("QUEUED", NOTHING)


async def test_an_app_that_is_not_deployed_is_named(hosted: Hosted) -> None:
    with pytest.raises(NotHandedOver, match="App 'steelworks' not found"):
        await calls_of("steelworks").begin(QueuedRun(UUID(int=0), "FORECAST"))
