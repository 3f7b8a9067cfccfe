"""Many replans at once: a grid of what-ifs, told as a whole, on the real database."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from api.dispatch import Dispatcher
from api.relay import parse_node_id
from api.settings import Settings
from solver_jobs.foundry.problem import read_plan, read_problem
from solver_jobs.foundry.verify import verify
from tests.api.desk import Desk, Postbox, desk_of, open_services
from tests.api.foundry.shop import CLONE, PROBLEM
from tests.api.planning.test_replan import import_scenario, replan
from tests.database import Connection, Plant, TemporaryDatabase

MANY = """
mutation ($scenarios: [ID!]!, $whatIf: WhatIfInput, $seconds: Int = 3, $key: String, $name: String) {
  replanMany(input: {
    scenarioIds: $scenarios, whatIf: $whatIf, timeLimitSeconds: $seconds, idempotencyKey: $key, name: $name
  }) { batch { id name counts { total queued } } userErrors { code message path hint } }
}
"""

COUNTS = "counts { total queued running succeeded failed cancelled }"
WHAT_IF = """whatIf {
  patternUnit policy timeLimitSeconds maxPatterns moldsPerDay flaskFactor pourFactor demandFactor overtimeDays
}"""

BATCH = f"""
query ($id: ID!) {{ runBatch(id: $id) {{
  id name percent finishedAt {COUNTS} bestObjective worstObjective fewestLateMolds mostLateMolds
  runs(first: 200) {{ totalCount nodes {{
    id status problem plan timeLimitSeconds scenario {{ id name }} batch {{ id }} {WHAT_IF}
    summary {{ objective lateMolds }}
  }} }}
}} }}
"""

FOLLOW = f"""
subscription ($id: ID!) {{ batchUpdates(batchId: $id) {{
  percent finishedAt {COUNTS} bestObjective worstObjective
}} }}
"""

CANCEL = f"""
mutation ($id: ID!, $keep: Boolean) {{ cancelBatch(input: {{batchId: $id, keepBest: $keep}}) {{
  batch {{ {COUNTS} finishedAt percent }} userErrors {{ code message path }}
}} }}
"""

GRID = {"maxPatterns": [1, 2], "demandFactors": [1, 2]}


@pytest.fixture
async def office(database: TemporaryDatabase, other_plant: Plant, tmp_path: Path) -> AsyncIterator[Desk]:
    """The planner of a foundry, in a service that runs jobs."""
    async with (
        Dispatcher(Settings(data=tmp_path), database.jobs_url) as dispatcher,
        open_services(database, tmp_path, dispatcher) as services,
    ):
        yield desk_of(services, other_plant, "planner")


@pytest.fixture
async def two(planner: Desk) -> list[str]:
    """A scenario and its copy."""
    base = await import_scenario(planner)
    return [base, (await planner.ask(CLONE, id=base, name="Copy"))["cloneScenario"]["scenario"]["id"]]


async def replan_many(desk: Desk, *scenarios: str, **variables: Any) -> str:
    payload = (await desk.ask(MANY, scenarios=scenarios, **variables))["replanMany"]
    assert payload["userErrors"] == []
    return str(payload["batch"]["id"])


async def batch_of(desk: Desk, batch: str) -> dict[str, Any]:
    found: dict[str, Any] = (await desk.ask(BATCH, id=batch))["runBatch"]
    return found


async def follow(desk: Desk, batch: str, seconds: float = 120) -> list[dict[str, Any]]:
    told = []
    async with asyncio.timeout(seconds):
        async for event in desk.follow(FOLLOW, id=batch):
            assert event.errors is None, event.errors
            assert event.data is not None
            told.append(event.data["batchUpdates"])
    return told


def told_of(run: Mapping[str, Any]) -> dict[str, Any]:
    """What a run changes."""
    return {name: value for name, value in run["whatIf"].items() if value is not None}


# ---------------------------------------------------------------- what is planned


async def test_a_grid_is_planned_and_told_as_a_whole(office: Desk) -> None:
    scenario = await import_scenario(office)
    batch = await replan_many(office, scenario, whatIf=GRID, name=" Second shift? ")
    told = await follow(office, batch)
    assert told[0]["counts"]["total"] == 4
    assert told[0]["percent"] < told[-1]["percent"] == 100
    assert [one["percent"] for one in told] == sorted(one["percent"] for one in told)
    assert told[0]["finishedAt"] is None
    assert told[-1]["counts"] == {
        "total": 4, "queued": 0, "running": 0, "succeeded": 4, "failed": 0, "cancelled": 0
    }  # fmt: skip
    found = await batch_of(office, batch)
    assert found["name"] == "Second shift?"
    assert found["finishedAt"] == told[-1]["finishedAt"]
    runs = found["runs"]["nodes"]
    assert [told_of(run) for run in runs] == [
        {"maxPatterns": 1, "demandFactor": 1},
        {"maxPatterns": 1, "demandFactor": 2},
        {"maxPatterns": 2, "demandFactor": 1},
        {"maxPatterns": 2, "demandFactor": 2},
    ]
    objectives = [run["summary"]["objective"] for run in runs]
    assert (found["bestObjective"], found["worstObjective"]) == (min(objectives), max(objectives))
    late = [run["summary"]["lateMolds"] for run in runs]
    assert (found["fewestLateMolds"], found["mostLateMolds"]) == (min(late), max(late))
    for run in runs:
        problem = read_problem(run["problem"])
        assert verify(problem, read_plan(run["plan"])) == []
        assert problem.resources.max_patterns == run["whatIf"]["maxPatterns"]
        assert sum(order.qty for order in problem.orders) == 31 * run["whatIf"]["demandFactor"]
        assert run["batch"] == {"id": batch}


async def test_several_scenarios_are_planned_as_they_are(planner: Desk, postbox: Postbox) -> None:
    base = await import_scenario(planner)
    copy = (await planner.ask(CLONE, id=base, name="Copy"))["cloneScenario"]["scenario"]["id"]
    found = await batch_of(planner, await replan_many(planner, copy, base, seconds=7))
    runs = found["runs"]["nodes"]
    assert [run["scenario"]["id"] for run in runs] == [copy, base]
    assert [run["whatIf"] for run in runs] == [None, None]
    assert [run["timeLimitSeconds"] for run in runs] == [7, 7]
    # Each is handed over by one call.
    assert postbox.handed_over == [parse_node_id(run["id"])[1] for run in runs]


async def test_a_what_if_touches_no_scenario(planner: Desk) -> None:
    scenario = await import_scenario(planner)
    kept = """query ($id: ID!) { node(id: $id) { ... on Scenario {
        updatedAt settings resources { maxPatterns flasksS } orders { nodes { qty } } } } }"""
    before = await planner.ask(kept, id=scenario)
    await replan_many(
        planner, scenario, whatIf={**GRID, "flaskFactors": [0.5], "policies": ["LEXICOGRAPHIC"]}
    )
    assert await planner.ask(kept, id=scenario) == before


async def test_a_search_of_its_own_length_is_a_what_if(planner: Desk) -> None:
    scenario = await import_scenario(planner)
    found = await batch_of(
        planner, await replan_many(planner, scenario, whatIf={"timeLimitsSeconds": [5, 50]})
    )
    assert [run["timeLimitSeconds"] for run in found["runs"]["nodes"]] == [5, 50]


# ---------------------------------------------------------------- asked for once, within bounds


async def test_the_same_key_gives_the_same_batch(planner: Desk) -> None:
    scenario = await import_scenario(planner)
    first = await replan_many(planner, scenario, whatIf=GRID, key="grid")
    assert await replan_many(planner, scenario, key="grid") == first
    assert await replan_many(planner, scenario, key="another") != first
    # A run's key is none of a batch's.
    assert await replan(planner, scenario, key="grid")


async def test_a_key_of_a_batch_of_other_scenarios_is_refused(planner: Desk, two: list[str]) -> None:
    batch = await replan_many(planner, *two, key="both")
    for others in (two[:1], two[1:]):
        mistake = await planner.mistake(MANY, scenarios=others, key="both")
        assert (mistake["code"], mistake["path"]) == ("IDEMPOTENCY_KEY_USED", ["input", "idempotencyKey"])
        assert "'both' belongs to a batch of other scenarios" in mistake["message"]
        assert mistake["hint"]
    # The same ones are the same batch, in whatever order.
    assert await replan_many(planner, *reversed(two), key="both") == batch


async def test_of_two_requests_with_one_key_and_other_scenarios_one_is_refused(
    planner: Desk, two: list[str]
) -> None:
    answers = await asyncio.gather(*(planner.ask(MANY, scenarios=[one], key="grid") for one in two))
    told = [[error["code"] for error in answer["replanMany"]["userErrors"]] for answer in answers]
    assert sorted(told) == [[], ["IDEMPOTENCY_KEY_USED"]]


async def test_two_requests_with_the_same_key_at_once_make_one_batch(planner: Desk) -> None:
    scenario = await import_scenario(planner)
    first, second = await asyncio.gather(
        *(replan_many(planner, scenario, whatIf=GRID, key="grid") for _ in range(2))
    )
    assert first == second
    runs = (await planner.ask("{ planRuns { totalCount } runBatches { totalCount } }")).values()
    assert [one["totalCount"] for one in runs] == [4, 1]


@pytest.mark.parametrize(
    ("what_if", "code", "path"),
    [
        ({"maxPatterns": []}, "WHAT_IF_EMPTY", ["input", "whatIf", "maxPatterns"]),
        ({"maxPatterns": [2, 3, 2]}, "WHAT_IF_TWICE", ["input", "whatIf", "maxPatterns", "2"]),
        ({"policies": ["WEIGHTED", "WEIGHTED"]}, "WHAT_IF_TWICE", ["input", "whatIf", "policies", "1"]),
        ({"flaskFactors": [1, 0]}, "WHAT_IF_OUT_OF_RANGE", ["input", "whatIf", "flaskFactors", "1"]),
        ({"demandFactors": [11]}, "WHAT_IF_OUT_OF_RANGE", ["input", "whatIf", "demandFactors", "0"]),
        ({"timeLimitsSeconds": [901]}, "WHAT_IF_OUT_OF_RANGE", ["input", "whatIf", "timeLimitsSeconds", "0"]),
        ({"overtimeDays": [-1]}, "WHAT_IF_OUT_OF_RANGE", ["input", "whatIf", "overtimeDays", "0"]),
        (
            {"maxPatterns": list(range(1, 21)), "moldsPerDay": list(range(1, 12))},
            "BATCH_TOO_LARGE",
            ["input"],
        ),
    ],
)
async def test_a_grid_that_makes_no_sense_is_told_and_queues_nothing(
    planner: Desk, what_if: dict[str, Any], code: str, path: list[str]
) -> None:
    scenario = await import_scenario(planner)
    mistake = await planner.mistake(MANY, scenarios=[scenario], whatIf=what_if)
    assert (mistake["code"], mistake["path"]) == (code, path)
    if code == "BATCH_TOO_LARGE":
        assert "20 x 11 = 220 replans" in mistake["message"]
    assert (await planner.ask("{ runBatches { totalCount } }"))["runBatches"]["totalCount"] == 0


async def test_all_values_of_a_grid_that_make_no_sense_are_told_at_once_with_what_is_allowed(
    planner: Desk,
) -> None:
    scenario = await import_scenario(planner)
    what_if = {"flaskFactors": [0], "demandFactors": [-1, 1, 11], "maxPatterns": [2, 2], "overtimeDays": []}
    payload = (await planner.ask(MANY, scenarios=[scenario], whatIf=what_if))["replanMany"]
    assert payload["batch"] is None
    told = {".".join(error["path"][2:]): error["hint"] for error in payload["userErrors"]}
    assert list(told) == [
        "maxPatterns.1",
        "flaskFactors.0",
        "demandFactors.0",
        "demandFactors.2",
        "overtimeDays",
    ]
    assert "from 0.01 to 10" in told["flaskFactors.0"]
    assert "from 0 to 10" in told["demandFactors.2"]


async def test_of_endless_values_that_make_no_sense_the_first_are_told(planner: Desk) -> None:
    scenario = await import_scenario(planner)
    what_if = {"overtimeDays": list(range(100, 190))}
    payload = (await planner.ask(MANY, scenarios=[scenario], whatIf=what_if))["replanMany"]
    assert [error["message"] for error in payload["userErrors"]][50:] == ["And 40 more."]


@pytest.mark.parametrize("name", ["x" * 201, "a\0b"])
async def test_a_batch_is_named_within_bounds_or_not_at_all(planner: Desk, name: str) -> None:
    scenario = await import_scenario(planner)
    mistake = await planner.mistake(MANY, scenarios=[scenario], name=name)
    assert (mistake["code"], mistake["path"]) == ("NAME_INVALID", ["input", "name"])
    assert "leave it out" in mistake["hint"]
    unnamed = await replan_many(planner, scenario, name="  ")
    assert (await batch_of(planner, unnamed))["name"] is None


async def test_a_combination_that_can_not_be_planned_is_named_and_none_is_queued(planner: Desk) -> None:
    pinned = {**PROBLEM, "pins": [{"order_id": "A-1", "workday_index": 1, "molds": 4}]}
    scenario = await import_scenario(planner, pinned)
    mistake = await planner.mistake(MANY, scenarios=[scenario], whatIf={"moldsPerDay": [8, 3]})
    assert mistake["message"].startswith("With molds per day 3: pins")
    assert mistake["path"] == ["input", "whatIf"]
    assert (await planner.ask("{ planRuns { totalCount } }"))["planRuns"]["totalCount"] == 0


async def test_of_a_large_grid_each_value_that_can_not_be_planned_is_named_once(planner: Desk) -> None:
    pinned = {**PROBLEM, "pins": [{"order_id": "A-1", "workday_index": 1, "molds": 4}]}
    scenario = await import_scenario(planner, pinned)
    what_if = {"moldsPerDay": [8, 3], "maxPatterns": list(range(1, 21))}
    mistake = await planner.mistake(MANY, scenarios=[scenario], whatIf=what_if)
    assert mistake["message"].startswith("With molds per day 3: pins")


SOUND_NO_MORE = """
insert into pins (tenant_id, scenario_id, order_id, workday_index, molds)
select tenant_id, id, 'A-1', 0, 99 from scenarios where name = $1
"""


async def test_a_scenario_that_can_not_be_planned_is_told_by_its_place_and_name(
    planner: Desk, admin: Connection, two: list[str]
) -> None:
    await admin.execute(SOUND_NO_MORE, "Copy")
    payload = (await planner.ask(MANY, scenarios=two))["replanMany"]
    assert payload["batch"] is None
    found = {error["code"]: error for error in payload["userErrors"]}["PINS_ABOVE_QUANTITY"]
    assert found["path"] == ["input", "scenarioIds", "1", "pins", "0", "molds"]
    assert found["message"].startswith("Scenario 'Copy': 99 molds of order A-1")


async def test_a_what_if_that_can_not_be_planned_names_its_scenario(planner: Desk, two: list[str]) -> None:
    pinned = [{"orderId": "A-1", "workdayIndex": 1, "molds": 4}]
    pin = """mutation ($id: ID!, $pins: [PinInput!]!) {
        setPins(input: {scenarioId: $id, pins: $pins}) { userErrors { message } } }"""
    await planner.ask(pin, id=two[1], pins=pinned)
    mistake = await planner.mistake(MANY, scenarios=two, whatIf={"moldsPerDay": [8, 3]})
    assert mistake["message"].startswith("Scenario 'Copy': With molds per day 3: pins")
    assert mistake["path"] == ["input", "whatIf"]


async def test_a_scenario_that_is_not_there_is_told_by_its_place_and_id(
    planner: Desk, stranger: Desk, two: list[str]
) -> None:
    theirs = await import_scenario(stranger)
    mistake = await planner.mistake(MANY, scenarios=[two[0], theirs])
    assert (mistake["code"], mistake["path"]) == ("NOT_FOUND", ["input", "scenarioIds", "1"])
    assert mistake["message"] == f"There is no scenario with the id {theirs} in your tenant."
    mistake = await planner.mistake(MANY, scenarios=[*two, two[0]])
    assert (mistake["code"], mistake["path"]) == ("SCENARIOS_INVALID", ["input", "scenarioIds", "2"])
    assert two[0] in mistake["message"]


async def test_no_more_what_ifs_wait_than_a_tenant_may_have(planner: Desk, admin: Connection) -> None:
    await admin.execute("update tenants set open_what_ifs = 5")
    scenario = await import_scenario(planner)
    batch = await replan_many(planner, scenario, whatIf=GRID, key="first")
    mistake = await planner.mistake(MANY, scenarios=[scenario], whatIf=GRID)
    assert mistake["code"] == "TOO_MANY_RUNS"
    assert (
        mistake["message"]
        == "The batch asks for 4 replans; of batches, 4 are queued or running, and 5 may be."
    )
    # What is known already is given all the same, and a Monday's replan is not kept waiting.
    assert await replan_many(planner, scenario, whatIf=GRID, key="first") == batch
    for number in range(4):
        await replan(planner, scenario, key=f"run {number}")


async def test_ids_of_others_and_nonsense_are_refused(planner: Desk, viewer: Desk, stranger: Desk) -> None:
    scenario = await import_scenario(planner)
    assert (await viewer.mistake(MANY, scenarios=[scenario]))["code"] == "FORBIDDEN"
    assert (await stranger.mistake(MANY, scenarios=[scenario]))["code"] == "NOT_FOUND"
    assert (await planner.mistake(MANY, scenarios=[]))["code"] == "SCENARIOS_INVALID"
    assert (await planner.mistake(MANY, scenarios=[scenario, scenario]))["code"] == "SCENARIOS_INVALID"
    assert (await planner.mistake(MANY, scenarios=["x"]))["path"] == ["input", "scenarioIds", "0"]
    batch = await replan_many(planner, scenario)
    assert (await stranger.ask(BATCH, id=batch))["runBatch"] is None
    assert (await stranger.mistake(CANCEL, id=batch))["code"] == "NOT_FOUND"
    assert (await viewer.mistake(CANCEL, id=batch))["code"] == "FORBIDDEN"
    (event,) = [event async for event in stranger.follow(FOLLOW, id=batch)]
    assert event.errors
    assert (event.errors[0].extensions or {})["code"] == "NOT_FOUND"


# ---------------------------------------------------------------- handed over, ended


async def waiting(jobs: Connection) -> list[UUID]:
    return [row["run_id"] for row in await jobs.fetch("select run_id from queued_runs()")]


async def test_of_a_tenant_no_more_what_ifs_are_handed_over_at_once_than_it_may_run(
    planner: Desk, jobs: Connection, postbox: Postbox, admin: Connection
) -> None:
    await admin.execute("update tenants set open_replans = 3")
    scenario = await import_scenario(planner)
    await replan_many(planner, scenario, whatIf={"maxPatterns": [1, 2, 3, 4, 5, 6]})
    runs = list(postbox.handed_over)
    assert await waiting(jobs) == runs[:3]
    for run in runs[:3]:
        await jobs.execute("select record_dispatch($1, 'fc-1')", run)
    # They wait for a claim, and are looked after until then; nobody else's turn has come.
    assert await waiting(jobs) == runs[:3]
    token = UUID((await jobs.fetchval("select claim_run($1)", runs[1]))["lease_token"])
    assert await waiting(jobs) == [runs[0], runs[2]]
    await jobs.execute("select fail_run($1, $2, 'CODE', 'Why.')", runs[1], token)
    assert await waiting(jobs) == [runs[0], runs[2], runs[3]]


async def test_a_monday_goes_before_all_what_ifs(planner: Desk, jobs: Connection, postbox: Postbox) -> None:
    scenario = await import_scenario(planner)
    await replan_many(planner, scenario, whatIf=GRID)
    monday = parse_node_id(await replan(planner, scenario))[1]
    assert await waiting(jobs) == [monday, *postbox.handed_over[:4]]


async def test_other_tenants_what_ifs_take_nobodys_places(
    planner: Desk, stranger: Desk, jobs: Connection, postbox: Postbox
) -> None:
    for desk in (planner, stranger):
        await replan_many(desk, await import_scenario(desk), whatIf={"maxPatterns": [1, 2, 3, 4, 5, 6]})
    assert await waiting(jobs) == [*postbox.handed_over[:4], *postbox.handed_over[6:10]]


async def test_a_cancelled_batch_has_ended_and_its_workers_are_told(
    planner: Desk, jobs: Connection, postbox: Postbox
) -> None:
    scenario = await import_scenario(planner)
    batch = await replan_many(planner, scenario, whatIf=GRID)
    first, second = postbox.handed_over[:2]
    token = UUID((await jobs.fetchval("select claim_run($1)", first))["lease_token"])
    await jobs.execute("select fail_run($1, $2, 'CODE', 'Why.')", first, token)
    await jobs.fetchval("select claim_run($1)", second)
    payload = (await planner.ask(CANCEL, id=batch, keep=True))["cancelBatch"]
    assert payload["batch"]["counts"] == {
        "total": 4, "queued": 0, "running": 1, "succeeded": 0, "failed": 1, "cancelled": 2
    }  # fmt: skip
    payload = (await planner.ask(CANCEL, id=batch))["cancelBatch"]
    assert payload["batch"]["counts"]["cancelled"] == 3
    assert payload["batch"]["percent"] == 100
    assert payload["batch"]["finishedAt"]
    assert sorted(postbox.cancelled) == sorted(postbox.handed_over[1:])
    assert (await planner.mistake(CANCEL, id=batch))["code"] == "BATCH_HAS_ENDED"
    assert len(await follow(planner, batch)) == 1


async def test_a_batch_of_two_hundred_problems_is_queued_in_one_request(planner: Desk) -> None:
    scenario = await import_scenario(planner)
    batch = await replan_many(
        planner, scenario, whatIf={"maxPatterns": list(range(1, 21)), "moldsPerDay": list(range(1, 11))}
    )
    assert (await batch_of(planner, batch))["counts"]["queued"] == 200
