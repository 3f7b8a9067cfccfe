"""Access tokens of a Supabase project: who somebody is, never what they may do.

A token is believed when it is signed by a key that the project publishes (ES256, RS256), or by the shared
secret of a project that still uses the legacy HS256 and has it configured, and when it was issued by that
project, for its users, and is valid now. Of all it claims only the user's id is taken: membership and role
are looked up in the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jwt

from api.jwks import ALGORITHMS, KeySet

AUDIENCE = "authenticated"
ROLE = "authenticated"
SKEW_SECONDS = 30
"""By so much the clocks of the project and of this service may disagree."""
LONGEST = 8192
_LEGACY = "HS256"


class TokenRefused(Exception):
    """The token proves nothing; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a token proves: whose it is, and until when (Unix seconds, the clocks' disagreement included)."""

    user_id: UUID
    until: float


class AccessTokens:
    """Verifies the access tokens of one project.

    Parameters
    ----------
    url
        The project, such as ``https://<ref>.supabase.co``.
    secret
        The shared secret of a project that signs by the legacy HS256; None refuses such tokens.
    keys
        The project's public keys; from where it publishes them unless told.
    """

    def __init__(self, url: str, secret: str | None = None, *, keys: KeySet | None = None) -> None:
        self._issuer = f"{url.rstrip('/')}/auth/v1"
        self._secret = secret
        self._keys = keys or KeySet(f"{self._issuer}/.well-known/jwks.json")

    async def verify(self, token: str) -> Verified:
        """Tell whose token it is, and how long it is valid.

        Raises
        ------
        TokenRefused
            It is not a valid token of this project.
        KeysUnreachable
            The keys that would tell can't be had now.
        """
        if len(token) > LONGEST:
            raise TokenRefused(f"The access token has {len(token)} characters; expected at most {LONGEST}.")
        algorithm, key = await self._key_for(token)
        claims = self._claims(token, algorithm, key)
        if claims.get("role") != ROLE:
            raise TokenRefused(
                f"The token's role is {claims.get('role')!r}; expected a signed-in user's, {ROLE!r}. "
                "Keys of the project are no access tokens: sign in."
            )
        try:
            return Verified(UUID(claims["sub"]), claims["exp"] + SKEW_SECONDS)
        except (ValueError, TypeError, AttributeError):
            raise TokenRefused("The token's subject is no user id. Sign in again.") from None

    async def _key_for(self, token: str) -> tuple[str, jwt.PyJWK | str]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise TokenRefused("This is no access token; sign in with `pourplan login`.") from None
        algorithm = header.get("alg")
        # The algorithm decides what kind of key is taken, and a key of one kind never serves another.
        if algorithm == _LEGACY and self._secret is not None:
            return _LEGACY, self._secret
        if algorithm not in ALGORITHMS:
            raise TokenRefused(
                f"The token says it is signed by {algorithm!r}; expected {' or '.join(ALGORITHMS)}."
                + (
                    " For a project that still signs by HS256, set SUPABASE_JWT_SECRET."
                    * (algorithm == _LEGACY)
                )
            )
        kid = header.get("kid")
        key = await self._keys.key(kid) if isinstance(kid, str) else None
        if key is None or key.algorithm_name != algorithm:
            raise TokenRefused(
                f"The token is signed by the key {str(kid)[:80]!r}, which {self._issuer} does not publish "
                f"for {algorithm}. Sign in again."
            )
        return algorithm, key

    def _claims(self, token: str, algorithm: str, key: jwt.PyJWK | str) -> dict[str, Any]:
        # Some projects' legacy tokens name no issuer; that the secret is the project's own tells it as well.
        named = algorithm != _LEGACY
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=AUDIENCE,
                issuer=self._issuer if named else None,
                leeway=SKEW_SECONDS,
                options={"require": ["exp", "iat", "aud", "sub", *(["iss"] if named else [])]},
            )
        except jwt.PyJWTError as error:
            raise TokenRefused(self._sentence(error)) from None
        if claims.get("iss", self._issuer) != self._issuer:
            raise TokenRefused(self._sentence(jwt.InvalidIssuerError()))
        return claims

    def _sentence(self, error: jwt.PyJWTError) -> str:
        match error:
            case jwt.ExpiredSignatureError():
                return "The access token has expired. Refresh it, or sign in again."
            case jwt.ImmatureSignatureError():
                return (
                    f"The access token is not valid yet, by more than {SKEW_SECONDS} seconds. "
                    "Compare the clocks of the project and of this service."
                )
            case jwt.InvalidIssuerError():
                return (
                    f"The access token was issued by another project; expected {self._issuer}. Sign in there."
                )
            case jwt.InvalidAudienceError():
                return f"The access token is for somebody else than {AUDIENCE!r} users."
            case jwt.MissingRequiredClaimError():
                return f"The access token does not tell its {error.claim!r}. Sign in again."
        return "The signature of the access token is wrong. Sign in again."
