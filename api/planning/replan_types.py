"""Replans as the schema shows them, and where they are stored."""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON

from api.context import Info
from api.foundry.types import FlaskSize, Order, Part, Scenario
from api.planning import comparison
from api.planning.comparison import PlanComparison
from api.planning.judging import PatternSharing, PlanPolicy
from api.planning.types import Form, PlanRun, RunStatus
from api.reads.mapping import Argument, Column, Document, Json, Many, One, Page, Table, read, rising, stored
from api.relay import Connection, described_enum
from api.reports.links import Target
from api.reports.plans import plan_file_name
from api.reports.types import DownloadLink

if TYPE_CHECKING:
    from api.planning.batch_types import RunBatch


@described_enum(
    "What can make an order late.",
    {
        "PATTERN_PLACES": "Places for patterns on the molding line.",
        "MOLDING": "Molds a day, all patterns together.",
        "METAL": "Tons poured a day.",
        "FLASKS_S": "Flasks of size S.",
        "FLASKS_M": "Flasks of size M.",
        "FLASKS_L": "Flasks of size L.",
        "PART_CAP": "Molds a day of one pattern.",
        "LAGS": "Days from mold to delivery: too late whatever is planned.",
        "PINS": "Pins and frozen days.",
        "CHANGES": "There was room, but a late unit weighs less than the pattern changes.",
    },
)
class Bottleneck(Enum):
    """Resources that orders compete for, and other reasons."""

    PATTERN_PLACES = "PATTERN_PLACES"
    MOLDING = "MOLDING"
    METAL = "METAL"
    FLASKS_S = "FLASKS_S"
    FLASKS_M = "FLASKS_M"
    FLASKS_L = "FLASKS_L"
    PART_CAP = "PART_CAP"
    LAGS = "LAGS"
    PINS = "PINS"
    CHANGES = "CHANGES"


@stored(Document())
@strawberry.type(description="Flasks of a size in use, those of earlier weeks included.")
class FlaskPeak:
    """Flasks of a size."""

    size: FlaskSize = strawberry.field(description="The size.")
    in_use: int = strawberry.field(description="Flasks in use.")
    capacity: int = strawberry.field(description="Flasks that the foundry owns.")


@stored(Table("replans", key="run_id"))
@strawberry.type(description="A plan in figures.")
class ReplanSummary:
    """The figures of a replan."""

    late_molds: int = strawberry.field(description="Planned units that are delivered after their due date.")
    late_orders: int = read(
        Column(
            "(select count(*)::int from order_status as o"
            " where o.run_id = {row}.run_id and o.late_qty + o.credit_late_qty > 0)"
        ),
        description="Orders that are late, by such units or by units already molded: as many as "
        "`orderStatuses(late: true)` lists.",
    )
    credit_late_molds: int = read(
        Column(
            "(select coalesce(sum(o.credit_late_qty), 0)::int from order_status as o"
            " where o.run_id = {row}.run_id)"
        ),
        description="Units already molded that are expected after their due date, whatever is planned.",
    )
    pattern_starts: int = strawberry.field(
        description="Patterns put on the line; day 0 counts unless it was loaded."
    )
    pattern_stops: int = strawberry.field(description="Patterns taken off the line after day 0.")
    day0_stops: int = strawberry.field(description="Loaded patterns that are not on the line on day 0.")
    pattern_changes: int = strawberry.field(
        description="Starts and stops, those of day 0 where they are charged."
    )
    wip: int = strawberry.field(description="Flask-days in use within the horizon, initial ones included.")
    objective: float = strawberry.field(
        description="What was minimised first: late units and changes, as configured."
    )
    bound: float = strawberry.field(
        description="A proven lower bound: no plan within this one's calendar has a smaller objective."
    )
    gap: float = strawberry.field(description="(objective - bound) / max(1, objective).")
    proven_optimal: bool = strawberry.field(description="Whether the gap is zero, by proof.")
    stopped_early: bool = strawberry.field(description="Whether somebody ended the search.")
    solve_seconds: float = strawberry.field(description="Seconds that were searched.")
    specification_objective: float = strawberry.field(
        description="1,000,000 late + 100,000 (starts + stops) + wip, for comparison."
    )
    late_weight: float = strawberry.field(
        description="Weight of a late unit of priority 100 in the objective."
    )
    tardiness: float = strawberry.field(
        description="Working days late, summed over late units, each times its priority's factor."
    )
    congestion: float = strawberry.field(description="Flask-days in use above the threshold.")
    stability: float = strawberry.field(description="Molds moved against the previous plan.")
    peak_flasks: list[FlaskPeak] = read(
        Json("{row}.peak_flasks"), description="Most flasks in use on a day, by size."
    )
    peak_pour_tons: float = strawberry.field(
        description="Most metal poured on a day, in tons, committed metal included."
    )


