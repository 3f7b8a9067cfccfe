"""A whole Monday: unsound problems are refused, plans are explained and verified."""

from __future__ import annotations

import pytest

from solver_jobs.errors import JobError
from solver_jobs.foundry import monday
from solver_jobs.foundry.corners import CORNERS
from solver_jobs.foundry.generate import generate
from solver_jobs.foundry.monday import replan
from solver_jobs.foundry.problem import FoundryPlan, FoundryProblem
from solver_jobs.foundry.verify import verify
from tests.solver_jobs.foundry.monday import MOLDS, plan_of, shop


class TestReplan:
    def test_unsound_problem_is_refused_before_any_work(self) -> None:
        with pytest.raises(JobError, match="2026-01-06, expected a Monday") as caught:
            replan(shop(asof_date="2026-01-06"), steps=1, workers=1)
        assert caught.value.code == "PROBLEM_UNSOUND"

    @pytest.mark.parametrize("name", sorted(CORNERS))
    def test_corner_cases_are_answered(self, name: str) -> None:
        problem = CORNERS[name](generate("S", 0.9, 8))
        plan = replan(problem, steps=60, workers=1)
        assert verify(problem, plan) == []
        assert plan.explanation is not None
        assert plan.summary.bound <= plan.summary.objective

    def test_findings_and_extension_are_told(self) -> None:
        plan = replan(CORNERS["short_calendar"](generate("S", 0.9, 8)), steps=60, workers=1)
        assert "The calendar of 3 workdays was too short" in plan.warnings[0]
        assert any("the calendar ends on 2026-01-07" in warning for warning in plan.warnings)

    def test_broken_plan_never_comes_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        problem = shop()

        def broken(problem: FoundryProblem, **_: object) -> FoundryPlan:
            return plan_of(problem, {**MOLDS, ("O2", 3): 2})

        monkeypatch.setattr(monday, "plan", broken)
        with pytest.raises(JobError, match=r"Order O2: 4 molds are planned") as caught:
            replan(problem)
        assert caught.value.code == "PLAN_BROKEN"
        assert caught.value.details
