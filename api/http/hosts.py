"""Who may knock: the Host header must name this service, and a web page must be the service's own.

Without a login, the browser of the person at this machine is the only way in for others: a page elsewhere may
send requests to loopback, and may by DNS rebinding even give loopback its own name. So the Host header must
name loopback (or a configured host), which a rebound name does not; and whatever a browser says about where
the request comes from (Origin, Sec-Fetch-Site) must name this service. Programs that are no browsers send
neither, and need neither.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.refusal import Refusal

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_DEFAULT_PORT = {"http": 80, "https": 443}
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>\d{1,5}))?", re.IGNORECASE)


class OwnHostsOnly:
    """Middleware that refuses requests and WebSocket handshakes by Host and Origin.

    Parameters
    ----------
    allowed
        Host names beside loopback, without ports.
    open_paths
        Paths that answer to any name: those who look after containers ask them by address.
    """

    def __init__(
        self, app: ASGIApp, allowed: Iterable[str] = (), open_paths: Collection[str] = frozenset()
    ) -> None:
        self._app = app
        self._allowed = LOOPBACK | {name.lower() for name in allowed}
        self._open_paths = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let pass, or refuse: 421 for the Host, 403 for the Origin."""
        if scope["type"] in ("http", "websocket"):
            try:
                headers = Headers(scope=scope)
                if scope["path"] not in self._open_paths:
                    self._check_host(headers)
                check_origin(headers)
            except Refusal as refusal:
                await refuse(refusal, scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check_host(self, headers: Headers) -> None:
        given = headers.getlist("host")
        found = _HOST.fullmatch(given[0]) if len(given) == 1 else None
        if found is None or found["name"].lower() not in self._allowed:
            shown = ", ".join(repr(name) for name in given) or "missing"
            raise Refusal(
                421,
                "HOST_NOT_ALLOWED",
                f"The Host header is {shown}; this service answers to {', '.join(sorted(self._allowed))}. "
                "Use one of these in the address, or add the name to POURPLAN_ALLOWED_HOSTS.",
            )


async def refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a refusal to a request, or to a WebSocket handshake."""
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await refusal.response()(scope, receive, send)
    else:
        # The server answers a handshake that is closed before it was accepted with 403.
        await send({"type": "websocket.close", "code": 1008, "reason": refusal.code})


def check_origin(headers: Headers) -> None:
    """Check that a request which a browser sent comes from a page of this service.

    Raises
    ------
    Refusal
        `ORIGIN_NOT_ALLOWED`: another site's page is asking.
    """
    origins = headers.getlist("origin")
    if any(not is_own_origin(origin, headers.get("host", "")) for origin in origins):
        raise _foreign(f"The Origin header is {', '.join(map(repr, origins))}")
    site = headers.get("sec-fetch-site")
    # A link from elsewhere may lead here (a navigation); a page elsewhere may not fetch from here.
    if site in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate":
        raise _foreign(f"The Sec-Fetch-Site header is {site!r}")


def _foreign(found: str) -> Refusal:
    return Refusal(
        403,
        "ORIGIN_NOT_ALLOWED",
        f"{found}: the request comes from a web page that is not this service's own. "
        "Open the page from this service, or send the request from a program instead of a browser.",
    )


def is_own_origin(origin: str, host: str) -> bool:
    """Whether an Origin header names the host and port that the request was sent to.

    The scheme is not compared: behind a proxy that ends TLS, the service itself does not know it.
    """
    try:
        parts = urlsplit(origin)
        target = urlsplit(f"//{host}")
        default = _DEFAULT_PORT[parts.scheme]
        ports = parts.port or default, target.port or default
    except (ValueError, KeyError):
        return False
    more = parts.path or parts.query or parts.fragment or parts.username or parts.password
    return not more and parts.hostname == target.hostname and ports[0] == ports[1]
