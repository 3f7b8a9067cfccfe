"""Reading the catalog."""

from __future__ import annotations

from typing import Annotated

import strawberry

from api.catalog import store
from api.catalog.types import ProductGroup, SteelGrade
from api.context import Info
from api.relay import (
    After,
    Connection,
    First,
    bad_request,
    connect,
    cursor_number,
    cursor_text,
    decode_cursor,
    is_storable,
    page_size,
)

GroupName = Annotated[
    str | None, strawberry.argument(description="Only grades of the product group with exactly this name.")
]


@strawberry.type
class CatalogQueries:
    """What can be asked of the catalog."""

    @strawberry.field(description="Product groups, in the order of the plant's own workbooks.")
    async def product_groups(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[ProductGroup]:
        """Read a page of the groups."""
        size, place = page_size(first), decode_cursor(after, cursor_number, cursor_text)

        async def count() -> int:
            async with info.context.transaction() as connection:
                return await store.count_groups(connection)

        async with info.context.transaction() as connection:
            rows = await store.groups_page(connection, size + 1, place)
        return connect(
            rows,
            size,
            build=ProductGroup.of,
            sort_key=lambda row: (row["position"], row["name"]),
            count=count,
            after=after,
        )

    @strawberry.field(
        description="Steel grades, in the order of the workbooks; those merged into others are left out."
    )
    async def steel_grades(
        self, info: Info, group_name: GroupName = None, first: First = None, after: After = None
    ) -> Connection[SteelGrade]:
        """Read a page of the grades."""
        if group_name is not None and not is_storable(group_name):
            raise bad_request("groupName holds a character that no name can hold.", path=["groupName"])
        size, place = page_size(first), decode_cursor(after, cursor_number, cursor_text)

        async def count() -> int:
            async with info.context.transaction() as connection:
                return await store.count_grades(connection, group_name)

        async with info.context.transaction() as connection:
            rows = await store.grades_page(connection, size + 1, place, group_name)
        return connect(
            rows,
            size,
            build=SteelGrade.of,
            sort_key=lambda row: (row["position"], row["name"]),
            count=count,
            after=after,
        )
