"""Single tables of a scenario, changed through the schema; the whole is checked each time."""

from datetime import date
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, build_schema

from api.foundry.calendars import Weekday, WorkPattern, calendar_of
from api.schema import schema
from solver_jobs.foundry.calendar import WorkCalendar
from solver_jobs.foundry.problem import read_problem
from tests.api.desk import Desk
from tests.api.foundry.shop import PROBLEM
from tests.api.foundry.test_scenarios import FULL, put, same, stored

MONDAY = date(2026, 1, 5)
WORKWEEK = tuple(Weekday)[:5]


def mutation(name: str) -> str:
    """One of the mutations that change a table."""
    kind = name[0].upper() + name[1:] + "Input"
    return f"""mutation ($input: {kind}!) {{ {name}(input: $input) {{
        scenario {{ id asofDate }} warnings {{ code message path hint }}
        userErrors {{ code message path hint }}
    }} }}"""


async def change(desk: Desk, name: str, scenario: str, **fields: Any) -> dict[str, Any]:
    answer = await desk.ask(mutation(name), input={"scenarioId": scenario, **fields})
    payload: dict[str, Any] = answer[name]
    return payload


async def changed(desk: Desk, name: str, scenario: str, **fields: Any) -> dict[str, Any]:
    """Change a table, and give the problem as it is then."""
    payload = await change(desk, name, scenario, **fields)
    assert payload["userErrors"] == []
    assert payload["scenario"]["id"] == scenario
    return (await stored(desk, scenario)).model_dump(mode="json")


async def codes(desk: Desk, name: str, scenario: str, **fields: Any) -> list[str]:
    """The codes of a refusal, after which all is as it was."""
    before = same(await stored(desk, scenario))
    payload = await change(desk, name, scenario, **fields)
    assert payload["scenario"] is None
    assert same(await stored(desk, scenario)) == before
    return [error["code"] for error in payload["userErrors"]]


async def test_parts_come_in_and_change(planner: Desk) -> None:
    scenario = await put(planner, FULL)
    lid = {"partId": "LID", "flaskSize": "M", "coolHours": 9, "finishHours": 1, "grossWeightTon": 0.2}
    problem = await changed(planner, "upsertParts", scenario, parts=[lid, {**lid, "partId": "HOOK"}])
    assert [(part["part_id"], part["flask_size"]) for part in problem["parts"]] == [
        ("HOUSING", "M"),
        ("LID", "M"),
        ("HOOK", "M"),
    ]
    assert (await codes(planner, "upsertParts", scenario, parts=[{**lid, "coolHours": -1}])) == [
        "PROBLEM_INVALID"
    ]


async def test_orders_come_in_change_and_leave(planner: Desk) -> None:
    scenario = await put(planner, FULL)
    new = {"orderId": "B-1", "partId": "LID", "qty": 2, "dueDate": "2026-03-02", "priority": 20}
    earlier = {"orderId": "A-1", "partId": "HOUSING", "qty": 9, "dueDate": "2026-01-28"}
    problem = await changed(planner, "upsertOrders", scenario, orders=[earlier, new], remove=["A-2"])
    assert [(o["order_id"], o["due_date"], o["priority"]) for o in problem["orders"]] == [
        ("A-1", "2026-01-28", 100),
        ("A-3", "2026-01-06", 100),
        ("B-1", "2026-03-02", 20),
    ]
    # What the initial state said of the cancelled order is gone with it.
    assert problem["initial_order_progress"] == problem["expected_deliveries"] == []
    assert [row["order_id"] for row in problem["initial_patterns_loaded"]] == ["A-3"]
    assert problem["initial_flask_inuse"] != []
    assert await codes(planner, "upsertOrders", scenario, remove=["A-2"]) == ["UNKNOWN_ORDER"]
    assert await codes(planner, "upsertOrders", scenario, orders=[{**new, "partId": "X"}]) == ["UNKNOWN_PART"]


async def test_all_orders_that_are_not_there_to_be_removed_are_told_and_blanks_don_t_matter(
    planner: Desk,
) -> None:
    scenario = await put(planner, PROBLEM)
    assert await codes(planner, "upsertOrders", scenario, remove=["B-1", "A-1", "B-2"]) == [
        "UNKNOWN_ORDER",
        "UNKNOWN_ORDER",
    ]
    problem = await changed(planner, "upsertOrders", scenario, remove=[" A-1 ", "A-1"])
    assert [order["order_id"] for order in problem["orders"]] == ["A-2", "A-3"]


