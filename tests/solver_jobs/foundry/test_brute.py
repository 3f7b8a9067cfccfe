"""The planner against every plan that there is, in foundries so small that all can be tried."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from solver_jobs.foundry.instance import compile_problem
from solver_jobs.foundry.problem import FoundryProblem, read_problem
from solver_jobs.foundry.verify import verify
from tests.solver_jobs.foundry.brute import cheapest
from tests.solver_jobs.foundry.shops import MONDAY
from tests.solver_jobs.foundry.test_planner import literal_range, proven
from tests.tier import tier

MOST_DAYS = 8
WEEK = [{"workday_index": day, "date": f"2026-01-{5 + day:02}"} for day in range(5)]
DUES = ["2026-01-02", "2026-01-07", "2026-01-08", "2026-01-09", "2026-01-11", "2026-01-13"]


@st.composite
def tiny_problems(draw: st.DrawFn) -> FoundryProblem:
    """One or two orders of at most two molds, in a week in which everything is scarce."""
    parts = [
        {
            "part_id": f"P{k}",
            "flask_size": draw(st.sampled_from("SM")),
            "cool_hours": draw(st.sampled_from([0, 20])),
            "finish_hours": draw(st.sampled_from([0, 0, 5])),
            "gross_weight_ton": draw(st.sampled_from([0.1, 0.3])),
        }
        for k in range(2)
    ]
    orders: list[dict[str, Any]] = [
        {
            "order_id": f"O{k}",
            "part_id": f"P{draw(st.integers(0, 1))}",
            "qty": draw(st.integers(0, 2)),
            "due_date": draw(st.sampled_from(DUES)),
            "priority": draw(st.sampled_from([100, 50, 250])),
        }
        for k in range(draw(st.integers(1, 2)))
    ]
    data = {
        "asof_date": MONDAY,
        "parts": parts,
        "orders": orders,
        "resources": {
            "flasks_S": draw(st.integers(1, 3)),
            "flasks_M": draw(st.integers(1, 3)),
            "flasks_L": 0,
            "molding_max_per_day": draw(st.integers(1, 3)),
            "molding_max_same_part_per_day": draw(st.integers(1, 2)),
            "pour_max_ton_per_day": draw(st.sampled_from([0.3, 0.6])),
            "max_patterns": draw(st.integers(1, 2)),
        },
        "calendar_workdays": WEEK,
        "initial_patterns_loaded": [
            {"order_id": order["order_id"], "is_loaded": 1} for order in orders if draw(st.booleans())
        ],
        "initial_flask_inuse": [
            {
                "flask_size": "S",
                "release_workday_index": draw(st.integers(0, 2)),
                "qty_inuse": draw(st.integers(0, 3)),
            }
        ],
        "initial_pour_load": [{"workday_index": 1, "tons_committed": draw(st.sampled_from([0, 0.3]))}],
        "settings": {
            "charge_day0_stops": draw(st.booleans()),
            "switch_weight": draw(st.sampled_from([100_000, 700_000, 3_000_000])),
            "restart_weight": draw(st.sampled_from([0, 70_000])),
            "tardiness": False,
            "congestion_threshold": None,
        },
    }
    return read_problem(data)


@settings(
    max_examples=tier(40, 1000),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(problem=tiny_problems())
def test_no_plan_at_all_is_better(problem: FoundryProblem) -> None:
    instance = compile_problem(problem)
    assume(instance.horizon <= MOST_DAYS)
    answer = proven(problem)
    assert verify(problem, answer) == []
    least = cheapest(problem, [day.date for day in answer.calendar_workdays])
    assert answer.summary.objective == least
    assert literal_range(instance) == (least, least)
