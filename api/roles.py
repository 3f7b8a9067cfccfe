"""Who may do what in a tenant, told in a sentence before the database refuses."""

from __future__ import annotations

from enum import Enum

from api.database import Connection
from api.relay import UserMistake, described_enum


@described_enum(
    "What a member may do in a tenant; each may do what the former may.",
    {
        "VIEWER": "Reads everything of the tenant.",
        "OPERATOR": "Also records what happens on the floor.",
        "PLANNER": "Also imports workbooks, and starts and cancels runs.",
        "ADMIN": "Also changes the tenant's settings and members.",
    },
    name="TenantRole",
)
class Role(Enum):
    """The roles, the weakest first."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    PLANNER = "planner"
    ADMIN = "admin"


_ORDER = list(Role)

# The caller's role in the tenant of this request; null where there is none.
ROLE = "select current_tenant_role()"


async def require(connection: Connection, weakest: Role, doing: str) -> None:
    """Check that the caller's role is `weakest` or a stronger one.

    Parameters
    ----------
    doing
        What is asked for, as the subject of a sentence: "importing a workbook".

    Raises
    ------
    UserMistake
        `FORBIDDEN`: who may, and whom to ask.
    """
    found = await connection.fetchval(ROLE)
    if found is None:
        raise UserMistake(
            "FORBIDDEN",
            f"You are a member of no tenant here, or of several and have chosen none; {doing} needs one.",
            hint="Name the tenant in the header X-Pourplan-Tenant, or ask its admin to make you a member.",
        )
    if _ORDER.index(Role(found)) < _ORDER.index(weakest):
        able = " or ".join(role.value for role in _ORDER[_ORDER.index(weakest) :])
        raise UserMistake(
            "FORBIDDEN",
            f"Your role in this tenant is {found}; {doing} needs the role {able}.",
            hint=f"Ask a member with the role {able} to do it, or an admin to change your role.",
        )
