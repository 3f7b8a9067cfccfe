"""Who asks: on this machine its person, elsewhere whom an access token names.

A request says it in its Authorization header, a WebSocket there or in the payload of `connection_init`; the
tenant is chosen by `X-Pourplan-Tenant` in the same place. What the user may do, the database knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from starlette.requests import HTTPConnection
from strawberry.exceptions import ConnectionRejectionError

from api import api_keys
from api.auth import LOCAL_IDENTITY, Identity
from api.context import Context, Services
from api.http.refusal import Refusal
from api.settings import Settings

if TYPE_CHECKING:
    from api.tokens import Verified

TENANT = "x-pourplan-tenant"
NOBODY = Identity(UUID(int=0))
"""Before a connection has said who it is; member of no tenant."""

# Whose key it is, by the hash of its secret; asked by the service's own login.
KEY = "select use_api_key($1)"

# Whether the caller belongs to the tenant that was chosen.
CHOSEN = "select current_tenant_id() is not null"


class Gate(Protocol):
    """Tells who asks."""

    async def identify(self, said: Mapping[str, str], services: Services) -> Identity:
        """Tell who asks by what a request says, names in lower case.

        Raises
        ------
        Refusal
            401, it does not say who, or that is not true; 403, the tenant is not the caller's; 503, nobody
            can tell now.
        """


class LocalGate:
    """On this machine nobody signs in; `check_may_serve` keeps everybody else away."""

    async def identify(self, said: Mapping[str, str], services: Services) -> Identity:  # noqa: ARG002
        """Tell that it is the person at this machine."""
        return LOCAL_IDENTITY


class TokenGate:
    """Takes the access tokens of the configured Supabase project, and the keys of machines."""

    def __init__(self, settings: Settings) -> None:
        from api.tokens import AccessTokens

        assert settings.supabase_url is not None  # noqa: S101 - `gate_for` asked
        secret = settings.supabase_jwt_secret
        self._tokens = AccessTokens(settings.supabase_url, secret.get_secret_value() if secret else None)

    async def identify(self, said: Mapping[str, str], services: Services) -> Identity:
        """Tell whose token or key the request carries; see `Gate.identify`."""
        tenant = said.get(TENANT) or None
        told = _bearer(said.get("authorization"))
        if told.startswith(api_keys.PREFIX):
            identity = Identity(await _holder_of(told, services), tenant)
        else:
            proved = await self._verified(told)
            identity = Identity(proved.user_id, tenant, proved.until)
        if identity.tenant is not None:
            await _check_tenant(identity, services)
        return identity

    async def _verified(self, token: str) -> Verified:
        from api.jwks import KeysUnreachable
        from api.tokens import TokenRefused

        try:
            return await self._tokens.verify(token)
        except TokenRefused as error:
            raise _unauthenticated(str(error)) from error
        except KeysUnreachable as error:
            raise Refusal(
                503,
                "SIGN_IN_UNAVAILABLE",
                "The project that signs people in can't be asked for its keys now. Try again in a minute.",
            ) from error


def gate_for(settings: Settings) -> LocalGate | TokenGate:
    """Choose how people are told apart."""
    return TokenGate(settings) if settings.signs_in else LocalGate()


async def admit(gate: Gate, context: Context, said: Mapping[str, object]) -> None:
    """Identify who opened a WebSocket by the payload of `connection_init`, unless a header told it.

    Raises
    ------
    ConnectionRejectionError
        The payload does not say who it is, or that is not true.
    """
    if context.identity is not NOBODY:
        return
    words = {name.lower(): value for name, value in said.items() if isinstance(value, str)}
    try:
        context.identity = await gate.identify(words, context.services)
    except Refusal as refusal:
        raise ConnectionRejectionError({"code": refusal.code}) from refusal


async def identity_of(gate: Gate, connection: HTTPConnection, services: Services) -> Identity:
    """Identify who sent a request; a WebSocket may still tell."""
    if connection.scope["type"] == "websocket" and "authorization" not in connection.headers:
        if isinstance(gate, LocalGate):
            return LOCAL_IDENTITY
        return NOBODY
    return await gate.identify(connection.headers, services)


def _bearer(header: str | None) -> str:
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        found = "is missing" if header is None else f"begins with {scheme[:20]!r}"
        raise _unauthenticated(
            f"The Authorization header {found}; expected `Bearer <access token>`. "
            "Sign in with `pourplan login`, or send the token of your Supabase session."
        )
    return token.strip()


async def _holder_of(secret: str, services: Services) -> UUID:
    async with services.database.own() as connection:
        user: UUID | None = await connection.fetchval(KEY, api_keys.hash_of(secret))
    if user is None:
        raise _unauthenticated(
            "This API key is unknown or was revoked. Ask an admin of the tenant for a new one (createApiKey)."
        )
    return user


def _unauthenticated(message: str) -> Refusal:
    return Refusal(401, "UNAUTHENTICATED", message, headers={"WWW-Authenticate": 'Bearer realm="pourplan"'})


async def _check_tenant(identity: Identity, services: Services) -> None:
    async with services.database.transaction(identity) as connection:
        if not await connection.fetchval(CHOSEN):
            raise Refusal(
                403,
                "NOT_A_MEMBER",
                f"The header X-Pourplan-Tenant names {str(identity.tenant)[:60]!r}, of which you are no "
                "member. Name one of your tenants by its slug or id, or ask its admin to invite you.",
            )
