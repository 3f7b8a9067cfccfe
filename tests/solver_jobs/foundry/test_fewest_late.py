"""The fewest late units, pattern changes left out: a floor for every plan, and molds that reach it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver_jobs.foundry.bound import late_floor
from solver_jobs.foundry.construct import complete
from solver_jobs.foundry.fewest_late import Fewest, FewestLate
from solver_jobs.foundry.generate import generate
from solver_jobs.foundry.instance import Instance, compile_problem
from solver_jobs.foundry.planner import plan
from solver_jobs.foundry.problem import FoundryProblem
from solver_jobs.foundry.report import make_plan
from solver_jobs.foundry.verify import verify
from tests.solver_jobs.foundry.shops import pinned_problems, problems
from tests.tier import tier


def fewest(instance: Instance, *, nodes: int | None = None) -> Fewest:
    solve = FewestLate(instance, seconds=60, nodes=nodes)
    solve.start()
    assert solve.join(120)
    return solve.result()


def late_cost(instance: Instance, molds: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]") -> int:
    on_time = np.arange(instance.horizon)[None, :] <= instance.last_on_time[:, None]
    late = instance.remaining - np.where(on_time, molds, 0).sum(axis=1)
    return int((instance.weight * late).sum())


@settings(max_examples=tier(short=60, long=1_000), deadline=None)
@given(st.one_of(problems(), pinned_problems()))
def test_no_plan_has_less(problem: FoundryProblem) -> None:
    instance = compile_problem(problem)
    made = plan(problem, steps=2_000, workers=1)
    late = sum(
        int(weight) * row.late_qty for weight, row in zip(instance.weight, made.order_status, strict=True)
    )
    assert fewest(instance).late_cost <= late


def test_the_molds_reach_the_floor_and_make_a_plan() -> None:
    """Of 105% of what the shop can make."""
    problem = generate("M", 1.05, 302)
    instance = compile_problem(problem)
    found = fewest(instance)
    assert found.molds is not None
    assert found.late_cost == late_cost(instance, found.molds)
    whole = complete(instance, found.molds)
    assert whole is not None
    assert verify(problem, make_plan(instance, whole, 0)) == []
    floors, _ = late_floor(instance, 30)
    assert found.late_cost >= floors.late_cost


def test_an_equal_number_of_nodes_finds_equal_molds() -> None:
    instance = compile_problem(generate("S", 1.05, 301))
    first, second = fewest(instance, nodes=1), fewest(instance, nodes=1)
    assert first.late_cost == second.late_cost
    assert (first.molds is None) == (second.molds is None)
    assert first.molds is None or (first.molds == second.molds).all()


def test_it_ends_when_told_to() -> None:
    solve = FewestLate(compile_problem(generate("L", 1.05, 301)), seconds=1e9)
    solve.start()
    solve.stop()
    assert solve.join(60)
    assert solve.result().late_cost >= 0


def test_it_writes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """A command's standard output is the plan."""
    fewest(compile_problem(generate("S", 1.05, 301)))
    assert capfd.readouterr() == ("", "")
