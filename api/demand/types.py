"""Order forecasts and scheduled heats as the schema shows them, and where they are stored."""

from __future__ import annotations

import datetime

import strawberry

from api.catalog.types import ProductGroup, SteelGrade
from api.reads.mapping import Column, One, Table, read, stored
from api.scalars import Month


@stored(Table("product_group_monthly"))
@strawberry.type(description="What is ordered of a product group for a month.")
class OrderForecast:
    """One cell of the order book."""

    month: Month = strawberry.field(description="The month of delivery.")
    heats: int = strawberry.field(description="Heats ordered.")
    product_group: ProductGroup = read(One("product_group_id"), description="The group that is ordered.")


@stored(Table("charge_schedule"))
@strawberry.type(description="A heat that is already sequenced.")
class ScheduledHeat:
    """One line of the charge schedule."""

    date: datetime.date = read(Column("{row}.scheduled_on"), description="The day, in the plant's time zone.")
    start_time: str = read(
        Column("to_char({row}.start_time, 'HH24:MI')"),
        description='When it starts, in the plant\'s time zone, as "04:00".',
    )
    mould_size: str | None = strawberry.field(
        description='The mould that it is cast into, as the workbook writes it: 6 1/4".'
    )
    grade: SteelGrade = read(One("steel_grade_id"), description="The grade to be made.")
