"""The four operations through Supabase's REST, for a worker that reaches no Postgres: on Modal.

It calls the same SQL functions as `DirectStore`, with the project's secret key. A function's error keeps its
code on this way (PostgREST answers ``PT409`` with the HTTP status 409 and names the code in the body), so
that the same facts come out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

import httpx
import orjson
from postgrest.exceptions import APIError

import supabase
from solver_jobs.errors import JobError
from solver_jobs.store import Claim, Progress, Stop, StoreUnreachable, fact_behind

_CONNECT_SECONDS = 10.0

# PostgREST has no connection to Postgres, or got none from its pool in time.
_REST_WITHOUT_DATABASE = ("PGRST000", "PGRST001", "PGRST002", "PGRST003")
# What a gateway answers with a page of its own, of which the client makes the status a code.
_PASSING_STATUS = ("408", "429", "500", "502", "503", "504", "520", "521", "522", "523", "524")


class RpcStore:
    """The four operations as calls of the SQL functions over HTTP.

    Parameters
    ----------
    url
        The Supabase project, such as ``https://<ref>.supabase.co``.
    key
        Its secret key: only the service role may execute the functions.
    call_id
        The worker process or Modal call that this is, for those who may have to end it.
    lease_seconds
        A worker that says nothing for so long is given up.
    max_attempts
        The run fails once it was claimed so often and no worker ended it.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        call_id: str | None = None,
        lease_seconds: int = 60,
        max_attempts: int = 3,
    ) -> None:
        self._url = url
        self._key = key
        self._call_id = call_id
        self._lease_seconds = lease_seconds
        self._max_attempts = max_attempts
        self._http = httpx.AsyncClient(timeout=httpx.Timeout(lease_seconds, connect=_CONNECT_SECONDS))
        self._client: supabase.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def claim(self, run_id: UUID) -> Claim | None:
        """Take a run; see `RunStore.claim`."""
        answer = await self._call(
            "claim_run",
            p_run_id=str(run_id),
            p_lease_seconds=self._lease_seconds,
            p_max_attempts=self._max_attempts,
            p_call_id=self._call_id,
        )
        return None if answer is None else Claim.read(run_id, answer)

    async def progress(self, claim: Claim, progress: Progress) -> Stop | None:
        """Renew the lease; see `RunStore.progress`."""
        told = progress.bounded()
        answer = await self._call(
            "progress_run",
            p_run_id=str(claim.run_id),
            p_lease_token=str(claim.lease_token),
            p_phase=told.phase,
            p_percent=told.percent,
            p_best_objective=told.best_objective,
            p_best_bound=told.best_bound,
            p_lease_seconds=self._lease_seconds,
        )
        return Stop.read(answer)

    async def finish(self, claim: Claim, result: Mapping[str, Any]) -> None:
        """Store the result; see `RunStore.finish`."""
        await self._call(
            "finish_run", p_run_id=str(claim.run_id), p_lease_token=str(claim.lease_token), p_result=result
        )

    async def fail(self, claim: Claim, error: JobError) -> None:
        """End without a result; see `RunStore.fail`."""
        await self._call(
            "fail_run",
            p_run_id=str(claim.run_id),
            p_lease_token=str(claim.lease_token),
            p_code=error.code,
            p_message=error.message,
            p_hint=error.hint,
            p_details=list(error.details),
        )

    async def _call(self, function: str, **arguments: object) -> Any:
        # As through the other door: what JSON has no number for is null.
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
    return fact_behind(code, str(error.message)) or error
