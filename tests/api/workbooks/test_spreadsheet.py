# ruff: noqa: DTZ001 - the dates of workbooks know no time zone
"""Cells of all kinds, as spreadsheet programs write them and as openpyxl reads them."""

import io
import zipfile
from datetime import datetime, time, timedelta
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from api.workbooks.cells import Fault, Sheet
from api.workbooks.messages import Code
from api.workbooks.serials import Epoch, from_serial
from api.workbooks.spreadsheet import read_sheets
from tests.api.workbooks.properties import prove
from tests.api.workbooks.sheets import PRODUCTION, book, repack, with_shared_texts

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"


def sheet_of(cells: str, *, after: str = "", namespace: str = MAIN, base: bytes | None = None) -> Sheet:
    """The sheet of a workbook whose first row has these cells, as XML."""
    xml = f'<worksheet xmlns="{namespace}"><sheetData><row r="1">{cells}</row></sheetData>{after}</worksheet>'
    (sheet,) = read_sheets(repack(base or book([["x"]]), {"sheet1.xml": lambda _: xml.encode()}))
    return sheet


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ('<c r="A1"><v>8724</v></c>', 8724.0),
        ('<c r="A1" t="n"><v> 1.5E3 </v></c>', 1500.0),
        ("<c><v>-.5</v></c>", -0.5),
        ('<c r="$A$1"><v>1</v></c>', 1.0),
        ('<c r="A1" t="b"><v>1</v></c>', True),
        ('<c r="A1" t="b"><v>0</v></c>', False),
        ('<c r="A1" t="str"><f>A2</f><v>B500A</v></c>', "B500A"),
        ('<c r="A1" t="str"><f>A2</f><v></v></c>', None),
        ('<c r="A1"><f>1+1</f><v>2</v></c>', 2.0),
        ('<c r="A1"><f>1+1</f></c>', Fault(Code.FORMULA_WITHOUT_VALUE, "")),
        ('<c r="A1"><f>1+1</f><v/></c>', Fault(Code.FORMULA_WITHOUT_VALUE, "")),
        ('<c r="A1" t="e"><v>#DIV/0!</v></c>', Fault(Code.CELL_ERROR, "#DIV/0!")),
        ('<c r="A1" t="d"><v>2024-06-24T04:30:00Z</v></c>', datetime(2024, 6, 24, 4, 30)),
        ('<c r="A1" t="d"><v>2024-06-24</v></c>', datetime(2024, 6, 24)),
        ('<c r="A1" t="d"><v>04:30:00</v></c>', time(4, 30)),
        ('<c r="A1" t="d"><v>some day</v></c>', Fault(Code.CELL_ERROR, "some day")),
        ('<c r="A1" t="inlineStr"><is><t> B500A </t></is></c>', "B500A"),
        ('<c r="A1" t="inlineStr"><is><r><t>B5</t></r><r><t>00A</t></r></is></c>', "B500A"),
        ('<c r="A1" t="inlineStr"><is><t>鋼</t><rPh><t>はがね</t></rPh></is></c>', "鋼"),
        ('<c r="A1" t="inlineStr"><is><t>a_x000D_b_x0000_</t></is></c>', "a\rb_x0000_"),
        ('<c r="A1" t="inlineStr"><is><t>_xD800_</t></is></c>', "_xD800_"),
        ('<c r="A1" t="inlineStr"><is><t>   </t></is></c>', None),
        ('<c r="A1" s="999"><v>45467</v></c>', 45467.0),
    ],
)
def test_cell(cell: str, value: object) -> None:
    assert sheet_of(cell).get(1, 1) == value
    assert sheet_of(cell, namespace=STRICT).get(1, 1) == value


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("General", 45467.25),
        ("0.00", 45467.25),
        ('0 "days"', 45467.25),
        ("[Red]0", 45467.25),
        ("mmm d", datetime(2024, 6, 24, 6)),
        ("dddd m/d/yyyy", datetime(2024, 6, 24, 6)),
        ("[$-409]d\\-mmm;@", datetime(2024, 6, 24, 6)),
        ("h:mm", datetime(2024, 6, 24, 6)),
        ("[h]:mm", timedelta(days=45467.25)),
    ],
)
def test_number_format_tells_dates_from_numbers(code: str, value: object) -> None:
    def set_format(sheet: Any) -> None:
        sheet["A1"].number_format = code

    (sheet,) = read_sheets(book([[45467.25]], set_format))
    assert sheet.get(1, 1) == value