async def test_an_order_that_is_there_is_replaced_whole(planner: Desk) -> None:
    scenario = await put(planner, PROBLEM)
    order = {"orderId": "A-1", "partId": "HOUSING", "qty": 9, "dueDate": "2026-01-30"}
    for told, kept in (({"priority": 20}, 20), ({}, 100)):
        problem = await changed(planner, "upsertOrders", scenario, orders=[{**order, **told}])
        assert problem["orders"][0]["priority"] == kept
    assert "also for an order that had another" in described("OrderInput", "priority")


def described(kind: str, field: str | None = None) -> str:
    """The description of an input, or of a field of it."""
    found = build_schema(schema.as_str()).type_map[kind]
    assert isinstance(found, GraphQLInputObjectType)
    return (found.fields[field] if field else found).description or ""


async def test_capacities_change_one_by_one(planner: Desk) -> None:
    scenario = await put(planner, FULL)
    problem = await changed(planner, "upsertResources", scenario, flasksL=7, pourMaxTonPerDay=4.25)
    expected = {**PROBLEM["resources"], "flasks_L": 7, "pour_max_ton_per_day": 4.25}
    assert {name: problem["resources"][name] for name in expected} == expected
    assert "ZERO_CAPACITY" in await codes(planner, "upsertResources", scenario, moldingMaxPerDay=0)


async def test_the_state_of_another_monday_replaces_the_old_one(planner: Desk) -> None:
    scenario = await put(planner, FULL)
    problem = await changed(
        planner, "setInitialState", scenario, flasksInUse=[
            {"flaskSize": "L", "releaseWorkdayIndex": 3, "qtyInuse": 1}]
    )  # fmt: skip
    assert [row["flask_size"] for row in problem["initial_flask_inuse"]] == ["L"]
    assert problem["initial_order_progress"] != []
    problem = await changed(
        planner,
        "setInitialState",
        scenario,
        asofDate="2026-01-12",
        orderProgress=[{"orderId": "A-1", "moldedQtyCredit": 4}],
        patternsLoaded=["A-1"],
        pourLoad=[{"workdayIndex": 0, "tonsCommitted": 0.8}],
        expectedDeliveries=[{"orderId": "A-1", "date": "2026-01-15", "qty": 4}],
    )
    assert problem["asof_date"] == "2026-01-12"
    assert problem["initial_flask_inuse"] == problem["pins"] == []
    assert (problem["previous_plan"], problem["frozen_days"]) == (None, 0)
    assert "the pins, the previous plan and the frozen days" in described("SetInitialStateInput")
    assert [row["molded_qty_credit"] for row in problem["initial_order_progress"]] == [4]
    assert await codes(planner, "setInitialState", scenario, asofDate="2026-01-13") == ["ASOF_NOT_MONDAY"]


async def test_a_calendar_that_counts_from_its_monday_goes_on_doing_so(planner: Desk) -> None:
    scenario = await put(planner, PROBLEM)
    await changed(planner, "setCalendar", scenario, weeks=3)
    problem = await changed(planner, "setInitialState", scenario, asofDate="2026-01-12")
    days = problem["calendar_workdays"]
    assert (days[0]["workday_index"], days[0]["date"], days[0]["week_index"]) == (0, "2026-01-12", 0)
    assert (len(days), days[-1]["week_index"]) == (10, 1)


async def test_a_calendar_knows_weekly_pattern_holidays_closures_and_extra_shifts(planner: Desk) -> None:
    scenario = await put(planner, PROBLEM)
    problem = await changed(
        planner,
        "setCalendar",
        scenario,
        weekdays=["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY"],
        country="DE",
        region="BY",
        closures=[{"first": "2026-01-14", "last": "2026-01-15"}],
        extraDays=["2026-01-10"],
        weeks=2,
    )
    # Epiphany, 6 January, is a holiday in Bavaria.
    assert [day["date"] for day in problem["calendar_workdays"]] == [
        "2026-01-05",
        "2026-01-07",
        "2026-01-08",
        "2026-01-10",
        "2026-01-12",
        "2026-01-13",
    ]
    assert [day["week_index"] for day in problem["calendar_workdays"]] == [0, 0, 0, 0, 1, 1]
    assert {"2026-01-06", "2026-01-14", "2026-05-01", "2027-01-06"} <= set(problem["holidays"])


