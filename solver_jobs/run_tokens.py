"""Tokens that open one run: signed by whoever hands it over, believed by the project's REST.

A Supabase project believes tokens that are signed by a key of its own: the legacy HS256 secret, or a signing
key whose private half was made here and imported there. Such a token makes its holder the role
``pourplan_run``, which may execute the jobs' four functions, and these compare the run that the token names.
"""

from __future__ import annotations

import json
import time
from typing import Any, Self
from uuid import UUID

import jwt

ROLE = "pourplan_run"
RUN = "run_id"
SECONDS = 12 * 3600
"""How long a token is believed: as long as a run may wait for its container, and be worked on."""
_ALGORITHMS = {"EC": "ES256", "RSA": "RS256", "oct": "HS256"}
_LEGACY = "HS256"
_HOW = "Make one with: supabase gen signing-key --algorithm ES256, and import it into the project."


class SigningKeyWrong(ValueError):
    """The signing key cannot sign; the message says what was expected, and nothing of the key."""


class RunTokens:
    """Signs tokens.

    Parameters
    ----------
    key
        What signs.
    algorithm
        How.
    kid
        The key's id, where the project tells its keys apart by it.
    """

    def __init__(self, key: Any, algorithm: str, kid: str | None = None) -> None:
        self._key = key
        self._algorithm = algorithm
        self._headers = {"kid": kid} if kid else {}

    @classmethod
    def by(cls, signing_key: str | None, jwt_secret: str | None) -> Self | None:
        """Take the project's imported signing key, else its legacy secret; None where there is neither.

        Raises
        ------
        SigningKeyWrong
            The signing key is none.
        """
        if signing_key:
            return cls._by_jwk(signing_key)
        return cls(jwt_secret, _LEGACY) if jwt_secret else None

    @classmethod
    def _by_jwk(cls, text: str) -> Self:
        try:
            jwk = json.loads(text)
        except ValueError:
            jwk = None
        if not isinstance(jwk, dict) or str(jwk.get("kty")) not in _ALGORITHMS:
            raise SigningKeyWrong(f"expected a private key as a JSON Web Key (kty EC, RSA or oct). {_HOW}")
        if not jwk.get("kid"):
            raise SigningKeyWrong(f"the key has no kid, by which the project finds its public half. {_HOW}")
        if jwk["kty"] != "oct" and "d" not in jwk:
            raise SigningKeyWrong(f"this is the public half of a key, which signs nothing. {_HOW}")
        algorithm = _ALGORITHMS[jwk["kty"]]
        try:
            key = jwt.PyJWK(jwk, algorithm).key
        except (jwt.PyJWTError, KeyError):  # a shared key without its k
            raise SigningKeyWrong(f"the key is damaged. {_HOW}") from None
        return cls(key, algorithm, str(jwk["kid"]))

    def mint(self, run_id: UUID, seconds: int = SECONDS) -> str:
        """Sign a token that opens this run and nothing else."""
        # No time of issue: a project whose clock is behind ours would not believe it yet.
        claims = {"role": ROLE, RUN: str(run_id), "exp": int(time.time()) + seconds}
        return jwt.encode(claims, self._key, self._algorithm, self._headers)
