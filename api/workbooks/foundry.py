"""A foundry's workbook: a sheet for each table of the foundry problem, told by its name or its headers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import TypeAlias

from api.workbooks.cells import Fault, Sheet, Value, clean, describe, plain_number
from api.workbooks.content import Content, FoundryRow, FoundryTable, Reading
from api.workbooks.kinds import WorkbookKind
from api.workbooks.messages import CellMessage, Code, Findings, Severity

HEADER_ROWS = 10
"""Rows in which a sheet's headers are looked for, notes above them being common."""
MAX_TEXT = 200
_MOST = 1e9


class Form(Enum):
    """What a column holds, in words for messages."""

    TEXT = "a text"
    WHOLE = "a whole number"
    NUMBER = "a number"
    DAY = "a date"
    ANY = "a value"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `required` ones have a value in every row."""

    form: Form
    required: bool = True
    note: str = ""


_T, _W, _N, _D = Form.TEXT, Form.WHOLE, Form.NUMBER, Form.DAY
_ORDER = Column(_T, note="Name of the order.")
_DAY = Column(_W, note="Working days since the Monday; 0 is the first.")

TABLES: Mapping[str, Mapping[str, Column]] = {
    "scenario": {
        "name": Column(_T, False, "Name under which the data are stored."),
        "asof_date": Column(_D, note="The Monday from which is planned."),
        "frozen_days": Column(_W, False, "First days that stay as in previous_plan."),
    },
    "parts": {
        "part_id": Column(_T, note="Name of the part."),
        "flask_size": Column(_T, note="S, M or L."),
        "cool_hours": Column(_N, note="Hours from pour to shakeout."),
        "finish_hours": Column(_N, note="Hours of finishing."),
        "gross_weight_ton": Column(_N, note="Tons of metal poured into one mold."),
        "alloy": Column(_T, False),
    },
    "orders": {
        "order_id": _ORDER,
        "part_id": Column(_T, note="Name of its part."),
        "qty": Column(_W, note="Units ordered, those already molded included."),
        "due_date": Column(_D, note="Last day of delivery."),
        "priority": Column(_W, False, "Lower is more urgent; 100 unless told."),
    },
    "resources": {
        "flasks_S": Column(_W, note="Flasks of size S."),
        "flasks_M": Column(_W, note="Flasks of size M."),
        "flasks_L": Column(_W, note="Flasks of size L."),
        "molding_max_per_day": Column(_W, note="Molds a day, all patterns together."),
        "molding_max_same_part_per_day": Column(_W, note="Molds a day of one pattern."),
        "pour_max_ton_per_day": Column(_N, note="Tons poured a day."),
        "max_patterns": Column(_W, False, "Patterns on the line at once; 6 unless told."),
        "notes": Column(_T, False),
    },
    "calendar_workdays": {
        "workday_index": Column(_W, note="0, 1, 2 and so on."),
        "date": Column(_D, note="The working day."),
        "week_index": Column(_W, False, "Its week, for weekly reports."),
    },
    "holidays": {"holiday": Column(_D, note="A day without work beyond calendar_workdays.")},
    "initial_order_progress": {
        "order_id": _ORDER,
        "molded_qty_credit": Column(_W, note="Units molded before the Monday."),
    },
    "initial_patterns_loaded": {
        "order_id": _ORDER,
        "is_loaded": Column(_W, note="1: its pattern is on the line on the Monday morning."),
    },
    "initial_flask_inuse": {
        "flask_size": Column(_T, note="S, M or L."),
        "release_workday_index": Column(_W, note="First workday on which they are free again."),
        "qty_inuse": Column(_W, note="Flasks."),
    },
    "initial_pour_load": {"workday_index": _DAY, "tons_committed": Column(_N, note="Tons already promised.")},
    "expected_deliveries": {
        "order_id": _ORDER,
        "date": Column(_D, note="Day of delivery."),
        "qty": Column(_W, note="Units already molded."),
    },
    "pins": {
        "order_id": _ORDER,
        "workday_index": _DAY,
        "molds": Column(_W, note="Exactly so many molds on that day; 0 forbids it."),
    },
    "previous_plan": {
        "order_id": _ORDER,
        "workday_index": _DAY,
        "molds": Column(_W, note="Molds of the plan before."),
    },
    "settings": {
        "setting": Column(_T, note="Name of a setting, such as policy."),
        "value": Column(Form.ANY, False),
    },
}
"""The columns of each table, under the names of the foundry problem."""
NEEDED = ("scenario", "parts", "orders", "resources")

Headers: TypeAlias = Mapping[str, int]
"""Columns of a sheet by their headers in small letters."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A table in a sheet: where its headers stand."""

    table: str
    sheet: Sheet
    header_row: int
    headers: Headers


def read_foundry(sheets: list[Sheet]) -> Reading | None:
    """Read a foundry's workbook; None where no sheet is a table of a foundry."""
    places = [place for sheet in sheets if not sheet.hidden and (place := _find(sheet))]
    if not places:
        return None
    findings = {sheet.name: Findings(sheet.name) for sheet in sheets}
    tables: dict[str, FoundryTable] = {}
    for place in places:
        said = findings[place.sheet.name]
        if place.table in tables:
            said.error(
                Code.FOUNDRY_TABLE_TWICE,
                None,
                f"{place.table} is also in sheet {tables[place.table].sheet!r}; expected once.",
                "Delete one of the two sheets, or move its rows into the other.",
            )
        else:
            rows = tuple(_rows(place, said))
            tables[place.table] = FoundryTable(place.table, place.sheet.name, rows)
    read = {place.sheet.name for place in places}
    for sheet in sheets:
        if sheet.rows and sheet.name not in read:
            findings[sheet.name].info(
                Code.SHEET_NOT_RECOGNISED,
                None,
                "The sheet is no table of a foundry; nothing of it is stored.",
                "Nothing to do if it holds notes or calculations.",
            )
    messages = [_lacking(name) for name in NEEDED if not tables.get(name) or not tables[name].rows]
    messages += [message for said in findings.values() for message in said.messages()]
    return Reading(WorkbookKind.FOUNDRY, Content(foundry=tuple(tables.values())), tuple(messages))