MONDAY_TO_FRIDAY = {
    **PROBLEM,
    "previous_plan": [
        {"order_id": "A-2", "workday_index": 1, "molds": 2},
        {"order_id": "A-2", "workday_index": 3, "molds": 3},
        {"order_id": "A-1", "workday_index": 6, "molds": 4},
    ],
    "frozen_days": 5,
    "pins": [{"order_id": "A-1", "workday_index": 5, "molds": 3}],
    "initial_flask_inuse": [
        {"flask_size": "S", "release_workday_index": day, "qty_inuse": 1} for day in (1, 2, 5)
    ],
    "initial_pour_load": [{"workday_index": day, "tons_committed": 0.25} for day in (0, 2, 3)],
}
"""Monday, 12 January, is workday 5; all that counts workdays does so from Monday to Friday."""


def dated(problem: dict[str, Any]) -> dict[str, Any]:
    """What a problem holds by date, and its frozen dates."""
    days = WorkCalendar.of(read_problem(problem))

    def rows(table: str, index: str, amount: str) -> list[tuple[str, Any]]:
        return sorted((str(days.date_of(row[index]))[5:], row[amount]) for row in problem[table])

    return {
        "plan": rows("previous_plan", "workday_index", "molds"),
        "pins": rows("pins", "workday_index", "molds"),
        "flasks": rows("initial_flask_inuse", "release_workday_index", "qty_inuse"),
        "metal": rows("initial_pour_load", "workday_index", "tons_committed"),
        "frozen": [str(days.date_of(day))[5:] for day in range(problem["frozen_days"])],
    }


async def test_a_new_calendar_leaves_on_its_date_what_counts_workdays(planner: Desk) -> None:
    scenario = await put(planner, MONDAY_TO_FRIDAY)
    problem = await changed(
        planner, "setCalendar", scenario, extraDays=["2026-01-10"],
        closures=[{"first": "2026-01-07", "last": "2026-01-08"}],
    )  # fmt: skip
    assert dated(problem) == {
        # Of closed days, on Friday; Saturday comes after the frozen days.
        "plan": [("01-06", 2), ("01-09", 3), ("01-13", 4)],
        "pins": [("01-12", 3)],
        "flasks": [("01-06", 1), ("01-09", 1), ("01-12", 1)],
        "metal": [("01-05", 0.25), ("01-09", 0.5)],
        "frozen": ["01-05", "01-06", "01-09"],
    }


async def test_an_extra_day_alone_moves_nothing(planner: Desk) -> None:
    scenario = await put(planner, MONDAY_TO_FRIDAY)
    before = dated((await stored(planner, scenario)).model_dump(mode="json"))
    problem = await changed(planner, "setCalendar", scenario, extraDays=["2026-01-10", "2026-01-11"])
    assert dated(problem) == before
    assert [pin["workday_index"] for pin in problem["pins"]] == [7]


async def test_what_a_new_calendar_moves_to_the_next_workday_is_warned_of(planner: Desk) -> None:
    closures = [{"first": "2026-01-07", "last": "2026-01-08"}]
    scenario = await put(planner, MONDAY_TO_FRIDAY)
    payload = await change(planner, "setCalendar", scenario, closures=closures)
    moved = [found["path"] for found in payload["warnings"] if found["code"] == "MOVED_TO_NEXT_WORKDAY"]
    assert moved == [["initial_flask_inuse"], ["initial_pour_load"], ["previous_plan"]]
    # Told once: where nothing moves any more, nothing is told.
    payload = await change(planner, "setCalendar", scenario, closures=closures)
    assert "MOVED_TO_NEXT_WORKDAY" not in [found["code"] for found in payload["warnings"]]


async def test_a_new_workday_among_the_frozen_ones_is_warned_of(planner: Desk) -> None:
    scenario = await put(planner, {**MONDAY_TO_FRIDAY, "frozen_days": 6, "pins": []})
    payload = await change(planner, "setCalendar", scenario, extraDays=["2026-01-31", "2026-01-10"])
    found = {one["code"]: one["path"] for one in payload["warnings"]}
    assert found["NEW_WORKDAY_IS_FROZEN"] == ["extraDays", "1"]
    assert (await stored(planner, scenario)).frozen_days == 7


