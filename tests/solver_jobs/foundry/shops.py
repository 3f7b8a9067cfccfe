"""Small random foundries for Hypothesis: scarce in everything, so that rules meet, and solvable in a moment."""

from typing import Any

from hypothesis import strategies as st

from solver_jobs.foundry.problem import FoundryProblem, read_problem

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
