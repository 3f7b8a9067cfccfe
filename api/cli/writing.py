"""Writes what a command makes: to a file, or to standard output."""

from __future__ import annotations

import sys
from pathlib import Path

from api.cli.failure import CommandFailed

STDOUT = Path("-")


def write_file(content: bytes, target: Path | None, default: Path = STDOUT) -> Path | None:
    """Write to `target`, else to `default`, and give the file; "-" is standard output, and gives none.

    Raises
    ------
    CommandFailed
        The file can't be written.
    """
    path = target or default
    if path == STDOUT:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return None
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CommandFailed(f"{path} can't be written: {error.strerror}.") from error
    return path
