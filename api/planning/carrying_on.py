"""Carries a scenario's problem on to a later Monday, by a plan that was made for it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from api.database import Connection
from api.planning import store
from api.relay import UserMistake
from solver_jobs.errors import JobError
from solver_jobs.foundry.problem import FoundryPlan, FoundryProblem, Part, read_problem

RUN = ("input", "runId")


@dataclass(frozen=True, slots=True)
class CarriedOn:
    """The problem of the later Monday, and the orders of the plan that the scenario has no more."""

    problem: FoundryProblem
    retired: tuple[str, ...]


async def carry_on(
    connection: Connection, problem: FoundryProblem, run: UUID, plan: FoundryPlan, weeks: int
) -> CarriedOn:
    """Give the problem of a later Monday, had the plan of this run been carried out as planned.

    Raises
    ------
    UserMistake
        The plan does not fit the problem.
    """
    from solver_jobs.foundry.roll import orders_of, roll  # with numpy, which the start can do without

    gone = orders_of(plan) - {order.order_id for order in problem.orders}
    parts = await _parts_of(connection, run, gone) if gone else {}
    try:
        later = roll(problem, plan, weeks, parts)
    except JobError as error:
        raise UserMistake(error.code, error.message, path=RUN, hint=error.hint) from error
    return CarriedOn(later, tuple(sorted(gone)))


async def _parts_of(connection: Connection, run: UUID, orders: frozenset[str]) -> dict[str, Part]:
    """Give the parts of orders as the run knew them."""
    task = await store.task(connection, run)
    planned = read_problem(task["problem"])
    parts = {part.part_id: part for part in planned.parts}
    return {order.order_id: parts[order.part_id] for order in planned.orders if order.order_id in orders}
