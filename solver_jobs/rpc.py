"""SQL functions of a Supabase project, called by HTTP.

A function's error keeps its code on this way (PostgREST answers ``PT409`` with the HTTP status 409 and names
the code in the body), so that the same facts come out as on a connection to Postgres.
"""

from __future__ import annotations

from typing import Any, Self

import httpx
import orjson
from postgrest.exceptions import APIError

import supabase
from solver_jobs.store import DoorShut, StoreUnreachable, fact_behind

_CONNECT_SECONDS = 10.0

# PostgREST has no connection to Postgres, or got none from its pool in time.
_REST_WITHOUT_DATABASE = ("PGRST000", "PGRST001", "PGRST002", "PGRST003")
# What a gateway answers with a page of its own, of which the client makes the status a code.
_PASSING_STATUS = ("408", "429", "500", "502", "503", "504", "520", "521", "522", "523", "524")
# The key or the token is not believed: unknown, expired, of another project, or for something else.
_NOT_BELIEVED = ("PGRST300", "PGRST301", "PGRST302", "PGRST303", "401", "42501")


class Rpc:
    """Calls of SQL functions.

    Parameters
    ----------
    url
        The project, such as ``https://<ref>.supabase.co``.
    key
        What its gateway asks for: the secret key, or the publishable one beside a token.
    token
        What opens the functions instead of the key.
    seconds
        How long an answer is waited for.
    """

    def __init__(self, url: str, key: str, token: str | None = None, *, seconds: float) -> None:
        self._url = url
        self._key = key
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(timeout=httpx.Timeout(seconds, connect=_CONNECT_SECONDS))
        self._client: supabase.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def call(self, function: str, **arguments: object) -> Any:
        """Call a function, and give what it answers.

        Raises
        ------
        StoreUnreachable
            It is worth trying again.
        DoorShut
            The key or the token does not open the function.
        """
        # As on a connection: what JSON has no number for is null.
        given = orjson.loads(orjson.dumps(arguments))
        try:
            client = await self._connected()
            return (await client.rpc(function, given).execute()).data
        except APIError as error:
            raise _fact(error) from error
        except httpx.TransportError as error:
            raise StoreUnreachable(f"{type(error).__name__}: {error}") from error

    async def _connected(self) -> supabase.AsyncClient:
        if self._client is None:
            # The worker itself knows how long a call is worth repeating, and which.
            options = supabase.AsyncClientOptions(
                headers=dict(self._headers),
                auto_refresh_token=False,
                persist_session=False,
                postgrest_client_retry=False,
                httpx_client=self._http,
            )
            self._client = await supabase.acreate_client(self._url, self._key, options)
        return self._client


def _fact(error: APIError) -> Exception:
    code = error.code or ""
    if code in _REST_WITHOUT_DATABASE or code in _PASSING_STATUS:
        return StoreUnreachable(f"{code}: {error.message}")
    if code in _NOT_BELIEVED:
        return DoorShut(f"{code}: {error.message}")
    return fact_behind(code, str(error.message)) or error
