"""One run in a real worker process: claimed, solved, verified, written; and killed at every step."""

import asyncio
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from solver_jobs.kinds import Kind, Listener, StopSignal, kind_of
from solver_jobs.store import Claim, DirectStore, Progress, Stop
from solver_jobs.worker import Ending, work
from tests.database import connected
from tests.solver_jobs.forecast.plants import melt_shop_rows
from tests.solver_jobs.paused_worker import STEPS
from tests.solver_jobs.shop import NOTHING, ONE_RESULT, Shop
from tests.solver_jobs.workers import Worker, go, paused, started, worker_environment
from tests.tcp_door import tcp_door

SETTLED, NOT_WRITTEN, CALLED_WRONGLY = 0, 1, 2

# The grade A53/C592 and its like are not in the shop's catalog.
PROBLEM = melt_shop_rows() | {"schedule": []}


@pytest.fixture
async def queued(shop: Shop) -> UUID:
    return await shop.queue(PROBLEM)


async def outcome(shop: Shop, run_id: UUID) -> tuple[str, dict[str, int]]:
    return (await shop.run(run_id))["status"], await shop.rows()


async def test_a_run_is_solved_and_written(shop: Shop, queued: UUID) -> None:
    async with started(worker_environment(shop), queued) as worker:
        assert await worker.ended() == SETTLED
    assert await outcome(shop, queued) == ("SUCCEEDED", ONE_RESULT)
    row = await shop.run(queued)
    assert (row["attempt"], row["percent"], row["phase"]) == (1, 100.0, "done")
    assert row["call_id"] == f"local:alone:{worker.process.pid}"


async def test_what_a_worker_logs_is_json_and_holds_no_secret(shop: Shop, queued: UUID) -> None:
    async with started(worker_environment(shop), queued) as worker:
        await worker.ended()
    events = [json.loads(line) for line in worker.log.splitlines()]
    assert [event["event"] for event in events] == ["run_claimed", "run_succeeded"]
    assert str((await shop.run(queued))["lease_token"]) not in worker.log


async def test_a_worker_whose_log_nobody_reads_any_more_goes_on(shop: Shop, queued: UUID) -> None:
    read, write = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "solver_jobs", str(queued)), env=worker_environment(shop), stderr=write
    )
    os.close(write)
    os.close(read)
    assert await asyncio.wait_for(process.wait(), 30) == SETTLED
    assert await outcome(shop, queued) == ("SUCCEEDED", ONE_RESULT)


async def test_a_run_that_another_has_is_left_alone(shop: Shop, queued: UUID, tmp_path: Path) -> None:
    environment = worker_environment(shop)
    async with started(environment, queued, step="solving", folder=tmp_path) as first:
        await paused(tmp_path)
        async with started(environment, queued) as second:
            assert await second.ended() == SETTLED
        assert "run_not_claimed" in second.log
        go(tmp_path)
        assert await first.ended() == SETTLED
    assert await outcome(shop, queued) == ("SUCCEEDED", ONE_RESULT)
    assert (await shop.run(queued))["attempt"] == 1


# ---------------------------------------------------------------------- what a planner is told


@pytest.mark.parametrize(
    ("step", "code", "said", "details"),
    [
        ("wrong", "PLAN_INVALID", "breaks what it must keep", ["Grade A36 has 3 heats too many."]),
        ("out_of_memory", "OUT_OF_MEMORY", "more memory than its worker has", []),
        ("broken", "INTERNAL", "a fault of its own, reference ", []),
    ],
)
async def test_a_job_that_fails_says_why(
    shop: Shop, queued: UUID, tmp_path: Path, step: str, code: str, said: str, details: list[str]
) -> None:
    async with started(worker_environment(shop), queued, step=step, folder=tmp_path) as worker:
        assert await worker.ended() == SETTLED
    assert await outcome(shop, queued) == ("FAILED", NOTHING)
    error = (await shop.run(queued))["error"]
    assert (error["code"], error["details"]) == (code, details)
    assert said in error["message"]
    assert error["hint"]


async def test_a_fault_of_ours_is_told_by_reference_and_explained_in_the_log(
    shop: Shop, queued: UUID, tmp_path: Path
) -> None:
    async with started(worker_environment(shop), queued, step="broken", folder=tmp_path) as worker:
        await worker.ended()
    error = (await shop.run(queued))["error"]
    assert "secret of the solver" not in json.dumps(error)
    logged = next(
        event for event in map(json.loads, worker.log.splitlines()) if event["event"] == "run_broke"
    )
    assert logged["reference"] in error["message"]
    assert "RuntimeError: a secret of the solver" in logged["exception"]