def test_cells_without_references_follow_one_another() -> None:
    assert sheet_of('<c><v>1</v></c><c/><c><v>3</v></c><c r="E1"><v>5</v></c><c><v>6</v></c>').rows == {
        1: {1: 1.0, 3: 3.0, 5: 5.0, 6: 6.0}
    }


def test_what_merged_cells_cover_is_not_there() -> None:
    cells = '<c r="A1"><v>1</v></c><c r="B1"><v>2</v></c><c r="C1"><v>3</v></c>'
    assert sheet_of(cells, after='<mergeCells><mergeCell ref="A1:B9"/></mergeCells>').rows == {
        1: {1: 1.0, 3: 3.0}
    }
    everything = '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    assert sheet_of(cells, after=everything).rows == {1: {1: 1.0}}


def test_mac_workbooks_count_from_1904() -> None:
    workbook = openpyxl.Workbook()
    workbook.epoch = CALENDAR_MAC_1904
    workbook.worksheets[0]["A1"] = datetime(2024, 6, 24)
    saved = io.BytesIO()
    workbook.save(saved)
    (sheet,) = read_sheets(saved.getvalue())
    assert sheet.epoch is Epoch.OF_1904
    assert sheet.get(1, 1) == datetime(2024, 6, 24)


def test_shared_texts_are_read_like_texts_in_cells() -> None:
    content = book(PRODUCTION)
    assert read_sheets(with_shared_texts(content)) == read_sheets(content)


def test_parts_may_lie_anywhere() -> None:
    """Part names differ in case and folder between the programs that write them."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book(PRODUCTION))) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name.replace("worksheets/sheet1", "Worksheets/Sheet1"), old.read(name))
    assert read_sheets(target.getvalue()) == read_sheets(book(PRODUCTION))


def test_chart_sheets_are_passed_over() -> None:
    workbook = openpyxl.Workbook()
    workbook.create_chartsheet("chart")
    saved = io.BytesIO()
    workbook.save(saved)
    assert [sheet.name for sheet in read_sheets(saved.getvalue())] == ["Sheet"]


@pytest.mark.parametrize(
    ("serial", "value"),
    [
        (0.0, time(0)),
        (0.25, time(6)),
        (1.0, datetime(1900, 1, 1)),
        (1.009722222222222, datetime(1900, 1, 1, 0, 14)),
        (59.0, datetime(1900, 2, 28)),
        (61.0, datetime(1900, 3, 1)),
        (45467.0, datetime(2024, 6, 24)),
        (2958465.0, datetime(9999, 12, 31)),
        (2958466.0, None),
        (-1.0, None),
        (1e300, None),
    ],
)
def test_serial_days(serial: float, value: object) -> None:
    assert from_serial(serial, Epoch.OF_1900) == value


values = st.one_of(
    st.integers(-(10**9), 10**9),
    st.floats(-1e9, 1e9, allow_nan=False),
    st.booleans(),
    st.datetimes(datetime(1901, 1, 1), datetime(9999, 1, 1)).map(lambda d: d.replace(microsecond=0)),
    st.times().map(lambda t: t.replace(microsecond=0)),
    st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Cs"]), min_size=1)
    .map(str.strip)
    .filter(lambda t: t and not t.startswith("=") and "_x" not in t and not t.startswith("#")),
)


@prove(60)
@given(rows=st.lists(st.lists(st.none() | values, max_size=6), max_size=6), shared=st.booleans())
def test_any_cells_are_those_that_openpyxl_reads(rows: list[list[Any]], shared: bool) -> None:
    content = book(rows)
    (theirs,) = openpyxl.load_workbook(io.BytesIO(content), data_only=True).worksheets
    expected = {
        (c.row, c.column): float(c.value) if type(c.value) is int else c.value
        for row in theirs.iter_rows()
        for c in row
        if c.value is not None
    }
    (ours,) = read_sheets(with_shared_texts(content) if shared else content)
    assert {(r, c): v for r, row in ours.rows.items() for c, v in row.items()} == expected
