"""Scenarios renamed and deleted: names are free again, runs and plans stay, whatever becomes of theirs."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.planning.monday_store import Wishes
from api.relay import node_id, parse_node_id
from api.workbooks.foundry_template import foundry_workbook
from solver_jobs.foundry.problem import read_problem
from tests.api.desk import Desk, Postbox
from tests.api.foundry.shop import CLONE, IMPORT, PROBLEM
from tests.api.foundry.test_scenarios import BASE, put, same, stored
from tests.api.planning.test_mondays import SET, SIX, Clock, carry_out, mondays_of
from tests.api.planning.test_replan import CANCEL, COMPARE, PLAN, REPLAN, ROLL, replan
from tests.api.planning.test_replan_many import MANY
from tests.api.workbooks.test_foundry import imported
from tests.database import Connection, TemporaryDatabase, connected

RENAME = """
mutation ($id: ID!, $name: String!) { renameScenario(input: {scenarioId: $id, name: $name}) {
  scenario { id name updatedAt } userErrors { code message path hint }
} }
"""
DELETE = """
mutation ($id: ID!) { deleteScenario(input: {scenarioId: $id}) {
  deletedId scenario { id name archivedAt isBase mondayReplan { hour } }
  userErrors { code message path hint }
} }
"""
LISTED = "query ($archived: Boolean) { scenarios(archived: $archived) { totalCount nodes { id name } } }"
NODE = "query ($id: ID!) { node(id: $id) { ... on Scenario { name archivedAt problem updatedAt } } }"
ROWS = """
select coalesce(sum(n), 0)::int from (
    select count(*) as n from scenarios where id = $1
    union all select count(*) from parts where scenario_id = $1
    union all select count(*) from orders where scenario_id = $1
    union all select count(*) from resources where scenario_id = $1) as counted
