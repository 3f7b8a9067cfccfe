"""Production histories: tons per steel grade and month, under groups, in the unit that the title names."""

from __future__ import annotations

import re
from datetime import date

from api.workbooks.cells import Sheet, month_in_words
from api.workbooks.content import GradeRow, ProductionTable, TonUnit
from api.workbooks.figures import read_tons
from api.workbooks.messages import Code, Findings, coordinate
from api.workbooks.names import folded
from api.workbooks.recognise import Recognised
from api.workbooks.table import MonthTable, read_table

_UNITS = (
    (TonUnit.SHORT_TON, re.compile(r"\b(short|us|u\.s\.)[ -]?tons?\b|\(st\)|\bstons?\b")),
    (TonUnit.LONG_TON, re.compile(r"\b(long|imperial|gross)[ -]?tons?\b")),
    (TonUnit.TONNE, re.compile(r"\btonnes?\b|\bmetric[ -]?(tons?|tonnes?)\b|\bmt\b|\(t\)")),
    (TonUnit.TON, re.compile(r"\btons?\b")),
)


def read_production(sheet: Sheet, found: Recognised, findings: Findings) -> list[ProductionTable]:
    """Read all tables of a production history."""
    unit = read_unit(f"{found.title} {sheet.name}")
    if unit is None:
        findings.info(
            Code.UNIT_NOT_NAMED,
            None,
            "The title names no unit; the figures are kept as tons.",
            "Name it in the title, such as `Production history (short tons)`.",
        )
    tables = []
    seen: dict[tuple[str, date], int] = {}
    for layout in found.layouts:
        table = read_table(sheet, layout, findings, read_tons)
        column = layout.grade or layout.group
        _report_duplicates(table, column, seen, findings)
        rows = tuple(
            GradeRow(row.group, row.grade, coordinate(row.row, column), row.figures) for row in table.rows
        )
        tables.append(ProductionTable(sheet.name, unit or TonUnit.TON, table.months, rows))
    return tables


def read_unit(title: str) -> TonUnit | None:
    """Find the ton that a title names."""
    return next((unit for unit, form in _UNITS if form.search(title.casefold())), None)


def _report_duplicates(
    table: MonthTable, column: int, seen: dict[tuple[str, date], int], findings: Findings
) -> None:
    for row in table.rows:
        reported = False
        for month in table.months:
            before = seen.setdefault((folded(row.grade), month), row.row)
            if before != row.row and not reported:
                reported = True
                findings.error(
                    Code.GRADE_DUPLICATE,
                    (row.row, column),
                    f"The grade {row.grade!r} stands here and in {coordinate(before, column)} with "
                    "figures for "
                    f"{month_in_words(month)}; expected each grade once.",
                    "Add the two rows up into one, or correct the name of one of them.",
                )
