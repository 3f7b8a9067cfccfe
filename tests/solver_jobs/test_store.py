"""The four operations, through a direct connection, on the real SQL functions."""

import asyncio
import uuid
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest

from solver_jobs.errors import JobError
from solver_jobs.forecast.planner import solve
from solver_jobs.store import (
    Claim,
    DirectStore,
    LeaseLost,
    Progress,
    RunNotFound,
    Stop,
    StoreUnreachable,
)
from tests.database import connected
from tests.solver_jobs.forecast.plants import melt_shop
from tests.solver_jobs.shop import NOTHING, ONE_RESULT, Shop
from tests.tcp_door import tcp_door

RESULT = solve(melt_shop(schedule=[])).model_dump(mode="json")


def store_of(shop: Shop, **settings: object) -> DirectStore:
    return DirectStore(shop.database.jobs_url, **{"call_id": "a call", **settings})  # type: ignore[arg-type]


async def claimed(store: DirectStore, run_id: uuid.UUID) -> Claim:
    claim = await store.claim(run_id)
    assert claim is not None
    return claim


async def expire(shop: Shop, run_id: uuid.UUID) -> None:
    await shop.admin.execute(
        "update plan_run_leases set lease_expires_at = now() - interval '1 second' where run_id = $1", run_id
    )


async def test_a_claim_gives_the_problem_as_it_was_stored(shop: Shop) -> None:
    run_id = await shop.queue()
    async with store_of(shop) as store:
        claim = await claimed(store, run_id)
    assert (claim.run_id, claim.kind, claim.attempt) == (run_id, "FORECAST", 1)
    assert claim.problem == melt_shop().model_dump(mode="json")
    row = await shop.run(run_id)
    assert (row["status"], row["call_id"], row["lease_token"]) == ("RUNNING", "a call", claim.lease_token)


async def test_a_token_is_shown_to_nobody(shop: Shop) -> None:
    run_id = await shop.queue()
    async with store_of(shop) as store:
        claim = await claimed(store, run_id)
    assert str(claim.lease_token) not in repr(claim)


async def test_a_run_has_one_worker_however_many_ask_at_once(shop: Shop) -> None:
    run_id = await shop.queue()
    stores = [store_of(shop, call_id=f"call {number}") for number in range(8)]
    claims = await asyncio.gather(*(store.claim(run_id) for store in stores))
    assert sum(claim is not None for claim in claims) == 1
    assert (await shop.run(run_id))["attempt"] == 1
    for store in stores:
        await store.__aexit__()


async def test_a_run_that_ended_is_not_to_be_had(shop: Shop) -> None:
    run_id = await shop.queue()
    await shop.cancel(run_id)
    async with store_of(shop) as store:
        assert await store.claim(run_id) is None


async def test_a_run_that_is_not_there_is_named(shop: Shop) -> None:
    async with store_of(shop) as store:
        with pytest.raises(RunNotFound, match="There is no run"):
            await store.claim(uuid.uuid4())


async def test_a_call_that_was_interrupted_and_comes_back_takes_its_run_again(shop: Shop) -> None:
    run_id = await shop.queue()
    async with store_of(shop) as before, store_of(shop) as after, store_of(shop, call_id="other") as other:
        ghost = await claimed(before, run_id)
        assert await other.claim(run_id) is None
        again = await claimed(after, run_id)
        assert again.attempt == 2
        with pytest.raises(LeaseLost):
            await before.progress(ghost, Progress("solving", 1))


async def test_progress_renews_the_lease_and_is_bounded(shop: Shop) -> None:
    run_id = await shop.queue()
    async with store_of(shop, lease_seconds=60) as store:
        claim = await claimed(store, run_id)
        await expire(shop, run_id)
        assert await store.progress(claim, Progress("solving", 140.0, 12.0, float("-inf"))) is None
    row = await shop.run(run_id)
    told = (row["phase"], row["percent"], row["best_objective"], row["best_bound"])
    assert told == ("solving", 100.0, 12.0, None)
    assert await shop.admin.fetchval(
        "select lease_expires_at > now() + interval '50 s' from plan_run_leases where run_id = $1", run_id
    )


async def test_progress_answers_what_the_planner_wants(shop: Shop) -> None:
    run_id = await shop.queue()
    async with store_of(shop) as store:
        claim = await claimed(store, run_id)
        await shop.cancel(run_id, keep_best=True)
        assert await store.progress(claim, Progress("solving", 10)) is Stop.KEEP_BEST
        await shop.cancel(run_id)
        assert await store.progress(claim, Progress("solving", 20)) is Stop.CANCEL
        with pytest.raises(LeaseLost):
            await store.finish(claim, RESULT)
    assert await shop.rows() == NOTHING


