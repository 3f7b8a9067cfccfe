"""Plan runs and what they answer, as the schema shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Self
from uuid import UUID

import strawberry

from api.catalog.types import ProductGroup, SteelGrade, known_grade, known_group
from api.context import Context, Info
from api.database import Row
from api.planning import store
from api.relay import Node, described_enum, node_id
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


@strawberry.type(description="How far a run is.")
class RunProgress:
    """What the worker last told."""

    phase: str = strawberry.field(description="What the worker is doing, in a word or two.")
    percent: float = strawberry.field(description="How much is done, 0 to 100.")
    elapsed_seconds: float = strawberry.field(
        description="Seconds since the present attempt began, or that it took."
    )
    best_objective: float | None = strawberry.field(
        description="Objective of the best plan so far; null if none yet."
    )
    best_bound: float | None = strawberry.field(
        description="Proven lower bound of the objective; null if none yet."
    )

    @strawberry.field(
        description="(objective - bound) / max(1, objective); null as long as either is unknown."
    )
    def gap(self) -> float | None:
        """Compute the relative distance to the bound."""
        if self.best_objective is None or self.best_bound is None:
            return None
        return (self.best_objective - self.best_bound) / max(1.0, self.best_objective)

    @classmethod
    def of(cls, row: Row) -> Self | None:
        """Show a row of the store; None before the first attempt."""
        if row["phase"] is None or row["elapsed_seconds"] is None:
            return None
        return cls(
            phase=row["phase"],
            percent=row["percent"] or 0.0,
            elapsed_seconds=max(0.0, row["elapsed_seconds"]),
            best_objective=row["best_objective"],
            best_bound=row["best_bound"],
        )


@strawberry.type(description="Why a run failed.")
class RunError:
    """A failure, in a planner's words."""

    code: str = strawberry.field(description="Stable name of the failure, for programs.")
    message: str = strawberry.field(description="What went wrong, for people.")
    hint: str | None = strawberry.field(description="What to do next.")
    details: list[str] = strawberry.field(
        description="Particulars, such as each rule that a plan would break."
    )

    @classmethod
    def of(cls, error: Mapping[str, Any]) -> Self:
        """Show what the worker stored."""
        return cls(
            code=error["code"],
            message=error["message"],
            hint=error.get("hint"),
            details=list(error.get("details") or ()),
        )


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
    progress: RunProgress | None = strawberry.field(
        description="How far it is; null until a worker has begun."
    )
    error: RunError | None = strawberry.field(description="Why it failed; null unless FAILED.")


def _life(row: Row) -> dict[str, Any]:
    return {
        "key": row["id"],
        "kind": PlanRunKind(row["kind"]),
        "status": RunStatus(row["status"]),
        "attempt": row["attempt"],
        "requested_by": strawberry.ID(str(row["requested_by"])),
        "requested_at": row["requested_at"],
        "started_at": row["started_at"],
        "finished_at": row["finished_at"],
        "progress": RunProgress.of(row),
        "error": RunError.of(row["error"]) if row["error"] else None,
    }


# ---------------------------------------------------------------- forecasts


@strawberry.type(description="Heats of one grade in the forecast month.")
class GradeHeats:
    """One row of a forecast."""

    grade_key: strawberry.Private[UUID]
    group_key: strawberry.Private[UUID]
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

    @strawberry.field(description="The grade, as it was called when the forecast ran.")
    async def grade(self, info: Info) -> SteelGrade:
        """Read the grade."""
        return await known_grade(info.context, self.grade_key)

    @strawberry.field(description="The group of the grade when the forecast ran.")
    async def product_group(self, info: Info) -> ProductGroup:
        """Read the group."""
        return await known_group(info.context, self.group_key)


@strawberry.type(description="Heats of one product group in the forecast month.")
class GroupHeats:
    """One group's total."""

    group_key: strawberry.Private[UUID]
    ordered_heats: int | None = strawberry.field(
        description="The order forecast in heats; null where there was none."
    )
    forecast_heats: int = strawberry.field(description="Sum of the heats of the group's grades.")

    @strawberry.field(description="The group.")
    async def product_group(self, info: Info) -> ProductGroup:
        """Read the group."""
        return await known_group(info.context, self.group_key)


@strawberry.type(description="Scheduled heats of a grade that belongs to no group yet: outside the totals.")
class UnassignedHeats:
    """What somebody has to look at."""

    grade_key: strawberry.Private[UUID]
    heats: int = strawberry.field(description="Heats of the month in the charge schedule.")
    suggestion: str | None = strawberry.field(description="Name of the known grade that was probably meant.")

    @strawberry.field(description="The grade: tell its group, or merge it into the right one.")
    async def grade(self, info: Info) -> SteelGrade:
        """Read the grade."""
        return await known_grade(info.context, self.grade_key)


