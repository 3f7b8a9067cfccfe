"""Lets the next what-if go as soon as another one has ended, wherever that ran."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.database import Notices
from api.dispatch import Dispatcher

ANNOUNCED = "room"
"""Payload of the notice that a run of a batch has ended."""


@asynccontextmanager
async def filling_vacancies(notices: Notices, dispatcher: Dispatcher) -> AsyncIterator[None]:
    """Have the dispatcher look whenever there is room for another run of a batch."""
    task = asyncio.create_task(_fill(notices, dispatcher))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _fill(notices: Notices, dispatcher: Dispatcher) -> None:
    with notices.subscribe(ANNOUNCED) as announced:
        while True:
            await announced.wait()
            announced.clear()
            dispatcher.look()
