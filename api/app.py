"""The ASGI application: its routes, what surrounds them, and what it opens and closes."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import playground
from api.cluster import EmbeddedPostgresError
from api.context import Context, Services
from api.http import health
from api.http.body import BodyLimit
from api.http.gate import Gate, admit, gate_for, identity_of
from api.http.hosts import LOOPBACK, OwnHostsOnly
from api.http.metrics import Metrics, metrics
from api.http.refusal import Refusal
from api.http.served import ServedSchema
from api.http.tracing import TraceRequests
from api.http.view import GraphQLView
from api.migrations import MigrationError
from api.reports.routes import ROUTES as DOWNLOADS
from api.settings import Settings, SettingsError

if TYPE_CHECKING:
    import strawberry

OpenServices: TypeAlias = Callable[[Settings], AbstractAsyncContextManager[Services]]

HEALTH = frozenset({"/health", "/health/ready", "/health/live"})

log = structlog.get_logger(__name__)


def create_app(
    settings: Settings,
    *,
    schema: strawberry.Schema | None = None,
    open_services: OpenServices | None = None,
) -> Starlette:
    """Make the service.

    Parameters
    ----------
    settings
        Checked by `check_may_serve` before.
    schema
        What is served; all features unless told.
    open_services
        Opens what the service lives on when it starts; as `api.services` does unless told.
    """
    counted = Metrics()
    served = ServedSchema(schema or _whole_schema(), settings, counted.operation)
    gate: Gate = gate_for(settings)

    async def context_of(connection: HTTPConnection) -> Context:
        services: Services = connection.app.state.services
        identity = await identity_of(gate, connection, services)
        return Context(services=services, identity=identity, base_url=_base_url(connection))

    async def let_in(context: Context) -> None:
        await admit(gate, context, context.connection_params)

    view = GraphQLView(served, settings, context_of, let_in)
    open_all = open_services or _open_services

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_all(settings) as services:
            app.state.services = services
            log.info("service_ready", embedded=settings.embedded)
            yield

    app = Starlette(
        routes=_routes(view),
        middleware=[
            Middleware(TellStartupFailure),
            Middleware(TraceRequests, count=counted.request),
            Middleware(
                OwnHostsOnly,
                allowed=settings.allowed_hosts,
                open_paths=HEALTH if settings.signs_in else frozenset(),
            ),
            Middleware(
                BodyLimit, max_body_bytes=settings.max_body_bytes, max_upload_bytes=settings.max_upload_bytes
            ),
        ],
        exception_handlers={HTTPException: _tell_http_error},
        lifespan=lifespan,
    )
    app.state.metrics = counted
    return app


def check_may_serve(settings: Settings, host: str) -> None:
    """Check that nobody gets in without a login who has to have one.

    Parameters
    ----------
    host
        The address to listen on.

    Raises
    ------
    SettingsError
        The database, or the address, is open to others than the person at this machine.
    """
    if settings.signs_in:
        return
    if not settings.embedded:
        raise SettingsError(
            "DATABASE_URL is set, and no sign-in is: everybody who reaches the service would read and change "
            "that database. Set SUPABASE_URL to the project that signs people in, or unset DATABASE_URL to "
            "serve the database of this machine; pourplan migrate works with it."
        )
    if not _is_loopback(host):
        raise SettingsError(
            f"The address {host or '(all)'} is not loopback, and nobody signs in to the database of this "
            "machine: everybody in the network would read and change the plant's data. Serve on 127.0.0.1, "
            "localhost or ::1, or set DATABASE_URL and SUPABASE_URL."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in LOOPBACK


def _routes(view: GraphQLView) -> list[BaseRoute]:
    return [
        Route("/graphql", view),
        WebSocketRoute("/graphql", view),
        Route("/health", health.ready, methods=["GET"]),
        Route("/health/ready", health.ready, methods=["GET"]),
        Route("/health/live", health.live, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
        *playground.routes(),
        *DOWNLOADS,
    ]


def _base_url(connection: HTTPConnection) -> str:
    given = connection.scope["scheme"]
    scheme = {"ws": "http", "wss": "https"}.get(given, given)
    return f"{scheme}://{connection.headers['host']}"


def _whole_schema() -> strawberry.Schema:
    from api.schema import schema

    return schema


@asynccontextmanager
async def _open_services(settings: Settings) -> AsyncIterator[Services]:
    from api.services import open_services

    async with open_services(settings, exclusive=True) as services:
        yield services


async def _tell_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for these alone
    if error.status_code == 404:
        message = (
            f"There is nothing at {request.url.path[:200]}. The API is at /graphql, the playground at /."
        )
        return Refusal(404, "NOT_FOUND", message).response()
    code = "METHOD_NOT_ALLOWED" if error.status_code == 405 else "BAD_REQUEST"
    message = f"{request.method} {request.url.path[:200]}: {error.detail}."
    return Refusal(error.status_code, code, message, headers=error.headers).response()


class TellStartupFailure:
    """Says in a sentence, instead of a traceback, why the service could not start."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Replace what the server would log of a failed start, where the reason is an expected one."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        failed: Message | None = None

        async def hold_failure(message: Message) -> None:
            nonlocal failed
            if message["type"] == "lifespan.startup.failed":
                failed = message
            else:
                await send(message)

        try:
            await self._app(scope, receive, hold_failure)
        except (SettingsError, EmbeddedPostgresError, MigrationError) as error:
            if failed is None:
                raise
            await send({**failed, "message": str(error)})
            raise
        except BaseException:
            if failed is not None:
                await send(failed)
            raise
