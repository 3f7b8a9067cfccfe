"""A foundry's workbook: a sheet for each table of the foundry problem, told by its name or its headers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Self, TypeAlias

from api.workbooks.cells import Sheet, Value, clean, shorten
from api.workbooks.content import Content, FoundryRow, FoundryTable, Reading, Scalar
from api.workbooks.foundry_cells import read_cell
from api.workbooks.foundry_tables import NEEDED, ONCE, TABLES, Form
from api.workbooks.kinds import WorkbookKind
from api.workbooks.messages import CellMessage, Code, Findings, Severity, coordinate

HEADER_ROWS = 10
"""Rows in which a sheet's headers are looked for, notes above them being common."""
_SHOW = "Show the sheet (right-click the tab of another one, Unhide) if it is meant"
_TOTAL = re.compile(r"((grand |sub-?)?totals?|sums?|[Σ∑]) ?:?", re.IGNORECASE)
"""Labels of rows that add others up. A longer text that has the word in it may be the name of an order."""


Headers: TypeAlias = Mapping[str, tuple[int, ...]]
"""Columns of a sheet, from left to right, by their headers in small letters."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A table in a sheet: where its headers stand."""

    table: str
    sheet: Sheet
    header_row: int
    headers: Headers
    columns: dict[str, int]
    """The table's own columns; of two with one header, the left one."""

    @classmethod
    def of(cls, table: str, sheet: Sheet, header_row: int, headers: Headers) -> Self:
        """Find the columns of a table among the headers."""
        known = {name: headers.get(name.casefold()) for name in TABLES[table]}
        columns = {name: numbers[0] for name, numbers in known.items() if numbers}
        return cls(table, sheet, header_row, headers, columns)


def read_foundry(sheets: list[Sheet]) -> Reading | None:
    """Read a foundry's workbook; None where no sheet is a table of a foundry."""
    found = [place for sheet in sheets if (place := _find(sheet))]
    places = [place for place in found if not place.sheet.hidden]
    if not places:
        return None
    hidden = {place.sheet.name: place for place in found if place.sheet.hidden}
    findings = {sheet.name: Findings(sheet.name) for sheet in sheets}
    tables: dict[str, FoundryTable] = {}
    orders = _order_ids(places)
    for place in places:
        said = findings[place.sheet.name]
        if place.table in tables:
            said.error(
                Code.FOUNDRY_TABLE_TWICE,
                None,
                f"{place.table} is also in sheet {tables[place.table].sheet!r}; expected once.",
                "Delete one of the two sheets, or move its rows into the other.",
            )
            tables[place.table] = replace(tables[place.table], whole=False)
        else:
            tables[place.table] = _read(place, said, orders)
    read = {place.sheet.name for place in places}
    for sheet in sheets:
        if sheet.rows and sheet.name not in read:
            _report_unread(sheet, hidden.get(sheet.name), findings[sheet.name])
    seen = {*tables, *(_named(sheet) for sheet in sheets if sheet.rows and not sheet.hidden)}
    unseen = {place.table: name for name, place in hidden.items()}
    messages = [_lacking(name, unseen.get(name)) for name in NEEDED if name not in seen]
    messages += [message for said in findings.values() for message in said.messages()]
    return Reading(WorkbookKind.FOUNDRY, Content(foundry=tuple(tables.values())), tuple(messages))


def _report_unread(sheet: Sheet, hidden: _Place | None, said: Findings) -> None:
    """Say why nothing of a sheet is stored."""
    table = _named(sheet)
    if hidden is not None:
        if list(sheet.row_numbers(first=hidden.header_row + 1)):
            said.warn(
                Code.HIDDEN_SHEET,
                None,
                f"The sheet is hidden and is not read, though it looks like {hidden.table}.",
                f"{_SHOW}, or delete it.",
            )
    elif table in TABLES and not sheet.hidden:
        said.error(
            Code.FOUNDRY_COLUMN_MISSING,
            (next(sheet.row_numbers()), 1),
            f"The sheet has none of the headers of {table}; expected {_columns(table)}.",
            "Write these headers above the columns, in this spelling; rename the sheet if it is another.",
        )
    else:
        said.info(
            Code.SHEET_NOT_RECOGNISED,
            None,
            "The sheet is no table of a foundry; nothing of it is stored.",
            "Nothing to do if it holds notes or calculations.",
        )


