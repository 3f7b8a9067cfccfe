"""Compiles the search and the floors, to be run once at installation: ``python -m solver_jobs.foundry.warm``.

numba keeps what it compiled beside the modules, and the first Monday does not wait for it.
"""

from .planner import plan
from .problem import FoundryPlan, read_problem

_TINY = {
    "asof_date": "2026-01-05",
    "parts": [
        {"part_id": "P", "flask_size": "S", "cool_hours": 10, "finish_hours": 5, "gross_weight_ton": 0.1}
    ],
    "orders": [
        {"order_id": "A", "part_id": "P", "qty": 4, "due_date": "2026-01-14"},
        {"order_id": "B", "part_id": "P", "qty": 3, "due_date": "2026-01-05"},
    ],
    "resources": {
        "flasks_S": 3,
        "flasks_M": 1,
        "flasks_L": 1,
        "molding_max_per_day": 3,
        "molding_max_same_part_per_day": 2,
        "pour_max_ton_per_day": 1,
    },
}


def warm() -> tuple[FoundryPlan, FoundryPlan]:
    """Plan two orders, each with a pattern of its own and with a shared one, through all compiled code."""
    return (
        plan(read_problem(_TINY), steps=64, workers=1),
        plan(read_problem({**_TINY, "settings": {"pattern_unit": "PART"}}), steps=64, workers=1),
    )


if __name__ == "__main__":
    warm()