async def test_finishing_stores_all_rows_once_even_when_it_is_said_twice(shop: Shop) -> None:
    run_id = await shop.queue()
    async with store_of(shop) as store:
        claim = await claimed(store, run_id)
        await store.finish(claim, RESULT)
        await store.finish(claim, RESULT)
    row = await shop.run(run_id)
    assert (row["status"], row["warnings"]) == ("SUCCEEDED", RESULT["warnings"])
    assert await shop.rows() == ONE_RESULT


async def test_a_result_that_the_database_refuses_stores_nothing(shop: Shop) -> None:
    run_id = await shop.queue()
    stranger = {**RESULT, "heats": [{**RESULT["heats"][0], "grade": "X99"}]}
    async with store_of(shop) as store:
        claim = await claimed(store, run_id)
        with pytest.raises(asyncpg.InvalidParameterValueError, match="X99"):
            await store.finish(claim, stranger)
    assert (await shop.run(run_id))["status"] == "RUNNING"
    assert await shop.rows() == NOTHING


async def test_failing_keeps_code_sentence_hint_and_details(shop: Shop) -> None:
    run_id = await shop.queue()
    async with store_of(shop) as store:
        claim = await claimed(store, run_id)
        await store.fail(claim, JobError("TOO_HOT", "The furnace is too hot.", "Wait.", ["by 20 K"]))
        await store.fail(claim, JobError("TOO_LATE", "Said again after the answer was lost."))
        with pytest.raises(LeaseLost):
            await store.finish(claim, RESULT)
    row = await shop.run(run_id)
    assert row["status"] == "FAILED"
    assert row["error"] == {
        "code": "TOO_HOT",
        "message": "The furnace is too hot.",
        "hint": "Wait.",
        "details": ["by 20 K"],
    }


async def test_a_ghost_is_refused_in_everything_once_another_has_the_run(shop: Shop) -> None:
    run_id = await shop.queue()
    async with store_of(shop, call_id="old") as old, store_of(shop, call_id="new") as new:
        ghost = await claimed(old, run_id)
        await expire(shop, run_id)
        claim = await claimed(new, run_id)
        for attempt in (
            old.progress(ghost, Progress("solving", 1)),
            old.finish(ghost, RESULT),
            old.fail(ghost, JobError("X", "x")),
        ):
            with pytest.raises(LeaseLost, match="not yours"):
                await attempt
        await new.finish(claim, RESULT)
        with pytest.raises(LeaseLost):
            await old.finish(ghost, RESULT)
    assert await shop.rows() == ONE_RESULT


async def test_the_third_lost_worker_is_the_last(shop: Shop) -> None:
    run_id = await shop.queue()
    async with store_of(shop, call_id=None) as store:
        for attempt in (1, 2, 3):
            assert (await claimed(store, run_id)).attempt == attempt
            await expire(shop, run_id)
        assert await store.claim(run_id) is None
    row = await shop.run(run_id)
    assert (row["status"], row["error"]["code"]) == ("FAILED", "WORKER_LOST")


async def test_a_lost_connection_is_named_and_made_again(shop: Shop) -> None:
    run_id = await shop.queue()
    async with tcp_door(shop.database) as door, DirectStore(door.url("pourplan_jobs")) as store:
        claim = await claimed(store, run_id)
        await door.shut()
        for _ in range(2):
            with pytest.raises(StoreUnreachable):
                await store.progress(claim, Progress("solving", 1))
        await door.open()
        assert await store.progress(claim, Progress("solving", 2)) is None


async def cut_off_workers(url: str) -> None:
    """End the connections of all workers, as a server does that restarts."""
    async with connected(url) as admin:
        await admin.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where datname = current_database() and application_name = 'pourplan-worker'"
        )


async def test_a_restarting_server_is_a_passing_trouble(shop: Shop) -> None:
    run_id = await shop.queue()
    async with store_of(shop) as store:
        claim = await claimed(store, run_id)
        # This loop stands still meanwhile: had it heard of the end, the store would just connect again.
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(asyncio.run, cut_off_workers(shop.database.admin_url)).result()
        with pytest.raises(StoreUnreachable):
            await store.progress(claim, Progress("solving", 1))
        assert await store.progress(claim, Progress("solving", 1)) is None


@pytest.mark.parametrize("function", ["claim_run", "reap_runs", "queued_runs"])
async def test_the_jobs_login_reaches_the_functions_and_no_table(shop: Shop, function: str) -> None:
    connection = await asyncpg.connect(shop.database.jobs_url)
    try:
        assert await connection.fetchval(
            "select bool_and(has_function_privilege(oid, 'execute')) from pg_proc where proname = $1",
            function,
        )
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("select * from plan_runs")
    finally:
        await connection.close()
