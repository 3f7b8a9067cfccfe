"""The foundry planner's Monday through the schema: the real dispatcher, worker process and database."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.dispatch import Dispatcher
from api.reads.execute import unpacked
from api.relay import parse_node_id
from api.schema import schema
from api.settings import Settings
from solver_jobs.foundry.problem import read_plan, read_problem
from solver_jobs.foundry.verify import verify
from tests.api.desk import Desk, desk_of, open_services
from tests.api.foundry.shop import CLONE, IMPORT, PROBLEM, big_problem
from tests.database import Connection, Plant, TemporaryDatabase
from tests.solver_jobs.foundry.diary import Diary

SAMPLE = Path(__file__).parents[3] / "data" / "sample"

REPLAN = """
mutation ($scenario: ID!, $asof: Date, $seconds: Int = 3, $key: String) {
  replanMonday(input: {
    scenarioId: $scenario, asofDate: $asof, timeLimitSeconds: $seconds, idempotencyKey: $key
  }) { run { id status asofDate scenario { name } } userErrors { code message path hint } }
}
"""

FOLLOW = """
subscription ($id: ID!) { runUpdates(runId: $id) {
  status attempt progress { phase percent bestObjective bestBound gap elapsedSeconds }
  error { code message details }
} }
"""

PLAN = """
query ($id: ID!) { planRun(id: $id) { ... on ReplanRun {
  status kind asofDate timeLimitSeconds warnings explanation plan problem
  scenario { id name }
  summary {
    lateMolds lateOrders patternStarts patternStops wip objective bound gap provenOptimal stoppedEarly
    solveSeconds specificationObjective peakFlasks { size inUse capacity } peakPourTons patternChanges
  }
  dailyOrders(first: 1000) { nodes { workdayIndex date order { orderId } part { partId } moldsMolded } }
  weeklyOrders(first: 1000) { nodes { weekIndex order { orderId } part { partId } moldsMoldedWeek } }
  orderStatuses(first: 1000) { totalCount nodes {
    order { orderId dueDate } part { partId flaskSize }
    qty moldedQtyCredit remainingQty dueDate deliveredByDue
    lateQty creditLateQty completionWorkdayIndex completionDate reason
    causes { resource units fromDate toDate days takenBy { orderId amount } }
  } }
  days { workdayIndex date weekIndex molds patterns pourTons flasks { size inUse capacity } }
} } }
"""

COMPARE = """
query ($id: ID!, $other: ID!) { planRun(id: $id) { ... on ReplanRun { comparedTo(runId: $other) {
  moldsMoved newlyLate { orderId } noLongerLate { orderId } patternsAdded { orderId }
  patternsRemoved { orderId }
} } } }
"""

CANCEL = """
mutation ($id: ID!, $keep: Boolean) { cancelRun(input: {runId: $id, keepBest: $keep}) {
  run { id status } userErrors { code message }
} }
"""

ROLL = """
mutation ($scenario: ID!, $run: ID!, $weeks: Int = 1) {
  rollScenario(input: {scenarioId: $scenario, runId: $run, weeks: $weeks}) {
    scenario { id name asofDate } userErrors { code message path hint }
  }
}
"""


@pytest.fixture
async def office(database: TemporaryDatabase, other_plant: Plant, tmp_path: Path) -> AsyncIterator[Desk]:
    """The planner of a foundry, in a service that runs jobs."""
    async with (
        Dispatcher(Settings(data=tmp_path), database.jobs_url) as dispatcher,
        open_services(database, tmp_path, dispatcher) as services,
    ):
        yield desk_of(services, other_plant, "planner")


def sample() -> dict[str, Any]:
    """The sample foundry."""
    found: dict[str, Any] = json.loads((SAMPLE / "foundry.json").read_text())
    return found


async def import_scenario(desk: Desk, problem: Mapping[str, Any] = PROBLEM, name: str = "Harbour") -> str:
    payload = (await desk.ask(IMPORT, name=name, problem=problem))["importScenario"]
    assert payload["userErrors"] == []
    return str(payload["scenario"]["id"])


async def replan(desk: Desk, scenario: str, **variables: Any) -> str:
    payload = (await desk.ask(REPLAN, scenario=scenario, **variables))["replanMonday"]
    assert payload["userErrors"] == []
    return str(payload["run"]["id"])


async def follow(desk: Desk, run_id: str, seconds: float = 90) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    events = await schema.subscribe(FOLLOW, variable_values={"id": run_id}, context_value=desk.context)
    assert hasattr(events, "__aiter__")
    async with asyncio.timeout(seconds):
        async for event in events:
            assert event.errors is None, event.errors
            told.append(unpacked(event.data)["runUpdates"])
    return told


async def planned(desk: Desk, scenario: str, **variables: Any) -> dict[str, Any]:
    """Replan, and give the run with all of its plan."""
    run_id = await replan(desk, scenario, **variables)
    ended = (await follow(desk, run_id))[-1]
    assert ended["status"] == "SUCCEEDED", ended["error"]
    return {"id": run_id, **(await desk.ask(PLAN, id=run_id))["planRun"]}


async def test_a_monday_from_the_mutation_to_the_plan(office: Desk) -> None:
    scenario = await import_scenario(office)
    run = await planned(office, scenario)
    assert run["asofDate"] == "2026-01-05"
    assert run["scenario"]["name"] == "Harbour"
    problem, plan = read_problem(run["problem"]), read_plan(run["plan"])
    assert verify(problem, plan) == []
    assert run["summary"]["lateMolds"] == plan.summary.late == 2
    assert run["summary"]["provenOptimal"] is True
    assert run["summary"]["gap"] == 0
    assert run["summary"]["objective"] == run["summary"]["bound"] == plan.summary.objective
    assert run["summary"]["specificationObjective"] == plan.summary.spec_objective
    assert {peak["size"]: peak["inUse"] for peak in run["summary"]["peakFlasks"]} == plan.summary.peak_flasks
    assert run["explanation"] == list(plan.explanation.sentences if plan.explanation else ())


async def test_the_rows_of_a_plan_are_the_plan(office: Desk) -> None:
    run = await planned(office, await import_scenario(office))
    plan = read_plan(run["plan"])
    parts = {order["order_id"]: order["part_id"] for order in PROBLEM["orders"]}
    daily = {(r["workdayIndex"], r["order"]["orderId"]): r for r in run["dailyOrders"]["nodes"]}
    assert {key: row["moldsMolded"] for key, row in daily.items()} == {
        (row.workday_index, row.order_id): row.molds for row in plan.x
    }
    assert all(row["part"]["partId"] == parts[order] for (_, order), row in daily.items())
    dates = {day.workday_index: day for day in plan.calendar_workdays}
    assert all(row["date"] == str(dates[index].date) for (index, _), row in daily.items())
    weekly: dict[tuple[int | None, str], int] = {}
    for row in plan.x:
        week = dates[row.workday_index].week_index
        weekly[week, row.order_id] = weekly.get((week, row.order_id), 0) + row.molds
    assert {
        (r["weekIndex"], r["order"]["orderId"]): r["moldsMoldedWeek"] for r in run["weeklyOrders"]["nodes"]
    } == weekly
    assert [day["date"] for day in run["days"]] == [str(day.date) for day in plan.calendar_workdays]
    assert sum(day["molds"] for day in run["days"]) == sum(row.molds for row in plan.x)
    statuses = run["orderStatuses"]["nodes"]
    assert [row["order"]["orderId"] for row in statuses] == [row["order_id"] for row in PROBLEM["orders"]]
    late = [row for row in statuses if row["lateQty"]]
    assert [row["order"]["orderId"] for row in late] == ["A-3"]
    assert "earliest" in late[0]["reason"]
    assert late[0]["causes"][0]["resource"] == "LAGS"
    assert all(row["reason"] is None and row["causes"] == [] for row in statuses if row not in late)
    # What is odd about the problem is told with the run.
    assert any("A-3" in warning for warning in run["warnings"])


async def test_an_empty_order_book_has_an_empty_plan(office: Desk) -> None:
    run = await planned(office, await import_scenario(office, {**PROBLEM, "orders": []}))
    assert (run["summary"]["objective"], run["summary"]["provenOptimal"]) == (0, True)
    assert run["dailyOrders"]["nodes"] == run["weeklyOrders"]["nodes"] == run["orderStatuses"]["nodes"] == []
    assert any("there are no orders" in warning for warning in run["warnings"])


async def test_only_late_orders_are_told_where_they_are_asked_for(office: Desk) -> None:
    run = await planned(office, await import_scenario(office))
    query = """query ($id: ID!, $late: Boolean) { planRun(id: $id) { ... on ReplanRun {
        orderStatuses(late: $late) { totalCount nodes { order { orderId } } }
        dailyOrders(orderId: "A-1", first: 1) {
          totalCount nodes { order { orderId } } pageInfo { hasNextPage }
        }
    } } }"""
    for late, count in ((True, 1), (False, 2), (None, 3)):
        found = (await office.ask(query, id=run["id"], late=late))["planRun"]
        assert found["orderStatuses"]["totalCount"] == len(found["orderStatuses"]["nodes"]) == count
        assert [row["order"]["orderId"] for row in found["dailyOrders"]["nodes"]] == ["A-1"]


async def test_an_order_is_late_by_what_is_molded_already_too(office: Desk) -> None:
    credited = {
        **PROBLEM,
        "initial_order_progress": [{"order_id": "A-2", "molded_qty_credit": 6}],
        "expected_deliveries": [{"order_id": "A-2", "date": "2026-01-26", "qty": 6}],
    }
    run_id = (await planned(office, await import_scenario(office, credited)))["id"]
    query = """query ($id: ID!) { planRun(id: $id) { ... on ReplanRun {
        summary { lateMolds creditLateMolds lateOrders }
        late: orderStatuses(late: true) { totalCount nodes { order { orderId } creditLateQty reason } }
        onTime: orderStatuses(late: false) { nodes { order { orderId } } }
    } } }"""
    told = (await office.ask(query, id=run_id))["planRun"]
    assert told["summary"] == {"lateMolds": 2, "creditLateMolds": 6, "lateOrders": 2}
    assert [(row["order"]["orderId"], row["creditLateQty"]) for row in told["late"]["nodes"]] == [
        ("A-2", 6),
        ("A-3", 0),
    ]
    assert told["late"]["totalCount"] == told["summary"]["lateOrders"]
    assert "already molded" in told["late"]["nodes"][0]["reason"]
    assert [row["order"]["orderId"] for row in told["onTime"]["nodes"]] == ["A-1"]


async def test_progress_tells_phase_objective_bound_and_gap(office: Desk) -> None:
    scenario = await import_scenario(office, big_problem())
    run_id = await replan(office, scenario, seconds=4)
    told = [event["progress"] for event in await follow(office, run_id) if event["progress"]]
    assert any(
        progress["bestObjective"] is not None
        and progress["bestBound"] is not None
        and progress["gap"]
        == pytest.approx(
            (progress["bestObjective"] - progress["bestBound"]) / max(1, progress["bestObjective"])
        )
        for progress in told
    )
    assert {"improve", "construct", "prove", "polish"} & {progress["phase"] for progress in told}
    assert len(told) >= 4


async def test_the_last_progress_tells_the_figures_of_the_plan(office: Desk) -> None:
    run_id = await replan(office, await import_scenario(office, big_problem()), seconds=1)
    last = (await follow(office, run_id))[-1]["progress"]
    summary = (await office.ask(PLAN, id=run_id))["planRun"]["summary"]
    assert (last["phase"], last["percent"]) == ("done", 100)
    assert (last["bestObjective"], last["bestBound"]) == (summary["objective"], summary["bound"])
    assert last["gap"] == pytest.approx(summary["gap"])


async def test_a_run_that_is_ended_early_keeps_its_best_plan(office: Desk, admin: Connection) -> None:
    scenario = await import_scenario(office, big_problem())
    run_id = await replan(office, scenario, seconds=300)
    await has_objective(admin, run_id)
    payload = (await office.ask(CANCEL, id=run_id, keep=True))["cancelRun"]
    assert payload == {"run": {"id": run_id, "status": "RUNNING"}, "userErrors": []}
    assert (await follow(office, run_id, 30))[-1]["status"] == "SUCCEEDED"
    run = (await office.ask(PLAN, id=run_id))["planRun"]
    assert run["summary"]["stoppedEarly"] is True
    assert verify(read_problem(run["problem"]), read_plan(run["plan"])) == []


async def has_objective(admin: Connection, run_id: str) -> None:
    """Wait until a run has a plan."""
    key = parse_node_id(run_id)[1]
    async with asyncio.timeout(60):
        while await admin.fetchval("select best_objective from plan_runs where id = $1", key) is None:
            await asyncio.sleep(0.05)


async def test_a_cancelled_replan_leaves_no_plan(office: Desk, admin: Connection) -> None:
    run_id = await replan(office, await import_scenario(office, big_problem()), seconds=300)
    await has_objective(admin, run_id)
    await office.ask(CANCEL, id=run_id, keep=False)
    assert [event["status"] for event in await follow(office, run_id)] == ["CANCELLED"]
    run = (await office.ask(PLAN, id=run_id))["planRun"]
    assert (run["summary"], run["plan"], run["days"], run["explanation"]) == (None, None, [], [])


async def test_a_killed_worker_costs_an_attempt_and_no_plan(office: Desk, admin: Connection) -> None:
    scenario = await import_scenario(office, sample())
    run_id = await replan(office, scenario, seconds=6)
    await has_objective(admin, run_id)
    call = await admin.fetchval(
        "select call_id from plan_run_leases where run_id = $1", parse_node_id(run_id)[1]
    )
    os.kill(int(call.rpartition(":")[2]), signal.SIGKILL)
    told = await follow(office, run_id)
    assert (told[-1]["status"], told[-1]["attempt"]) == ("SUCCEEDED", 2)
    run = (await office.ask(PLAN, id=run_id))["planRun"]
    assert verify(read_problem(run["problem"]), read_plan(run["plan"])) == []
    assert run["orderStatuses"]["totalCount"] == len(sample()["orders"])
    rows = await admin.fetchval("select sum(molds_molded) from plan_daily_order")
    assert rows == sum(row["molds"] for row in run["plan"]["x"])


async def test_mondays_in_a_row_mold_every_unit_of_the_sample_foundry(office: Desk) -> None:
    """Four Mondays a week apart; the fifth plan is carried out to its end."""
    scenario = await import_scenario(office, sample())
    diary, monday = Diary(read_problem(sample())), date.fromisoformat(sample()["asof_date"])
    for weeks in (1, 1, 1, 1, 6):
        run = await planned(office, scenario, seconds=1)
        problem, plan = read_problem(run["problem"]), read_plan(run["plan"])
        diary.check_state(problem)
        assert verify(problem, plan) == []
        diary.live(plan, weeks)
        payload = (await office.ask(ROLL, scenario=scenario, run=run["id"], weeks=weeks))["rollScenario"]
        assert payload["userErrors"] == []
        monday += timedelta(weeks=weeks)
        assert payload["scenario"]["asofDate"] == str(monday)
    diary.check_history()
    run = await planned(office, scenario, seconds=1)
    assert {row["remainingQty"] for row in run["orderStatuses"]["nodes"]} == {0}
    assert all(row["moldedQtyCredit"] == row["qty"] for row in run["orderStatuses"]["nodes"])
    assert any("Nothing is left to mold" in warning for warning in run["warnings"])


async def test_plans_are_compared_over_the_days_that_both_plan(office: Desk) -> None:
    scenario = await import_scenario(office)
    first = await planned(office, scenario)
    same = (await office.ask(COMPARE, id=first["id"], other=first["id"]))["planRun"]["comparedTo"]
    assert same == {
        "moldsMoved": 0,
        "newlyLate": [],
        "noLongerLate": [],
        "patternsAdded": [],
        "patternsRemoved": [],
    }
    # An urgent order comes in, and one is cancelled; a copy of the scenario compares as well.
    orders = [order for order in PROBLEM["orders"] if order["order_id"] != "A-3"]
    orders.append({"order_id": "A-4", "part_id": "LID", "qty": 3, "due_date": "2026-01-07"})
    payload = (await office.ask(CLONE, id=scenario, name="Urgent"))["cloneScenario"]
    copy = await import_scenario(office, {**PROBLEM, "orders": orders}, "Urgent")
    assert copy == payload["scenario"]["id"] != scenario
    second = await planned(office, copy)
    change = (await office.ask(COMPARE, id=second["id"], other=first["id"]))["planRun"]["comparedTo"]
    assert change["newlyLate"] == change["patternsAdded"] == [{"orderId": "A-4"}]
    assert change["noLongerLate"] == change["patternsRemoved"] == [{"orderId": "A-3"}]
    assert change["moldsMoved"] >= 1
    # Last Monday's plan of a scenario is found among its runs.
    runs = "query ($id: ID!) { planRuns(scenarioId: $id, status: SUCCEEDED) { nodes { id } } }"
    assert (await office.ask(runs, id=scenario))["planRuns"]["nodes"] == [{"id": first["id"]}]
    back = (await office.ask(COMPARE, id=first["id"], other=second["id"]))["planRun"]["comparedTo"]
    assert back["newlyLate"] == change["noLongerLate"]
    assert back["moldsMoved"] == change["moldsMoved"]


async def test_plans_without_a_common_day_are_not_compared(office: Desk) -> None:
    january = await planned(office, await import_scenario(office), seconds=1)
    orders = [{**order, "due_date": "2026-07-01"} for order in PROBLEM["orders"]]
    later = {**PROBLEM, "asof_date": "2026-06-01", "orders": orders}
    june = await planned(office, await import_scenario(office, later, "June"), seconds=1)
    refused = await office.refusal(COMPARE, id=june["id"], other=january["id"])
    assert (refused.extensions or {})["code"] == "NO_COMMON_DAYS"
    # The plan of an empty order book has days all the same.
    nothing = await import_scenario(office, {**PROBLEM, "orders": []}, "Nothing")
    empty = await planned(office, nothing, seconds=1)
    change = (await office.ask(COMPARE, id=empty["id"], other=january["id"]))["planRun"]["comparedTo"]
    assert change["noLongerLate"] == [{"orderId": "A-3"}]


async def test_an_order_that_was_molded_late_in_between_is_not_called_on_time(office: Desk) -> None:
    """A-3 is late whatever is planned: a week later it is molded, and delivered or still to come."""
    scenario = await import_scenario(office)
    first = await planned(office, scenario)
    await office.ask(ROLL, scenario=scenario, run=first["id"])
    second = await planned(office, scenario)
    change = (await office.ask(COMPARE, id=second["id"], other=first["id"]))["planRun"]["comparedTo"]
    assert (change["newlyLate"], change["noLongerLate"]) == ([], [])
    # The customer agreed on a later date.
    orders = [{**order, "due_date": "2026-03-02"} for order in PROBLEM["orders"]]
    await import_scenario(office, {**PROBLEM, "orders": orders})
    third = await planned(office, scenario)
    change = (await office.ask(COMPARE, id=third["id"], other=first["id"]))["planRun"]["comparedTo"]
    assert (change["newlyLate"], change["noLongerLate"]) == ([], [{"orderId": "A-3"}])


async def test_the_same_key_gives_the_same_run(planner: Desk) -> None:
    scenario = await import_scenario(planner)
    first = await replan(planner, scenario, key="monday")
    assert await replan(planner, scenario, key="monday", seconds=9) == first
    assert await replan(planner, scenario, key="tuesday") != first
    assert await replan(planner, scenario) != await replan(planner, scenario)


async def test_a_key_is_of_one_scenario(planner: Desk) -> None:
    scenario = await import_scenario(planner)
    first = await replan(planner, scenario, key="monday")
    other = await import_scenario(planner, name="Inland")
    mistake = await planner.mistake(REPLAN, scenario=other, key="monday")
    assert (mistake["code"], mistake["path"]) == ("IDEMPOTENCY_KEY_USED", ["input", "idempotencyKey"])
    assert "another scenario" in mistake["message"]
    assert await replan(planner, scenario, key="monday") == first


async def test_a_key_that_two_scenarios_take_at_once_goes_to_one(planner: Desk) -> None:
    scenarios = [await import_scenario(planner, name=name) for name in ("Harbour", "Inland")]
    answers = await asyncio.gather(*(planner.ask(REPLAN, scenario=one, key="monday") for one in scenarios))
    errors = [error["code"] for answer in answers for error in answer["replanMonday"]["userErrors"]]
    assert errors == ["IDEMPOTENCY_KEY_USED"]


async def test_no_more_replans_wait_at_once_than_a_tenant_may_have(planner: Desk) -> None:
    scenario = await import_scenario(planner)
    runs = [await replan(planner, scenario, key=f"run {number}") for number in range(4)]
    mistake = await planner.mistake(REPLAN, scenario=scenario)
    assert mistake["code"] == "TOO_MANY_RUNS"
    assert "4 replans" in mistake["message"]
    # One that is known already is given all the same.
    assert await replan(planner, scenario, key="run 0") == runs[0]
    await planner.ask(CANCEL, id=runs[0])
    assert await replan(planner, scenario) not in runs


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"seconds": 0}, "TIME_LIMIT_OUT_OF_RANGE"),
        ({"seconds": 901}, "TIME_LIMIT_OUT_OF_RANGE"),
        ({"asof": "2026-01-12"}, "ASOF_DATE_UNKNOWN"),
        ({"key": ""}, "IDEMPOTENCY_KEY_INVALID"),
        ({"key": "a\0b"}, "IDEMPOTENCY_KEY_INVALID"),
    ],
)
async def test_what_makes_no_sense_is_told_and_queues_nothing(
    planner: Desk, variables: dict[str, Any], code: str
) -> None:
    scenario = await import_scenario(planner)
    mistake = await planner.mistake(REPLAN, scenario=scenario, **variables)
    assert mistake["code"] == code
    if "\0" in variables.get("key", ""):
        assert "can't be stored" in mistake["message"]
    if code == "ASOF_DATE_UNKNOWN":
        assert "2026-01-05" in mistake["message"]
    runs = "{ planRuns(kind: REPLAN) { totalCount } }"
    assert (await planner.ask(runs))["planRuns"]["totalCount"] == 0
    assert await replan(planner, scenario, asof="2026-01-05", seconds=900)


async def test_only_planners_replan_and_only_in_their_own_tenant(
    planner: Desk, viewer: Desk, stranger: Desk
) -> None:
    scenario = await import_scenario(planner)
    assert (await viewer.mistake(REPLAN, scenario=scenario))["code"] == "FORBIDDEN"
    assert (await stranger.mistake(REPLAN, scenario=scenario))["code"] == "NOT_FOUND"
    run_id = await replan(planner, scenario)
    assert (await viewer.ask(PLAN, id=run_id))["planRun"]["status"] == "QUEUED"
    assert (await stranger.ask(PLAN, id=run_id))["planRun"] is None
    assert (await stranger.mistake(ROLL, scenario=scenario, run=run_id))["code"] == "NOT_FOUND"
    refused = await planner.refusal(COMPARE, id=run_id, other=run_id)
    assert (refused.extensions or {})["code"] == "NO_PLAN"


async def test_a_scenario_is_rolled_on_by_its_own_plan_of_its_own_monday_alone(
    office: Desk, admin: Connection
) -> None:
    scenario = await import_scenario(office)
    queued = (await planned(office, scenario))["id"]
    other = (await office.ask(CLONE, id=scenario, name="Other"))["cloneScenario"]["scenario"]["id"]
    assert (await office.mistake(ROLL, scenario=other, run=queued))["code"] == "NO_PLAN"
    mistake = await office.mistake(ROLL, scenario=scenario, run=queued, weeks=0)
    assert mistake["code"] == "WEEKS_OUT_OF_RANGE"
    assert "1 to 52 weeks" in mistake["hint"]
    assert (await office.ask(ROLL, scenario=scenario, run=queued))["rollScenario"]["userErrors"] == []
    assert (await office.mistake(ROLL, scenario=scenario, run=queued))["code"] == "PLAN_OF_ANOTHER_MONDAY"


async def test_a_scenario_is_not_rolled_on_to_pins_that_no_plan_can_keep(office: Desk) -> None:
    scenario = await import_scenario(office)
    run = await planned(office, scenario)
    assert sum(row["molds"] for row in run["plan"]["x"] if row["order_id"] == "A-3") == 2
    assert all(row["workday_index"] < 5 for row in run["plan"]["x"] if row["order_id"] == "A-3")
    pin = """mutation ($scenario: ID!, $pins: [PinInput!]!) {
        setPins(input: {scenarioId: $scenario, pins: $pins}) { userErrors { message } } }"""
    pins = [{"orderId": "A-3", "workdayIndex": 6, "molds": 1}]
    assert (await office.ask(pin, scenario=scenario, pins=pins))["setPins"]["userErrors"] == []
    mistake = await office.mistake(ROLL, scenario=scenario, run=run["id"])
    assert (mistake["code"], mistake["path"]) == ("PINS_ABOVE_QUANTITY", ["input", "runId"])
    assert mistake["message"] == (
        "As of 2026-01-12, to which the scenario is to be rolled on: 1 molds of order A-3 are pinned or "
        "frozen, 0 are left to mold."
    )
    assert "setPins" in mistake["hint"]
    # Nothing was stored: the pin is taken back as the hint says, and the scenario goes on.
    assert (await office.ask(pin, scenario=scenario, pins=[]))["setPins"]["userErrors"] == []
    payload = (await office.ask(ROLL, scenario=scenario, run=run["id"]))["rollScenario"]
    assert (payload["userErrors"], payload["scenario"]["asofDate"]) == ([], "2026-01-12")
    assert await replan(office, scenario)


async def test_a_scenario_is_not_rolled_on_by_a_plan_of_other_data(office: Desk) -> None:
    scenario = await import_scenario(office)
    many = """mutation ($scenario: ID!) { replanMany(input: {
        scenarioIds: [$scenario], whatIf: {overtimeDays: [2]}, timeLimitSeconds: 1
    }) { batch { runs { nodes { id } } } } }"""
    (run,) = (await office.ask(many, scenario=scenario))["replanMany"]["batch"]["runs"]["nodes"]
    assert (await follow(office, run["id"]))[-1]["status"] == "SUCCEEDED"
    mistake = await office.mistake(ROLL, scenario=scenario, run=run["id"])
    assert (mistake["code"], mistake["path"]) == ("PLAN_OF_A_WHAT_IF", ["input", "runId"])
    assert (await planned(office, scenario))["asofDate"] == "2026-01-05"


async def test_a_run_stays_what_it_was_when_the_scenario_is_replaced(office: Desk) -> None:
    scenario = await import_scenario(office)
    before = await planned(office, scenario)
    orders = [{**PROBLEM["orders"][0], "qty": 1}]
    await import_scenario(office, {**PROBLEM, "orders": orders})
    after = {"id": before["id"], **(await office.ask(PLAN, id=before["id"]))["planRun"]}
    assert after["dailyOrders"] == before["dailyOrders"]
    assert [row["qty"] for row in after["orderStatuses"]["nodes"]] == [9, 20, 2]
    listed = (await office.ask("{ orders { nodes { orderId qty active } } }"))["orders"]["nodes"]
    assert listed == [{"orderId": "A-1", "qty": 1, "active": True}]
