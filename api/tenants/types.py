"""The tenant as the schema shows it."""

from __future__ import annotations

from typing import Self

import strawberry

from api.database import Row
from api.relay import Node, node_id
from api.roles import Role


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
    role: Role = strawberry.field(description="What the caller may do here.")

    @classmethod
    def of(cls, row: Row) -> Self:
        """Show a row of the store."""
        return cls(
            id=node_id("Tenant", row["id"]),
            slug=row["slug"],
            name=row["name"],
            heat_tons=row["heat_tons"],
            time_zone=row["time_zone"],
            role=Role(row["role"]),
        )
