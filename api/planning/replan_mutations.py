"""Asking for replans, and carrying a scenario on to a later Monday."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import strawberry

from api.context import Info
from api.database import Connection
from api.foundry import store as foundry
from api.foundry.present import SCENARIO, held, no_scenario, require_present, still_present
from api.foundry.problem import sound_problem, stored_form
from api.foundry.types import Scenario
from api.payloads import UserMistakes, answers_mistakes
from api.planning import store
from api.planning.carrying_on import RUN, carry_on
from api.planning.replan_types import ReplanRun
from api.reads.asking import stored_one
from api.relay import UserError, UserMistake, is_storable, key_of, length_of
from api.roles import Role, require
from solver_jobs.foundry.problem import FoundryPlan, FoundryProblem, read_plan
from solver_jobs.foundry.task import MOST_SECONDS, ReplanTask

ASOF_DATE = ("input", "asofDate")
TIME_LIMIT = ("input", "timeLimitSeconds")
IDEMPOTENCY_KEY = ("input", "idempotencyKey")
WEEKS = ("input", "weeks")
DEFAULT_SECONDS = 60
MOST_WEEKS = 52
LONGEST_KEY = 200


@strawberry.input(description="The scenario to plan.")
class ReplanMondayInput:
    """What to plan, and how long to search."""

    scenario_id: strawberry.ID = strawberry.field(description="Id of the scenario.")
    asof_date: date | None = strawberry.field(
        default=None,
        description="The Monday to plan from: that of the scenario's initial state, which is the default. "
        "Another one is refused, because its state is not known.",
    )
    time_limit_seconds: int | None = strawberry.field(
        default=DEFAULT_SECONDS, description=f"Seconds to search at most, 1 to {MOST_SECONDS}."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="Any text, new for each run that is wanted: asked twice with the same one, the second "
        "answer is the first one's run. Refused with another scenario.",
    )


@strawberry.type(description="The queued replan.")
class ReplanMondayPayload:
    """Answer of `replanMonday`."""

    run: ReplanRun | None = strawberry.field(
        default=None,
        description="The run; follow it with runUpdates. Null if nothing was queued.",
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was queued; empty if all went well."
    )


@strawberry.input(description="The plan that was carried out.")
class RollScenarioInput:
    """What to carry on, and how far."""

    scenario_id: strawberry.ID = strawberry.field(description="Id of the scenario.")
    run_id: strawberry.ID = strawberry.field(description="Id of the replan that was carried out as planned.")
    weeks: int | None = strawberry.field(
        default=1, description=f"Weeks to the Monday that is wanted, 1 to {MOST_WEEKS}."
    )


@strawberry.type(description="The scenario as of the later Monday.")
class RollScenarioPayload:
    """Answer of `rollScenario`."""

    scenario: Scenario | None = strawberry.field(
        default=None, description="The scenario with its new initial state; null if nothing was changed."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if all went well."
    )


@strawberry.type
class ReplanMutations:
    """What can be asked of the foundry planner."""

    @strawberry.mutation(
        description="Plan the molds of each order and working day from the scenario's Monday on. For "
        "planners. The data are checked first; what the run is given is stored with it."
    )
    @answers_mistakes(ReplanMondayPayload)
    async def replan_monday(
        self,
        info: Info,
        input: ReplanMondayInput,  # noqa: A002 - the argument's name in the schema
    ) -> ReplanMondayPayload:
        """Store the problem, queue the run and hand it over."""
        scenario = key_of(input.scenario_id, "Scenario", path=SCENARIO)
        seconds, token = checked_seconds(input.time_limit_seconds), checked_token(input.idempotency_key)
        async with info.context.transaction() as connection:
            await require(connection, Role.PLANNER, "starting a replan")
            key = await _same_run(connection, token, scenario)
            if key is None:
                await require_present(connection, scenario)
                problem = await _problem(connection, scenario, input.asof_date)
                task = ReplanTask(problem=problem, time_limit_seconds=seconds).model_dump(mode="json")
                async with still_present(connection, {scenario: SCENARIO}):
                    key = await store.queue_replan(connection, scenario, problem.asof_date, task, token)
                # Somebody may have asked with the same key while the problem was read.
                await _same_run(connection, token, scenario)
        await info.context.services.dispatcher.hand_over(key)
        return ReplanMondayPayload(run=stored_one(ReplanRun, key))

    @strawberry.mutation(
        description="Carry a scenario on to a later Monday, had a plan of it been carried out as planned: "
        "its initial state becomes that of the later Monday. For planners. Copy it first to keep it as it is."
    )
    @answers_mistakes(RollScenarioPayload)
    async def roll_scenario(
        self,
        info: Info,
        input: RollScenarioInput,  # noqa: A002 - the argument's name in the schema
    ) -> RollScenarioPayload:
        """Replace the scenario's data by those of the later Monday."""
        key = key_of(input.scenario_id, "Scenario", path=SCENARIO)
        run, weeks = key_of(input.run_id, "ReplanRun", path=RUN), _weeks(input.weeks)
        async with info.context.transaction() as connection:
            await require(connection, Role.PLANNER, "rolling a scenario on")
            locked = await held(connection, key)
            plan = await _plan(connection, key, run, locked["asof_date"])
            problem = await _problem(connection, key, None)
            later = await carry_on(connection, problem, run, plan, weeks)
            await _require_sound(later.problem)
            await foundry.put_scenario(connection, locked["name"], stored_form(later.problem))
        return RollScenarioPayload(scenario=stored_one(Scenario, key))