@pytest.mark.parametrize(
    ("day", "fields", "place", "why"),
    [
        (
            5,
            {"closures": [{"first": "2026-01-20", "last": "2026-01-20"},
                          {"first": "2026-01-12", "last": "2026-01-16"}]},
            ["closures", "1"],
            "it lies in the closure from 2026-01-12 to 2026-01-16",
        ),
        (1, {"country": "DE", "region": "BY"}, ["country"], "it is a public holiday"),
        (
            5,
            {"weekdays": ["TUESDAY", "WEDNESDAY"]},
            ["weekdays"],
            "it is a Monday, on which the foundry does not work",
        ),
    ],
)  # fmt: skip
async def test_a_calendar_that_takes_a_pin_its_workday_is_refused_and_names_the_pin(
    planner: Desk, day: int, fields: dict[str, Any], place: list[str], why: str
) -> None:
    pins = [
        {"order_id": "A-2", "workday_index": 2, "molds": 1},
        {"order_id": "A-1", "workday_index": day, "molds": 3},
    ]
    scenario = await put(planner, {**PROBLEM, "pins": pins})
    before = same(await stored(planner, scenario))
    (mistake,) = (await change(planner, "setCalendar", scenario, **fields))["userErrors"]
    assert (mistake["code"], mistake["path"]) == ("PIN_WITHOUT_WORKDAY", ["input", *place])
    date_of = WorkCalendar(MONDAY).date_of(day)
    assert mistake["message"] == (
        f"Order A-1 is pinned to 3 molds on workday {day}, {date_of}, which would be no workday: {why}."
    )
    assert "setPins" in mistake["hint"]
    assert same(await stored(planner, scenario)) == before


async def test_a_saturday_beyond_a_shorter_calendar_is_no_workday_any_more(planner: Desk) -> None:
    scenario = await put(planner, PROBLEM)
    await changed(planner, "setCalendar", scenario, extraDays=["2026-01-17"], weeks=3)
    # Ten workdays to Friday, 16 January.
    await changed(planner, "setPins", scenario, pins=[{"orderId": "A-1", "workdayIndex": 10, "molds": 2}])
    (mistake,) = (await change(planner, "setCalendar", scenario, weeks=1))["userErrors"]
    assert (mistake["code"], mistake["path"]) == ("PIN_WITHOUT_WORKDAY", ["input", "weeks"])


async def test_a_row_that_a_calendar_moves_beyond_all_days_is_told(planner: Desk) -> None:
    scenario = await put(planner, PROBLEM)
    far = [{"flaskSize": "S", "releaseWorkdayIndex": 10_000, "qtyInuse": 1}]
    await changed(planner, "setInitialState", scenario, flasksInUse=far)
    assert await codes(planner, "setCalendar", scenario, extraDays=["2026-01-10"]) == [
        "CALENDAR_OUT_OF_RANGE"
    ]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"country": "Atlantis"}, "COUNTRY_UNKNOWN"),
        ({"country": "DE", "region": "XX"}, "REGION_UNKNOWN"),
        ({"region": "BY"}, "COUNTRY_MISSING"),
        ({"weekdays": []}, "NO_WORKDAYS"),
        ({"weeks": 0}, "WEEKS_OUT_OF_RANGE"),
        ({"closures": [{"first": "2026-02-02", "last": "2026-02-01"}]}, "CLOSURE_BACKWARDS"),
        ({"closures": [{"first": "0001-01-01", "last": "9999-12-31"}]}, "NO_WORKDAYS"),
    ],
)
async def test_a_calendar_that_makes_no_sense_is_refused(
    planner: Desk, fields: dict[str, Any], code: str
) -> None:
    assert await codes(planner, "setCalendar", await put(planner, FULL), **fields) == [code]


LID = {"partId": "LID", "flaskSize": "S", "coolHours": 8, "finishHours": 0, "grossWeightTon": 0.1}
NEW = {"orderId": "B-1", "partId": "LID", "qty": 2, "dueDate": "2026-03-02"}