def _read(place: _Place, said: Findings, orders: frozenset[str]) -> FoundryTable:
    readable = _check_headers(place, said)
    whole = not said.refused
    rows = tuple(_rows(place, said, orders)) if readable else ()
    if readable and not rows and place.table in NEEDED:
        said.error(
            Code.FOUNDRY_TABLE_MISSING,
            (place.header_row, 1),
            f"There are no rows of {place.table} below the headers; expected one or more.",
            "Fill in the rows.",
        )
    table = FoundryTable(place.table, place.sheet.name, rows, place.header_row, place.columns, whole)
    _report_repeated(table, said)
    return table


def _lacking(table: str, hidden: str | None) -> CellMessage:
    found = (
        f"has no {table}" if hidden is None else f"has {table} only in {hidden!r}, a hidden sheet, not read"
    )
    return CellMessage(
        Severity.ERROR,
        "",
        None,
        Code.FOUNDRY_TABLE_MISSING,
        f"The workbook {found}; expected a sheet {table} with the columns {_columns(table)}.",
        f"{_SHOW}." if hidden else "`pourplan template foundry` writes a workbook with all sheets.",
    )


def _columns(table: str) -> str:
    return ", ".join(f"`{name}`" for name in TABLES[table])


def _named(sheet: Sheet) -> str:
    """Give the table that a sheet's name may stand for."""
    return clean(sheet.name).casefold().replace(" ", "_")


def _find(sheet: Sheet) -> _Place | None:
    """Find a table's headers: under its own name, else those that no other table has."""
    named = _named(sheet)
    for row in list(sheet.row_numbers())[:HEADER_ROWS]:
        headers = _headers(sheet, row)
        if named in TABLES and any(name.casefold() in headers for name in TABLES[named]):
            return _Place.of(named, sheet, row, headers)
        fitting = [
            name
            for name, columns in TABLES.items()
            if len(columns) > 1 and all(c.casefold() in headers for c, one in columns.items() if one.required)
        ]
        best = max((_required(name) for name in fitting), default=0)
        found = [name for name in fitting if _required(name) == best]
        if len(found) == 1 and best > 1:
            return _Place.of(found[0], sheet, row, headers)
    return None


def _required(table: str) -> int:
    return sum(column.required for column in TABLES[table].values())


def _headers(sheet: Sheet, row: int) -> Headers:
    found: dict[str, tuple[int, ...]] = {}
    for column, value in sorted(sheet.rows[row].items()):
        if isinstance(value, str):
            name = clean(value).casefold().replace(" ", "_")
            found[name] = (*found.get(name, ()), column)
    return found


