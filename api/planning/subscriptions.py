"""Following runs while they go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from api.context import Info
from api.database import Row
from api.planning import batch_store, store
from api.planning.batch_types import RunBatch
from api.planning.types import RUN_TYPE_NAMES, RUN_TYPES, PlanRun, RunStatus
from api.reads.asking import stored_one
from api.relay import asked_key, bad_request

PAUSE_SECONDS = 0.2
"""Between two looks at a batch, of which a hundred runs may be told about at the same time."""

BatchId = Annotated[strawberry.ID, strawberry.argument(description="Id of the batch.")]
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

    @strawberry.subscription(
        description="A batch as it is now, then whenever its runs change, until all of them have ended. "
        "Changes that follow each other fast are told as one."
    )
    async def batch_updates(self, info: Info, batch_id: BatchId) -> AsyncGenerator[RunBatch, None]:
        """Tell the changes of a batch."""
        key = asked_key(batch_id, "RunBatch", path=["batchId"])
        told: Row | None = None
        with info.context.services.notices.subscribe(str(key)) as changed:
            while True:
                changed.clear()
                async with info.context.transaction() as connection:
                    state = await batch_store.state(connection, key)
                if state is None:
                    raise bad_request(
                        f"There is no batch {batch_id!r} in your tenant.", "NOT_FOUND", path=["batchId"]
                    )
                if state != told:
                    told = state
                    yield stored_one(RunBatch, key)
                if state["queued"] + state["running"] == 0:
                    return
                await changed.wait()
                await asyncio.sleep(PAUSE_SECONDS)
