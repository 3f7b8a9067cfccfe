"""SpreadsheetML: from a package to its sheets (ECMA-376 part 1, chapter 18; transitional and strict).

Read in one pass and without styles other than number formats, since those alone tell a date from a number.
Values that a formula had when the workbook was saved are taken; a formula that never had one is told apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from api.workbooks.cells import Area, Fault, Sheet, Value
from api.workbooks.markup import Listener, listen
from api.workbooks.messages import Code, WorkbookRefused
from api.workbooks.package import Package
from api.workbooks.parts import REPAIR, Book, Strings, Styles, relations_of, unescape, whole, workbook_part
from api.workbooks.serials import Epoch, from_serial

MAX_ROWS = 100_000
MAX_CELLS = 500_000
_LAST_ROW, _LAST_COLUMN = 1_048_576, 16_384

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})", re.ASCII)
_RANGE = re.compile(r"([A-Z]{1,3}[1-9]\d{0,6}):([A-Z]{1,3}[1-9]\d{0,6})", re.ASCII)


def read_sheets(content: bytes) -> list[Sheet]:
    """Read all worksheets of a workbook, in the order of their tabs.

    Raises
    ------
    WorkbookRefused
        With the name of the problem: see `Code`, "The file as a whole".
    """
    package = Package(content)
    workbook = workbook_part(package)
    book = Book()
    listen(package, workbook, book)
    relations = relations_of(package, workbook)
    strings = Strings()
    styles = Styles()
    for relation in relations.values():
        if relation.kind == "sharedStrings":
            listen(package, relation.target, strings)
        if relation.kind == "styles" and relation.target in package:
            listen(package, relation.target, styles)
    sheets = []
    budget = _Budget()
    for tab in book.tabs:
        worksheet = relations.get(tab.relation)
        if worksheet is None:
            raise WorkbookRefused(
                Code.MISSING_PART,
                f"The workbook names a sheet `{tab.name}` but holds no such sheet.",
                REPAIR,
            )
        if worksheet.kind == "worksheet":
            epoch = Epoch.OF_1904 if book.from_1904 else Epoch.OF_1900
            cells = _Cells(Sheet(tab.name, epoch=epoch, hidden=tab.hidden), strings.strings, styles, budget)
            listen(package, worksheet.target, cells)
            sheets.append(cells.finish())
    return sheets


@dataclass(slots=True)
class _Budget:
    """What the sheets of a workbook may hold together."""

    rows: int = MAX_ROWS
    cells: int = MAX_CELLS

    def take_cell(self) -> None:
        self.cells -= 1
        if self.cells < 0:
            raise WorkbookRefused(
                Code.TOO_MANY_CELLS,
                f"The workbook has more than {MAX_CELLS:,} cells with values.",
                "Import fewer months or days at a time.",
            )

    def take_row(self) -> None:
        self.rows -= 1
        if self.rows < 0:
            raise WorkbookRefused(
                Code.TOO_MANY_ROWS,
                f"The workbook has more than {MAX_ROWS:,} rows with values.",
                "Import fewer days or grades at a time.",
            )


@dataclass(slots=True)
class _Cell:
    row: int
    column: int
    kind: str
    style: int
    formula: bool = False
    pieces: list[str] = field(default_factory=list)


class _Cells(Listener):
    """The cells of one worksheet."""

    def __init__(self, sheet: Sheet, strings: Sequence[str], styles: Styles, budget: _Budget) -> None:
        self._sheet = sheet
        self._strings = strings
        self._styles = styles
        self._budget = budget
        self._row = 0
        self._column = 0
        self._cell: _Cell | None = None
        self._inside = False
        self._phonetic = False
        self._merged: list[Area] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        match name:
            case "c":
                self._begin_cell(attributes)
            case "v":
                self._inside = self._cell is not None
            case "t":
                self._inside = self._cell is not None and not self._phonetic
            case "f" if self._cell:
                self._cell.formula = True
            case "row":
                self._begin_row(attributes)
            case "rPh":
                self._phonetic = True
            case "mergeCell":
                self._merge(attributes.get("ref", ""))

    def end(self, name: str) -> None:
        match name:
            case "v" | "t":
                self._inside = False
            case "rPh":
                self._phonetic = False
            case "c" if self._cell:
                self._end_cell(self._cell)
                self._cell = None

    def text(self, text: str) -> None:
        if self._inside and self._cell:
            self._cell.pieces.append(text)

    def finish(self) -> Sheet:
        """Drop what merged cells cover, which no spreadsheet program shows."""
        for top, left, bottom, right in self._merged:
            rows = self._sheet.rows
            for row in range(top, bottom + 1) if bottom - top < len(rows) else list(rows):
                if top <= row <= bottom and row in rows:
                    self._sheet.merged.setdefault(row, []).append((top, left, bottom, right))
                    kept = {
                        column: value
                        for column, value in rows[row].items()
                        if not left <= column <= right or (row, column) == (top, left)
                    }
                    rows[row] = kept
        for row in [number for number, cells in self._sheet.rows.items() if not cells]:
            del self._sheet.rows[row]
        return self._sheet

    def _begin_row(self, attributes: Mapping[str, str]) -> None:
        told = attributes.get("r")
        self._row = self._row + 1 if told is None else whole(told)
        self._column = 0
        if not 1 <= self._row <= _LAST_ROW:
            raise self._damaged(f"a row `{told or self._row}` that can't be")

    def _begin_cell(self, attributes: Mapping[str, str]) -> None:
        told = attributes.get("r")
        row, column = (self._row, self._column + 1) if told is None else self._place(told)
        if not row >= 1 or not 1 <= column <= _LAST_COLUMN:
            raise self._damaged(f"a cell `{told}` that can't be")
        self._column = column
        self._cell = _Cell(row, column, attributes.get("t", "n"), whole(attributes.get("s", "0")))

    def _place(self, reference: str) -> tuple[int, int]:
        found = _REFERENCE.fullmatch(reference.replace("$", ""))
        if not found:
            raise self._damaged(f"a cell `{reference}` that can't be")
        column = 0
        for letter in found[1]:
            column = column * 26 + ord(letter) - ord("A") + 1
        row = int(found[2])
        if row > _LAST_ROW or column > _LAST_COLUMN:
            raise self._damaged(f"a cell `{reference}` that can't be")
        return row, column

    def _merge(self, reference: str) -> None:
        found = _RANGE.fullmatch(reference.replace("$", ""))
        if found:
            (top, left), (bottom, right) = self._place(found[1]), self._place(found[2])
            self._merged.append((top, left, bottom, right))

    def _end_cell(self, cell: _Cell) -> None:
        text = "".join(cell.pieces)
        value = self._value(cell, text)
        if value is None:
            return
        self._budget.take_cell()
        row = self._sheet.rows.get(cell.row)
        if row is None:
            self._budget.take_row()
            row = self._sheet.rows[cell.row] = {}
        row[cell.column] = value

    def _value(self, cell: _Cell, text: str) -> Value | None:
        if not text.strip():
            if cell.formula and cell.kind != "str":
                return Fault(Code.FORMULA_WITHOUT_VALUE, "")
            return None
        match cell.kind:
            case "n":
                return self._number(cell, text.strip())
            case "s":
                return self._shared(text.strip()).strip() or None
            case "str" | "inlineStr":
                return unescape(text).strip() or None
            case "b":
                return text.strip() not in ("0", "false")
            case "e":
                return Fault(Code.CELL_ERROR, text.strip()[:40])
            case "d":
                return _iso(text.strip())
        raise self._damaged(f"a cell of the unknown type `{cell.kind[:20]}`")

    def _number(self, cell: _Cell, text: str) -> Value:
        number = float(text) if _NUMBER.fullmatch(text) else float("nan")
        if not abs(number) < float("inf"):
            raise self._damaged(f"a number `{text[:40]}` that is none")
        match self._styles.kind(cell.style):
            case "date":
                return from_serial(number, self._sheet.epoch) or Fault(Code.CELL_ERROR, "########", number)
            case "duration" if abs(number) < 1e6:
                return timedelta(seconds=round(number * 86_400))
        return number

    def _shared(self, text: str) -> str:
        index = whole(text)
        if not 0 <= index < len(self._strings):
            raise self._damaged(f"a text number `{text[:20]}`; there are {len(self._strings)}")
        return self._strings[index]

    def _damaged(self, what: str) -> WorkbookRefused:
        return WorkbookRefused(
            Code.DAMAGED, f"The sheet `{self._sheet.name}` has {what}.", REPAIR, sheet=self._sheet.name
        )


def _iso(text: str) -> Value:
    for read in (datetime.fromisoformat, time.fromisoformat):
        try:
            return read(text.removesuffix("Z")).replace(tzinfo=None, microsecond=0)
        except ValueError:
            continue
    return Fault(Code.CELL_ERROR, text[:40])