@stored(Table("plan_daily_order"))
@strawberry.type(description="Molds of an order on a working day.")
class PlanDailyOrder:
    """A row of the plan."""

    workday_index: int = strawberry.field(description="Working days since the Monday of the plan.")
    date: date = strawberry.field(description="The day.")
    order: Order = read(One("order_key"), description="The order, as it is now.")
    part: Part = read(One("part_key"), description="The part that is molded.")
    molds_molded: int = strawberry.field(description="Molds to make, at least one.")


@stored(Table("plan_weekly_order"))
@strawberry.type(description="Molds of an order in a week.")
class PlanWeeklyOrder:
    """A row of the weekly plan."""

    week_index: int = strawberry.field(description="The week, as the calendar counts them.")
    order: Order = read(One("order_key"), description="The order, as it is now.")
    part: Part = read(One("part_key"), description="The part that is molded.")
    molds_molded_week: int = strawberry.field(description="Molds to make, at least one.")


@stored(Document())
@strawberry.type(description="What another order took of a resource on the days that would have helped.")
class LateClaim:
    """A share of the blame."""

    order_id: str = strawberry.field(description="Name of the order.")
    amount: float = strawberry.field(description="Pattern days, molds, kilograms or flask-days.")


@stored(Document())
@strawberry.type(description="A reason for late units.")
class LateCause:
    """One cause."""

    resource: Bottleneck = strawberry.field(description="What was in the way.")
    units: int = strawberry.field(description="Late units that are put down to it.")
    from_date: date | None = strawberry.field(description="First day on which it was in the way.")
    to_date: date | None = strawberry.field(description="Last day on which it was in the way.")
    days: int = strawberry.field(description="Working days on which it was in the way.")
    taken_by: list[LateClaim] = strawberry.field(description="Who took it, the largest first.")


@stored(Table("order_status"))
@strawberry.type(description="What becomes of an order in a plan.")
class OrderStatus:
    """The status of an order; its figures are those at the time of the plan."""

    order: Order = read(One("order_key"), description="The order, as it is now.")
    part: Part = read(One("part_key"), description="Its part.")
    qty: int = strawberry.field(description="Units ordered.")
    molded_qty_credit: int = strawberry.field(description="Units molded before the Monday.")
    remaining_qty: int = strawberry.field(description="Units left to mold.")
    due_date: date = strawberry.field(description="Last day of delivery.")
    delivered_by_due: int = strawberry.field(description="Planned units that are delivered by the due date.")
    late_qty: int = strawberry.field(description="Planned units that are delivered later.")
    credit_late_qty: int = strawberry.field(
        description="Units already molded that are expected after the due date."
    )
    completion_workday_index: int | None = strawberry.field(
        description="Workday on which the last planned unit is delivered; null: none is planned."
    )
    completion_date: date | None = strawberry.field(
        description="Day on which the last unit is delivered, planned or expected; null: unknown."
    )
    reason: str | None = strawberry.field(description="Late orders: why, in a planner's words.")
    causes: list[LateCause] = read(
        Json("{row}.causes"), description="Late orders: the reasons in figures, the main one first."
    )


@stored(Table("plan_days", key="run_id"))
@strawberry.type(description="A working day of a plan, commitments of earlier weeks included.")
class PlanDay:
    """What the shop does on a day."""

    workday_index: int = strawberry.field(description="Working days since the Monday of the plan.")
    date: date = strawberry.field(description="The day.")
    week_index: int = strawberry.field(description="Its week, as the calendar counts them.")
    molds: int = strawberry.field(description="Molds to make.")
    patterns: int = strawberry.field(description="Patterns on the line, idle ones included.")
    pour_tons: float = strawberry.field(description="Metal to pour, in tons.")
    flasks: list[FlaskPeak] = read(Json("{row}.flasks"), description="Flasks in use, by size.")


ORDER_ID = Argument(
    "orderId",
    str | None,
    "Only of the order of this name.",
    where="{row}.order_id = {value}",
)
LATE = Argument(
    "late",
    bool | None,
    "Only orders with late units, planned or already molded (true), or without (false).",
    where="({row}.late_qty + {row}.credit_late_qty > 0) = {value}",
)
OtherRun = Annotated[strawberry.ID, strawberry.argument(description="Id of the replan to compare with.")]


def _answered(column: str) -> Column:
    return Column(f"(select p.{column} from replans as p where p.run_id = {{row}}.id)")  # noqa: S608


