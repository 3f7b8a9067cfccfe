"""What a workbook would change: its content compared with what the plant knows.

Pure, so that a dry run tells the truth.
A file replaces what it covers, the days of a schedule and the figures of a history, and nothing else.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from typing import TypeAlias, TypeVar
from uuid import UUID

from api.workbooks.catalogue import Catalogue, Grade, Group
from api.workbooks.cells import day_in_words, month_in_words
from api.workbooks.content import Content, HeatRow, OrderTable, ProductionTable, ScheduleTable
from api.workbooks.grades import Suggestion
from api.workbooks.messages import CellMessage
from api.workbooks.names import folded
from api.workbooks.remarks import Remarks

Month: TypeAlias = tuple[UUID, date]
"""A grade or a group in a month."""
Start: TypeAlias = tuple[date, time]
Tons: TypeAlias = tuple[Decimal, str]
Heat: TypeAlias = tuple[UUID, "str | None"]

_SAME_NAME = 0.85

Key = TypeVar("Key")
Told = TypeVar("Told")


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored: all groups and grades; figures and heats of the months and days that a file covers."""

    groups: tuple[Group, ...] = ()
    grades: tuple[Grade, ...] = ()
    production: Mapping[Month, Tons] = field(default_factory=dict)
    orders: Mapping[Month, int] = field(default_factory=dict)
    schedule: Mapping[Start, Heat] = field(default_factory=dict)
    days: frozenset[date] = frozenset()
    """Days of the file that a schedule covered before."""
    units: frozenset[str] = frozenset()
    """Units in which production is stored, in months that the file does not cover."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be written, and what is to be said about it."""

    new_groups: tuple[Group, ...]
    changed_groups: tuple[Group, ...]
    new_grades: tuple[Grade, ...]
    changed_grades: tuple[Grade, ...]
    production: Mapping[Month, Tons]
    orders: Mapping[Month, int]
    schedule: Mapping[Start, Heat]
    removed: tuple[Start, ...]
    days: tuple[date, ...]
    """Days that no schedule covered before."""
    messages: tuple[CellMessage, ...]

    @property
    def rows(self) -> int:
        """Figures and heats that are new or changed."""
        return len(self.production) + len(self.orders) + len(self.schedule)

    @property
    def nothing(self) -> bool:
        """Whether the database says all of it already."""
        catalogue = self.new_groups or self.changed_groups or self.new_grades or self.changed_grades
        return not (self.rows or self.removed or self.days or catalogue)


def compare(content: Content, stored: Stored) -> Changes:
    """Find out what a content changes in what is stored."""
    comparison = _Comparison(stored)
    for production in content.production:
        comparison.take_production(production)
    for orders in content.orders:
        comparison.take_orders(orders)
    for schedule in content.schedules:
        comparison.take_schedule(schedule)
    return comparison.conclude()


