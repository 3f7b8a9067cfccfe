"""Reading the catalog."""

from __future__ import annotations

import strawberry

from api.catalog.types import ProductGroup, SteelGrade
from api.reads.mapping import Argument, Page, read, rising
from api.relay import Connection

GROUP_NAME = Argument(
    "groupName",
    str | None,
    "Only grades of the product group with exactly this name.",
    where="{row}.product_group_id in (select pg.id from product_groups as pg where pg.name = {value})",
)


@strawberry.type
class CatalogQueries:
    """What can be asked of the catalog."""

    product_groups: Connection[ProductGroup] = read(
        Page(order=(rising("position", int), rising("name", str))),
        description="Product groups, in the order of the plant's own workbooks.",
    )
    steel_grades: Connection[SteelGrade] = read(
        Page(
            order=(rising("position", int), rising("name", str)),
            where="{row}.merged_into_id is null",
            arguments=(GROUP_NAME,),
        ),
        description="Steel grades, in the order of the workbooks; those merged into others are left out.",
    )
