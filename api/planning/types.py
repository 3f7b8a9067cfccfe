"""Plan runs and what they answer, as the schema shows them, and where they are stored."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated
from uuid import UUID

import strawberry

from api.catalog.types import ProductGroup, SteelGrade
from api.context import Info
from api.reads.mapping import Column, Document, Inside, Json, Kinds, Many, One, Owned, Table, read, stored
from api.relay import Node, described_enum
from api.reports.formats import ExportFormat, forecast_file_name
from api.reports.links import Target
from api.reports.types import DownloadLink
from api.scalars import Month, format_month


@described_enum(
    "What a run plans.",
    {
        "FORECAST": "Heats of each steel grade in a month.",
        "REPLAN": "Molds of each order on each working day of a foundry.",
        "ALLOCATION": "Which plant makes what, and what is shipped where.",
    },
)
class PlanRunKind(Enum):
    """Kinds of jobs."""

    FORECAST = "FORECAST"
    REPLAN = "REPLAN"
    ALLOCATION = "ALLOCATION"


@described_enum(
    "Where a run is in its life.",
    {
        "QUEUED": "Stored; waits for a worker.",
        "RUNNING": "A worker is on it.",
        "SUCCEEDED": "Ended with a verified result.",
        "FAILED": "Ended without a result; `error` tells why.",
        "CANCELLED": "Ended because somebody asked for it.",
    },
)
class RunStatus(Enum):
    """The statuses; the last three are final."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Whether the run has ended and will not change any more."""
        return self in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED)


@stored(Owned())
@strawberry.type(description="How far a run is.")
class RunProgress:
    """What the worker last told."""

    phase: str = strawberry.field(
        description="What the worker is doing, in a word or two; or why none has begun."
    )
    percent: float = read(Column("coalesce({row}.percent, 0)"), description="How much is done, 0 to 100.")
    elapsed_seconds: float = read(
        Column(
            "greatest(0, extract(epoch from"
            " coalesce({row}.finished_at, clock_timestamp()) - {row}.started_at))"
        ),
        description="Seconds since the present attempt began, or that it took.",
    )
    best_objective: float | None = strawberry.field(
        description="Objective of the best plan so far; null if none yet."
    )
    best_bound: float | None = strawberry.field(
        description="Proven lower bound of the objective within the plan's calendar; null if none yet."
    )
    gap: float | None = read(
        Column("({row}.best_objective - {row}.best_bound) / greatest(1, {row}.best_objective)"),
        description="(objective - bound) / max(1, objective); null as long as either is unknown.",
    )


@stored(Document())
@strawberry.type(description="Why a run failed.")
class RunError:
    """A failure, in a planner's words."""

    code: str = strawberry.field(description="Stable name of the failure, for programs.")
    message: str = strawberry.field(description="What went wrong, for people.")
    hint: str | None = strawberry.field(description="What to do next.")
    details: list[str] = strawberry.field(
        description="Particulars, such as each rule that a plan would break."
    )


RUN_TYPES = {"FORECAST": "ForecastRun", "REPLAN": "ReplanRun"}
"""The type of a run by its kind; runs of other kinds are not shown."""
RUN_TYPE_NAMES = tuple(RUN_TYPES.values())


@stored(Kinds("plan_runs", by="kind", types=RUN_TYPES))
@strawberry.interface(description="A job that somebody asked for: its life, and what it answered.")
class PlanRun(Node):
    """What all runs share."""

    key: strawberry.Private[UUID]
    kind: PlanRunKind = strawberry.field(description="What it plans.")
    status: RunStatus = strawberry.field(description="Where it is in its life.")
    attempt: int = strawberry.field(
        description="How many workers have begun it; 0 while it waits for the first."
    )
    requested_by: strawberry.ID = strawberry.field(description="Id of the user who asked for it.")
    requested_at: datetime = strawberry.field(description="When it was asked for.")
    started_at: datetime | None = strawberry.field(
        description="When the present attempt began; null before the first."
    )
    finished_at: datetime | None = strawberry.field(description="When it ended; null until then.")
    progress: RunProgress | None = read(
        Inside(when="{row}.phase is not null"),
        description="How far it is, or that workers ended before they began; null until there is a word.",
    )
    error: RunError | None = read(Json("{row}.error"), description="Why it failed; null unless FAILED.")


# ---------------------------------------------------------------- forecasts


