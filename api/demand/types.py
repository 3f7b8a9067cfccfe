"""Order forecasts and scheduled heats as the schema shows them."""

from __future__ import annotations

import datetime
from typing import Self
from uuid import UUID

import strawberry

from api.catalog.types import ProductGroup, SteelGrade, known_grade, known_group
from api.context import Info
from api.database import Row
from api.scalars import Month


@strawberry.type(description="What is ordered of a product group for a month.")
class OrderForecast:
    """One cell of the order book."""

    group_key: strawberry.Private[UUID]
    month: Month = strawberry.field(description="The month of delivery.")
    heats: int = strawberry.field(description="Heats ordered.")

    @strawberry.field(description="The group that is ordered.")
    async def product_group(self, info: Info) -> ProductGroup:
        """Read the group."""
        return await known_group(info.context, self.group_key)

    @classmethod
    def of(cls, row: Row) -> Self:
        """Show a row of the store."""
        return cls(group_key=row["product_group_id"], month=row["month"], heats=row["heats"])


@strawberry.type(description="A heat that is already sequenced.")
class ScheduledHeat:
    """One line of the charge schedule."""

    grade_key: strawberry.Private[UUID]
    date: datetime.date = strawberry.field(description="The day, in the plant's time zone.")
    start_time: str = strawberry.field(description='When it starts, in the plant\'s time zone, as "04:00".')
    mould_size: str | None = strawberry.field(
        description='The mould that it is cast into, as the workbook writes it: 6 1/4".'
    )

    @strawberry.field(description="The grade to be made.")
    async def grade(self, info: Info) -> SteelGrade:
        """Read the grade."""
        return await known_grade(info.context, self.grade_key)

    @classmethod
    def of(cls, row: Row) -> Self:
        """Show a row of the store."""
        return cls(
            grade_key=row["steel_grade_id"],
            date=row["scheduled_on"],
            start_time=f"{row['start_time']:%H:%M}",
            mould_size=row["mould_size"],
        )
