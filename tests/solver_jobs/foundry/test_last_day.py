"""Molds of the last day are poured on the day after it: whoever makes or judges a plan counts their metal."""

from collections.abc import Callable

import numpy as np
import pytest
from ortools.sat.python import cp_model

from solver_jobs.foundry.anneal import Translation
from solver_jobs.foundry.board import Board
from solver_jobs.foundry.construct import complete
from solver_jobs.foundry.cp_solver import new_cp_solver
from solver_jobs.foundry.dual import day_caps
from solver_jobs.foundry.head import HeadModel
from solver_jobs.foundry.improve import Search
from solver_jobs.foundry.instance import Instance, compile_problem
from solver_jobs.foundry.literal import LiteralModel
from solver_jobs.foundry.model import ReplanModel, Tier
from solver_jobs.foundry.problem import FoundryProblem, read_problem
from solver_jobs.foundry.report import make_plan
from solver_jobs.foundry.score import Layout
from solver_jobs.foundry.verify import verify

DAYS = 3


def shop(molds: int) -> FoundryProblem:
    """Three days, the first of them forbidden, and metal for two molds a day; all would be on time."""
    return read_problem(
        {
            "asof_date": "2026-01-05",
            "parts": [
                {
                    "part_id": "P",
                    "flask_size": "S",
                    "cool_hours": 0,
                    "finish_hours": 0,
                    "gross_weight_ton": 0.5,
                }
            ],
            "orders": [{"order_id": "A", "part_id": "P", "qty": molds, "due_date": "2026-01-12"}],
            "resources": {
                "flasks_S": 99,
                "flasks_M": 1,
                "flasks_L": 1,
                "molding_max_per_day": 99,
                "molding_max_same_part_per_day": 99,
                "pour_max_ton_per_day": 1.1,
            },
            "initial_pour_load": [{"workday_index": DAYS, "tons_committed": 0.1}],
            "pins": [{"order_id": "A", "workday_index": 0, "molds": 0}],
        }
    )


def solved(model: cp_model.CpModel) -> cp_model.CpSolver | None:
    solver = new_cp_solver()
    solver.parameters.num_workers = 1
    return solver if solver.solve(model) == cp_model.OPTIMAL else None


def exact(instance: Instance) -> bool:
    model = ReplanModel(instance)
    model.minimise(Tier.OBJECTIVE)
    return solved(model.model) is not None


def literal(instance: Instance) -> bool:
    model, _ = LiteralModel(instance).rows.cp_sat()
    return solved(model) is not None


def head(instance: Instance) -> bool:
    """Whether the head has room for all that can be on time in it."""
    program = HeadModel(instance)
    model, variables = program.rows.cp_sat()
    solver = solved(model)
    assert solver is not None
    return all(solver.value(variables[late]) == 0 for late in program.late.values())


def completion(instance: Instance) -> bool:
    return complete(instance, np.zeros((1, DAYS), np.int64)) is not None


def search(instance: Instance) -> bool:
    found = Search(Translation(instance).shop, 1)
    found.begin()
    return found.complete


@pytest.mark.parametrize("planner", [exact, literal, head, completion, search])
def test_no_planner_has_more_metal_than_there_is(planner: Callable[[Instance], bool]) -> None:
    assert planner(compile_problem(shop(4), DAYS))
    assert not planner(compile_problem(shop(5), DAYS))


def test_no_order_is_thought_to_pour_more() -> None:
    _, most = day_caps(compile_problem(shop(9), DAYS))
    assert most.tolist() == [[0, 2, 2]]


@pytest.mark.parametrize(("last", "broken"), [(2, False), (3, True)])
def test_a_plan_is_judged_by_it(last: int, broken: bool) -> None:
    problem = shop(2 + last)
    molds = np.array([[0, 2, last]], np.int64)
    plan = make_plan(compile_problem(problem, DAYS), Layout(molds, np.minimum(molds, 1)), 0)
    said = (
        "day 3 (Thu 2026-01-08): 1500 kg to pour beside 100 kg committed, "
        "the shop pours at most 1100 kg (9.4)."
    )
    assert verify(problem, plan) == ([said] if broken else [])
    assert Board(problem, plan).metal_left.tolist() == [1100, 100, 1000 - 500 * last]
