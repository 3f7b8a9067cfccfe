"""Who asks: the identity that a request's transaction carries into the database."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

import orjson

LOCAL_USER = UUID("00000000-0000-4000-8000-000000000001")
"""The person at this machine, where nobody has to log in."""
LOCAL_TENANT = "default"


@dataclass(frozen=True, slots=True)
class Identity:
    """A user, and the tenant that the request chose (a slug or an id; None: the user's only one).

    `until` is when what proves it ends, in Unix seconds; None where nothing does.
    """

    user_id: UUID
    tenant: str | None = None
    until: float | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the user has to prove anew who he is: a connection may outlast its token."""
        return self.until is not None and time.time() > self.until

    @property
    def claims(self) -> str:
        """The claims as Supabase's policies read them from `request.jwt.claims`."""
        return orjson.dumps({"sub": str(self.user_id), "role": "authenticated"}).decode()


LOCAL_IDENTITY = Identity(LOCAL_USER, LOCAL_TENANT)
