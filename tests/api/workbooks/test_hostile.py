"""Files that are no workbooks, or mean harm: each is refused by the name of its problem."""

import io
import random
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from typing import TypeAlias

import olefile
import pytest

from api.workbooks import package
from api.workbooks.messages import Code
from api.workbooks.package import MAX_BYTES, MAX_UNPACKED_BYTES, Package
from api.workbooks.read import read_workbook
from api.workbooks.spreadsheet import MAX_CELLS, MAX_ROWS
from tests.api.workbooks.sheets import PRODUCTION, book, repack, with_shared_texts

Make: TypeAlias = Callable[[], bytes]
Change: TypeAlias = Callable[[bytes], bytes | None]

GOOD = with_shared_texts(book(PRODUCTION))
TYPES = ("[Content_Types].xml", b"<Types/>")
UTF_7 = b'<?xml version="1.0" encoding="utf-7"?>'
BILLION_LAUGHS = b'<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
EXTERNAL = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'


def refusal(content: bytes) -> Code:
    """The one message, which is an error about the file as a whole."""
    reading = read_workbook(content)
    (message,) = reading.messages
    assert reading.refused
    assert reading.content.rows == 0
    assert message.message.endswith(".")
    assert message.hint
    return message.code


def compound(*streams: str) -> bytes:
    """A compound document, the container of .xls and of protected workbooks, with empty streams (MS-CFB)."""
    free, end, table_sector = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    header = struct.pack("<8s16sHHHHH6x", olefile.MAGIC, b"", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<9I", 0, 1, 1, 0, 4096, end, 0, end, 0)
    header += struct.pack("<109I", 0, *[free] * 108)
    table = struct.pack("<128I", table_sector, end, *[free] * 126)
    entries = [("Root Entry", 5, 1), *((name, 2, free) for name in streams)]
    directory = b""
    for index, (name, kind, child) in enumerate(entries):
        raw = name.encode("utf-16-le")
        sibling = index + 1 if 0 < index < len(entries) - 1 else free
        directory += struct.pack("<64sHBBIII", raw, len(raw) + 2, kind, 1, free, sibling, child)
        directory += struct.pack("<16sIQQIQ", b"", 0, 0, 0, end, 0)
    return header + table + directory.ljust(512, b"\0")


def declaring(doctype: bytes) -> Change:
    """Put a document type before the root element, after the XML declaration where there is one."""

    def change(xml: bytes) -> bytes:
        start = xml.index(b"?>") + 2 if xml.startswith(b"<?xml") else 0
        return xml[:start] + doctype + xml[start:]

    return change


def swap(old: bytes, new: bytes) -> Change:
    def change(xml: bytes) -> bytes:
        assert old in xml
        return xml.replace(old, new)

    return change


def gone(_: bytes) -> None:
    return None


def part(name: str, change: Change) -> Make:
    """The good workbook with one part changed."""
    return lambda: repack(GOOD, {name: change})


def archive(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Make:
    def make() -> bytes:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", method) as made:
            for name, content in members:
                made.writestr(name, content)
        return target.getvalue()

    return make


def rows_of_xml(count: int, cells: int = 1) -> bytes:
    chance = random.Random(cells)
    numbers = [b"<c><v>%d</v></c>" % chance.randrange(10**9) for _ in range(cells * 50)]
    rows = [b"<row>" + b"".join(chance.sample(numbers, cells)) + b"</row>" for _ in range(100)]
    start = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    body = b"".join(rows[i % 100] for i in range(count))
    return start + body + b"</sheetData></worksheet>"


def in_directory(content: bytes, offset: int, told: bytes) -> bytes:
    """Write something into each entry of the archive's directory (PKWARE APPNOTE, 4.3.12)."""
    changed = bytearray(content)
    at = changed.find(b"PK\x01\x02")
    while at >= 0:
        changed[at + offset : at + offset + len(told)] = told
        at = changed.find(b"PK\x01\x02", at + 4)
    return bytes(changed)


HOSTILE: list[tuple[str, Code, Make]] = [
    ("nothing", Code.EMPTY_FILE, lambda: b""),
    ("too large", Code.FILE_TOO_LARGE, lambda: GOOD + bytes(MAX_BYTES)),
    ("csv", Code.NOT_A_WORKBOOK, lambda: b"grade,tons\nB500A,12\n"),
    ("html", Code.NOT_A_WORKBOOK, lambda: b"<html><table><tr><td>1</td></tr></table></html>"),
    ("pdf", Code.NOT_A_WORKBOOK, lambda: b"%PDF-1.7\n"),
    ("xml spreadsheet of 2003", Code.NOT_A_WORKBOOK, lambda: b'<?xml version="1.0"?><Workbook/>'),
    ("picture", Code.NOT_A_WORKBOOK, lambda: b"\x89PNG\r\n\x1a\n\0\0\0\r"),
    ("other zip", Code.NOT_A_WORKBOOK, archive(("readme.txt", b"hello"))),
    ("opendocument", Code.NOT_A_WORKBOOK, archive(("mimetype", b"..."), ("content.xml", b"<x/>"))),
    ("document", Code.NOT_A_WORKBOOK, archive(TYPES, ("word/document.xml", b""))),
    ("empty zip", Code.NOT_A_WORKBOOK, archive()),
    ("compound document", Code.NOT_A_WORKBOOK, lambda: compound("WordDocument")),
    ("xls", Code.LEGACY_XLS, lambda: compound("Workbook")),
    ("xls of 1995", Code.LEGACY_XLS, lambda: compound("Book")),
    ("xlsb", Code.BINARY_XLSB, archive(TYPES, ("xl/workbook.bin", b""))),
    ("password", Code.PASSWORD_PROTECTED, lambda: compound("EncryptedPackage", "EncryptionInfo")),
    ("zip password", Code.PASSWORD_PROTECTED, lambda: in_directory(GOOD, 8, b"\1\0")),
    ("broken compound document", Code.DAMAGED, lambda: compound("Workbook")[:700]),
    ("only a magic", Code.DAMAGED, lambda: olefile.MAGIC),
    ("cut short", Code.DAMAGED, lambda: GOOD[: len(GOOD) // 2]),
    ("bad checksum", Code.DAMAGED, lambda: in_directory(GOOD, 16, b"oops")),
    ("lzma", Code.DAMAGED, archive(TYPES, method=zipfile.ZIP_LZMA)),
    ("broken xml", Code.DAMAGED, part("sheet1.xml", lambda xml: xml[:-20])),
    ("unknown encoding", Code.DAMAGED, part("sheet1.xml", lambda xml: UTF_7 + xml)),
    ("no such text", Code.DAMAGED, part("sheet1.xml", swap(b"<v>0</v>", b"<v>999</v>"))),
    ("number that is none", Code.DAMAGED, part("sheet1.xml", swap(b"8724", b"87_24"))),
    ("infinite number", Code.DAMAGED, part("sheet1.xml", swap(b"8724", b"1e999"))),
    ("cell beyond the last", Code.DAMAGED, part("sheet1.xml", swap(b'"C3"', b'"XFE3"'))),
    ("cell that is none", Code.DAMAGED, part("sheet1.xml", swap(b'"C3"', b'"3C"'))),
    ("row beyond the last", Code.DAMAGED, part("sheet1.xml", swap(b'row r="3"', b'row r="1048577"'))),
    ("unknown type of cell", Code.DAMAGED, part("sheet1.xml", swap(b't="n"', b't="q"'))),
    ("no content types", Code.MISSING_PART, part("[Content_Types].xml", gone)),
    ("no relations", Code.MISSING_PART, part("_rels/.rels", gone)),
    ("no workbook", Code.MISSING_PART, part("xl/workbook.xml", gone)),
    ("no workbook relation", Code.MISSING_PART, part("_rels/.rels", lambda _: b"<Relationships/>")),
    ("no sheet", Code.MISSING_PART, part("sheet1.xml", gone)),
    ("no sheet relation", Code.MISSING_PART, part("workbook.xml.rels", lambda _: b"<Relationships/>")),
    ("no texts", Code.MISSING_PART, part("sharedStrings.xml", gone)),
    ("external entity in a sheet", Code.EXTERNAL_ENTITIES, part("sheet1.xml", declaring(EXTERNAL))),
    ("external entity in a text", Code.EXTERNAL_ENTITIES, part("sharedStrings.xml", declaring(EXTERNAL))),
    ("billion laughs", Code.EXTERNAL_ENTITIES, part("xl/workbook.xml", declaring(BILLION_LAUGHS))),
    ("bomb by size", Code.ZIP_BOMB, part("theme1.xml", lambda _: bytes(MAX_UNPACKED_BYTES + 1))),
    ("bomb by ratio", Code.ZIP_BOMB, part("sheet1.xml", lambda _: bytes(20_000_000))),
    ("bomb by parts", Code.ZIP_BOMB, archive(TYPES, *((f"xl/{i}", b"") for i in range(5001)))),
    ("too many rows", Code.TOO_MANY_ROWS, part("sheet1.xml", lambda _: rows_of_xml(MAX_ROWS + 1))),
    ("too many cells", Code.TOO_MANY_CELLS, part("sheet1.xml", lambda _: rows_of_xml(5001, 100))),
]

CODES = {code for _, code, _ in HOSTILE}


@pytest.mark.parametrize(("code", "make"), [pytest.param(c, m, id=n) for n, c, m in HOSTILE])
def test_hostile_file_is_refused_by_name(code: Code, make: Callable[[], bytes]) -> None:
    assert refusal(make()) is code


def test_as_many_rows_and_cells_as_are_allowed_are_read() -> None:
    widest = MAX_CELLS // 5000
    content = repack(GOOD, {"sheet1.xml": lambda _: rows_of_xml(5000, widest)})
    assert refusal(content) is Code.NOT_RECOGNISED


def test_directory_that_lies_about_sizes_gets_no_further() -> None:
    """What is inflated is bounded by what the directory says, and the checksum tells that it lied."""
    big = repack(GOOD, {"sheet1.xml": lambda _: b"<worksheet>" + b" " * 3_000_000 + b"</worksheet>"})
    assert refusal(in_directory(big, 24, struct.pack("<I", 100))) is Code.DAMAGED


def test_parts_are_counted_while_they_are_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sheet named by many tabs is inflated many times, though the directory counts it once."""
    monkeypatch.setattr(package, "MAX_UNPACKED_BYTES", 100_000)
    tabs = b"".join(b'<sheet name="s%d" sheetId="%d" r:id="rId1"/>' % (i, i) for i in range(1, 200))

    def many_tabs(part: bytes) -> bytes:
        start, end = part.index(b"<sheets>") + 8, part.index(b"</sheets>")
        relation = b'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" r:id'
        return part[:start] + tabs.replace(b"r:id", relation) + part[end:]

    assert refusal(repack(GOOD, {"xl/workbook.xml": many_tabs})) is Code.ZIP_BOMB


def test_every_part_that_is_read_is_closed_to_entities() -> None:
    never_read = ("docprops", "theme", "[content_types]")
    for name in Package(GOOD).parts:
        reading = read_workbook(repack(GOOD, {name: declaring(EXTERNAL)}))
        assert not any("root:" in message.message for message in reading.messages)
        assert reading.refused != any(word in name for word in never_read), name


def test_child_that_reads_imports_neither_pandas_nor_openpyxl() -> None:
    code = "import sys, api.workbooks.read; print(*(m for m in sys.modules if '.' not in m))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"pandas", "numpy", "openpyxl", "pydantic", "asyncpg", "structlog", "asyncio"} & set(loaded)
