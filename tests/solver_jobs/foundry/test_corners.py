"""Every corner case, from the check of the problem to the next Monday."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from solver_jobs.foundry.checks import check, require_sound
from solver_jobs.foundry.corners import CORNERS
from solver_jobs.foundry.explain import explained
from solver_jobs.foundry.generate import generate
from solver_jobs.foundry.planner import plan
from solver_jobs.foundry.problem import FoundryPlan, FoundryProblem, read_plan, read_problem
from solver_jobs.foundry.roll import roll
from solver_jobs.foundry.verify import verify
from tests.tier import tier

WARNED: Mapping[str, set[str]] = {
    "nothing_remaining": {"NOTHING_TO_PLAN", "LOADED_BUT_DONE"},
    "no_orders": {"NOTHING_TO_PLAN"},
    "far_due": {"DUE_FAR_AWAY"},
    "flasks_overfull": {"FLASKS_OVERFULL"},
    "metal_overcommitted": {"METAL_OVERCOMMITTED"},
    "short_calendar": {"DUE_OUTSIDE_CALENDAR"},
    "one_place": {"MORE_LOADED_THAN_PLACES"},
    "loaded_but_done": {"LOADED_BUT_DONE"},
    "all_loaded": {"MORE_LOADED_THAN_PLACES", "LOADED_BUT_DONE"},
}
"""What is odd about a corner case; of the others nothing is."""
ORDINARY = {"LATE_BY_LAG", "LATE_BY_QUANTITY", "MORE_ORDERS_THAN_PLACES"}
"""What is told of most problems with late orders."""
EXTENDED = {"short_calendar", "giant_order", "far_due", "overloaded", "one_place", "few_parts"}
"""Where the calendar may be too short."""


def planned(problem: FoundryProblem) -> FoundryPlan:
    """A plan after few steps, read back from JSON and judged."""
    made = explained(problem, plan(problem, steps=60, workers=1))
    answer = read_plan(made.model_dump_json())
    assert verify(problem, answer) == []
    assert answer.summary.bound <= answer.summary.objective
    return answer


@pytest.mark.parametrize("name", sorted(CORNERS))
def test_corner_case_is_answered(name: str) -> None:
    for seed in range(tier(1, 8)):
        problem = read_problem(CORNERS[name](generate("S", 0.9, seed)).model_dump_json())
        told = {finding.code for finding in require_sound(problem)}
        assert told - ORDINARY == WARNED.get(name, set())
        answer = planned(problem)
        assert not answer.warnings or (name in EXTENDED and "was too short" in answer.warnings[0])
        following = roll(problem, answer)
        assert not [found for found in check(following) if found.severity == "ERROR"]
        planned(following)


def test_extended_calendar_is_told() -> None:
    problem = CORNERS["short_calendar"](generate("S", 0.9, 8))
    answer = planned(problem)
    assert "The calendar of 3 workdays was too short" in answer.warnings[0]
    assert len(answer.calendar_workdays) > 3


def test_nothing_of_a_size_is_molded_before_its_overfull_flasks_are_free() -> None:
    problem = CORNERS["flasks_overfull"](generate("S", 0.9, 0))
    assert min(row.workday_index for row in planned(problem).x) == 3


def test_metal_is_left_alone_on_days_on_which_too_much_is_committed() -> None:
    """Of molds of day d the metal is poured on day d + 1; days 0 to 2 are overcommitted."""
    problem = CORNERS["metal_overcommitted"](generate("S", 0.9, 0))
    assert min(row.workday_index for row in planned(problem).x) == 2


def test_due_on_a_weekend_is_due_on_the_friday_before() -> None:
    problem = CORNERS["weekend_due"](generate("S", 0.9, 0))
    orders = [
        order.model_copy(update={"due_date": order.due_date - timedelta(days=order.due_date.weekday() - 4)})
        for order in problem.orders
    ]
    assert {order.due_date.weekday() for order in problem.orders} == {5, 6}
    assert planned(problem).x == planned(problem.model_copy(update={"orders": tuple(orders)})).x


def test_zero_hours_are_zero_days() -> None:
    """Poured, shaken out and delivered, a day each: three working days from mold to delivery."""
    problem = CORNERS["zero_hours"](generate("S", 0.9, 0))
    answer = planned(problem)
    last = {row.order_id: row.workday_index for row in answer.x}
    assert {
        row.completion_workday_index - last[row.order_id]
        for row in answer.order_status
        if row.completion_workday_index is not None
    } == {3}


def test_to_the_letter_the_objective_is_the_specifications_without_work_in_process() -> None:
    problem = CORNERS["as_specified"](generate("S", 1.05, 1))
    summary = planned(problem).summary
    assert summary.objective == summary.spec_objective - summary.wip
    assert summary.late > 0
    assert summary.congestion == 0
