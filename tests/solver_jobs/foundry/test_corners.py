"""Every corner case, from the check of the problem to the next Monday."""

from __future__ import annotations

import pytest

from solver_jobs.foundry.checks import check, require_sound
from solver_jobs.foundry.corners import CORNERS
from solver_jobs.foundry.explain import explained
from solver_jobs.foundry.generate import generate
from solver_jobs.foundry.planner import plan
from solver_jobs.foundry.problem import read_plan, read_problem
from solver_jobs.foundry.roll import roll
from solver_jobs.foundry.verify import verify
from tests.tier import tier


@pytest.mark.parametrize("name", sorted(CORNERS))
def test_corner_case_is_answered(name: str) -> None:
    for seed in range(tier(1, 8)):
        problem = read_problem(CORNERS[name](generate("S", 0.9, seed)).model_dump_json())
        require_sound(problem)
        answer = explained(problem, plan(problem, steps=60, workers=1))
        assert verify(problem, read_plan(answer.model_dump_json())) == []
        assert answer.summary.bound <= answer.summary.objective
        following = roll(problem, answer)
        assert not [found for found in check(following) if found.severity == "ERROR"]
        assert verify(following, plan(following, steps=60, workers=1)) == []


def test_extended_calendar_is_told() -> None:
    problem = CORNERS["short_calendar"](generate("S", 0.9, 8))
    answer = plan(problem, steps=60, workers=1)
    assert "The calendar of 3 workdays was too short" in answer.warnings[0]
    assert len(answer.calendar_workdays) > 3
