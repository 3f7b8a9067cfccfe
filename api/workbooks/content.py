"""What a workbook says, typed and checked, before it is compared with what the plant already knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from api.workbooks.kinds import WorkbookKind
from api.workbooks.messages import CellMessage, Severity


class TonUnit(StrEnum):
    """The ton that a production history counts in; TON where its title names none."""

    TON = "TON"
    SHORT_TON = "SHORT_TON"
    LONG_TON = "LONG_TON"
    TONNE = "TONNE"


@dataclass(frozen=True, slots=True)
class GradeRow:
    """One grade's tons, one figure per month of its table; None where the cell says nothing."""

    group: str
    grade: str
    cell: str
    tons: tuple[Decimal | None, ...]


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group's ordered heats, one figure per month of its table; None where the cell says nothing."""

    group: str
    cell: str
    heats: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One heat of a charge schedule."""

    day: date
    start: time
    grade: str
    mould_size: str | None
    cell: str
    """Where the grade stands."""


@dataclass(frozen=True, slots=True)
class ProductionTable:
    """Tons per grade and month (the first of each), in one unit."""

    sheet: str
    unit: TonUnit
    months: tuple[date, ...]
    rows: tuple[GradeRow, ...]


@dataclass(frozen=True, slots=True)
class OrderTable:
    """Heats ordered per product group and month (the first of each)."""

    sheet: str
    months: tuple[date, ...]
    rows: tuple[GroupRow, ...]


@dataclass(frozen=True, slots=True)
class ScheduleTable:
    """The heats of whole days. A day without heats is covered too: everything on it is idle."""

    sheet: str
    days: tuple[date, ...]
    heats: tuple[HeatRow, ...]


Scalar: TypeAlias = str | int | float | bool
"""What a foundry's cell is read as; days are texts such as 2026-01-05."""


@dataclass(frozen=True, slots=True)
class FoundryRow:
    """One row of a foundry's table: the row of the sheet, and its values by name."""

    number: int
    values: dict[str, Scalar]


@dataclass(frozen=True, slots=True)
class FoundryTable:
    """One table of a foundry problem, and where its headers stand."""

    table: str
    sheet: str
    rows: tuple[FoundryRow, ...]
    header_row: int
    columns: dict[str, int]
    whole: bool
    """Whether all its rows were read: its headers are right, and no other sheet has more of it."""


@dataclass(frozen=True, slots=True)
class Content:
    """All tables of a workbook, by kind, in the order of its sheets."""

    production: tuple[ProductionTable, ...] = ()
    orders: tuple[OrderTable, ...] = ()
    schedules: tuple[ScheduleTable, ...] = ()
    foundry: tuple[FoundryTable, ...] = ()

    @property
    def rows(self) -> int:
        """Figures, heats and rows of a foundry in all tables."""
        tons = sum(t is not None for table in self.production for row in table.rows for t in row.tons)
        heats = sum(h is not None for table in self.orders for row in table.rows for h in row.heats)
        rows = sum(len(table.rows) for table in self.foundry)
        return tons + heats + rows + sum(len(table.heats) for table in self.schedules)


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading a workbook: its kind where it was recognised, its content, and what was said."""

    kind: WorkbookKind | None
    content: Content
    messages: tuple[CellMessage, ...]

    @property
    def refused(self) -> bool:
        """Whether nothing of it may be stored."""
        return any(message.severity is Severity.ERROR for message in self.messages)


Table: TypeAlias = ProductionTable | OrderTable | ScheduleTable
