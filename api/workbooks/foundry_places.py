"""Where the entries of a foundry problem stand in the workbook that it was read from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from api.workbooks.content import FoundryRow, FoundryTable
from api.workbooks.foundry_tables import TABLES
from api.workbooks.messages import Place

Spot: TypeAlias = tuple[str, Place]
"""A sheet, empty for the whole file; and the row and column in it, None for the whole sheet."""

_NAMED_BY = {
    "orders": ("order_id", "qty"),
    "expected_deliveries": ("order_id", "qty"),
    "initial_patterns_loaded": ("order_id", "order_id"),
    "previous_plan": ("order_id", "molds"),
    "initial_flask_inuse": ("flask_size", "qty_inuse"),
    "initial_pour_load": ("workday_index", "tons_committed"),
}
"""By what a finding about a table names the row that it is about, and the column that it asks to look at."""


class Places:
    """Finds cells by paths such as ``("orders", "3", "part_id")``."""

    def __init__(self, tables: Sequence[FoundryTable]) -> None:
        self._tables = {table.table: table for table in tables}

    def of(self, path: Sequence[str | int], code: str = "", message: str = "") -> Spot:
        """Find the cell of a path; code and message of a finding tell the row where the path does not."""
        steps = [str(step) for step in path]
        if steps and steps[0] in TABLES["scenario"]:
            steps = ["scenario", "0", *steps]
        table = self._tables.get(steps[0]) if steps else None
        if table is None:
            return "", None
        row, column = self._row(table, steps[1:], code, message)
        if row is None:
            return table.sheet, None
        named = next((step for step in reversed(steps[1:]) if step in table.columns), column)
        leftmost = min(table.columns.values(), default=1)
        return table.sheet, (row.number, table.columns.get(named, leftmost))

    def setting(self, name: str) -> Spot:
        """Find the cell that names a setting."""
        sheet, place = self.of(("settings", name))
        return sheet, (place[0], self._tables["settings"].columns["setting"]) if place else None

    def _row(
        self, table: FoundryTable, steps: Sequence[str], code: str, message: str
    ) -> tuple[FoundryRow | None, str]:
        rows = table.rows
        if table.table == "settings":
            named = (row for row in rows if steps and row.values.get("setting") == steps[0])
            return next(named, None), "value"
        if steps and steps[0].isdigit():
            return (rows[int(steps[0])] if int(steps[0]) < len(rows) else None), ""
        if table.table == "resources":
            return (rows[0] if rows else None), ""
        if table.table == "calendar_workdays":
            return _workday(rows, code, message), "workday_index" if code == "CALENDAR_GAP" else "date"
        key, column = _NAMED_BY.get(table.table, ("", ""))
        return _named(rows, key, column, message), column


def _workday(rows: Sequence[FoundryRow], code: str, message: str) -> FoundryRow | None:
    """Find the row of the calendar that a finding is about, as the checks go through it: by its indices."""
    by_index = sorted(rows, key=lambda row: int(row.values["workday_index"]))
    match code:
        case "CALENDAR_GAP":
            return next((r for i, r in enumerate(by_index) if r.values["workday_index"] != i), None)
        case "CALENDAR_BEFORE_ASOF" | "CALENDAR_STARTS_LATE":
            return by_index[0] if by_index else None
        case "CALENDAR_NOT_ASCENDING":
            told = [
                (f"Workday {row.values['workday_index']} is {row.values['date']},", row) for row in by_index
            ]
            return next((row for words, row in reversed(told) if message.startswith(words)), None)
    return _named(by_index, "date", "", message)


def _named(rows: Sequence[FoundryRow], key: str, amount: str, message: str) -> FoundryRow | None:
    """Find the row that a message names first; of several with one name, that of the largest amount."""

    def size(row: FoundryRow) -> float:
        value = row.values.get(amount)
        return value if isinstance(value, float | int) else 0

    found = [
        (at, -size(row), row.number, row) for row in rows if (at := _mention(row, key, message)) is not None
    ]
    return min(found, key=lambda one: one[:3])[3] if found else None


def _mention(row: FoundryRow, key: str, message: str) -> int | None:
    """Give where a message names the row, None where it does not."""
    name = row.values.get(key)
    if name is None or str(name) not in message:
        return None
    found = re.search(rf"(?<![^\s(]){re.escape(str(name))}(?=[\s,;:)]|\.(?:\s|$)|$)", message)
    return found.start() if found else None
