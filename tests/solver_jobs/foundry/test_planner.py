"""The planner against the specification's model solved to optimality; its promises on time and repetition."""

import threading
import time
from datetime import date
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ortools.sat.python import cp_model

from solver_jobs.foundry.construct import PinsImpossible
from solver_jobs.foundry.cp_solver import new_cp_solver
from solver_jobs.foundry.generate import generate
from solver_jobs.foundry.instance import Instance, compile_problem
from solver_jobs.foundry.literal import LiteralModel
from solver_jobs.foundry.planner import Progress, plan
from solver_jobs.foundry.portfolio import GRACE_STEPS, Effort, Portfolio
from solver_jobs.foundry.problem import FoundryPlan, FoundryProblem, Pin, read_problem
from solver_jobs.foundry.verify import verify
from tests.solver_jobs.foundry.shops import MONDAY, pinned_problems, problems
from tests.tier import tier

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]
EFFORTS = (2_000, 20_000, 200_000)
"""Steps of a search that should end with a proof; most problems need the fewest."""


def literal_range(instance: Instance) -> tuple[int, int]:
    """Between which figures the literal model's optimum lies: equal, but where its proof takes too long."""
    model, _ = LiteralModel(instance, wip_weight=0).rows.cp_sat()
    solver = new_cp_solver()
    solver.parameters.num_workers = 1
    solver.parameters.max_deterministic_time = tier(1, 10)
    assert solver.solve(model) in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    return round(solver.best_objective_bound), round(solver.objective_value)


def shop(orders: int = 24, **more: Any) -> FoundryProblem:
    """A foundry with `orders` orders, too many for its flasks and metal; not proven in a moment."""
    return read_problem(
        {
            "asof_date": MONDAY,
            "parts": [
                {
                    "part_id": f"P{k}",
                    "flask_size": "SML"[k % 3],
                    "cool_hours": 10 + 9 * k,
                    "finish_hours": 8 * (k % 4),
                    "gross_weight_ton": 0.1 + 0.13 * k,
                }
                for k in range(7)
            ],
            "orders": [
                {
                    "order_id": f"O{k}",
                    "part_id": f"P{k * 5 % 7}",
                    "qty": 3 + k * 7 % 11,
                    "due_date": date(2026, 1, 12 + k * 3 % 20).isoformat(),
                }
                for k in range(orders)
            ],
            "resources": {
                "flasks_S": 14,
                "flasks_M": 13,
                "flasks_L": 11,
                "molding_max_per_day": 12,
                "molding_max_same_part_per_day": 4,
                "pour_max_ton_per_day": 5,
            },
            "initial_patterns_loaded": [{"order_id": f"O{k}", "is_loaded": 1} for k in range(3)],
            **more,
        }
    )


def searched(problem: FoundryProblem) -> FoundryPlan:
    """The plan of a small problem, proven but for one in thousands."""
    for steps in EFFORTS:
        answer = plan(problem, steps=steps, workers=1)
        assert verify(problem, answer) == []
        if answer.status == "OPTIMAL":
            break
    return answer


def proven(problem: FoundryProblem) -> FoundryPlan:
    """The plan of a small problem that is proven."""
    answer = searched(problem)
    assert answer.status == "OPTIMAL"
    return answer


def assert_optimum(answer: FoundryPlan, literal: tuple[int, int]) -> None:
    """Objective and bound of a plan agree with the literal model's optimum."""
    low, high = literal
    assert low <= answer.summary.objective
    assert answer.summary.bound <= high


def molds(answer: FoundryPlan) -> dict[tuple[str, int], int]:
    """Molds by order and day."""
    return {(row.order_id, row.workday_index): row.molds for row in answer.x}


@settings(max_examples=tier(100, 3000), deadline=None, suppress_health_check=QUIET)
@given(problem=problems())
def test_proven_optimum_is_the_literal_models(problem: FoundryProblem) -> None:
    assert_optimum(searched(problem), literal_range(compile_problem(problem)))


@settings(max_examples=tier(40, 1000), deadline=None, suppress_health_check=QUIET)
@given(problem=pinned_problems())
def test_pins_and_frozen_days_are_kept_at_the_least_cost(problem: FoundryProblem) -> None:
    assert_optimum(searched(problem), literal_range(compile_problem(problem)))


