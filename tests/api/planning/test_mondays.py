"""Mondays without anybody at the desk: on the real database, with a clock handed in."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from api import services
from api.foundry.problem import same_data
from api.planning.monday_planning import queue_monday
from api.planning.monday_store import Wishes
from api.planning.mondays import MOST_ATTEMPTS, Mondays
from api.relay import node_id, parse_node_id
from api.settings import Settings
from solver_jobs.foundry.problem import FoundryProblem, read_plan, read_problem
from solver_jobs.foundry.roll import roll
from solver_jobs.kinds import kind_of
from tests.api.desk import Desk, Postbox, desk_of
from tests.api.foundry.shop import PROBLEM
from tests.api.planning.test_replan import import_scenario, replan
from tests.database import Connection, Plant, TemporaryDatabase
from tests.solver_jobs.shop import eventually

FIRST = date(2026, 1, 5)
"""The Monday of the small foundry."""
SIX = datetime(2026, 1, 5, 6, tzinfo=UTC)
WEEK = timedelta(weeks=1)

SET = """
mutation ($scenario: ID!, $enabled: Boolean! = true, $hour: Int, $seconds: Int) {
  setMondayReplan(input: {
    scenarioId: $scenario, enabled: $enabled, hour: $hour, timeLimitSeconds: $seconds
  }) { scenario { mondayReplan { hour timeLimitSeconds nextAt } } userErrors { code message path hint } }
}
"""

RUNS = """
query ($scenario: ID!) {
  planRuns(kind: REPLAN, scenarioId: $scenario) { nodes { id status requestedBy ... on ReplanRun {
    asofDate warnings timeLimitSeconds problem error { code message hint details }
  } } }
  node(id: $scenario) { ... on Scenario { asofDate } }
}
"""


@dataclass
class Clock:
    """Tells the time that a test sets."""

    now: datetime = SIX

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def mondays_of(
    desk: Desk, database: TemporaryDatabase, postbox: Postbox, clock: Clock, every_seconds: float = 30
) -> Mondays:
    """What keeps the Mondays of a service."""
    services = desk.services
    return Mondays(
        services.database,
        database.jobs_url,
        services.notices,
        postbox,
        every_seconds=every_seconds,
        clock=clock,
    )


@pytest.fixture
def mondays(planner: Desk, database: TemporaryDatabase, postbox: Postbox, clock: Clock) -> Mondays:
    return mondays_of(planner, database, postbox, clock)


@pytest.fixture
async def scenario(planner: Desk, admin: Connection) -> str:
    """A scenario that is replanned on Mondays at six, in UTC."""
    return await switched_on(planner, admin)


async def switched_on(desk: Desk, admin: Connection, name: str = "Harbour", **problem: Any) -> str:
    """A scenario that is replanned on Mondays at six, asked for before the first of them.

    It makes one mold a day, so that the first weeks leave some, whatever the plan.
    """
    resources = {**PROBLEM["resources"], "molding_max_per_day": 1}
    key = await import_scenario(desk, {**PROBLEM, "resources": resources, **problem}, name)
    payload = (await desk.ask(SET, scenario=key))["setMondayReplan"]
    assert payload["userErrors"] == []
    await admin.execute("update monday_replans set asked_at = $1", SIX - timedelta(days=3))
    return key


async def runs_of(desk: Desk, scenario: str) -> list[dict[str, Any]]:
    """The runs of a scenario, the oldest first."""
    found: list[dict[str, Any]] = (await desk.ask(RUNS, scenario=scenario))["planRuns"]["nodes"]
    return found[::-1]


async def asof(desk: Desk, scenario: str) -> date:
    return date.fromisoformat((await desk.ask(RUNS, scenario=scenario))["node"]["asofDate"])


async def carry_out(jobs: Connection, run_id: str) -> None:
    """Do a worker's work on a run."""
    key = parse_node_id(run_id)[1]
    claim = await jobs.fetchval("select claim_run($1)", key)
    kind = kind_of("REPLAN", 1)
    result = await asyncio.to_thread(
        kind.solve, kind.parse(claim["problem"]), stop=Never(), progress=lambda *_: None
    )
    await jobs.execute(
        "select finish_run($1, $2, $3)", key, UUID(claim["lease_token"]), result.model_dump(mode="json")
    )


