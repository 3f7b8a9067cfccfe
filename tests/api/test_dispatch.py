"""Runs handed over to worker processes, and brought back whatever happens to those."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from api.dispatch import Dispatcher
from api.local_workers import WORKER
from api.settings import Settings, SettingsError
from tests.database import Connection, TemporaryDatabase, connected
from tests.solver_jobs.forecast.plants import melt_shop_rows
from tests.solver_jobs.paused_worker import STEPS
from tests.solver_jobs.shop import NOTHING, ONE_RESULT, Shop, eventually
from tests.solver_jobs.workers import go, paused, paused_program

PROBLEM = melt_shop_rows() | {"schedule": []}


@pytest.fixture
async def shop(database: TemporaryDatabase, admin: Connection) -> Shop:
    return await Shop.open(database, admin)


@pytest.fixture
def hold(tmp_path: Path) -> Path:
    """Where a held worker tells that it waits."""
    return tmp_path / "hold"


@asynccontextmanager
async def dispatcher(
    shop: Shop,
    data: Path,
    *,
    worker: Sequence[str] = WORKER,
    own_runs_only: bool = False,
    workers: int = 1,
    lease_seconds: int = 60,
    reap_seconds: float = 60,
) -> AsyncIterator[Dispatcher]:
    settings = Settings(
        data=data,
        workers=workers,
        lease_seconds=lease_seconds,
        reap_seconds=reap_seconds,
        log_level="error",
    )
    async with Dispatcher(
        settings, shop.database.jobs_url, own_runs_only=own_runs_only, worker=worker
    ) as running:
        yield running


async def gone(pid: int) -> None:
    async def look() -> bool:
        return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE

    await eventually(look, f"process {pid} to end", seconds=10)


async def test_a_run_that_is_handed_over_is_done(shop: Shop, tmp_path: Path) -> None:
    run_id = await shop.queue(PROBLEM)
    async with dispatcher(shop, tmp_path) as running:
        await running.hand_over(run_id)
        await shop.until(run_id, "SUCCEEDED")
    assert await shop.rows() == ONE_RESULT
    assert (await shop.run(run_id))["attempt"] == 1


async def test_what_waited_while_no_service_ran_is_done_at_its_start(shop: Shop, tmp_path: Path) -> None:
    run_ids = [await shop.queue(PROBLEM) for _ in range(2)]
    async with dispatcher(shop, tmp_path):
        for run_id in run_ids:
            await shop.until(run_id, "SUCCEEDED")


async def test_a_run_that_is_handed_over_many_times_is_done_once(shop: Shop, tmp_path: Path) -> None:
    run_id = await shop.queue(PROBLEM)
    async with (
        dispatcher(shop, tmp_path / "a", workers=3, reap_seconds=0.2) as one,
        dispatcher(shop, tmp_path / "b", workers=3, reap_seconds=0.2) as other,
    ):
        for running in (one, other, one, other):
            await running.hand_over(run_id)
        await shop.until(run_id, "SUCCEEDED")
        await asyncio.sleep(0.5)
    assert await shop.rows() == ONE_RESULT
    assert (await shop.run(run_id))["attempt"] == 1


async def test_a_run_that_is_not_there_disturbs_nobody(shop: Shop, tmp_path: Path) -> None:
    run_id = await shop.queue(PROBLEM)
    async with dispatcher(shop, tmp_path) as running:
        await running.hand_over(uuid4())
        await running.hand_over(run_id)
        await shop.until(run_id, "SUCCEEDED")


async def test_the_oldest_goes_first_and_no_more_at_once_than_there_are_places(
    shop: Shop, tmp_path: Path, hold: Path
) -> None:
    run_ids = [await shop.queue(PROBLEM) for _ in range(3)]
    async with dispatcher(shop, tmp_path, worker=paused_program("solving", hold)) as running:
        for run_id in reversed(run_ids):
            await running.hand_over(run_id)
        await paused(hold)
        await asyncio.sleep(1)
        assert [(await shop.run(run_id))["status"] for run_id in run_ids] == ["RUNNING", "QUEUED", "QUEUED"]
        go(hold)
        for run_id in run_ids:
            await shop.until(run_id, "SUCCEEDED")
    started = [(await shop.run(run_id))["started_at"] for run_id in run_ids]
    finished = [(await shop.run(run_id))["finished_at"] for run_id in run_ids]
    assert started == sorted(started)
    assert finished[0] <= started[1]
    assert finished[1] <= started[2]


async def test_the_places_of_a_machine_are_shared_by_all_dispatchers(
    shop: Shop, tmp_path: Path, hold: Path
) -> None:
    first, second = await shop.queue(PROBLEM), await shop.queue(PROBLEM)
    async with (
        dispatcher(shop, tmp_path, worker=paused_program("solving", hold), own_runs_only=True) as one,
        dispatcher(shop, tmp_path, own_runs_only=True) as other,
    ):
        await one.hand_over(first)
        await paused(hold)
        await other.hand_over(second)
        await asyncio.sleep(1)
        assert (await shop.run(second))["status"] == "QUEUED"
        go(hold)
        await shop.until(second, "SUCCEEDED")


async def test_a_command_starts_its_own_runs_and_no_others(shop: Shop, tmp_path: Path) -> None:
    others, own = await shop.queue(PROBLEM), await shop.queue(PROBLEM)
    async with dispatcher(shop, tmp_path, own_runs_only=True, reap_seconds=0.2) as running:
        await running.hand_over(own)
        await shop.until(own, "SUCCEEDED")
        await asyncio.sleep(0.5)
    assert (await shop.run(others))["status"] == "QUEUED"


async def test_a_run_that_waits_for_a_commands_worker_is_left_to_it(
    shop: Shop, tmp_path: Path, hold: Path
) -> None:
    run_id = await shop.queue(PROBLEM)
    async with dispatcher(
        shop, tmp_path, worker=paused_program("before_claim", hold), own_runs_only=True, workers=2
    ) as command:
        await command.hand_over(run_id)
        await paused(hold)
        handed_to = (await shop.run(run_id))["call_id"]
        async with dispatcher(shop, tmp_path, workers=2, reap_seconds=0.1):
            await asyncio.sleep(0.7)
            assert (await shop.run(run_id))["call_id"] == handed_to
            go(hold)
            await shop.until(run_id, "SUCCEEDED")
    assert (await shop.run(run_id))["call_id"] == handed_to


# ---------------------------------------------------------------------- lost workers


@pytest.mark.parametrize("step", STEPS)
async def test_a_worker_killed_at_any_step_is_replaced_without_waiting_for_its_lease(
    shop: Shop, tmp_path: Path, hold: Path, step: str
) -> None:
    run_id = await shop.queue(PROBLEM)
    # Nothing comes back by an expired lease here: it lasts for an hour.
    async with dispatcher(
        shop, tmp_path, worker=paused_program(step, hold), lease_seconds=3600, reap_seconds=1
    ) as running:
        await running.hand_over(run_id)
        if step == "in_finish":
            async with connected(shop.database.admin_url) as other, other.transaction():
                await other.execute("lock table forecast_scores in access exclusive mode")
                pid = await paused(hold)
                await shop.until_blocked()
                os.kill(pid, signal.SIGKILL)
                await asyncio.sleep(0.3)
        else:
            pid = await paused(hold)
            os.kill(pid, signal.SIGKILL)
        await gone(pid)
        await shop.until(run_id, "SUCCEEDED")
        await asyncio.sleep(0.3)
    assert await shop.rows() == ONE_RESULT
    once = step in ("before_claim", "in_finish", "after_finish")
    assert (await shop.run(run_id))["attempt"] == (1 if once else 2)


async def test_a_run_whose_worker_is_lost_three_times_fails_and_says_why(shop: Shop, tmp_path: Path) -> None:
    run_id = await shop.queue(PROBLEM)
    dying = (sys.executable, "-c", DIES_AFTER_ITS_CLAIM)
    async with dispatcher(shop, tmp_path, worker=dying) as running:
        await running.hand_over(run_id)
        await shop.until(run_id, "FAILED")
    row = await shop.run(run_id)
    assert (row["attempt"], row["error"]["code"]) == (3, "WORKER_LOST")
    assert "3 times" in row["error"]["message"]
    assert await shop.rows() == NOTHING


DIES_AFTER_ITS_CLAIM = """
import asyncio, os, signal, sys, uuid
from solver_jobs.environment import JobEnvironment
call = f"local:{os.environ['POURPLAN_INSTANCE']}:{os.getpid()}"
store = JobEnvironment.read(os.environ).store(call)
asyncio.run(store.claim(uuid.UUID(sys.argv[1])))
os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_a_worker_that_dies_before_it_claims_is_not_started_in_a_circle(
    shop: Shop, tmp_path: Path
) -> None:
    run_id = await shop.queue(PROBLEM)
    count = tmp_path / "starts"
    failing = (sys.executable, "-c", f"open({str(count)!r}, 'a').write('x'); raise SystemExit(1)")

    async def tried_again() -> bool:
        return count.exists() and len(count.read_text()) >= 2

    async with dispatcher(shop, tmp_path, worker=failing, reap_seconds=0.5) as running:
        await running.hand_over(run_id)
        await asyncio.sleep(1.6)
        assert not count.exists() or len(count.read_text()) <= 4
        await eventually(tried_again, "another try")
    row = await shop.run(run_id)
    assert (row["status"], row["attempt"]) == ("QUEUED", 0)


