"""The jobs' door through Supabase: the four operations over HTTP with the secret key, and who has no key."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

pytest.importorskip("supabase", reason="the extra `supabase` is not installed")

from postgrest.exceptions import APIError

from solver_jobs.environment import (
    Door,
    EnvironmentWrong,
    HousekeepingEnvironment,
    JobEnvironment,
    SupabaseDoor,
)
from solver_jobs.errors import JobError
from solver_jobs.forecast.planner import solve
from solver_jobs.rpc_store import RpcStore
from solver_jobs.store import (
    Claim,
    DirectStore,
    LeaseLost,
    Progress,
    RunNotFound,
    Stop,
    StoreUnreachable,
)
from tests.database import add_plant, connected
from tests.peers.supabase import SupabaseProject
from tests.ports import free_port
from tests.solver_jobs.forecast.plants import melt_shop
from tests.solver_jobs.shop import NOTHING, ONE_RESULT, Shop
from tests.solver_jobs.workers import started

pytestmark = pytest.mark.node

RESULT = solve(melt_shop(schedule=[])).model_dump(mode="json")
ORDERS, DAYS = 1000, 120


@pytest.fixture(scope="module")
async def shop(supabase: SupabaseProject) -> AsyncIterator[Shop]:
    async with connected(supabase.database.admin_url) as admin:
        yield await Shop.open(supabase.database, admin)


@asynccontextmanager
async def door(supabase: SupabaseProject, call_id: str | None = "a call") -> AsyncIterator[RpcStore]:
    async with RpcStore(supabase.url, supabase.secret_key, call_id=call_id) as store:
        yield store


async def claimed(store: RpcStore | DirectStore, run_id: uuid.UUID) -> Claim:
    claim = await store.claim(run_id)
    assert claim is not None
    return claim


async def expire(shop: Shop, run_id: uuid.UUID) -> None:
    await shop.admin.execute(
        "update plan_run_leases set lease_expires_at = now() - interval '1 second' where run_id = $1", run_id
    )


# ---------------------------------------------------------------------- the four operations


async def test_a_claim_gives_the_problem_as_it_was_stored_and_the_run_to_one_worker(
    supabase: SupabaseProject, shop: Shop
) -> None:
    run_id = await shop.queue()
    async with door(supabase) as store, door(supabase, "another call") as other:
        claim = await claimed(store, run_id)
        assert (claim.run_id, claim.kind, claim.attempt) == (run_id, "FORECAST", 1)
        assert claim.problem == melt_shop().model_dump(mode="json")
        assert await other.claim(run_id) is None
    row = await shop.run(run_id)
    assert (row["status"], row["call_id"], row["lease_token"]) == ("RUNNING", "a call", claim.lease_token)


async def test_progress_is_stored_and_answers_whether_to_stop(supabase: SupabaseProject, shop: Shop) -> None:
    run_id = await shop.queue()
    async with door(supabase) as store:
        claim = await claimed(store, run_id)
        assert await store.progress(claim, Progress("solving", 12.5, 7.25, float("-inf"))) is None
        row = await shop.run(run_id)
        assert (row["phase"], row["percent"], row["best_objective"], row["best_bound"]) == (
            "solving",
            12.5,
            7.25,
            None,
        )
        await shop.cancel(run_id, keep_best=True)
        assert await store.progress(claim, Progress("solving", 20)) is Stop.KEEP_BEST
        await shop.cancel(run_id)
        assert await store.progress(claim, Progress("solving", 30)) is Stop.CANCEL


async def test_a_result_is_stored_once_even_when_it_is_said_twice(
    supabase: SupabaseProject, shop: Shop
) -> None:
    run_id = await shop.queue()
    async with door(supabase) as store:
        claim = await claimed(store, run_id)
        await store.finish(claim, RESULT)
        await store.finish(claim, RESULT)
    row = await shop.run(run_id)
    assert (row["status"], row["warnings"]) == ("SUCCEEDED", RESULT["warnings"])
    assert await shop.rows(run_id) == ONE_RESULT


async def test_failing_keeps_code_sentence_hint_and_details(supabase: SupabaseProject, shop: Shop) -> None:
    run_id = await shop.queue()
    details = ["by 20 K", 'with "quotes", {braces} and a comma']
    async with door(supabase) as store:
        claim = await claimed(store, run_id)
        await store.fail(claim, JobError("TOO_HOT", "The furnace is too hot.", "Wait.", details))
        with pytest.raises(LeaseLost):
            await store.finish(claim, RESULT)
    row = await shop.run(run_id)
    assert (row["status"], row["error"]) == (
        "FAILED",
        {"code": "TOO_HOT", "message": "The furnace is too hot.", "hint": "Wait.", "details": details},
    )


# ---------------------------------------------------------------------- codes survive


async def test_a_ghost_is_refused_in_everything_by_the_code_of_the_function(
    supabase: SupabaseProject, shop: Shop
) -> None:
    run_id = await shop.queue()
    async with door(supabase, "old") as old, door(supabase, "new") as new:
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
    assert await shop.rows(run_id) == ONE_RESULT


async def test_a_run_that_is_not_there_is_named(supabase: SupabaseProject, shop: Shop) -> None:
    missing = uuid.uuid4()
    async with door(supabase) as store:
        with pytest.raises(RunNotFound, match=str(missing)):
            await store.claim(missing)


async def test_a_result_that_the_database_refuses_stores_nothing(
    supabase: SupabaseProject, shop: Shop
) -> None:
    run_id = await shop.queue()
    stranger = {**RESULT, "heats": [{**RESULT["heats"][0], "grade": "X99"}]}
    async with door(supabase) as store:
        claim = await claimed(store, run_id)
        with pytest.raises(APIError, match="X99") as refused:
            await store.finish(claim, stranger)
    assert refused.value.code == "22023"
    assert (await shop.run(run_id))["status"] == "RUNNING"
    assert await shop.rows(run_id) == NOTHING


async def test_a_project_out_of_reach_is_worth_another_attempt(shop: Shop) -> None:
    async with RpcStore(f"http://127.0.0.1:{free_port()}", "sb_secret_any") as store:
        with pytest.raises(StoreUnreachable):
            await store.claim(uuid.uuid4())


# ---------------------------------------------------------------------- a whole run


async def test_a_worker_process_with_nothing_but_the_projects_key_solves_a_run(
    supabase: SupabaseProject, shop: Shop
) -> None:
    run_id = await shop.queue()
    environment = {"SUPABASE_URL": supabase.url, "SUPABASE_SECRET_KEY": supabase.secret_key}
    async with started(environment, run_id) as worker:
        assert await worker.ended() == 0, worker.log
    assert (await shop.run(run_id))["status"] == "SUCCEEDED"
    assert await shop.rows(run_id) == ONE_RESULT
    assert supabase.secret_key not in worker.log


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "DATABASE_JOBS_URL is not set, nor is SUPABASE_URL"),
        ({"SUPABASE_URL": "https://a.supabase.co"}, "SUPABASE_SECRET_KEY is not"),
        ({"SUPABASE_URL": "a.supabase.co"}, "SUPABASE_URL is 'a.supabase.co'"),
        (
            {"SUPABASE_URL": "https://a.supabase.co", "SUPABASE_SECRET_KEY": "sb_publishable_x"},
            "holds a publishable key",
        ),
        (
            {"SUPABASE_URL": "https://a.supabase.co", "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_x"},
            "the run came without a token",
        ),
    ],
)
def test_an_environment_without_a_door_is_refused_by_name(environment: dict[str, str], said: str) -> None:
    with pytest.raises(EnvironmentWrong, match=said):
        JobEnvironment.read(environment)


def test_a_token_is_worth_nothing_without_the_key_that_the_gateway_asks_for() -> None:
    with pytest.raises(EnvironmentWrong, match="SUPABASE_PUBLISHABLE_KEY is not set"):
        JobEnvironment.read({"SUPABASE_URL": "https://a.supabase.co"}, "a token")


def test_a_token_is_taken_before_a_key_that_opens_all() -> None:
    keys = {"SUPABASE_SECRET_KEY": "sb_secret_x", "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_x"}
    door = JobEnvironment.read({"SUPABASE_URL": "https://a.supabase.co", **keys}, "a token").door
    assert isinstance(door, SupabaseDoor)
    assert (door.key, door.token) == ("sb_publishable_x", "a token")
    assert "a token" not in repr(door)


@pytest.mark.parametrize(
    ("chosen", "jobs", "housekeeping"),
    [
        ("", ["SUPABASE_URL", "SUPABASE_SECRET_KEY"], ["SUPABASE_URL", "SUPABASE_SECRET_KEY"]),
        (
            "run-token",
            ["SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY"],
            ["SUPABASE_URL", "SUPABASE_SECRET_KEY", "SUPABASE_SIGNING_KEY"],
        ),
        (
            "legacy-token",
            ["SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY"],
            ["SUPABASE_URL", "SUPABASE_SECRET_KEY", "SUPABASE_JWT_SECRET"],
        ),
        ("database", ["DATABASE_JOBS_URL"], ["DATABASE_JOBS_URL"]),
    ],
)
def test_each_door_names_its_keys(chosen: str, jobs: list[str], housekeeping: list[str]) -> None:
    door = Door.read({"POURPLAN_JOBS_DOOR": chosen})
    assert (door.job_keys, door.housekeeping_keys) == (jobs, housekeeping)


def test_a_door_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(EnvironmentWrong, match="POURPLAN_JOBS_DOOR is 'window': expected one of secret-key"):
        Door.read({"POURPLAN_JOBS_DOOR": "window"})


def test_a_signing_key_that_is_none_is_named_where_the_queue_is_looked_after() -> None:
    keys = {"SUPABASE_URL": "https://a.supabase.co", "SUPABASE_SECRET_KEY": "sb_secret_x"}
    with pytest.raises(EnvironmentWrong, match="SUPABASE_SIGNING_KEY: expected a private key"):
        HousekeepingEnvironment.read({**keys, "SUPABASE_SIGNING_KEY": "sb_secret_x"})
    assert HousekeepingEnvironment.read(keys).tokens is None


def test_postgres_itself_is_the_door_where_both_are_set() -> None:
    keys = {"SUPABASE_URL": "https://a.supabase.co", "SUPABASE_SECRET_KEY": "sb_secret_hidden"}
    both = JobEnvironment.read({"DATABASE_JOBS_URL": "postgresql://jobs@host/db", **keys})
    assert isinstance(both.store(None), DirectStore)
    rest = JobEnvironment.read(keys)
    assert isinstance(rest.store(None), RpcStore)
    assert "hidden" not in repr(rest)


# ---------------------------------------------------------------------- a large result


async def replan_of_everything(shop: Shop) -> uuid.UUID:
    """A queued replan of a foundry with many orders, and no problem: nobody will solve it."""
    plant = await add_plant(shop.admin, f"foundry-{uuid.uuid4().hex[:6]}")
    scenario = await shop.admin.fetchval(
        "insert into scenarios (tenant_id, name, asof_date) values ($1, 'Base', '2026-01-05') returning id",
        plant.id,
    )
    await shop.admin.execute(
        "insert into parts (tenant_id, scenario_id, part_id, flask_size, cool_hours, finish_hours,"
        " gross_weight_ton) select $1, $2, 'P' || n, 'M', 24, 12, 0.5 from generate_series(1, $3) as n",
        plant.id,
        scenario,
        ORDERS,
    )
    await shop.admin.execute(
        "insert into orders (tenant_id, scenario_id, order_id, part_id, qty, due_date)"
        " select $1, $2, 'O' || n, 'P' || n, $4, '2026-12-31' from generate_series(1, $3) as n",
        plant.id,
        scenario,
        ORDERS,
        DAYS,
    )
    run_id: uuid.UUID = await shop.admin.fetchval(
        "insert into plan_runs (tenant_id, kind, problem, scenario_id, asof_date, requested_by)"
        " values ($1, 'REPLAN', '{}', $2, '2026-01-05', $3) returning id",
        plant.id,
        scenario,
        plant.planner,
    )
    await shop.admin.execute(
        "insert into plan_run_leases (run_id, tenant_id) values ($1, $2)", run_id, plant.id
    )
    # A table without statistics, as no plant has one for long, has its keys checked the slow way.
    await shop.admin.execute("analyze parts, orders")
    return run_id


def large_result() -> dict[str, object]:
    """A mold of every order on every day: more rows than any plan of this size has."""
    days = [
        {
            "workday_index": day,
            "date": f"2026-{1 + day // 28:02}-{1 + day % 28:02}",
            "week_index": day // 5,
            "molds": ORDERS,
            "patterns": ORDERS,
            "pour_ton": 500.0,
            "flasks": [{"size": size, "in_use": 1, "capacity": 2} for size in "SML"],
        }
        for day in range(DAYS)
    ]
    counts = ("late", "late_orders", "starts", "stops", "day0_stops", "changes", "wip")
    figures = ("objective", "bound", "gap", "solve_seconds", "spec_objective", "late_weight", "tardiness")
    summary = dict.fromkeys((*counts, *figures, "congestion", "stability", "peak_pour_ton"), 0)
    orders = [
        {
            "order_id": f"O{n}",
            "part_id": f"P{n}",
            "qty": DAYS,
            "molded_qty_credit": 0,
            "remaining_qty": DAYS,
            "due_date": "2026-12-31",
            "delivered_by_due": DAYS,
            "late_qty": 0,
            "credit_late_qty": 0,
        }
        for n in range(1, ORDERS + 1)
    ]
    molds = [
        {"order_id": f"O{n}", "workday_index": day, "molds": 1}
        for n in range(1, ORDERS + 1)
        for day in range(DAYS)
    ]
    plan = {"status": "FEASIBLE", "summary": {**summary, "stopped_early": False}, "order_status": orders}
    return {"plan": {**plan, "x": molds}, "days": days, "peak_flasks": [], "warnings": []}


async def test_a_thousand_orders_on_each_of_120_days_fit(supabase: SupabaseProject, shop: Shop) -> None:
    run_id = await replan_of_everything(shop)
    result = large_result()
    async with door(supabase) as store:
        claim = await claimed(store, run_id)
        await store.finish(claim, result)
    stored = await shop.admin.fetchval("select count(*) from plan_daily_order where run_id = $1", run_id)
    assert stored == ORDERS * DAYS


# ---------------------------------------------------------------------- who has no key


A_MONDAY = {"p_tenant_id": "{run}", "p_scenario_id": "{run}", "p_monday": "2026-01-05"}
CALLS: dict[str, dict[str, object]] = {
    "claim_run": {"p_run_id": "{run}"},
    "progress_run": {"p_run_id": "{run}", "p_lease_token": "{run}", "p_phase": "x", "p_percent": 1},
    "finish_run": {"p_run_id": "{run}", "p_lease_token": "{run}", "p_result": {}},
    "fail_run": {"p_run_id": "{run}", "p_lease_token": "{run}", "p_code": "X", "p_message": "x"},
    "queued_runs": {},
    "waiting_runs": {},
    "reserve_run": {"p_run_id": "{run}", "p_call_id": None},
    "record_dispatch": {"p_run_id": "{run}", "p_call_id": "x"},
    "tell_unclaimed": {"p_call_id": "x", "p_reason": "x"},
    "run_call": {"p_run_id": "{run}"},
    "reap_runs": {},
    "run_statistics": {},
    "wish_mondays": {},
    "take_monday": {},
    "return_monday": {**A_MONDAY, "p_until": "2026-01-05T06:00Z"},
    "fulfil_monday": {**A_MONDAY, "p_run_id": "{run}"},
    "fail_monday": {**A_MONDAY, "p_user_id": "{run}", "p_key": "x", "p_problem": {}, "p_error": {}},
}


@pytest.mark.parametrize("who", ["anonymous", "admin"])
@pytest.mark.parametrize("function", CALLS)
async def test_no_user_may_execute_what_is_for_jobs(
    supabase: SupabaseProject, shop: Shop, function: str, who: str
) -> None:
    run_id = await shop.queue()
    client = (
        await supabase.anonymous()
        if who == "anonymous"
        else (await supabase.member(shop.plant, "admin")).client
    )
    given = {k: str(run_id) if v == "{run}" else v for k, v in CALLS[function].items()}
    with pytest.raises(APIError) as refused:
        await client.rpc(function, given).execute()
    assert refused.value.code == "42501"
    assert (await shop.run(run_id))["status"] == "QUEUED"
