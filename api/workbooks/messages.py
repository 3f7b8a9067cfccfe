"""What the reader says about a workbook: where, what was found, what was expected, what to do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from api.wording import counted

LIMIT_PER_CODE = 50
"""So many messages of one code are shown for a sheet; the rest are counted."""


class Severity(StrEnum):
    """Whether a message stops the import (ERROR), wants a look (WARNING), or tells what was done (INFO)."""

    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class Code(StrEnum):
    """Names of all that can be said; docs/workbooks.md explains each."""

    # The file as a whole
    EMPTY_FILE = "EMPTY_FILE"
    FILE_TOO_LARGE = "FILE_TOO_LARGE"
    NOT_A_WORKBOOK = "NOT_A_WORKBOOK"
    LEGACY_XLS = "LEGACY_XLS"
    BINARY_XLSB = "BINARY_XLSB"
    PASSWORD_PROTECTED = "PASSWORD_PROTECTED"  # noqa: S105
    ZIP_BOMB = "ZIP_BOMB"
    DAMAGED = "DAMAGED"
    MISSING_PART = "MISSING_PART"
    EXTERNAL_ENTITIES = "EXTERNAL_ENTITIES"
    TOO_MANY_ROWS = "TOO_MANY_ROWS"
    TOO_MANY_CELLS = "TOO_MANY_CELLS"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    OUT_OF_TIME = "OUT_OF_TIME"
    READER_FAILED = "READER_FAILED"
    # Which kind it is
    NOT_RECOGNISED = "NOT_RECOGNISED"
    SHEET_NOT_RECOGNISED = "SHEET_NOT_RECOGNISED"
    HIDDEN_SHEET = "HIDDEN_SHEET"
    KIND_MISMATCH = "KIND_MISMATCH"
    KIND_NOT_SUPPORTED = "KIND_NOT_SUPPORTED"
    # Cells
    FORMULA_WITHOUT_VALUE = "FORMULA_WITHOUT_VALUE"
    CELL_ERROR = "CELL_ERROR"
    NOT_A_NUMBER = "NOT_A_NUMBER"
    DATE_AS_TEXT = "DATE_AS_TEXT"
    NUMBER_AS_TEXT = "NUMBER_AS_TEXT"
    NUMBER_AMBIGUOUS = "NUMBER_AMBIGUOUS"
    NUMBER_NEGATIVE = "NUMBER_NEGATIVE"
    NUMBER_TOO_LARGE = "NUMBER_TOO_LARGE"
    HEATS_NOT_WHOLE = "HEATS_NOT_WHOLE"
    FIGURE_BLANK = "FIGURE_BLANK"
    NAME_NOT_TEXT = "NAME_NOT_TEXT"
    NAME_TOO_LONG = "NAME_TOO_LONG"
    # Month headers
    MONTH_DAY_IGNORED = "MONTH_DAY_IGNORED"
    MONTH_YEAR_DOUBTFUL = "MONTH_YEAR_DOUBTFUL"
    MONTH_NOT_READ = "MONTH_NOT_READ"
    MONTH_DUPLICATE = "MONTH_DUPLICATE"
    MONTH_WITHOUT_DATA = "MONTH_WITHOUT_DATA"
    # Tables of months
    NO_DATA = "NO_DATA"
    GROUP_MISSING = "GROUP_MISSING"
    GRADE_MISSING = "GRADE_MISSING"
    GRADE_DUPLICATE = "GRADE_DUPLICATE"
    GROUP_DUPLICATE = "GROUP_DUPLICATE"
    ROW_WITHOUT_FIGURES = "ROW_WITHOUT_FIGURES"
    TOTAL_IGNORED = "TOTAL_IGNORED"
    TOTAL_DISAGREES = "TOTAL_DISAGREES"
    NOTE_IGNORED = "NOTE_IGNORED"
    COLUMN_IGNORED = "COLUMN_IGNORED"
    UNIT_NOT_NAMED = "UNIT_NOT_NAMED"
    UNIT_NOT_HEATS = "UNIT_NOT_HEATS"
    # Charge schedules
    DAY_MISSING = "DAY_MISSING"
    DAY_NOT_READ = "DAY_NOT_READ"
    DAY_DUPLICATE = "DAY_DUPLICATE"
    DAY_EMPTY = "DAY_EMPTY"
    DAY_IDLE = "DAY_IDLE"
    TIME_MISSING = "TIME_MISSING"
    TIME_NOT_READ = "TIME_NOT_READ"
    TIME_DUPLICATE = "TIME_DUPLICATE"
    TIME_OUT_OF_ORDER = "TIME_OUT_OF_ORDER"
    TIME_OF_ANOTHER_DAY = "TIME_OF_ANOTHER_DAY"
    MOULD_MISSING = "MOULD_MISSING"
    IDLE_IGNORED = "IDLE_IGNORED"
    # A foundry's tables
    FOUNDRY_TABLE_MISSING = "FOUNDRY_TABLE_MISSING"
    FOUNDRY_TABLE_TWICE = "FOUNDRY_TABLE_TWICE"
    FOUNDRY_COLUMN_MISSING = "FOUNDRY_COLUMN_MISSING"
    FOUNDRY_COLUMN_TWICE = "FOUNDRY_COLUMN_TWICE"
    FOUNDRY_CELL = "FOUNDRY_CELL"
    FOUNDRY_UNSOUND = "FOUNDRY_UNSOUND"
    FOUNDRY_ODD = "FOUNDRY_ODD"
    FOUNDRY_SCENARIO = "FOUNDRY_SCENARIO"
    FOUNDRY_UNNAMED = "FOUNDRY_UNNAMED"
    # Compared with what the plant knows
    UNKNOWN_GRADE = "UNKNOWN_GRADE"
    FILL_HANDLE = "FILL_HANDLE"
    NO_KNOWN_GRADES = "NO_KNOWN_GRADES"
    MERGED_GRADE = "MERGED_GRADE"
    GROUP_ASSIGNED = "GROUP_ASSIGNED"
    GROUP_CHANGED = "GROUP_CHANGED"
    NAME_SPELLED_DIFFERENTLY = "NAME_SPELLED_DIFFERENTLY"
    GROUP_SIMILAR = "GROUP_SIMILAR"
    GRADE_SIMILAR = "GRADE_SIMILAR"
    UNIT_CHANGED = "UNIT_CHANGED"
    CONTRADICTION = "CONTRADICTION"
    REPLACED = "REPLACED"
    NOTHING_CHANGED = "NOTHING_CHANGED"
    MORE_OF_THE_SAME = "MORE_OF_THE_SAME"


@dataclass(frozen=True, slots=True)
class CellMessage:
    """One thing said about a workbook.

    `sheet` is empty where the file as a whole is meant, `cell` is None where the whole sheet is. `about` is
    the name that it is about, where alike messages may be told as one; `cells` counts the cells that it holds
    for, of which `cell` is the first.
    """

    severity: Severity
    sheet: str
    cell: str | None
    code: Code
    message: str
    hint: str | None = None
    about: str | None = None
    cells: int = 1


class WorkbookRefused(Exception):
    """The file can't be read at all; `finding` names the problem."""

    def __init__(self, code: Code, message: str, hint: str | None = None, *, sheet: str = "") -> None:
        super().__init__(message)
        self.finding = CellMessage(Severity.ERROR, sheet, None, code, message, hint)


