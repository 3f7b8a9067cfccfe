"""Reading the tenant."""

from __future__ import annotations

from uuid import UUID

import strawberry

from api.context import Context, Info
from api.tenants import store
from api.tenants.types import Tenant


@strawberry.type
class TenantQueries:
    """What can be asked of the tenant."""

    @strawberry.field(
        description="The tenant of this request; null where the caller belongs to none, or to several "
        "and has chosen none in the header X-Pourplan-Tenant."
    )
    async def tenant(self, info: Info) -> Tenant | None:
        """Read the tenant of this request."""
        async with info.context.transaction() as connection:
            row = await store.current(connection)
        return Tenant.of(row) if row else None


async def tenant_node(context: Context, key: UUID) -> Tenant | None:
    """Read a tenant by its key."""
    row = await context.load(store.by_key, key)
    return Tenant.of(row) if row else None
