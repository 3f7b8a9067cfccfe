"""Reading the tenant."""

from __future__ import annotations

import strawberry

from api.reads.mapping import First, read
from api.tenants.types import Tenant


@strawberry.type
class TenantQueries:
    """What can be asked of the tenant."""

    tenant: Tenant | None = read(
        First(),
        description="The tenant of this request; null where the caller belongs to none, or to several "
        "and has chosen none in the header X-Pourplan-Tenant.",
    )
