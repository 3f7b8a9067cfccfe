"""Writes what a command makes: to a file, or to standard output."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from api.cli.failure import CommandFailed

STDOUT = Path("-")


def require_writable(target: Path | None) -> None:
    """Look whether a file can be written, before long work is done for it; none is made.

    Raises
    ------
    CommandFailed
        It can't: nothing would be left of the work.
    """
    if target is not None and target != STDOUT and (fault := _fault(target)):
        raise _not_written(target, os.strerror(fault))


def _fault(target: Path) -> int | None:
    """Tell as an error number why a file can't be written; None where nothing stands against it."""
    folder = target.parent
    if target.is_dir():
        return errno.EISDIR
    if target.exists():
        return None if os.access(target, os.W_OK) else errno.EACCES
    if not folder.is_dir():
        return errno.ENOTDIR if folder.exists() else errno.ENOENT
    return None if os.access(folder, os.W_OK | os.X_OK) else errno.EACCES


def _not_written(target: Path, reason: str | None, hint: str | None = None) -> CommandFailed:
    return CommandFailed(f"{target} can't be written: {reason}.", hint)


def write_or_print(content: bytes, target: Path | None) -> Path | None:
    """Write what took long to make to `target`, and to standard output where that fails after all.

    Raises
    ------
    CommandFailed
        The file can't be written; the content is on standard output.
    """
    try:
        return write_file(content, target)
    except CommandFailed as failure:
        write_file(content, STDOUT)
        raise CommandFailed(str(failure), "It stands on standard output instead.") from failure


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
        raise _not_written(path, error.strerror) from error
    return path
