"""`pourplan serve`: the GraphQL service, until it is told to end."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from types import FrameType

import uvicorn

from api.app import check_may_serve, create_app
from api.cli.failure import CommandFailed
from api.cli.terminal import err
from api.cluster import EmbeddedPostgresError
from api.context import Services
from api.migrations import MigrationError
from api.settings import Settings, SettingsError


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve on one address.

    Raises
    ------
    SettingsError
        Without sign-in this address or this database must not be served; or a setting is of no use.
    EmbeddedPostgresError, MigrationError
        The database could not be started, or is not at this version.
    CommandFailed
        The port is taken.
    """
    check_may_serve(settings, host)
    listener = _listen(host, port)
    start = _Start()
    config = uvicorn.Config(
        create_app(settings, open_services=start.open_services),
        log_config=None,
        access_log=False,
        ws_max_size=settings.max_body_bytes,
        timeout_graceful_shutdown=5,
    )
    shown = f"[{host}]" if ":" in host else host
    greeting = f"Pourplan on http://{shown}:{port}/ (playground), GraphQL at /graphql. Ctrl-C ends it."
    server = _GreetingServer(config, greeting)
    logging.getLogger("uvicorn.error").addFilter(start.is_news)
    try:
        server.run(sockets=[listener])
    except SystemExit:
        # So the server ends a start that failed.
        if start.failure:
            raise start.failure from None
        raise
    except KeyboardInterrupt:
        # The server passes on what ended it; told by whoever runs the service, an orderly end is no failure.
        if not server.terminated:
            raise
    finally:
        logging.getLogger("uvicorn.error").removeFilter(start.is_news)
    if not server.started:
        # The log has said why.
        sys.exit(1)


class _GreetingServer(uvicorn.Server):
    """Tells where it is reached as soon as it is, and remembers what ended it."""

    terminated = False

    def __init__(self, config: uvicorn.Config, greeting: str) -> None:
        super().__init__(config)
        self._greeting = greeting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and greet."""
        await super().startup(sockets)
        if self.started:
            err.print(self._greeting)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End in order; a second signal ends at once."""
        self.terminated = self.terminated or sig == signal.SIGTERM
        super().handle_exit(sig, frame)


class _Start:
    """Keeps why the service could not start: the command ends with it."""

    failure: SettingsError | EmbeddedPostgresError | MigrationError | None = None

    @asynccontextmanager
    async def open_services(self, settings: Settings) -> AsyncIterator[Services]:
        """Open what the service lives on."""
        from api.services import open_services

        async with AsyncExitStack() as opened:
            try:
                services = await opened.enter_async_context(open_services(settings, exclusive=True))
            except (SettingsError, EmbeddedPostgresError, MigrationError) as error:
                self.failure = error
                raise
            yield services

    def is_news(self, _: logging.LogRecord) -> bool:
        """Whether the log should have a line of the server: not the reason that is told in a moment."""
        return self.failure is None


def _listen(host: str, port: int) -> socket.socket:
    # Taken before the database starts, so that a second service on a port ends at once.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise CommandFailed(
            f"Port {port} on {host} can't be had: {error.strerror}.", f"Choose another: --port {port + 1}"
        ) from error
    return listener
