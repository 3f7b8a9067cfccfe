"""The log: one event a line, as JSON for machines or readable in a terminal, on standard error.

Every line of a request carries its id. What the libraries log, uvicorn above all, takes the same way. Values
that clients send (variables, files, the text of a query) are never logged.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import orjson
import structlog
from structlog.types import Processor

from api.settings import Settings

_AT_LEAST = {
    # At debug it logs the frames of WebSockets, with all that clients send.
    "uvicorn.error": logging.INFO,
    # With each error it logs the text of the query; whoever asked tells the error.
    "strawberry.execution": logging.CRITICAL,
    **dict.fromkeys(("asyncio", "python_multipart", "websockets", "httpx", "httpcore"), logging.WARNING),
}


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Let this process log, from now on, as the settings say.

    Parameters
    ----------
    stream
        Where to; standard error unless told.
    """
    out = stream or sys.stderr
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not out.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    written = _as_json() if as_json else _as_text(colors=out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(allow=())],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *written],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name, least in _AT_LEAST.items():
        logging.getLogger(name).setLevel(max(level, least))
    # Not by way of the standard library, which takes three times as long for the line that each request has.
    structlog.configure(
        processors=[*shared, *written],
        logger_factory=lambda *names: _NamedLogger(out, names[0] if names else None),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )


class _NamedLogger(structlog.WriteLogger):
    """Writes lines, and tells whose they are."""

    def __init__(self, out: TextIO, name: str | None) -> None:
        super().__init__(out)
        self.name = name


def _as_json() -> list[Processor]:
    return [structlog.processors.format_exc_info, _event_first, structlog.processors.JSONRenderer(_written)]


def _written(line: Any, **options: Any) -> str:
    return orjson.dumps(line, default=options.get("default"), option=orjson.OPT_NON_STR_KEYS).decode()


def _as_text(*, colors: bool) -> list[Processor]:
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)]


def _event_first(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    first = ("timestamp", "level", "event", "logger")
    return {name: line[name] for name in first if name in line} | {
        name: value for name, value in line.items() if name not in first
    }