class Never:
    """A stop signal that nobody sets."""

    def is_set(self) -> bool:
        return False


def problem_of(run: dict[str, Any]) -> FoundryProblem:
    return read_problem(run["problem"])


# ---------------------------------------------------------------- when it is Monday morning


@pytest.mark.parametrize(
    ("time_zone", "monday", "due"),
    [
        ("UTC", "2026-01-05", "2026-01-05T06:00Z"),
        ("Pacific/Auckland", "2026-01-05", "2026-01-04T17:00Z"),
        ("America/Los_Angeles", "2026-01-05", "2026-01-05T14:00Z"),
        ("Asia/Kathmandu", "2026-01-05", "2026-01-05T00:15Z"),
        # The day after the clocks were changed, and a week before.
        ("America/Los_Angeles", "2026-03-02", "2026-03-02T14:00Z"),
        ("America/Los_Angeles", "2026-03-09", "2026-03-09T13:00Z"),
        ("Pacific/Auckland", "2026-03-30", "2026-03-29T17:00Z"),
        ("Pacific/Auckland", "2026-04-06", "2026-04-05T18:00Z"),
        ("Europe/Berlin", "2026-10-26", "2026-10-26T05:00Z"),
    ],
)
async def test_it_is_monday_when_it_is_in_the_tenants_time_zone(
    planner: Desk,
    admin: Connection,
    mondays: Mondays,
    clock: Clock,
    time_zone: str,
    monday: str,
    due: str,
) -> None:
    await admin.execute("update tenants set time_zone = $1 where slug = 'north'", time_zone)
    orders = [{**order, "due_date": "2027-01-11"} for order in PROBLEM["orders"]]
    scenario = await switched_on(planner, admin, asof_date=monday, orders=orders)
    clock.now = datetime.fromisoformat(due) - timedelta(seconds=1)
    await admin.execute("update monday_replans set asked_at = $1", clock.now - timedelta(days=3))
    assert await mondays.look() == 0
    assert await runs_of(planner, scenario) == []
    clock.now = datetime.fromisoformat(due)
    assert await mondays.look() == 1
    (run,) = await runs_of(planner, scenario)
    assert (run["status"], run["asofDate"], run["warnings"]) == ("QUEUED", monday, [])


@pytest.mark.parametrize("name", ["Pacific/Auckland", "America/Los_Angeles", "Asia/Kathmandu", "UTC"])
async def test_the_next_monday_is_what_the_calendar_says(admin: Connection, name: str) -> None:
    zone = ZoneInfo(name)
    for days in range(0, 366, 5):
        now = datetime(2026, 1, 1, 11, 30, tzinfo=UTC) + timedelta(days=days)
        for hour in (0, 6, 23):
            found = await admin.fetchval("select next_monday_at($1, $2, $3)", hour, name, now)
            local = found.astimezone(zone)
            assert (local.isoweekday(), local.hour, local.minute) == (1, hour, 0)
            # A week has an hour more or less when the clocks are changed.
            assert timedelta(0) < found - now <= WEEK + timedelta(hours=1)


async def test_a_typing_error_in_one_tenants_time_zone_keeps_nobody_from_his_monday(
    planner: Desk, stranger: Desk, admin: Connection, mondays: Mondays
) -> None:
    theirs, ours = await switched_on(stranger, admin), await switched_on(planner, admin)
    await admin.execute("update tenants set time_zone = 'Europe/Nowhere' where slug = 'south'")
    assert await mondays.look() == 2
    assert len(await runs_of(planner, ours)) == 1
    (run,) = await runs_of(stranger, theirs)
    (note,) = (
        await admin.fetchval("select problem from plan_runs where id = $1", parse_node_id(run["id"])[1])
    )["notes"]
    assert note.startswith("The tenant's time zone 'Europe/Nowhere' is unknown")


