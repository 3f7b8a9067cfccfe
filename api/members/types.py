"""Members, invitations and keys as the schema shows them, and where they are stored."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.reads.mapping import Column, Table, read, stored
from api.relay import Node
from api.roles import Role


@stored(Table("tenant_members", where="not {row}.is_key and {row}.tenant_id = (select current_tenant_id())"))
@strawberry.type(description="A person who belongs to the tenant.")
class Member(Node):
    """A member."""

    email: str | None = strawberry.field(
        description="The verified address with which the person joined; null for who came without invitation."
    )
    role: Role = read(Column("{row}.role"), description="What the person may do.")
    is_caller: bool = read(Column("{row}.user_id = (select auth.uid())"), description="Whether it is you.")
    created_at: datetime = strawberry.field(description="Since when.")


@stored(Table("tenant_invitations"))
@strawberry.type(description="Somebody who may join the tenant by signing in.")
class Invitation(Node):
    """An invitation."""

    email: str = strawberry.field(description="The address that has to be verified.")
    role: Role = read(Column("{row}.role"), description="What the person will be allowed to do.")
    invited_at: datetime = strawberry.field(description="When.")


@stored(Table("api_keys"))
@strawberry.type(description="A key with which a machine asks, instead of a person who signs in.")
class ApiKey(Node):
    """A key; its secret was shown once."""

    name: str = strawberry.field(description="What it is for.")
    role: Role = read(Column("{row}.role"), description="What it may do.")
    created_at: datetime = strawberry.field(description="When it was made.")
    last_used_at: datetime | None = strawberry.field(
        description="When it was used last, to the minute; null if never."
    )
    revoked_at: datetime | None = strawberry.field(description="When it was revoked; null while it works.")
