"""Reading runs and their results."""

from __future__ import annotations

from typing import Annotated

import strawberry

from api.context import Info
from api.planning import store
from api.planning.types import (
    RUN_TYPE_NAMES,
    RUN_TYPES,
    ForecastRun,
    PlanRun,
    PlanRunKind,
    RunStatus,
    run_by_key,
)
from api.relay import (
    After,
    Connection,
    First,
    asked_key,
    connect,
    cursor_instant,
    cursor_key,
    decode_cursor,
    page_size,
)
from api.scalars import Month

OfMonth = Annotated[Month, strawberry.argument(description="The month that was forecast.")]
OfKind = Annotated[PlanRunKind | None, strawberry.argument(description="Only runs of this kind.")]
OfStatus = Annotated[RunStatus | None, strawberry.argument(description="Only runs in this status.")]
RunId = Annotated[strawberry.ID, strawberry.argument(description="Id of the run.")]


@strawberry.type
class PlanningQueries:
    """What can be asked of runs."""

    @strawberry.field(
        description="The newest forecast of a month that succeeded; null where there is none yet."
    )
    async def forecast(self, info: Info, month: OfMonth) -> ForecastRun | None:
        """Read the newest forecast."""
        async with info.context.transaction() as connection:
            row = await store.newest_forecast(connection, month)
        return ForecastRun.of(row) if row else None

    @strawberry.field(description="Runs, the newest first.")
    async def plan_runs(
        self,
        info: Info,
        kind: OfKind = None,
        status: OfStatus = None,
        first: First = None,
        after: After = None,
    ) -> Connection[PlanRun]:
        """Read a page of the runs."""
        size, place = page_size(first), decode_cursor(after, cursor_instant, cursor_key)
        kinds = [shown for shown in RUN_TYPES if kind is None or shown == kind.value]
        wanted = status.value if status else None

        async def count() -> int:
            async with info.context.transaction() as connection:
                return await store.count_runs(connection, kinds, wanted)

        async with info.context.transaction() as connection:
            rows = await store.runs_page(connection, size + 1, place, kinds, wanted)
        return connect(
            rows,
            size,
            build=lambda row: RUN_TYPES[row["kind"]].of(row),
            sort_key=lambda row: (row["requested_at"], row["id"]),
            count=count,
            after=after,
        )

    @strawberry.field(description="One run; null where there is none with this id in the tenant.")
    async def plan_run(self, info: Info, id: RunId) -> PlanRun | None:  # noqa: A002 - the schema's name
        """Read a run."""
        return await run_by_key(info.context, asked_key(id, *RUN_TYPE_NAMES))