# ---------------------------------------------------------------- once, and never lost


async def test_a_monday_is_planned_once_however_often_it_is_looked_at(
    planner: Desk, scenario: str, mondays: Mondays, clock: Clock, postbox: Postbox
) -> None:
    for minutes in (0, 0, 1, 59, 60, 60 * 24 * 6):
        clock.now = SIX + timedelta(minutes=minutes)
        await mondays.look()
    (run,) = await runs_of(planner, scenario)
    assert run["timeLimitSeconds"] == 60
    assert postbox.handed_over == [parse_node_id(run["id"])[1]]


async def test_two_services_plan_a_monday_once(
    planner: Desk, admin: Connection, database: TemporaryDatabase, postbox: Postbox, clock: Clock
) -> None:
    scenarios = [await switched_on(planner, admin, f"Hall {number}") for number in range(3)]
    keepers = [mondays_of(planner, database, postbox, clock) for _ in range(3)]
    looked_at = await asyncio.gather(*(keeper.look() for keeper in keepers))
    assert sum(looked_at) == 3
    assert [len(await runs_of(planner, scenario)) for scenario in scenarios] == [1, 1, 1]
    assert len(postbox.handed_over) == 3


async def test_what_was_wished_while_the_service_was_away_is_planned_when_it_is_back(
    planner: Desk, scenario: str, mondays: Mondays, clock: Clock, jobs: Connection
) -> None:
    assert await jobs.fetchval("select wish_mondays($1)", SIX) == 1
    assert await jobs.fetchval("select wish_mondays($1)", SIX + timedelta(minutes=15)) == 0
    clock.now = SIX + timedelta(hours=3)
    assert await mondays.look() == 1
    (run,) = await runs_of(planner, scenario)
    await carry_out(jobs, run["id"])
    (run,) = await runs_of(planner, scenario)
    assert run["warnings"][0] == (
        "This replan was due on Monday, 2026-01-05 at 06:00, and could only be queued on Monday, "
        "2026-01-05 at 09:00 (UTC): the service was away."
    )


async def test_a_monday_on_which_all_slept_is_made_up_for_in_its_week_and_not_later(
    planner: Desk, admin: Connection, mondays: Mondays, clock: Clock
) -> None:
    first, second = await switched_on(planner, admin, "A"), await switched_on(planner, admin, "B")
    clock.now = SIX + timedelta(days=2)
    assert await mondays.look() == 2
    assert [run["asofDate"] for run in await runs_of(planner, first)] == ["2026-01-05"]
    clock.now = SIX + WEEK
    await mondays.look()
    assert [run["asofDate"] for run in await runs_of(planner, second)] == ["2026-01-05", "2026-01-12"]


async def test_a_service_that_was_away_for_weeks_plans_the_week_that_has_come(
    planner: Desk, scenario: str, mondays: Mondays, clock: Clock, jobs: Connection
) -> None:
    await mondays.look()
    (run,) = await runs_of(planner, scenario)
    await carry_out(jobs, run["id"])
    for week in (1, 2):
        assert await jobs.fetchval("select wish_mondays($1)", SIX + week * WEEK) == 1
    clock.now = SIX + 2 * WEEK + timedelta(hours=5)
    assert await mondays.look() == 1
    _, run = await runs_of(planner, scenario)
    assert (run["status"], run["asofDate"]) == ("QUEUED", "2026-01-19")


