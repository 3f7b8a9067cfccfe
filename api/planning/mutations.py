"""Asking for runs, and cancelling them."""

from __future__ import annotations

from enum import Enum

import strawberry

from api.context import Info
from api.payloads import answers_mistakes
from api.planning import forecast_problem, store
from api.planning.types import RUN_TYPE_NAMES, RUN_TYPES, ForecastRun, PlanRun, RunStatus
from api.reads.asking import stored_one
from api.relay import UserError, UserMistake, described_enum, key_of
from api.roles import Role, require
from api.scalars import Month

RUN = ("input", "runId")


@described_enum(
    "How shares of a group become whole heats.",
    {
        "LARGEST_REMAINDER": "The heats of a group add up to its order forecast, exactly.",
        "ROUND_UP": "Every grade up to the next heat; a warning tells how far that exceeds the order book.",
    },
)
class Rounding(Enum):
    """Rules of apportionment."""

    LARGEST_REMAINDER = "LARGEST_REMAINDER"
    ROUND_UP = "ROUND_UP"


@strawberry.input(description="The month to forecast.")
class RunForecastInput:
    """What to forecast."""

    month: Month = strawberry.field(description="The month whose heats are wanted.")
    rounding: Rounding | None = strawberry.field(
        default=Rounding.LARGEST_REMAINDER, description="How shares become whole heats."
    )


@strawberry.type(description="The queued forecast.")
class RunForecastPayload:
    """Answer of `runForecast`."""

    run: ForecastRun | None = strawberry.field(
        default=None,
        description="The run, QUEUED; follow it with runUpdates. Null if nothing was queued.",
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was queued; empty if all went well."
    )


@strawberry.input(description="The run to end.")
class CancelRunInput:
    """What to cancel."""

    run_id: strawberry.ID = strawberry.field(description="Id of the run.")
    keep_best: bool | None = strawberry.field(
        default=False,
        description="Let a running job end SUCCEEDED with its best plan so far instead of throwing it away; "
        "a queued one has none and is cancelled.",
    )


@strawberry.type(description="The run that was to end.")
class CancelRunPayload:
    """Answer of `cancelRun`."""

    run: PlanRun | None = strawberry.field(
        default=None, description="The run as it is now; null if nothing was changed."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if all went well."
    )


@strawberry.type
class PlanningMutations:
    """What can be asked of the planners."""

    @strawberry.mutation(
        description="Forecast the heats of each steel grade in a month, from all that is known now. For "
        "planners. What it is given is stored with the run, which can be repeated whatever becomes of the "
        "orders."
    )
    @answers_mistakes(RunForecastPayload)
    async def run_forecast(
        self,
        info: Info,
        input: RunForecastInput,  # noqa: A002 - the argument's name in the schema
    ) -> RunForecastPayload:
        """Store the problem, queue the run and hand it over."""
        rounding = input.rounding or Rounding.LARGEST_REMAINDER
        async with info.context.transaction() as connection:
            await require(connection, Role.PLANNER, "starting a forecast")
            problem = await forecast_problem.build(connection, input.month, rounding.value)
            key = await store.queue_forecast(connection, problem.model_dump(mode="json"), input.month)
        await info.context.services.dispatcher.hand_over(key)
        return RunForecastPayload(run=stored_one(ForecastRun, key))

    @strawberry.mutation(description="End a run that is queued or running. For planners.")
    @answers_mistakes(CancelRunPayload)
    async def cancel_run(
        self,
        info: Info,
        input: CancelRunInput,  # noqa: A002 - the argument's name in the schema
    ) -> CancelRunPayload:
        """End the run in the database, then its worker."""
        key = key_of(input.run_id, *RUN_TYPE_NAMES, path=RUN)
        async with info.context.transaction() as connection:
            await require(connection, Role.PLANNER, "cancelling a run")
            if await store.state(connection, key, list(RUN_TYPES)) is None:
                raise UserMistake("NOT_FOUND", "There is no run with this id in your tenant.", path=RUN)
            outcome = await store.cancel(connection, key, keep_best=bool(input.keep_best))
        status = RunStatus(outcome["status"])
        if status.is_final and not outcome["changed"]:
            raise UserMistake(
                "RUN_HAS_ENDED",
                f"The run has ended already: it is {status.value}.",
                path=RUN,
                hint="Start a new run to plan again.",
            )
        if status is RunStatus.CANCELLED:
            await info.context.services.dispatcher.cancel(key)
        return CancelRunPayload(run=stored_one(PlanRun, key))