@settings(max_examples=tier(10, 500), deadline=None, suppress_health_check=QUIET)
@given(
    problem=problems(
        settings=st.fixed_dictionaries(
            {
                "policy": st.just("LEXICOGRAPHIC"),
                "late_weight": st.sampled_from([1, 10, 1000]),
                "switch_weight": st.sampled_from([100, 5000]),
                "use_priority": st.just(False),
                "tardiness": st.just(False),
                "congestion_threshold": st.none(),
            }
        )
    )
)
def test_lexicographic_never_trades_a_late_unit(problem: FoundryProblem) -> None:
    answer = searched(problem)
    instance = compile_problem(problem)
    low, high = literal_range(instance.weighing_late(10**6))
    assert low // 10**6 <= answer.summary.late
    assert answer.summary.late <= high // 10**6 or answer.status == "FEASIBLE"
    assert_optimum(answer, literal_range(instance.weighing_late(answer.summary.late_weight)))


def test_lexicographic_never_trades_a_unit_for_one_of_nearly_its_priority() -> None:
    """The order of priority 1000 weighs a tenth, the others a ninth: they differ by less than a change."""
    booked = [("O0", "P0", 6, "2026-01-23", 900), ("O1", "P1", 2, "2026-01-14", 900)]
    booked += [("O2", "P0", 3, "2026-01-15", 1000), ("O3", "P1", 4, "2026-01-16", 900)]
    problem = read_problem(
        {
            "asof_date": MONDAY,
            "parts": [
                {"part_id": part_id, "flask_size": size, "cool_hours": 0, "finish_hours": 0}
                | {"gross_weight_ton": 0.1}
                for part_id, size in (("P0", "S"), ("P1", "M"))
            ],
            "orders": [
                dict(zip(("order_id", "part_id", "qty", "due_date", "priority"), row, strict=True))
                for row in booked
            ],
            "resources": {
                "flasks_S": 2,
                "flasks_M": 1,
                "flasks_L": 0,
                "molding_max_per_day": 2,
                "molding_max_same_part_per_day": 1,
                "pour_max_ton_per_day": 4,
                "max_patterns": 1,
            },
            "settings": {"policy": "LEXICOGRAPHIC"},
        }
    )
    late = {row.order_id: row.late_qty for row in proven(problem).order_status}
    assert sum(late.values()) == 3
    assert late["O2"] == 1


def test_nothing_outlives_a_run_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ArithmeticError("the search fails")

    monkeypatch.setattr("solver_jobs.foundry.anneal.Annealing.run", fails)
    before = threading.active_count()
    with pytest.raises(ArithmeticError, match="the search fails"):
        plan(generate("M", 0.9, 1), time_limit=60, workers=2)
    assert threading.active_count() == before


def test_the_same_steps_and_seed_give_the_same_plan() -> None:
    first, again = (plan(shop(), steps=2_000, workers=2, seed=5) for _ in range(2))
    assert (first.x, first.y) == (again.x, again.y)
    assert first.summary.bound == again.summary.bound


@pytest.mark.parametrize("pattern_unit", ["ORDER", "PART"])
def test_late_units_do_not_starve(pattern_unit: str) -> None:
    """A unit that is late anyway is not pushed to the horizon's end."""
    eager = plan(shop(settings={"pattern_unit": pattern_unit}), steps=2_000)
    careless = plan(shop(settings={"pattern_unit": pattern_unit, "tardiness": False}), steps=2_000)
    assert eager.summary.objective <= careless.summary.objective * 1.02
    assert eager.summary.tardiness < careless.summary.tardiness


def test_the_previous_plan_is_kept_where_that_costs_nothing() -> None:
    before = proven(shop(8))
    previous = [row.model_dump() for row in before.x]
    tiers = {"tardiness": False, "congestion_threshold": None}
    steady = proven(shop(8, previous_plan=previous, settings={**tiers, "stability_weight": 1}))
    careless = proven(shop(8, previous_plan=previous, settings=tiers))
    assert steady.summary.objective == careless.summary.objective == before.summary.objective
    assert molds(steady) == molds(before)
    assert molds(careless) != molds(before)


def test_little_moves_when_an_order_is_added() -> None:
    before = plan(shop(23), steps=2_000)
    previous = [row.model_dump() for row in before.x]
    tiers = {"tardiness": False, "congestion_threshold": None}
    steady = plan(
        shop(previous_plan=previous, settings={**tiers, "stability_weight": 1}), steps=2_000, seed=2
    )
    careless = plan(shop(previous_plan=previous, settings=tiers), steps=2_000, seed=2)
    assert steady.summary.objective <= careless.summary.objective * 1.02
    assert steady.summary.stability < careless.summary.stability


