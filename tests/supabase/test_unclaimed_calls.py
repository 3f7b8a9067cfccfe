"""Calls that end without a claim: three follow each other, then the run pauses, longer each time."""

from uuid import UUID

import pytest

from tests.database import Connection, TemporaryDatabase
from tests.solver_jobs.shop import Shop


@pytest.fixture
async def shop(database: TemporaryDatabase, admin: Connection) -> Shop:
    return await Shop.open(database, admin)


async def hand_over(jobs: Connection, run: UUID, number: int) -> bool:
    """Hand a run to a call of a number, as a dispatcher does that saw the one before end."""
    before = f"call-{number - 1}" if number > 1 else None
    reservation = await jobs.fetchval("select reserve_run($1, $2)", run, before)
    if reservation is not None:
        await jobs.execute("select record_dispatch($1, $2, $3)", run, f"call-{number}", reservation)
    return reservation is not None


async def pass_time(admin: Connection, seconds: int) -> None:
    await admin.execute(
        "update plan_run_leases set dispatched_at = dispatched_at - make_interval(secs => $1)", seconds
    )


async def test_pauses_grow_from_the_fourth_call_on_up_to_ten_minutes(
    shop: Shop, jobs: Connection, admin: Connection
) -> None:
    run = await shop.queue()
    assert [await hand_over(jobs, run, number) for number in (1, 2, 3)] == [True] * 3
    for number, pause in enumerate((60, 120, 240, 480, 600, 600), start=4):
        await pass_time(admin, pause - 10)
        assert not await hand_over(jobs, run, number)
        await pass_time(admin, 10)
        assert await hand_over(jobs, run, number)


async def test_a_claim_ends_the_count(shop: Shop, jobs: Connection, admin: Connection) -> None:
    run = await shop.queue()
    for number in (1, 2, 3):
        await hand_over(jobs, run, number)
    await jobs.fetchval("select claim_run($1, 60, 9, 'call-3')", run)
    await jobs.fetch("select * from reap_runs(9, array['call-3'])")
    assert await hand_over(jobs, run, 1)
    assert await hand_over(jobs, run, 2)


async def test_a_call_that_nobody_took_is_not_counted(shop: Shop, jobs: Connection) -> None:
    run = await shop.queue()
    await hand_over(jobs, run, 1)
    for _ in range(5):
        reservation = await jobs.fetchval("select reserve_run($1, 'call-1')", run)
        await jobs.execute("select record_dispatch($1, null, $2)", run, reservation)
    assert await hand_over(jobs, run, 2)
    assert await hand_over(jobs, run, 3)


async def test_what_is_told_holds_for_the_waiting_run_of_the_call_alone(shop: Shop, jobs: Connection) -> None:
    run, other, claimed = [await shop.queue() for _ in range(3)]
    await hand_over(jobs, run, 1)
    await jobs.fetchval("select claim_run($1, 60, 3, 'call-2')", claimed)
    for call in ("call-1", "call-2", "call-9"):
        await jobs.execute("select tell_unclaimed($1, $2)", call, "x" * 999)
    phases = [(await shop.run(one))["phase"] for one in (run, other, claimed)]
    assert phases[1:] == [None, "starting"]
    assert phases[0].startswith("the worker ended before it began: xxx")
    assert len(phases[0]) == 300
    await jobs.fetchval("select claim_run($1, 60, 3, 'call-1')", run)
    assert (await shop.run(run))["phase"] == "starting"
