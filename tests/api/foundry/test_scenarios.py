"""A foundry's data through the schema: imported, checked, read back, replaced, copied, kept apart."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import orjson
import pytest

from api.foundry import store
from api.foundry.problem import stored_form
from api.relay import node_id, parse_node_id
from solver_jobs.foundry.generate import generate
from solver_jobs.foundry.problem import FoundryProblem, read_problem
from tests.api.desk import Desk
from tests.api.foundry.shop import CLONE, IMPORT, PROBLEM
from tests.database import Connection, TemporaryDatabase, connected

SCENARIOS = """
{ scenarios { totalCount nodes {
  id name asofDate isBase settings
  resources {
    flasksS flasksM flasksL moldingMaxPerDay moldingMaxSamePartPerDay pourMaxTonPerDay maxPatterns notes
  }
  parts { nodes { partId flaskSize coolHours finishHours grossWeightTon alloy active productGroup { name } } }
  orders(first: 2) { totalCount nodes { orderId qty dueDate priority part { partId } } }
} } }
"""
BASE = """
mutation ($id: ID!) { makeBaseScenario(input: {scenarioId: $id}) {
  scenario { name isBase } userErrors { code } } }
"""
FULL: Mapping[str, Any] = {
    **PROBLEM,
    "holidays": ["2026-01-06", "2026-05-01"],
    "calendar_workdays": [
        {"workday_index": 0, "date": "2026-01-05", "week_index": 2},
        {"workday_index": 1, "date": "2026-01-07", "week_index": 2},
        {"workday_index": 2, "date": "2026-01-10"},
    ],
    "initial_order_progress": [{"order_id": "A-2", "molded_qty_credit": 6}],
    "initial_patterns_loaded": [{"order_id": "A-2", "is_loaded": 1}, {"order_id": "A-3", "is_loaded": 0}],
    "initial_flask_inuse": [
        {"flask_size": "S", "release_workday_index": 2, "qty_inuse": 3},
        {"flask_size": "S", "release_workday_index": 2, "qty_inuse": 1},
        {"flask_size": "M", "release_workday_index": 1, "qty_inuse": 2},
    ],
    "initial_pour_load": [
        {"workday_index": 0, "tons_committed": 0.3005},
        {"workday_index": 0, "tons_committed": 0.1},
    ],
    "expected_deliveries": [{"order_id": "A-2", "date": "2026-01-09", "qty": 6}],
    "settings": {"pattern_unit": "PART", "congestion_threshold": None, "late_weight": 5_000_000},
    "previous_plan": [{"order_id": "A-1", "workday_index": 0, "molds": 2}],
    "frozen_days": 1,
    "pins": [{"order_id": "A-1", "workday_index": 2, "molds": 0}],
}
"""Something in every table."""


async def stored(desk: Desk, scenario: str) -> FoundryProblem:
    """Read a scenario back as the replan does."""
    async with desk.context.transaction() as connection:
        content = await store.problem(connection, parse_node_id(scenario)[1])
    assert content is not None
    return read_problem(content)


def same(problem: FoundryProblem) -> dict[str, Any]:
    """Give what a scenario keeps of a problem, in a form that compares."""
    kept: dict[str, Any] = problem.model_dump(exclude={"name", "meta", "scenario_id"})
    for table, rows in kept.items():
        if isinstance(rows, tuple) and table not in ("parts", "orders", "holidays"):
            for row in rows:
                row.pop("asof_date", None)
            kept[table] = sorted(rows, key=str)
    return kept


async def put(desk: Desk, problem: Mapping[str, Any], name: str = "Harbour") -> str:
    payload = (await desk.ask(IMPORT, name=name, problem=problem))["importScenario"]
    assert payload["userErrors"] == []
    return str(payload["scenario"]["id"])


@pytest.mark.parametrize("problem", [PROBLEM, FULL], ids=["least", "everything"])
async def test_a_problem_comes_back_as_it_went_in(planner: Desk, problem: Mapping[str, Any]) -> None:
    scenario = await put(planner, problem)
    assert same(await stored(planner, scenario)) == same(read_problem(problem))


async def test_a_generated_foundry_comes_back_as_it_went_in(planner: Desk) -> None:
    problem = generate("M", seed=7)
    scenario = await put(planner, problem.model_dump(mode="json"))
    assert same(await stored(planner, scenario)) == same(problem)


async def test_a_scenario_is_told_with_its_data(planner: Desk) -> None:
    await put(planner, FULL)
    (scenario,) = (await planner.ask(SCENARIOS))["scenarios"]["nodes"]
    assert (scenario["name"], scenario["asofDate"], scenario["isBase"]) == ("Harbour", "2026-01-05", True)
    assert scenario["settings"] == FULL["settings"]
    assert scenario["resources"]["flasksM"] == 6
    assert scenario["resources"]["maxPatterns"] == 6
    assert scenario["parts"]["nodes"][0] == {
        "partId": "HOUSING",
        "flaskSize": "M",
        "coolHours": 30,
        "finishHours": 10,
        "grossWeightTon": 0.8,
        "alloy": "GJS-400",
        "active": True,
        "productGroup": None,
    }
    assert scenario["orders"]["totalCount"] == 3
    assert [row["orderId"] for row in scenario["orders"]["nodes"]] == ["A-1", "A-2"]


NO_ORDERS = {
    **FULL,
    "orders": [],
    "initial_order_progress": [],
    "initial_patterns_loaded": [],
    "expected_deliveries": [],
    "previous_plan": [],
    "pins": [],
}


@pytest.mark.parametrize(
    "problem", [PROBLEM, FULL, NO_ORDERS], ids=["least", "everything", "no orders, an empty earlier plan"]
)
async def test_a_scenario_is_read_back_whole_and_can_be_brought_again(
    planner: Desk, viewer: Desk, stranger: Desk, problem: Mapping[str, Any]
) -> None:
    scenario = await put(planner, problem)
    query = "query ($id: ID!) { node(id: $id) { ... on Scenario { problem } } }"
    told = (await viewer.ask(query, id=scenario))["node"]["problem"]
    assert same(read_problem(told)) == same(read_problem(problem))
    copy = await put(planner, told, "Copy")
    assert same(await stored(planner, copy)) == same(read_problem(problem))
    assert (await stranger.ask(query, id=scenario))["node"] is None


async def test_the_data_of_a_name_are_replaced_whole(planner: Desk) -> None:
    scenario = await put(planner, FULL)
    orders = [{"order_id": "B-1", "part_id": "LID", "qty": 1, "due_date": "2026-02-02", "priority": 5}]
    later = {**PROBLEM, "asof_date": "2026-01-12", "orders": orders, "parts": [PROBLEM["parts"][1]]}
    assert await put(planner, later, "  Harbour ") == scenario
    assert same(await stored(planner, scenario)) == same(read_problem(later))
    # An order that comes back is the same order.
    await put(planner, FULL)
    assert same(await stored(planner, scenario)) == same(read_problem(FULL))


async def test_everything_that_is_wrong_is_told_at_once_and_nothing_is_stored(planner: Desk) -> None:
    orders = [{**order, "part_id": "LADLE"} for order in PROBLEM["orders"]]
    wrong = {**PROBLEM, "asof_date": "2026-01-06", "orders": orders}
    payload = (await planner.ask(IMPORT, name="Harbour", problem=wrong))["importScenario"]
    assert payload["scenario"] is None
    assert payload["warnings"] is None
    found = [(error["code"], error["path"]) for error in payload["userErrors"]]
    assert ("ASOF_NOT_MONDAY", ["input", "problem", "asof_date"]) in found
    for position in range(3):
        assert ("UNKNOWN_PART", ["input", "problem", "orders", str(position), "part_id"]) in found
    assert all(error["hint"] for error in payload["userErrors"])
    assert (await planner.ask(SCENARIOS))["scenarios"]["totalCount"] == 0


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        ([], "a list"),
        (7, "is a number; expected a JSON object"),
        ("{", "not even JSON"),
        ({}, "asof_date: missing"),
        ({**PROBLEM, "molds": 3}, "molds: unknown key"),
        ({**PROBLEM, "parts": [{**PROBLEM["parts"][0], "flask_size": "XL"}]}, "parts[0].flask_size"),
        ({**PROBLEM, "resources": {**PROBLEM["resources"], "notes": "a\0b"}}, "zero character"),
        ({**PROBLEM, "orders": [{**PROBLEM["orders"][0], "qty": 10**12}]}, "orders[0].qty"),
    ],
)
async def test_what_is_no_problem_is_refused_by_name(planner: Desk, problem: object, told: str) -> None:
    payload = (await planner.ask(IMPORT, name="Harbour", problem=problem))["importScenario"]
    assert payload["scenario"] is None
    assert any(told in error["message"] for error in payload["userErrors"]), payload["userErrors"]


@pytest.mark.parametrize(
    ("problem", "place", "message"),
    [
        ({**PROBLEM, "orders": [PROBLEM["orders"][0], {**PROBLEM["orders"][1], "qty": -1}]},
         ["orders", "1", "qty"], "orders[1].qty (order A-2): found -1, expected 0 or more"),
        ({**PROBLEM, "parts": [{**PROBLEM["parts"][0], "flask_size": "XL"}]},
         ["parts", "0", "flask_size"],
         "parts[0].flask_size (part HOUSING): found 'XL', expected 'S', 'M' or 'L'"),
        ({**PROBLEM, "orders": [{**PROBLEM["orders"][0], "order_id": ""}]},
         ["orders", "0", "order_id"],
         "orders[0].order_id: found '', expected a text of 1 or more characters"),
        ({**PROBLEM, "molds": 3}, ["molds"], "molds: unknown key; remove it, or correct its spelling"),
        (orjson.dumps({**PROBLEM, "frozen_days": -1}).decode(),
         ["frozen_days"], "frozen_days: found -1, expected 0 or more"),
        ({**PROBLEM, "resources": {**PROBLEM["resources"], "notes": "a\0b"}},
         ["resources", "notes"], "resources.notes holds a zero character; expected none."),
    ],
)  # fmt: skip
async def test_a_fault_of_form_is_told_with_its_place_and_by_name(
    planner: Desk, problem: object, place: list[str], message: str
) -> None:
    mistake = await planner.mistake(IMPORT, name="Harbour", problem=problem)
    assert (mistake["path"], mistake["message"]) == (["input", "problem", *place], message)
    assert mistake["hint"]


HALF = chr(0xD800)
"""Half of a surrogate pair, which an escape in JSON writes as well as any other character."""


def first(table: str, **changes: object) -> dict[str, Any]:
    """The problem with changes to the first row of a table."""
    row, *others = PROBLEM[table]
    return {**PROBLEM, table: [{**row, **changes}, *others]}


@pytest.mark.parametrize(
    ("problem", "place"),
    [
        ({**PROBLEM, "name": f"Harbour{HALF}"}, ["name"]),
        ({**PROBLEM, "scenario_id": HALF}, ["scenario_id"]),
        ({**PROBLEM, "resources": {**PROBLEM["resources"], "notes": HALF}}, ["resources", "notes"]),
        (first("parts", alloy=f"GJS{HALF}"), ["parts", "0", "alloy"]),
        (first("orders", order_id=HALF, qty=-1), ["orders", "0", "order_id"]),
        (first("orders", due_date=HALF), ["orders", "0", "due_date"]),
        (first("orders", **{HALF: 1}), ["orders", "0"]),
        ({**PROBLEM, HALF: 1}, []),
        ({**PROBLEM, "meta": HALF, "name": HALF}, ["name"]),
    ],
)
async def test_half_a_character_is_told_with_its_place(
    planner: Desk, problem: object, place: list[str]
) -> None:
    mistake = await planner.mistake(IMPORT, name="Harbour", problem=json.dumps(problem))
    assert (mistake["code"], mistake["path"]) == ("TEXT_UNSTORABLE", ["input", "problem", *place])
    assert mistake["message"].endswith("holds half a character; expected none.")


async def test_a_key_that_stands_twice_is_told_whatever_it_is(planner: Desk) -> None:
    twice = json.dumps({HALF: 1})[:-1] + "," + json.dumps({HALF: 2})[1:]
    mistake = await planner.mistake(IMPORT, name="Harbour", problem=twice)
    assert "stands twice in one object" in mistake["message"]


def nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


async def test_remarks_are_not_stored_and_may_be_as_deep_as_they_like(planner: Desk) -> None:
    scenario = await put(planner, {**FULL, "meta": {"plan": nested(300), "of": HALF}})
    assert same(await stored(planner, scenario)) == same(read_problem(FULL))


async def test_what_is_too_deep_where_a_text_belongs_is_told_with_its_place(planner: Desk) -> None:
    for problem in (first("parts", alloy=nested(800)), json.dumps(first("parts", alloy=nested(800)))):
        mistake = await planner.mistake(IMPORT, name="Harbour", problem=problem)
        assert mistake["path"] == ["input", "problem", "parts", "0", "alloy"]


def capacity(**changes: float) -> dict[str, Any]:
    return {"resources": {**PROBLEM["resources"], **changes}}


@pytest.mark.parametrize(
    ("changes", "code", "place"),
    [
        (capacity(molding_max_per_day=0), "ZERO_CAPACITY", ["resources", "molding_max_per_day"]),
        (capacity(max_patterns=0), "ZERO_CAPACITY", ["resources", "max_patterns"]),
        (capacity(flasks_M=0), "ZERO_CAPACITY", ["resources", "flasks_M"]),
        (capacity(pour_max_ton_per_day=0), "ZERO_CAPACITY", ["resources", "pour_max_ton_per_day"]),
        (capacity(pour_max_ton_per_day=0.5), "PART_TOO_HEAVY", ["parts", "0", "gross_weight_ton"]),
        ({"initial_patterns_loaded": [{"order_id": "A-1"}] * 2}, "DUPLICATE_ROW",
         ["initial_patterns_loaded", "1"]),
        ({"initial_flask_inuse": [{"flask_size": "S", "release_workday_index": 9999, "qty_inuse": 12}]},
         "HORIZON_TOO_LONG", ["orders"]),
        ({"orders": [{**PROBLEM["orders"][0], "qty": 1_000_000}]}, "HORIZON_TOO_LONG", ["orders"]),
        ({"pins": [{"order_id": "A-1", "workday_index": 0, "molds": 5}]}, "PINS_ABOVE_PART_CAP",
         ["pins", "0", "molds"]),
        ({"previous_plan": [{"order_id": "A-3", "workday_index": 0, "molds": 3}], "frozen_days": 1},
         "PINS_ABOVE_QUANTITY", ["frozen_days"]),
    ],
)  # fmt: skip
async def test_what_can_not_be_planned_is_refused_with_its_place(
    planner: Desk, changes: dict[str, Any], code: str, place: list[str]
) -> None:
    mistake = await planner.mistake(IMPORT, name="Harbour", problem={**PROBLEM, **changes})
    assert (mistake["code"], mistake["path"]) == (code, ["input", "problem", *place])
    assert mistake["hint"]
    assert (await planner.ask(SCENARIOS))["scenarios"]["totalCount"] == 0


@pytest.mark.parametrize("mutation", [CLONE, BASE])
async def test_an_id_of_nothing_is_told_with_its_place(planner: Desk, mutation: str) -> None:
    asked = mutation.replace("userErrors { code }", "userErrors { code message path }")
    nowhere = node_id("Scenario", uuid4())
    mistake = await planner.mistake(
        asked, **{"id": nowhere, "name": "Copy"} if mutation is CLONE else {"id": nowhere}
    )
    assert (mistake["code"], mistake["path"]) == ("NOT_FOUND", ["input", "scenarioId"])
    assert mistake["message"] == "There is no scenario with this id in your tenant."


async def test_a_long_wrong_id_is_not_told_whole(planner: Desk) -> None:
    mistake = await planner.mistake(CLONE, id="x" * 100_000, name="Copy")
    assert mistake["code"] == "INVALID_ID"
    assert len(mistake["message"]) < 200


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\0b", "a\x1b[2Jb", "a\x90b"])
async def test_a_scenario_needs_a_name(planner: Desk, name: str) -> None:
    assert (await planner.ask(IMPORT, name=name, problem=PROBLEM))["importScenario"]["userErrors"][0][
        "code"
    ] == "NAME_INVALID"


async def test_what_is_odd_is_stored_and_told(planner: Desk) -> None:
    payload = (await planner.ask(IMPORT, name="Harbour", problem=PROBLEM))["importScenario"]
    assert [(warning["code"], warning["path"]) for warning in payload["warnings"]] == [
        ("LATE_BY_LAG", ["orders", "2", "due_date"])
    ]


async def test_a_copy_has_all_data_and_leaves_the_original_alone(planner: Desk) -> None:
    scenario = await put(planner, FULL)
    payload = (await planner.ask(CLONE, id=scenario, name="What if"))["cloneScenario"]
    copy = payload["scenario"]
    assert (copy["name"], copy["asofDate"], copy["isBase"]) == ("What if", "2026-01-05", False)
    assert same(await stored(planner, copy["id"])) == same(read_problem(FULL))
    await put(planner, PROBLEM, "What if")
    assert same(await stored(planner, scenario)) == same(read_problem(FULL))
    mistake = await planner.mistake(CLONE, id=scenario, name="What if")
    assert mistake["code"] == "NAME_TAKEN"


GONE: Mapping[str, Any] = {
    **PROBLEM,
    "orders": PROBLEM["orders"][:2],
    "previous_plan": [
        {"order_id": "A-1", "workday_index": 0, "molds": 2},
        {"order_id": "A-3", "workday_index": 0, "molds": 1},
    ],
}
"""Its previous plan names an order that has left."""


async def test_a_previous_plan_is_kept_of_the_orders_that_are_there(planner: Desk) -> None:
    scenario = await put(planner, {**GONE, "orders": PROBLEM["orders"]})
    payload = (await planner.ask(IMPORT, name="Harbour", problem=GONE))["importScenario"]
    assert [warning["code"] for warning in payload["warnings"]] == ["PREVIOUS_PLAN_OF_OTHER_ORDERS"]
    kept = {**GONE, "previous_plan": GONE["previous_plan"][:1]}
    assert same(await stored(planner, scenario)) == same(read_problem(kept))


async def test_a_copy_leaves_out_orders_that_are_gone_from_the_previous_plan_too(
    planner: Desk, admin: Connection
) -> None:
    scenario = await put(planner, {**GONE, "orders": PROBLEM["orders"]})
    await admin.execute("update orders set active = false where order_id = 'A-3'")
    copy = (await planner.ask(CLONE, id=scenario, name="What if"))["cloneScenario"]["scenario"]
    kept = {**GONE, "previous_plan": GONE["previous_plan"][:1]}
    assert same(await stored(planner, copy["id"])) == same(read_problem(kept))


async def test_a_problem_is_written_as_json_once(planner: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    written, dumps = [], orjson.dumps

    def noted(value: Any, *args: Any, **options: Any) -> bytes:
        if isinstance(value, dict) and "previous_plan" in value:
            written.append(value)
        return dumps(value, *args, **options)

    problem = stored_form(read_problem(FULL))
    monkeypatch.setattr(orjson, "dumps", noted)
    async with planner.context.transaction() as connection:
        await store.put_scenario(connection, "Harbour", problem)
    assert len(written) == 1


async def test_the_first_scenario_is_base_until_another_is_made_base(planner: Desk) -> None:
    await put(planner, PROBLEM)
    orders = [{**PROBLEM["orders"][0], "order_id": "C-1"}]
    other = await put(planner, {**PROBLEM, "orders": orders}, "Other")
    query = "{ orders { nodes { orderId } } baseScenario { name } parts { totalCount } }"
    assert (await planner.ask(query))["baseScenario"] == {"name": "Harbour"}
    assert len((await planner.ask(query))["orders"]["nodes"]) == 3
    made = (await planner.ask(BASE, id=other))["makeBaseScenario"]
    assert made == {"scenario": {"name": "Other", "isBase": True}, "userErrors": []}
    assert (await planner.ask(query))["orders"]["nodes"] == [{"orderId": "C-1"}]
    named = "query ($id: ID) { orders(scenarioId: $id) { totalCount } }"
    assert (await planner.ask(named, id=other))["orders"]["totalCount"] == 1


async def test_scenarios_of_another_tenant_are_not_there(planner: Desk, viewer: Desk, stranger: Desk) -> None:
    scenario = await put(planner, PROBLEM)
    assert (await stranger.mistake(CLONE, id=scenario, name="Mine"))["code"] == "NOT_FOUND"
    assert (await stranger.mistake(BASE, id=scenario))["code"] == "NOT_FOUND"
    named = "query ($id: ID) { orders(scenarioId: $id) { totalCount } baseScenario { name } }"
    assert await stranger.ask(named, id=scenario) == {"orders": {"totalCount": 0}, "baseScenario": None}
    # The same name is free in another tenant, and its rows are others.
    theirs = await put(stranger, PROBLEM)
    assert theirs != scenario
    assert (await viewer.mistake(CLONE, id=scenario, name="Mine"))["code"] == "FORBIDDEN"
    mistakes = (await viewer.ask(IMPORT, name="Mine", problem=PROBLEM))["importScenario"]["userErrors"]
    assert [mistake["code"] for mistake in mistakes] == ["FORBIDDEN"]


async def test_of_several_that_become_the_base_at_once_one_is_it_and_none_fails(
    planner: Desk, admin: Connection, database: TemporaryDatabase
) -> None:
    base = await put(planner, PROBLEM)
    await planner.ask(BASE, id=base)
    copies = [
        (await planner.ask(CLONE, id=base, name=f"Copy {number}"))["cloneScenario"]["scenario"]["id"]
        for number in range(3)
    ]
    holding = admin.transaction()
    await holding.start()
    await admin.execute("select from scenarios where id = $1 for update", parse_node_id(base)[1])
    choosing = [asyncio.create_task(planner.ask(BASE, id=copy)) for copy in copies]
    waiting = "select count(distinct pid) from pg_locks where not granted"
    async with asyncio.timeout(30), connected(database.admin_url) as watching:
        while await watching.fetchval(waiting) < len(copies):
            await asyncio.sleep(0.01)
    await holding.commit()
    assert [(await one)["makeBaseScenario"]["userErrors"] for one in choosing] == [[], [], []]
    marked = await admin.fetch("select id from scenarios where is_base")
    assert len(marked) == 1
    assert node_id("Scenario", marked[0]["id"]) in copies
