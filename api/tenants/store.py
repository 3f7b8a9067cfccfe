"""The SQL that changes the tenant of this request."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from api.database import Connection

# New settings of the tenant of this request; what is null stays.
CHANGE = """
update tenants
set name = coalesce($1, name), heat_tons = coalesce($2, heat_tons), time_zone = coalesce($3, time_zone)
where id = (select current_tenant_id())
returning id
"""


async def change(
    connection: Connection, *, name: str | None, heat_tons: Decimal | None, time_zone: str | None
) -> UUID | None:
    """Change the settings that are told (heat_tons in tons); None where the caller may not."""
    changed: UUID | None = await connection.fetchval(CHANGE, name, heat_tons, time_zone)
    return changed
