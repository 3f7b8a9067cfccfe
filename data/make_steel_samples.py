"""Writes the sample plant's three workbooks, `data/sample/*.xlsx`, in the layouts of a real melt shop.

The figures are those of a published example: tons per grade for June to August 2024, heats per quality
group for June to September 2024, the charge schedule of 30 August to 1 September 2024. So are the quirks,
because reading them is what the samples are for: merged titles; `Jun 24` that became 24 June 2024; a stray
header for April in column Z; groups written once and blank below; a cell dragged from A53/C591 to A53/C600;
start times that are datetimes of 1 January 1900; `-` for idle; a thousand formatted but empty rows.

    python data/make_steel_samples.py [FOLDER]

The same bytes come out each time (given the same zlib), so that a file that was imported stays the same file.
"""

from __future__ import annotations

import io
import re
import sys
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.worksheet import Worksheet

FOLDER = Path(__file__).parent / "sample"

TONS: dict[str, dict[str, tuple[int, int, int]]] = {
    "Rebar": {
        "B500A": (8724, 9230, 8989),
        "B500B": (10880, 11030, 10822),
        "B500C": (4111, 1557, 4756),
    },
    "MBQ": {
        "A36": (0, 202, 199),
        "A5888": (512, 0, 0),
        "GR50": (935, 0, 0),
        "44W": (0, 3204, 3112),
        "50W": (0, 3199, 2879),
        "55W": (333, 0, 0),
        "60W": (0, 0, 0),
    },
    "SBQ": {
        "S235JR": (99, 0, 0),
        "S355J": (102, 0, 0),
        "C35": (0, 0, 0),
        "C40": (612, 601, 603),
    },
    "CHQ": {
        "A53/A543": (2078, 1032, 0),
        "A53/C591": (308, 0, 2541),
    },
}
"""Short tons per group and grade in June, July and August 2024."""

HEATS = {
    "Rebar": (238, 219, 246, 232),
    "MBQ": (18, 67, 62, 54),
    "SBQ": (8, 6, 6, 10),
    "CHQ": (24, 11, 26, 22),
}
"""Heats per quality group in June, July, August and September 2024."""

SCHEDULE = {
    date(2024, 8, 30): """
        00:14 B500B 5" | 01:25 B500B 5" | 02:36 B500B 5" | 03:47 B500C 5" | 04:58 - -
        14:00 A53/C591 6" RD | 15:11 A53/C592 6" RD | 16:22 A53/C593 6" RD | 17:33 A53/C594 6" RD
        18:44 A53/C595 6" RD | 19:55 A53/C596 6" RD | 21:06 A53/C597 6" RD | 22:17 A53/C598 6" RD
        23:28 A53/C599 6" RD
    """,
    date(2024, 8, 31): """
        00:50 A53/C600 6" RD | 02:01 - - | 06:00 B500A 6 1/4" | 07:11 B500A 6 1/4" | 08:22 B500B 5"
        09:33 B500B 5" | 10:44 B500B 5" | 11:55 B500B 5" | 13:06 B500B 5" | 14:17 B500B 5" | 15:28 B500B 5"
        16:39 B500B 5" | 17:50 - -
    """,
    date(2024, 9, 1): """
        04:00 C35 6 1/4" | 05:11 C40 6 1/4" | 06:22 - - | 12:00 B500B 5" | 13:11 B500B 5" | 14:22 B500B 5"
        15:33 B500B 5" | 16:44 B500B 5" | 17:55 B500B 5" | 19:06 B500B 5" | 20:17 B500B 5" | 21:28 B500B 5"
        22:39 B500B 5" | 23:50 B500B 5"
    """,
}
"""Start time, grade and mould size of each heat; `-` where nothing is charged."""

EMPTY_ROWS = 1000
_WRITTEN = datetime(2024, 9, 1)  # noqa: DTZ001 - a workbook's dates know no time zone
_BOLD = Font(bold=True)
_TITLE = Font(size=15)
_LINE = Side(style="thin")
_FRAME = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)
_HEADER = PatternFill("solid", fgColor="D9E2F3")


