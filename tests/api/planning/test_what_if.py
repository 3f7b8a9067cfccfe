"""What a what-if changes of a foundry's problem, and what it leaves."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pydantic import ValidationError

from api.planning.what_if import WhatIf, changed, grid
from solver_jobs.foundry.calendar import WorkCalendar
from solver_jobs.foundry.checks import check
from solver_jobs.foundry.problem import FoundryProblem, Workday, read_problem
from tests.api.foundry.shop import PROBLEM, big_problem

MONDAY = date(2026, 1, 5)
FRIDAY_OF_WEEK_1 = 9


def problem(**more: Any) -> FoundryProblem:
    return read_problem({**PROBLEM, **more})


def calendar(days: int) -> list[Mapping[str, Any]]:
    """Working days from Monday to Friday."""
    rows = WorkCalendar(MONDAY).workdays(days)
    return [row.model_dump(mode="json") for row in rows]


def test_each_combination_is_tried_the_last_one_fastest() -> None:
    tried = list(grid({"policy": ["WEIGHTED", "LEXICOGRAPHIC"], "overtime_days": [0, 1]}))
    assert [(one.policy, one.overtime_days) for one in tried] == [
        ("WEIGHTED", 0),
        ("WEIGHTED", 1),
        ("LEXICOGRAPHIC", 0),
        ("LEXICOGRAPHIC", 1),
    ]
    assert list(grid({})) == [WhatIf()]


def test_without_a_change_the_problem_is_the_same() -> None:
    assert changed(problem(), WhatIf()) == problem()
    assert changed(problem(), WhatIf(time_limit_seconds=9, overtime_days=0, demand_factor=1)) == problem()


def test_judging_is_changed_and_other_settings_stay() -> None:
    before = problem(settings={"switch_weight": 7, "pattern_unit": "PART"})
    after = changed(before, WhatIf(policy="LEXICOGRAPHIC", pattern_unit="ORDER")).settings
    assert (after.policy, after.pattern_unit, after.switch_weight) == ("LEXICOGRAPHIC", "ORDER", 7)


def test_capacities_are_set_or_multiplied_as_a_person_reckons() -> None:
    what_if = WhatIf(max_patterns=9, molds_per_day=3, flask_factor=1.1, pour_factor=0.7)
    after = changed(problem(), what_if).resources
    assert (after.max_patterns, after.molding_max_per_day) == (9, 3)
    # 12, 6 and 1 flasks; rounded down, none is promised that is not there.
    assert (after.flasks_S, after.flasks_M, after.flasks_L) == (13, 6, 1)
    assert after.pour_max_ton_per_day == 2.8
    assert after.molding_max_same_part_per_day == 4
    # 10 x 0.9 is 9, and not what binary fractions make of it.
    shop = problem(resources={**PROBLEM["resources"], "flasks_S": 10})
    assert changed(shop, WhatIf(flask_factor=0.9)).resources.flasks_S == 9


def test_demand_is_what_is_left_to_mold_and_many_small_orders_grow_together() -> None:
    orders: list[dict[str, Any]] = [
        {"order_id": f"O{n}", "part_id": "LID", "qty": 4, "due_date": f"2026-02-{n + 10}"} for n in range(10)
    ]
    progress = [{"order_id": "O0", "molded_qty_credit": 3}]
    after = changed(problem(orders=orders, initial_order_progress=progress), WhatIf(demand_factor=1.1))
    # 37 units are left: 40.7 are wanted, 3 are made.
    assert sum(order.qty for order in after.orders) == 44
    assert all(order.qty - old["qty"] in (0, 1) for order, old in zip(after.orders, orders, strict=True))
    assert [order.order_id for order in after.orders] == [order["order_id"] for order in orders]


@given(factor=some.floats(0, 10), made=some.lists(some.integers(0, 40), min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_no_demand_falls_below_what_is_molded_and_each_parts_total_is_right(
    factor: float, made: list[int]
) -> None:
    names = ["A-1", "A-2", "A-3"]
    before = problem(
        initial_order_progress=[
            {"order_id": name, "molded_qty_credit": units} for name, units in zip(names, made, strict=True)
        ]
    )
    after = changed(before, WhatIf(demand_factor=factor))
    left: dict[str, int] = {}
    wanted: dict[str, float] = {}
    for old, new, credit in zip(before.orders, after.orders, made, strict=True):
        assert new.qty >= min(old.qty, credit)
        kept = max(0, old.qty - credit)
        wanted[old.part_id] = wanted.get(old.part_id, 0) + kept * factor
        left[old.part_id] = left.get(old.part_id, 0) + new.qty - (old.qty - kept)
    assert all(abs(left[part] - wanted[part]) <= 0.5 + 1e-6 for part in left)


def test_a_figure_beyond_the_bounds_of_a_problem_is_refused() -> None:
    huge = problem(orders=[{**PROBLEM["orders"][0], "qty": 900_000}])
    with pytest.raises(ValidationError):
        changed(huge, WhatIf(demand_factor=2))


# ---------------------------------------------------------------- overtime


def test_overtime_is_on_the_next_free_saturdays() -> None:
    after = changed(problem(calendar_workdays=calendar(20), holidays=["2026-01-17"]), WhatIf(overtime_days=2))
    days = after.calendar_workdays or ()
    assert [day.workday_index for day in days] == list(range(22))
    saturdays = [(day.date, day.week_index) for day in days if day.date.weekday() == 5]
    assert saturdays == [(date(2026, 1, 10), 0), (date(2026, 1, 24), 2)]


def test_a_saturday_that_is_worked_already_is_no_overtime() -> None:
    rows = [*calendar(5), {"workday_index": 5, "date": "2026-01-10", "week_index": 0}]
    after = changed(problem(calendar_workdays=rows), WhatIf(overtime_days=1))
    saturdays = [day.date for day in after.calendar_workdays or () if day.date.weekday() == 5]
    assert saturdays == [date(2026, 1, 10), date(2026, 1, 17)]


def test_a_problem_without_a_calendar_gets_one_that_goes_on_as_before() -> None:
    after = changed(problem(), WhatIf(overtime_days=1))
    days = [WorkCalendar.of(after).date_of(index) for index in range(12)]
    assert days == [MONDAY + timedelta(days=day) for day in (0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 14)]


def test_what_was_on_a_day_stays_on_that_day() -> None:
    before = problem(
        calendar_workdays=calendar(15),
        initial_flask_inuse=[
            {"flask_size": "M", "release_workday_index": index, "qty_inuse": 1} for index in (-2, 0, 3, 6, 11)
        ],
        initial_pour_load=[{"workday_index": index, "tons_committed": 0.5} for index in (0, 5)],
        pins=[{"order_id": "A-1", "workday_index": FRIDAY_OF_WEEK_1, "molds": 2}],
        previous_plan=[
            {"order_id": "A-2", "workday_index": index, "molds": 1} for index in (0, 4, 5, FRIDAY_OF_WEEK_1)
        ],
    )
    after = changed(before, WhatIf(overtime_days=2))
    old, new = WorkCalendar.of(before), WorkCalendar.of(after)

    def dates(rows: Any, name: str, workdays: WorkCalendar) -> list[Any]:
        """Days, and indices of the past as they are."""
        indices = [getattr(row, name) for row in rows]
        return [index if index < 0 else workdays.date_of(index) for index in indices]

    for table, name in (
        ("initial_flask_inuse", "release_workday_index"),
        ("initial_pour_load", "workday_index"),
        ("pins", "workday_index"),
        ("previous_plan", "workday_index"),
    ):
        assert dates(getattr(after, table), name, new) == dates(getattr(before, table), name, old), table


def test_frozen_days_stay_frozen_and_overtime_comes_after_them() -> None:
    before = problem(frozen_days=6, previous_plan=[{"order_id": "A-1", "workday_index": 5, "molds": 2}])
    after = changed(before, WhatIf(overtime_days=1))
    assert after.frozen_days == 6
    assert after.previous_plan == before.previous_plan
    assert Workday(workday_index=10, date=date(2026, 1, 17), week_index=1) in (after.calendar_workdays or ())


def test_a_sound_problem_with_overtime_is_sound() -> None:
    before = read_problem({**big_problem(30), "calendar_workdays": calendar(30)})
    after = changed(before, WhatIf(overtime_days=9))
    assert [found for found in check(after) if found.severity == "ERROR"] == []
