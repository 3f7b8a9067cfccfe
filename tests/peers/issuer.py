"""A project's key server on loopback: publishes what public keys a test gives it, and signs with them."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.api.http.serving import listening

SECRET = "the shared secret of a legacy project, 40+ bytes"


@dataclass
class SigningKey:
    """A key pair with its id."""

    algorithm: str
    kid: str
    private: Any

    @classmethod
    def new(cls, algorithm: str, kid: str | None = None) -> SigningKey:
        private = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else rsa.generate_private_key(65537, 2048)
        )
        return cls(algorithm, kid or uuid.uuid4().hex, private)

    @property
    def public(self) -> dict[str, Any]:
        """As the project publishes it."""
        told: dict[str, Any] = (ECAlgorithm if self.algorithm == "ES256" else RSAAlgorithm).to_jwk(
            self.private.public_key(), as_dict=True
        )
        return {**told, "kid": self.kid, "alg": self.algorithm, "use": "sig", "key_ops": ["verify"]}


@dataclass
class Issuer:
    """A project that signs with asymmetric keys, which the counterpart of Supabase does not."""

    url: str = ""
    keys: list[SigningKey] = field(default_factory=list)
    extra: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    broken: bool = False

    def claims(self, **claims: object) -> dict[str, object]:
        """The claims of a token that is valid now; None leaves one out."""
        now = int(time.time())
        usual: dict[str, object] = {
            "iss": f"{self.url}/auth/v1",
            "aud": "authenticated",
            "role": "authenticated",
            "sub": str(uuid.UUID(int=7)),
            "iat": now,
            "exp": now + 600,
        }
        return {name: value for name, value in {**usual, **claims}.items() if value is not None}

    def token(self, key: SigningKey | None = None, **claims: object) -> str:
        """A token signed by a key, the first published one unless told."""
        key = key or self.keys[0]
        return jwt.encode(
            self.claims(**claims), key.private, algorithm=key.algorithm, headers={"kid": key.kid}
        )

    async def publish(self, request: Request) -> JSONResponse:
        self.asked += 1
        if self.broken:
            return JSONResponse({"error": "down"}, status_code=503)
        return JSONResponse({"keys": [*(key.public for key in self.keys), *self.extra]})


@asynccontextmanager
async def publishing(*algorithms: str) -> AsyncIterator[Issuer]:
    """An issuer with a new key for each algorithm."""
    issuer = Issuer(keys=[SigningKey.new(algorithm) for algorithm in algorithms])
    route = Route("/auth/v1/.well-known/jwks.json", issuer.publish)
    async with listening(Starlette(routes=[route])) as service:
        issuer.url = service.url
        yield issuer
