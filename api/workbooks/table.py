"""Tables with a column for each month: whose row is a row of figures, a total, a heading or a note.

Production histories and order forecasts share this; what their figures mean is theirs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from api.wording import counted
from api.workbooks.cells import (
    MAX_NAME,
    Fault,
    Sheet,
    Value,
    clean,
    describe,
    month_in_words,
    plain_number,
    shorten,
)
from api.workbooks.figures import DASHES, Figure, fault_remark
from api.workbooks.messages import Code, Findings, coordinate
from api.workbooks.months import MonthHeader, read_month
from api.workbooks.recognise import Layout

_TOTAL = re.compile(r"\b(sub-?totals?|totals?|sum|average|avg|mean|overall|all grades|all groups)\b|^[Σ∑]")
_SENTENCE_WORDS = 4
_ROUNDING = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A row of figures with its names; `grade` is empty in tables of groups."""

    row: int
    group: str
    grade: str
    figures: tuple[Decimal | None, ...]


@dataclass(frozen=True, slots=True)
class MonthTable:
    """What was read: one figure per month in each row."""

    months: tuple[date, ...]
    rows: tuple[FigureRow, ...]


@dataclass(frozen=True, slots=True)
class _Labelled:
    row: int
    group: str
    grade: str


def read_table(
    sheet: Sheet, layout: Layout, findings: Findings, read_figure: Callable[[Value | None], Figure]
) -> MonthTable:
    """Read one table of months and say what was left out, and why."""
    headers = _month_headers(sheet, layout)
    rows = list(_Rows(sheet, layout, findings, set(headers)))
    columns = _months_with_data(sheet, headers, layout, rows, findings)
    _report_other_columns(sheet, layout, headers, findings)
    read = []
    for labelled in rows:
        figures = tuple(
            _figure(sheet, labelled, column, month, findings, read_figure)
            for column, month in columns.items()
        )
        read.append(FigureRow(labelled.row, labelled.group, labelled.grade, figures))
    _check_totals(sheet, layout, columns, read, findings, read_figure)
    return MonthTable(tuple(columns.values()), tuple(read))


def read_name(value: Value | None, place: tuple[int, int], what: str, findings: Findings) -> str:
    """Read a name of a group or a grade; empty where there is none, or none that can be."""
    match value:
        case None:
            return ""
        case str():
            name = clean(value)
        case bool():
            name = ""
        case float():
            name = plain_number(value)
        case Fault():
            remark = fault_remark(value, f"the name of a {what}")
            findings.error(remark.code, place, remark.message, remark.hint)
            return ""
        case _:
            name = ""
    if not name:
        findings.error(
            Code.NAME_NOT_TEXT,
            place,
            f"Found {describe(value)}; expected the name of a {what}.",
            "Spreadsheets turn names such as 10-18 into dates: format the cell as text and type the "
            "name again.",
        )
    elif len(name) > MAX_NAME:
        findings.error(
            Code.NAME_TOO_LONG,
            place,
            f"The name of a {what} has {len(name)} characters; at most {MAX_NAME} are allowed.",
            "Shorten the name.",
        )
        return ""
    return name


def is_total(label: str) -> bool:
    """Whether a label says that its row or column adds others up."""
    return bool(_TOTAL.search(label.casefold()))


def is_note(label: str) -> bool:
    """Whether a label without figures reads like a remark rather than like a name."""
    return (
        len(label.split()) >= _SENTENCE_WORDS
        or label.startswith(("*", "(", "#"))
        or label.endswith((".", "!", "?"))
        or ":" in label
        or label.casefold() in {"note", "notes", "source", "comment", "comments", "remark", "remarks"}
    )


def _month_headers(sheet: Sheet, layout: Layout) -> dict[int, MonthHeader]:
    last_name = max(layout.group, layout.grade or 0)
    headers = {
        column: read_month(value, sheet.epoch)
        for column, value in sorted(sheet.rows[layout.header_row].items())
        if column > last_name
    }
    return {column: header for column, header in headers.items() if header}


