"""Floors: never above what a plan reaches, whatever their prices, and as high as they should be."""

from fractions import Fraction

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solver_jobs.foundry.bound import (
    Schedule,
    first_floors,
    join,
    joined_floor,
    late_at,
    late_floor,
    least_changes,
    round_up,
)
from solver_jobs.foundry.construct import construct
from solver_jobs.foundry.dual import DualFunction, Prices
from solver_jobs.foundry.generate import generate
from solver_jobs.foundry.instance import Instance, compile_problem
from solver_jobs.foundry.late_program import LateProgram, PriceProgram
from solver_jobs.foundry.planner import plan
from solver_jobs.foundry.problem import FoundryProblem, read_problem
from tests.solver_jobs.foundry.shops import pinned_problems, problems
from tests.solver_jobs.foundry.test_planner import literal_range, shop
from tests.tier import tier

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]


def all_floors(instance: Instance) -> list[int]:
    """Every floor of the objective."""
    first = construct(instance)
    found = [first_floors(instance)]
    floors, prices = late_floor(instance, 10)
    found.append(floors)
    if prices is not None:
        schedule = Schedule(first.molds, first.on[instance.unit])
        found.append(joined_floor(instance, floors, prices, schedule, 10**15, rounds=12, stop=lambda: False))
    return [floors.objective for floors in found]


@settings(max_examples=tier(40, 1000), deadline=None, suppress_health_check=QUIET)
@given(problem=st.one_of(problems(), pinned_problems()))
def test_no_floor_is_above_the_optimum(problem: FoundryProblem) -> None:
    instance = compile_problem(problem)
    floors = all_floors(instance)
    assert floors == sorted(floors)
    assert floors[-1] <= literal_range(instance)[1]


def test_a_loaded_pattern_is_paid_for_once_however_many_orders_of_its_part_are_done() -> None:
    """One mold a day, three loaded parts, two places: the best plan has 2 late and 3 changes."""
    booked = [("O0", "P0", 1, "2026-01-17"), ("O1", "P1", 4, "2026-01-10"), ("O2", "P2", 5, "2026-01-19")]
    done = [("D0", "P0", 3, "2026-01-05"), ("D2", "P2", 3, "2026-01-05")]
    problem = read_problem(
        {
            "asof_date": "2026-01-05",
            "parts": [
                {"part_id": f"P{k}", "flask_size": "S", "cool_hours": 0, "finish_hours": 0}
                | {"gross_weight_ton": 0.1}
                for k in range(3)
            ],
            "orders": [
                dict(zip(("order_id", "part_id", "qty", "due_date"), row, strict=True))
                for row in booked + done
            ],
            "resources": {
                "flasks_S": 6,
                "flasks_M": 0,
                "flasks_L": 0,
                "molding_max_per_day": 1,
                "molding_max_same_part_per_day": 2,
                "pour_max_ton_per_day": 4,
                "max_patterns": 2,
            },
            "initial_order_progress": [
                {"order_id": name, "molded_qty_credit": qty} for name, _, qty, _ in done
            ],
            "initial_patterns_loaded": [{"order_id": name} for name, *_ in booked],
            "settings": {"pattern_unit": "PART"},
        }
    )
    instance = compile_problem(problem)
    assert all_floors(instance)[-1] <= literal_range(instance)[1] == 2_300_000


@settings(max_examples=tier(60, 2000), deadline=None, suppress_health_check=QUIET)
@given(problem=problems(), seed=st.integers(0, 2**32))
def test_any_prices_give_a_floor(problem: FoundryProblem, seed: int) -> None:
    """Weak duality: the cheapest schedules less the value of the capacities, at prices drawn by chance."""
    instance = compile_problem(
        problem.model_copy(update={"settings": problem.settings.model_copy(update={"pattern_unit": "ORDER"})})
    )
    rng, days = np.random.default_rng(seed), instance.horizon
    high = 10.0 ** rng.integers(2, 6)
    places, molds, metal = (rng.random(days) * high * (rng.random(days) < 0.3) / k for k in (1, 2, 300))
    prices = Prices(places, molds, metal, rng.random((3, days)) * high * (rng.random((3, days)) < 0.3))
    dual = DualFunction(instance, instance.weight.astype(np.float64), float(instance.switch_weight))
    made = plan(instance.problem, steps=2_000, workers=1)
    assert dual.evaluate(prices) <= made.summary.objective + 1e-6


def test_the_cheapest_schedule_is_the_one_that_its_cost_says() -> None:
    """Without prices the dual function is the sum of the orders' own optima, and its schedules reach it."""
    instance = compile_problem(shop())
    days = instance.horizon
    dual = DualFunction(instance, instance.weight.astype(np.float64), float(instance.switch_weight))
    value = dual.evaluate(Prices(np.zeros(days), np.zeros(days), np.zeros(days), np.zeros((3, days))))
    assert value == dual.cost().sum()
    assert (dual.molds.sum(axis=1) == instance.remaining[dual.orders]).all()
    assert (dual.molds[dual.line == 0] == 0).all()


def test_both_programs_of_the_late_units_find_the_same_floor() -> None:
    """A book of 1.05 times what the shop can make; the shorter program leaves the links to patterns out."""
    instance = compile_problem(generate("M", 1.05, 3))
    weight = instance.weight.astype(np.float64)
    program = LateProgram(instance, weight)
    dual, prices = program.solve(30), PriceProgram(instance, weight).solve(30)
    assert dual is not None
    assert prices is not None
    assert late_at(instance, prices) == late_at(instance, program.prices(dual))
    assert late_at(instance, prices) > first_floors(instance).late_cost


def test_changes_are_telescoped() -> None:
    """24 orders, 3 of them loaded, 6 places: 2 x 24 - 3 - 6."""
    assert least_changes(compile_problem(shop())) == 39


def test_a_loaded_pattern_that_nobody_needs_costs_a_stop_or_a_place() -> None:
    done = [{"order_id": f"O{k}", "molded_qty_credit": 3 + k * 7 % 11} for k in range(3)]
    charged = shop(initial_order_progress=done)
    free = shop(initial_order_progress=done, settings={"charge_day0_stops": False})
    assert least_changes(compile_problem(charged)) == 2 * 21 + 3 - 6
    assert least_changes(compile_problem(free)) == 2 * 21 - 6


def test_joined_floors_take_the_cheaper_of_late_units_and_changes() -> None:
    """Half a change per late unit: 10 late and 25 changes fall one short of 31; a change repairs it."""
    instance = compile_problem(shop())
    share = Fraction(1, 20)
    assert join(instance, 10_000_000, 25, 3_000_000.0, share) == 12_500_000
    assert join(instance, 10_000_000, 25, 3_100_000.0, share) == 12_600_000
    assert join(instance, 10_000_000, 25, 3_100_000.5, share) == 12_700_000


def test_bounds_are_rounded_up_to_what_the_objective_can_be() -> None:
    assert round_up(1_234_567.0, 100_000) == 1_300_000
    assert round_up(1_300_000.0, 100_000) == 1_300_000
