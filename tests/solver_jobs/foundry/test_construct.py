"""The first plan and the idle pattern days that spare changes."""

from dataclasses import replace
from itertools import product

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from solver_jobs.foundry.construct import complete, construct, lay_patterns, previous
from solver_jobs.foundry.instance import Instance, compile_problem
from solver_jobs.foundry.problem import FoundryProblem
from solver_jobs.foundry.report import make_plan
from solver_jobs.foundry.score import Layout, objective_of
from solver_jobs.foundry.verify import verify
from tests.solver_jobs.foundry.shops import pinned_problems, problems
from tests.solver_jobs.foundry.test_planner import shop
from tests.tier import tier

DEAR_RESTART = [[0, 1, 0, 0, 1], [1, 0, 0, 1, 0], [0, 1, 1, 1, 1]]
"""Of a loaded pattern's two stretches, to its first run and to its second, the dearer is filled."""
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=tier(60, 2000), deadline=None, suppress_health_check=QUIET)
@given(problem=st.one_of(problems(), pinned_problems()))
def test_the_first_plan_keeps_every_rule(problem: FoundryProblem) -> None:
    instance = compile_problem(problem)
    assert verify(problem, make_plan(instance, construct(instance), 0)) == []


def cheapest_by_trial(instance: Instance, molds: np.ndarray) -> int:
    """Least objective over all pattern days that cover the molds: stretches between runs filled or not."""
    used = (molds > 0).astype(np.int64)
    free = [list(map(int, cell)) for cell in np.argwhere(used == 0)]
    best = objective_of(instance, Layout(molds, used))
    for choice in product((0, 1), repeat=len(free)):
        on = used.copy()
        for (o, d), value in zip(free, choice, strict=True):
            on[o, d] = value
        if (on.sum(axis=0) <= instance.max_patterns).all():
            best = min(best, objective_of(instance, Layout(molds, on)))
    return best


@settings(max_examples=tier(40, 400), deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(0, 1), min_size=5, max_size=5), min_size=3, max_size=3),
    places=st.integers(1, 3),
    loaded=st.lists(st.booleans(), min_size=3, max_size=3),
    charged=st.booleans(),
    restart=st.sampled_from([0, 0, 70_000, 500_000]),
)
@example(rows=DEAR_RESTART, places=2, loaded=[True, False, True], charged=False, restart=500_000)
def test_patterns_are_laid_at_the_least_changes(
    rows: list[list[int]], places: int, loaded: list[bool], charged: bool, restart: int
) -> None:
    molds = np.array(rows, np.int64)
    molds[:, molds.sum(axis=0) > places] = 0
    problem = shop(
        3,
        settings={"charge_day0_stops": charged, "restart_weight": restart},
        initial_patterns_loaded=[{"order_id": f"O{k}", "is_loaded": int(on)} for k, on in enumerate(loaded)],
    )
    instance = compile_problem(
        problem.model_copy(
            update={"resources": problem.resources.model_copy(update={"max_patterns": places})}
        )
    )
    short = short_of(instance, 5)
    laid = lay_patterns(short, molds)
    assert (laid.on.sum(axis=0) <= places).all()
    assert (laid.on[molds > 0] == 1).all()
    # A loaded pattern may cost a restart more than it must.
    missed = objective_of(short, laid) - cheapest_by_trial(short, molds)
    assert 0 <= missed <= restart * sum(loaded)


def short_of(instance: Instance, days: int) -> Instance:
    """Cut an instance to its first days, for trials over all pattern days."""
    return replace(instance, horizon=days)


@settings(max_examples=tier(60, 2000), deadline=None, suppress_health_check=QUIET)
@given(problem=pinned_problems(), share=st.floats(0, 1))
def test_a_part_of_a_plan_is_completed_within_the_rules(problem: FoundryProblem, share: float) -> None:
    instance = compile_problem(problem)
    part = np.floor(share * instance.fitting).astype(np.int64)
    whole = complete(instance, part)
    assert whole is None or verify(problem, make_plan(instance, whole, 0)) == []


def test_a_previous_plan_is_taken_up_only_whole() -> None:
    first = compile_problem(shop())
    rows = [
        {"order_id": first.order_ids[o], "workday_index": int(d), "molds": int(first.fitting[o, d])}
        for o, d in np.argwhere(first.fitting > 0)
    ]
    whole = previous(compile_problem(shop(previous_plan=rows)))
    assert whole is not None
    assert (whole.molds == first.fitting).all()
    assert previous(compile_problem(shop(previous_plan=rows[1:]))) is None
    assert previous(compile_problem(shop())) is None