def production() -> Workbook:
    """Tons per grade: groups once, months as the 24th of each, a forgotten header far to the right."""
    book, sheet = _book("2024 production", "Production history (short tons)", "A1:E1")
    _header(sheet, 2, 1, "Quality group")
    _header(sheet, 2, 2, "Grade")
    for column, month in ((3, 6), (4, 7), (5, 8), (26, 4)):
        _header(sheet, 2, column, datetime(2024, month, 24), "mmm d")  # noqa: DTZ001
    row = 3
    for group, grades in TONS.items():
        sheet.cell(row, 1, group)
        for grade, tons in grades.items():
            sheet.cell(row, 2, grade)
            for column, figure in enumerate(tons, start=3):
                sheet.cell(row, column, figure)
            row += 1
    return book


def orders() -> Workbook:
    """Heats per group, above a thousand rows that are formatted and empty."""
    title = "Order forecast (heats per quality group)"
    book, sheet = _book("Monthly product group breakdown", title, "A1:E1")
    _header(sheet, 2, 1, "Quality:")
    for column, month in enumerate((6, 7, 8, 9), start=2):
        _header(sheet, 2, column, datetime(2024, month, 24), "mmm d")  # noqa: DTZ001
    for row, (group, heats) in enumerate(HEATS.items(), start=3):
        sheet.cell(row, 1, group)
        for column, figure in enumerate(heats, start=2):
            sheet.cell(row, column, figure)
    for row in range(3, EMPTY_ROWS + 1):
        for column in range(1, 6):
            sheet.cell(row, column).border = _FRAME
    return book


def schedule() -> Workbook:
    """Three days side by side, three columns each, under merged dates."""
    book, sheet = _book("Daily charge schedule", "Daily charge schedule", "A1:I1")
    for column, (day, text) in zip((1, 4, 7), SCHEDULE.items(), strict=True):
        _header(sheet, 2, column, datetime.combine(day, time()), "dddd m/d/yyyy")
        sheet.merge_cells(start_row=2, end_row=2, start_column=column, end_column=column + 2)
        for offset, header in enumerate(("Start time", "Grade", "Mould size")):
            _header(sheet, 3, column + offset, header)
        for row, (start, grade, mould) in enumerate(_heats(text), start=4):
            sheet.cell(row, column, datetime.combine(date(1900, 1, 1), start)).number_format = "h:mm"
            sheet.cell(row, column + 1, grade)
            sheet.cell(row, column + 2, mould)
    return book


SAMPLES = {
    "steel_grade_production.xlsx": production,
    "product_groups_monthly.xlsx": orders,
    "daily_charge_schedule.xlsx": schedule,
}


def to_bytes(book: Workbook) -> bytes:
    """Save a workbook without a trace of when and where: fixed dates in the archive and in its properties."""
    saved = io.BytesIO()
    book.save(saved)
    fixed = io.BytesIO()
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(source.namelist()):
            member = zipfile.ZipInfo(name, _WRITTEN.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system = 0
            target.writestr(member, _undated(source.read(name)))
    return fixed.getvalue()


def _undated(part: bytes) -> bytes:
    written = f"{_WRITTEN:%Y-%m-%dT%H:%M:%SZ}".encode()
    return re.sub(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*", rb"\g<1>" + written, part)


def _book(sheet_name: str, title: str, merged: str) -> tuple[Workbook, Worksheet]:
    book = Workbook()
    book.properties.creator = "Pourplan"
    sheet = book.active
    assert isinstance(sheet, Worksheet)  # noqa: S101 - a new workbook has one sheet
    sheet.title = sheet_name
    sheet["A1"] = title
    sheet["A1"].font = _TITLE
    sheet["A1"].alignment = Alignment(horizontal="center")
    sheet.merge_cells(merged)
    return book, sheet


def _header(
    sheet: Worksheet, row: int, column: int, value: str | datetime, number_format: str = "General"
) -> None:
    cell = sheet.cell(row, column, value)
    cell.number_format = number_format
    cell.font = _BOLD
    cell.fill = _HEADER
    cell.border = _FRAME


def _heats(text: str) -> Iterator[tuple[time, str, str]]:
    for entry in re.split(r"\||\n", text):
        if entry.strip():
            start, grade, mould = entry.strip().split(maxsplit=2)
            yield time.fromisoformat(start), grade, mould


def main(folder: Path) -> None:
    """Write the samples into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in SAMPLES.items():
        (folder / name).write_bytes(to_bytes(make()))
        print(folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