@pytest.mark.parametrize(
    ("name", "fields", "code", "place"),
    [
        ("upsertOrders", {"orders": [{**NEW, "partId": "X"}]}, "UNKNOWN_PART", ["orders", "0", "partId"]),
        (
            "upsertOrders",
            {"orders": [{**NEW, "orderId": "A-3"}, {**NEW, "qty": -1}]},
            "PROBLEM_INVALID",
            ["orders", "1", "qty"],
        ),
        ("upsertOrders", {"orders": [{**NEW, "qty": 1_000_000}]}, "HORIZON_TOO_LONG", ["orders"]),
        ("upsertOrders", {"orders": [NEW, {**NEW, "qty": 3}]}, "DUPLICATE_ROW", ["orders", "1", "orderId"]),
        (
            "upsertParts",
            {"parts": [{**LID, "partId": "HOOK"}, {**LID, "grossWeightTon": 50}]},
            "PART_TOO_HEAVY",
            ["parts", "1", "grossWeightTon"],
        ),
        (
            "upsertParts",
            {"parts": [LID, {**LID, "partId": " LID "}]},
            "DUPLICATE_ROW",
            ["parts", "1", "partId"],
        ),
        ("upsertOrders", {"remove": ["A-1", "A-9"]}, "UNKNOWN_ORDER", ["remove", "1"]),
        ("upsertResources", {"flasksS": 0}, "ZERO_CAPACITY", ["flasksS"]),
        ("upsertResources", {"moldingMaxPerDay": -1}, "PROBLEM_INVALID", ["moldingMaxPerDay"]),
        ("setInitialState", {"asofDate": "2026-01-13"}, "ASOF_NOT_MONDAY", ["asofDate"]),
        (
            "setInitialState",
            {"orderProgress": [{"orderId": "A-9", "moldedQtyCredit": 4}]},
            "UNKNOWN_ORDER",
            ["orderProgress", "0", "orderId"],
        ),
        (
            "setInitialState",
            {"flasksInUse": [{"flaskSize": "S", "releaseWorkdayIndex": 2, "qtyInuse": -1}]},
            "PROBLEM_INVALID",
            ["flasksInUse", "0", "qtyInuse"],
        ),
        ("setInitialState", {"patternsLoaded": ["A-1", "A-9"]}, "UNKNOWN_ORDER", ["patternsLoaded", "1"]),
        ("setSettings", {"settings": {"weights": 1}}, "PROBLEM_INVALID", ["settings", "weights"]),
        (
            "setCalendar",
            {
                "closures": [
                    {"first": "2026-02-01", "last": "2026-02-02"},
                    {"first": "2026-02-02", "last": "2026-02-01"},
                ]
            },
            "CLOSURE_BACKWARDS",
            ["closures", "1"],
        ),
        (
            "setCalendar",
            {"weekdays": ["MONDAY"], "closures": [{"first": "2026-01-01", "last": "2030-12-31"}]},
            "NO_WORKDAYS",
            ["closures"],
        ),
    ],
)
async def test_a_mistake_is_told_with_its_place_in_the_input(
    planner: Desk, name: str, fields: dict[str, Any], code: str, place: list[str]
) -> None:
    payload = await change(planner, name, await put(planner, FULL), **fields)
    found = [(error["code"], error["path"]) for error in payload["userErrors"]]
    assert (code, ["input", *place]) in found


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        # What can't be read is told before what doesn't fit together.
        (
            [
                {**NEW, "orderId": "B-2", "partId": "X", "qty": -3},
                NEW,
                NEW,
                {**NEW, "orderId": "B-3", "qty": -1},
            ],
            [
                ("DUPLICATE_ROW", "orders.2.orderId"),
                ("UNKNOWN_ORDER", "remove.1"),
                ("PROBLEM_INVALID", "orders.0.qty"),
                ("PROBLEM_INVALID", "orders.3.qty"),
            ],
        ),
        (
            [{**NEW, "orderId": "B-2", "partId": "X"}, NEW, {**NEW, "qty": 3}, NEW],
            [
                ("DUPLICATE_ROW", "orders.2.orderId"),
                ("DUPLICATE_ROW", "orders.3.orderId"),
                ("UNKNOWN_ORDER", "remove.1"),
                ("UNKNOWN_PART", "orders.0.partId"),
            ],
        ),
        (
            [{**NEW, "partId": "a\0b"}],
            [("UNKNOWN_ORDER", "remove.1"), ("TEXT_UNSTORABLE", "orders.0.partId")],
        ),
        ([NEW], [("UNKNOWN_ORDER", "remove.1")]),
    ],
)
async def test_all_that_is_wrong_about_orders_is_told_together(
    planner: Desk, orders: list[dict[str, Any]], expected: list[tuple[str, str]]
) -> None:
    scenario = await put(planner, FULL)
    before = same(await stored(planner, scenario))
    payload = await change(planner, "upsertOrders", scenario, orders=orders, remove=["A-2", "ghost"])
    found = [(error["code"], ".".join(error["path"][1:])) for error in payload["userErrors"]]
    assert found == expected
    assert same(await stored(planner, scenario)) == before


