"""Each request by an id: in every line of the log, in the answer, and in what is counted.

The id of a caller (`X-Request-ID`) is taken over where it is a harmless word, so that a plant's proxy and
this service speak of the same request.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterable
from typing import TypeAlias

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.errors import INTERNAL, account, internal_message, reference
from api.http.refusal import Refusal

Count: TypeAlias = Callable[[str, int, float], None]
"""Told of each answer: the route, the status, the seconds until the answer was complete."""

REQUEST_ID = "X-Request-ID"
_ID = REQUEST_ID.lower().encode()
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_ROUTINE = ("/graphql", "/health", "/metrics", "/playground")
_BEARERS = ("/downloads",)
"""Below these, a path is a permission: who reads it may fetch what it names."""
_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"x-frame-options": b"DENY",
}
"""Unless the answer has its own."""

log = structlog.get_logger(__name__)


class TraceRequests:
    """The outermost middleware: nothing that happens inside is without an id or goes unanswered."""

    def __init__(self, app: ASGIApp, count: Count) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, under its id."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope))
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            if scope["type"] == "http":
                await self._serve(request_id, scope, receive, send)
            else:
                await self._connect(scope, receive, send)

    async def _serve(self, request_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_ours(message["headers"], request_id)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            under = _log_fault(error, scope)
            if status:
                raise
            refusal = Refusal(500, INTERNAL, internal_message(under))
            await refusal.response()(scope, receive, send_with_headers)
        finally:
            self._told(scope, status, time.perf_counter() - began)

    def _told(self, scope: Scope, status: int, seconds: float) -> None:
        self._count(_route(scope), status, seconds)
        routine = status < 400 and scope["path"].startswith(_ROUTINE)
        write = log.debug if routine else log.info
        write(
            "request",
            method=scope["method"],
            path=_path(scope),
            status=status,
            ms=round(seconds * 1000, 1),
        )

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        log.debug("connection_opened", path=_path(scope))
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            _log_fault(error, scope)
            raise
        finally:
            log.debug("connection_closed", path=_path(scope))


def _with_ours(headers: Iterable[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
    """Give the headers of an answer with its id, and with those that guard it."""
    own = [header for header in headers if header[0] != _ID]
    names = {name for name, _ in own}
    guards = [header for header in _HEADERS.items() if header[0] not in names]
    return [*own, *guards, (_ID, request_id.encode())]


def _request_id(headers: Headers) -> str:
    given = headers.get(REQUEST_ID, "")
    return given if _SANE_ID.fullmatch(given) else uuid.uuid4().hex


def _route(scope: Scope) -> str:
    """Name the route by its pattern: paths are chosen by clients, and there are more than can be counted."""
    route = scope.get("route")
    return str(getattr(route, "path", "")) or "none"


def _path(scope: Scope) -> str:
    """Tell the path for the log: the route alone where the rest of it lets people in."""
    path = str(scope["path"])
    # A server may hand on a path with doubled slashes or in capitals, which is no route and may be a slip.
    plain = "/" + path.lstrip("/").lower()
    return next((route for route in _BEARERS if plain.startswith(route)), path[:200])


def _log_fault(error: Exception, scope: Scope) -> str:
    under = reference()
    log.error("internal_error", reference=under, path=_path(scope), error=account(error))
    return under