class _Rows:
    """The rows of figures under a header, with the group carried down; whatever else is there is reported."""

    def __init__(self, sheet: Sheet, layout: Layout, findings: Findings, months: set[int]) -> None:
        self._sheet = sheet
        self._layout = layout
        self._findings = findings
        self._months = months
        self._numbers = list(sheet.row_numbers(layout.header_row + 1, layout.before))
        self._group = ""

    def __iter__(self) -> Iterator[_Labelled]:
        for index, row in enumerate(self._numbers):
            if self._is_total(row):
                continue
            following = self._numbers[index + 1] if index + 1 < len(self._numbers) else None
            labelled = self._grade_row(row, following) if self._layout.grade else self._group_row(row)
            if labelled:
                yield labelled

    def _is_total(self, row: int) -> bool:
        """Totals are checked later, against the figures."""
        return is_total(self._raw(row, self._layout.group)) or is_total(self._raw(row, self._layout.grade))

    def _raw(self, row: int, column: int | None) -> str:
        value = self._sheet.get(row, column) if column else None
        return clean(value) if isinstance(value, str) else ""

    def _has_figures(self, row: int) -> bool:
        return any(column in self._months for column in self._sheet.rows[row])

    def _name(self, row: int, column: int, what: str) -> str:
        return read_name(self._sheet.get(row, column), (row, column), what, self._findings)

    def _grade_row(self, row: int, following: int | None) -> _Labelled | None:
        layout = self._layout
        assert layout.grade is not None  # noqa: S101
        figures = self._has_figures(row)
        if self._sheet.get(row, layout.grade) is None:
            if figures:
                self._without_grade(row)
            elif self._sheet.get(row, layout.group) is not None:
                self._heading_or_note(row, following)
            return None
        if (
            not figures
            and self._sheet.get(row, layout.group) is None
            and is_note(self._raw(row, layout.grade))
        ):
            self._note(row, layout.grade)
            return None
        if self._sheet.get(row, layout.group) is not None:
            self._group = self._name(row, layout.group, "group")
        grade = self._name(row, layout.grade, "grade")
        if not figures:
            self._without_figures(row, layout.grade, "grade")
            return None
        if not self._group:
            self._without_group(row)
        return _Labelled(row, self._group, grade) if grade and self._group else None

    def _group_row(self, row: int) -> _Labelled | None:
        column = self._layout.group
        figures = self._has_figures(row)
        if self._sheet.get(row, column) is None:
            if figures:
                self._without_group(row)
            return None
        if not figures:
            if is_note(self._raw(row, column)):
                self._note(row, column)
            else:
                self._without_figures(row, column, "group")
            return None
        group = self._name(row, column, "group")
        return _Labelled(row, group, "") if group else None

    def _heading_or_note(self, row: int, following: int | None) -> None:
        """Take a group that stands on a line of its own, above its grades."""
        column, grade = self._layout.group, self._layout.grade
        heads = (
            following is not None
            and self._sheet.get(following, column) is None
            and grade is not None
            and self._sheet.get(following, grade) is not None
        )
        if heads and not is_note(self._raw(row, column)):
            self._group = self._name(row, column, "group")
        else:
            self._note(row, column)

    def _note(self, row: int, column: int) -> None:
        self._findings.info(
            Code.NOTE_IGNORED,
            (row, column),
            f"The note {shorten(self._raw(row, column))!r} is not read.",
        )

    def _without_figures(self, row: int, column: int, what: str) -> None:
        self._findings.warn(
            Code.ROW_WITHOUT_FIGURES,
            (row, column),
            f"The {what} {self._raw(row, column)!r} has no figures in the columns of months; it is "
            "not stored.",
            f"Type 0 where nothing was made, or remove the row if it is no {what}.",
        )

    def _without_group(self, row: int) -> None:
        self._findings.error(
            Code.GROUP_MISSING,
            (row, self._layout.group),
            "The row has figures, but neither it nor a row above names its group.",
            "Type the group, such as Rebar, in this cell or in the first row of its grades.",
        )

    def _without_grade(self, row: int) -> None:
        column = self._layout.grade or self._layout.group
        self._findings.error(
            Code.GRADE_MISSING,
            (row, column),
            "The row has figures, but no grade.",
            "Type the grade, or `Total` if the row adds others up.",
        )


def _months_with_data(
    sheet: Sheet, headers: dict[int, MonthHeader], layout: Layout, rows: list[_Labelled], findings: Findings
) -> dict[int, date]:
    columns: dict[int, date] = {}
    seen: dict[date, int] = {}
    for column, header in headers.items():
        place = (layout.header_row, column)
        if not any(column in sheet.rows[labelled.row] for labelled in rows):
            _report_empty(header, place, findings)
            continue
        if header.remark:
            findings.add(
                header.remark.severity, header.remark.code, place, header.remark.message, header.remark.hint
            )
        if header.month is None:
            continue
        if header.month in seen:
            findings.error(
                Code.MONTH_DUPLICATE,
                place,
                f"{month_in_words(header.month)} stands here and in "
                f"{coordinate(layout.header_row, seen[header.month])}; expected each month once.",
                "Correct the header, or remove one of the two columns.",
            )
            continue
        seen[header.month] = column
        columns[column] = header.month
    return columns


