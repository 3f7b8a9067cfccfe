# ruff: noqa: DTZ001 - the dates of workbooks know no time zone
"""Workbooks for tests: written with openpyxl, then changed where it would never write such."""

import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from api.workbooks.content import Reading
from api.workbooks.messages import CellMessage, Code, Severity
from api.workbooks.read import read_workbook

Rows: TypeAlias = Sequence[Sequence[Any]]

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "data" / "sample"
REAL = ROOT.parent / "shared" / "data" / "steel"
NAMES = ("steel_grade_production.xlsx", "product_groups_monthly.xlsx", "daily_charge_schedule.xlsx")

JUNE, JULY, AUGUST, SEPTEMBER = (datetime(2024, month, 1) for month in (6, 7, 8, 9))

PRODUCTION: Rows = [
    ["Production history (short tons)"],
    ["Quality group", "Grade", JUNE, JULY],
    ["Rebar", "B500A", 8724, 9230],
    [None, "B500B", 10880, 11030],
    ["MBQ", "A36", 0, 202],
]
ORDERS: Rows = [
    ["Order forecast (heats per quality group)"],
    ["Quality:", JUNE, JULY],
    ["Rebar", 238, 219],
    ["MBQ", 18, 67],
]
SCHEDULE: Rows = [
    ["Daily charge schedule"],
    [datetime(2024, 8, 30), None, None, datetime(2024, 8, 31)],
    ["Start time", "Grade", "Mould size"] * 2,
    ["04:00", "B500B", '5"', "05:00", "B500A", '5"'],
    ["05:11", "-", "-", "06:11", "B500B", '6 1/4"'],
]


def with_cells(rows: Rows, **cells: Any) -> list[list[Any]]:
    """A table with some cells (`C3=...`) replaced; as wide and high as it needs to be."""
    copy = [list(row) for row in rows]
    for name, value in cells.items():
        column = 0
        letters = name.rstrip("0123456789")
        for letter in letters:
            column = column * 26 + ord(letter) - 64
        row = int(name.removeprefix(letters))
        copy.extend([] for _ in range(row - len(copy)))
        copy[row - 1].extend([None] * (column - len(copy[row - 1])))
        copy[row - 1][column - 1] = value
    return copy


def book(sheets: Rows | Mapping[str, Rows], change: Callable[[Worksheet], None] | None = None) -> bytes:
    """A workbook of one sheet named `Sheet`, or of several; `change` is applied to each."""
    named = sheets if isinstance(sheets, Mapping) else {"Sheet": sheets}
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    for name, rows in named.items():
        sheet = workbook.create_sheet(name)
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row, start=1):
                if value is not None:
                    sheet.cell(number, column, value)
        if change:
            change(sheet)
    saved = io.BytesIO()
    workbook.save(saved)
    return saved.getvalue()


def repack(content: bytes, changes: Mapping[str, Callable[[bytes], bytes | None]]) -> bytes:
    """The archive with parts changed that end in these names, whatever their case; None drops a part."""
    target = io.BytesIO()
    found = set()
    source = io.BytesIO(content)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            part: bytes | None = old.read(member)
            for end, change in changes.items():
                if part is not None and member.filename.casefold().endswith(end.casefold()):
                    found.add(end)
                    part = change(part)
            if part is not None:
                new.writestr(member.filename, part)
    assert found == set(changes)
    return target.getvalue()


def with_shared_texts(content: bytes) -> bytes:
    """The same workbook with its texts in one table, as spreadsheet programs write them; openpyxl doesn't."""
    texts: list[bytes] = []

    def share(found: re.Match[bytes]) -> bytes:
        if found[2] not in texts:
            texts.append(found[2])
        return b'%st="s"><v>%d</v></c>' % (found[1], texts.index(found[2]))

    def sheet(xml: bytes) -> bytes:
        return re.sub(rb'(<c [^>]*)t="inlineStr"><is><t[^>]*>(.*?)</t></is></c>', share, xml)

    def relations(xml: bytes) -> bytes:
        kind = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
        table = b'<Relationship Type="%s" Target="sharedStrings.xml" Id="rId99" />' % kind
        return xml.replace(b"</Relationships>", table + b"</Relationships>")

    def types(xml: bytes) -> bytes:
        kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
        table = b'<Override PartName="/xl/sharedStrings.xml" ContentType="%s" />' % kind
        return xml.replace(b"</Types>", table + b"</Types>")

    changes = {"sheet1.xml": sheet, "workbook.xml.rels": relations, "[Content_Types].xml": types}
    changed = repack(content, changes)
    table = b"".join(b"<si><t>%s</t></si>" % text for text in texts)
    target = io.BytesIO(changed)
    with zipfile.ZipFile(target, "a") as archive:
        main = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        archive.writestr("xl/sharedStrings.xml", b'<sst xmlns="%s">%s</sst>' % (main, table))
    return target.getvalue()


def read(rows: Rows | Mapping[str, Rows], **options: Any) -> Reading:
    """Write a workbook and read it."""
    return read_workbook(book(rows), **options)


def said(reading: Reading, code: Code) -> list[CellMessage]:
    """All messages of a code."""
    return [message for message in reading.messages if message.code is code]


def errors(reading: Reading) -> list[Code]:
    """The codes of all errors."""
    return [message.code for message in reading.messages if message.severity is Severity.ERROR]
