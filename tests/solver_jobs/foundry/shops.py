"""Small random foundries for Hypothesis: scarce in everything, so that rules meet, yet quickly solved."""

from typing import Any

from hypothesis import strategies as st
from numpy import argwhere

from solver_jobs.foundry.instance import compile_problem
from solver_jobs.foundry.problem import FoundryProblem, Pin, PlannedMolds, read_problem

MONDAY = "2026-01-05"
DATES = [
    *(f"2025-12-{d:02}" for d in (22, 30)),
    *(f"2026-01-{d:02}" for d in (5, 8, 9, 12, 13, 14, 16, 17, 20, 23, 27)),
]


@st.composite
def parts(draw: st.DrawFn) -> list[dict[str, Any]]:
    """One to three parts, light and heavy, of two sizes."""
    return [
        {
            "part_id": f"P{k}",
            "flask_size": draw(st.sampled_from("SM")),
            "cool_hours": draw(st.sampled_from([0, 20, 30])),
            "finish_hours": draw(st.sampled_from([0, 10])),
            "gross_weight_ton": draw(st.sampled_from([0.1, 0.25, 0.4])),
        }
        for k in range(draw(st.integers(1, 3)))
    ]


@st.composite
def orders(draw: st.DrawFn, known: int) -> list[dict[str, Any]]:
    """Up to four orders, some past due, with priorities."""
    return [
        {
            "order_id": f"O{k}",
            "part_id": f"P{draw(st.integers(0, known - 1))}",
            "qty": draw(st.integers(0, 6)),
            "due_date": draw(st.sampled_from(DATES)),
            "priority": draw(st.sampled_from([100, 100, 50, 250])),
        }
        for k in range(draw(st.integers(1, 4)))
    ]


@st.composite
def settings_of(draw: st.DrawFn) -> dict[str, Any]:
    """Every setting of the objective."""
    return {
        "pattern_unit": draw(st.sampled_from(["ORDER", "PART"])),
        "charge_day0_stops": draw(st.booleans()),
        "use_priority": draw(st.booleans()),
        "switch_weight": draw(st.sampled_from([100_000, 100_000, 300_000, 0])),
        "restart_weight": draw(st.sampled_from([0, 0, 70_000])),
        "tardiness": False,
        "congestion_threshold": None,
    }


@st.composite
def problems(draw: st.DrawFn, *, settings: st.SearchStrategy[dict[str, Any]] | None = None) -> FoundryProblem:
    """A whole small problem."""
    known = draw(parts())
    booked = draw(orders(len(known)))
    same = draw(st.integers(1, 3))
    data: dict[str, Any] = {
        "asof_date": MONDAY,
        "parts": known,
        "orders": booked,
        "resources": {
            "flasks_S": draw(st.integers(1, 5)),
            "flasks_M": draw(st.integers(1, 5)),
            "flasks_L": 1,
            "molding_max_per_day": draw(st.integers(1, 4)),
            "molding_max_same_part_per_day": same,
            "pour_max_ton_per_day": draw(st.sampled_from([0.4, 0.6, 2.0])),
            "max_patterns": draw(st.integers(1, 3)),
        },
        "initial_order_progress": [
            {"order_id": order["order_id"], "molded_qty_credit": draw(st.integers(0, order["qty"]))}
            for order in booked
            if draw(st.booleans())
        ],
        "initial_patterns_loaded": [
            {"order_id": order["order_id"], "is_loaded": 1}
            for order in booked
            if draw(st.integers(0, 2)) == 0
        ],
        "initial_flask_inuse": [
            {
                "flask_size": draw(st.sampled_from("SM")),
                "release_workday_index": draw(st.integers(0, 4)),
                "qty_inuse": draw(st.integers(0, 6)),
            }
            for _ in range(draw(st.integers(0, 2)))
        ],
        "initial_pour_load": [
            {
                "workday_index": draw(st.integers(0, 4)),
                "tons_committed": draw(st.sampled_from([0.1, 0.5, 3.0])),
            }
            for _ in range(draw(st.integers(0, 2)))
        ],
        "settings": draw(settings_of() if settings is None else settings),
    }
    return read_problem(data)


@st.composite
def pinned_problems(draw: st.DrawFn) -> FoundryProblem:
    """A problem with pins and frozen days that a plan can keep: they are taken from one."""
    problem = draw(problems())
    made = compile_problem(problem)
    rows = [
        {"order_id": made.order_ids[o], "workday_index": int(d), "molds": int(made.fitting[o, d])}
        for o, d in argwhere(made.fitting > 0)
    ]
    pins = [row for row in rows if draw(st.integers(0, 3)) == 0]
    days = {(row["order_id"], row["workday_index"]) for row in rows}
    pins += [
        {"order_id": name, "workday_index": d, "molds": 0}
        for name in made.order_ids
        for d in range(4)
        if (name, d) not in days and draw(st.integers(0, 5)) == 0
    ]
    frozen = draw(st.integers(0, 3))
    pins = [pin for pin in pins if pin["workday_index"] >= frozen]
    return problem.model_copy(
        update={
            "previous_plan": tuple(PlannedMolds.model_validate(row) for row in rows),
            "frozen_days": frozen,
            "pins": tuple(Pin.model_validate(pin) for pin in pins),
        }
    )