class _Comparison:
    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._catalogue = Catalogue(stored.groups, stored.grades)
        self._groups_known = set(self._catalogue.groups)
        self._sheets_by_unit: dict[str, str] = {}
        self._tons: dict[tuple[Month, str], Tons] = {}
        self._orders: dict[Month, int] = {}
        self._schedule: dict[Start, Heat] = {}
        self._days: set[date] = set()
        self._heats_by_name: dict[str, list[tuple[str, HeatRow]]] = {}
        self._remarks = Remarks()

    def take_production(self, table: ProductionTable) -> None:
        """Take a table of tons: its groups, its grades, its figures."""
        self._sheets_by_unit.setdefault(table.unit.value, table.sheet)
        for row in table.rows:
            known = self._catalogue.spelling_of_group(row.group)
            group = self._catalogue.group_of_history(row.group)
            self._report_group(row.group, known, group, table.sheet, row.cell)
            known = self._catalogue.spelling_of_grade(row.grade)
            before = self._catalogue.resolve(known)
            grade = self._catalogue.grade_of_history(row.grade, group)
            self._report_grade(row.grade, known, before, grade, group, (table.sheet, row.cell))
            spelled = self._catalogue.spelling_of_grade(row.grade)
            for month, tons in zip(table.months, row.tons, strict=True):
                if tons is not None:
                    key = ((grade.id, month), spelled)
                    what = f"{row.grade} in {month_in_words(month)}"
                    self._note(self._tons, key, (tons, table.unit.value), table.sheet, row.cell, what)

    def take_orders(self, table: OrderTable) -> None:
        """Take a table of ordered heats: its groups and its figures."""
        for index, row in enumerate(table.rows):
            known = self._catalogue.spelling_of_group(row.group)
            group = self._catalogue.group_of_orders(row.group, index)
            self._report_group(row.group, known, group, table.sheet, row.cell)
            for month, heats in zip(table.months, row.heats, strict=True):
                if heats is not None:
                    what = f"{row.group} in {month_in_words(month)}"
                    self._note(self._orders, (group.id, month), heats, table.sheet, row.cell, what)

    def take_schedule(self, table: ScheduleTable) -> None:
        """Take a schedule: its days whole, its heats, and the grades that only it knows."""
        self._days.update(table.days)
        in_time = sorted(table.heats, key=lambda heat: (heat.day, heat.start))
        for index, name in enumerate(dict.fromkeys(heat.grade for heat in in_time)):
            self._catalogue.grade_of_schedule(name, index)
        for heat in table.heats:
            grade = self._catalogue.grade_of_schedule(heat.grade, 0)
            what = f"{heat.start:%H:%M} on {day_in_words(heat.day)}"
            key = (heat.day, heat.start)
            self._note(self._schedule, key, (grade.id, heat.mould_size), table.sheet, heat.cell, what)
            self._heats_by_name.setdefault(heat.grade, []).append((table.sheet, heat))

    def conclude(self) -> Changes:
        """Suggest grades for those that only schedules know, and tell what differs from what is stored."""
        suggestions = self._catalogue.suggest_for_suspects()
        self._report_schedule_grades(suggestions)
        added_up = self._added_up()
        self._report_units(added_up)
        production = _differing(added_up, self._stored.production)
        orders = _differing(self._orders, self._stored.orders)
        schedule = _differing(self._schedule, self._stored.schedule)
        removed = [k for k in self._stored.schedule if k[0] in self._days and k not in self._schedule]
        figures = len(production.keys() & self._stored.production.keys())
        figures += len(orders.keys() & self._stored.orders.keys())
        heats = len(schedule.keys() & self._stored.schedule.keys())
        self._remarks.replaced(figures, heats, len(removed))
        return Changes(
            new_groups=tuple(self._catalogue.new_groups()),
            changed_groups=tuple(self._catalogue.changed_groups()),
            new_grades=tuple(self._catalogue.new_grades()),
            changed_grades=tuple(self._catalogue.changed_grades()),
            production=production,
            orders=orders,
            schedule=schedule,
            removed=tuple(removed),
            days=tuple(sorted(self._days - self._stored.days)),
            messages=tuple(self._remarks.messages),
        )

    def _added_up(self) -> dict[Month, Tons]:
        """Tons of grades that were merged count with the grade that they were merged into."""
        sums: dict[Month, Tons] = {}
        for (month, _), (tons, unit) in self._tons.items():
            sums[month] = (sums[month][0] + tons, sums[month][1]) if month in sums else (tons, unit)
        return sums

    def _note(self, told: dict[Key, Told], key: Key, value: Told, sheet: str, cell: str, what: str) -> None:
        if told.setdefault(key, value) != value:
            self._remarks.contradiction(what, sheet, cell)

    def _report_units(self, told: Mapping[Month, Tons]) -> None:
        """Ask about figures in another unit than those that are stored, whether they are replaced or stay."""
        stored = self._stored.production
        kept = {unit for month, (_, unit) in stored.items() if month not in told} | self._stored.units
        for unit, sheet in self._sheets_by_unit.items():
            replaced = [
                stored[month][1]
                for month, (_, new) in told.items()
                if new == unit and month in stored and stored[month][1] != unit
            ]
            others = kept - {unit} | {*replaced}
            if others:
                self._remarks.unit_changed(unit, others, len(replaced), kept=bool(kept - {unit}), sheet=sheet)

    def _report_group(self, name: str, known: str, group: Group, sheet: str, cell: str) -> None:
        """Ask about a group that is there already, or almost: probably a slip of the pen."""
        if known != name:
            self._remarks.spelled_differently("group", name, known, group.name, sheet, cell)
        elif name not in self._groups_known:
            folds = {folded(other): other for other in sorted(self._groups_known)}
            like = difflib.get_close_matches(folded(name), folds, n=1, cutoff=_SAME_NAME)
            if like:
                self._remarks.similar("group", name, folds[like[0]], sheet, cell)
        self._groups_known.add(group.name)

    def _report_grade(
        self,
        name: str,
        known: str,
        before: Grade | None,
        grade: Grade,
        group: Group,
        place: tuple[str, str],
    ) -> None:
        if known != name:
            self._remarks.spelled_differently("grade", name, known, grade.name, *place)
        elif grade.name != name:
            self._remarks.merged(name, grade.name, "tons are added there", *place)
        if before is None:
            like = self._catalogue.grades_like(name)
            if like:
                self._remarks.similar("grade", name, like[0], *place)
        elif before.group_id is None:
            self._remarks.group_assigned(grade.name, group.name, *place)
        elif before.id == grade.id and before.group_id != grade.group_id:
            groups = {g.id: g.name for g in self._catalogue.groups.values()}
            self._remarks.group_changed(grade.name, groups[before.group_id], group.name, *place)

    def _report_schedule_grades(self, suggestions: Mapping[str, Suggestion]) -> None:
        known = self._catalogue.known()
        unknown: dict[str, list[tuple[str, HeatRow]]] = {}
        for name, heats in self._heats_by_name.items():
            place = heats[0][0], heats[0][1].cell
            spelled = self._catalogue.spelling_of_grade(name)
            meant = known.get(spelled, spelled)
            if spelled != name:
                self._remarks.spelled_differently("grade", name, spelled, meant, *place, cells=len(heats))
            elif meant != name:
                self._remarks.merged(name, meant, f"heats count as {meant}", *place)
            if spelled not in known:
                unknown.setdefault(spelled, []).extend(heats)
        for name, heats in unknown.items():
            suggestion = suggestions.get(name)
            place = heats[0][0], heats[0][1].cell
            if suggestion and suggestion.dragged:
                self._remarks.dragged(name, len(heats), suggestion.grade, *place)
            elif known:
                meant_by = suggestion.grade if suggestion else None
                self._remarks.unknown_grade(name, len(heats), meant_by, *place)
        if unknown and not known:
            sheet = next(iter(unknown.values()))[0][0]
            self._remarks.no_known_grades(len(unknown), sheet)


def _differing(told: Mapping[Key, Told], stored: Mapping[Key, Told]) -> dict[Key, Told]:
    return {key: value for key, value in told.items() if key not in stored or stored[key] != value}
