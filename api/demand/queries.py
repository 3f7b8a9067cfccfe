"""Reading the order book and the charge schedule."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import strawberry

from api.context import Info
from api.demand import store
from api.demand.types import OrderForecast, ScheduledHeat
from api.relay import bad_request
from api.scalars import Month

OfMonth = Annotated[Month | None, strawberry.argument(description="Only this month; all months unless told.")]
FromDay = Annotated[
    date | None,
    strawberry.argument(name="from", description="First day to tell; from the beginning unless told."),
]
ToDay = Annotated[
    date | None, strawberry.argument(description="Last day to tell, itself included; to the end unless told.")
]


@strawberry.type
class DemandQueries:
    """What can be asked of the demand."""

    @strawberry.field(
        description="Heats ordered per product group and month, rising by month; groups in the order of the "
        "workbooks."
    )
    async def order_forecasts(self, info: Info, month: OfMonth = None) -> list[OrderForecast]:
        """Read the order forecast."""
        async with info.context.transaction() as connection:
            rows = await store.order_forecasts(connection, month)
        return [OrderForecast.of(row) for row in rows]

    @strawberry.field(description="Heats that are already sequenced, in the order in which they start.")
    async def charge_schedule(
        self, info: Info, from_: FromDay = None, to: ToDay = None
    ) -> list[ScheduledHeat]:
        """Read the charge schedule."""
        if from_ and to and from_ > to:
            raise bad_request(f"from is {from_}, later than to, {to}; expected the first day first.")
        async with info.context.transaction() as connection:
            rows = await store.charge_schedule(connection, from_, to)
        return [ScheduledHeat.of(row) for row in rows]
