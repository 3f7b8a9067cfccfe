"""The tenant as the schema shows it, and where it is stored."""

from __future__ import annotations

import strawberry

from api.reads.mapping import Column, Table, read, stored
from api.relay import Node
from api.roles import Role


@stored(Table("tenants", where="{row}.id = (select current_tenant_id())"))
@strawberry.type(description="A plant, or a group of plants, that plans for itself.")
class Tenant(Node):
    """The tenant of this request."""

    slug: str = strawberry.field(description="Short name for the header X-Pourplan-Tenant.")
    name: str = strawberry.field(description="Name for people.")
    heat_tons: float = strawberry.field(
        description="Average tons of a heat, in the unit of the plant's workbooks."
    )
    time_zone: str = strawberry.field(
        description='IANA name of the time zone in which the plant\'s days begin, as "Europe/Berlin".'
    )
    role: Role = read(Column("current_tenant_role()"), description="What the caller may do here.")
