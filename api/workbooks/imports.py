"""The SQL that tells who imported what and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from api.database import Connection, Row

_IMPORTS = """
select id, kind, file_name, sha256, size_bytes, rows_read, rows_stored, report, imported_by, imported_at
from workbook_imports
"""

# A page of the imports, the newest first; $2, $3 are the last ones of the page before.
IMPORTS = (
    _IMPORTS
    + """
where $2::timestamptz is null or imported_at < $2 or (imported_at = $2 and id > $3::uuid)
order by imported_at desc, id
limit $1
"""
)

COUNT_IMPORTS = "select count(*) from workbook_imports"

IMPORTS_BY_KEY = _IMPORTS + "where id = any($1::uuid[])"


async def imports_page(connection: Connection, limit: int, after: Sequence[Any] | None) -> list[Row]:
    """Read up to `limit` imports after (imported_at, id), the newest first."""
    return list(await connection.fetch(IMPORTS, limit, *(after or (None, None))))


async def count_imports(connection: Connection) -> int:
    """Count the imports."""
    return int(await connection.fetchval(COUNT_IMPORTS))


async def imports_by_key(connection: Connection, keys: Sequence[UUID]) -> dict[UUID, Row]:
    """Read imports by their keys."""
    return {row["id"]: row for row in await connection.fetch(IMPORTS_BY_KEY, keys)}
