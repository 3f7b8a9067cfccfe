"""The life of a run in its SQL functions: created, claimed, told, finished, failed, cancelled, reaped."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import pytest

from tests.database import Connection, Ground, Plant, TemporaryDatabase, add_plant, as_user, connected

BARS: dict[str, object] = {
    "group": "Rebar",
    "grade": "B500A",
    "heats": 3,
    "tons": 300.0,
    "committed_heats": 1,
    "share": 0.75,
    "low": 2,
    "high": 4,
}
COILS: dict[str, object] = {
    **BARS,
    "grade": "B500B",
    "heats": 1,
    "tons": 100.0,
    "committed_heats": 0,
    "share": 0.25,
    "low": 0,
    "high": 2,
}
RESULT: dict[str, object] = {
    "month": "2024-09",
    "heats": [BARS, COILS],
    "groups": [{"group": "Rebar", "ordered_heats": 4, "forecast_heats": 4}],
    "unassigned": [{"grade": "C35", "heats": 2, "suggestion": "C40"}],
    "method": "mean_share",
    "scores": [{"method": "mean_share", "misallocated_share": 0.1}],
    "warnings": ["Rebar: little history."],
}

RESULT_TABLES = ("forecasts", "forecast_heats", "forecast_groups", "forecast_unassigned", "forecast_scores")


@dataclass
class Shop:
    """A tenant with a small catalog, and the doors of those who deal with its runs."""

    database: TemporaryDatabase
    plant: Plant
    admin: Connection
    service: Connection
    jobs: Connection

    async def create(self, key: str | None = None, kind: str = "FORECAST") -> uuid.UUID:
        async with as_user(self.service, self.plant.planner):
            run = await self.service.fetchval(
                "select public.create_run($1, $2, $3::text::date, $4)",
                kind,
                {"asked": "for"},
                "2024-09-01" if kind == "FORECAST" else None,
                key,
            )
        assert isinstance(run, uuid.UUID)
        return run

    async def cancel(self, run: uuid.UUID, keep_best: bool = False) -> object:
        async with as_user(self.service, self.plant.planner):
            return await self.service.fetchval("select public.cancel_run($1, $2)", run, keep_best)

    async def claim(
        self, run: uuid.UUID, lease: int = 60, attempts: int = 3, call: str | None = None
    ) -> dict[str, object] | None:
        answer = await self.jobs.fetchval(
            "select public.claim_run($1, $2, $3, $4)", run, lease, attempts, call
        )
        assert answer is None or isinstance(answer, dict)
        return answer

    async def claimed(self, run: uuid.UUID, lease: int = 60) -> object:
        """Claim the run, which must be there to be had; the lease token."""
        answer = await self.claim(run, lease)
        assert answer is not None
        return answer["lease_token"]

    async def progress(self, run: uuid.UUID, token: object, percent: float = 10, lease: int = 60) -> object:
        answer = await self.jobs.fetchval(
            "select public.progress_run($1, $2, 'solving', $3, p_lease_seconds => $4)",
            run,
            token,
            percent,
            lease,
        )
        return answer["stop"]

    async def finish(self, run: uuid.UUID, token: object, result: object = None) -> None:
        await self.jobs.execute("select public.finish_run($1, $2, $3)", run, token, result or RESULT)

    async def fail(self, run: uuid.UUID, token: object) -> None:
        await self.jobs.execute(
            "select public.fail_run($1, $2, 'INFEASIBLE', 'It does not fit.', 'Add a shift.', array['a',"
            " 'b'])",
            run,
            token,
        )

    async def reap(self, attempts: int = 3, ended: tuple[str, ...] = ()) -> list[tuple[uuid.UUID, str]]:
        rows = await self.jobs.fetch("select * from public.reap_runs($1, $2)", attempts, list(ended))
        return [(row["run_id"], row["status"]) for row in rows]

    async def expire(self, run: uuid.UUID) -> None:
        """Let the lease be over now: waiting for it would take its time."""
        await self.admin.execute(
            "update public.plan_run_leases set lease_expires_at = clock_timestamp() where run_id = $1", run
        )

    async def row(self, run: uuid.UUID) -> asyncpg.Record:
        row = await self.admin.fetchrow("select * from public.plan_runs where id = $1", run)
        assert row is not None
        return row

    async def status(self, run: uuid.UUID) -> str:
        return str((await self.row(run))["status"])

    async def results(self, run: uuid.UUID) -> list[int]:
        """How many rows of the run there are in each table of results."""
        return [
            await self.admin.fetchval(f"select count(*)::int from public.{table} where run_id = $1", run)
            for table in RESULT_TABLES
        ]


STORED = [1, 2, 1, 1, 1]
NOTHING = [0, 0, 0, 0, 0]


@pytest.fixture(scope="module")
async def shared(every_ground: Ground) -> AsyncIterator[TemporaryDatabase]:
    async with every_ground.database() as database:
        yield database


@pytest.fixture
async def shop(shared: TemporaryDatabase) -> AsyncIterator[Shop]:
    async with (
        connected(shared.admin_url) as admin,
        connected(shared.api_url) as service,
        connected(shared.jobs_url) as jobs,
    ):
        # Emptying all tables is ten times as fast as copying the database once more.
        await admin.execute("truncate public.tenants cascade")
        plant = await add_plant(admin)
        group = await admin.fetchval(
            "insert into public.product_groups (tenant_id, name, position) values ($1, 'Rebar', 1) returning"
            " id",
            plant.id,
        )
        await admin.executemany(
            "insert into public.steel_grades (tenant_id, name, product_group_id, position) values ($1, $2,"
            " $3, 1)",
            [(plant.id, "B500A", group), (plant.id, "B500B", group), (plant.id, "C35", None)],
        )
        yield Shop(shared, plant, admin, service, jobs)


def refused(code: str) -> "pytest.RaisesExc[asyncpg.PostgresError]":
    return pytest.RaisesExc(asyncpg.PostgresError, check=lambda error: error.sqlstate == code)


# ---------------------------------------------------------------------- created


async def test_a_new_run_waits_with_its_problem_and_its_author(shop: Shop) -> None:
    run = await shop.create()
    row = await shop.row(run)
    assert (row["status"], row["attempt"], row["problem"]) == ("QUEUED", 0, {"asked": "for"})
    assert (row["tenant_id"], row["requested_by"]) == (shop.plant.id, shop.plant.planner)
    assert row["month"].isoformat() == "2024-09-01"
    assert [queued["run_id"] for queued in await shop.jobs.fetch("select * from public.queued_runs()")] == [
        run
    ]


async def test_the_same_idempotency_key_gives_the_same_run(shop: Shop) -> None:
    run = await shop.create("monday")
    assert await shop.create("monday") == run
    assert await shop.create("tuesday") != run
    assert await shop.create() != await shop.create()


async def test_two_at_once_with_the_same_key_get_the_same_run(shop: Shop) -> None:
    async def create() -> object:
        async with connected(shop.database.api_url) as connection, as_user(connection, shop.plant.planner):
            run = await connection.fetchval(
                "select public.create_run('FORECAST', '{}'::jsonb, '2024-09-01', 'monday')"
            )
            await asyncio.sleep(0.1)
            return run

    assert len(set(await asyncio.gather(*(create() for _ in range(4))))) == 1
    assert await shop.admin.fetchval("select count(*) from public.plan_runs") == 1
    assert await shop.admin.fetchval("select count(*) from public.plan_run_leases") == 1


async def test_the_same_key_of_another_tenant_is_another_run(shop: Shop) -> None:
    run = await shop.create("monday")
    other = await add_plant(shop.admin, "other")
    async with as_user(shop.service, other.planner):
        theirs = await shop.service.fetchval(
            "select public.create_run('FORECAST', '{}'::jsonb, '2024-09-01', 'monday')"
        )
        assert theirs != run
        again = await shop.service.fetchval(
            "select public.create_run('FORECAST', '{}'::jsonb, '2024-09-01', 'monday')"
        )
        assert again == theirs


@pytest.mark.parametrize(
    ("kind", "month"),
    [("FORECAST", None), ("REPLAN", "2024-09-01"), ("FORECAST", "2024-09-02"), ("GUESS", None)],
)
async def test_a_run_that_makes_no_sense_is_not_stored(shop: Shop, kind: str, month: str | None) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        async with as_user(shop.service, shop.plant.planner):
            await shop.service.execute(
                "select public.create_run($1, '{}'::jsonb, $2::text::date)", kind, month
            )


# ---------------------------------------------------------------------- claimed


async def test_a_claim_gives_the_problem_and_a_token(shop: Shop) -> None:
    run = await shop.create()
    answer = await shop.claim(run)
    assert answer is not None
    assert uuid.UUID(str(answer.pop("lease_token")))
    assert answer == {"kind": "FORECAST", "problem": {"asked": "for"}, "attempt": 1}
    row = await shop.row(run)
    assert (row["status"], row["attempt"], row["percent"]) == ("RUNNING", 1, 0)
    assert row["started_at"] is not None


async def test_of_many_claims_at_once_one_wins(shop: Shop) -> None:
    run = await shop.create()

    async def claim() -> object:
        async with connected(shop.database.jobs_url) as connection:
            return await connection.fetchval("select public.claim_run($1)", run)

    answers = await asyncio.gather(*(claim() for _ in range(8)))
    assert len([answer for answer in answers if answer is not None]) == 1
    assert (await shop.row(run))["attempt"] == 1


async def test_a_claim_waits_for_one_that_is_not_committed_yet(shop: Shop) -> None:
    run = await shop.create()
    async with connected(shop.database.jobs_url) as other:
        first = shop.jobs.transaction()
        await first.start()
        assert await shop.claim(run) is not None
        second = asyncio.create_task(other.fetchval("select public.claim_run($1)", run))
        await asyncio.sleep(0.1)
        assert not second.done()
        await first.rollback()
        # The first one came to nothing: the second gets the run, as its first attempt.
        answer = await second
        assert answer is not None
        assert answer["attempt"] == 1


async def test_a_claim_that_had_to_wait_for_another_finds_the_run_taken(shop: Shop) -> None:
    run = await shop.create()
    async with connected(shop.database.jobs_url) as other:
        async with shop.jobs.transaction():
            assert await shop.claim(run) is not None
            second = asyncio.create_task(other.fetchval("select public.claim_run($1)", run))
            await asyncio.sleep(0.1)
        assert await second is None
    assert (await shop.row(run))["attempt"] == 1


async def test_a_call_that_was_interrupted_takes_its_run_up_again(shop: Shop) -> None:
    run = await shop.create()
    first = await shop.claim(run, call="call-1")
    assert first is not None
    assert await shop.jobs.fetchval("select public.run_call($1)", run) == "call-1"
    assert await shop.claim(run, call="call-2") is None
    assert await shop.claim(run) is None
    again = await shop.claim(run, call="call-1")
    assert again is not None
    assert again["attempt"] == 2
    with refused("PT409"):
        await shop.progress(run, first["lease_token"])
    assert await shop.progress(run, again["lease_token"]) is None


async def test_two_claims_without_a_call_are_not_of_the_same_call(shop: Shop) -> None:
    run = await shop.create()
    assert await shop.claim(run) is not None
    assert await shop.claim(run) is None


async def test_a_run_that_works_is_not_to_be_had_until_its_lease_is_over(shop: Shop) -> None:
    run = await shop.create()
    first = await shop.claimed(run)
    assert await shop.claim(run) is None
    await shop.expire(run)
    second = await shop.claim(run)
    assert second is not None
    assert second["attempt"] == 2
    assert second["lease_token"] != first


async def test_a_lease_ends_by_itself(shop: Shop) -> None:
    run = await shop.create()
    await shop.claimed(run, lease=1)
    assert await shop.reap() == []
    await asyncio.sleep(1.1)
    assert await shop.reap() == [(run, "QUEUED")]


async def test_after_its_last_attempt_a_claim_fails_the_run_and_says_why(shop: Shop) -> None:
    run = await shop.create()
    for attempt in (1, 2):
        answer = await shop.claim(run, attempts=2)
        assert answer is not None
        assert answer["attempt"] == attempt
        await shop.expire(run)
    assert await shop.claim(run, attempts=2) is None
    row = await shop.row(run)
    assert (row["status"], row["attempt"], row["error"]["code"]) == ("FAILED", 2, "WORKER_LOST")
    assert "2 times" in row["error"]["message"]
    assert row["error"]["hint"]


@pytest.mark.parametrize("end", ["finish", "fail", "cancel"])
async def test_a_run_that_has_ended_is_not_to_be_had(shop: Shop, end: str) -> None:
    run = await shop.create()
    token = await shop.claimed(run)
    await (shop.cancel(run) if end == "cancel" else getattr(shop, end)(run, token))
    await shop.expire(run)
    assert await shop.claim(run) is None
    assert await shop.reap() == []


async def test_a_run_that_is_not_there(shop: Shop) -> None:
    nobody = uuid.uuid4()
    for call in (
        shop.claim(nobody),
        shop.progress(nobody, nobody),
        shop.finish(nobody, nobody),
        shop.fail(nobody, nobody),
    ):
        with refused("PT404"):
            await call


# ---------------------------------------------------------------------- told


async def test_progress_is_stored_and_renews_the_lease(shop: Shop) -> None:
    run = await shop.create()
    token = await shop.claimed(run, lease=1)
    assert await shop.progress(run, token, 42.5, lease=3600) is None
    row = await shop.row(run)
    assert (row["phase"], row["percent"]) == ("solving", 42.5)
    left = "select extract(epoch from lease_expires_at - clock_timestamp()) from public.plan_run_leases"
    assert 3590 < await shop.admin.fetchval(left) <= 3600


async def test_only_a_change_wakes_who_listens(shop: Shop) -> None:
    run = await shop.create()
    token = await shop.claimed(run)
    heard: list[object] = []
    await shop.admin.add_listener("plan_runs", lambda *event: heard.append(event[-1]))
    await shop.progress(run, token, 10)
    await shop.progress(run, token, 10)
    await shop.progress(run, token, 20)
    await shop.finish(run, token)
    await shop.admin.execute("select 1")
    assert heard == [str(run)] * 3


async def test_a_worker_that_was_given_up_is_refused_in_everything(shop: Shop) -> None:
    run = await shop.create()
    ghost = await shop.claimed(run)
    await shop.expire(run)
    current = await shop.claimed(run)
    before = await shop.row(run)
    for call in (shop.progress(run, ghost, 99), shop.finish(run, ghost), shop.fail(run, ghost)):
        with refused("PT409"):
            await call
    assert await shop.row(run) == before
    assert await shop.results(run) == NOTHING
    await shop.finish(run, current)
    # Nor may it say anything after the end.
    for call in (shop.progress(run, ghost, 99), shop.finish(run, ghost), shop.fail(run, ghost)):
        with refused("PT409"):
            await call
    assert await shop.results(run) == STORED


async def test_a_worker_that_was_reaped_is_refused_before_anybody_else_claims(shop: Shop) -> None:
    run = await shop.create()
    ghost = await shop.claimed(run)
    await shop.expire(run)
    assert await shop.reap() == [(run, "QUEUED")]
    for call in (shop.progress(run, ghost), shop.finish(run, ghost), shop.fail(run, ghost)):
        with refused("PT409"):
            await call
    assert await shop.status(run) == "QUEUED"


async def test_a_missing_token_is_no_key(shop: Shop) -> None:
    run = await shop.create()
    for call in (shop.progress(run, None), shop.finish(run, None), shop.fail(run, None)):
        with refused("PT409"):
            await call


async def test_a_worker_that_was_only_late_goes_on(shop: Shop) -> None:
    run = await shop.create()
    token = await shop.claimed(run)
    await shop.expire(run)
    assert await shop.progress(run, token) is None
    assert await shop.reap() == []
    await shop.finish(run, token)
    assert await shop.status(run) == "SUCCEEDED"


# ---------------------------------------------------------------------- finished


async def test_a_result_is_stored_whole_with_the_end_of_the_run(shop: Shop) -> None:
    run = await shop.create()
    await shop.finish(run, await shop.claimed(run))
    row = await shop.row(run)
    assert (row["status"], row["percent"], row["warnings"]) == ("SUCCEEDED", 100, ["Rebar: little history."])
    assert row["finished_at"] is not None
    assert await shop.results(run) == STORED
    assert await shop.admin.fetchval("select total_heats from public.forecasts where run_id = $1", run) == 4
    heats = await shop.admin.fetch(
        "select g.name, h.heats, h.committed_heats, h.share, h.low, h.high from public.forecast_heats as h"
        " join public.steel_grades as g on g.id = h.steel_grade_id where run_id = $1 order by h.position",
        run,
    )
    assert [tuple(heat) for heat in heats] == [("B500A", 3, 1, 0.75, 2, 4), ("B500B", 1, 0, 0.25, 0, 2)]


async def test_finishing_twice_with_the_same_token_is_harmless(shop: Shop) -> None:
    run = await shop.create()
    token = await shop.claimed(run)
    await shop.finish(run, token)
    before = await shop.row(run)
    await shop.finish(run, token)
    await shop.finish(run, token, {**RESULT, "heats": [], "warnings": ["another"]})
    assert await shop.row(run) == before
    assert await shop.results(run) == STORED


async def test_two_finishes_at_once_store_one_result(shop: Shop) -> None:
    run = await shop.create()
    token = await shop.claimed(run)

    async def finish() -> None:
        async with connected(shop.database.jobs_url) as connection:
            await connection.execute("select public.finish_run($1, $2, $3)", run, token, RESULT)

    await asyncio.gather(*(finish() for _ in range(4)))
    assert await shop.results(run) == STORED


@pytest.mark.parametrize(
    "wrong",
    [
        {"heats": [{**BARS, "grade": "A53/C592"}]},
        {"heats": [{**BARS, "group": "Wire"}]},
        {"heats": [{**BARS, "committed_heats": 9}]},
        {"heats": [{**BARS, "low": 9}]},
        {"groups": [{"group": "Wire", "ordered_heats": 1, "forecast_heats": 1}]},
        {"unassigned": [{"grade": "C99", "heats": 1}]},
        {"method": None},
    ],
    ids=["grade", "group of a grade", "committed", "interval", "group", "unassigned", "method"],
)
async def test_of_a_result_that_cannot_be_stored_nothing_stays(shop: Shop, wrong: dict[str, object]) -> None:
    run = await shop.create()
    token = await shop.claimed(run)
    with pytest.raises((asyncpg.IntegrityConstraintViolationError, asyncpg.InvalidParameterValueError)):
        await shop.finish(run, token, {**RESULT, **wrong})
    assert await shop.results(run) == NOTHING
    assert await shop.status(run) == "RUNNING"
    # The worker still holds the run, and can say that it failed.
    await shop.fail(run, token)
    assert await shop.status(run) == "FAILED"


async def test_a_grade_of_another_tenant_is_unknown(shop: Shop) -> None:
    other = await add_plant(shop.admin, "other")
    await shop.admin.execute(
        "insert into public.steel_grades (tenant_id, name, position) values ($1, 'THEIRS', 1)", other.id
    )
    run = await shop.create()
    token = await shop.claimed(run)
    theirs = {**RESULT, "unassigned": [{"grade": "THEIRS", "heats": 1, "suggestion": None}]}
    with pytest.raises(asyncpg.InvalidParameterValueError, match="THEIRS"):
        await shop.finish(run, token, theirs)


# ---------------------------------------------------------------------- failed


async def test_a_failure_is_told_in_a_planners_words(shop: Shop) -> None:
    run = await shop.create()
    token = await shop.claimed(run)
    await shop.fail(run, token)
    await shop.fail(run, token)
    row = await shop.row(run)
    assert row["status"] == "FAILED"
    assert row["error"] == {
        "code": "INFEASIBLE",
        "message": "It does not fit.",
        "hint": "Add a shift.",
        "details": ["a", "b"],
    }
    with refused("PT409"):
        await shop.finish(run, token)
    with refused("PT409"):
        await shop.progress(run, token)


async def test_what_has_succeeded_cannot_fail_any_more(shop: Shop) -> None:
    run = await shop.create()
    token = await shop.claimed(run)
    await shop.finish(run, token)
    with refused("PT409"):
        await shop.fail(run, token)
    assert await shop.status(run) == "SUCCEEDED"


async def test_hint_and_details_may_be_missing(shop: Shop) -> None:
    run = await shop.create()
    token = await shop.claimed(run)
    await shop.jobs.execute("select public.fail_run($1, $2, 'X', 'It broke.', null, null)", run, token)
    assert (await shop.row(run))["error"] == {
        "code": "X",
        "message": "It broke.",
        "hint": None,
        "details": [],
    }


# ---------------------------------------------------------------------- cancelled


async def test_cancelled_while_it_waits_it_never_starts(shop: Shop) -> None:
    run = await shop.create()
    assert await shop.cancel(run) == {"status": "CANCELLED", "changed": True}
    assert await shop.claim(run) is None
    assert await shop.jobs.fetch("select * from public.queued_runs()") == []
    assert (await shop.row(run))["finished_at"] is not None


async def test_cancelled_while_it_works_the_worker_is_told_to_stop(shop: Shop) -> None:
    run = await shop.create()
    token = await shop.claimed(run)
    assert await shop.cancel(run) == {"status": "CANCELLED", "changed": True}
    assert await shop.progress(run, token) == "CANCEL"
    with refused("PT409"):
        await shop.finish(run, token)
    await shop.fail(run, token)
    assert await shop.status(run) == "CANCELLED"
    assert (await shop.row(run))["error"] is None
    assert await shop.results(run) == NOTHING


async def test_cancelled_with_the_best_plan_kept_the_worker_is_told_to_finish(shop: Shop) -> None:
    run = await shop.create()
    token = await shop.claimed(run)
    assert await shop.cancel(run, keep_best=True) == {"status": "RUNNING", "changed": True}
    assert await shop.cancel(run, keep_best=True) == {"status": "RUNNING", "changed": False}
    assert await shop.progress(run, token) == "KEEP_BEST"
    await shop.finish(run, token)
    assert await shop.status(run) == "SUCCEEDED"


async def test_what_waits_has_no_best_plan_to_keep(shop: Shop) -> None:
    run = await shop.create()
    assert await shop.cancel(run, keep_best=True) == {"status": "CANCELLED", "changed": True}


@pytest.mark.parametrize("end", ["finish", "fail", "cancel"])
async def test_what_has_ended_cannot_be_cancelled(shop: Shop, end: str) -> None:
    run = await shop.create()
    token = await shop.claimed(run)
    await (shop.cancel(run) if end == "cancel" else getattr(shop, end)(run, token))
    status = await shop.status(run)
    assert await shop.cancel(run) == {"status": status, "changed": False}


async def test_of_cancel_and_finish_at_once_one_counts(shop: Shop) -> None:
    for _ in range(10):
        run = await shop.create()
        token = await shop.claimed(run)
        ended = await asyncio.gather(shop.cancel(run), shop.finish(run, token), return_exceptions=True)
        status = await shop.status(run)
        assert await shop.results(run) == (STORED if status == "SUCCEEDED" else NOTHING)
        assert (ended[0] == {"status": "CANCELLED", "changed": True}) == (status == "CANCELLED")
        assert isinstance(ended[1], asyncpg.PostgresError) == (status == "CANCELLED")


# ---------------------------------------------------------------------- reaped


async def test_a_lost_run_is_queued_again_until_its_last_attempt(shop: Shop) -> None:
    run = await shop.create()
    await shop.jobs.execute("select public.record_dispatch($1, 'call-1')", run)
    for _ in range(2):
        assert await shop.claim(run, call="call-2") is not None
        await shop.expire(run)
        assert await shop.reap() == [(run, "QUEUED")]
        assert await shop.jobs.fetchval("select public.run_call($1)", run) is None
        assert (await shop.row(run))["percent"] is None
    await shop.claimed(run)
    await shop.expire(run)
    assert await shop.reap() == [(run, "FAILED")]
    row = await shop.row(run)
    assert (row["attempt"], row["error"]["code"]) == (3, "WORKER_LOST")
    assert await shop.reap() == []


async def test_a_run_whose_call_has_ended_need_not_wait_for_its_lease(shop: Shop) -> None:
    lost, alive, unnamed = await shop.create(), await shop.create(), await shop.create()
    await shop.claim(lost, call="call-1")
    await shop.claim(alive, call="call-2")
    await shop.claim(unnamed)
    assert await shop.reap(ended=("call-1", "call-0")) == [(lost, "QUEUED")]
    assert [await shop.status(run) for run in (lost, alive, unnamed)] == ["QUEUED", "RUNNING", "RUNNING"]


async def test_a_run_that_is_being_written_is_not_reaped(shop: Shop) -> None:
    """The worker was late, and its heartbeat is under way when the reaper comes."""
    run = await shop.create()
    token = await shop.claimed(run)
    await shop.expire(run)
    async with connected(shop.database.jobs_url) as reaper:
        async with shop.jobs.transaction():
            await shop.progress(run, token)
            assert await reaper.fetch("select * from public.reap_runs()") == []
        assert await reaper.fetch("select * from public.reap_runs()") == []
    await shop.finish(run, token)


async def test_a_run_that_waits_is_left_to_wait(shop: Shop) -> None:
    run = await shop.create()
    assert await shop.reap() == []
    assert await shop.status(run) == "QUEUED"


async def test_two_reapers_at_once_take_each_run_once(shop: Shop) -> None:
    runs = {await shop.create() for _ in range(6)}
    for run in runs:
        await shop.claimed(run)
        await shop.expire(run)

    async def reap() -> list[uuid.UUID]:
        async with connected(shop.database.jobs_url) as connection:
            return [row["run_id"] for row in await connection.fetch("select * from public.reap_runs()")]

    taken = [run for found in await asyncio.gather(*(reap() for _ in range(4))) for run in found]
    assert sorted(taken) == sorted(runs)


async def test_what_was_dispatched_is_remembered(shop: Shop) -> None:
    first, second = await shop.create(), await shop.create()
    await shop.jobs.execute("select public.record_dispatch($1, 'call-1')", first)
    rows = await shop.jobs.fetch("select run_id, kind, call_id from public.queued_runs()")
    assert [tuple(row) for row in rows] == [(first, "FORECAST", "call-1"), (second, "FORECAST", None)]
    assert await shop.jobs.fetchval("select public.run_call($1)", first) == "call-1"


async def test_a_dispatch_that_is_noted_late_does_not_hide_who_holds_the_run(shop: Shop) -> None:
    run = await shop.create()
    await shop.claim(run, call="call-1")
    await shop.jobs.execute("select public.record_dispatch($1, 'call-2')", run)
    assert await shop.jobs.fetchval("select public.run_call($1)", run) == "call-1"


# ---------------------------------------------------------------------- handed over


RESERVE = "select public.reserve_run($1, $2, $3)"


async def test_a_run_is_held_by_one_dispatcher_until_it_notes_the_call(shop: Shop) -> None:
    run = await shop.create()
    held = await shop.jobs.fetchval(RESERVE, run, None, 30)
    assert held is not None
    assert await shop.jobs.fetchval(RESERVE, run, None, 30) is None
    await shop.jobs.execute("select public.record_dispatch($1, 'call-1', $2)", run, held)
    # Who looked before that looked at something else.
    assert await shop.jobs.fetchval(RESERVE, run, None, 30) is None
    assert await shop.jobs.fetchval(RESERVE, run, "call-1", 30) is not None


async def test_a_run_that_nobody_took_can_be_held_again_at_once(shop: Shop) -> None:
    run = await shop.create()
    held = await shop.jobs.fetchval(RESERVE, run, None, 30)
    await shop.jobs.execute("select public.record_dispatch($1, null, $2)", run, held)
    assert await shop.jobs.fetchval("select public.run_call($1)", run) is None
    assert await shop.jobs.fetchval(RESERVE, run, None, 30) is not None


async def test_a_dispatcher_that_died_holds_its_run_no_longer_than_it_said(shop: Shop) -> None:
    run = await shop.create()
    late = await shop.jobs.fetchval(RESERVE, run, None, 0)
    held = await shop.jobs.fetchval(RESERVE, run, None, 30)
    assert None not in (late, held)
    # Should it live after all, its note counts no more.
    await shop.jobs.execute("select public.record_dispatch($1, 'late', $2)", run, late)
    assert await shop.jobs.fetchval("select public.run_call($1)", run) is None
    assert await shop.jobs.fetchval(RESERVE, run, None, 30) is None


async def test_of_many_dispatchers_at_once_one_holds_the_run(shop: Shop) -> None:
    run = await shop.create()

    async def reserve() -> object:
        async with connected(shop.database.jobs_url) as connection:
            return await connection.fetchval(RESERVE, run, None, 30)

    held = await asyncio.gather(*(reserve() for _ in range(6)))
    assert len([reservation for reservation in held if reservation]) == 1


async def test_what_is_claimed_or_not_there_is_held_by_nobody(shop: Shop) -> None:
    run = await shop.create()
    await shop.claimed(run)
    assert await shop.jobs.fetchval(RESERVE, run, None, 30) is None
    assert await shop.jobs.fetchval(RESERVE, uuid.uuid4(), None, 30) is None


async def test_a_look_brings_back_what_was_lost_then_lists_what_waits(shop: Shop) -> None:
    waiting, lost, last, alive = [await shop.create() for _ in range(4)]
    await shop.claim(lost, call="call-1")
    await shop.claim(last, call="call-2")
    await shop.admin.execute("update public.plan_runs set attempt = 3 where id = $1", last)
    for run in (lost, last):
        await shop.expire(run)
    await shop.claim(alive, call="call-3")
    rows = await shop.jobs.fetch("select lost, run_id, status, call_id from public.waiting_runs(3)")
    assert {tuple(row) for row in rows[:2]} == {
        (True, lost, "QUEUED", "call-1"),
        (True, last, "FAILED", "call-2"),
    }
    assert [tuple(row) for row in rows[2:]] == [
        (False, waiting, "QUEUED", None),
        (False, lost, "QUEUED", None),
    ]
    ended = await shop.jobs.fetch("select lost, run_id from public.waiting_runs(3, array['call-3'])")
    assert tuple(ended[0]) == (True, alive)


# ---------------------------------------------------------------------- opened by a token


@asynccontextmanager
async def with_token(shop: Shop, **token: object) -> AsyncIterator[Connection]:
    """A request as REST makes it of a token."""
    async with connected(shop.database.admin_url) as connection, connection.transaction():
        await connection.execute("set local role pourplan_run")
        claims = json.dumps({"role": "pourplan_run", **token})
        await connection.execute("select set_config('request.jwt.claims', $1, true)", claims)
        yield connection


OPERATIONS = (
    "select public.claim_run($1)",
    "select public.progress_run($1, $2, 'solving', 1)",
    "select public.finish_run($1, $2, '{}')",
    "select public.fail_run($1, $2, 'X', 'x')",
)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_token_opens_its_run_and_no_other(shop: Shop, operation: str) -> None:
    own, other = await shop.create(), await shop.create()
    claim = "claim_run" in operation
    for run, token in ((other, {"run_id": str(own)}), (own, {}), (own, {"run_id": None})):
        lease = None if claim else uuid.uuid4()
        async with with_token(shop, **token) as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match=f"does not open run {run}"):
                await connection.execute(operation, *([run] if claim else [run, lease]))
    lease_token = None if claim else await shop.claimed(own)
    async with with_token(shop, run_id=str(own)) as connection:
        if "finish_run" in operation:
            with pytest.raises(asyncpg.PostgresError) as refused:
                await connection.execute(operation, own, lease_token)
            assert refused.value.sqlstate != "42501"
        else:
            await connection.execute(operation, *([own] if claim else [own, lease_token]))


async def test_a_token_of_a_run_is_none_without_its_role(shop: Shop) -> None:
    run = await shop.create()
    async with connected(shop.database.admin_url) as connection, connection.transaction():
        await connection.execute("set local role authenticated")
        told = json.dumps({"role": "pourplan_run", "run_id": str(run)})
        await connection.execute("select set_config('request.jwt.claims', $1, true)", told)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for function"):
            await connection.execute("select public.claim_run($1)", run)


# ---------------------------------------------------------------------- seen


async def test_the_statistics_count_all_tenants(shop: Shop) -> None:
    other = await add_plant(shop.admin, "other")
    await shop.create()
    await shop.claimed(await shop.create())
    async with as_user(shop.service, other.planner):
        await shop.service.execute("select public.create_run('FORECAST', '{}'::jsonb, '2024-09-01')")
    rows = await shop.jobs.fetch("select kind, status, runs from public.run_statistics() order by status")
    assert [tuple(row) for row in rows] == [("FORECAST", "QUEUED", 2), ("FORECAST", "RUNNING", 1)]


async def test_the_statistics_read_an_index_and_not_all_that_was_ever_planned(shop: Shop) -> None:
    # Vacuum marks pages as visible to all when their commits are on disk.
    await shop.admin.execute("set synchronous_commit to on")
    await shop.admin.execute(
        "insert into public.plan_runs (tenant_id, kind, status, problem, month, requested_by, finished_at)"
        " select $1, 'FORECAST', case when n > 0 then 'SUCCEEDED' else 'QUEUED' end,"
        " jsonb_build_object('orders', repeat(md5(n::text), 20)), '2024-09-01', gen_random_uuid(),"
        " case when n > 0 then now() end from generate_series(0, 20000) as n",
        shop.plant.id,
    )
    await shop.admin.execute("vacuum analyze public.plan_runs")
    before = await scans(shop.admin)
    rows = await shop.admin.fetch("select status, runs from public.run_statistics() order by status")
    assert [tuple(row) for row in rows] == [("QUEUED", 1), ("SUCCEEDED", 20000)]
    after = await scans(shop.admin)
    assert after["seq_scan"] == before["seq_scan"]
    assert after["idx_scan"] > before["idx_scan"]
    assert after["idx_tup_fetch"] - before["idx_tup_fetch"] < 10


async def scans(admin: Connection) -> asyncpg.Record:
    """How often the runs were read, by themselves and by an index."""
    await admin.execute("select pg_stat_force_next_flush()")
    row = await admin.fetchrow(
        "select seq_scan, idx_scan, idx_tup_fetch from pg_stat_user_tables"
        " where relid = 'public.plan_runs'::regclass"
    )
    assert row
    return row


async def test_only_the_tenants_own_users_see_the_result(shop: Shop) -> None:
    other = await add_plant(shop.admin, "other")
    run = await shop.create()
    await shop.finish(run, await shop.claimed(run))
    for user, count in ((shop.plant.viewer, 2), (other.admin, 0)):
        async with as_user(shop.service, user):
            assert await shop.service.fetchval("select count(*) from public.forecast_heats") == count


async def test_the_problem_is_kept_as_it_was_given(shop: Shop) -> None:
    problem = {"tons": 0.1, "text": "Ä \u2028 ;", "list": [1, None, True], "deep": {"a": {}}}
    async with as_user(shop.service, shop.plant.planner):
        run = await shop.service.fetchval(
            "select public.create_run('FORECAST', $1::text::jsonb, '2024-09-01')", json.dumps(problem)
        )
    answer = await shop.claim(run)
    assert answer is not None
    assert answer["problem"] == problem