"""


async def names(desk: Desk, *, archived: bool | None = None) -> list[str]:
    """What the list of scenarios tells."""
    found = (await desk.ask(LISTED, archived=archived))["scenarios"]
    told = [one["name"] for one in found["nodes"]]
    assert found["totalCount"] == len(told)
    return told


async def trial(desk: Desk, name: str = "Trial") -> str:
    """A copy of the base scenario, which is made first."""
    base = await put(desk, PROBLEM)
    payload = (await desk.ask(CLONE, id=base, name=name))["cloneScenario"]
    assert payload["userErrors"] == []
    return str(payload["scenario"]["id"])


async def deleted(desk: Desk, scenario: str) -> dict[str, Any]:
    """What a deletion that was done tells."""
    payload: dict[str, Any] = (await desk.ask(DELETE, id=scenario))["deleteScenario"]
    assert (payload["userErrors"], payload["deletedId"]) == ([], scenario)
    return payload


async def planned_trial(desk: Desk, jobs: Connection) -> tuple[str, str]:
    """A copy with a plan: the ids of scenario and run."""
    scenario = await trial(desk)
    run = await replan(desk, scenario)
    await carry_out(jobs, run)
    return scenario, run


# ---------------------------------------------------------------- renaming


async def test_a_scenario_has_its_new_name_everywhere_and_keeps_the_rest(
    planner: Desk, jobs: Connection
) -> None:
    scenario, run = await planned_trial(planner, jobs)
    before = (await planner.ask(NODE, id=scenario))["node"]
    payload = (await planner.ask(RENAME, id=scenario, name="  A second L flask set "))["renameScenario"]
    assert payload == {
        "scenario": {"id": scenario, "name": "A second L flask set", "updatedAt": before["updatedAt"]},
        "userErrors": [],
    }
    assert await names(planner) == ["Harbour", "A second L flask set"]
    assert (await planner.ask(PLAN, id=run))["planRun"]["scenario"]["name"] == "A second L flask set"
    assert same(await stored(planner, scenario)) == same(read_problem(PROBLEM))
    # An import finds it by its new name, and makes another one of the old.
    assert await put(planner, PROBLEM, "A second L flask set") == scenario
    assert await put(planner, PROBLEM, "Trial") != scenario


async def test_a_name_that_another_scenario_has_is_refused_and_ones_own_is_not(planner: Desk) -> None:
    scenario = await trial(planner)
    mistake = await planner.mistake(RENAME, id=scenario, name="Harbour")
    assert (mistake["code"], mistake["path"]) == ("NAME_TAKEN", ["input", "name"])
    assert mistake["message"] == "There is a scenario named 'Harbour' already."
    assert mistake["hint"]
    assert (await planner.ask(RENAME, id=scenario, name="Trial"))["renameScenario"]["userErrors"] == []
    assert await names(planner) == ["Harbour", "Trial"]


async def test_names_of_deleted_scenarios_are_free_for_any_number_of_others(
    planner: Desk, jobs: Connection
) -> None:
    await put(planner, PROBLEM)
    for _ in range(2):
        scenario, _ = await planned_trial(planner, jobs)
        await deleted(planner, scenario)
    assert await names(planner, archived=True) == ["Trial", "Trial"]
    key = str(parse_node_id(scenario)[1])
    another = await put(planner, PROBLEM, key)
    assert await put(planner, PROBLEM, key) == another
    assert await names(planner) == ["Harbour", key]


async def test_the_id_of_a_scenario_as_name_of_another_hinders_no_deletion(
    planner: Desk, jobs: Connection
) -> None:
    scenario, _ = await planned_trial(planner, jobs)
    await put(planner, PROBLEM, str(parse_node_id(scenario)[1]))
    assert (await deleted(planner, scenario))["scenario"]["name"] == "Trial"


@pytest.mark.parametrize("name", ["KW  36", " KW\n36\t", "KW\u00a036", "KW\u2028 36"])
async def test_a_name_is_on_one_line_and_a_workbook_finds_its_scenario_by_it(
    planner: Desk, name: str
) -> None:
    scenario = await trial(planner)
    assert (await planner.ask(RENAME, id=scenario, name=name))["renameScenario"]["scenario"][
        "name"
    ] == "KW 36"
    assert await put(planner, PROBLEM, name) == scenario
    assert (await planner.mistake(CLONE, id=scenario, name=name))["code"] == "NAME_TAKEN"
    report = await imported(planner, foundry_workbook({**PROBLEM, "name": name}))
    assert report["stored"]
    assert await names(planner) == ["Harbour", "KW 36"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\0b", "a\x07b"])
async def test_a_scenario_is_not_renamed_to_what_is_no_name(planner: Desk, name: str) -> None:
    scenario = await put(planner, PROBLEM)
    mistake = await planner.mistake(RENAME, id=scenario, name=name)
    assert (mistake["code"], mistake["path"]) == ("NAME_INVALID", ["input", "name"])
    assert mistake["hint"]


# ---------------------------------------------------------------- deleting


async def test_a_scenario_that_was_never_planned_is_removed_with_its_data(
    planner: Desk, admin: Connection
) -> None:
    scenario = await trial(planner)
    await planner.ask(SET, scenario=scenario)
    assert (await deleted(planner, scenario))["scenario"] is None
    assert await admin.fetchval(ROWS, parse_node_id(scenario)[1]) == 0
    assert await names(planner) == ["Harbour"]
    assert await names(planner, archived=True) == []
    assert (await planner.ask(NODE, id=scenario))["node"] is None
    # Whose first answer got lost learns that it is done.
    mistake = await planner.mistake(DELETE, id=scenario)
    assert (mistake["code"], mistake["path"]) == ("NOT_FOUND", ["input", "scenarioId"])
    assert "If it was deleted before, nothing is left to do" in mistake["hint"]


async def test_a_scenario_that_was_planned_is_archived_and_its_plan_stays(
    planner: Desk, jobs: Connection
) -> None:
    scenario, run = await planned_trial(planner, jobs)
    plan = await planner.ask(PLAN, id=run)
    kept = (await deleted(planner, scenario))["scenario"]
    assert (kept["id"], kept["name"], kept["isBase"]) == (scenario, "Trial", False)
    assert datetime.now(UTC) - datetime.fromisoformat(kept["archivedAt"]) < timedelta(minutes=1)
    assert await names(planner) == await names(planner, archived=False) == ["Harbour"]
    assert await names(planner, archived=True) == ["Trial"]
    # The run is told as before, with its scenario, and can be repeated and compared.
    assert await planner.ask(PLAN, id=run) == plan
    assert (await planner.ask(COMPARE, id=run, other=run))["planRun"]["comparedTo"]["moldsMoved"] == 0
    told = (await planner.ask(NODE, id=scenario))["node"]
    assert same(read_problem(told["problem"])) == same(read_problem(PROBLEM))
    assert told["problem"]["name"] == told["name"] == "Trial"


@pytest.mark.parametrize("status", ["CANCELLED", "FAILED"])
async def test_a_run_without_a_plan_is_kept_as_well(planner: Desk, admin: Connection, status: str) -> None:
    scenario = await trial(planner)
    run = await replan(planner, scenario)
    await admin.execute(
        "update plan_runs set status = $2, finished_at = now(),"
        " error = case when $2 = 'FAILED' then '{\"code\": \"X\"}'::jsonb end where id = $1",
        parse_node_id(run)[1],
        status,
    )
    assert (await deleted(planner, scenario))["scenario"]["id"] == scenario
    assert (await planner.ask(PLAN, id=run))["planRun"]["scenario"]["id"] == scenario


async def test_the_name_of_a_deleted_scenario_is_free(planner: Desk, jobs: Connection) -> None:
    scenario, _ = await planned_trial(planner, jobs)
    await deleted(planner, scenario)
    again = await trial(planner)
    assert again != scenario
    await carry_out(jobs, await replan(planner, again))
    await deleted(planner, again)
    assert await names(planner, archived=True) == ["Trial", "Trial"]
    payload = (await planner.ask(IMPORT, name="Trial", problem=PROBLEM))["importScenario"]
    assert payload["scenario"]["id"] not in (scenario, again)


async def test_the_base_is_not_deleted_until_another_one_is_the_base(planner: Desk) -> None:
    scenario = await trial(planner)
    base = await put(planner, PROBLEM)
    for key, name in ((base, "Harbour"), (scenario, "Trial")):
        mistake = await planner.mistake(DELETE, id=key)
        assert (mistake["code"], mistake["path"]) == ("SCENARIO_IS_BASE", ["input", "scenarioId"])
        assert repr(name) in mistake["message"]
        assert "makeBaseScenario" in mistake["hint"]
        await planner.ask(BASE, id=scenario)
    await deleted(planner, base)
    assert (await planner.ask("{ baseScenario { name } }"))["baseScenario"] == {"name": "Trial"}


async def test_a_scenario_with_open_runs_is_not_deleted_and_they_are_named(
    planner: Desk, jobs: Connection
) -> None:
    scenario = await trial(planner)
    runs = [await replan(planner, scenario) for _ in range(2)]
    await jobs.execute("select claim_run($1)", parse_node_id(runs[0])[1])
    mistake = await planner.mistake(DELETE, id=scenario)
    assert (mistake["code"], mistake["path"]) == ("SCENARIO_HAS_OPEN_RUNS", ["input", "scenarioId"])
    assert mistake["message"] == (
        f"Of the scenario 'Trial', 2 runs have not ended yet: {runs[0]} (RUNNING) and {runs[1]} (QUEUED)."
    )
    assert "cancelRun" in mistake["hint"]
    for run in runs:
        assert (await planner.ask(CANCEL, id=run))["cancelRun"]["userErrors"] == []
    await deleted(planner, scenario)


async def test_of_many_open_runs_some_are_named(planner: Desk) -> None:
    scenario = await trial(planner)
    await planner.ask(MANY, scenarios=[scenario], whatIf={"maxPatterns": [1, 2, 3, 4, 5, 6]})
    mistake = await planner.mistake(DELETE, id=scenario)
    assert "6 runs have not ended yet" in mistake["message"]
    assert "and 3 more" in mistake["message"]
    assert "cancelBatch" in mistake["hint"]


# ---------------------------------------------------------------- what is archived

TABLES: Mapping[str, str] = {
    "upsertParts": "parts: []",
    "upsertOrders": "orders: []",
    "upsertResources": "flasksS: 13",
    "setInitialState": "patternsLoaded: []",
    "setCalendar": "weekdays: [MONDAY]",
    "setPins": "pins: []",
    "setSettings": "settings: {}",
}


@pytest.fixture
async def archived(planner: Desk, jobs: Connection) -> tuple[str, str]:
    """A scenario that was deleted, and its run."""
    scenario, run = await planned_trial(planner, jobs)
    await deleted(planner, scenario)
    return scenario, run


async def test_what_is_archived_is_neither_changed_nor_planned_and_this_is_said(
    planner: Desk, archived: tuple[str, str]
) -> None:
    scenario, run = archived
    tables = {
        f"mutation ($id: ID!) {{ {name}(input: {{scenarioId: $id, {given}}}) {{"
        " scenario { id } userErrors { code message path hint } } }": {"id": scenario}
        for name, given in TABLES.items()
    }
    for mutation, asked in {
        RENAME: {"id": scenario, "name": "Other"},
        DELETE: {"id": scenario},
        BASE.replace("code }", "code message path hint }"): {"id": scenario},
        REPLAN: {"scenario": scenario},
        ROLL: {"scenario": scenario, "run": run},
        SET.replace("path }", "path hint }"): {"scenario": scenario},
        **tables,
    }.items():
        mistake = await planner.mistake(mutation, **asked)
        assert (mistake["code"], mistake["path"]) == ("SCENARIO_ARCHIVED", ["input", "scenarioId"]), mutation
        assert mistake["message"].startswith("The scenario 'Trial' was deleted on ")
        assert "cloneScenario" in mistake["hint"]
    mistake = await planner.mistake(MANY, scenarios=[await put(planner, PROBLEM), scenario])
    assert (mistake["code"], mistake["path"]) == ("SCENARIO_ARCHIVED", ["input", "scenarioIds", "1"])


async def test_who_deletes_again_learns_that_it_is_done(planner: Desk, archived: tuple[str, str]) -> None:
    mistake = await planner.mistake(DELETE, id=archived[0])
    assert mistake["message"].startswith("The scenario 'Trial' was deleted on ")
    assert "It is deleted already: nothing is left to do." in mistake["hint"]


async def test_a_copy_has_the_data_of_a_deleted_scenario_back(
    planner: Desk, archived: tuple[str, str]
) -> None:
    payload = (await planner.ask(CLONE, id=archived[0], name="Trial"))["cloneScenario"]
    assert payload["userErrors"] == []
    copy = payload["scenario"]["id"]
    assert same(await stored(planner, copy)) == same(read_problem(PROBLEM))
    assert (await planner.ask(NODE, id=copy))["node"]["archivedAt"] is None
    assert await names(planner) == ["Harbour", "Trial"]


async def test_the_same_key_gives_the_run_of_a_deleted_scenario(planner: Desk, jobs: Connection) -> None:
    scenario = await trial(planner)
    run = await replan(planner, scenario, key="once")
    await carry_out(jobs, run)
    await deleted(planner, scenario)
    assert await replan(planner, scenario, key="once") == run


# ---------------------------------------------------------------- Mondays


async def test_a_deleted_scenario_is_replanned_on_no_monday(
    planner: Desk, jobs: Connection, admin: Connection, database: TemporaryDatabase, postbox: Postbox
) -> None:
    scenario, _ = await planned_trial(planner, jobs)
    await planner.ask(SET, scenario=scenario)
    await admin.execute("update monday_replans set asked_at = $1", SIX - timedelta(days=3))
    assert (await deleted(planner, scenario))["scenario"]["mondayReplan"] is None
    assert await mondays_of(planner, database, postbox, Clock()).look() == 0


async def test_a_wish_that_went_with_its_scenario_has_no_run(
    planner: Desk, jobs: Connection, admin: Connection
) -> None:
    scenario, _ = await planned_trial(planner, jobs)
    await planner.ask(SET, scenario=scenario)
    await admin.execute("update monday_replans set asked_at = $1", SIX - timedelta(days=3))
    wishes = Wishes(jobs)
    await wishes.record(SIX)
    wish = await wishes.take(SIX)
    assert wish is not None
    await deleted(planner, scenario)
    assert await wishes.fail(wish, {}, {"code": "NOT_FOUND"}) is None
    assert await admin.fetchval("select count(*) from plan_runs where status = 'FAILED'") == 0


# ---------------------------------------------------------------- at the same moment


async def test_a_run_that_is_queued_at_the_same_moment_is_never_of_a_deleted_scenario(planner: Desk) -> None:
    """Whoever comes second sees what the first one did, however they meet."""
    base = await put(planner, PROBLEM)
    for attempt in range(5):
        scenario = (await planner.ask(CLONE, id=base, name=f"Trial {attempt}"))["cloneScenario"]["scenario"]
        asked, gone = await asyncio.gather(
            planner.ask(REPLAN, scenario=scenario["id"]), planner.ask(DELETE, id=scenario["id"])
        )
        run, removed = asked["replanMonday"]["run"], gone["deleteScenario"]["deletedId"]
        assert (run is None) == (removed is not None)
        if run is not None:
            await planner.ask(CANCEL, id=run["id"])


async def test_who_deletes_waits_for_who_queues(
    planner: Desk, admin: Connection, database: TemporaryDatabase
) -> None:
    scenario = await trial(planner)
    key = parse_node_id(scenario)[1]
    queueing = admin.transaction()
    await queueing.start()
    run = await queued(admin, key)
    deleting = asyncio.create_task(planner.mistake(DELETE, id=scenario))
    async with connected(database.admin_url) as watching:
        while not await watching.fetchval("select exists (select from pg_locks where not granted)"):
            await asyncio.sleep(0.01)
    await queueing.commit()
    mistake = await deleting
    assert mistake["code"] == "SCENARIO_HAS_OPEN_RUNS"
    assert node_id("ReplanRun", run) in mistake["message"]


@pytest.mark.parametrize(
    ("deletion", "code"),
    [
        ("delete from scenarios where id = $1", "NOT_FOUND"),
        ("update scenarios set archived_at = now() where id = $1", "SCENARIO_ARCHIVED"),
    ],
)
async def test_who_queues_waits_for_who_deletes_and_is_told_which_scenario_is_gone(
    planner: Desk, admin: Connection, database: TemporaryDatabase, deletion: str, code: str
) -> None:
    base = await put(planner, PROBLEM)
    for mutation, places in ((REPLAN, ["scenarioId"]), (MANY, ["scenarioIds", "1"])):
        scenario = await trial(planner)
        asked = {"scenario": scenario} if mutation == REPLAN else {"scenarios": [base, scenario]}
        deleting = admin.transaction()
        await deleting.start()
        # Held as delete_scenario holds it.
        await admin.execute("select from scenarios where id = $1 for update", parse_node_id(scenario)[1])
        await admin.execute(deletion, parse_node_id(scenario)[1])
        queueing = asyncio.create_task(planner.mistake(mutation, **asked))
        async with connected(database.admin_url) as watching:
            while not await watching.fetchval("select exists (select from pg_locks where not granted)"):
                await asyncio.sleep(0.01)
        await deleting.commit()
        mistake = await queueing
        assert (mistake["code"], mistake["path"]) == (code, ["input", *places]), mutation
    assert await admin.fetchval("select count(*) from plan_runs") == 0


async def queued(connection: Connection, scenario: UUID) -> UUID:
    """Queue a run by whatever way."""
    run: UUID = await connection.fetchval(
        "insert into plan_runs (tenant_id, kind, problem, scenario_id, asof_date, requested_by)"
        " select tenant_id, 'REPLAN', '{}', id, asof_date, $2 from scenarios where id = $1 returning id",
        scenario,
        uuid4(),
    )
    return run


# ---------------------------------------------------------------- who may


async def test_only_planners_rename_and_delete_and_only_in_their_own_tenant(
    planner: Desk, viewer: Desk, stranger: Desk
) -> None:
    scenario = await trial(planner)
    for mutation, asked in {RENAME: {"id": scenario, "name": "Mine"}, DELETE: {"id": scenario}}.items():
        assert (await viewer.mistake(mutation, **asked))["code"] == "FORBIDDEN"
        assert (await stranger.mistake(mutation, **asked))["code"] == "NOT_FOUND"
    assert await names(planner) == ["Harbour", "Trial"]
