"""Opens the session of a command: with the service that is set, else with the database of this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.cli.failure import CommandFailed
from api.cli.session import Session
from api.settings import Settings


@asynccontextmanager
async def open_session(settings: Settings) -> AsyncIterator[Session]:
    """Open a session: with the service of POURPLAN_URL, else with the database of this machine.

    Raises
    ------
    CommandFailed
        The service is not to be asked so, or the database is not on this machine: there one signs in.
    """
    # Whoever asks elsewhere waits for no schema to be built here.
    if settings.url is not None:
        from api.cli.remote_session import open_remote_session

        async with open_remote_session(settings, settings.url) as session:
            yield session
        return
    if not settings.embedded:
        raise CommandFailed(
            "DATABASE_URL is set: this command works on the database of this machine, where nobody signs in.",
            "Unset DATABASE_URL, or ask the service of that database: set POURPLAN_URL.",
        )
    from api.cli.local_session import open_local_session

    async with open_local_session(settings) as local:
        yield local
