"""Switching the replans on Mondays on and off."""

from __future__ import annotations

import strawberry

from api.context import Info
from api.foundry.present import SCENARIO, held
from api.foundry.types import Scenario
from api.payloads import answers_mistakes
from api.planning import monday_store
from api.planning.replan_mutations import DEFAULT_SECONDS, checked_seconds
from api.reads.asking import stored_one
from api.relay import UserError, UserMistake, key_of
from api.roles import Role, require
from solver_jobs.foundry.task import MOST_SECONDS

DEFAULT_HOUR = 6


@strawberry.input(description="The scenario, and whether it is replanned on Mondays.")
class SetMondayReplanInput:
    """The switch."""

    scenario_id: strawberry.ID = strawberry.field(description="Id of the scenario.")
    enabled: bool = strawberry.field(description="True: replan it on Mondays; false: no more.")
    hour: int | None = strawberry.field(
        default=DEFAULT_HOUR,
        description="Hour of the day in the tenant's time zone, 0 to 23. Brought forward on a Monday "
        "morning, the replan is due at once.",
    )
    time_limit_seconds: int | None = strawberry.field(
        default=DEFAULT_SECONDS, description=f"Seconds to search at most, 1 to {MOST_SECONDS}."
    )


@strawberry.type(description="The scenario with its switch.")
class SetMondayReplanPayload:
    """Answer of `setMondayReplan`."""

    scenario: Scenario | None = strawberry.field(
        default=None, description="The scenario as it is now; null if nothing was changed."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if all went well."
    )


@strawberry.type
class MondayMutations:
    """What can be asked of Mondays."""

    @strawberry.mutation(
        description="Have a scenario replanned when it is Monday morning in the tenant's time zone. For "
        "planners. A state of an earlier Monday is first carried on, in the scenario itself, as if its "
        "newest plan had been carried out as planned, and the run's warnings say so. What can't be planned "
        "becomes a FAILED run that says why. Mondays that were due before the switch are not made up for."
    )
    @answers_mistakes(SetMondayReplanPayload)
    async def set_monday_replan(
        self,
        info: Info,
        input: SetMondayReplanInput,  # noqa: A002 - the argument's name in the schema
    ) -> SetMondayReplanPayload:
        """Set the switch."""
        key = key_of(input.scenario_id, "Scenario", path=SCENARIO)
        # Who switches it off says nothing of when and how long.
        hour = _hour(input.hour) if input.enabled else None
        seconds = checked_seconds(input.time_limit_seconds if input.enabled else None)
        async with info.context.transaction() as connection:
            await require(connection, Role.PLANNER, "choosing what is replanned on Mondays")
            await held(connection, key)
            await monday_store.set_monday(connection, key, hour, seconds)
        return SetMondayReplanPayload(scenario=stored_one(Scenario, key))


def _hour(asked: int | None) -> int:
    hour = DEFAULT_HOUR if asked is None else asked
    if not 0 <= hour <= 23:
        raise UserMistake(
            "HOUR_OUT_OF_RANGE",
            f"hour is {hour}; expected 0 to 23.",
            path=("input", "hour"),
            hint="Give a full hour of the tenant's time zone, 0 (midnight) to 23, or leave hour out for "
            f"{DEFAULT_HOUR}.",
        )
    return hour
