"""Runs as calls of a Modal app, one function a kind of run; each call is given what opens its run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any

import modal
import structlog
from modal import exception

from solver_jobs.calls import NotHandedOver, QueuedRun
from solver_jobs.run_tokens import RunTokens

ANSWER_SECONDS = 15.0
"""How long Modal's control plane is waited for."""
_NO_ANSWER: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    exception.ConnectionError,
    exception.AuthError,
    exception.InternalError,
    exception.PermissionDeniedError,
    exception.ResourceExhaustedError,
    exception.ServiceError,
    exception.ClientClosed,
)

log = structlog.get_logger(__name__)


class ModalCalls:
    """Hands runs to Modal.

    Parameters
    ----------
    function
        Gives the function that works on a kind of run.
    tokens
        Signs what opens the run, where the project's key is at hand; else the app has a key of its own.
    """

    def __init__(self, function: Callable[[str], Any], tokens: RunTokens | None = None) -> None:
        self._function = function
        self._tokens = tokens

    async def begin(self, run: QueuedRun) -> str | None:
        """Spawn the function of the run's kind."""
        token = () if self._tokens is None else (self._tokens.mint(run.run_id),)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                call = await self._function(run.kind).spawn.aio(str(run.run_id), *token)
        except (*_NO_ANSWER, exception.Error) as error:
            raise NotHandedOver(
                f"Modal did not take the run: {type(error).__name__}: {error}. Look whether the app is "
                "deployed (modal deploy -m solver_jobs.app), and whether MODAL_TOKEN_ID and "
                "MODAL_TOKEN_SECRET are set."
            ) from error
        call_id: str = call.object_id
        return call_id

    async def has_ended(self, run: QueuedRun) -> bool:
        """Ask Modal for the call's outcome: any at all means that it is over.

        A worker's own exceptions are raised here too. None of them is an OSError, which tells that Modal is
        out of reach: `solver_jobs.app` ends in a `WorkerDied` instead.
        """
        if not (run.call_id or "").startswith("fc-"):
            return True
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await modal.FunctionCall.from_id(run.call_id).get.aio(timeout=0)
        except _NO_ANSWER as error:
            if not isinstance(error, TimeoutError):
                log.warning("modal_unreachable", run=str(run.run_id), reason=str(error))
            return False
        except (exception.InputCancellation, Exception) as outcome:
            log.info("call_failed", run=str(run.run_id), call=run.call_id, outcome=repr(outcome))
        return True

    async def cancel(self, call_id: str) -> None:
        """Cancel a call with its container, in which the solver's thread would go on."""
        if not call_id.startswith("fc-"):
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                call = modal.FunctionCall.from_id(call_id)
                await call.cancel.aio(terminate_containers=True)
        except (*_NO_ANSWER, exception.Error) as error:
            # Its next beat tells it.
            log.warning("call_not_cancelled", call=call_id, reason=str(error))

    async def drop(self, call_ids: Collection[str]) -> None:
        """Cancel calls that said nothing for a whole lease."""
        await asyncio.gather(*(self.cancel(call_id) for call_id in call_ids))

    async def close(self) -> None:
        """Leave the calls to Modal: they go on without this process."""