async def test_a_worker_that_is_broken_tells_the_runs_reader_why_and_is_tried_less_often(
    shop: Shop, tmp_path: Path
) -> None:
    run_id = await shop.queue(PROBLEM)
    count = tmp_path / "starts"
    broken = (sys.executable, "-c", f"open({str(count)!r}, 'a').write('x'); import no_such_solver")

    async def told(word: str) -> bool:
        return word in ((await shop.run(run_id))["phase"] or "")

    async def tried_three_times() -> bool:
        return len(count.read_text()) >= 3

    async with dispatcher(shop, tmp_path, worker=broken, reap_seconds=0.2) as running:
        await running.hand_over(run_id)
        reason = "the worker ended before it began: ModuleNotFoundError: No module named 'no_such_solver'"
        await eventually(lambda: told(reason), "the reason to be told")
        await eventually(tried_three_times, "two more tries")
        await asyncio.sleep(2)
    assert len(count.read_text()) == 3
    row = await shop.run(run_id)
    assert (row["status"], row["attempt"]) == ("QUEUED", 0)
    await shop.admin.execute("update plan_run_leases set dispatched_at = now() - interval '61 seconds'")
    async with dispatcher(shop, tmp_path):
        await shop.until(run_id, "SUCCEEDED")
    assert (await shop.run(run_id))["phase"] == "done"


