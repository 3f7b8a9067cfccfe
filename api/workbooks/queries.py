"""Reading who imported what and when."""

from __future__ import annotations

from uuid import UUID

import strawberry

from api.context import Context, Info
from api.relay import (
    After,
    Connection,
    First,
    connect,
    cursor_instant,
    cursor_key,
    decode_cursor,
    page_size,
)
from api.workbooks import imports
from api.workbooks.types import WorkbookImport


@strawberry.type
class WorkbookQueries:
    """What can be asked of imports."""

    @strawberry.field(description="Workbooks that changed something, the newest first.")
    async def imports(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[WorkbookImport]:
        """Read a page of the imports."""
        size, place = page_size(first), decode_cursor(after, cursor_instant, cursor_key)

        async def count() -> int:
            async with info.context.transaction() as connection:
                return await imports.count_imports(connection)

        async with info.context.transaction() as connection:
            rows = await imports.imports_page(connection, size + 1, place)
        return connect(
            rows,
            size,
            build=WorkbookImport.of,
            sort_key=lambda row: (row["imported_at"], row["id"]),
            count=count,
            after=after,
        )


async def workbook_import(context: Context, key: UUID) -> WorkbookImport | None:
    """Read an import by its key."""
    row = await context.load(imports.imports_by_key, key)
    return WorkbookImport.of(row) if row else None
