"""The four operations through Supabase's REST, for a worker that reaches no Postgres: on Modal.

It calls the same SQL functions as `DirectStore`, with a token that opens the run alone, or with the project's
secret key, which opens all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from solver_jobs.errors import JobError
from solver_jobs.rpc import Rpc
from solver_jobs.store import Claim, Progress, Stop


class RpcStore:
    """The four operations as calls of the SQL functions over HTTP.

    Parameters
    ----------
    url
        The Supabase project, such as ``https://<ref>.supabase.co``.
    key
        Its secret key; its publishable one where there is a token.
    token
        Opens the run (`solver_jobs.run_tokens`).
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
        token: str | None = None,
        *,
        call_id: str | None = None,
        lease_seconds: int = 60,
        max_attempts: int = 3,
    ) -> None:
        self._rpc = Rpc(url, key, token, seconds=lease_seconds)
        self._call_id = call_id
        self._lease_seconds = lease_seconds
        self._max_attempts = max_attempts

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._rpc.__aexit__(*error)

    async def claim(self, run_id: UUID) -> Claim | None:
        """Take a run; see `RunStore.claim`."""
        answer = await self._rpc.call(
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
        answer = await self._rpc.call(
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
        await self._rpc.call(
            "finish_run", p_run_id=str(claim.run_id), p_lease_token=str(claim.lease_token), p_result=result
        )

    async def fail(self, claim: Claim, error: JobError) -> None:
        """End without a result; see `RunStore.fail`."""
        await self._rpc.call(
            "fail_run",
            p_run_id=str(claim.run_id),
            p_lease_token=str(claim.lease_token),
            p_code=error.code,
            p_message=error.message,
            p_hint=error.hint,
            p_details=list(error.details),
        )
