"""`pourplan serve`: the GraphQL service, until it is told to end."""

from __future__ import annotations

import socket
import sys

import uvicorn

from api.app import check_may_serve, create_app
from api.cli.failure import CommandFailed
from api.cli.terminal import err
from api.settings import Settings


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve on one address.

    Raises
    ------
    SettingsError
        Without sign-in this address or this database must not be served.
    CommandFailed
        The port is taken.
    """
    check_may_serve(settings, host)
    listener = _listen(host, port)
    config = uvicorn.Config(
        create_app(settings),
        log_config=None,
        access_log=False,
        ws_max_size=settings.max_body_bytes,
        timeout_graceful_shutdown=5,
    )
    shown = f"[{host}]" if ":" in host else host
    err.print(f"Pourplan on http://{shown}:{port}/ (playground), GraphQL at /graphql. Ctrl-C ends it.")
    server = uvicorn.Server(config)
    server.run(sockets=[listener])
    if not server.started:
        # The log has said why.
        sys.exit(1)


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