@pytest.mark.parametrize("queued", [False, True])
async def test_a_service_that_dies_at_it_leaves_it_to_the_next_one(
    planner: Desk,
    scenario: str,
    mondays: Mondays,
    clock: Clock,
    jobs: Connection,
    postbox: Postbox,
    queued: bool,
) -> None:
    wishes = Wishes(jobs)
    await wishes.record(SIX)
    wish = await wishes.take(SIX)
    assert wish is not None
    if queued:
        async with planner.services.database.transaction(wish.identity) as connection:
            await queue_monday(connection, wish, SIX)
    assert await mondays.look() == 0
    clock.now = SIX + timedelta(minutes=6)
    assert await mondays.look() == 1
    (run,) = await runs_of(planner, scenario)
    assert postbox.handed_over == [parse_node_id(run["id"])[1]]


async def test_a_wish_that_is_announced_is_seen_to_at_once(
    planner: Desk,
    scenario: str,
    database: TemporaryDatabase,
    postbox: Postbox,
    clock: Clock,
    jobs: Connection,
) -> None:
    clock.now = SIX - timedelta(minutes=1)
    async with mondays_of(planner, database, postbox, clock, every_seconds=3600):
        # Its look at start-up is over once it waits for what is announced.
        async def waits() -> bool:
            return not await jobs.fetchval(
                "select exists (select from pg_stat_activity where application_name = 'pourplan-mondays'"
                " and datname = current_database())"
            )

        await asyncio.sleep(0.3)
        await eventually(waits, "the look at start-up to be over")
        assert postbox.handed_over == []
        clock.now = SIX
        await jobs.fetchval("select wish_mondays($1)", SIX)

        async def handed_over() -> bool:
            return len(postbox.handed_over) == 1

        await eventually(handed_over, "the run to be handed over")


async def test_what_came_due_before_the_start_is_seen_to_at_the_start(
    planner: Desk, scenario: str, database: TemporaryDatabase, postbox: Postbox, clock: Clock
) -> None:
    async with mondays_of(planner, database, postbox, clock, every_seconds=3600):

        async def handed_over() -> bool:
            return len(postbox.handed_over) == 1

        await eventually(handed_over, "the run to be handed over")


async def test_a_monday_waits_for_room_among_the_tenants_runs(
    planner: Desk, scenario: str, mondays: Mondays, clock: Clock, admin: Connection
) -> None:
    await admin.execute("update tenants set open_replans = 1")
    other = await replan(planner, scenario)
    assert await mondays.look() == 1
    assert len(await runs_of(planner, scenario)) == 1
    await admin.execute(
        "update plan_runs set status = 'CANCELLED', finished_at = now() where id = $1",
        parse_node_id(other)[1],
    )
    clock.now = SIX + timedelta(seconds=31)
    await mondays.look()
    assert len(await runs_of(planner, scenario)) == 2


async def test_a_running_service_keeps_the_mondays_and_a_command_beside_it_does_not(
    database: TemporaryDatabase, plant: Plant, tmp_path: Path, jobs: Connection, admin: Connection
) -> None:
    settings = Settings(
        data=tmp_path, database_url=database.api_url, database_jobs_url=database.jobs_url, reap_seconds=3600
    )
    kept = {"mondays", "room"}
    async with services.open_services(settings, exclusive=False) as command:
        assert not kept & set(command.notices._waiting)
    async with services.open_services(settings, exclusive=True) as service:

        async def listens() -> bool:
            return kept <= set(service.notices._waiting)

        await eventually(listens, "the service to listen")
        desk = desk_of(service, plant, "planner")
        # As of this week, and from the first hour of its Monday on.
        today = datetime.now(UTC).date()
        monday = today - timedelta(days=today.weekday())
        orders = [{**order, "due_date": str(monday + 12 * WEEK)} for order in PROBLEM["orders"]]
        scenario = await switched_on(desk, admin, asof_date=str(monday), orders=orders)
        await desk.ask(SET, scenario=scenario, hour=0, seconds=1)
        await jobs.fetchval("select wish_mondays()")

        async def planned() -> bool:
            return [run["status"] for run in await runs_of(desk, scenario)] == ["SUCCEEDED"]

        await eventually(planned, "the plan of this Monday", seconds=120)


# ---------------------------------------------------------------- from which state