async def test_a_mistake_in_a_value_names_its_order_and_what_to_do(planner: Desk) -> None:
    payload = await change(planner, "upsertOrders", await put(planner, FULL), orders=[{**NEW, "qty": -1}])
    (error,) = payload["userErrors"]
    assert error["message"] == "orders[0].qty (order B-1): found -1, expected 0 or more"
    assert "Correct it" in error["hint"]


async def test_what_is_about_no_field_of_the_input_is_about_all_of_it(planner: Desk) -> None:
    payload = await change(planner, "upsertResources", await put(planner, FULL), pourMaxTonPerDay=0.5)
    found = {error["code"]: error["path"] for error in payload["userErrors"]}
    assert found["PART_TOO_HEAVY"] == ["input"]


async def test_extra_days_that_change_nothing_are_warned_of(planner: Desk) -> None:
    payload = await change(
        planner,
        "setCalendar",
        await put(planner, PROBLEM),
        weeks=4,
        closures=[{"first": "2026-01-12", "last": "2026-01-16"}],
        extraDays=["2026-01-14", "2026-01-17", "2026-03-07"],
    )
    assert payload["userErrors"] == []
    odd = [(found["code"], found["path"]) for found in payload["warnings"] if found["path"][0] != "orders"]
    assert odd == [
        ("EXTRA_DAY_IN_CLOSURE", ["extraDays", "0"]),
        ("EXTRA_DAY_OUTSIDE", ["extraDays", "2"]),
    ]


@pytest.mark.parametrize(
    ("first", "last", "hint"),
    [
        ("2025-12-22", "2026-01-04", "It changes nothing"),
        ("2026-02-02", "2026-02-02", "It counts only in a plan that reaches beyond the calendar"),
        # Of the years beyond the calendar, holidays are kept, and a mistyped year is in them.
        ("2027-01-12", "2027-01-16", "It counts only in a plan that reaches beyond the calendar"),
        ("9999-12-30", "9999-12-31", "It changes nothing"),
    ],
)
async def test_a_closure_outside_of_the_calendar_is_warned_of(
    planner: Desk, first: str, last: str, hint: str
) -> None:
    within = [{"first": "2025-12-22", "last": "2026-01-05"}, {"first": "2026-02-01", "last": "2026-03-01"}]
    closures = [*within, {"first": first, "last": last}]
    payload = await change(planner, "setCalendar", await put(planner, PROBLEM), weeks=4, closures=closures)
    assert payload["userErrors"] == []
    (odd,) = [found for found in payload["warnings"] if found["code"] == "CLOSURE_OUTSIDE"]
    assert odd["path"] == ["closures", "2"]
    assert f"{first} to {last} lies outside of the calendar, 2026-01-05 to 2026-02-01" in odd["message"]
    assert hint in odd["hint"]


async def test_all_that_is_wrong_about_a_calendar_is_told_at_once(planner: Desk) -> None:
    backwards = [{"first": "2026-02-02", "last": "2026-02-01"}]
    payload = await change(
        planner, "setCalendar", await put(planner, PROBLEM), weeks=0, region="BY", closures=backwards
    )
    told = {error["code"]: error["hint"] for error in payload["userErrors"]}
    assert list(told) == ["COUNTRY_MISSING", "WEEKS_OUT_OF_RANGE", "CLOSURE_BACKWARDS"]
    assert "1 to 260 weeks" in told["WEEKS_OUT_OF_RANGE"]


