"""A sheet as the readers see it: values by row and column, and how a value is put into words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TypeAlias

from api.wording import one_line
from api.workbooks.messages import Code
from api.workbooks.serials import Epoch

MAX_NAME = 100
"""Characters of a group, a grade or a mould size."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What stands in a cell that has no value: an error such as #REF!, or a formula never calculated."""

    code: Code
    text: str
    number: float | None = None
    """What a cell holds that is to show a date, and can't."""


Value: TypeAlias = str | float | bool | datetime | time | timedelta | Fault
"""Numbers are floats, as they are in spreadsheets. Blank cells have no value at all."""


Area: TypeAlias = tuple[int, int, int, int]
"""A rectangle of cells: top, left, bottom, right."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One worksheet: its name, its values by row and column (from 1), and where its days are counted from."""

    name: str
    rows: dict[int, dict[int, Value]] = field(default_factory=dict)
    epoch: Epoch = Epoch.OF_1900
    hidden: bool = False
    merged: dict[int, list[Area]] = field(default_factory=dict)
    """Merged cells by each row that holds something."""

    def get(self, row: int, column: int) -> Value | None:
        """Give the value of a cell, None where it is blank."""
        return self.rows.get(row, {}).get(column)

    def merged_into(self, row: int, column: int) -> Area | None:
        """Give the merged cells that cover a cell, where they begin with another one."""
        areas = (area for area in self.merged.get(row, ()) if area[1] <= column <= area[3])
        return next((area for area in areas if area[:2] != (row, column)), None)

    def row_numbers(self, first: int = 1, before: int | None = None) -> Iterator[int]:
        """Go through the rows that hold something, from top to bottom."""
        return (row for row in sorted(self.rows) if row >= first and (before is None or row < before))


def clean(text: str) -> str:
    """Free a text from line breaks, hard spaces and surplus blanks."""
    return one_line(text)


def describe(value: Value) -> str:
    """Put a value into words, for messages."""
    match value:
        case Fault(code=Code.FORMULA_WITHOUT_VALUE):
            return "a formula without a value"
        case Fault(number=float()):
            return (
                f"the number {plain_number(value.number or 0.0)} in a cell of dates, which shows {value.text}"
            )
        case Fault():
            return f"the error {value.text}"
        case bool():
            return f"the logical value {str(value).upper()}"
        case float():
            return f"the number {plain_number(value)}"
        case datetime():
            return f"the date {day_in_words(value)}"
        case time():
            return f"the time {value:%H:%M}"
        case timedelta():
            return f"the duration {value}"
        case str():
            return f"the text {shorten(value)!r}"


def plain_number(value: float) -> str:
    """Write a number as people do: 1018, not 1018.0."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def shorten(text: str, length: int = 60) -> str:
    """Shorten a text for a message."""
    text = clean(text)
    return text if len(text) <= length else text[: length - 1] + "…"


def day_in_words(day: date) -> str:
    """Write 24 June 2024, independent of the machine's language."""
    return f"{day.day} {month_in_words(day)}"


def month_in_words(month: date) -> str:
    """Write June 2024, independent of the machine's language."""
    return f"{MONTH_NAMES[month.month - 1]} {month.year}"


MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
