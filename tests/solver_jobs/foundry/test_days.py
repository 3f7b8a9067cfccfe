"""A plan day by day agrees with the counts of the verifier, which shares no code with it."""

import pytest

from solver_jobs.foundry.days import day_loads
from solver_jobs.foundry.planner import plan
from solver_jobs.foundry.problem import FoundryPlan, FoundryProblem, read_problem
from solver_jobs.foundry.verify import count

PART = {"part_id": "P", "flask_size": "M", "cool_hours": 20, "finish_hours": 5, "gross_weight_ton": 0.25}


@pytest.fixture(scope="module")
def problem() -> FoundryProblem:
    return read_problem(
        {
            "asof_date": "2026-01-05",
            "parts": [PART, {**PART, "part_id": "Q", "flask_size": "L", "cool_hours": 50}],
            "orders": [
                {"order_id": "A", "part_id": "P", "qty": 12, "due_date": "2026-01-16"},
                {"order_id": "B", "part_id": "P", "qty": 5, "due_date": "2026-01-19"},
                {"order_id": "C", "part_id": "Q", "qty": 7, "due_date": "2026-01-21"},
            ],
            "resources": {
                "flasks_S": 1,
                "flasks_M": 9,
                "flasks_L": 6,
                "molding_max_per_day": 5,
                "molding_max_same_part_per_day": 3,
                "pour_max_ton_per_day": 1.5,
            },
            "initial_flask_inuse": [
                {"flask_size": "M", "release_workday_index": 2, "qty_inuse": 4},
                {"flask_size": "L", "release_workday_index": 900, "qty_inuse": 1},
                {"flask_size": "M", "release_workday_index": -3, "qty_inuse": 9},
            ],
            "initial_pour_load": [{"workday_index": 0, "tons_committed": 1.2}],
            "settings": {"pattern_unit": "PART"},
        }
    )


@pytest.fixture(scope="module")
def found(problem: FoundryProblem) -> FoundryPlan:
    return plan(problem, steps=200, workers=1)


def test_peaks_and_sums_are_those_that_the_verifier_counts(
    problem: FoundryProblem, found: FoundryPlan
) -> None:
    days, counted = day_loads(problem, found), count(problem, found)
    assert len(days) == len(found.calendar_workdays)
    assert sum(use.in_use for day in days for use in day.flasks) == counted.wip
    for row, size in enumerate("SML"):
        assert max(day.flasks[row].in_use for day in days) == counted.peak_flasks[size]
    assert max(day.pour_ton for day in days) == pytest.approx(counted.peak_pour_ton)
    assert sum(day.molds for day in days) == sum(row.molds for row in found.x) == 24


def test_orders_that_share_a_pattern_take_one_place(problem: FoundryProblem, found: FoundryPlan) -> None:
    rows = {(row.order_id, row.workday_index) for row in found.y}
    for day in day_loads(problem, found):
        parts = {order.part_id for order in problem.orders if (order.order_id, day.workday_index) in rows}
        assert day.patterns == len(parts)


def test_commitments_of_earlier_weeks_are_told(problem: FoundryProblem, found: FoundryPlan) -> None:
    first, *_, last = day_loads(problem, found)
    assert first.pour_ton == pytest.approx(1.2)
    assert first.flasks[1].in_use >= 4
    assert last.flasks[2].in_use >= 1