@pytest.mark.parametrize(
    ("problem", "fault"),
    [
        (PROBLEM | {"month": "2024-13"}, "month: "),
        (PROBLEM | {"heat_tons": -1}, "heat_tons: "),
        (["no", "problem"], "the problem: "),
    ],
)
async def test_a_problem_of_another_form_is_refused_with_its_faults(
    shop: Shop, problem: Any, fault: str
) -> None:
    run_id = await shop.queue(problem)
    async with started(worker_environment(shop), run_id) as worker:
        assert await worker.ended() == SETTLED
    error = (await shop.run(run_id))["error"]
    assert error["code"] == "PROBLEM_INVALID"
    assert any(detail.startswith(fault) for detail in error["details"])


async def test_a_job_that_has_no_answer_says_so_in_its_own_words(shop: Shop) -> None:
    run_id = await shop.queue({"month": "2024-09"})
    async with started(worker_environment(shop), run_id) as worker:
        assert await worker.ended() == SETTLED
    error = (await shop.run(run_id))["error"]
    assert error["code"] == "NOTHING_TO_FORECAST"
    assert "Import the plant's production history" in error["hint"]


async def test_a_kind_that_the_worker_does_not_know_is_named(shop: Shop) -> None:
    async with connected(shop.database.admin_url) as admin:
        run_id = await admin.fetchval(
            "insert into plan_runs (tenant_id, kind, problem, requested_by)"
            " values ($1, 'ALLOCATION', '{}', $2) returning id",
            shop.plant.id,
            shop.plant.planner,
        )
        await admin.execute(
            "insert into plan_run_leases (run_id, tenant_id) values ($1, $2)", run_id, shop.plant.id
        )
    async with started(worker_environment(shop), run_id) as worker:
        assert await worker.ended() == SETTLED
    error = (await shop.run(run_id))["error"]
    assert error["code"] == "KIND_UNKNOWN"
    assert "ALLOCATION" in error["message"]


async def test_a_result_that_the_database_refuses_is_a_failed_run(shop: Shop) -> None:
    stranger = {"group": "Rebar", "grade": "not in the catalog", "month": "2024-08", "tons": 100.0}
    run_id = await shop.queue(PROBLEM | {"history": [*PROBLEM["history"], stranger]})
    async with started(worker_environment(shop), run_id) as worker:
        assert await worker.ended() == SETTLED
    assert await outcome(shop, run_id) == ("FAILED", NOTHING)
    assert (await shop.run(run_id))["error"]["code"] == "INTERNAL"
    assert "not in the catalog" in worker.log


# ---------------------------------------------------------------------- called wrongly


async def test_a_run_that_is_not_there_is_named(shop: Shop) -> None:
    async with started(worker_environment(shop), uuid4()) as worker:
        assert await worker.ended() == CALLED_WRONGLY
    assert "There is no run" in worker.log


async def test_what_is_no_id_is_named(shop: Shop) -> None:
    async with started(worker_environment(shop), "september") as worker:
        assert await worker.ended() == CALLED_WRONGLY
    assert "'september'" in worker.log


@pytest.mark.parametrize(
    ("name", "value"), [("DATABASE_JOBS_URL", ""), ("POURPLAN_LEASE_SECONDS", "a minute")]
)
async def test_a_wrong_variable_is_named(shop: Shop, queued: UUID, name: str, value: str) -> None:
    async with started(worker_environment(shop) | {name: value}, queued) as worker:
        assert await worker.ended() == CALLED_WRONGLY
    assert name in worker.log
    assert (await shop.run(queued))["status"] == "QUEUED"


# ---------------------------------------------------------------------- lease, progress, stop


async def test_progress_and_signs_of_life_reach_the_database(
    shop: Shop, queued: UUID, tmp_path: Path
) -> None:
    environment = worker_environment(shop, lease_seconds=2)
    async with started(environment, queued, step="solving", folder=tmp_path) as worker:
        await paused(tmp_path)
        await asyncio.sleep(3)  # longer than the lease
        row = await shop.run(queued)
        assert (row["phase"], row["percent"], row["best_objective"]) == ("waiting", 50.0, 7.0)
        assert await shop.admin.fetch("select * from reap_runs()") == []
        go(tmp_path)
        assert await worker.ended() == SETTLED
    assert await outcome(shop, queued) == ("SUCCEEDED", ONE_RESULT)


