"""A Monday's replan without anybody at the desk: the state brought to that Monday, and its run queued."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from api.database import Connection, Row
from api.foundry import store as foundry
from api.foundry.problem import sound_problem, stored_form
from api.planning import store
from api.planning.carrying_on import carry_on
from api.planning.monday_store import Wish, newest_plan
from api.relay import UserMistake
from solver_jobs.foundry.problem import FoundryProblem, read_plan
from solver_jobs.foundry.task import ReplanTask
from solver_jobs.foundry.wording import say_some

SCENARIO = ("scenario",)
LATE = timedelta(hours=1)
"""A run that comes later than this says so."""


async def queue_monday(connection: Connection, wish: Wish, now: datetime) -> UUID:
    """Queue the replan of a Monday, and give the run's key; asked twice, the second answer is the first's.

    A state of an earlier Monday is first carried on as planned, in the scenario itself, in the same
    transaction: what the plan begins with, and what next Monday begins with, is then one and the same.

    Raises
    ------
    UserMistake, UserMistakes
        It can't be planned; why.
    """
    found = await store.run_of_key(connection, wish.token)
    if found is not None:
        known: UUID = found["id"]
        return known
    locked = await foundry.lock(connection, wish.scenario_id)
    if locked is None:
        raise UserMistake("NOT_FOUND", "The scenario is not there any more.")
    notes = _notes(wish, now)
    problem = await _problem(connection, wish.scenario_id)
    if problem.asof_date != wish.monday:
        problem, told = await _carried_on(connection, wish, locked, problem)
        notes += told
    _refuse_nothing(problem)
    task = ReplanTask(problem=problem, time_limit_seconds=wish.time_limit_seconds, notes=tuple(notes))
    content = task.model_dump(mode="json")
    return await store.queue_replan(connection, wish.scenario_id, wish.monday, content, wish.token)


async def failed_task(connection: Connection, wish: Wish) -> dict[str, Any]:
    """Give what a run was to plan that can't be planned: the scenario's data as they are."""
    content = await foundry.problem(connection, wish.scenario_id)
    return {**without_data(wish), "problem": content or {}}


def without_data(wish: Wish) -> dict[str, Any]:
    """Give the same where the data can't be read."""
    return {"problem": {}, "time_limit_seconds": wish.time_limit_seconds}


async def _problem(connection: Connection, scenario: UUID) -> FoundryProblem:
    content = await foundry.problem(connection, scenario)
    problem, _ = await sound_problem(content, SCENARIO)
    return problem


async def _carried_on(
    connection: Connection, wish: Wish, locked: Row, problem: FoundryProblem
) -> tuple[FoundryProblem, list[str]]:
    """Carry the scenario on to the wish's Monday, and say so."""
    state: date = problem.asof_date
    if state > wish.monday:
        raise UserMistake(
            "STATE_OF_LATER_MONDAY",
            f"The scenario's state is that of {state}, after Monday, {wish.monday}.",
            hint="Replan it yourself, or wait for its Monday.",
        )
    newest = await newest_plan(connection, wish.scenario_id, state)
    if newest is None:
        raise UserMistake(
            "STATE_OF_EARLIER_MONDAY",
            f"The scenario's state is that of {state}, and no plan of that Monday has succeeded by which it "
            f"could be carried on to {wish.monday}.",
            hint="Import the state of this Monday, then replan.",
        )
    weeks = (wish.monday - state).days // 7
    later = await carry_on(connection, problem, newest["run_id"], read_plan(newest["plan"]), weeks)
    await foundry.put_scenario(connection, locked["name"], stored_form(later.problem))
    notes = [
        f"The scenario's state was that of {state}: it was carried on by {weeks} "
        f"{'week' if weeks == 1 else 'weeks'} to {wish.monday} as if its newest plan had been carried out as "
        "planned. Import what was really molded, then replan, where the shop did otherwise."
    ]
    if later.retired:
        notes.append(
            "The plan it was carried on by has orders that are none of the scenario any more: "
            f"{say_some(later.retired)}. What was to be molded of them by {wish.monday} holds flasks and "
            "metal."
        )
    # As it is stored, so that the run's problem is the scenario's.
    return await _problem(connection, wish.scenario_id), notes


def _notes(wish: Wish, now: datetime) -> list[str]:
    notes = []
    if now - wish.due_at > LATE:
        zone = _zone(wish.time_zone)
        notes.append(
            f"This replan was due on {wish.due_at.astimezone(zone):%A, %Y-%m-%d at %H:%M}, and could only be "
            f"queued on {now.astimezone(zone):%A, %Y-%m-%d at %H:%M} ({zone.key}): the service was away."
        )
    if wish.time_zone != wish.wanted_time_zone:
        notes.append(
            f"The tenant's time zone {wish.wanted_time_zone!r} is unknown: this Monday began by "
            f"{wish.time_zone}. Let an admin correct it in the tenant's settings."
        )
    return notes


def _zone(name: str) -> ZoneInfo:
    """Give the time zone of this name, or UTC: Postgres knows names that Python doesn't, such as "CEST"."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _refuse_nothing(problem: FoundryProblem) -> None:
    credit: dict[str, int] = {}
    for row in problem.initial_order_progress:
        credit[row.order_id] = credit.get(row.order_id, 0) + row.molded_qty_credit
    if all(order.qty <= credit.get(order.order_id, 0) for order in problem.orders):
        raise UserMistake(
            "NOTHING_TO_PLAN",
            f"All {len(problem.orders)} orders of the scenario are molded."
            if problem.orders
            else "The scenario has no orders.",
            hint="Import the orders that are to be molded.",
        )
