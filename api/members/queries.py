"""Reading who belongs to the tenant."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.members.types import ApiKey, Invitation, Member
from api.reads.mapping import Page, read, rising
from api.relay import Connection


@strawberry.type
class MemberQueries:
    """What can be asked of members."""

    members: Connection[Member] = read(
        Page(order=(rising("created_at", datetime),)),
        description="The tenant's members, in the order in which they joined.",
    )
    invitations: Connection[Invitation] = read(
        Page(order=(rising("invited_at", datetime),)),
        description="Invitations that nobody has accepted yet. For admins; others see none.",
    )
    api_keys: Connection[ApiKey] = read(
        Page(order=(rising("created_at", datetime),)),
        description="Keys for machines, revoked ones included. For admins; others see none.",
    )
