"""Reading runs and their results."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.planning.batch_types import RunBatch
from api.planning.types import RUN_TYPE_NAMES, ForecastRun, PlanRun, PlanRunKind, RunStatus
from api.reads.mapping import Argument, First, Page, falling, read
from api.relay import Connection
from api.scalars import Month

RUN_ID = Argument("id", strawberry.ID, "Id of the run.", where="{row}.id = {value}", of=RUN_TYPE_NAMES)
MONTH = Argument("month", Month, "The month that was forecast.", where="{row}.month = {value}")
KIND = Argument("kind", PlanRunKind | None, "Only runs of this kind.", where="{row}.kind = {value}")
STATUS = Argument("status", RunStatus | None, "Only runs in this status.", where="{row}.status = {value}")

BATCH_ID = Argument("id", strawberry.ID, "Id of the batch.", where="{row}.id = {value}", of=("RunBatch",))
OF_SCENARIO = Argument(
    "scenarioId",
    strawberry.ID | None,
    "Only replans of this scenario.",
    where="{row}.scenario_id = {value}",
    of=("Scenario",),
)


@strawberry.type
class PlanningQueries:
    """What can be asked of runs."""

    forecast: ForecastRun | None = read(
        First(
            where="{row}.status = 'SUCCEEDED'",
            order="{row}.finished_at desc, {row}.id desc",
            arguments=(MONTH,),
        ),
        description="The newest forecast of a month that succeeded; null where there is none yet.",
    )
    plan_runs: Connection[PlanRun] = read(
        Page(order=(falling("requested_at", datetime),), arguments=(KIND, STATUS, OF_SCENARIO)),
        description="Runs, those that were asked for last first.",
    )
    plan_run: PlanRun | None = read(
        First(arguments=(RUN_ID,)),
        description="One run; null where there is none with this id in the tenant.",
    )
    run_batches: Connection[RunBatch] = read(
        Page(order=(falling("requested_at", datetime),)), description="Batches of replans, the newest first."
    )
    run_batch: RunBatch | None = read(
        First(arguments=(BATCH_ID,)),
        description="One batch; null where there is none with this id in the tenant.",
    )