class Listening(DirectStore):
    """Hears what is told of a run's progress."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.heard: dict[str, Progress] = {}
        self.verifying = threading.Event()

    async def progress(self, claim: Claim, progress: Progress) -> Stop | None:
        self.heard[progress.phase] = progress
        if progress.phase == "verifying":
            self.verifying.set()
        return await super().progress(claim, progress)


async def test_the_figures_of_the_best_plan_stay_while_it_is_verified(shop: Shop, queued: UUID) -> None:
    async with Listening(shop.database.jobs_url) as store:

        def kind(name: str) -> Kind[Any, Any]:
            real = kind_of(name)

            def solve(problem: Any, *, stop: StopSignal, progress: Listener) -> Any:
                result = real.solve(problem, stop=stop, progress=lambda *_: None)
                progress("polish", 90.0, 7.0, 3.0)
                return result

            def verify(problem: Any, result: Any) -> list[str]:
                assert store.verifying.wait(30)
                return real.verify(problem, result)

            return Kind(real.parse, solve, verify)

        assert await work(queued, store, lease_seconds=60, kinds=kind) is Ending.SUCCEEDED
    assert store.heard["verifying"] == Progress("verifying", 99.0, 7.0, 3.0)


@pytest.mark.parametrize("step", ["solving", "stubborn"])
async def test_a_cancelled_run_ends_its_worker_even_when_the_solver_does_not_listen(
    shop: Shop, queued: UUID, tmp_path: Path, step: str
) -> None:
    environment = worker_environment(shop, lease_seconds=2)
    async with started(environment, queued, step=step, folder=tmp_path) as worker:
        await paused(tmp_path)
        await shop.cancel(queued)
        assert await worker.ended(seconds=10) == SETTLED
    assert "run_cancelled" in worker.log
    assert await outcome(shop, queued) == ("CANCELLED", NOTHING)


async def test_a_run_that_is_to_keep_its_best_stops_and_is_written(
    shop: Shop, queued: UUID, tmp_path: Path
) -> None:
    environment = worker_environment(shop, lease_seconds=2)
    async with started(environment, queued, step="solving", folder=tmp_path) as worker:
        await paused(tmp_path)
        await shop.cancel(queued, keep_best=True)
        assert await worker.ended(seconds=10) == SETTLED
    assert await outcome(shop, queued) == ("SUCCEEDED", ONE_RESULT)


async def test_a_run_that_was_cancelled_before_its_result_came_stores_nothing(
    shop: Shop, queued: UUID, tmp_path: Path
) -> None:
    async with started(worker_environment(shop), queued, step="before_finish", folder=tmp_path) as worker:
        await paused(tmp_path)
        await shop.cancel(queued)
        go(tmp_path)
        assert await worker.ended() == SETTLED
    assert await outcome(shop, queued) == ("CANCELLED", NOTHING)


@pytest.mark.parametrize("step", ["solving", "before_finish"])
async def test_a_ghost_writes_nothing(shop: Shop, queued: UUID, tmp_path: Path, step: str) -> None:
    environment = worker_environment(shop, lease_seconds=2)
    async with started(environment, queued, step=step, folder=tmp_path) as ghost:
        await paused(tmp_path)
        ghost.send(signal.SIGSTOP)
        await asyncio.sleep(2.1)
        async with started(environment, queued) as second:
            assert await second.ended() == SETTLED
        assert await outcome(shop, queued) == ("SUCCEEDED", ONE_RESULT)
        written = await shop.run(queued)
        go(tmp_path)
        ghost.send(signal.SIGCONT)
        assert await ghost.ended() == SETTLED
    assert "lease_lost" in ghost.log
    assert await shop.run(queued) == written
    assert await shop.rows() == ONE_RESULT


async def test_a_database_that_is_away_for_less_than_the_lease_costs_nothing(
    shop: Shop, queued: UUID, tmp_path: Path
) -> None:
    async with tcp_door(shop.database) as door:
        environment = worker_environment(shop, door.url("pourplan_jobs"), lease_seconds=10)
        async with started(environment, queued, step="before_finish", folder=tmp_path) as worker:
            await paused(tmp_path)
            await door.shut()
            go(tmp_path)
            await asyncio.sleep(1.5)
            await door.open()
            assert await worker.ended() == SETTLED
    assert "database_unreachable" in worker.log
    assert await outcome(shop, queued) == ("SUCCEEDED", ONE_RESULT)
    assert (await shop.run(queued))["attempt"] == 1


async def test_a_database_that_stays_away_ends_the_worker_with_its_lease(
    shop: Shop, queued: UUID, tmp_path: Path
) -> None:
    async with tcp_door(shop.database) as door:
        environment = worker_environment(shop, door.url("pourplan_jobs"), lease_seconds=2)
        async with started(environment, queued, step="solving", folder=tmp_path) as worker:
            await paused(tmp_path)
            await door.shut()
            assert await worker.ended(seconds=15) == NOT_WRITTEN
    assert "run_not_written" in worker.log
    assert (await shop.run(queued))["status"] == "RUNNING"


async def test_a_worker_that_is_asked_to_end_does_so_at_once(
    shop: Shop, queued: UUID, tmp_path: Path
) -> None:
    async with started(worker_environment(shop), queued, step="stubborn", folder=tmp_path) as worker:
        await paused(tmp_path)
        worker.send(signal.SIGTERM)
        assert await worker.ended(seconds=5) == 128 + signal.SIGTERM
    assert (await shop.run(queued))["status"] == "RUNNING"


# ---------------------------------------------------------------------- killed at every step


async def killed_at(shop: Shop, worker: Worker, step: str, folder: Path) -> None:
    """Kill a worker at a step; in the midst of its transaction when that is the step."""
    if step != "in_finish":
        await paused(folder)
        worker.send(signal.SIGKILL)
        await worker.ended()
        return
    async with connected(shop.database.admin_url) as other, other.transaction():
        await other.execute("lock table forecast_scores in access exclusive mode")
        await paused(folder)
        await shop.until_blocked()
        worker.send(signal.SIGKILL)
        await worker.ended()
        assert await shop.admin.fetchval("select count(*) from forecast_heats") == 0


@pytest.mark.parametrize("step", STEPS)
async def test_a_worker_killed_at_any_step_leaves_exactly_one_result_in_the_end(
    shop: Shop, queued: UUID, tmp_path: Path, step: str
) -> None:
    environment = worker_environment(shop, lease_seconds=2)
    async with started(environment, queued, step=step, folder=tmp_path) as worker:
        await killed_at(shop, worker, step, tmp_path)
    written = step in ("in_finish", "after_finish")
    if written:
        # What Postgres had received it ended by itself.
        await shop.until(queued, "SUCCEEDED")
    before = await shop.run(queued)
    await asyncio.sleep(0 if step == "before_claim" or written else 2.1)
    async with started(environment, queued) as second:
        assert await second.ended() == SETTLED
    assert await outcome(shop, queued) == ("SUCCEEDED", ONE_RESULT)
    after = await shop.run(queued)
    assert after["attempt"] == (1 if written or step == "before_claim" else 2)
    assert not written or after == before


async def test_a_transaction_that_breaks_half_way_leaves_nothing(
    shop: Shop, queued: UUID, tmp_path: Path
) -> None:
    environment = worker_environment(shop, lease_seconds=2)
    async with (
        started(environment, queued, step="in_finish", folder=tmp_path) as worker,
        connected(shop.database.admin_url) as other,
        other.transaction(),
    ):
        await other.execute("lock table forecast_scores in access exclusive mode")
        await paused(tmp_path)
        backend = await shop.until_blocked()
        worker.send(signal.SIGKILL)
        await worker.ended()
        await other.execute("select pg_terminate_backend($1, 5000)", backend)
    assert await outcome(shop, queued) == ("RUNNING", NOTHING)
    await asyncio.sleep(2.1)
    async with started(environment, queued) as second:
        assert await second.ended() == SETTLED
    assert await outcome(shop, queued) == ("SUCCEEDED", ONE_RESULT)


async def test_a_broken_transaction_is_repeated_by_the_worker_that_lives(
    shop: Shop, queued: UUID, tmp_path: Path
) -> None:
    environment = worker_environment(shop)
    async with started(environment, queued, step="in_finish", folder=tmp_path) as worker:
        async with connected(shop.database.admin_url) as other, other.transaction():
            await other.execute("lock table forecast_scores in access exclusive mode")
            await other.execute("select pg_terminate_backend($1, 5000)", await shop.until_blocked())
        assert await worker.ended() == SETTLED
    assert await outcome(shop, queued) == ("SUCCEEDED", ONE_RESULT)
    assert (await shop.run(queued))["attempt"] == 1