def _report_empty(header: MonthHeader, place: tuple[int, int], findings: Findings) -> None:
    what = f"for {month_in_words(header.month)}" if header.month else "that looks like a month"
    findings.warn(
        Code.MONTH_WITHOUT_DATA,
        place,
        f"A stray header {what} with nothing below it; nothing is stored for it.",
        "Remove the header, or fill in its column.",
    )


def _report_other_columns(
    sheet: Sheet, layout: Layout, months: dict[int, MonthHeader], findings: Findings
) -> None:
    filled: defaultdict[int, list[int]] = defaultdict(list)
    for row in sheet.row_numbers(layout.header_row + 1, layout.before):
        for column in sheet.rows[row]:
            if column not in months and column not in (layout.group, layout.grade):
                filled[column].append(row)
    for column, rows in sorted(filled.items()):
        header = sheet.get(layout.header_row, column)
        numbers = sum(isinstance(sheet.get(row, column), float | Fault) for row in rows)
        if isinstance(header, str) and is_total(header):
            findings.info(
                Code.TOTAL_IGNORED,
                (layout.header_row, column),
                f"The column {shorten(header)!r} adds others up and is not read.",
            )
        elif isinstance(header, Fault):
            remark = fault_remark(header, "a month")
            findings.error(remark.code, (layout.header_row, column), remark.message, remark.hint)
        else:
            _report_column(header, (rows[0], column), len(rows), numbers, findings)


def _report_column(
    header: Value | None, place: tuple[int, int], cells: int, numbers: int, findings: Findings
) -> None:
    titled = f"under {describe(header)}" if header is not None else "under no header"
    if numbers:
        findings.warn(
            Code.COLUMN_IGNORED,
            place,
            f"A column {titled}, which is no month, holds {counted(numbers, 'number')}, not read.",
            "If it is a month, type it as `Sep 2024` in the row of headers; if not, nothing needs to "
            "be done.",
        )
    else:
        findings.info(
            Code.NOTE_IGNORED,
            place,
            f"Text beside the table ({counted(cells, 'cell')} {titled}) is not read.",
        )


def _figure(
    sheet: Sheet,
    labelled: _Labelled,
    column: int,
    month: date,
    findings: Findings,
    read_figure: Callable[[Value | None], Figure],
) -> Decimal | None:
    value = sheet.get(labelled.row, column)
    figure = read_figure(value)
    place = (labelled.row, column)
    if figure.remark:
        findings.add(
            figure.remark.severity, figure.remark.code, place, figure.remark.message, figure.remark.hint
        )
    elif figure.number is None:
        dash = isinstance(value, str) and value.casefold() in DASHES
        findings.info(
            Code.FIGURE_BLANK,
            place,
            f"{labelled.grade or labelled.group} has {'a dash' if dash else 'no figure'} for "
            f"{month_in_words(month)}; nothing is stored for it.",
            "Type 0 if none was made.",
        )
    return figure.number


def _check_totals(
    sheet: Sheet,
    layout: Layout,
    columns: dict[int, date],
    rows: list[FigureRow],
    findings: Findings,
    read_figure: Callable[[Value | None], Figure],
) -> None:
    """Compare each total with the rows above: with all, with its group's, or with those since the last."""
    previous = layout.header_row
    for row in sheet.row_numbers(layout.header_row + 1, layout.before):
        label = _total_label(sheet, layout, row)
        if not label:
            continue
        above = [r for r in rows if r.row < row]
        groups = {r.group for r in above if r.group and r.group.casefold() in label.casefold()}
        candidates = (
            above,
            [r for r in above if r.row > previous],
            [r for r in above if r.group in groups],
            [r for r in above if r.group == above[-1].group],
        )
        findings.info(
            Code.TOTAL_IGNORED,
            (row, layout.group),
            f"The row {shorten(label)!r} adds others up and is not read.",
        )
        for index, column in enumerate(columns):
            told = read_figure(sheet.get(row, column)).number
            sums = [sum((r.figures[index] or Decimal(0) for r in some), Decimal(0)) for some in candidates]
            if told is not None and _adds_up(label) and all(abs(told - s) > _ROUNDING for s in sums):
                findings.warn(
                    Code.TOTAL_DISAGREES,
                    (row, column),
                    f"{label!r} says {told.normalize():,f} for {month_in_words(columns[column])}, but "
                    "the rows above "
                    f"add up to {sums[0].normalize():,f}.",
                    "Look for a row that is missing, or counted twice; the rows are stored, not the total.",
                )
        previous = row


def _total_label(sheet: Sheet, layout: Layout, row: int) -> str:
    for column in (layout.group, layout.grade):
        value = sheet.get(row, column) if column else None
        if isinstance(value, str) and is_total(clean(value)):
            return clean(value)
    return ""


def _adds_up(label: str) -> bool:
    return not re.search(r"\b(average|avg|mean)\b", label.casefold())
