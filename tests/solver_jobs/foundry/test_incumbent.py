"""A plan that keeps every rule refutes a bound above its objective."""

import math
import time
from typing import Any

import pytest

from solver_jobs.foundry.bound import first_floors
from solver_jobs.foundry.construct import construct
from solver_jobs.foundry.incumbent import Incumbent, Source
from solver_jobs.foundry.instance import Instance, compile_problem
from solver_jobs.foundry.planner import plan
from solver_jobs.foundry.portfolio import Effort, Portfolio
from solver_jobs.foundry.prove import Prover
from solver_jobs.foundry.score import Layout
from solver_jobs.foundry.verify import verify
from tests.solver_jobs.foundry.test_planner import shop

PROBLEM = shop()


@pytest.fixture
def instance() -> Instance:
    return compile_problem(PROBLEM)


def better_layout(instance: Instance) -> Layout:
    """A plan that costs less than the first."""
    portfolio = Portfolio(instance, Effort(time_limit=60, workers=1, seed=1, steps=2_000), time.monotonic)
    portfolio.run()
    return portfolio.incumbent.layout


def begun(instance: Instance) -> Incumbent:
    return Incumbent(instance, construct(instance), first_floors(instance).objective)


def test_a_bound_counts_if_it_is_higher_and_rounds_up_to_what_an_objective_can_be(instance: Instance) -> None:
    best = begun(instance)
    first = best.bound
    best.raise_bound(Source.CP_SAT, first + 1)
    assert first < best.bound <= best.score.objective
    raised = best.bound
    best.raise_bound(Source.FLOORS, first)
    best.raise_bound(Source.CP_SAT, raised + 1e-9)
    assert best.bound == raised
    assert best.refuted == ()


def test_the_objective_itself_is_a_proof(instance: Instance) -> None:
    best = begun(instance)
    best.raise_bound(Source.CP_SAT, best.score.objective)
    assert best.proven
    assert best.refuted == ()


@pytest.mark.parametrize("above", [1.0, 1e6, math.inf])
def test_a_bound_above_a_known_plan_is_dropped_with_all_of_its_source(
    instance: Instance, above: float
) -> None:
    best = begun(instance)
    floors = best.bound
    best.raise_bound(Source.CP_SAT, best.score.objective - instance.switch_weight)
    best.raise_bound(Source.CP_SAT, best.score.objective + above)
    best.raise_bound(Source.CP_SAT, best.score.objective - instance.switch_weight)
    assert best.bound == floors
    assert best.refuted == (Source.CP_SAT,)


def test_a_bound_that_a_float_can_not_tell_from_the_objective_is_a_proof() -> None:
    best = begun(compile_problem(shop(settings={"late_weight": 10**9})))
    best.raise_bound(Source.CP_SAT, math.nextafter(best.score.objective, math.inf))
    assert best.proven
    assert best.refuted == ()


def test_a_plan_below_the_bound_refutes_it(instance: Instance) -> None:
    best = begun(instance)
    floors, first = best.bound, best.score.objective
    best.raise_bound(Source.CP_SAT, first)
    best.offer(better_layout(instance))
    assert floors == best.bound < best.score.objective < first
    assert best.refuted == (Source.CP_SAT,)


def test_the_plan_says_whose_bounds_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def lie(prover: Any, *_: Any) -> None:
        incumbent = prover._incumbent
        incumbent.raise_bound(Source.CP_SAT, 2 * incumbent.score.objective)

    assert plan(PROBLEM, steps=500, workers=1).warnings == ()
    monkeypatch.setattr(Prover, "minimise_head", lie)
    answer = plan(PROBLEM, steps=500, workers=1)
    assert verify(PROBLEM, answer) == []
    assert answer.status == "FEASIBLE"
    (warning,) = answer.warnings
    assert "CP-SAT" in warning
    assert "report this problem" in warning