@strawberry.type(description="A line of what ScrapChef reads.")
class ScrapChefRow:
    """A grade that is made, and how often."""

    grade: str = strawberry.field(description="Name of the grade.")
    heats: int = strawberry.field(description="Whole heats in the month, at least one.")


@strawberry.type(description="How a method of forecasting did on the plant's own past.")
class MethodScore:
    """One line of the backtest."""

    method: str = strawberry.field(description="Name of the method, with its parameters.")
    misallocated_share: float = strawberry.field(
        description="Share of the heats given to the wrong grade, 0 to 1: half of the sum of |forecast - "
        "actual| over the total, group totals given, over all origins of the backtest."
    )


Form = Annotated[ExportFormat, strawberry.argument(description="The format of the file.")]


@strawberry.type(description="Heats of each steel grade in a month.")
class ForecastRun(PlanRun):
    """A run of the forecast job."""

    month: Month = strawberry.field(description="The month that is forecast.")
    total_heats: int = strawberry.field(description="Heats of all grades; 0 until the run has succeeded.")
    method: str | None = strawberry.field(
        description="How the shares of the grades were estimated; null until the run has succeeded."
    )
    warnings: list[str] = strawberry.field(description="What a planner should know before using the result.")

    @strawberry.field(
        description="One row per grade: those with heats first, then the rest. Empty until SUCCEEDED."
    )
    async def heats(self, info: Info) -> list[GradeHeats]:
        """Read the rows of the result."""
        return [
            GradeHeats(
                grade_key=row["steel_grade_id"],
                group_key=row["product_group_id"],
                heats=row["heats"],
                tons=row["tons"],
                committed_heats=row["committed_heats"],
                share=row["share"],
                low=row["low"],
                high=row["high"],
            )
            for row in await info.context.load(store.heats, self.key) or ()
        ]

    @strawberry.field(
        description="One row per product group, with its order forecast. Empty until SUCCEEDED."
    )
    async def groups(self, info: Info) -> list[GroupHeats]:
        """Read the totals of the groups."""
        return [
            GroupHeats(
                group_key=row["product_group_id"],
                ordered_heats=row["ordered_heats"],
                forecast_heats=row["forecast_heats"],
            )
            for row in await info.context.load(store.groups, self.key) or ()
        ]

    @strawberry.field(description="What ScrapChef reads: each grade that is made, with its heats.")
    async def scrap_chef(self, info: Info) -> list[ScrapChefRow]:
        """Read ScrapChef's breakdown."""
        rows = await info.context.load(store.scrap_chef, self.key)
        return [ScrapChefRow(grade=row["grade"], heats=row["heats"]) for row in rows or ()]

    @strawberry.field(
        description="Scheduled heats of grades that belong to no group yet: outside the totals."
    )
    async def unassigned(self, info: Info) -> list[UnassignedHeats]:
        """Read what was left outside."""
        return [
            UnassignedHeats(grade_key=row["steel_grade_id"], heats=row["heats"], suggestion=row["suggestion"])
            for row in await info.context.load(store.unassigned, self.key) or ()
        ]

    @strawberry.field(
        description="How all candidate methods did in the rolling-origin backtest, the best first; empty "
        "where there was too little history to test on."
    )
    async def scores(self, info: Info) -> list[MethodScore]:
        """Read the scores of the candidates."""
        rows = await info.context.load(store.scores, self.key)
        return [
            MethodScore(method=row["method"], misallocated_share=row["misallocated_share"])
            for row in rows or ()
        ]

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

    @classmethod
    def of(cls, row: Row) -> Self:
        """Show a row of the store."""
        return cls(
            id=node_id("ForecastRun", row["id"]),
            month=row["month"],
            total_heats=row["total_heats"],
            method=row["method"],
            warnings=row["warnings"],
            **_life(row),
        )


RUN_TYPES: Mapping[str, type[ForecastRun]] = {"FORECAST": ForecastRun}
"""The type of a run by its kind; runs of other kinds are not shown."""
RUN_TYPE_NAMES = tuple(shown.__name__ for shown in RUN_TYPES.values())


def plan_run(row: Row) -> PlanRun | None:
    """Show a run as the type of its kind; None where that kind is not shown."""
    shown = RUN_TYPES.get(row["kind"])
    return shown.of(row) if shown else None


async def run_by_key(context: Context, key: UUID) -> PlanRun | None:
    """Read a run by its key, together with all others that the same answer asks for."""
    row = await context.load(store.runs_by_key, key)
    return plan_run(row) if row else None
