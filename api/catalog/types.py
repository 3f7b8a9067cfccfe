"""Product groups and steel grades as the schema shows them."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Self
from uuid import UUID

import strawberry

from api.catalog import store
from api.context import Context, Info
from api.database import Row
from api.relay import Node, described_enum, node_id
from api.scalars import Month

FromMonth = Annotated[
    Month | None,
    strawberry.argument(name="from", description="First month to tell; from the beginning unless told."),
]
ToMonth = Annotated[
    Month | None,
    strawberry.argument(description="Last month to tell, itself included; to the end unless told."),
]


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


@strawberry.type(description="What was made of a grade in a month.")
class MonthlyTons:
    """One cell of the production history."""

    month: Month = strawberry.field(description="The month.")
    tons: float = strawberry.field(description="Tons made, in `unit`.")
    heats: float = strawberry.field(
        description="The same in heats: tons over the tons of the tenant's average heat; fractions occur."
    )
    unit: TonUnit = strawberry.field(description="The unit of `tons`, as the workbook names it.")

    @classmethod
    def of(cls, row: Row) -> Self:
        """Show a row of the store."""
        return cls(month=row["month"], tons=row["tons"], heats=row["heats"], unit=TonUnit(row["unit"]))


@strawberry.type(description="A group of steel grades in which orders are placed; each grade belongs to one.")
class ProductGroup(Node):
    """A product group."""

    key: strawberry.Private[UUID]
    name: str = strawberry.field(description="Its name in the workbooks, unique in the tenant.")

    @strawberry.field(
        description="Its grades, in the order of the workbooks; those merged away are not among them."
    )
    async def grades(self, info: Info) -> list[SteelGrade]:
        """Read the grades of the group."""
        rows = await info.context.load(store.grades_of_groups, self.key)
        return [SteelGrade.of(row) for row in rows or ()]

    @classmethod
    def of(cls, row: Row) -> Self:
        """Show a row of the store."""
        return cls(id=node_id("ProductGroup", row["id"]), key=row["id"], name=row["name"])


@strawberry.type(description="A steel grade.")
class SteelGrade(Node):
    """A steel grade."""

    key: strawberry.Private[UUID]
    group_key: strawberry.Private[UUID | None]
    merged_into_key: strawberry.Private[UUID | None]
    name: str = strawberry.field(description="Its name in the workbooks, unique in the tenant.")
    suspect: bool = strawberry.field(
        description="Known from a schedule only: outside forecasts until its group is told or it is merged."
    )
    suggestion: str | None = strawberry.field(
        description="For a suspect grade, the name of the known grade that was probably meant."
    )

    @strawberry.field(description="The group it belongs to; null as long as only a schedule knows the grade.")
    async def product_group(self, info: Info) -> ProductGroup | None:
        """Read the group of the grade."""
        return await product_group(info.context, self.group_key) if self.group_key else None

    @strawberry.field(description="The grade that answers for this one since it was merged away; else null.")
    async def merged_into(self, info: Info) -> SteelGrade | None:
        """Read the grade that this one was merged into."""
        return await steel_grade(info.context, self.merged_into_key) if self.merged_into_key else None

    @strawberry.field(
        description="Tons made per month, rising by month; a month without a figure is left out."
    )
    async def production(self, info: Info, from_: FromMonth = None, to: ToMonth = None) -> list[MonthlyTons]:
        """Read the history of the grade."""
        rows = await info.context.load(store.production, store.MonthsOfGrade(self.key, from_, to))
        return [MonthlyTons.of(row) for row in rows or ()]

    @classmethod
    def of(cls, row: Row) -> Self:
        """Show a row of the store."""
        return cls(
            id=node_id("SteelGrade", row["id"]),
            key=row["id"],
            group_key=row["product_group_id"],
            merged_into_key=row["merged_into_id"],
            name=row["name"],
            suspect=row["suspect"],
            suggestion=row["suggestion"],
        )


async def product_group(context: Context, key: UUID) -> ProductGroup | None:
    """Read a group by its key, together with all others that the same answer asks for."""
    row = await context.load(store.groups_by_key, key)
    return ProductGroup.of(row) if row else None


async def steel_grade(context: Context, key: UUID) -> SteelGrade | None:
    """Read a grade by its key, together with all others that the same answer asks for."""
    row = await context.load(store.grades_by_key, key)
    return SteelGrade.of(row) if row else None


async def known_group(context: Context, key: UUID) -> ProductGroup:
    """Read a group that a foreign key points at: it is there, as long as the tenant stays the same."""
    found = await product_group(context, key)
    if found is None:
        raise LookupError(f"product group {key} is referred to and can't be read")
    return found


async def known_grade(context: Context, key: UUID) -> SteelGrade:
    """Read a grade that a foreign key points at: it is there, as long as the tenant stays the same."""
    found = await steel_grade(context, key)
    if found is None:
        raise LookupError(f"steel grade {key} is referred to and can't be read")
    return found
