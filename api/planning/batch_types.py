"""Batches of replans as the schema shows them, and where they are stored."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import strawberry

from api.planning.replan_types import ReplanRun
from api.planning.types import RunStatus
from api.reads.mapping import Argument, Column, Inside, Owned, Page, Table, read, rising, stored
from api.relay import Connection, Node

_RUNS = "from plan_runs as run where run.batch_id = {row}.id"
_PLANS = "from plan_runs as run join replans as plan on plan.run_id = run.id where run.batch_id = {row}.id"


def _in(status: RunStatus) -> Column:
    return Column(f"(select count(*)::int {_RUNS} and run.status = '{status.value}')")


@stored(Owned())
@strawberry.type(description="Runs of a batch by their status.")
class RunCounts:
    """How many runs are where in their lives."""

    total: int = read(Column(f"(select count(*)::int {_RUNS})"), description="All runs of the batch.")
    queued: int = read(_in(RunStatus.QUEUED), description="Runs that wait for a worker.")
    running: int = read(_in(RunStatus.RUNNING), description="Runs that a worker is on.")
    succeeded: int = read(_in(RunStatus.SUCCEEDED), description="Runs with a verified plan.")
    failed: int = read(_in(RunStatus.FAILED), description="Runs that ended without a plan.")
    cancelled: int = read(_in(RunStatus.CANCELLED), description="Runs that somebody ended.")


OF_STATUS = Argument("status", RunStatus | None, "Only runs in this status.", where="{row}.status = {value}")


@stored(Table("run_batches"))
@strawberry.type(description="Replans that were asked for together, such as the what-ifs of a scenario.")
class RunBatch(Node):
    """A batch, told as a whole."""

    key: strawberry.Private[UUID]
    name: str | None = strawberry.field(description="Its name, if it was given one.")
    requested_by: strawberry.ID = strawberry.field(description="Id of the user who asked for it.")
    requested_at: datetime = strawberry.field(description="When it was asked for.")
    finished_at: datetime | None = read(
        Column(f"(select case when count(*) = count(run.finished_at) then max(run.finished_at) end {_RUNS})"),
        description="When the last run ended; null until all have.",
    )
    percent: float = read(
        Column(
            "(select coalesce(avg(case when run.finished_at is null then coalesce(run.percent, 0)"
            f" else 100 end), 100) {_RUNS})"
        ),
        description="How much is done, 0 to 100: the mean of its runs, of which those that ended count 100.",
    )
    counts: RunCounts = read(Inside(when="true"), description="Its runs by their status.")
    best_objective: float | None = read(
        Column(f"(select min(plan.objective) {_PLANS})"),
        description="Smallest objective of its plans; null before the first. Objectives compare where policy "
        "and demand are the same.",
    )
    worst_objective: float | None = read(
        Column(f"(select max(plan.objective) {_PLANS})"),
        description="Greatest objective of its plans; null before the first.",
    )
    fewest_late_molds: int | None = read(
        Column(f"(select min(plan.late_molds) {_PLANS})"),
        description="Fewest late units of its plans; null before the first.",
    )
    most_late_molds: int | None = read(
        Column(f"(select max(plan.late_molds) {_PLANS})"),
        description="Most late units of its plans; null before the first.",
    )
    runs: Connection[ReplanRun] = read(
        Page(here="id", there="batch_id", order=(rising("batch_place", int),), arguments=(OF_STATUS,)),
        description="Its runs, in the order of scenarios and what-ifs as they were asked for.",
    )
