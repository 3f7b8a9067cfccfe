"""Bringing a foundry's data in, copying them, and choosing the base."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import strawberry
from strawberry.scalars import JSON

from api.context import Info
from api.foundry import store
from api.foundry.present import SCENARIO, held, no_scenario
from api.foundry.problem import sound_problem, stored_form
from api.foundry.types import Scenario
from api.payloads import answers_mistakes
from api.reads.asking import stored_one
from api.relay import UserError, UserMistake, checked_name, key_of
from api.roles import Role, require
from solver_jobs.foundry.findings import Finding

NAME = ("input", "name")
PROBLEM = ("input", "problem")
NAME_HINT = "Give the scenario a name, such as that of the foundry."


@strawberry.type(
    description="Something odd about a foundry's data, with which a plan can be made all the same."
)
class ProblemWarning:
    """One finding."""

    code: str = strawberry.field(description="Stable name of the oddity, for programs.")
    message: str = strawberry.field(description="What was found, and what was expected.")
    path: list[str] = strawberry.field(
        description="Where in the problem, from the outside in; of closures and extra days, in the input."
    )
    hint: str = strawberry.field(description="How the plan deals with it, or what to do next.")

    @classmethod
    def of(cls, finding: Finding) -> ProblemWarning:
        """Show a finding."""
        return cls(code=finding.code, message=finding.message, path=list(finding.path), hint=finding.hint)


@strawberry.input(description="A foundry's data.")
class ImportScenarioInput:
    """What to store, and under which name."""

    name: str = strawberry.field(
        description="The scenario's name; one of this name that is there gets these data instead of its own, "
        "and keeps its runs."
    )
    problem: JSON = strawberry.field(
        description="A foundry problem in its JSON form, as `pourplan schema foundry` describes it."
    )


@strawberry.type(description="The scenario with its new data.")
class ImportScenarioPayload:
    """Answer of `importScenario`."""

    scenario: Scenario | None = strawberry.field(
        default=None, description="The scenario; null if nothing was stored."
    )
    warnings: list[ProblemWarning] | None = strawberry.field(
        default=None, description="What is odd about the data that were stored; null if nothing was."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list,
        description="Everything that is wrong about the data, each with its place; empty if all went well.",
    )


@strawberry.input(description="The scenario to copy.")
class CloneScenarioInput:
    """What to copy."""

    scenario_id: strawberry.ID = strawberry.field(description="Id of the scenario.")
    name: str = strawberry.field(description="Name of the copy, new in the tenant.")


@strawberry.type(description="The copy.")
class CloneScenarioPayload:
    """Answer of `cloneScenario`."""

    scenario: Scenario | None = strawberry.field(
        default=None, description="The copy, without any runs; null if nothing was copied."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was copied; empty if all went well."
    )


@strawberry.input(description="The scenario that is to be the base.")
class MakeBaseScenarioInput:
    """What to choose."""

    scenario_id: strawberry.ID = strawberry.field(description="Id of the scenario.")


@strawberry.type(description="The base scenario.")
class MakeBaseScenarioPayload:
    """Answer of `makeBaseScenario`."""

    scenario: Scenario | None = strawberry.field(
        default=None, description="The scenario, now the base; null if nothing was changed."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if all went well."
    )


@strawberry.type
class FoundryMutations:
    """What can be done with a foundry's data."""

    @strawberry.mutation(
        description="Store a foundry's data as a scenario. For planners. All of it is checked first; what "
        "can't be planned is refused with everything that is wrong."
    )
    @answers_mistakes(ImportScenarioPayload)
    async def import_scenario(
        self,
        info: Info,
        input: ImportScenarioInput,  # noqa: A002 - the argument's name in the schema
    ) -> ImportScenarioPayload:
        """Check the data, then replace the scenario's."""
        name = checked_name(input.name, NAME, NAME_HINT)
        async with info.context.transaction() as connection:
            await require(connection, Role.PLANNER, "importing a scenario")
        problem, findings = await sound_problem(input.problem, PROBLEM)
        async with info.context.transaction() as connection:
            key = await store.put_scenario(connection, name, stored_form(problem))
        return ImportScenarioPayload(
            scenario=stored_one(Scenario, key), warnings=[ProblemWarning.of(found) for found in findings]
        )

    @strawberry.mutation(
        description="Copy a scenario under a new name, to try something out, or to have one back that was "
        "deleted. For planners."
    )
    @answers_mistakes(CloneScenarioPayload)
    async def clone_scenario(
        self,
        info: Info,
        input: CloneScenarioInput,  # noqa: A002 - the argument's name in the schema
    ) -> CloneScenarioPayload:
        """Copy all of the scenario's data."""
        key = key_of(input.scenario_id, "Scenario", path=SCENARIO)
        name = checked_name(input.name, NAME, NAME_HINT)
        async with info.context.transaction() as connection:
            await require(connection, Role.PLANNER, "copying a scenario")
            # An archived one is changed by nobody any more, and can be brought back by its copy.
            if await store.lock(connection, key) is None and await store.standing(connection, key) is None:
                raise no_scenario()
            with unless_taken(name, "Choose another name for the copy."):
                copy = await store.clone(connection, key, name)
        return CloneScenarioPayload(scenario=stored_one(Scenario, copy))

    @strawberry.mutation(
        description="Make a scenario the one that is meant where none is named. For planners."
    )
    @answers_mistakes(MakeBaseScenarioPayload)
    async def make_base_scenario(
        self,
        info: Info,
        input: MakeBaseScenarioInput,  # noqa: A002 - the argument's name in the schema
    ) -> MakeBaseScenarioPayload:
        """Move the mark of the base."""
        key = key_of(input.scenario_id, "Scenario", path=SCENARIO)
        async with info.context.transaction() as connection:
            await require(connection, Role.PLANNER, "choosing the base scenario")
            await store.take_turn_as_base(connection)
            await held(connection, key)
            await store.make_base(connection, key)
        return MakeBaseScenarioPayload(scenario=stored_one(Scenario, key))


@contextmanager
def unless_taken(name: str, hint: str) -> Iterator[None]:
    """Tell the user where a scenario can't have a name because another one has it."""
    try:
        yield
    except asyncpg.UniqueViolationError:
        raise UserMistake(
            "NAME_TAKEN", f"There is a scenario named {name!r} already.", path=NAME, hint=hint
        ) from None