def checked_seconds(asked: int | None) -> int:
    """Give the seconds to search.

    Raises
    ------
    UserMistake
        `TIME_LIMIT_OUT_OF_RANGE`
    """
    seconds = DEFAULT_SECONDS if asked is None else asked
    if not 1 <= seconds <= MOST_SECONDS:
        raise UserMistake(
            "TIME_LIMIT_OUT_OF_RANGE",
            f"timeLimitSeconds is {seconds}; expected 1 to {MOST_SECONDS}.",
            path=TIME_LIMIT,
            hint="A minute is enough for most foundries.",
        )
    return seconds


def checked_token(asked: str | None) -> str | None:
    """Give an idempotency key that can be stored.

    Raises
    ------
    UserMistake
        `IDEMPOTENCY_KEY_INVALID`
    """
    if asked is not None and not (0 < len(asked) <= LONGEST_KEY and is_storable(asked)):
        raise UserMistake(
            "IDEMPOTENCY_KEY_INVALID",
            f"idempotencyKey {length_of(asked)}; expected 1 to {LONGEST_KEY} characters that can be stored.",
            path=IDEMPOTENCY_KEY,
            hint="Use a new UUID for each run that is wanted.",
        )
    return asked


def _weeks(asked: int | None) -> int:
    weeks = 1 if asked is None else asked
    if not 1 <= weeks <= MOST_WEEKS:
        raise UserMistake(
            "WEEKS_OUT_OF_RANGE",
            f"weeks is {weeks}; expected 1 to {MOST_WEEKS}.",
            path=WEEKS,
            hint=f"Roll on by 1 to {MOST_WEEKS} weeks, or leave weeks out for the next Monday.",
        )
    return weeks


async def _require_sound(later: FoundryProblem) -> None:
    """Check that a scenario can be planned and changed once it is that of a later Monday.

    Raises
    ------
    UserMistakes
        It could not; by what, and how to go on.
    """
    try:
        await sound_problem(stored_form(later), RUN, lambda _: ())
    except UserMistakes as several:
        raise UserMistakes(
            [
                UserMistake(
                    mistake.code,
                    f"As of {later.asof_date}, to which the scenario is to be rolled on: {mistake.message}",
                    path=mistake.path,
                    hint=f"{mistake.hint} Do so before you roll the scenario on: setPins takes back pins and "
                    "frozen days.",
                )
                for mistake in several.mistakes
            ]
        ) from several


async def _same_run(connection: Connection, token: str | None, scenario: UUID) -> UUID | None:
    """Find the replan of the scenario that was asked for with this idempotency key."""
    found = await store.run_of_key(connection, token) if token else None
    if found and found["scenario_id"] != scenario:
        other = "another scenario" if found["kind"] == "REPLAN" else f"another kind, {found['kind']}"
        raise UserMistake(
            "IDEMPOTENCY_KEY_USED",
            f"idempotencyKey {token!r} belongs to a run of {other}.",
            path=IDEMPOTENCY_KEY,
            hint="Use a new UUID for each run that is wanted.",
        )
    return found["id"] if found else None


async def _problem(connection: Connection, scenario: UUID, asof_date: date | None) -> FoundryProblem:
    """Read the problem of a scenario, sound as of its Monday."""
    content: dict[str, Any] | None = await foundry.problem(connection, scenario)
    if content is None:
        raise no_scenario()
    monday = date.fromisoformat(content["asof_date"])
    if asof_date not in (None, monday):
        raise UserMistake(
            "ASOF_DATE_UNKNOWN",
            f"asofDate is {asof_date}, and the scenario's initial state is that of Monday, {monday}.",
            path=ASOF_DATE,
            hint="Leave asofDate out, import the state of that Monday, or roll the scenario on to it.",
        )
    problem, _ = await sound_problem(content, SCENARIO)
    return problem


async def _plan(connection: Connection, scenario: UUID, run: UUID, monday: date) -> FoundryPlan:
    """Read the plan of a run, which must be one of the scenario as of its Monday."""
    row = await store.plan(connection, run)
    if row is None or row["scenario_id"] != scenario:
        raise UserMistake(
            "NO_PLAN",
            "There is no run of this scenario with this id that has SUCCEEDED.",
            path=RUN,
            hint="Replan the scenario, and roll it on once the run has SUCCEEDED.",
        )
    if row["asof_date"] != monday:
        raise UserMistake(
            "PLAN_OF_ANOTHER_MONDAY",
            f"The run plans from {row['asof_date']}, and the scenario's initial state is that of {monday}.",
            path=RUN,
            hint="Replan the scenario as of its Monday, and roll it on with that run.",
        )
    if row["what_if"] is not None:
        raise UserMistake(
            "PLAN_OF_A_WHAT_IF",
            "The run planned a what-if: with other data than the scenario's.",
            path=RUN,
            hint="Change the scenario as the what-if did, replan it, and roll it on with that run.",
        )
    return read_plan(row["plan"])