async def test_a_state_of_an_earlier_monday_is_carried_on_as_planned_and_the_run_says_so(
    planner: Desk, scenario: str, mondays: Mondays, clock: Clock, jobs: Connection
) -> None:
    await mondays.look()
    for week in (1, 2):
        *_, last = await runs_of(planner, scenario)
        await carry_out(jobs, last["id"])
        plan = await jobs_plan(planner, last["id"])
        clock.now = SIX + week * WEEK
        assert await mondays.look() == 1
        monday = FIRST + week * WEEK
        assert await asof(planner, scenario) == monday
        *_, run = await runs_of(planner, scenario)
        assert run["asofDate"] == str(monday)
        assert same_data(problem_of(run), roll(problem_of(last), read_plan(plan), 1))
    *_, run = await runs_of(planner, scenario)
    await carry_out(jobs, run["id"])
    *_, run = await runs_of(planner, scenario)
    assert run["status"] == "SUCCEEDED"
    assert run["warnings"][0].startswith(
        "The scenario's state was that of 2026-01-12: it was carried on by 1 week to 2026-01-19 as if its"
    )


async def test_carried_on_is_the_plan_that_was_asked_for_last_whichever_was_found_last(
    planner: Desk, scenario: str, mondays: Mondays, clock: Clock, jobs: Connection
) -> None:
    first = await replan(planner, scenario)
    change = """mutation ($scenario: ID!) {
      upsertResources(input: { scenarioId: $scenario, moldingMaxPerDay: 3 }) { userErrors { message } }
    }"""
    assert (await planner.ask(change, scenario=scenario))["upsertResources"]["userErrors"] == []
    last = await replan(planner, scenario)
    for run in (last, first):
        await carry_out(jobs, run)
    clock.now = SIX + WEEK
    await mondays.look()
    *_, asked_last, monday = await runs_of(planner, scenario)
    assert asked_last["id"] == last
    plan = read_plan(await jobs_plan(planner, last))
    assert same_data(problem_of(monday), roll(problem_of(asked_last), plan, 1))
    older = read_plan(await jobs_plan(planner, first))
    assert not same_data(problem_of(monday), roll(problem_of(asked_last), older, 1))


async def jobs_plan(desk: Desk, run_id: str) -> Any:
    query = "query ($id: ID!) { planRun(id: $id) { ... on ReplanRun { plan } } }"
    return (await desk.ask(query, id=run_id))["planRun"]["plan"]


async def test_weeks_without_a_monday_are_carried_on_together(
    planner: Desk, scenario: str, mondays: Mondays, clock: Clock, jobs: Connection
) -> None:
    await carry_out(jobs, await replan(planner, scenario))
    clock.now = SIX + 2 * WEEK
    await mondays.look()
    *_, run = await runs_of(planner, scenario)
    assert run["asofDate"] == "2026-01-19"
    assert await asof(planner, scenario) == date(2026, 1, 19)


async def test_the_calendar_and_the_orders_of_today_are_carried_on(
    planner: Desk, scenario: str, mondays: Mondays, clock: Clock, jobs: Connection
) -> None:
    await mondays.look()
    (first,) = await runs_of(planner, scenario)
    await carry_out(jobs, first["id"])
    change = """mutation ($scenario: ID!) {
      setCalendar(input: { scenarioId: $scenario, closures: [{first: "2026-01-19", last: "2026-01-30"}] }) {
        userErrors { message } }
      upsertOrders(input: { scenarioId: $scenario, remove: ["A-2"] }) { userErrors { message } }
    }"""
    changed = await planner.ask(change, scenario=scenario)
    assert [payload["userErrors"] for payload in changed.values()] == [[], []]
    clock.now = SIX + WEEK
    await mondays.look()
    *_, run = await runs_of(planner, scenario)
    assert run["error"] is None
    problem = problem_of(run)
    workdays = {row.date for row in problem.calendar_workdays or ()}
    assert date(2026, 1, 16) in workdays
    assert not workdays & {date(2026, 1, day) for day in range(19, 31)}
    assert {order.order_id for order in problem.orders} == {"A-1", "A-3"}
    await carry_out(jobs, run["id"])
    *_, run = await runs_of(planner, scenario)
    assert run["warnings"][1] == (
        "The plan it was carried on by has orders that are none of the scenario any more: A-2. "
        "What was to be molded of them by 2026-01-12 holds flasks and metal."
    )


