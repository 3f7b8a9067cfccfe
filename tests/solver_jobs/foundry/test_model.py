"""The exact model: each rule binds where it alone is scarce, hints are accepted, tiers don't trade."""

import math
from typing import Any

import pytest

from solver_jobs.foundry.bound import first_floors
from solver_jobs.foundry.construct import construct
from solver_jobs.foundry.instance import compile_problem
from solver_jobs.foundry.model import Answer, ReplanModel, Solve, Tier
from solver_jobs.foundry.problem import FoundryProblem, read_problem
from solver_jobs.foundry.report import make_plan
from solver_jobs.foundry.score import late_molds, score
from solver_jobs.foundry.verify import verify

AMPLE = {
    "flasks_S": 99,
    "flasks_M": 99,
    "flasks_L": 99,
    "molding_max_per_day": 99,
    "molding_max_same_part_per_day": 99,
    "pour_max_ton_per_day": 99,
    "max_patterns": 6,
}


def two_orders(resources: dict[str, Any], **more: Any) -> FoundryProblem:
    """Two orders of 4, due so that molding on days 0 and 1 is on time; lag 3, flasks for 2 days."""
    return read_problem(
        {
            "asof_date": "2026-01-05",
            "parts": [
                {
                    "part_id": part,
                    "flask_size": "S",
                    "cool_hours": 0,
                    "finish_hours": 0,
                    "gross_weight_ton": 0.5,
                }
                for part in "PQ"
            ],
            "orders": [
                {"order_id": name, "part_id": part, "qty": 4, "due_date": "2026-01-09"}
                for name, part in (("A", "P"), ("B", "Q"))
            ],
            "resources": {**AMPLE, **resources},
            **more,
        }
    )


def solve(
    problem: FoundryProblem, tier: Tier = Tier.OBJECTIVE, keep: list[tuple[Tier, int]] | None = None
) -> Answer:
    model = ReplanModel(compile_problem(problem))
    model.minimise(tier, keep or [])
    return solver().run(model, lambda _: None, lambda _: None)


def solver() -> Solve:
    """One thread, 20 seconds."""
    solve = Solve(workers=1, seed=1)
    solve.limit(seconds=20, work=None)
    return solve


@pytest.mark.parametrize(
    ("resources", "late"),
    [
        ({}, 0),
        ({"molding_max_per_day": 3}, 2),
        ({"molding_max_same_part_per_day": 1}, 4),
        ({"pour_max_ton_per_day": 1.5}, 2),
        ({"flasks_S": 5}, 3),
        ({"max_patterns": 1, "molding_max_same_part_per_day": 3}, 2),
    ],
)
def test_each_capacity_binds(resources: dict[str, Any], late: int) -> None:
    problem = two_orders(resources)
    answer = solve(problem)
    assert answer.proven
    assert answer.layout is not None
    instance = compile_problem(problem)
    assert late_molds(instance, answer.layout.molds).sum() == late
    assert verify(problem, make_plan(instance, answer.layout, answer.bound)) == []


def test_orders_of_a_part_share_pattern_and_cap() -> None:
    shared = two_orders(
        {"molding_max_same_part_per_day": 3, "max_patterns": 1}, settings={"pattern_unit": "PART"}
    )
    data = shared.model_dump(mode="json")
    for order in data["orders"]:
        order["part_id"] = "P"
    problem = read_problem(data)
    answer = solve(problem)
    assert answer.layout is not None
    instance = compile_problem(problem)
    assert late_molds(instance, answer.layout.molds).sum() == 2
    assert answer.bound == 2_000_000 + 100_000


def test_lower_tiers_keep_those_above() -> None:
    problem = two_orders({"molding_max_per_day": 3})
    best = solve(problem)
    assert best.layout is not None
    instance = compile_problem(problem)
    kept = [(Tier.OBJECTIVE, ReplanModel(instance).value(Tier.OBJECTIVE, best.layout))]
    early = solve(problem, Tier.TARDINESS, kept)
    assert early.layout is not None
    assert score(instance, early.layout).objective == score(instance, best.layout).objective
    assert score(instance, early.layout).tardiness == 2.0


@pytest.mark.parametrize("tier", Tier)
def test_each_tier_of_a_known_plan_is_what_the_model_counts(tier: Tier) -> None:
    """With priorities whose factor is no whole thousandth, and flasks of earlier weeks that no mold joins."""
    data = two_orders(
        {"flasks_S": 3, "max_patterns": 1, "molding_max_per_day": 1},
        initial_flask_inuse=[{"flask_size": "M", "release_workday_index": 9, "qty_inuse": 95}],
        settings={"congestion_threshold": 0.31, "stability_weight": 1},
        previous_plan=[
            {"order_id": "A", "workday_index": 1, "molds": 2},
            {"order_id": "B", "workday_index": 2, "molds": 4},
        ],
    ).model_dump(mode="json")
    for order, priority in zip(data["orders"], (150, 700), strict=True):
        order["priority"] = priority
    instance = compile_problem(read_problem(data))
    known = construct(instance)
    model = ReplanModel(instance)
    value = model.value(tier, known)
    model.minimise(tier, [(kept, model.value(kept, known)) for kept in Tier])
    for (o, d), x in model.x.items():
        model.model.add(x == int(known.molds[o, d]))
    for (u, d), y in model.y.items():
        model.model.add(y == int(known.on[u, d]))
    answer = solver().run(model, lambda _: None, lambda _: None)
    assert answer.proven
    assert answer.bound == value > 0


def test_a_known_plan_is_a_valid_hint_and_floors_are_valid_cuts() -> None:
    problem = two_orders({"flasks_S": 5})
    instance = compile_problem(problem)
    model = ReplanModel(instance)
    model.keep_floors(first_floors(instance))
    model.minimise(Tier.OBJECTIVE)
    model.hint(construct(instance))
    heard: list[int] = []
    answer = solver().run(
        model, lambda layout: heard.append(score(instance, layout).objective), lambda _: None
    )
    assert answer.proven
    assert heard
    assert heard[0] <= score(instance, construct(instance)).objective
    assert heard[-1] == answer.bound


def test_a_solve_that_is_stopped_before_it_began_does_not_begin() -> None:
    model = ReplanModel(compile_problem(two_orders({})))
    model.minimise(Tier.OBJECTIVE)
    stopped = solver()
    stopped.stop()
    assert stopped.run(model, lambda _: None, lambda _: None) == Answer(None, -math.inf, proven=False)
