"""The child process in which files are read: its limits, its death, and what it can't see."""

import asyncio
import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from api.workbooks.kinds import WorkbookKind
from api.workbooks.messages import Code
from api.workbooks.read import read_workbook
from api.workbooks.sandbox import read_safely
from tests.api.workbooks.sheets import NAMES, PRODUCTION, SAMPLE, book, repack
from tests.api.workbooks.test_hostile import GOOD, HOSTILE

CODES = {Code.OUT_OF_MEMORY, Code.OUT_OF_TIME, Code.READER_FAILED}

linux = pytest.mark.skipif(sys.platform != "linux", reason="limits on address space are Linux's")


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


@pytest.mark.parametrize("name", NAMES)
async def test_child_reads_what_the_function_reads(name: str) -> None:
    content = (SAMPLE / name).read_bytes()
    assert await read_safely(content) == read_workbook(content)


async def test_kind_is_handed_on() -> None:
    reading = await read_safely(book(PRODUCTION), WorkbookKind.DAILY_CHARGE_SCHEDULE)
    assert [message.code for message in reading.messages if not message.sheet] == [Code.KIND_MISMATCH]


@pytest.mark.parametrize("number", range(0, len(HOSTILE), 6))
async def test_hostile_files_are_refused_by_the_child(number: int) -> None:
    name, code, make = HOSTILE[number]
    assert [message.code for message in (await read_safely(make())).messages] == [code], name


@linux
async def test_too_little_memory_is_reported_by_name() -> None:
    reading = await read_safely(GOOD, memory_bytes=24 << 20)
    assert [message.code for message in reading.messages] == [Code.OUT_OF_MEMORY]


@linux
async def test_memory_that_a_file_asks_for_is_refused_inside_the_limit() -> None:
    """Forty megabytes of one text in the table of texts."""
    text = b"<sst><si><t>" + os.urandom(10_000_000).hex().encode() * 2 + b"</t></si></sst>"
    content = repack(GOOD, {"sharedStrings.xml": lambda _: text})
    reading = await read_safely(content, memory_bytes=80 << 20)
    assert [message.code for message in reading.messages] == [Code.OUT_OF_MEMORY]


async def test_child_that_takes_too_long_is_killed_and_reported() -> None:
    before = children()
    reading = await read_safely(GOOD, seconds=0.005)
    assert [message.code for message in reading.messages] == [Code.OUT_OF_TIME]
    assert children() <= before


async def test_child_that_dies_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    reading = await read_safely(GOOD)
    assert [message.code for message in reading.messages] == [Code.READER_FAILED]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are not Windows'")
async def test_child_that_is_killed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suicide = tmp_path / "python"
    suicide.write_text("#!/bin/sh\nkill -KILL $$\n")
    suicide.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(suicide))
    reading = await read_safely(GOOD)
    assert [message.code for message in reading.messages] == [Code.READER_FAILED]
    assert "-9" in reading.messages[0].message


@pytest.mark.skipif(sys.platform == "win32", reason="signals are not Windows'")
async def test_child_out_of_processor_time_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = tmp_path / "python"
    busy.write_text("#!/bin/sh\nkill -XCPU $$\n")
    busy.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(busy))
    reading = await read_safely(GOOD)
    assert [message.code for message in reading.messages] == [Code.OUT_OF_TIME]


async def test_cancelled_reader_leaves_no_child_behind() -> None:
    before = children()
    reading = asyncio.create_task(read_safely(GOOD))
    await asyncio.sleep(0.03)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert children() <= before


async def test_child_sees_nothing_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = tmp_path / "python"
    spy.write_text(f"#!/bin/sh\nenv > {tmp_path}/seen\nexit 3\n")
    spy.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(spy))
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    await read_safely(GOOD)
    assert "secret" not in (tmp_path / "seen").read_text()


async def test_service_goes_on_while_children_read() -> None:
    """The loop turns all the time: no step of it takes long."""
    reading = asyncio.gather(*(read_safely(GOOD) for _ in range(4)))
    longest, last = 0.0, time.monotonic()
    while not reading.done():
        await asyncio.sleep(0.001)
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    assert all(not r.refused for r in await reading)
    assert longest < 0.5