async def test_notes_are_kept_changed_and_removed(planner: Desk) -> None:
    scenario = await put(planner, PROBLEM)
    for fields, notes in (
        ({"notes": "Two lines."}, "Two lines."),
        ({}, "Two lines."),
        ({"notes": None}, None),
    ):
        problem = await changed(planner, "upsertResources", scenario, flasksL=7, **fields)
        assert problem["resources"]["notes"] == notes


async def test_pins_and_frozen_days_are_set_by_themselves(planner: Desk) -> None:
    scenario = await put(planner, FULL)
    pins = [
        {"orderId": "A-1", "workdayIndex": 3, "molds": 2},
        {"orderId": "A-2", "workdayIndex": 0, "molds": 0},
    ]
    problem = await changed(planner, "setPins", scenario, pins=pins)
    told = [(row["order_id"], row["workday_index"], row["molds"]) for row in problem["pins"]]
    assert (sorted(told), problem["frozen_days"]) == ([("A-1", 3, 2), ("A-2", 0, 0)], 1)
    problem = await changed(planner, "setPins", scenario, frozenDays=0)
    assert (len(problem["pins"]), problem["frozen_days"]) == (2, 0)
    problem = await changed(planner, "setPins", scenario, pins=[], frozenDays=2)
    assert (problem["pins"], problem["frozen_days"]) == ([], 2)
    # All else is as it was.
    assert {**problem, "pins": [], "frozen_days": 0} == {
        **(await changed(planner, "setPins", scenario, frozenDays=0)),
        "pins": [],
    }


@pytest.mark.parametrize(
    ("problem", "fields", "code", "place"),
    [
        (PROBLEM, {"frozenDays": 1}, "FROZEN_WITHOUT_PREVIOUS_PLAN", ["frozenDays"]),
        (FULL, {"frozenDays": -1}, "PROBLEM_INVALID", ["frozenDays"]),
        (
            FULL,
            {"pins": [{"orderId": "A-9", "workdayIndex": 0, "molds": 1}]},
            "UNKNOWN_ORDER",
            ["pins", "0", "orderId"],
        ),
        (
            FULL,
            {"pins": [{"orderId": "A-1", "workdayIndex": -1, "molds": 1}]},
            "PROBLEM_INVALID",
            ["pins", "0", "workdayIndex"],
        ),
    ],
)
async def test_pins_that_no_plan_can_keep_are_refused(
    planner: Desk, problem: dict[str, Any], fields: dict[str, Any], code: str, place: list[str]
) -> None:
    payload = await change(planner, "setPins", await put(planner, problem), **fields)
    assert [(error["code"], error["path"]) for error in payload["userErrors"]] == [(code, ["input", *place])]


async def test_who_freezes_days_without_a_previous_plan_is_told_how_to_come_by_one(planner: Desk) -> None:
    payload = await change(planner, "setPins", await put(planner, PROBLEM), frozenDays=2)
    (mistake,) = payload["userErrors"]
    assert mistake["code"] == "FROZEN_WITHOUT_PREVIOUS_PLAN"
    assert "rollScenario" in mistake["hint"]
    assert "frozenDays: 0" in mistake["hint"]


async def test_settings_are_replaced_whole(planner: Desk) -> None:
    scenario = await put(planner, FULL)
    problem = await changed(planner, "setSettings", scenario, settings={"policy": "LEXICOGRAPHIC"})
    assert problem["settings"]["policy"] == "LEXICOGRAPHIC"
    assert problem["settings"]["pattern_unit"] == "ORDER"
    assert await codes(planner, "setSettings", scenario, settings={"weights": 1}) == ["PROBLEM_INVALID"]


async def test_only_planners_change_tables_of_their_own(planner: Desk, viewer: Desk, stranger: Desk) -> None:
    scenario = await put(planner, PROBLEM)
    for desk, code in ((viewer, "FORBIDDEN"), (stranger, "NOT_FOUND")):
        payload = await change(desk, "setSettings", scenario, settings={})
        assert [error["code"] for error in payload["userErrors"]] == [code]


def test_the_default_week_without_a_country_is_monday_to_friday() -> None:
    made = calendar_of(WorkPattern(WORKWEEK), MONDAY, 1)
    assert [day["date"] for day in made["calendar_workdays"]] == [f"2026-01-0{day}" for day in range(5, 10)]
    assert made["holidays"] == []
