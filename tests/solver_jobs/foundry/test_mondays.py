"""Monday after Monday on a foundry of usual size, each plan carried out as planned."""

from __future__ import annotations

import pytest

from solver_jobs.foundry.generate import generate
from solver_jobs.foundry.planner import plan as replan
from solver_jobs.foundry.problem import FoundryPlan
from solver_jobs.foundry.roll import roll
from solver_jobs.foundry.verify import verify
from tests.solver_jobs.foundry.diary import Diary
from tests.tier import tier

FOUR_WEEKS = 20
"""Working days."""


def last_days(plan: FoundryPlan) -> dict[str, int]:
    """Day of the last mold of each order."""
    return {row.order_id: row.workday_index for row in sorted(plan.x, key=lambda row: row.workday_index)}


@pytest.mark.parametrize("load", [0.9, 1.05])
def test_nothing_starves_and_every_unit_is_molded_in_the_end(load: float) -> None:
    problem = generate("M", load, 1)
    diary, finished = Diary(problem), dict[str, int]()
    first = plan = replan(problem, steps=tier(500, 20_000), workers=1, seed=1)
    while plan.x:
        assert verify(problem, plan) == []
        finished |= {row.order_id: row.workday_index for row in diary.live(plan)}
        problem = roll(problem, plan)
        diary.check_state(problem)
        plan = replan(problem, steps=tier(500, 20_000), workers=1, seed=1)
    diary.check_history()
    assert all(diary.credit[order.order_id] == order.qty for order in problem.orders)
    molds = sum(row.molds for row in first.x)
    assert diary.today >= FOUR_WEEKS
    assert diary.today <= molds / diary.resources.molding_max_per_day + FOUR_WEEKS
    promised = last_days(first)
    assert max(finished[order] - promised[order] for order in promised) <= 1.5 * FOUR_WEEKS
