"""Following a run while it goes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from api.context import Info
from api.database import Row
from api.planning import store
from api.planning.types import RUN_TYPE_NAMES, RUN_TYPES, PlanRun, RunStatus
from api.reads.asking import stored_one
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
        told: Row | None = None
        with info.context.services.notices.subscribe(str(key)) as changed:
            while True:
                # Cleared before reading: a change during the reading wakes us again.
                changed.clear()
                async with info.context.transaction() as connection:
                    state = await store.state(connection, key, list(RUN_TYPES))
                if state is None:
                    raise bad_request(
                        f"There is no run {run_id!r} in your tenant.", "NOT_FOUND", path=["runId"]
                    )
                if state != told:
                    told = state
                    yield stored_one(PlanRun, key)
                if RunStatus(state["status"]).is_final:
                    return
                await changed.wait()