async def test_a_worker_that_says_nothing_for_a_lease_is_killed_and_replaced(
    shop: Shop, tmp_path: Path, hold: Path
) -> None:
    run_id = await shop.queue(PROBLEM)
    async with dispatcher(
        shop, tmp_path, worker=paused_program("solving", hold), lease_seconds=2, reap_seconds=0.3
    ) as running:
        await running.hand_over(run_id)
        pid = await paused(hold)
        os.kill(pid, signal.SIGSTOP)
        await shop.until(run_id, "SUCCEEDED")
        await gone(pid)
    assert (await shop.run(run_id))["attempt"] == 2
    assert await shop.rows() == ONE_RESULT


# ---------------------------------------------------------------------- the service ends, or dies


async def test_a_service_that_ends_gives_its_runs_back(shop: Shop, tmp_path: Path, hold: Path) -> None:
    run_id = await shop.queue(PROBLEM)
    async with dispatcher(shop, tmp_path, worker=paused_program("stubborn", hold)) as running:
        await running.hand_over(run_id)
        pid = await paused(hold)
    await gone(pid)
    assert (await shop.run(run_id))["status"] == "QUEUED"
    async with dispatcher(shop, tmp_path):
        await shop.until(run_id, "SUCCEEDED")
    assert await shop.rows() == ONE_RESULT


