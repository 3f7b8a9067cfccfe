"""What a worker logs: to standard error, readable in a terminal, else one JSON object a line."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any

import orjson
import structlog


def configure_logs(environment: Mapping[str, str]) -> None:
    """Log as `POURPLAN_LOG_FORMAT` (auto, json, console) and `POURPLAN_LOG_LEVEL` say.

    Written through the standard library's handler, which survives a reader that went away: a service that
    was killed must not take its workers along.
    """
    form = environment.get("POURPLAN_LOG_FORMAT", "auto")
    level = logging.getLevelNamesMapping().get(
        environment.get("POURPLAN_LOG_LEVEL", "info").upper(), logging.INFO
    )
    readable = form == "console" or (form == "auto" and sys.stderr.isatty())
    logging.raiseExceptions = False
    logging.basicConfig(stream=sys.stderr, level=level, format="%(message)s", force=True)
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Any] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if readable
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_json)]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _json(event: object, **_: object) -> str:
    return orjson.dumps(event, default=str).decode()
