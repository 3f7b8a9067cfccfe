"""Whatever the problem: the answer keeps every promise, and is always the same."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from solver_jobs.forecast.planner import solve
from solver_jobs.forecast.problem import ForecastProblem, ForecastResult
from solver_jobs.forecast.verify import verify
from tests.solver_jobs.forecast.plants import any_problem
from tests.tier import tier


@settings(max_examples=tier(150, 2000), deadline=None)
@given(problem=any_problem())
def test_every_answer_passes_the_independent_check(problem: ForecastProblem) -> None:
    assert verify(problem, solve(problem)) == []


@settings(max_examples=tier(30, 300), deadline=None)
@given(problem=any_problem(), seed=st.integers(0, 1000))
def test_the_order_of_the_rows_does_not_matter_to_a_grade(problem: ForecastProblem, seed: int) -> None:
    rng = random.Random(seed)
    shuffled = problem.model_copy(
        update={
            name: tuple(rng.sample(rows, len(rows)))
            for name in ("grades", "history", "orders", "schedule")
            if (rows := getattr(problem, name))
        }
    )
    first, second = solve(problem), solve(shuffled)
    assert {row.grade: row.heats for row in first.heats} == {row.grade: row.heats for row in second.heats}


@settings(max_examples=tier(30, 300), deadline=None)
@given(problem=any_problem())
def test_problem_and_result_survive_json(problem: ForecastProblem) -> None:
    again = ForecastProblem.model_validate_json(problem.model_dump_json())
    assert again == problem
    result = solve(again)
    assert result == solve(problem)
    assert ForecastResult.model_validate_json(result.model_dump_json()) == result