def test_frozen_days_equal_the_previous_plan() -> None:
    before = plan(shop(), steps=2_000)
    problem = shop(previous_plan=[row.model_dump() for row in before.x], frozen_days=5)
    after = plan(problem, steps=2_000, seed=3)
    assert verify(problem, after) == []
    assert {k: v for k, v in molds(after).items() if k[1] < 5} == {
        k: v for k, v in molds(before).items() if k[1] < 5
    }


def test_pins_that_no_plan_can_keep_are_named() -> None:
    problem = shop(pins=[{"order_id": f"O{k}", "workday_index": 2, "molds": 3} for k in range(7)])
    with pytest.raises(PinsImpossible) as refused:
        plan(problem, steps=100)
    assert any(text.startswith("Workday 2: pattern places 1 short") for text in refused.value.details)
    assert any(text.startswith("Workday 2: molding capacity 9 short") for text in refused.value.details)


def test_pins_beyond_what_is_left_are_named() -> None:
    problem = shop().model_copy(
        update={"pins": tuple(Pin(order_id="O0", workday_index=d, molds=2) for d in (1, 3))}
    )
    with pytest.raises(PinsImpossible) as refused:
        plan(problem, steps=100)
    assert refused.value.details == ["Order O0: 4 molds pinned, 3 left to mold."]


def test_nothing_left_to_mold_needs_no_plan() -> None:
    problem = shop(
        initial_order_progress=[{"order_id": f"O{k}", "molded_qty_credit": 3 + k * 7 % 11} for k in range(24)]
    )
    answer = plan(problem, time_limit=2)
    assert verify(problem, answer) == []
    assert (answer.x, answer.status, answer.summary.objective) == ((), "OPTIMAL", 0)


def test_progress_is_told_until_the_time_is_over() -> None:
    heard: list[Progress] = []
    answer = plan(shop(40), time_limit=2.5, listener=heard.append)
    assert verify(shop(40), answer) == []
    assert len(heard) >= 3
    assert heard[-1].percent == 100
    assert all(p.bound <= p.objective for p in heard)
    assert [p.objective for p in heard] == sorted((p.objective for p in heard), reverse=True)
    assert heard[-1].objective == answer.summary.objective


def test_stopped_it_answers_with_the_best_plan_so_far() -> None:
    stop = threading.Event()
    threading.Timer(0.6, stop.set).start()
    answer = plan(shop(40), time_limit=3600, stop=stop.is_set)
    assert answer.summary.stopped_early
    assert verify(shop(40), answer) == []


@pytest.mark.parametrize("size", ["M", "L"])
def test_stopped_in_the_middle_it_still_pulls_late_units_forward(size: str) -> None:
    """Else those who replan and stop every Monday would never see them made."""
    problem = generate(size, 1.05, 3)
    told: list[Progress] = []
    answer = plan(
        problem,
        time_limit=300,
        listener=told.append,
        stop=lambda: len(told) > 3,
        # Seconds of work of a machine a tenth as fast: a loaded one has no less of them.
        clock=lambda: 5 * time.process_time(),
    )
    assert answer.summary.stopped_early
    instance = compile_problem(problem)
    last_on_time = dict(zip(instance.order_ids, instance.last_on_time.tolist(), strict=True))
    days = [
        row.workday_index
        for row in answer.x
        if row.workday_index > last_on_time[row.order_id]
        for _ in range(row.molds)
    ]
    assert days
    assert sum(days) / len(days) < 0.75 * instance.horizon


def test_whoever_listens_and_fails_ends_the_search() -> None:
    def fails(_: Progress) -> None:
        raise OSError("nobody listens")

    with pytest.raises(OSError, match="nobody listens"):
        plan(shop(), time_limit=300, listener=fails)
    assert "foundry-portfolio" not in {thread.name for thread in threading.enumerate()}


def test_a_proof_that_begins_after_the_halt_is_ended_as_well() -> None:
    class Begun:
        ended = 0

        def stop(self) -> None:
            self.ended += 1

    portfolio = Portfolio(compile_problem(shop()), Effort(300, 1, 1), time.monotonic)
    portfolio.halt()
    begun = Begun()
    portfolio._prover._solve = begun  # type: ignore[assignment]
    portfolio.watch()
    assert begun.ended == 1


