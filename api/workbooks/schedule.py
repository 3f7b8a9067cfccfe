"""Charge schedules: for each day three columns, start time, grade and mould size, under the day's date."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from api.workbooks.cells import (
    MAX_NAME,
    Fault,
    Sheet,
    Value,
    clean,
    day_in_words,
    describe,
    plain_number,
    shorten,
)
from api.workbooks.content import HeatRow, ScheduleTable
from api.workbooks.days import day_of_start, read_day, read_start
from api.workbooks.figures import DASHES, fault_remark
from api.workbooks.messages import Code, Findings, coordinate
from api.workbooks.recognise import Layout, Recognised
from api.workbooks.table import is_note, is_total, read_name

IDLE = DASHES | {"idle", "off", "none", "down", "maintenance", "x"}
"""What stands in place of a grade when nothing is charged."""


def read_schedule(sheet: Sheet, found: Recognised, findings: Findings) -> list[ScheduleTable]:
    """Read all days of a charge schedule, whether side by side or one band of days below another."""
    days: dict[date, tuple[int, int]] = {}
    heats: list[HeatRow] = []
    idle = 0
    for layout in found.layouts:
        for column in layout.blocks:
            block = _Block(sheet, layout, column, findings)
            read = block.read()
            idle += block.idle
            day = block.day
            if day is None:
                continue
            if day in days:
                _report_same_day(block, day, days[day])
                continue
            days[day] = block.place
            if not read and not findings.refused:
                _report_idle_day(block, day)
            heats.extend(read)
    if idle:
        findings.info(
            Code.IDLE_IGNORED,
            None,
            f"Rows without a grade: {idle:,}. Nothing is charged then, and no heat is stored for them.",
        )
    return [ScheduleTable(sheet.name, tuple(days), tuple(heats))] if days else []


def _report_same_day(block: _Block, day: date, before: tuple[int, int]) -> None:
    block.findings.error(
        Code.DAY_DUPLICATE,
        block.place,
        f"{day_in_words(day)} stands here and in {coordinate(*before)}; expected each day once.",
        "Correct the date of one of the two blocks.",
    )


def _report_idle_day(block: _Block, day: date) -> None:
    block.findings.info(
        Code.DAY_IDLE, block.place, f"{day_in_words(day)} is idle: a day of the schedule without any heat."
    )


@dataclass(slots=True)
class _Block:
    """The three columns of one day."""

    sheet: Sheet
    layout: Layout
    column: int
    findings: Findings
    day: date | None = None
    idle: int = 0
    starts: dict[time, int] = field(default_factory=dict)

    @property
    def place(self) -> tuple[int, int]:
        """Where the day's date stands, or should."""
        return self.layout.header_row - 1, self.column

    def read(self) -> list[HeatRow]:
        """Read the day and its heats. A block without any row covers no day."""
        rows = [
            row
            for row in self.sheet.row_numbers(self.layout.header_row + 1, self.layout.before)
            if any(self.sheet.get(row, self.column + offset) is not None for offset in range(3))
        ]
        self.day = self._read_day(empty=not rows)
        heats = [heat for row in rows for heat in self._read_row(row)]
        if self.day and not heats and not self.idle:
            self.findings.info(
                Code.DAY_EMPTY,
                self.place,
                f"{day_in_words(self.day)} has neither heats nor idle times; what is stored for it stays.",
                "To clear the day, type its start times with `-` for the grade.",
            )
            self.day = None
        return heats

    def _read_day(self, *, empty: bool) -> date | None:
        row, column = self.place
        above = [v for v in (self.sheet.get(row, column + i) for i in range(3)) if v is not None]
        value = above[0] if above else None
        day = read_day(value, self.sheet.epoch)
        if day is None and not empty:
            self._report_day(value)
        return day

    def _report_day(self, value: Value | None) -> None:
        if value is None:
            place = self.place if self.layout.header_row > 1 else (1, self.column)
            self.findings.error(
                Code.DAY_MISSING,
                place,
                "The block has rows, but no date above its headers.",
                "Type the date of the day above `Start time`.",
            )
        elif isinstance(value, Fault):
            remark = fault_remark(value, "the date of a day")
            self.findings.error(remark.code, self.place, remark.message, remark.hint)
        else:
            self.findings.error(
                Code.DAY_NOT_READ,
                self.place,
                f"Found {describe(value)}; expected the date of the day, such as 2024-08-30.",
                "Type the date anew; month and day in figures can be told apart in a date cell only.",
            )

    def _read_row(self, row: int) -> Iterator[HeatRow]:
        start, grade, mould = (self.sheet.get(row, self.column + offset) for offset in range(3))
        if grade is None and mould is None and self._is_note(row, start):
            return
        if self._is_idle(grade):
            self._read_idle(row, start, grade, mould)
            return
        name = read_name(grade, (row, self.column + 1), "grade", self.findings)
        begins = self._read_start(row, start)
        size = self._read_mould(row, mould)
        if name and begins is not None and self.day:
            yield HeatRow(self.day, begins, name, size, coordinate(row, self.column + 1))

    def _is_note(self, row: int, start: Value | None) -> bool:
        text = clean(start) if isinstance(start, str) else ""
        if not (is_note(text) or is_total(text)) or read_start(start) is not None:
            return False
        self.findings.info(Code.NOTE_IGNORED, (row, self.column), f"The note {shorten(text)!r} is not read.")
        return True

    @staticmethod
    def _is_idle(grade: Value | None) -> bool:
        return grade is None or (isinstance(grade, str) and clean(grade).casefold() in IDLE)

    def _read_idle(self, row: int, start: Value | None, grade: Value | None, mould: Value | None) -> None:
        if grade is None and mould is not None and not self._is_idle(mould):
            self.findings.error(
                Code.GRADE_MISSING,
                (row, self.column + 1),
                f"A mould size ({describe(mould)}) without a grade.",
                "Type the grade, or `-` in both cells if nothing is charged.",
            )
            return
        self.idle += 1
        if start is not None and not (isinstance(start, str) and clean(start).casefold() in IDLE):
            self._report_start(row, start, read_start(start))

    def _read_start(self, row: int, value: Value | None) -> time | None:
        if value is None:
            self.findings.error(
                Code.TIME_MISSING,
                (row, self.column),
                "The heat has no start time.",
                "Type when it is charged, such as 04:00.",
            )
            return None
        start = read_start(value)
        self._report_start(row, value, start)
        if start is None:
            return None
        if start in self.starts:
            self.findings.error(
                Code.TIME_DUPLICATE,
                (row, self.column),
                f"{start:%H:%M} stands here and in {coordinate(self.starts[start], self.column)}; two "
                "heats can't "
                "start at once.",
                "Correct one of the two times.",
            )
            return None
        if self.starts and start < max(self.starts):
            self.findings.warn(
                Code.TIME_OUT_OF_ORDER,
                (row, self.column),
                f"{start:%H:%M} comes after {max(self.starts):%H:%M} in the column; taken as "
                f"{start:%H:%M} of the "
                "same day.",
                "If it is after midnight, move it to the next day's block.",
            )
        self.starts[start] = row
        return start

    def _report_start(self, row: int, value: Value, start: time | None) -> None:
        place = (row, self.column)
        if start is None:
            if isinstance(value, Fault):
                remark = fault_remark(value, "a start time")
                self.findings.error(remark.code, place, remark.message, remark.hint)
                return
            self.findings.error(
                Code.TIME_NOT_READ,
                place,
                f"Found {describe(value)}; expected a time of day such as 04:00.",
                "Type the time as hours and minutes, 00:00 to 23:59.",
            )
            return
        day = day_of_start(value)
        if day and self.day and day != self.day:
            self.findings.warn(
                Code.TIME_OF_ANOTHER_DAY,
                place,
                f"The start time carries the date {day_in_words(day)} in the block of "
                f"{day_in_words(self.day)}; "
                "the block's day counts.",
                "Type the time alone, or move the heat to its own day.",
            )

    def _read_mould(self, row: int, value: Value | None) -> str | None:
        place = (row, self.column + 2)
        match value:
            case Fault():
                remark = fault_remark(value, "a mould size")
                self.findings.error(remark.code, place, remark.message, remark.hint)
                return None
            case bool() | datetime() | time() | timedelta():
                self.findings.error(
                    Code.NAME_NOT_TEXT,
                    place,
                    f'Found {describe(value)}; expected a mould size such as 6 1/4".',
                    "Sizes such as 6/4 turn into dates: format the cell as text and type the size again.",
                )
                return None
            case float():
                size = plain_number(value)
            case str() if not self._is_idle(value):
                size = clean(value)
            case _:
                self.findings.warn(
                    Code.MOULD_MISSING,
                    place,
                    "The heat has no mould size; it is stored without.",
                    'Type the size, such as 6 1/4", if it is cast into a mould.',
                )
                return None
        if len(size) > MAX_NAME:
            self.findings.error(
                Code.NAME_TOO_LONG,
                place,
                f"The mould size has {len(size)} characters; at most {MAX_NAME} are allowed.",
                "Shorten it.",
            )
            return None
        return size