Place: TypeAlias = "tuple[int, int] | None"
"""Row and column, both from 1."""


class Findings:
    """Collects the messages of one sheet, at most `LIMIT_PER_CODE` of each code."""

    def __init__(self, sheet: str) -> None:
        self.sheet = sheet
        self._messages: list[CellMessage] = []
        self._count: Counter[tuple[Severity, Code]] = Counter()

    def info(self, code: Code, place: Place, message: str, hint: str | None = None) -> None:
        """Tell what was done."""
        self.add(Severity.INFO, code, place, message, hint)

    def warn(self, code: Code, place: Place, message: str, hint: str | None = None) -> None:
        """Ask for a look at something that was taken all the same."""
        self.add(Severity.WARNING, code, place, message, hint)

    def error(self, code: Code, place: Place, message: str, hint: str | None = None) -> None:
        """Name a reason not to store the file."""
        self.add(Severity.ERROR, code, place, message, hint)

    def add(self, severity: Severity, code: Code, place: Place, message: str, hint: str | None) -> None:
        """Say something, unless too much of the same was said already."""
        self._count[severity, code] += 1
        if self._count[severity, code] <= LIMIT_PER_CODE:
            cell = coordinate(*place) if place else None
            self._messages.append(CellMessage(severity, self.sheet, cell, code, message, hint))

    @property
    def refused(self) -> bool:
        """Whether there is an error among them."""
        return any(severity is Severity.ERROR for severity, _ in self._count)

    def messages(self) -> tuple[CellMessage, ...]:
        """All that was said, and how much was left unsaid."""
        unsaid = tuple(
            CellMessage(
                severity,
                self.sheet,
                None,
                Code.MORE_OF_THE_SAME,
                counted(
                    count - LIMIT_PER_CODE,
                    f"more message {code} of this sheet is not shown.",
                    f"more messages {code} of this sheet are not shown.",
                ),
                "Correct the cells shown, then import again to see the others.",
            )
            for (severity, code), count in self._count.items()
            if count > LIMIT_PER_CODE
        )
        return (*self._messages, *unsaid)


def coordinate(row: int, column: int) -> str:
    """Write a cell's place as spreadsheets do: row 2, column 26 is Z2."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{letters}{row}"
