"""Sanity checks: each finding made by one change of a sound problem, and told with its place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from solver_jobs.errors import JobError
from solver_jobs.foundry.checks import check, require_sound
from solver_jobs.foundry.corners import CORNERS
from solver_jobs.foundry.findings import Finding
from solver_jobs.foundry.generate import generate
from solver_jobs.foundry.instance import compile_problem
from solver_jobs.foundry.problem import FoundryProblem
from tests.solver_jobs.foundry.monday import SHOP, greedy, shop
from tests.solver_jobs.foundry.shops import problems
from tests.tier import tier

O2_IS_LATE = "LATE_BY_LAG"
"""The one finding about SHOP as it is."""


def row(table: str, position: int, **changes: Any) -> dict[str, Any]:
    """A table with one row changed."""
    rows = [dict(entry) for entry in SHOP[table]]
    rows[position] |= changes
    return {table: rows}


def only(problem: FoundryProblem, code: str) -> Finding:
    found = [finding for finding in check(problem) if finding.code == code]
    assert len(found) == 1, check(problem)
    return found[0]


def pins(*rows: tuple[str, int, int]) -> dict[str, Any]:
    return {"pins": [{"order_id": o, "workday_index": d, "molds": m} for o, d, m in rows]}


def plan(*rows: tuple[str, int, int]) -> list[dict[str, Any]]:
    return [{"order_id": o, "workday_index": d, "molds": m} for o, d, m in rows]


DONE = [{"order_id": o["order_id"], "molded_qty_credit": o["qty"]} for o in SHOP["orders"]]
WEEK = SHOP["calendar_workdays"]

ERRORS: list[tuple[str, dict[str, Any], str, list[str]]] = [
    ("ASOF_NOT_MONDAY", {"asof_date": "2026-01-04", "calendar_workdays": None}, "asof_date", ["Sunday"]),
    ("UNKNOWN_PART", row("orders", 1, part_id="Z"), "orders[1].part_id", ["O2", "part Z"]),
    (
        "UNKNOWN_ORDER",
        {"initial_order_progress": [{"order_id": "O9", "molded_qty_credit": 1}]},
        "initial_order_progress[0].order_id",
        ["O9"],
    ),
    (
        "UNKNOWN_ORDER",
        {"initial_patterns_loaded": [{"order_id": "O9"}]},
        "initial_patterns_loaded[0].order_id",
        ["O9"],
    ),
    (
        "UNKNOWN_ORDER",
        {"expected_deliveries": [{"order_id": "O9", "date": "2026-01-09", "qty": 1}]},
        "expected_deliveries[0].order_id",
        ["O9"],
    ),
    ("UNKNOWN_ORDER", pins(("O9", 1, 1)), "pins[0].order_id", ["O9"]),
    ("DUPLICATE_ROW", {"parts": [*SHOP["parts"], SHOP["parts"][0]]}, "parts[2]", ["A a second time"]),
    ("DUPLICATE_ROW", {"orders": [*SHOP["orders"], SHOP["orders"][0]]}, "orders[3]", ["O1 a second time"]),
    (
        "DUPLICATE_ROW",
        {"initial_order_progress": [*SHOP["initial_order_progress"]] * 2},
        "initial_order_progress[1]",
        ["O1"],
    ),
    (
        "DUPLICATE_ROW",
        {"initial_patterns_loaded": [*SHOP["initial_patterns_loaded"]] * 2},
        "initial_patterns_loaded[1]",
        ["O3"],
    ),
    ("DUPLICATE_ROW", pins(("O1", 1, 1), ("O1", 1, 2)), "pins[1]", ["O1 on day 1"]),
    ("DUPLICATE_ROW", {"previous_plan": plan(("O1", 1, 1)) * 2}, "previous_plan[1]", ["O1 on day 1"]),
    (
        "ASOF_MISMATCH",
        {"initial_order_progress": [{**SHOP["initial_order_progress"][0], "asof_date": "2025-12-29"}]},
        "initial_order_progress[0].asof_date",
        ["2025-12-29", "2026-01-05"],
    ),
    (
        "CALENDAR_GAP",
        {"calendar_workdays": [*WEEK[:2], *WEEK[3:]]},
        "calendar_workdays",
        ["place 2 stands 3"],
    ),
    ("CALENDAR_GAP", {"calendar_workdays": WEEK[1:]}, "calendar_workdays", ["place 0 stands 1"]),
    (
        "CALENDAR_NOT_ASCENDING",
        row("calendar_workdays", 3, date="2026-01-07"),
        "calendar_workdays",
        ["Workday 3 is 2026-01-07"],
    ),
    (
        "CALENDAR_BEFORE_ASOF",
        row("calendar_workdays", 0, date="2026-01-02"),
        "calendar_workdays",
        ["2026-01-02", "2026-01-05"],
    ),
    (
        "ZERO_CAPACITY",
        {"resources": {"molding_max_per_day": 0}},
        "resources.molding_max_per_day",
        ["need it"],
    ),
    (
        "ZERO_CAPACITY",
        {"resources": {"molding_max_same_part_per_day": 0}},
        "resources.molding_max_same_part_per_day",
        ["need it"],
    ),
    ("ZERO_CAPACITY", {"resources": {"max_patterns": 0}}, "resources.max_patterns", ["need it"]),
    (
        "ZERO_CAPACITY",
        {"resources": {"pour_max_ton_per_day": 0}},
        "resources.pour_max_ton_per_day",
        ["need it"],
    ),
    ("ZERO_CAPACITY", {"resources": {"flasks_M": 0}}, "resources.flasks_M", ["need it"]),
    (
        "PART_TOO_HEAVY",
        row("parts", 1, gross_weight_ton=0.501),
        "parts[1].gross_weight_ton",
        ["501 kg", "500 kg"],
    ),
    ("HORIZON_TOO_LONG", row("orders", 1, qty=1_000_000), "orders", ["After 2000 working days", "O2"]),
    (
        "HORIZON_TOO_LONG",  # further away than there are dates
        row("orders", 1, qty=100_000, due_date="2027-12-16") | row("parts", 0, cool_hours=4_000),
        "orders",
        ["After 2000 working days", "O2"],
    ),
    (
        "HORIZON_TOO_LONG",  # each order alone would do
        {
            "orders": [
                {"order_id": f"O{k}", "part_id": "B", "qty": 9, "due_date": "2026-12-16"} for k in range(30)
            ],
            "initial_order_progress": [],
            "initial_patterns_loaded": [],
            "resources": {"flasks_M": 1},
        }
        | row("parts", 1, cool_hours=300),
        "orders",
        ["After 2000 working days"],
    ),
    (
        "HORIZON_TOO_LONG",
        {"initial_flask_inuse": [{"flask_size": "M", "release_workday_index": 9_999, "qty_inuse": 3}]},
        "orders",
        ["2 molds would still be open", "O3"],
    ),
    (
        "LATE_WEIGHT_ZERO",
        {"settings": {"policy": "LEXICOGRAPHIC", "late_weight": 0}},
        "settings.late_weight",
        ["late_weight is 0"],
    ),
    ("FROZEN_WITHOUT_PREVIOUS_PLAN", {"frozen_days": 2}, "frozen_days", ["2 days"]),
    (
        "PIN_ON_FROZEN_DAY",
        {**pins(("O1", 0, 1)), "previous_plan": plan(("O1", 0, 2)), "frozen_days": 1},
        "pins[0]",
        ["pinned to 1", "frozen with 2"],
    ),
    (
        "PINS_ABOVE_QUANTITY",
        pins(("O3", 0, 2), ("O3", 1, 1)),
        "pins[0].molds",
        ["3 molds of order O3", "2 are left"],
    ),
    (
        "PINS_ABOVE_PART_CAP",
        pins(("O1", 0, 3)),
        "pins[0].molds",
        ["workday 0 (2026-01-05)", "3 molds of order O1", "for 2"],
    ),
    (
        "PINS_ABOVE_PART_CAP",
        {**pins(("O1", 0, 2), ("O2", 0, 1)), "settings": {"pattern_unit": "PART"}},
        "pins[0].molds",
        ["3 molds of part A", "for 2"],
    ),
    (
        "PINS_ABOVE_MOLDING",
        {**pins(("O1", 0, 2), ("O3", 0, 1)), "resources": {"molding_max_per_day": 2}},
        "pins[0].molds",
        ["3 molds", "for 2"],
    ),
    (
        "PINS_ABOVE_PLACES",
        {**pins(("O1", 0, 1), ("O3", 0, 1)), "resources": {"max_patterns": 1}},
        "pins[1].molds",
        ["2 patterns", "for 1"],
    ),
    (
        "PINS_ABOVE_METAL",
        {**pins(("O3", 0, 2)), "initial_pour_load": [{"workday_index": 1, "tons_committed": 0.2}]},
        "pins[0].molds",
        ["workday 1", "400 kg", "for 300"],
    ),
    (
        "PINS_ABOVE_FLASKS",
        {
            **pins(("O3", 0, 1), ("O3", 1, 2)),
            "initial_flask_inuse": [{"flask_size": "M", "release_workday_index": 2, "qty_inuse": 2}],
        },
        "pins[1].molds",
        ["workday 1", "3 flasks M", "for 1"],
    ),
    (
        "PINS_ABOVE_QUANTITY",
        {"previous_plan": plan(("O3", 0, 2), ("O3", 1, 2)), "frozen_days": 2},
        "frozen_days",
        ["4 molds of order O3"],
    ),
]

WARNINGS: list[tuple[str, dict[str, Any], str, list[str]]] = [
    (
        "CREDIT_ABOVE_QTY",
        {"initial_order_progress": [{"order_id": "O3", "molded_qty_credit": 3}]},
        "initial_order_progress[0].molded_qty_credit",
        ["O3", "3 units", "2 ordered"],
    ),
    (
        "EXPECTED_ABOVE_CREDIT",
        {"expected_deliveries": [{"order_id": "O1", "date": "2026-01-09", "qty": 2}]},
        "expected_deliveries",
        ["O1 expects 2", "only 1"],
    ),
    ("ZERO_CAPACITY", {"resources": {"flasks_L": 0}}, "resources.flasks_L", ["no open order needs it"]),
    (
        "FLASKS_OVERFULL",
        {
            "initial_flask_inuse": [
                {"flask_size": "M", "release_workday_index": r, "qty_inuse": 2} for r in (1, 2, 4)
            ]
        },
        "initial_flask_inuse",
        ["6 flasks M", "has 3", "before day 2"],
    ),
    (
        "METAL_OVERCOMMITTED",
        {"initial_pour_load": [{"workday_index": 3, "tons_committed": 0.3}] * 2},
        "initial_pour_load",
        ["600 kg", "workday 3", "500 kg"],
    ),
    (
        "POUR_BEFORE_PLAN",
        {"initial_pour_load": [{"workday_index": -1, "tons_committed": 0.3}]},
        "initial_pour_load[0].workday_index",
        ["workday -1"],
    ),
    (
        "MORE_LOADED_THAN_PLACES",
        {"initial_patterns_loaded": [{"order_id": o} for o in ("O1", "O2", "O3")]},
        "initial_patterns_loaded",
        ["3 patterns", "2 places"],
    ),
    (
        "LOADED_BUT_DONE",
        {"initial_order_progress": [{"order_id": "O3", "molded_qty_credit": 2}]},
        "initial_patterns_loaded",
        ["O3"],
    ),
    (
        "DUE_OUTSIDE_CALENDAR",
        row("orders", 0, due_date="2026-01-26"),
        "orders[0].due_date",
        ["2026-01-26", "ends on 2026-01-23"],
    ),
    (
        "NOTHING_TO_PLAN",
        {"initial_order_progress": DONE, "initial_patterns_loaded": []},
        "orders",
        ["all units of 3 orders are molded"],
    ),
    (
        "NOTHING_TO_PLAN",
        {"orders": [], "initial_order_progress": [], "initial_patterns_loaded": []},
        "orders",
        ["there are no orders"],
    ),
    ("DUE_FAR_AWAY", row("orders", 0, due_date="2031-01-01"), "orders[0].due_date", ["2031-01-01"]),
    (
        "PIN_FAR_AWAY",
        pins(("O1", 521, 1)),
        "pins[0].workday_index",
        ["O1", "1 mold", "workday 521, 2028-01-04"],
    ),
    (
        "LATE_BY_QUANTITY",
        row("orders", 0, qty=6),
        "orders[0].due_date",
        ["2026-01-13", "at 2 molds a day its 5 units are delivered on 2026-01-14", "1 unit is late"],
    ),
    (
        "LATE_BY_QUANTITY",
        {**row("orders", 0, qty=4), "resources": {**SHOP["resources"], "flasks_S": 1}},
        "orders[0].due_date",
        ["at 1 mold a day, and with 1 S flask that a mold holds for 3 working days, its 3 units"],
    ),
    (
        "HOLIDAY_IN_CALENDAR",
        {"holidays": ["2026-01-07"]},
        "calendar_workdays",
        ["2026-01-07"],
    ),
    (
        "CALENDAR_STARTS_LATE",
        {"calendar_workdays": [{"workday_index": 0, "date": "2026-01-06"}]},
        "calendar_workdays",
        ["2026-01-06", "2026-01-05"],
    ),
    (
        "LATE_CHEAPER_THAN_CHANGE",
        {"settings": {"late_weight": 99_999}},
        "settings.late_weight",
        ["99999", "100000"],
    ),
    ("NOTHING_TO_STAY_CLOSE_TO", {"settings": {"stability_weight": 1}}, "settings.stability_weight", []),
    (
        "PREVIOUS_PLAN_OF_OTHER_ORDERS",
        {"previous_plan": plan(("O8", 1, 1), ("O9", 1, 1), ("O1", 1, 1))},
        "previous_plan",
        ["2 orders", "O8 and O9"],
    ),
    (
        "MORE_ORDERS_THAN_PLACES",
        {"resources": {"max_patterns": 1}},
        "resources.max_patterns",
        ["2 orders", "by 2026-01-06", "at least 3 pattern days", "there are 2 on 1 place"],
    ),
]


class TestFindings:
    def test_sound_problem(self) -> None:
        (found,) = check(shop())
        assert (found.severity, found.code, found.place) == ("WARNING", O2_IS_LATE, "orders[1].due_date")
        assert found.message == (
            "Order O2 is due on 2026-01-10; molded on Monday 2026-01-05 it is delivered on 2026-01-12 at the "
            "earliest (5 working days). 3 units are late."
        )

    @pytest.mark.parametrize(("code", "changes", "place", "words"), ERRORS)
    def test_error(self, code: str, changes: dict[str, Any], place: str, words: list[str]) -> None:
        problem = shop(**changes)
        found = only(problem, code)
        assert (found.severity, found.place) == ("ERROR", place)
        assert all(word in found.message for word in words), found.message
        assert found.hint.endswith((".", "?"))
        with pytest.raises(JobError) as caught:
            require_sound(problem)
        assert caught.value.code == "PROBLEM_UNSOUND"
        assert str(found) in caught.value.details

    def test_a_date_of_long_ago_is_doubted(self) -> None:
        found = [f for f in check(shop(**row("orders", 0, due_date="1900-01-05"))) if f.code == "LATE_BY_LAG"]
        assert [f.place for f in found if "more than a year back" in (f.hint or "")] == ["orders[0].due_date"]

    @pytest.mark.parametrize(("code", "changes", "place", "words"), WARNINGS)
    def test_warning(self, code: str, changes: dict[str, Any], place: str, words: list[str]) -> None:
        problem = shop(**changes)
        found = only(problem, code)
        assert (found.severity, found.place) == ("WARNING", place)
        assert all(word in f"{found.message} {found.hint}" for word in words), str(found)
        assert found in require_sound(problem)

    def test_errors_stand_first_and_all_are_told(self) -> None:
        problem = shop(
            asof_date="2026-01-06", holidays=["2026-01-07"], **row("orders", 1, part_id="Z"), frozen_days=1
        )
        found = check(problem)
        assert [f.severity for f in found] == ["ERROR"] * 4 + ["WARNING"]
        with pytest.raises(JobError, match="4 errors, of which the first is") as caught:
            require_sound(problem)
        assert len(caught.value.details) == 4


class TestEdges:
    """The same tables just inside what is allowed."""

    @pytest.mark.parametrize(
        "changes",
        [
            {"initial_order_progress": [{"order_id": "O1", "molded_qty_credit": 5}]},
            row("parts", 1, gross_weight_ton=0.5),
            {"previous_plan": [], "frozen_days": 1},
            {"settings": {"late_weight": 100_000}},
            {"initial_pour_load": [{"workday_index": 1, "tons_committed": 0.5}]},
            {"initial_flask_inuse": [{"flask_size": "M", "release_workday_index": 4, "qty_inuse": 3}]},
            {"initial_flask_inuse": [{"flask_size": "M", "release_workday_index": 0, "qty_inuse": 9}]},
            {"calendar_workdays": None, "holidays": ["2026-01-14"]},
            {"calendar_workdays": []},
            {"expected_deliveries": [{"order_id": "O1", "date": "2026-01-09", "qty": 1}]},
            pins(("O1", 0, 2), ("O3", 0, 1)),
            pins(("O1", 3, 0), ("O3", 3, 0), ("O2", 3, 0)),
            {**pins(("O1", 0, 2)), "previous_plan": plan(("O1", 0, 2)), "frozen_days": 1},
            {"resources": {"max_patterns": 3}},
            row("orders", 0, due_date="2026-01-25"),
            row("orders", 0, qty=0),
        ],
    )
    def test_no_further_finding(self, changes: dict[str, Any]) -> None:
        assert {found.code for found in check(shop(**changes))} <= {O2_IS_LATE, "CREDIT_ABOVE_QTY"}

    def test_nothing_left_to_mold_needs_no_capacity(self) -> None:
        zero = dict.fromkeys(SHOP["resources"], 0)
        found = check(shop(initial_order_progress=DONE, resources=zero))
        assert {finding.severity for finding in found} == {"WARNING"}

    def test_first_calendar_day_after_a_holiday_is_not_late(self) -> None:
        calendar = [{"workday_index": 0, "date": "2026-01-06"}]
        found = check(shop(calendar_workdays=calendar, holidays=["2026-01-05"]))
        assert "CALENDAR_STARTS_LATE" not in {finding.code for finding in found}

    def test_parts_share_places(self) -> None:
        booked = [{**o, "due_date": "2026-01-13", "qty": 2} for o in SHOP["orders"]]
        tight = shop(
            orders=booked,
            resources={"max_patterns": 1},
            initial_order_progress=[],
            **row("parts", 1, finish_hours=48),
        )
        assert "MORE_ORDERS_THAN_PLACES" in {finding.code for finding in check(tight)}
        shared = tight.model_copy(
            update={"settings": tight.settings.model_copy(update={"pattern_unit": "PART"})}
        )
        assert "MORE_ORDERS_THAN_PLACES" in {finding.code for finding in check(shared)}
        roomy = shared.model_copy(
            update={"resources": shared.resources.model_copy(update={"molding_max_same_part_per_day": 4})}
        )
        assert "MORE_ORDERS_THAN_PLACES" not in {finding.code for finding in check(roomy)}


class TestTruth:
    """What the checks say of a problem is so."""

    @pytest.mark.parametrize("name", sorted(CORNERS))
    def test_corner_cases_are_sound(self, name: str) -> None:
        problem = CORNERS[name](generate("S", 0.9, 1))
        assert not [found for found in check(problem) if found.severity == "ERROR"]

    @settings(max_examples=tier(80, 3000), deadline=None)
    @given(problem=problems())
    def test_sound_problems_can_be_planned(self, problem: FoundryProblem) -> None:
        if any(found.severity == "ERROR" for found in check(problem)):
            return
        instance = compile_problem(problem)
        assert (instance.fitting.sum(axis=1) == instance.remaining).all()

    @settings(max_examples=tier(80, 3000), deadline=None)
    @given(problem=problems())
    def test_late_by_lag_or_quantity_is_late_in_a_plan(self, problem: FoundryProblem) -> None:
        found = check(problem)
        if any(finding.severity == "ERROR" for finding in found):
            return
        late = {row.order_id: row.late_qty for row in greedy(problem).order_status}
        for finding in found:
            if finding.code in ("LATE_BY_LAG", "LATE_BY_QUANTITY"):
                assert late[problem.orders[int(finding.path[1])].order_id] > 0
