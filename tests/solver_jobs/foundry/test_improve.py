"""The search: its books stay balanced whatever it does, and it tells costs that other code finds too."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solver_jobs.foundry.anneal import Translation
from solver_jobs.foundry.construct import construct
from solver_jobs.foundry.improve import Aim, Search
from solver_jobs.foundry.instance import compile_problem
from solver_jobs.foundry.problem import FoundryProblem
from solver_jobs.foundry.report import make_plan
from solver_jobs.foundry.score import late_molds, score
from solver_jobs.foundry.verify import verify
from tests.solver_jobs.foundry.shops import pinned_problems, problems
from tests.solver_jobs.foundry.test_planner import shop
from tests.tier import tier

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]
AIMS = [
    Aim(cost=1.0),
    Aim(cost=1e6, tardiness=1.0, forward=0.7),
    Aim(cost=1e9, tardiness=1e3, congestion=1.0, forward=0.7),
    Aim(cost=1e9, tardiness=1e3, moved=1.0, forward=0.7),
]


@settings(max_examples=tier(80, 3000), deadline=None, suppress_health_check=QUIET)
@given(problem=st.one_of(problems(), pinned_problems()), aim=st.sampled_from(AIMS), seed=st.integers(0, 99))
def test_every_plan_of_the_search_keeps_every_rule(problem: FoundryProblem, aim: Aim, seed: int) -> None:
    instance = compile_problem(problem)
    translation = Translation(instance)
    if not len(translation.units):
        return
    search = Search(translation.shop, seed)
    search.aim(aim)
    search.restart(*translation.arrays(construct(instance)))
    search.run(400, 6.0, 0.2)
    layout = translation.layout(*search.plan())
    assert verify(problem, make_plan(instance, layout, 0)) == []


@settings(max_examples=tier(40, 1000), deadline=None, suppress_health_check=QUIET)
@given(problem=st.one_of(problems(), pinned_problems()), seed=st.integers(0, 99))
def test_no_unit_undercuts_the_floor_by_which_plans_are_rejected_early(
    problem: FoundryProblem, seed: int
) -> None:
    instance = compile_problem(problem)
    translation = Translation(instance)
    if not len(translation.units):
        return
    search = Search(translation.shop, seed)
    search.restart(*translation.arrays(construct(instance)))
    search.run(400, 6.0, 0.2)
    assert (search.costs >= search.floors).all()


def test_the_search_counts_what_it_minimises() -> None:
    instance = compile_problem(shop())
    translation = Translation(instance)
    search = Search(translation.shop, 3)
    search.begin()
    search.run(5_000, 6.0, 0.2)
    molds, on = search.plan()
    layout = translation.layout(molds, on)
    late = int((instance.weight * late_molds(instance, layout.molds)).sum())
    ends_on_the_last_day = int(layout.on[:, -1].sum())
    assert search.complete
    assert (
        search.objective == score(instance, layout).objective + ends_on_the_last_day * instance.switch_weight
    )
    assert late <= search.objective


def test_a_search_goes_on_from_a_plan_without_changing_it() -> None:
    instance = compile_problem(shop())
    translation = Translation(instance)
    search = Search(translation.shop, 1)
    molds, on = translation.arrays(construct(instance))
    search.restart(molds, on)
    assert all((a == b).all() for a, b in zip(search.plan(), (molds, on), strict=True))


def test_it_improves_on_the_first_plan() -> None:
    instance = compile_problem(shop())
    translation = Translation(instance)
    search = Search(translation.shop, 1)
    search.begin()
    before = search.objective
    search.run(3_000, 6.0, 0.2)
    assert search.objective < before
    assert search.iterations == 3_000


@pytest.mark.parametrize("aim", AIMS)
def test_the_same_seed_gives_the_same_plan(aim: Aim) -> None:
    found = []
    for _ in range(2):
        translation = Translation(compile_problem(shop()))
        search = Search(translation.shop, 11)
        search.aim(aim)
        search.begin()
        search.run(2_000, 6.0, 0.2)
        found.append(search.plan())
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))
