"""Reading the order book and the charge schedule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import strawberry

from api.demand.types import OrderForecast, ScheduledHeat
from api.reads.mapping import Argument, Many, read
from api.relay import bad_request
from api.scalars import Month

MONTH = Argument(
    "month", Month | None, "Only this month; all months unless told.", where="{row}.month = {value}"
)
DAYS = (
    Argument(
        "from",
        date | None,
        "First day to tell; from the beginning unless told.",
        where="{row}.scheduled_on >= {value}",
    ),
    Argument(
        "to",
        date | None,
        "Last day to tell, itself included; to the end unless told.",
        where="{row}.scheduled_on <= {value}",
    ),
)


def check_days(arguments: Mapping[str, Any]) -> None:
    """Check that the first day is not after the last."""
    first, last = arguments.get("from"), arguments.get("to")
    if first and last and first > last:
        raise bad_request(f"from is {first}, later than to, {last}; expected the first day first.")


@strawberry.type
class DemandQueries:
    """What can be asked of the demand."""

    order_forecasts: list[OrderForecast] = read(
        Many(
            order="{row}.month, (select row(pg.position, pg.name) from product_groups as pg"
            " where pg.id = {row}.product_group_id)",
            arguments=(MONTH,),
            expected=200,
        ),
        description="Heats ordered per product group and month, rising by month; groups in the order of the "
        "workbooks.",
    )
    charge_schedule: list[ScheduledHeat] = read(
        Many(order="{row}.scheduled_on, {row}.start_time", arguments=DAYS, check=check_days, expected=500),
        description="Heats that are already sequenced, in the order in which they start.",
    )
