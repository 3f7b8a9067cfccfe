"""Which kind of table a sheet holds, told by its headers and its title; a file's name says nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from api.workbooks.cells import Sheet, clean
from api.workbooks.kinds import WorkbookKind
from api.workbooks.months import read_month

_TITLES = {
    WorkbookKind.STEEL_GRADE_PRODUCTION: re.compile(r"\b(production history|grade production)\b"),
    WorkbookKind.PRODUCT_GROUPS_MONTHLY: re.compile(r"\b(order forecast|product group breakdown)\b"),
    WorkbookKind.DAILY_CHARGE_SCHEDULE: re.compile(r"\b(charge|charging|heat|melt) schedule\b"),
}
_GROUP = frozenset({"quality group", "quality", "product group", "group", "steel group", "grade group"})
_GRADE = frozenset({"grade", "steel grade", "grade name", "steel"})
_START = frozenset({"start time", "start", "time", "charge time", "charging time", "tap time"})
_MOULD = frozenset({"mould size", "mold size", "mould", "mold", "section", "section size", "size"})


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a table lies: its row of headers, the row before which it ends, and its columns of names.

    `group` and `grade` are columns of a table of months. `blocks` are the first columns of a schedule's days.
    """

    header_row: int
    before: int | None = None
    group: int = 0
    grade: int | None = None
    blocks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Recognised:
    """A sheet's kind, and its tables from top to bottom.

    Without tables, the title alone told the kind: the headers are not as expected.
    """

    kind: WorkbookKind
    layouts: tuple[Layout, ...]
    title: str


def recognise(sheet: Sheet) -> Recognised | None:
    """Find out what a sheet holds; None where it is none of the known kinds."""
    kind: WorkbookKind | None = None
    layouts: list[Layout] = []
    for row in sheet.row_numbers():
        found = _layout(sheet, row)
        if found and kind in (None, found[0]):
            kind = found[0]
            layouts.append(found[1])
    first = layouts[0].header_row if layouts else None
    title = title_above(sheet, first)
    if kind is None:
        kind = next(
            (k for k, form in _TITLES.items() if form.search(f"{title} {sheet.name}".casefold())), None
        )
    return Recognised(kind, _bounded(layouts, kind) if layouts else (), title) if kind else None


def title_above(sheet: Sheet, header_row: int | None) -> str:
    """All text above a table, or in the first rows where there is none."""
    rows = sheet.row_numbers(before=header_row if header_row is not None else 6)
    return clean(" ".join(v for row in rows for v in sheet.rows[row].values() if isinstance(v, str)))[:2000]


def _bounded(layouts: list[Layout], kind: WorkbookKind) -> tuple[Layout, ...]:
    # The dates of a schedule's days stand in the row above their headers and belong to what follows.
    above = 1 if kind is WorkbookKind.DAILY_CHARGE_SCHEDULE else 0
    ends = [layout.header_row - above for layout in layouts[1:]]
    return tuple(
        Layout(layout.header_row, end, layout.group, layout.grade, layout.blocks)
        for layout, end in zip(layouts, [*ends, None], strict=True)
    )


def _layout(sheet: Sheet, row: int) -> tuple[WorkbookKind, Layout] | None:
    headers = {
        column: clean(value).casefold().rstrip(":. ")
        for column, value in sheet.rows[row].items()
        if isinstance(value, str)
    }
    blocks = tuple(
        column
        for column, header in sorted(headers.items())
        if header in _START and headers.get(column + 1) in _GRADE and headers.get(column + 2) in _MOULD
    )
    if blocks:
        return WorkbookKind.DAILY_CHARGE_SCHEDULE, Layout(row, blocks=blocks)
    group = next((column for column, header in sorted(headers.items()) if header in _GROUP), None)
    if group is None:
        return None
    grade = next((column for column, h in sorted(headers.items()) if column > group and h in _GRADE), None)
    last = max(group, grade or 0)
    months = any(
        column > last and read_month(value, sheet.epoch) for column, value in sheet.rows[row].items()
    )
    if grade is not None:
        return WorkbookKind.STEEL_GRADE_PRODUCTION, Layout(row, group=group, grade=grade)
    return (WorkbookKind.PRODUCT_GROUPS_MONTHLY, Layout(row, group=group)) if months else None
