"""Product groups and steel grades as the schema shows them, and where they are stored."""

from __future__ import annotations

from enum import Enum
from uuid import UUID

import strawberry

from api.reads.mapping import Argument, Column, Many, One, Table, read, stored
from api.relay import Node, described_enum
from api.scalars import Month


@described_enum(
    "The unit in which a workbook counts tons.",
    {
        "TON": "A ton that the workbook does not say more about.",
        "SHORT_TON": "2,000 lb, 907.18474 kg.",
        "LONG_TON": "2,240 lb, 1,016.0469088 kg.",
        "TONNE": "1,000 kg.",
    },
)
class TonUnit(Enum):
    """Units of mass."""

    TON = "TON"
    SHORT_TON = "SHORT_TON"
    LONG_TON = "LONG_TON"
    TONNE = "TONNE"


@stored(Table("steel_grade_production"))
@strawberry.type(description="What was made of a grade in a month.")
class MonthlyTons:
    """One cell of the production history."""

    month: Month = strawberry.field(description="The month.")
    tons: float = strawberry.field(description="Tons made, in `unit`.")
    heats: float = read(
        Column(
            "{row}.tons / (select t.heat_tons from tenants as t where t.id = (select current_tenant_id()))"
        ),
        description="The same in heats: tons over the tons of the tenant's average heat; fractions occur.",
    )
    unit: TonUnit = strawberry.field(description="The unit of `tons`, as the workbook names it.")


MONTHS = (
    Argument(
        "from",
        Month | None,
        "First month to tell; from the beginning unless told.",
        where="{row}.month >= {value}",
    ),
    Argument(
        "to",
        Month | None,
        "Last month to tell, itself included; to the end unless told.",
        where="{row}.month <= {value}",
    ),
)


@stored(Table("product_groups"))
@strawberry.type(description="A group of steel grades in which orders are placed; each grade belongs to one.")
class ProductGroup(Node):
    """A product group."""

    key: strawberry.Private[UUID]
    name: str = strawberry.field(description="Its name in the workbooks, unique in the tenant.")
    grades: list[SteelGrade] = read(
        Many(
            here="id",
            there="product_group_id",
            where="{row}.merged_into_id is null",
            order="{row}.position, {row}.name",
            expected=30,
        ),
        description="Its grades, in the order of the workbooks; those merged away are not among them.",
    )


@stored(Table("steel_grades"))
@strawberry.type(description="A steel grade.")
class SteelGrade(Node):
    """A steel grade."""

    key: strawberry.Private[UUID]
    name: str = strawberry.field(description="Its name in the workbooks, unique in the tenant.")
    suspect: bool = strawberry.field(
        description="Known from a schedule only: outside forecasts until its group is told or it is merged."
    )
    suggestion: str | None = strawberry.field(
        description="For a suspect grade, the name of the known grade that was probably meant."
    )
    product_group: ProductGroup | None = read(
        One("product_group_id"),
        description="The group it belongs to; null as long as only a schedule knows the grade.",
    )
    merged_into: SteelGrade | None = read(
        One("merged_into_id"),
        description="The grade that answers for this one since it was merged away; else null.",
    )
    production: list[MonthlyTons] = read(
        Many(here="id", there="steel_grade_id", order="{row}.month", arguments=MONTHS, expected=36),
        description="Tons made per month, rising by month; a month without a figure is left out.",
    )
