"""Keeping the scenarios in order: renaming them, and deleting those that are no longer wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import strawberry

from api.context import Info
from api.database import Connection
from api.foundry import store
from api.foundry.mutations import NAME, NAME_HINT, unless_taken
from api.foundry.present import SCENARIO, held
from api.foundry.types import Scenario
from api.payloads import answers_mistakes
from api.reads.asking import stored_one
from api.relay import LONGEST_NAME, UserError, UserMistake, checked_name, key_of, node_id
from api.roles import Role, require
from api.wording import counted
from solver_jobs.foundry.wording import say_some


@strawberry.input(description="The scenario, and what it is to be called.")
class RenameScenarioInput:
    """What to rename."""

    scenario_id: strawberry.ID = strawberry.field(description="Id of the scenario.")
    name: str = strawberry.field(
        description=f"Its new name, 1 to {LONGEST_NAME} characters, that no other scenario of the tenant has."
    )


@strawberry.type(description="The scenario under its new name.")
class RenameScenarioPayload:
    """Answer of `renameScenario`."""

    scenario: Scenario | None = strawberry.field(
        default=None, description="The scenario as it is now; null if nothing was changed."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if all went well."
    )


@strawberry.input(description="The scenario that is no longer wanted.")
class DeleteScenarioInput:
    """What to delete."""

    scenario_id: strawberry.ID = strawberry.field(description="Id of the scenario.")


@strawberry.type(description="What became of the scenario.")
class DeleteScenarioPayload:
    """Answer of `deleteScenario`."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The scenario that was deleted; null if nothing was changed."
    )
    scenario: Scenario | None = strawberry.field(
        default=None,
        description="The scenario where it was archived, because runs of it are kept; null where it was "
        "removed, and if nothing was changed.",
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if all went well."
    )


@strawberry.type
class TidyingMutations:
    """What can be done with scenarios as a whole, once they are there."""

    @strawberry.mutation(
        description="Give a scenario another name; its data, its runs and its replan on Mondays stay as they "
        "are. For planners."
    )
    @answers_mistakes(RenameScenarioPayload)
    async def rename_scenario(
        self,
        info: Info,
        input: RenameScenarioInput,  # noqa: A002 - the argument's name in the schema
    ) -> RenameScenarioPayload:
        """Change the name."""
        key = key_of(input.scenario_id, "Scenario", path=SCENARIO)
        name = checked_name(input.name, NAME, NAME_HINT)
        async with info.context.transaction() as connection:
            await require(connection, Role.PLANNER, "renaming a scenario")
            await held(connection, key)
            with unless_taken(name, "Choose another name, or rename or delete that scenario first."):
                await store.rename(connection, key, name)
        return RenameScenarioPayload(scenario=stored_one(Scenario, key))

    @strawberry.mutation(
        description="Delete a scenario. For planners. One that was never planned is removed with its data. "
        "One that has runs is archived, because every run can be repeated and compared for ever: it is in no "
        "list, is neither changed nor planned any more, on Mondays neither, and its name is free; its runs "
        "and plans stay, and cloneScenario has its data back. Refused for the base scenario, and while runs "
        "of it are QUEUED or RUNNING."
    )
    @answers_mistakes(DeleteScenarioPayload)
    async def delete_scenario(
        self,
        info: Info,
        input: DeleteScenarioInput,  # noqa: A002 - the argument's name in the schema
    ) -> DeleteScenarioPayload:
        """Remove or archive it, as the database finds."""
        key = key_of(input.scenario_id, "Scenario", path=SCENARIO)
        async with info.context.transaction() as connection:
            await require(connection, Role.PLANNER, "deleting a scenario")
            name = await _held(connection, key)
            outcome = await store.delete(connection, key)
        if outcome["fate"] == "IS_BASE":
            raise _is_base(name)
        if outcome["fate"] == "HAS_OPEN_RUNS":
            raise _has_open_runs(name, outcome["runs"])
        archived = stored_one(Scenario, key) if outcome["fate"] == "ARCHIVED" else None
        return DeleteScenarioPayload(deleted_id=input.scenario_id, scenario=archived)


async def _held(connection: Connection, key: UUID) -> str:
    """Hold the scenario for its deletion, and give its name; who asks again learns that it is done."""
    try:
        return str((await held(connection, key))["name"])
    except UserMistake as mistake:
        if mistake.code == "SCENARIO_ARCHIVED":
            hint = "It is deleted already: nothing is left to do. cloneScenario has its data back."
        elif mistake.code == "NOT_FOUND":
            hint = (
                "If it was deleted before, nothing is left to do; if not, take its id from the list of "
                "scenarios."
            )
        else:
            raise
        raise UserMistake(mistake.code, mistake.message, path=mistake.path, hint=hint) from mistake


def _is_base(name: str) -> UserMistake:
    return UserMistake(
        "SCENARIO_IS_BASE",
        f"The scenario {name!r} is the base, which is meant where none is named.",
        path=SCENARIO,
        hint="Make another scenario the base with makeBaseScenario, then delete this one.",
    )


def _has_open_runs(name: str, runs: list[Mapping[str, Any]]) -> UserMistake:
    told = [f"{node_id('ReplanRun', run['id'])} ({run['status']})" for run in runs]
    return UserMistake(
        "SCENARIO_HAS_OPEN_RUNS",
        f"Of the scenario {name!r}, {counted(len(runs), 'run has', 'runs have')} not ended yet: "
        f"{say_some(told)}.",
        path=SCENARIO,
        hint="Cancel them with cancelRun, those of a batch with cancelBatch, or wait until they have ended; "
        "then delete the scenario.",
    )
