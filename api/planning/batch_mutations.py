"""Asking for many replans at once, and ending them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import strawberry
from pydantic import ValidationError

from api.context import Info
from api.database import Connection
from api.foundry import store as foundry
from api.foundry.places import Path
from api.foundry.present import no_scenario, require_present, still_present
from api.foundry.problem import sound_problem
from api.payloads import TOO_MANY, UserMistakes, answers_mistakes
from api.planning import batch_store
from api.planning.batch_inputs import WHAT_IF, WhatIfInput, choices_of, require_few
from api.planning.batch_types import RunBatch
from api.planning.replan_mutations import DEFAULT_SECONDS, IDEMPOTENCY_KEY, checked_seconds, checked_token
from api.planning.what_if import WhatIf, changed, each_alone, grid
from api.reads.asking import stored_one
from api.relay import LONGEST_NAME, UserError, UserMistake, checked_name, key_of
from api.roles import Role, require
from solver_jobs.faults import describe_faults
from solver_jobs.foundry.problem import FoundryProblem
from solver_jobs.foundry.task import MOST_SECONDS, ReplanTask

SCENARIOS = ("input", "scenarioIds")
BATCH = ("input", "batchId")
NAME = ("input", "name")
NAME_HINT = "Shorten it, or leave it out."
MOST_MISTAKES = 20
MOST_CHECKED = 30
"""What-ifs of a scenario that are checked in all their combinations."""


@strawberry.input(description="The scenarios to plan, and the what-ifs to try with each.")
class ReplanManyInput:
    """What to plan."""

    scenario_ids: list[strawberry.ID] = strawberry.field(description="Ids of the scenarios, one or more.")
    what_if: WhatIfInput | None = strawberry.field(
        default=None, description="Changes to try with each scenario; without any, each is planned as it is."
    )
    time_limit_seconds: int | None = strawberry.field(
        default=DEFAULT_SECONDS, description=f"Seconds to search each plan at most, 1 to {MOST_SECONDS}."
    )
    name: str | None = strawberry.field(
        default=None, description=f"Name of the batch for people, up to {LONGEST_NAME} characters."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="Any text, new for each batch that is wanted: asked twice with the same one, the second "
        "answer is the first one's batch. Refused with other scenarios.",
    )


@strawberry.type(description="The queued batch.")
class ReplanManyPayload:
    """Answer of `replanMany`."""

    batch: RunBatch | None = strawberry.field(
        default=None, description="The batch; follow it with batchUpdates. Null if nothing was queued."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was queued; empty if all went well."
    )


@strawberry.input(description="The batch to end.")
class CancelBatchInput:
    """What to cancel."""

    batch_id: strawberry.ID = strawberry.field(description="Id of the batch.")
    keep_best: bool | None = strawberry.field(
        default=False,
        description="Let running jobs end SUCCEEDED with their best plans so far; queued ones are cancelled.",
    )


@strawberry.type(description="The batch that was to end.")
class CancelBatchPayload:
    """Answer of `cancelBatch`."""

    batch: RunBatch | None = strawberry.field(
        default=None, description="The batch as it is now; null if nothing was changed."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if all went well."
    )


@strawberry.type
class BatchMutations:
    """What can be asked of many replans at once."""

    @strawberry.mutation(
        description="Plan several scenarios, or a scenario under a grid of what-ifs: one replan for each "
        "combination, all or none of them queued. For planners. Scenarios stay as they are; what each run is "
        "given is stored with it."
    )
    @answers_mistakes(ReplanManyPayload)
    async def replan_many(
        self,
        info: Info,
        input: ReplanManyInput,  # noqa: A002 - the argument's name in the schema
    ) -> ReplanManyPayload:
        """Store all problems, queue the runs and hand each over."""
        scenarios, choices = _scenarios(input.scenario_ids), choices_of(input.what_if)
        require_few(len(scenarios), choices)
        seconds, token = checked_seconds(input.time_limit_seconds), checked_token(input.idempotency_key)
        named = (input.name or "").strip()
        name = checked_name(named, NAME, NAME_HINT) if named else None
        async with info.context.transaction() as connection:
            await require(connection, Role.PLANNER, "starting replans")
            key = await _same_batch(connection, token, scenarios)
            contents = (
                {} if key else {one: await _content(connection, one, scenarios[one]) for one in scenarios}
            )
        wanted = _Wanted(choices, seconds)
        # Outside of any transaction: large problems take seconds to check.
        for scenario, content in contents.items():
            with nullcontext() if len(scenarios) == 1 else _naming(content["name"]):
                problem, _ = await sound_problem(content, scenarios[scenario])
                await wanted.add(scenario, problem)
        async with info.context.transaction() as connection:
            async with still_present(connection, scenarios):
                key = key or await _queue(connection, name, wanted, token)
            # Somebody may have asked with the same key while the problems were checked.
            await _same_batch(connection, token, scenarios)
            runs = await batch_store.runs_of(connection, key)
        for run in runs:
            await info.context.services.dispatcher.hand_over(run)
        return ReplanManyPayload(batch=stored_one(RunBatch, key))

    @strawberry.mutation(
        description="End all runs of a batch that are queued or running. For planners. Plans that are there "
        "stay."
    )
    @answers_mistakes(CancelBatchPayload)
    async def cancel_batch(
        self,
        info: Info,
        input: CancelBatchInput,  # noqa: A002 - the argument's name in the schema
    ) -> CancelBatchPayload:
        """End the runs in the database, then their workers."""
        key = key_of(input.batch_id, "RunBatch", path=BATCH)
        async with info.context.transaction() as connection:
            await require(connection, Role.PLANNER, "cancelling a batch")
            before = await batch_store.state(connection, key)
            if before is None:
                raise UserMistake("NOT_FOUND", "There is no batch with this id in your tenant.", path=BATCH)
            if before["queued"] + before["running"] == 0:
                raise UserMistake(
                    "BATCH_HAS_ENDED",
                    "All runs of the batch have ended already.",
                    path=BATCH,
                    hint="Read their plans, or ask for a new batch.",
                )
            cancelled = await batch_store.cancel(connection, key, keep_best=bool(input.keep_best))
        for run in cancelled:
            await info.context.services.dispatcher.cancel(run)
        return CancelBatchPayload(batch=stored_one(RunBatch, key))


@dataclass
class _Wanted:
    """The runs of a batch, while they are put together."""

    choices: dict[str, Sequence[Any]]
    seconds: int
    runs: list[dict[str, Any]] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)

    async def add(self, scenario: UUID, problem: FoundryProblem) -> None:
        """Add each what-if of a scenario.

        Raises
        ------
        UserMistakes
            Some of them can't be planned.
        """
        what_ifs = list(grid(self.choices))
        # Beyond a few, each value is checked by itself: combinations in which sound values clash are rare,
        # and become failed runs that say why.
        checked = what_ifs if len(what_ifs) <= MOST_CHECKED else each_alone(self.choices)
        await asyncio.to_thread(_require_sound, problem, checked)
        self.tasks += await asyncio.to_thread(_tasks, problem, what_ifs, self.seconds)
        self.runs += [
            {
                "scenario_id": str(scenario),
                "asof_date": problem.asof_date.isoformat(),
                "what_if": what_if.told() if self.choices else None,
            }
            for what_if in what_ifs
        ]


def _require_sound(problem: FoundryProblem, what_ifs: Sequence[WhatIf]) -> None:
    from solver_jobs.foundry.checks import check  # with the tables of numpy, which the start can do without

    mistakes: list[UserMistake] = []
    for what_if in what_ifs:
        try:
            findings = check(changed(problem, what_if))
        except ValidationError as error:
            message = f"With {what_if}: {'; '.join(describe_faults(error)[:3])}"
            mistakes.append(UserMistake("WHAT_IF_OUT_OF_RANGE", message, path=WHAT_IF))
            continue
        mistakes += [
            UserMistake(
                found.code, f"With {what_if}: {found.place}: {found.message}", path=WHAT_IF, hint=found.hint
            )
            for found in findings
            if found.severity == "ERROR"
        ]
    if mistakes:
        raise UserMistakes(mistakes[:MOST_MISTAKES])


def _tasks(problem: FoundryProblem, what_ifs: Sequence[WhatIf], seconds: int) -> list[str]:
    return [
        ReplanTask(
            problem=changed(problem, what_if), time_limit_seconds=what_if.time_limit_seconds or seconds
        ).model_dump_json()
        for what_if in what_ifs
    ]


async def _same_batch(connection: Connection, token: str | None, scenarios: Collection[UUID]) -> UUID | None:
    """Find the batch of these scenarios that was asked for with this idempotency key."""
    found = await batch_store.batch_of_token(connection, token) if token else None
    if found and set(found["scenarios"]) != set(scenarios):
        raise UserMistake(
            "IDEMPOTENCY_KEY_USED",
            f"idempotencyKey {token!r} belongs to a batch of other scenarios.",
            path=IDEMPOTENCY_KEY,
            hint="Use a new UUID for each batch that is wanted.",
        )
    return found["id"] if found else None


async def _queue(connection: Connection, name: str | None, wanted: _Wanted, token: str | None) -> UUID:
    try:
        return await batch_store.queue(connection, name, wanted.runs, wanted.tasks, token)
    except asyncpg.PostgresError as error:
        if error.sqlstate != TOO_MANY:
            raise
        raise UserMistake(
            "TOO_MANY_RUNS",
            str(error),
            path=("input",),
            hint="Wait until some have ended, cancel a batch, or ask for fewer.",
        ) from error


async def _content(connection: Connection, scenario: UUID, path: Sequence[str]) -> dict[str, Any]:
    await require_present(connection, scenario, path)
    content = await foundry.problem(connection, scenario)
    if content is None:
        raise no_scenario(path, scenario)
    return content


@contextmanager
def _naming(scenario: str) -> Iterator[None]:
    """Say in mistakes which of many scenarios they are about."""
    try:
        yield
    except UserMistake as mistake:
        raise _named(mistake, scenario) from mistake
    except UserMistakes as several:
        raise UserMistakes([_named(mistake, scenario) for mistake in several.mistakes]) from several


def _named(mistake: UserMistake, scenario: str) -> UserMistake:
    message = f"Scenario {scenario!r}: {mistake.message}"
    return UserMistake(mistake.code, message, path=mistake.path, hint=mistake.hint)


def _scenarios(asked: Sequence[str]) -> dict[UUID, Path]:
    """Give the keys of the scenarios, and the place of each in the input."""
    places: dict[UUID, Path] = {}
    for position, one in enumerate(asked):
        path = (*SCENARIOS, str(position))
        key = key_of(one, "Scenario", path=path)
        if key in places:
            raise _invalid(f"scenarioIds names {one} twice.", path)
        places[key] = path
    if not places:
        raise _invalid("scenarioIds is empty; expected one or more.", SCENARIOS)
    return places


def _invalid(message: str, path: Path) -> UserMistake:
    return UserMistake("SCENARIOS_INVALID", message, path=path, hint="Name each scenario once.")
