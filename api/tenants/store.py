"""The SQL of the tenant of this request."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from api.database import Connection, Row

# The tenant of this request with the caller's role: none where the caller has chosen none.
CURRENT = """
select id, slug, name, heat_tons::float8 as heat_tons, time_zone, current_tenant_role() as role
from tenants
where id = (select current_tenant_id())
"""

# New settings of the tenant of this request; what is null stays.
CHANGE = """
update tenants
set name = coalesce($1, name), heat_tons = coalesce($2, heat_tons), time_zone = coalesce($3, time_zone)
where id = (select current_tenant_id())
returning id, slug, name, heat_tons::float8 as heat_tons, time_zone, current_tenant_role() as role
"""


async def current(connection: Connection) -> Row | None:
    """Read the tenant of this request."""
    return await connection.fetchrow(CURRENT)


async def by_key(connection: Connection, keys: Sequence[UUID]) -> dict[UUID, Row]:
    """Read the tenant of this request if it is among those asked for."""
    row = await connection.fetchrow(CURRENT)
    return {row["id"]: row} if row and row["id"] in keys else {}


async def change(
    connection: Connection, *, name: str | None, heat_tons: Decimal | None, time_zone: str | None
) -> Row | None:
    """Change the settings that are told (heat_tons in tons); None where the caller may not."""
    return await connection.fetchrow(CHANGE, name, heat_tons, time_zone)
