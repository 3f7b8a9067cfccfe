"""Order forecasts: heats per product group and month."""

from __future__ import annotations

from datetime import date

from api.workbooks.cells import Sheet, month_in_words
from api.workbooks.content import GroupRow, OrderTable
from api.workbooks.figures import read_heats
from api.workbooks.messages import Code, Findings, coordinate
from api.workbooks.names import folded
from api.workbooks.production import read_unit
from api.workbooks.recognise import Layout, Recognised
from api.workbooks.table import MonthTable, read_table


def read_orders(sheet: Sheet, found: Recognised, findings: Findings) -> list[OrderTable]:
    """Read all tables of an order forecast."""
    if read_unit(found.title) and "heat" not in found.title.casefold():
        findings.error(
            Code.UNIT_NOT_HEATS,
            None,
            f"The title {found.title[:100]!r} names tons; an order forecast is in heats.",
            "Divide the tons by those of a heat and say `heats` in the title.",
        )
    tables = []
    seen: dict[tuple[str, date], int] = {}
    for layout in found.layouts:
        table = read_table(sheet, layout, findings, read_heats)
        _report_duplicates(table, layout, seen, findings)
        rows = tuple(
            GroupRow(
                row.group,
                coordinate(row.row, layout.group),
                tuple(None if figure is None else int(figure) for figure in row.figures),
            )
            for row in table.rows
        )
        tables.append(OrderTable(sheet.name, table.months, rows))
    return tables


def _report_duplicates(
    table: MonthTable, layout: Layout, seen: dict[tuple[str, date], int], findings: Findings
) -> None:
    for row in table.rows:
        again = [m for m in table.months if seen.setdefault((folded(row.group), m), row.row) != row.row]
        if again:
            findings.error(
                Code.GROUP_DUPLICATE,
                (row.row, layout.group),
                f"The group {row.group!r} stands here and in "
                f"{coordinate(seen[folded(row.group), again[0]], layout.group)} with figures for "
                f"{month_in_words(again[0])}; expected each group once.",
                "Add the two rows up into one, or correct the name of one of them.",
            )
