"""Reading where it can hurt nobody: in a child process, with limits on memory and time.

Whatever a file makes of its reader, the service goes on: the child is killed and the problem is reported by
name. The child gets nothing of the service's environment, where addresses and passwords are.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import weakref
from asyncio.subprocess import PIPE, Process
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

import api
from api.workbooks.content import Content, Reading
from api.workbooks.messages import CellMessage, Code, Severity, WorkbookRefused
from api.workbooks.package import check_size

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from api.workbooks.kinds import WorkbookKind

MEMORY_BYTES = 1 << 30
SECONDS = 60.0
AT_ONCE = 2
"""Readers that may run at the same time: more wait, so that many uploads can't fill the memory together."""

log = structlog.get_logger(__name__)

_turns: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = weakref.WeakKeyDictionary()
_SIGXCPU = 24
_KEPT_ENVIRONMENT = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "TEMP", "TMP")


async def read_safely(
    content: bytes,
    kind: WorkbookKind | None = None,
    *,
    seconds: float = SECONDS,
    memory_bytes: int = MEMORY_BYTES,
) -> Reading:
    """Read a workbook in a child process.

    Parameters
    ----------
    content
        The file.
    kind
        What it has to be; None where its content is to tell.
    seconds, memory_bytes
        What the child may take, at most.

    Returns
    -------
    Reading
        Always: a child that dies or takes too long is an ERROR message in it.
    """
    try:
        check_size(len(content))
    except WorkbookRefused as refused:
        return Reading(None, Content(), (refused.finding,))
    turns = _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))
    async with turns:
        return await _read_in_child(content, kind, seconds, memory_bytes)


async def _read_in_child(
    content: bytes, kind: WorkbookKind | None, seconds: float, memory_bytes: int
) -> Reading:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "api.workbooks.read"),
        *(str(memory_bytes), str(int(seconds) + 1), kind or "-"),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env=_environment(),
    )
    try:
        async with asyncio.timeout(seconds):
            output, complaint = await child.communicate(content)
    except TimeoutError:
        return _refuse(
            Code.OUT_OF_TIME,
            f"Reading the workbook took more than {seconds:g} seconds and was stopped.",
            "Delete sheets, rows and columns that are not needed, or import fewer months or days at a time.",
        )
    finally:
        await _end(child)
    if child.returncode == 0:
        return await asyncio.to_thread(_reading_form().validate_json, output)
    return _autopsy(child.returncode or 0, complaint.decode(errors="replace"))


async def _end(child: Process) -> None:
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        # Shielded: who cancels us must not leave a zombie behind.
        await asyncio.shield(child.wait())


@cache
def _reading_form() -> TypeAdapter[Reading]:
    from pydantic import TypeAdapter

    return TypeAdapter(Reading)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    root = str(Path(api.__file__).resolve().parent.parent)
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1"}


def _autopsy(returncode: int, complaint: str) -> Reading:
    """Tell of what a child died."""
    last = complaint.strip().rpartition("\n")[2]
    log.warning("workbook_reader_died", returncode=returncode, complaint=complaint[-4000:])
    if "MemoryError" in last:
        return _refuse(
            Code.OUT_OF_MEMORY,
            "Reading the workbook took more memory than is allowed.",
            "Import fewer months or days at a time.",
        )
    if returncode == -_SIGXCPU:
        return _refuse(
            Code.OUT_OF_TIME,
            "Reading the workbook took more processor time than is allowed.",
            "Import fewer months or days at a time.",
        )
    return _refuse(
        Code.READER_FAILED,
        f"The reader ended with code {returncode} before it was done; nothing was stored.",
        "Save the workbook anew from the spreadsheet program; if it happens again, the service's log "
        "says why.",
    )


def _refuse(code: Code, message: str, hint: str) -> Reading:
    return Reading(None, Content(), (CellMessage(Severity.ERROR, "", None, code, message, hint),))