def test_a_program_that_the_solver_gives_up_costs_a_floor_and_no_plan() -> None:
    """GLOP calls a program of this run abnormal, and MathOpt fails to tell so."""
    answer = plan(generate("M", 1.05, 2026), steps=50, workers=1, seed=9)
    assert 0 < answer.summary.bound < answer.summary.objective


def test_series_of_many_thousand_molds_are_planned_as_well() -> None:
    problem = generate("S", 0.9, 1)
    thousandfold = {
        "orders": [order.model_copy(update={"qty": 1000 * order.qty}) for order in problem.orders],
        "initial_order_progress": (),
        "initial_flask_inuse": (),
        "resources": problem.resources.model_copy(
            update={
                name: 1000 * getattr(problem.resources, name)
                for name in (
                    *("flasks_S", "flasks_M", "flasks_L"),
                    *("molding_max_per_day", "molding_max_same_part_per_day", "pour_max_ton_per_day"),
                )
            }
        ),
    }
    series = problem.model_copy(update=thousandfold)
    answer = plan(series, steps=50, workers=1)
    assert verify(series, answer) == []


def test_parts_that_weigh_nothing_need_no_metal() -> None:
    """The only metal of Tuesday is committed; what is molded on Monday is poured then."""
    problem = read_problem(
        {
            "asof_date": MONDAY,
            "parts": [
                {"part_id": "P", "flask_size": "S", "cool_hours": 0, "finish_hours": 0, "gross_weight_ton": 0}
            ],
            "orders": [
                {"order_id": "A", "part_id": "P", "qty": 2, "due_date": "2026-01-08"},
                {"order_id": "B", "part_id": "P", "qty": 1, "due_date": "2026-01-08", "priority": 10},
            ],
            "resources": {
                "flasks_S": 5,
                "flasks_M": 1,
                "flasks_L": 1,
                "molding_max_per_day": 1,
                "molding_max_same_part_per_day": 1,
                "pour_max_ton_per_day": 1,
                "max_patterns": 1,
            },
            "initial_pour_load": [{"workday_index": 1, "tons_committed": 1}],
        }
    )
    assert proven(problem).summary.objective == literal_range(compile_problem(problem))[1] == 2_300_000


TIERS: dict[str, list[Any]] = {
    "tardiness": [True, False],
    "congestion_threshold": [0.85, None],
    "stability_weight": [1.0, 0.0],
    "policy": ["WEIGHTED", "LEXICOGRAPHIC"],
}


@pytest.mark.parametrize(
    "chosen", [dict(zip(TIERS, values, strict=True)) for values in product(*TIERS.values())]
)
def test_tiers_are_weighed_within_the_digits_of_a_float_and_those_switched_off_not_at_all(
    chosen: dict[str, Any],
) -> None:
    problem = shop(settings=chosen, previous_plan=[])
    portfolio = Portfolio(compile_problem(problem), Effort(1, 1, 1), time.monotonic)
    changes = portfolio.incumbent.score.objective / problem.settings.switch_weight
    tiers = portfolio._tiers()
    assert len(tiers) == sum(map(bool, list(chosen.values())[:3]))
    for _, aim in tiers:
        weights = {
            "tardiness": aim.tardiness,
            "congestion_threshold": aim.congestion,
            "stability_weight": aim.moved,
        }
        assert all(weight == 0 for name, weight in weights.items() if not chosen[name])
        assert min(weight for weight in weights.values() if weight) == 1
        assert changes * aim.cost <= 2**52


def test_stopped_at_once_it_still_has_a_plan() -> None:
    answer = plan(shop(40), time_limit=60, stop=lambda: True)
    assert verify(shop(40), answer) == []


def test_a_halted_run_polishes_by_steps_whatever_the_clock_says() -> None:
    instance = compile_problem(shop())
    portfolio = Portfolio(instance, Effort(time_limit=60, workers=1, seed=1), clock=lambda: 0.0)
    first = portfolio.incumbent.score
    portfolio.halt()
    portfolio.run()
    assert portfolio.incumbent.score < first
    assert portfolio._annealing is not None
    assert portfolio._annealing.iterations >= GRACE_STEPS