SERVICE = """
import asyncio, sys
from pathlib import Path
from api.dispatch import Dispatcher
from api.settings import Settings

async def serve():
    settings = Settings(data=Path(sys.argv[2]), workers=1, lease_seconds=int(sys.argv[3]), reap_seconds=0.3)
    async with Dispatcher(settings, sys.argv[1], worker=sys.argv[4:]):
        await asyncio.Event().wait()

asyncio.run(serve())
"""


@asynccontextmanager
async def service_process(
    shop: Shop, data: Path, worker: Sequence[str], lease_seconds: int = 60
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A dispatcher in a process of its own, which can be killed."""
    arguments = (shop.database.jobs_url, str(data), str(lease_seconds), *worker)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVICE, *arguments)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_workers_outlive_a_killed_service_and_keep_their_places(
    shop: Shop, tmp_path: Path, hold: Path
) -> None:
    first, second = await shop.queue(PROBLEM), await shop.queue(PROBLEM)
    async with service_process(shop, tmp_path, paused_program("solving", hold)) as service:
        await paused(hold)
        service.kill()
        await service.wait()
    async with dispatcher(shop, tmp_path, reap_seconds=0.2):
        await asyncio.sleep(1)
        assert (await shop.run(first))["status"] == "RUNNING"
        assert (await shop.run(second))["status"] == "QUEUED"
        go(hold)
        await shop.until(first, "SUCCEEDED")
        await shop.until(second, "SUCCEEDED")
    assert (await shop.run(first))["attempt"] == 1


@pytest.mark.parametrize("step", STEPS)
async def test_service_and_worker_killed_together_lose_nothing(
    shop: Shop, tmp_path: Path, hold: Path, step: str
) -> None:
    run_id = await shop.queue(PROBLEM)
    async with (
        connected(shop.database.admin_url) as other,
        service_process(shop, tmp_path, paused_program(step, hold), lease_seconds=2) as service,
    ):
        transaction = other.transaction()
        await transaction.start()
        if step == "in_finish":
            await other.execute("lock table forecast_scores in access exclusive mode")
        pid = await paused(hold)
        if step == "in_finish":
            await shop.until_blocked()
        service.kill()
        await service.wait()
        os.kill(pid, signal.SIGKILL)
        await gone(pid)
        await transaction.rollback()
    async with dispatcher(shop, tmp_path, lease_seconds=2, reap_seconds=0.3):
        await shop.until(run_id, "SUCCEEDED")
        await asyncio.sleep(0.5)
    assert await shop.rows() == ONE_RESULT


# ---------------------------------------------------------------------- cancelled


async def test_a_queued_run_that_is_cancelled_is_never_started(
    shop: Shop, tmp_path: Path, hold: Path
) -> None:
    first, second = await shop.queue(PROBLEM), await shop.queue(PROBLEM)
    async with dispatcher(shop, tmp_path, worker=paused_program("solving", hold)) as running:
        await running.hand_over(first)
        await running.hand_over(second)
        await paused(hold)
        await shop.cancel(second)
        await running.cancel(second)
        go(hold)
        await shop.until(first, "SUCCEEDED")
        await asyncio.sleep(0.5)
    row = await shop.run(second)
    assert (row["status"], row["attempt"]) == ("CANCELLED", 0)
    assert await shop.rows() == ONE_RESULT


@pytest.mark.parametrize("step", ["before_claim", "solving", "stubborn", "before_finish"])
async def test_a_cancelled_run_frees_its_place_at_once(
    shop: Shop, tmp_path: Path, hold: Path, step: str
) -> None:
    run_id = await shop.queue(PROBLEM)
    async with dispatcher(shop, tmp_path, worker=paused_program(step, hold), lease_seconds=600) as running:
        await running.hand_over(run_id)
        pid = await paused(hold)
        await shop.cancel(run_id)
        await running.cancel(run_id)
        await gone(pid)
        following = await shop.queue(PROBLEM)
        await running.hand_over(following)
        await shop.until(following, "SUCCEEDED")
    assert (await shop.run(run_id))["status"] == "CANCELLED"
    assert await shop.rows() == ONE_RESULT


async def test_a_run_that_ended_is_cancelled_in_vain(shop: Shop, tmp_path: Path) -> None:
    run_id = await shop.queue(PROBLEM)
    async with dispatcher(shop, tmp_path) as running:
        await running.hand_over(run_id)
        await shop.until(run_id, "SUCCEEDED")
        await running.cancel(run_id)
        await running.cancel(uuid4())
    assert (await shop.run(run_id))["status"] == "SUCCEEDED"


# ---------------------------------------------------------------------- what else is promised


async def test_a_database_that_is_away_for_a_while_ends_no_housekeeping(shop: Shop, tmp_path: Path) -> None:
    async with dispatcher(shop, tmp_path, reap_seconds=0.2):
        await shop.admin.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where datname = current_database() and application_name = 'pourplan-dispatch'"
        )
        run_id = await shop.queue(PROBLEM)
        await shop.until(run_id, "SUCCEEDED")


async def test_statistics_count_runs_by_kind_and_status(shop: Shop, tmp_path: Path) -> None:
    done, waiting = await shop.queue(PROBLEM), await shop.queue(PROBLEM)
    async with dispatcher(shop, tmp_path, own_runs_only=True) as running:
        await running.hand_over(done)
        await shop.until(done, "SUCCEEDED")
        rows = await running.statistics()
    assert {(row["kind"], row["status"]): row["runs"] for row in rows} == {
        ("FORECAST", "SUCCEEDED"): 1,
        ("FORECAST", "QUEUED"): 1,
    }
    assert [row["oldest_seconds"] is not None for row in rows] == [row["status"] == "QUEUED" for row in rows]
    assert all(row["oldest_seconds"] > 0 for row in rows if row["status"] == "QUEUED")
    assert (await shop.run(waiting))["status"] == "QUEUED"


async def test_a_worker_is_told_what_it_needs_and_no_secret_of_the_service(
    shop: Shop, tmp_path: Path, hold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DATABASE_URL", "DATABASE_ADMIN_URL", "DATABASE_JOBS_URL", "SUPABASE_SECRET_KEY"):
        monkeypatch.setenv(name, "postgresql://secret")
    run_id = await shop.queue(PROBLEM)
    async with dispatcher(shop, tmp_path, worker=paused_program("solving", hold)) as running:
        await running.hand_over(run_id)
        environment = psutil.Process(await paused(hold)).environ()
        assert "secret" not in "".join(environment.values())
        assert environment["DATABASE_JOBS_URL"] == shop.database.jobs_url
        assert os.getsid(int((hold / "paused").read_text())) != os.getsid(0)
        go(hold)
        await shop.until(run_id, "SUCCEEDED")


def test_a_signing_key_that_is_none_is_named_and_not_repeated(tmp_path: Path) -> None:
    pytest.importorskip("modal", reason="the extra `modal` is not installed")
    settings = Settings.model_validate(
        {"data": tmp_path, "modal_app": "pourplan", "SUPABASE_SIGNING_KEY": "sb_secret_1234"}
    )
    with pytest.raises(SettingsError, match="SUPABASE_SIGNING_KEY: expected a private key") as refused:
        Dispatcher(settings, "postgresql://nobody@nowhere/none")
    assert "1234" not in str(refused.value)
