"""How much a request may send: counted while it comes in, whatever its Content-Length says."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.refusal import Refusal

_DRAIN_SECONDS = 5.0
_DRAIN_BYTES = 64_000_000


class BodyLimit:
    """Middleware that answers 413 to a body, and 414 to a query string, above the limit.

    Parameters
    ----------
    max_body_bytes
        Of a body without files, and of the part of an upload that is not a file.
    max_upload_bytes
        Of all files of an upload.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int, max_upload_bytes: int) -> None:
        self._app = app
        self._max_body = max_body_bytes
        self._max_upload = max_body_bytes + max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with its body counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _CountedBody(receive, *self._limit(Headers(scope=scope)))
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            self._check_query_string(scope["query_string"])
            body.check_announced()
            await self._app(scope, body.receive, send_and_note)
        except Refusal as refusal:
            if started:
                raise
            await _answer_and_drain(refusal, receive, send)

    def _check_query_string(self, given: bytes) -> None:
        if len(given) > self._max_body:
            raise Refusal(
                414,
                "QUERY_STRING_TOO_LONG",
                f"The query string has {len(given)} bytes; {self._max_body} are allowed. "
                "Send the operation by POST.",
            )

    def _limit(self, headers: Headers) -> tuple[Headers, int]:
        upload = headers.get("content-type", "").lower().startswith("multipart/form-data")
        return headers, self._max_upload if upload else self._max_body


class _CountedBody:
    """A body that says so when it grows above its limit."""

    def __init__(self, receive: Receive, headers: Headers, limit: int) -> None:
        self._receive = receive
        self._headers = headers
        self._limit = limit
        self._seen = 0

    def check_announced(self) -> None:
        """Check what the client says that it will send."""
        announced = self._headers.get("content-length", "")
        if announced.isascii() and announced.isdigit() and int(announced[:19]) > self._limit:
            raise self._too_large(f"has {announced} bytes")

    async def receive(self) -> Message:
        """Receive the next piece."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._seen += len(message.get("body", b""))
            if self._seen > self._limit:
                raise self._too_large(f"has more than {self._limit} bytes")
        return message

    def _too_large(self, found: str) -> Refusal:
        return Refusal(
            413,
            "BODY_TOO_LARGE",
            f"The request's body {found}; {self._limit} are allowed. Send less at once.",
            headers={"Connection": "close"},
        )


async def _answer_and_drain(refusal: Refusal, receive: Receive, send: Send) -> None:
    """Answer, then read on for a while: a connection closed on unread data loses the answer on its way."""
    response = refusal.response()
    await send(
        {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
    )
    await send({"type": "http.response.body", "body": bytes(response.body), "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            await _drain(receive)
    await send({"type": "http.response.body", "body": b""})


async def _drain(receive: Receive) -> None:
    left = _DRAIN_BYTES
    while left > 0:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            return
        left -= len(message.get("body", b""))
