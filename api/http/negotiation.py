"""GraphQL over HTTP, where Strawberry leaves it to us: which media type and which status an answer has.

The draft (https://graphql.github.io/graphql-over-http/draft/) knows two media types. In
`application/graphql-response+json` the status tells how it went: 400 for a document that can't be parsed,
validated or given its variables. In `application/json`, which older clients ask for, every answer to a
well-formed request is a 200. Checked with the audit suite of npm `graphql-http`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"

_STATUS_OF_CODE = {"INTERNAL": 500, "TIMEOUT": 504}


@functools.lru_cache(maxsize=256)
def media_type(accept: str | None) -> str | None:
    """Choose the media type of an answer from an Accept header; None where the client accepts neither.

    The one that the client weighs more; at equal weight the one that it names first, and JSON where it names
    neither but takes anything.
    """
    if not accept or not accept.strip():
        return JSON
    weighed = [
        (weight, answer) for weight, asked in _parse(accept) for answer in _answers(asked) if weight > 0
    ]
    return max(weighed, key=lambda pair: pair[0], default=(0.0, None))[1]


@functools.lru_cache(maxsize=256)
def prefers_stream(accept: str) -> bool:
    """Whether a client wants a stream of events more than JSON: weighs it more, or names it first."""
    weighed = [
        (weight, asked)
        for weight, asked in _parse(accept)
        if weight > 0 and (asked == EVENT_STREAM or _answers(asked))
    ]
    return max(weighed, key=lambda pair: pair[0], default=(0.0, ""))[1] == EVENT_STREAM


def _answers(asked: str) -> Iterable[str]:
    if asked in (GRAPHQL_RESPONSE, JSON):
        return (asked,)
    if asked == EVENT_STREAM:
        # The stream itself is another matter; what can't be streamed, a refusal, is JSON.
        return (JSON,)
    return (JSON,) if asked in ("*/*", "application/*") else ()


def _parse(accept: str) -> Iterator[tuple[float, str]]:
    for part in accept.lower().split(","):
        asked, *parameters = (piece.strip() for piece in part.split(";"))
        if any(p.startswith("charset=") and p != "charset=utf-8" for p in parameters):
            continue
        weight = next((p.removeprefix("q=") for p in parameters if p.startswith("q=")), "1")
        try:
            yield float(weight), asked
        except ValueError:
            yield 1.0, asked


def status(answer: Mapping[str, Any], chosen: str) -> int:
    """Tell the HTTP status of an answer in a media type."""
    if chosen == JSON or "data" in answer:
        return 200
    codes = (error.get("extensions", {}).get("code") for error in answer.get("errors") or ())
    return max((_STATUS_OF_CODE.get(str(code), 400) for code in codes), default=400)
