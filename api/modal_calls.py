"""Runs as calls of a deployed Modal app, one function a kind of run (`solver_jobs/app.py`)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import structlog

from api.calls import NotHandedOver, QueuedRun
from api.settings import SettingsError

ANSWER_SECONDS = 15.0
"""How long Modal's control plane is waited for."""

log = structlog.get_logger(__name__)


class ModalCalls:
    """Hands runs to Modal.

    Parameters
    ----------
    app
        Name under which the app is deployed.

    Raises
    ------
    SettingsError
        The package is not installed.
    """

    def __init__(self, app: str) -> None:
        try:
            import modal
        except ImportError as error:
            raise SettingsError(
                f"POURPLAN_MODAL_APP is {app!r}, and the package modal is not installed: "
                "pip install 'pourplan[modal]', or unset it to run jobs on this machine"
            ) from error
        self._modal = modal
        self._app = app
        unknown = modal.exception
        self._no_answer: tuple[type[BaseException], ...] = (
            OSError,
            TimeoutError,
            unknown.ConnectionError,
            unknown.AuthError,
            unknown.InternalError,
            unknown.PermissionDeniedError,
            unknown.ResourceExhaustedError,
            unknown.ServiceError,
            unknown.ClientClosed,
        )

    async def begin(self, run: QueuedRun) -> str | None:
        """Spawn the function of the run's kind."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                function = self._modal.Function.from_name(self._app, run.kind.lower())
                call = await function.spawn.aio(str(run.run_id))
        except (*self._no_answer, self._modal.exception.Error) as error:
            raise NotHandedOver(
                f"Modal did not take the run: {type(error).__name__}: {error}. Look whether the app "
                f"{self._app!r} is deployed (modal deploy -m solver_jobs.app), and whether MODAL_TOKEN_ID "
                "and MODAL_TOKEN_SECRET are set."
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
                await self._modal.FunctionCall.from_id(run.call_id).get.aio(timeout=0)
        except self._no_answer as error:
            if not isinstance(error, TimeoutError):
                log.warning("modal_unreachable", run=str(run.run_id), reason=str(error))
            return False
        except (self._modal.exception.InputCancellation, Exception) as outcome:
            log.info("call_failed", run=str(run.run_id), call=run.call_id, outcome=repr(outcome))
        return True

    async def cancel(self, call_id: str) -> None:
        """Cancel a call with its container, in which the solver's thread would go on."""
        if not call_id.startswith("fc-"):
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                call = self._modal.FunctionCall.from_id(call_id)
                await call.cancel.aio(terminate_containers=True)
        except (*self._no_answer, self._modal.exception.Error) as error:
            # Its next beat tells it.
            log.warning("call_not_cancelled", call=call_id, reason=str(error))

    async def drop(self, call_ids: Collection[str]) -> None:
        """Cancel calls that said nothing for a whole lease."""
        await asyncio.gather(*(self.cancel(call_id) for call_id in call_ids))

    async def close(self) -> None:
        """Leave the calls to Modal: they go on without this process."""
