"""A small shop whose plan was counted by hand, and plans written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from solver_jobs.foundry.instance import Instance, compile_problem
from solver_jobs.foundry.problem import FoundryPlan, FoundryProblem, read_problem
from solver_jobs.foundry.report import make_plan
from solver_jobs.foundry.score import Layout

Molds = Mapping[tuple[str, int], int]

SHOP: dict[str, Any] = {
    "asof_date": "2026-01-05",
    "parts": [
        # L = 1 + 1 + 1 + 1 + 1 = 5, S = 1 + 1 + 1 = 3
        {"part_id": "A", "flask_size": "S", "cool_hours": 24, "finish_hours": 10, "gross_weight_ton": 0.1},
        # L = 1 + 0 + 1 + 0 + 1 = 3, S = 1 + 0 + 1 = 2
        {"part_id": "B", "flask_size": "M", "cool_hours": 0, "finish_hours": 0, "gross_weight_ton": 0.2},
    ],
    "orders": [
        {"order_id": "O1", "part_id": "A", "qty": 5, "due_date": "2026-01-13"},  # Tuesday, day 6
        {"order_id": "O2", "part_id": "A", "qty": 3, "due_date": "2026-01-10"},  # Saturday, so day 4
        {"order_id": "O3", "part_id": "B", "qty": 2, "due_date": "2026-01-09"},  # Friday, day 4
    ],
    "resources": {
        "flasks_S": 6,
        "flasks_M": 3,
        "flasks_L": 1,
        "molding_max_per_day": 4,
        "molding_max_same_part_per_day": 2,
        "pour_max_ton_per_day": 0.5,
        "max_patterns": 2,
    },
    "calendar_workdays": [
        {"workday_index": 5 * week + day, "date": f"2026-01-{5 + 7 * week + day:02}", "week_index": week}
        for week in range(3)
        for day in range(5)
    ],
    "initial_order_progress": [{"order_id": "O1", "molded_qty_credit": 1}],
    "initial_patterns_loaded": [{"order_id": "O3", "is_loaded": 1}],
}

MOLDS: Molds = {
    ("O1", 0): 2,
    ("O1", 1): 2,
    ("O3", 0): 1,
    ("O3", 1): 1,
    ("O2", 2): 2,
    ("O2", 3): 1,
}
"""A plan of SHOP: on time but for O2, which is too late by its lags alone."""


def shop(**changes: Any) -> FoundryProblem:
    """SHOP with other tables; a mapping for `resources` or `settings` changes single entries."""
    data = dict(SHOP)
    for key, value in changes.items():
        data[key] = {**data.get(key, {}), **value} if key in ("resources", "settings") else value
    return read_problem(data)


def layout_of(instance: Instance, molds: Molds, idle: Iterable[tuple[str, int]] = ()) -> Layout:
    """Molds by order and day, the pattern on the line on these days and on the idle ones."""
    row = {order_id: o for o, order_id in enumerate(instance.order_ids)}
    made = np.zeros((instance.n_orders, instance.horizon), np.int64)
    on = np.zeros((instance.n_units, instance.horizon), np.int64)
    for (order_id, day), count in molds.items():
        made[row[order_id], day] += count
        on[instance.unit[row[order_id]], day] = 1
    for order_id, day in idle:
        on[instance.unit[row[order_id]], day] = 1
    return Layout(made, on)


def plan_of(
    problem: FoundryProblem,
    molds: Molds = MOLDS,
    idle: Iterable[tuple[str, int]] = (),
    *,
    bound: float = 0.0,
    days: int | None = None,
) -> FoundryPlan:
    """Write a plan by hand, its summary counted by the solver's side."""
    instance = compile_problem(problem, days)
    return make_plan(instance, layout_of(instance, molds, idle), bound)


def greedy(problem: FoundryProblem) -> FoundryPlan:
    """The plan that proves the horizon long enough."""
    instance = compile_problem(problem)
    on = np.zeros((instance.n_units, instance.horizon), np.int64)
    for o in range(instance.n_orders):
        on[instance.unit[o]] |= instance.fitting[o] > 0
    return make_plan(instance, Layout(instance.fitting, on), 0.0)
