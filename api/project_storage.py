"""The Storage of a Supabase project, reached with its secret key, which row-level security lets through.

Whoever reads with a token of their own instead meets the policies of the migrations: a member sees the files
of the own tenants.
"""

from __future__ import annotations

from typing import Self

import httpx

import supabase

_SECONDS = 60.0


class StorageRefused(OSError):
    """Storage did not keep a file."""


class ProjectStorage:
    """A client of a project's Storage, made when it is needed first.

    Parameters
    ----------
    url
        The Supabase project, such as ``https://<ref>.supabase.co``.
    key
        Its secret key.
    """

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self._key = key
        self._http = httpx.AsyncClient(timeout=_SECONDS)
        self._client: supabase.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def connected(self) -> supabase.AsyncClient:
        """Give the client."""
        if self._client is None:
            options = supabase.AsyncClientOptions(
                auto_refresh_token=False, persist_session=False, httpx_client=self._http
            )
            self._client = await supabase.acreate_client(self.url, self._key, options)
        return self._client