def _check_headers(place: _Place, said: Findings) -> bool:
    """Say what is wrong about the headers; give whether the rows below can be read."""
    columns = TABLES[place.table]
    known = {name.casefold(): name for name in columns}
    for header, numbers in place.headers.items():
        if header in known:
            _report_twice(place, known[header], numbers, said)
            continue
        for number in numbers:
            said.warn(
                Code.COLUMN_IGNORED,
                (place.header_row, number),
                f"{place.table} has no column {shorten(str(place.sheet.get(place.header_row, number)))!r}; "
                "nothing of it is stored.",
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
    return not lacking


def _report_twice(place: _Place, name: str, numbers: tuple[int, ...], said: Findings) -> None:
    first, *others = numbers
    for number in others:
        said.error(
            Code.FOUNDRY_COLUMN_TWICE,
            (place.header_row, number),
            f"The column `{name}` stands in {coordinate(place.header_row, first)} and again in "
            f"{coordinate(place.header_row, number)}; expected once.",
            "Delete the column that is not meant, or give it another header.",
        )


def _rows(place: _Place, said: Findings, orders: frozenset[str]) -> Iterator[FoundryRow]:
    for row in place.sheet.row_numbers(first=place.header_row + 1):
        told = _told(place, row)
        if told and _is_total(place, row, told, orders):
            column, label = _label(place, row)
            said.info(
                Code.TOTAL_IGNORED,
                (row, column),
                f"The row {shorten(label)!r} adds others up and is not stored.",
            )
        elif told:
            yield FoundryRow(row, _values(place, row, told, said))


def _told(place: _Place, row: int) -> dict[str, Value]:
    cells = ((name, place.sheet.get(row, column)) for name, column in place.columns.items())
    return {name: value for name, value in cells if value is not None}


def _label(place: _Place, row: int) -> tuple[int, str]:
    """Give a row's first text with its column; no text where a row begins with something else."""
    cells = place.sheet.rows[row].items()
    column, value = min((cell for cell in cells if cell[1] is not None), key=lambda cell: cell[0])
    return column, clean(value) if isinstance(value, str) else ""


def _is_total(place: _Place, row: int, told: Mapping[str, Value], orders: frozenset[str]) -> bool:
    """Whether a row adds others up: by its label, and only where no sound row could be meant."""
    at, label = _label(place, row)
    if place.table in ONCE or not _TOTAL.fullmatch(label):
        return False
    columns = TABLES[place.table]
    labelled = next((name for name, column in place.columns.items() if column == at), None)
    others = [name for name, one in columns.items() if one.required and name != labelled]
    if any(name in told for name in others if columns[name].form in (Form.TEXT, Form.DAY)):
        return False
    if any(name not in told for name in others):
        return True
    if labelled is None or columns[labelled].form is Form.TEXT:
        return labelled == "order_id" and label.casefold() not in orders
    return True


def _order_ids(places: list[_Place]) -> frozenset[str]:
    """Give the names of all orders, in small letters: one of them may be called like a total."""
    found = (
        told.get("order_id")
        for place in places
        if place.table == "orders"
        for row in place.sheet.row_numbers(first=place.header_row + 1)
        if not _is_total(place, row, told := _told(place, row), frozenset())
    )
    return frozenset(clean(name).casefold() for name in found if isinstance(name, str))


def _report_repeated(table: FoundryTable, said: Findings) -> None:
    """Refuse what would silently stand instead of a row above: second rows of scenario, a setting twice."""
    if table.table in ONCE:
        for row in table.rows[1:]:
            said.error(
                Code.FOUNDRY_CELL,
                (row.number, 1),
                f"{table.table} has a second row; expected one.",
                "Delete the row that is not meant.",
            )
    rows: dict[object, int] = {}
    for row in table.rows if table.table == "settings" else ():
        name = row.values.get("setting")
        if name is not None and rows.setdefault(name, row.number) != row.number:
            column = table.columns["setting"]
            said.error(
                Code.FOUNDRY_CELL,
                (row.number, column),
                f"The setting {name} stands in {coordinate(rows[name], column)} too; expected once.",
                "Delete the row that is not meant.",
            )


def _values(place: _Place, row: int, told: Mapping[str, Value], said: Findings) -> dict[str, Scalar]:
    values: dict[str, Scalar] = {}
    for name, column in TABLES[place.table].items():
        at = row, place.columns.get(name, 1)
        found = told.get(name)
        if found is None:
            _report_blank(place, name, at, said)
            continue
        read = read_cell(found, column.form)
        if read.remark:
            remark = read.remark
            said.add(remark.severity, remark.code, at, f"`{name}` is {remark.message}.", remark.hint)
        if read.value is not None:
            values[name] = read.value
    return values


def _report_blank(place: _Place, name: str, at: tuple[int, int], said: Findings) -> None:
    column = TABLES[place.table][name]
    merged = place.sheet.merged_into(*at) if name in place.columns else None
    if merged and merged[0] > place.header_row and place.sheet.get(*merged[:2]) is not None:
        top, left, bottom, right = merged
        said.error(
            Code.FOUNDRY_CELL,
            at,
            f"`{name}` has no value of its own: the cells {coordinate(top, left)}:"
            f"{coordinate(bottom, right)} are merged; expected {column.form.value} in each row.",
            "Unmerge the cells (Home, Merge & Center), and fill in each.",
        )
    elif column.required:
        said.error(
            Code.FOUNDRY_CELL,
            at,
            f"`{name}` is blank; expected {column.form.value}.",
            "Fill the cell, or delete the row.",
        )
