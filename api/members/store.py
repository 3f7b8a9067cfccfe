"""The SQL that changes who belongs to the tenant of this request: functions that alone may."""

from __future__ import annotations

from uuid import UUID

from api.database import Connection
from api.roles import Role

# An invitation by e-mail address, a new one or the one that is open.
INVITE = "select invite_member($1, $2)"
WITHDRAW = "select withdraw_invitation($1)"
CHANGE_ROLE = "select change_member_role($1, $2)"
REMOVE = "select remove_member($1)"
# The tenants that invited the caller's verified address are joined; how many.
ACCEPT = "select accept_invitations($1)"
# A key from the hash of its secret.
CREATE_KEY = "select create_api_key($1, $2, $3)"
REVOKE_KEY = "select revoke_api_key($1)"


async def invite(connection: Connection, email: str, role: Role) -> UUID:
    """Invite an address; give the invitation's key."""
    key: UUID = await connection.fetchval(INVITE, email, role.value)
    return key


async def withdraw(connection: Connection, invitation: UUID) -> None:
    """Take an invitation back."""
    await connection.execute(WITHDRAW, invitation)


async def change_role(connection: Connection, member: UUID, role: Role) -> None:
    """Give a member another role."""
    await connection.execute(CHANGE_ROLE, member, role.value)


async def remove(connection: Connection, member: UUID) -> None:
    """End a membership."""
    await connection.execute(REMOVE, member)


async def accept(connection: Connection, tenant: str | None) -> int:
    """Join the tenants that invited the caller, or the one named by slug or id; give how many."""
    joined: int = await connection.fetchval(ACCEPT, tenant)
    return joined


async def create_key(connection: Connection, name: str, role: Role, secret_sha256: str) -> UUID:
    """Make a key; give its id."""
    key: UUID = await connection.fetchval(CREATE_KEY, name, role.value, secret_sha256)
    return key


async def revoke_key(connection: Connection, key: UUID) -> None:
    """End a key for ever."""
    await connection.execute(REVOKE_KEY, key)
