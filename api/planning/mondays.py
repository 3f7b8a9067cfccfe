"""Keeps the Mondays: whoever asked for it has a run on the planner's desk when the week begins.

What is due is the database's knowledge, and so is who is at it: any number of services may keep the same
Mondays, and each is planned once. A service that was away finds what it missed as soon as it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, Self
from uuid import UUID

import asyncpg
import structlog

from api.database import Database, Notices, prepare_connection
from api.payloads import UserMistakes, as_mistake
from api.planning.monday_planning import failed_task, queue_monday, without_data
from api.planning.monday_store import Wish, Wishes
from api.relay import UserMistake

ANNOUNCED = "mondays"
"""Payload of the notice that a wish was recorded."""
MOST_ATTEMPTS = 3
_STATEMENT_SECONDS = 30
_WAITS = ("TOO_MANY_RUNS", "CONFLICT")
"""Refusals that pass."""

log = structlog.get_logger(__name__)


class HandsOver(Protocol):
    """Who takes care of a queued run."""

    async def hand_over(self, run_id: UUID) -> None:
        """Take care of a run whose transaction is committed."""


def utc_now() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


class Mondays:
    """Looks for Mondays that have come, and queues their replans.

    Looks at start-up, when a wish is announced, and every so many seconds.

    Parameters
    ----------
    database
        As the service's login.
    jobs_url
        Postgres as the login ``pourplan_jobs``.
    notices
        Where wishes are announced.
    dispatcher
        Who takes the runs.
    every_seconds
        Between two looks.
    clock
        Tells the time.
    """

    def __init__(
        self,
        database: Database,
        jobs_url: str,
        notices: Notices,
        dispatcher: HandsOver,
        *,
        every_seconds: float,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._jobs_url = jobs_url
        self._notices = notices
        self._dispatcher = dispatcher
        self._every_seconds = every_seconds
        self._clock = clock

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> int:
        """Queue all that has come due; tells how many wishes were looked at."""
        looked_at = 0
        async with self._open() as wishes:
            await wishes.record(self._clock())
            while (wish := await wishes.take(self._clock())) is not None:
                await self._fulfil(wishes, wish)
                looked_at += 1
        return looked_at

    async def _keep(self) -> None:
        with self._notices.subscribe(ANNOUNCED) as announced:
            while True:
                announced.clear()
                try:
                    await self.look()
                except Exception as error:
                    # Wishes stay where they are, and the next look may find it mended.
                    log.warning("mondays_failed", reason=f"{type(error).__name__}: {error}")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(announced.wait(), self._every_seconds)

    @contextlib.asynccontextmanager
    async def _open(self) -> AsyncIterator[Wishes]:
        connection = await asyncpg.connect(
            self._jobs_url,
            command_timeout=_STATEMENT_SECONDS,
            server_settings={"application_name": "pourplan-mondays", "jit": "off"},
        )
        try:
            await prepare_connection(connection)
            yield Wishes(connection)
        finally:
            await connection.close(timeout=2)

    async def _fulfil(self, wishes: Wishes, wish: Wish) -> None:
        try:
            async with self._database.transaction(wish.identity) as connection:
                run = await queue_monday(connection, wish, self._clock())
        except (UserMistake, UserMistakes) as error:
            async with self._database.transaction(wish.identity) as connection:
                task = await failed_task(connection, wish)
            await self._fail(wishes, wish, task, _told(error))
        except Exception as error:
            refusal = as_mistake(error) if isinstance(error, asyncpg.PostgresError) else None
            if refusal is not None and refusal.code in _WAITS:
                log.warning("monday_waits", scenario=str(wish.scenario_id), reason=refusal.message)
                await wishes.give_back(wish, self._clock() + timedelta(seconds=self._every_seconds))
                return
            log.exception("monday_broken", scenario=str(wish.scenario_id), attempt=wish.attempt)
            if wish.attempt >= MOST_ATTEMPTS:
                await self._fail(wishes, wish, without_data(wish), BROKEN)
        else:
            await wishes.fulfil(wish, run)
            log.info("monday_queued", scenario=str(wish.scenario_id), monday=str(wish.monday), run=str(run))
            await self._dispatcher.hand_over(run)

    async def _fail(self, wishes: Wishes, wish: Wish, task: dict[str, Any], error: dict[str, Any]) -> None:
        run = await wishes.fail(wish, task, error)
        if run is None:
            log.info("monday_withdrawn", scenario=str(wish.scenario_id), monday=str(wish.monday))
            return
        log.error(
            "monday_failed",
            scenario=str(wish.scenario_id),
            monday=str(wish.monday),
            run=str(run),
            code=error["code"],
            reason=error["message"],
        )


BROKEN = {
    "code": "MONDAY_BROKEN",
    "message": f"The replan of this Monday could not be prepared, {MOST_ATTEMPTS} times.",
    "hint": "Replan the scenario yourself; the service's log tells the reason (monday_broken).",
    "details": [],
}


def _told(error: UserMistake | UserMistakes) -> dict[str, Any]:
    """Tell what a user would have been answered as the error of a run."""
    mistakes = error.mistakes if isinstance(error, UserMistakes) else (error,)
    return {
        "code": mistakes[0].code,
        "message": mistakes[0].message,
        "hint": mistakes[0].hint,
        "details": [mistake.message for mistake in mistakes[1:]],
    }