@pytest.mark.parametrize("zone", ["CEST", "europe/berlin"])
async def test_a_time_zone_that_postgres_alone_knows_is_no_reason_not_to_plan(
    planner: Desk, scenario: str, mondays: Mondays, clock: Clock, admin: Connection, zone: str
) -> None:
    await admin.execute("update tenants set time_zone = $1", zone)
    clock.now = SIX + timedelta(hours=5)
    await mondays.look()
    (run,) = await runs_of(planner, scenario)
    assert (run["status"], run["error"]) == ("QUEUED", None)


async def test_a_what_if_is_no_plan_to_carry_on_by(
    planner: Desk, scenario: str, mondays: Mondays, clock: Clock, jobs: Connection
) -> None:
    many = """mutation ($scenario: ID!) { replanMany(input: {
        scenarioIds: [$scenario], whatIf: {demandFactors: [2]} }) { batch { runs { nodes { id } } } } }"""
    (run,) = (await planner.ask(many, scenario=scenario))["replanMany"]["batch"]["runs"]["nodes"]
    await carry_out(jobs, run["id"])
    clock.now = SIX + WEEK
    await mondays.look()
    *_, failed = await runs_of(planner, scenario)
    assert failed["error"]["code"] == "STATE_OF_EARLIER_MONDAY"


# ---------------------------------------------------------------- what can't be planned is told


async def test_a_state_that_can_not_be_carried_on_is_a_failed_run_that_says_why(
    planner: Desk, scenario: str, mondays: Mondays, clock: Clock, postbox: Postbox
) -> None:
    clock.now = SIX + WEEK
    for _ in range(2):
        await mondays.look()
    (run,) = await runs_of(planner, scenario)
    assert (run["status"], run["asofDate"]) == ("FAILED", "2026-01-12")
    assert run["error"]["code"] == "STATE_OF_EARLIER_MONDAY"
    assert "2026-01-05" in run["error"]["message"]
    assert "Import the state" in run["error"]["hint"]
    assert problem_of(run).asof_date == FIRST
    assert await asof(planner, scenario) == FIRST
    assert postbox.handed_over == []


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        ({"asof_date": "2026-01-12"}, "STATE_OF_LATER_MONDAY"),
        ({"orders": []}, "NOTHING_TO_PLAN"),
        (
            {
                "orders": [{"order_id": "A", "part_id": "LID", "qty": 3, "due_date": "2026-02-02"}],
                "initial_order_progress": [{"order_id": "A", "molded_qty_credit": 3}],
            },
            "NOTHING_TO_PLAN",
        ),
    ],
)
async def test_a_scenario_without_a_task_is_a_failed_run(
    planner: Desk, admin: Connection, mondays: Mondays, problem: dict[str, Any], code: str
) -> None:
    scenario = await switched_on(planner, admin, **problem)
    await mondays.look()
    (run,) = await runs_of(planner, scenario)
    assert (run["status"], run["error"]["code"]) == ("FAILED", code)


async def test_data_that_became_unsound_are_a_failed_run_that_names_all_faults(
    planner: Desk, scenario: str, mondays: Mondays, admin: Connection
) -> None:
    await admin.execute('update resources set "flasks_S" = 0, "flasks_M" = 0')
    await mondays.look()
    (run,) = await runs_of(planner, scenario)
    assert run["status"] == "FAILED"
    assert run["error"]["details"]
    assert run["error"]["hint"]