def _lacking(table: str) -> CellMessage:
    columns = ", ".join(f"`{name}`" for name in TABLES[table])
    return CellMessage(
        Severity.ERROR,
        "",
        None,
        Code.FOUNDRY_TABLE_MISSING,
        f"The workbook has no rows of {table}; expected a sheet {table} with the columns {columns}.",
        "`pourplan template foundry` writes a workbook with all sheets.",
    )


def _find(sheet: Sheet) -> _Place | None:
    """Find a table's headers: under its own name, else those that no other table has."""
    named = clean(sheet.name).casefold().replace(" ", "_")
    for row in list(sheet.row_numbers())[:HEADER_ROWS]:
        headers = _headers(sheet, row)
        if named in TABLES and any(name.casefold() in headers for name in TABLES[named]):
            return _Place(named, sheet, row, headers)
        fitting = [
            name
            for name, columns in TABLES.items()
            if len(columns) > 1 and all(c.casefold() in headers for c, one in columns.items() if one.required)
        ]
        best = max((_required(name) for name in fitting), default=0)
        found = [name for name in fitting if _required(name) == best]
        if len(found) == 1 and best > 1:
            return _Place(found[0], sheet, row, headers)
    return None


def _required(table: str) -> int:
    return sum(column.required for column in TABLES[table].values())


def _headers(sheet: Sheet, row: int) -> Headers:
    return {
        clean(value).casefold().replace(" ", "_"): column
        for column, value in sorted(sheet.rows[row].items(), reverse=True)
        if isinstance(value, str)
    }


def _rows(place: _Place, said: Findings) -> Iterator[FoundryRow]:
    columns = TABLES[place.table]
    known = {name.casefold() for name in columns}
    for header, number in place.headers.items():
        if header not in known:
            said.warn(
                Code.COLUMN_IGNORED,
                (place.header_row, number),
                f"{place.table} has no column {header!r}; nothing of it is stored.",
                f"Correct the header if it is meant for one of {', '.join(columns)}.",
            )
    lacking = [name for name, one in columns.items() if one.required and name.casefold() not in place.headers]
    for name in lacking:
        said.error(
            Code.FOUNDRY_COLUMN_MISSING,
            (place.header_row, 1),
            f"{place.table} lacks the column `{name}`.",
            "Add the column, or correct its header.",
        )
    for row in () if lacking else place.sheet.row_numbers(first=place.header_row + 1):
        told = {
            name: value
            for name in columns
            if (column := place.headers.get(name.casefold()))
            and (value := place.sheet.get(row, column)) is not None
        }
        if told:
            where = {name: place.headers[name.casefold()] for name in told}
            yield FoundryRow(row, _values(place, row, told, said), where)


def _values(
    place: _Place, row: int, told: Mapping[str, Value], said: Findings
) -> dict[str, str | int | float | bool]:
    values: dict[str, str | int | float | bool] = {}
    for name, column in TABLES[place.table].items():
        at = row, place.headers.get(name.casefold(), 1)
        found = told.get(name)
        if found is None:
            if column.required:
                said.error(
                    Code.FOUNDRY_CELL,
                    at,
                    f"`{name}` is blank; expected {column.form.value}.",
                    "Fill the cell, or delete the row.",
                )
            continue
        if isinstance(found, Fault):
            said.error(found.code, at, f"`{name}` is {describe(found)}.", "Correct the formula.")
            continue
        value = _value(found, column.form)
        if value is None:
            said.error(
                Code.FOUNDRY_CELL,
                at,
                f"`{name}` is {describe(found)}; expected {column.form.value}.",
                "Correct the cell.",
            )
        else:
            values[name] = value
    return values


def _value(found: Value, form: Form) -> str | int | float | bool | None:
    """Take a cell as what its column holds; None where it is something else."""
    if form is Form.ANY:
        return found if isinstance(found, (bool, float)) else _text(found)
    if form is Form.TEXT:
        return _text(found)
    if form is Form.DAY:
        return _day(found)
    number = _number(found)
    if number is None or form is Form.NUMBER:
        return number
    return int(number) if number.is_integer() else None


def _text(found: Value) -> str | None:
    if isinstance(found, float):
        return plain_number(found)
    text = clean(found) if isinstance(found, str) else None
    return text if text and len(text) <= MAX_TEXT else None


def _day(found: Value) -> str | None:
    if isinstance(found, datetime):
        return found.date().isoformat()
    try:
        return date.fromisoformat(clean(found)).isoformat() if isinstance(found, str) else None
    except ValueError:
        return None


def _number(found: Value) -> float | None:
    try:
        number = float(clean(found)) if isinstance(found, str) else found
    except ValueError:
        return None
    is_number = isinstance(number, float) and abs(number) <= _MOST
    return number if is_number and isinstance(number, float) else None
