"""What a worker process wrote before it ended: passed on to the service's own log, the last of it kept."""

from __future__ import annotations

import asyncio
import sys

import orjson

LONGEST = 200


async def pass_on(stream: asyncio.StreamReader) -> str:
    """Pass everything on to standard error until its end, and give the last words."""
    end = b""
    while heard := await stream.read(65_536):
        end = (end + heard)[-65_536:]
        sys.stderr.write(heard.decode(errors="replace"))
    return last_words(end.decode(errors="replace"))


def last_words(text: str) -> str:
    """Find the sentence that tells why: the last line, or what it says where it is a line of a JSON log."""
    line = _last_line(text)
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        entry = None
    if isinstance(entry, dict):
        told = (entry.get(key) for key in ("reason", "exception", "event"))
        line = next((_last_line(str(said)) for said in told if said), line)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.replace("\0", "").splitlines()]
    return next((line for line in reversed(lines) if line), "")
