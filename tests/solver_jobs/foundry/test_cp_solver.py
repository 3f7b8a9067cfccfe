"""CP-SAT's proofs hold where its presolve by inclusion certified wrong ones (or-tools issue 5293)."""

import pytest
from ortools.sat.python import cp_model

from solver_jobs.foundry.cp_solver import new_cp_solver
from solver_jobs.foundry.instance import compile_problem
from solver_jobs.foundry.literal import LiteralModel
from solver_jobs.foundry.planner import plan
from solver_jobs.foundry.problem import read_problem
from solver_jobs.foundry.verify import verify
from tests.solver_jobs.foundry.shops import MONDAY

PROBLEM = read_problem(
    {
        "asof_date": MONDAY,
        "parts": [
            {
                "part_id": part,
                "flask_size": size,
                "cool_hours": hours,
                "finish_hours": 0,
                "gross_weight_ton": ton,
            }
            for part, size, hours, ton in (("P0", "M", 30, 0.4), ("P1", "M", 0, 0.4), ("P2", "S", 0, 0.1))
        ],
        "orders": [
            {"order_id": "O0", "part_id": "P0", "qty": 6, "due_date": "2026-01-20"},
            {"order_id": "O1", "part_id": "P2", "qty": 5, "due_date": "2025-12-22"},
            {"order_id": "O2", "part_id": "P1", "qty": 3, "due_date": "2025-12-22"},
        ],
        "resources": {
            "flasks_S": 2,
            "flasks_M": 3,
            "flasks_L": 1,
            "molding_max_per_day": 2,
            "molding_max_same_part_per_day": 2,
            "pour_max_ton_per_day": 0.6,
            "max_patterns": 3,
        },
        "initial_patterns_loaded": [{"order_id": order, "is_loaded": 1} for order in ("O0", "O1")],
        "settings": {"policy": "WEIGHTED", "tardiness": False, "congestion_threshold": None},
    }
)
OPTIMUM = 8 * 1_000_000 + 100_000
"""Two orders were due before the plan begins; the third is on time, and one pattern is put on the line."""


def test_a_plan_of_that_cost_exists() -> None:
    answer = plan(PROBLEM, steps=2_000, workers=1)
    assert verify(PROBLEM, answer) == []
    assert answer.summary.objective == OPTIMUM


@pytest.mark.parametrize("seed", range(12))
def test_the_literal_model_is_solved_to_its_optimum(seed: int) -> None:
    # With the presolve as OR-Tools 9.15 sets it, seeds 1 and 5 are told 9,100,000 as the optimum.
    model, _ = LiteralModel(compile_problem(PROBLEM), wip_weight=0).rows.cp_sat()
    solver = new_cp_solver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed
    assert solver.solve(model) == cp_model.OPTIMAL
    assert solver.best_objective_bound == solver.objective_value == OPTIMUM