@stored(Document())
@strawberry.type(description="What the problem of a run changes against its scenario; null: as it is there.")
class WhatIf:
    """The place of a run in its batch's grid."""

    pattern_unit: PatternSharing | None = strawberry.field(description="What shares a pattern place.")
    policy: PlanPolicy | None = strawberry.field(description="What the plan weighs first.")
    time_limit_seconds: int | None = strawberry.field(description="Seconds to search at most.")
    max_patterns: int | None = strawberry.field(description="Patterns on the molding line at the same time.")
    molds_per_day: int | None = strawberry.field(description="Molds a day, all patterns together.")
    flask_factor: float | None = strawberry.field(description="Flasks of every size, multiplied by this.")
    pour_factor: float | None = strawberry.field(description="Tons poured a day, multiplied by this.")
    demand_factor: float | None = strawberry.field(
        description="Units left to mold of each part, multiplied by this."
    )
    overtime_days: int | None = strawberry.field(description="So many of the next free Saturdays are worked.")


@stored(Table("plan_runs", where="{row}.kind = 'REPLAN'"))
@strawberry.type(description="Molds of each order on each working day of a foundry.")
class ReplanRun(PlanRun):
    """A run of the replan job."""

    scenario: Scenario = read(One("scenario_id"), description="The scenario that is planned.")
    asof_date: date = strawberry.field(description="The Monday on which the plan starts.")
    time_limit_seconds: float = read(
        Column("({row}.problem ->> 'time_limit_seconds')::float8"), description="Seconds to search at most."
    )
    batch: Annotated[RunBatch, strawberry.lazy("api.planning.batch_types")] | None = read(
        One("batch_id"), description="The batch that it belongs to; null where it was asked for alone."
    )
    what_if: WhatIf | None = read(
        Json("{row}.what_if"),
        description="What its problem changes against the scenario; null unless it is one of a grid.",
    )
    summary: ReplanSummary | None = read(
        One("id", there="run_id"), description="The plan in figures; null until SUCCEEDED."
    )
    daily_orders: Connection[PlanDailyOrder] = read(
        Page(
            here="id",
            there="run_id",
            order=(rising("workday_index", int), rising("order_id", str)),
            arguments=(ORDER_ID,),
        ),
        description="Molds by working day and order. Empty until SUCCEEDED.",
    )
    weekly_orders: Connection[PlanWeeklyOrder] = read(
        Page(
            here="id",
            there="run_id",
            order=(rising("week_index", int), rising("order_id", str)),
        ),
        description="Molds by week and order. Empty until SUCCEEDED.",
    )
    order_statuses: Connection[OrderStatus] = read(
        Page(here="id", there="run_id", order=(rising("position", int),), arguments=(LATE,)),
        description="What becomes of each order, in the foundry's own order. Empty until SUCCEEDED.",
    )
    days: list[PlanDay] = read(
        Many(here="id", there="run_id", order="{row}.workday_index", expected=100),
        description="The plan's working days. Empty until SUCCEEDED.",
    )
    warnings: list[str] = strawberry.field(description="What a planner should know before using the plan.")
    explanation: list[str] = read(
        Column("coalesce((select p.explanation from replans as p where p.run_id = {row}.id), '{{}}')"),
        description="The plan in sentences: lateness, bottlenecks, peaks, objective. Empty until SUCCEEDED.",
    )
    plan: JSON | None = read(
        _answered("plan"),
        description="The plan in its JSON form, for programs; null until SUCCEEDED.",
    )
    problem: JSON = read(
        Column("({row}.problem -> 'problem')"),
        description="The foundry problem that the plan was made for, in its JSON form.",
    )

    @strawberry.field(
        description="The plan as a file, under a short-lived link that works with the caller's own rights: "
        "its rows as CSV (0 molds where a pattern is on the line and idle), calendar, orders and days as a "
        "workbook, or all of it as JSON. Null until the run has succeeded."
    )
    def download(self, info: Info, format: Form) -> DownloadLink | None:  # noqa: A002 - the schema's name
        """Make a link to the plan in a format."""
        if self.status is not RunStatus.SUCCEEDED:
            return None
        name = plan_file_name(self.asof_date, format)
        return DownloadLink.to(info.context, Target("plan", self.key, format), name)

    @strawberry.field(
        description="What this plan changes against another one of the tenant, such as last Monday's, over "
        "the days that both plan."
    )
    async def compared_to(self, info: Info, run_id: OtherRun) -> PlanComparison:
        """Compare with another run."""
        return await comparison.compare(info.context, self.key, run_id)
