import runpy
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from api.workbooks.content import HeatRow, TonUnit
from api.workbooks.kinds import WorkbookKind
from api.workbooks.messages import Code, Severity
from api.workbooks.read import read_workbook
from api.workbooks.spreadsheet import read_sheets
from tests.api.workbooks.sheets import NAMES, REAL, ROOT, SAMPLE, errors, said

needs_real = pytest.mark.skipif(not REAL.exists(), reason="the real workbooks are not beside this checkout")


@pytest.fixture(params=[SAMPLE, pytest.param(REAL, marks=needs_real)], ids=["sample", "real"])
def folder(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_production_history(folder: Path) -> None:
    reading = read_workbook((folder / NAMES[0]).read_bytes())
    assert reading.kind is WorkbookKind.STEEL_GRADE_PRODUCTION
    (table,) = reading.content.production
    assert table.unit is TonUnit.SHORT_TON
    assert table.months == (date(2024, 6, 1), date(2024, 7, 1), date(2024, 8, 1))
    tons = {row.grade: (row.group, *map(int, row.tons)) for row in table.rows if None not in row.tons}  # type: ignore[arg-type]
    assert len(tons) == 16
    assert tons["B500C"] == ("Rebar", 4111, 1557, 4756)
    assert tons["60W"] == ("MBQ", 0, 0, 0)
    assert tons["C40"] == ("SBQ", 612, 601, 603)
    assert tons["A53/C591"] == ("CHQ", 308, 0, 2541)
    assert reading.content.rows == 48
    assert not errors(reading)


def test_stray_april_header_is_reported_and_stores_nothing(folder: Path) -> None:
    reading = read_workbook((folder / NAMES[0]).read_bytes())
    (stray,) = said(reading, Code.MONTH_WITHOUT_DATA)
    assert (stray.sheet, stray.cell, stray.severity) == ("2024 production", "Z2", Severity.WARNING)
    assert "April 2024" in stray.message
    assert date(2024, 4, 1) not in reading.content.production[0].months


def test_order_forecast(folder: Path) -> None:
    reading = read_workbook((folder / NAMES[1]).read_bytes())
    assert reading.kind is WorkbookKind.PRODUCT_GROUPS_MONTHLY
    (table,) = reading.content.orders
    assert [month.month for month in table.months] == [6, 7, 8, 9]
    assert {row.group: row.heats for row in table.rows} == {
        "Rebar": (238, 219, 246, 232),
        "MBQ": (18, 67, 62, 54),
        "SBQ": (8, 6, 6, 10),
        "CHQ": (24, 11, 26, 22),
    }
    assert [m.cell for m in said(reading, Code.MONTH_DAY_IGNORED)] == ["B2", "C2", "D2", "E2"]
    assert not errors(reading)


def test_charge_schedule(folder: Path) -> None:
    reading = read_workbook((folder / NAMES[2]).read_bytes())
    assert reading.kind is WorkbookKind.DAILY_CHARGE_SCHEDULE
    (table,) = reading.content.schedules
    assert table.days == (date(2024, 8, 30), date(2024, 8, 31), date(2024, 9, 1))
    assert table.heats[0] == HeatRow(date(2024, 8, 30), time(0, 14), "B500B", '5"', "B4")
    september = [heat.grade for heat in table.heats if heat.day == date(2024, 9, 1)]
    assert {grade: september.count(grade) for grade in set(september)} == {"C35": 1, "C40": 1, "B500B": 11}
    assert len(table.heats) == 37
    assert "Rows without a grade: 4." in said(reading, Code.IDLE_IGNORED)[0].message
    assert not errors(reading)


@needs_real
def test_samples_say_what_the_real_files_say() -> None:
    for name in NAMES:
        assert read_workbook((SAMPLE / name).read_bytes()) == read_workbook((REAL / name).read_bytes())


def test_samples_are_what_the_script_makes() -> None:
    script = runpy.run_path(str(ROOT / "data" / "make_steel_samples.py"))
    assert set(script["SAMPLES"]) == set(NAMES)
    for name, make in script["SAMPLES"].items():
        assert script["to_bytes"](make()) == script["to_bytes"](make())
        assert read_sheets(script["to_bytes"](make())) == read_sheets((SAMPLE / name).read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_cells_are_those_that_openpyxl_reads(folder: Path, name: str) -> None:
    (sheet,) = read_sheets((folder / name).read_bytes())
    (other,) = openpyxl.load_workbook(folder / name, data_only=True).worksheets
    theirs = {
        (cell.row, cell.column): Decimal(cell.value) if isinstance(cell.value, int) else cell.value
        for row in other.iter_rows()
        for cell in row
        if cell.value is not None
    }
    ours = {
        (row, column): Decimal(value) if isinstance(value, float) else value
        for row, cells in sheet.rows.items()
        for column, value in cells.items()
    }
    assert ours == theirs
