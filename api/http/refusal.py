"""A request that is turned away before any operation runs, told in JSON as GraphQL tells errors."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from starlette.responses import Response

JSON = "application/json"


class Refusal(Exception):
    """The request can't be served; the answer says why, and what would be.

    Parameters
    ----------
    status
        HTTP status.
    code
        Stable name for clients, in capitals.
    message
        What was found, what was expected, what to do next.
    headers
        Further headers of the answer.
    """

    def __init__(
        self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def response(self, media_type: str = JSON) -> Response:
        """Make the answer, in a media type that the client understands."""
        body = orjson.dumps({"errors": [{"message": self.message, "extensions": {"code": self.code}}]})
        headers = {"Content-Type": f"{media_type}; charset=utf-8", "Cache-Control": "no-store"}
        return Response(body, self.status, headers=headers | self.headers)
