import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any
from uuid import UUID

from strawberry.types.execution import ExecutionResult

from api.relay import parse_node_id
from tests.api.desk import Desk
from tests.api.planning.test_forecast import CANCEL, carry_out, queue
from tests.database import Connection

FOLLOW = """
subscription ($id: ID!) {
  runUpdates(runId: $id) {
    __typename status attempt progress { phase percent elapsedSeconds }
    ... on ForecastRun { totalHeats heats { grade { name } } }
  }
}
"""


def follow(desk: Desk, run_id: str) -> AsyncGenerator[ExecutionResult, None]:
    return desk.follow(FOLLOW, id=run_id)


async def told(events: AsyncIterator[ExecutionResult]) -> dict[str, Any]:
    async with asyncio.timeout(10):
        event = await anext(events)
    assert event.errors is None, event.errors
    assert event.data is not None
    run: dict[str, Any] = event.data["runUpdates"]
    return run


async def test_a_run_is_told_now_and_at_every_change_until_it_ends(
    viewer: Desk, planner: Desk, jobs: Connection
) -> None:
    run_id = await queue(planner)
    key = parse_node_id(run_id)[1]
    events = follow(viewer, run_id)
    assert (await told(events))["status"] == "QUEUED"

    token = UUID((await jobs.fetchval("select claim_run($1)", key))["lease_token"])
    running = await told(events)
    assert (running["status"], running["attempt"], running["progress"]["phase"]) == ("RUNNING", 1, "starting")

    await jobs.execute("select progress_run($1, $2, 'testing methods', 40)", key, token)
    assert (await told(events))["progress"]["percent"] == 40.0

    problem = await jobs.fetchval("select claim_run($1, 60)", key)
    assert problem is None
    await jobs.execute("select fail_run($1, $2, 'CODE', 'Why.')", key, token)
    assert (await told(events))["status"] == "FAILED"
    assert [event async for event in events] == []


async def test_a_run_tells_that_its_workers_end_before_they_begin(
    viewer: Desk, planner: Desk, jobs: Connection
) -> None:
    run_id = await queue(planner)
    events = follow(viewer, run_id)
    assert (await told(events))["progress"] is None
    await jobs.execute("select record_dispatch($1, 'local:a:1')", parse_node_id(run_id)[1])
    await jobs.execute("select tell_unclaimed('local:a:1', 'No module named ortools')")
    waiting = await told(events)
    assert (waiting["status"], waiting["attempt"]) == ("QUEUED", 0)
    phase = "the worker ended before it began: No module named ortools"
    assert waiting["progress"] == {"phase": phase, "percent": 0.0, "elapsedSeconds": 0.0}
    await events.aclose()


async def test_the_last_word_holds_the_result(viewer: Desk, planner: Desk, jobs: Connection) -> None:
    run_id = await queue(planner)
    events = follow(viewer, run_id)
    assert (await told(events))["heats"] == []
    await carry_out(jobs, run_id)
    async with asyncio.timeout(10):
        last = [event async for event in events][-1]
    assert last.data is not None
    assert last.data["runUpdates"]["status"] == "SUCCEEDED"
    assert last.data["runUpdates"]["totalHeats"] == 286
    assert {row["grade"]["name"] for row in last.data["runUpdates"]["heats"]} == {
        "B500A",
        "B500B",
        "A36",
        "A53/C591",
    }


async def test_a_run_that_has_ended_is_told_once(viewer: Desk, planner: Desk) -> None:
    run_id = await queue(planner)
    await planner.ask(CANCEL, id=run_id)
    events = [event async for event in follow(viewer, run_id)]
    assert [event.data["runUpdates"]["status"] for event in events if event.data] == ["CANCELLED"]


async def test_a_heartbeat_without_news_is_not_told(
    viewer: Desk, planner: Desk, jobs: Connection, admin: Connection
) -> None:
    run_id = await queue(planner)
    key = parse_node_id(run_id)[1]
    events = follow(viewer, run_id)
    await told(events)
    for _ in range(3):
        await admin.execute("select pg_notify('plan_runs', $1)", str(key))
    await asyncio.sleep(0.1)
    await planner.ask(CANCEL, id=run_id)
    assert (await told(events))["status"] == "CANCELLED"


async def test_what_is_not_ones_own_can_not_be_followed(stranger: Desk, planner: Desk) -> None:
    run_id = await queue(planner)
    (event,) = [event async for event in follow(stranger, run_id)]
    assert event.errors
    assert event.errors[0].extensions is not None
    assert event.errors[0].extensions["code"] == "NOT_FOUND"


async def test_an_id_that_is_none_can_not_be_followed(viewer: Desk) -> None:
    (event,) = [event async for event in follow(viewer, "nonsense")]
    assert event.errors
    assert event.errors[0].extensions is not None
    assert event.errors[0].extensions["code"] == "INVALID_ID"


async def test_who_stops_listening_leaves_nothing_behind(viewer: Desk, planner: Desk) -> None:
    run_id = await queue(planner)
    key = parse_node_id(run_id)[1]
    events = follow(viewer, run_id)
    await anext(events)
    assert str(key) in viewer.services.notices._waiting
    await events.aclose()
    assert str(key) not in viewer.services.notices._waiting
