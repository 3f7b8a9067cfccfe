"""Following a run while it goes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Annotated, Any

import strawberry

from api.context import Info
from api.planning import store
from api.planning.types import RUN_TYPE_NAMES, PlanRun, plan_run
from api.relay import asked_key, bad_request

RunId = Annotated[strawberry.ID, strawberry.argument(description="Id of the run.")]


@strawberry.type
class PlanningSubscriptions:
    """What can be followed."""

    @strawberry.subscription(
        description="A run as it is now, then at every change, until it has ended. Changes that follow each "
        "other faster than they are read are told as one."
    )
    async def run_updates(self, info: Info, run_id: RunId) -> AsyncGenerator[PlanRun, None]:
        """Tell each change of a run."""
        key = asked_key(run_id, *RUN_TYPE_NAMES, path=["runId"])
        told: Mapping[str, Any] | None = None
        with info.context.services.notices.subscribe(str(key)) as changed:
            while True:
                # Cleared before reading: a change during the reading wakes us again.
                changed.clear()
                async with info.context.transaction() as connection:
                    row = await store.run(connection, key)
                run = plan_run(row) if row else None
                if row is None or run is None:
                    raise bad_request(
                        f"There is no run {run_id!r} in your tenant.", "NOT_FOUND", path=["runId"]
                    )
                state = {name: value for name, value in row.items() if name != "elapsed_seconds"}
                if state != told:
                    told = state
                    yield run
                if run.status.is_final:
                    return
                await changed.wait()
