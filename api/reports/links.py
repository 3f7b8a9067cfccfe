"""Download links: short-lived, signed, and worth no more than their holder's own rights."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import quote
from uuid import UUID

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from api.auth import Identity
from api.reports.formats import ExportFormat


class LinkExpired(Exception):
    """The link was good, and is too old."""


class LinkNotOurs(Exception):
    """The link was not made by this service, or was changed."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a link opens: a run's file in a format, or the original of an import."""

    kind: Literal["forecast", "plan", "original"]
    key: UUID
    form: ExportFormat | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """Where to fetch a file, and until when."""

    url: str
    expires_at: datetime


class Links:
    """Makes and reads download links with one signing key."""

    def __init__(self, signing_key: bytes, lifetime: timedelta) -> None:
        self._serializer = URLSafeTimedSerializer(signing_key, salt="pourplan-download")
        self._lifetime = lifetime

    def make(self, base_url: str, caller: Identity, target: Target, file_name: str) -> Link:
        """Make a link through which the caller, and nobody with other rights, reads the target."""
        token = self._serializer.dumps(
            [
                target.kind,
                str(target.key),
                target.form.value if target.form else None,
                str(caller.user_id),
                caller.tenant,
            ]
        )
        url = f"{base_url.rstrip('/')}/downloads/{token}/{quote(file_name, safe='')}"
        return Link(url, datetime.now(UTC) + self._lifetime)

    def read(self, token: str) -> tuple[Identity, Target]:
        """Tell who asks for what.

        Raises
        ------
        LinkExpired, LinkNotOurs
        """
        try:
            kind, key, form, user, tenant = self._serializer.loads(
                token, max_age=int(self._lifetime.total_seconds())
            )
        except SignatureExpired:
            raise LinkExpired from None
        except (BadSignature, ValueError):
            raise LinkNotOurs from None
        target = Target(kind, UUID(key), ExportFormat(form) if form else None)
        return Identity(UUID(user), tenant), target
