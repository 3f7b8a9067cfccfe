"""Reading a foundry's data."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.foundry.types import BASE, BY_PLACE, Order, Part, Scenario
from api.reads.mapping import Argument, First, Page, read, rising
from api.relay import Connection

SCENARIO_ID = Argument(
    "scenarioId",
    strawberry.ID | None,
    "Id of the scenario; unless told, the base scenario: the tenant's first until another is made base.",
    where="{row}.scenario_id = {value}",
    otherwise=f"{{row}}.scenario_id = {BASE}",
    of=("Scenario",),
)
ARCHIVED = Argument(
    "archived",
    bool | None,
    "True: those alone that were deleted, and are kept for their runs; unless told, all others.",
    where="({row}.archived_at is not null) = {value}",
    otherwise="{row}.archived_at is null",
)


@strawberry.type
class FoundryQueries:
    """What can be asked of a foundry's data."""

    scenarios: Connection[Scenario] = read(
        Page(order=(rising("created_at", datetime),), arguments=(ARCHIVED,)),
        description="Scenarios, the oldest first.",
    )
    base_scenario: Scenario | None = read(
        First(where=f"{{row}}.id = {BASE}"),
        description="The scenario that is meant where none is named; null as long as there is none.",
    )
    orders: Connection[Order] = read(
        Page(where="{row}.active", order=BY_PLACE, arguments=(SCENARIO_ID,)),
        description="Orders of a scenario, in the foundry's own order.",
    )
    parts: Connection[Part] = read(
        Page(where="{row}.active", order=BY_PLACE, arguments=(SCENARIO_ID,)),
        description="Parts of a scenario, in the foundry's own order.",
    )
