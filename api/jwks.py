"""The public keys of a Supabase project's access tokens: fetched, kept, and fetched again when rotated."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import structlog

ALGORITHMS = ("ES256", "RS256")
_FETCH_SECONDS = 10.0
_FRESH_SECONDS = 600.0
"""Within this a key that the project revoked is let go."""
_PAUSE_SECONDS = 30.0
"""Least time between two fetches: made-up key ids must not make us a burden to the project."""

log = structlog.get_logger(__name__)


class KeysUnreachable(Exception):
    """The project's public keys can't be fetched, and none are known."""


class KeySet:
    """The keys of one project by their id.

    Parameters
    ----------
    url
        Where the project publishes them.
    clock
        Seconds that only go forward.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._asked_at: float | None = None
        self._one_at_a_time = asyncio.Lock()

    async def key(self, kid: str) -> jwt.PyJWK | None:
        """Give a key by its id; None for one that the project does not have.

        Raises
        ------
        KeysUnreachable
            No keys were ever fetched, and now none can be.
        """
        if kid not in self._keys or self._older_than(self._fetched_at, _FRESH_SECONDS):
            async with self._one_at_a_time:
                await self._refresh(kid)
        return self._keys.get(kid)

    async def _refresh(self, kid: str) -> None:
        # Another request may have fetched while this one waited.
        known = kid in self._keys and not self._older_than(self._fetched_at, _FRESH_SECONDS)
        if known or not self._older_than(self._asked_at, _PAUSE_SECONDS):
            return
        self._asked_at = self._clock()
        try:
            self._keys = await self._fetch()
        except (httpx.HTTPError, ValueError, TypeError, KeyError) as error:
            log.warning("signing_keys_not_fetched", url=self._url, reason=f"{type(error).__name__}: {error}")
            if self._fetched_at is None:
                self._asked_at = None
                raise KeysUnreachable(f"{self._url}: {error}") from error
            return
        self._fetched_at = self._clock()

    async def _fetch(self) -> dict[str, jwt.PyJWK]:
        async with httpx.AsyncClient(timeout=_FETCH_SECONDS) as http:
            response = await http.get(self._url)
        response.raise_for_status()
        found = [usable_key(key) for key in response.json()["keys"]]
        return {str(key.key_id): key for key in found if key is not None}

    def _older_than(self, moment: float | None, seconds: float) -> bool:
        return moment is None or self._clock() - moment >= seconds


def usable_key(told: Any) -> jwt.PyJWK | None:
    """Read a key; None for one that is none of ours: a shared secret, an algorithm that we don't take."""
    try:
        key = jwt.PyJWK.from_dict(told)
    except jwt.PyJWTError:
        return None
    signs = told.get("use", "sig") == "sig" and told["kty"] in ("EC", "RSA")
    return key if signs and key.algorithm_name in ALGORITHMS and key.key_id else None
