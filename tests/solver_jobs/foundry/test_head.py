"""The program of the head: every plan has an image in it that costs no more; its plans keep every rule."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ortools.sat.python import cp_model

from solver_jobs.foundry.bound import first_floors
from solver_jobs.foundry.construct import construct
from solver_jobs.foundry.cp_solver import new_cp_solver
from solver_jobs.foundry.head import HeadModel, objective_lattice
from solver_jobs.foundry.instance import Instance, compile_problem
from solver_jobs.foundry.literal import LiteralModel
from solver_jobs.foundry.model import Solve
from solver_jobs.foundry.problem import FoundryProblem
from solver_jobs.foundry.report import make_plan
from solver_jobs.foundry.score import Layout, score
from solver_jobs.foundry.verify import verify
from tests.solver_jobs.foundry.shops import pinned_problems, problems
from tests.solver_jobs.foundry.test_planner import literal_range, shop
from tests.tier import tier

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]
ANY = st.one_of(problems(), pinned_problems())


def image_cost(head: HeadModel, layout: Layout) -> int:
    """Cost of a plan's image in units of the objective; the image must keep every row."""
    value = head.image(layout)
    for row in head.rows.rows:
        total = sum(value[v] * c for v, c in row.terms)
        assert row.lower is None or total >= row.lower
        assert row.upper is None or total <= row.upper
    for v, lower, upper in zip(value, head.rows.lower, head.rows.upper, strict=True):
        assert lower <= v <= upper
    return head.offset + head.step * sum(value[v] * c for v, c in head.rows.cost)


def optimum(instance: Instance) -> tuple[float, list[Layout]]:
    """What the program proves, and the plans that it finds on the way."""
    head = HeadModel(instance)
    head.keep_late_floor(first_floors(instance).late_cost)
    solve, plans, bounds = Solve(workers=1, seed=1), list[Layout](), [-np.inf]
    solve.limit(seconds=None, work=20.0)
    solve.run_head(head, construct(instance), plans.append, bounds.append)
    return bounds[-1], plans


def any_plan(instance: Instance, seed: int) -> Layout:
    """A plan of the literal model that is best for costs drawn by chance, or for the objective (seed 0).

    Where its proof takes too long, it is a good one.
    """
    literal, rng = LiteralModel(instance, wip_weight=0), np.random.default_rng(seed)
    if seed:
        literal.rows.cost = [(v, int(rng.integers(-9, 10))) for v in range(len(literal.rows.upper))]
    model, variables = literal.rows.cp_sat()
    solver = new_cp_solver()
    solver.parameters.num_workers = 1
    solver.parameters.max_deterministic_time = tier(1, 10) / 5
    assert solver.solve(model) in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    return literal.layout(lambda v: solver.value(variables[v]))


@settings(max_examples=tier(60, 2000), deadline=None, suppress_health_check=QUIET)
@given(problem=ANY, seed=st.integers(0, 2**32))
def test_every_plan_has_an_image_that_costs_no_more(problem: FoundryProblem, seed: int) -> None:
    instance = compile_problem(problem)
    for layout in (construct(instance), any_plan(instance, 0), any_plan(instance, seed)):
        assert image_cost(HeadModel(instance), layout) <= score(instance, layout).objective


@settings(max_examples=tier(60, 2000), deadline=None, suppress_health_check=QUIET)
@given(problem=ANY)
def test_no_bound_is_above_the_optimum(problem: FoundryProblem) -> None:
    instance = compile_problem(problem)
    bound, plans = optimum(instance)
    assert bound <= literal_range(instance)[1]
    for layout in plans:
        assert verify(problem, make_plan(instance, layout, 0)) == []


@settings(max_examples=tier(60, 2000), deadline=None, suppress_health_check=QUIET)
@given(problem=ANY)
def test_an_optimum_lies_on_the_lattice(problem: FoundryProblem) -> None:
    instance = compile_problem(problem)
    step, offset = objective_lattice(instance)
    low, high = literal_range(instance)
    if low == high:
        assert (low - offset) % step == 0


@pytest.mark.parametrize(
    "settings_", [{}, {"charge_day0_stops": False}, {"restart_weight": 70_000}, {"pattern_unit": "PART"}]
)
def test_with_room_in_the_tail_the_bound_is_the_optimum(settings_: dict[str, Any]) -> None:
    """Ten orders in a busy shop: the plan that the program is completed to costs what it proves."""
    problem = shop(10, settings=settings_)
    instance = compile_problem(problem)
    bound, plans = optimum(instance)
    assert min(score(instance, layout).objective for layout in plans) == bound