@stored(Table("forecast_heats"))
@strawberry.type(description="Heats of one grade in the forecast month.")
class GradeHeats:
    """One row of a forecast."""

    heats: int = strawberry.field(description="Whole heats.")
    tons: float = strawberry.field(description="Heats times the tons of the tenant's average heat.")
    committed_heats: int = strawberry.field(
        description="Heats of these that the charge schedule holds already: the least that `heats` can be."
    )
    share: float = strawberry.field(
        description="Share of its group before rounding, 0 to 1; a group adds up to 1."
    )
    low: int = strawberry.field(description="Heats at the lower end of the 80% interval.")
    high: int = strawberry.field(description="Heats at the upper end of the 80% interval.")
    grade: SteelGrade = read(
        One("steel_grade_id"), description="The grade, as it was called when the forecast ran."
    )
    product_group: ProductGroup = read(
        One("product_group_id"), description="The group of the grade when the forecast ran."
    )


@stored(Table("forecast_groups"))
@strawberry.type(description="Heats of one product group in the forecast month.")
class GroupHeats:
    """One group's total."""

    ordered_heats: int | None = strawberry.field(
        description="The order forecast in heats; null where there was none."
    )
    forecast_heats: int = strawberry.field(description="Sum of the heats of the group's grades.")
    product_group: ProductGroup = read(One("product_group_id"), description="The group.")


@stored(Table("forecast_unassigned"))
@strawberry.type(description="Scheduled heats of a grade that belongs to no group yet: outside the totals.")
class UnassignedHeats:
    """What somebody has to look at."""

    heats: int = strawberry.field(description="Heats of the month in the charge schedule.")
    suggestion: str | None = strawberry.field(description="Name of the known grade that was probably meant.")
    grade: SteelGrade = read(
        One("steel_grade_id"), description="The grade: tell its group, or merge it into the right one."
    )


@stored(Table("forecast_heats", where="{row}.heats > 0"))
@strawberry.type(description="A line of what ScrapChef reads.")
class ScrapChefRow:
    """A grade that is made, and how often."""

    grade: str = read(
        Column("(select g.name from steel_grades as g where g.id = {row}.steel_grade_id)"),
        description="Name of the grade.",
    )
    heats: int = strawberry.field(description="Whole heats in the month, at least one.")


@stored(Table("forecast_scores"))
@strawberry.type(description="How a method of forecasting did on the plant's own past.")
class MethodScore:
    """One line of the backtest."""

    method: str = strawberry.field(description="Name of the method, with its parameters.")
    misallocated_share: float = strawberry.field(
        description="Share of the heats given to the wrong grade, 0 to 1: half of the sum of |forecast - "
        "actual| over the total, group totals given, over all origins of the backtest."
    )


Form = Annotated[ExportFormat, strawberry.argument(description="The format of the file.")]

ROWS_OF_RUN = Many(here="id", there="run_id", order="{row}.position", expected=100)


@stored(Table("plan_runs", where="{row}.kind = 'FORECAST'"))
@strawberry.type(description="Heats of each steel grade in a month.")
class ForecastRun(PlanRun):
    """A run of the forecast job."""

    month: Month = strawberry.field(description="The month that is forecast.")
    total_heats: int = read(
        Column("coalesce((select f.total_heats from forecasts as f where f.run_id = {row}.id), 0)"),
        description="Heats of all grades; 0 until the run has succeeded.",
    )
    method: str | None = read(
        Column("(select f.method from forecasts as f where f.run_id = {row}.id)"),
        description="How the shares of the grades were estimated; null until the run has succeeded.",
    )
    warnings: list[str] = strawberry.field(description="What a planner should know before using the result.")
    heats: list[GradeHeats] = read(
        ROWS_OF_RUN,
        description="One row per grade: those with heats first, then the rest. Empty until SUCCEEDED.",
    )
    groups: list[GroupHeats] = read(
        ROWS_OF_RUN, description="One row per product group, with its order forecast. Empty until SUCCEEDED."
    )
    scrap_chef: list[ScrapChefRow] = read(
        ROWS_OF_RUN, description="What ScrapChef reads: each grade that is made, with its heats."
    )
    unassigned: list[UnassignedHeats] = read(
        ROWS_OF_RUN,
        description="Scheduled heats of grades that belong to no group yet: outside the totals.",
    )
    scores: list[MethodScore] = read(
        ROWS_OF_RUN,
        description="How all candidate methods did in the rolling-origin backtest, the best first; empty "
        "where there was too little history to test on.",
    )

    @strawberry.field(
        description="The result as a file, under a short-lived link that works with the caller's own rights; "
        "null until the run has succeeded."
    )
    def download(self, info: Info, format: Form) -> DownloadLink | None:  # noqa: A002 - the schema's name
        """Make a link to the result in a format."""
        if self.status is not RunStatus.SUCCEEDED:
            return None
        name = forecast_file_name(format_month(self.month), format)
        return DownloadLink.to(info.context, Target("forecast", self.key, format), name)