async def test_what_breaks_three_times_is_a_failed_run_and_others_are_planned(
    planner: Desk, scenario: str, mondays: Mondays, clock: Clock, admin: Connection
) -> None:
    await admin.execute("alter table pins rename to pins_that_are_away")
    for attempt in range(MOST_ATTEMPTS):
        assert await runs_of(planner, scenario) == []
        clock.now = SIX + attempt * timedelta(minutes=6)
        assert await mondays.look() == 1
    (run,) = await runs_of(planner, scenario)
    assert (run["status"], run["error"]["code"]) == ("FAILED", "MONDAY_BROKEN")
    await admin.execute("alter table pins_that_are_away rename to pins")
    other = await switched_on(planner, admin, "Other")
    await mondays.look()
    assert [one["status"] for one in await runs_of(planner, other)] == ["QUEUED"]


# ---------------------------------------------------------------- the switch


async def test_the_switch_tells_when_the_next_monday_is_due(planner: Desk, admin: Connection) -> None:
    scenario = await import_scenario(planner)
    payload = (await planner.ask(SET, scenario=scenario, hour=5, seconds=300))["setMondayReplan"]
    found = payload["scenario"]["mondayReplan"]
    assert (found["hour"], found["timeLimitSeconds"]) == (5, 300)
    assert datetime.fromisoformat(found["nextAt"]).isoweekday() == 1
    payload = (await planner.ask(SET, scenario=scenario, enabled=False))["setMondayReplan"]
    assert payload == {"scenario": {"mondayReplan": None}, "userErrors": []}


NEXT = "select next_replan_at($1, 10, 'UTC', $2)"
TEN = SIX.replace(hour=10)


async def next_at_ten(desk: Desk, scenario: str, now: datetime) -> datetime:
    """When a scenario is replanned next, were it so at ten."""
    async with desk.context.transaction() as connection:
        found = await connection.fetchval(NEXT, parse_node_id(scenario)[1], now)
    assert isinstance(found, datetime)
    return found


async def test_a_monday_that_has_its_run_is_not_promised_again_at_a_later_hour(
    planner: Desk, stranger: Desk, scenario: str, mondays: Mondays, admin: Connection
) -> None:
    seven = SIX + timedelta(hours=1)
    assert await next_at_ten(planner, scenario, seven) == TEN
    await mondays.look()
    assert len(await runs_of(planner, scenario)) == 1
    assert await next_at_ten(planner, scenario, seven) == TEN + WEEK
    assert await next_at_ten(planner, scenario, seven + WEEK) == TEN + WEEK
    # Switched off and on again, a Monday is stood for by the run that it had.
    await planner.ask(SET, scenario=scenario, enabled=False)
    await planner.ask(SET, scenario=scenario, hour=10)
    assert await admin.fetchval("select count(*)::int from monday_wishes") == 0
    assert await next_at_ten(planner, scenario, seven) == TEN + WEEK
    # What another tenant has planned is nobody's business.
    assert await next_at_ten(stranger, scenario, seven) == TEN


async def test_a_monday_that_waits_for_its_run_is_not_promised_again(
    planner: Desk, scenario: str, jobs: Connection
) -> None:
    await Wishes(jobs).record(SIX)
    assert await runs_of(planner, scenario) == []
    assert await next_at_ten(planner, scenario, SIX + timedelta(hours=1)) == TEN + WEEK


async def test_the_switch_tells_the_monday_after_one_that_is_done(planner: Desk, admin: Connection) -> None:
    scenario = await import_scenario(planner)
    payload = (await planner.ask(SET, scenario=scenario))["setMondayReplan"]
    due = datetime.fromisoformat(payload["scenario"]["mondayReplan"]["nextAt"])
    await admin.execute(
        "insert into monday_wishes (scenario_id, tenant_id, monday, time_zone, due_at)"
        " select scenario_id, tenant_id, $1, 'UTC', $2 from monday_replans",
        due.date(),
        due,
    )
    payload = (await planner.ask(SET, scenario=scenario))["setMondayReplan"]
    assert datetime.fromisoformat(payload["scenario"]["mondayReplan"]["nextAt"]) == due + WEEK


async def test_who_asks_for_an_hour_that_no_day_has_is_told_those_that_there_are(
    planner: Desk, scenario: str
) -> None:
    mistake = await planner.mistake(SET, scenario=scenario, hour=25)
    assert mistake["path"] == ["input", "hour"]
    assert "0 (midnight) to 23" in mistake["hint"]


@pytest.mark.parametrize("figures", [{"hour": 24}, {"hour": -1}, {"seconds": 0}, {"seconds": 10**6}], ids=str)
async def test_figures_are_checked_where_they_switch_it_on_and_not_where_it_goes_off(
    planner: Desk, scenario: str, figures: dict[str, int]
) -> None:
    assert (await planner.mistake(SET, scenario=scenario, **figures))["code"].endswith("OUT_OF_RANGE")
    payload = (await planner.ask(SET, scenario=scenario, enabled=False, **figures))["setMondayReplan"]
    assert payload == {"scenario": {"mondayReplan": None}, "userErrors": []}


async def test_what_is_switched_off_is_not_planned(
    planner: Desk, scenario: str, mondays: Mondays, jobs: Connection
) -> None:
    await jobs.fetchval("select wish_mondays($1)", SIX)
    await planner.ask(SET, scenario=scenario, enabled=False)
    assert await mondays.look() == 0
    assert await runs_of(planner, scenario) == []


async def test_a_monday_that_was_due_before_the_switch_is_not_made_up_for(
    planner: Desk, scenario: str, mondays: Mondays, clock: Clock, admin: Connection
) -> None:
    await admin.execute("update monday_replans set asked_at = $1", SIX + timedelta(seconds=1))
    clock.now = SIX + timedelta(hours=2)
    assert await mondays.look() == 0


async def test_an_hour_that_is_brought_forward_on_a_monday_morning_is_due_at_once(
    planner: Desk, scenario: str, mondays: Mondays, clock: Clock
) -> None:
    await planner.ask(SET, scenario=scenario, hour=10)
    clock.now = SIX + timedelta(hours=2)
    assert await mondays.look() == 0
    await planner.ask(SET, scenario=scenario, hour=6)
    assert await mondays.look() == 1


async def test_it_is_planned_in_the_name_of_who_asked_or_of_an_admin_once_he_plans_no_more(
    planner: Desk,
    plant: Plant,
    scenario: str,
    mondays: Mondays,
    clock: Clock,
    admin: Connection,
    jobs: Connection,
) -> None:
    await mondays.look()
    (run,) = await runs_of(planner, scenario)
    assert run["requestedBy"] == str(plant.planner)
    await carry_out(jobs, run["id"])
    await admin.execute("update tenant_members set role = 'viewer' where user_id = $1", plant.planner)
    clock.now = SIX + WEEK
    await mondays.look()
    *_, run = await runs_of(planner, scenario)
    assert (run["status"], run["requestedBy"]) == ("QUEUED", str(plant.admin))


async def test_only_planners_switch_and_only_in_their_own_tenant(
    planner: Desk, viewer: Desk, stranger: Desk
) -> None:
    scenario = await import_scenario(planner)
    assert (await viewer.mistake(SET, scenario=scenario))["code"] == "FORBIDDEN"
    assert (await stranger.mistake(SET, scenario=scenario))["code"] == "NOT_FOUND"
    mistake = await planner.mistake(SET, scenario=node_id("Scenario", UUID(int=1)))
    assert (mistake["code"], mistake["path"]) == ("NOT_FOUND", ["input", "scenarioId"])
    assert (await planner.mistake(SET, scenario=scenario, hour=24))["path"] == ["input", "hour"]
    assert (await planner.mistake(SET, scenario=scenario, seconds=0))["code"] == "TIME_LIMIT_OUT_OF_RANGE"
