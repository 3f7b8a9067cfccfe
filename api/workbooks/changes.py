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
from api.workbooks.messages import CellMessage, Code, Severity

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
    """Units in which production is stored, in whatever month."""


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
        self._names_known = set(self._catalogue.groups)
        self._tons: dict[tuple[Month, str], Tons] = {}
        self._orders: dict[Month, int] = {}
        self._schedule: dict[Start, Heat] = {}
        self._days: set[date] = set()
        self._heats_by_name: dict[str, list[tuple[str, HeatRow]]] = {}
        self._messages: list[CellMessage] = []

    def take_production(self, table: ProductionTable) -> None:
        """Take a table of tons: its groups, its grades, its figures."""
        self._compare_unit(table)
        for row in table.rows:
            self._look_for_like(row.group, table.sheet, row.cell)
            group = self._catalogue.group_of_history(row.group)
            before = self._catalogue.resolve(row.grade)
            grade = self._catalogue.grade_of_history(row.grade, group)
            self._report_grade(table.sheet, row.cell, row.grade, before, grade, group)
            for month, tons in zip(table.months, row.tons, strict=True):
                if tons is not None:
                    key = ((grade.id, month), row.grade)
                    what = f"{row.grade} in {month_in_words(month)}"
                    self._note(self._tons, key, (tons, table.unit.value), table.sheet, row.cell, what)

    def take_orders(self, table: OrderTable) -> None:
        """Take a table of ordered heats: its groups and its figures."""
        for index, row in enumerate(table.rows):
            self._look_for_like(row.group, table.sheet, row.cell)
            group = self._catalogue.group_of_orders(row.group, index)
            for month, heats in zip(table.months, row.heats, strict=True):
                if heats is not None:
                    what = f"{row.group} in {month_in_words(month)}"
                    self._note(self._orders, (group.id, month), heats, table.sheet, row.cell, what)

    def take_schedule(self, table: ScheduleTable) -> None:
        """Take a schedule: its days whole, its heats, and the grades that only it knows."""
        self._days.update(table.days)
        names = list(
            dict.fromkeys(heat.grade for heat in sorted(table.heats, key=lambda h: (h.day, h.start)))
        )
        for index, name in enumerate(names):
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
        production = _differing(self._added_up(), self._stored.production)
        orders = _differing(self._orders, self._stored.orders)
        schedule = _differing(self._schedule, self._stored.schedule)
        removed = [k for k in self._stored.schedule if k[0] in self._days and k not in self._schedule]
        self._report_replaced(production, orders, schedule, len(removed))
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
            messages=tuple(self._messages),
        )

    def _added_up(self) -> dict[Month, Tons]:
        """Tons of grades that were merged count with the grade that they were merged into."""
        sums: dict[Month, Tons] = {}
        for (month, _), (tons, unit) in self._tons.items():
            sums[month] = (sums[month][0] + tons, sums[month][1]) if month in sums else (tons, unit)
        return sums

    def _note(self, told: dict[Key, Told], key: Key, value: Told, sheet: str, cell: str, what: str) -> None:
        if told.setdefault(key, value) != value:
            self._say(
                Severity.ERROR,
                Code.CONTRADICTION,
                sheet,
                cell,
                f"Two sheets or tables of the workbook say different things about {what}.",
                "Correct or remove one of them.",
            )

    def _compare_unit(self, table: ProductionTable) -> None:
        others = self._stored.units - {table.unit.value}
        if others:
            self._say(
                Severity.WARNING,
                Code.UNIT_CHANGED,
                table.sheet,
                None,
                f"The figures are in {_unit_in_words(table.unit.value)}, but production is stored in "
                f"{' and '.join(_unit_in_words(unit) for unit in sorted(others))} as well; both are "
                "kept as they are.",
                "If the title names the wrong unit, correct it and import again; else import all "
                "months in one unit.",
            )

    def _look_for_like(self, name: str, sheet: str, cell: str) -> None:
        """Ask about a group that is almost there already: probably a slip of the pen."""
        if name in self._names_known or not self._names_known:
            self._names_known.add(name)
            return
        folded = {known.casefold(): known for known in sorted(self._names_known)}
        like = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=_SAME_NAME)
        self._names_known.add(name)
        if like:
            self._say(
                Severity.WARNING,
                Code.GROUP_SIMILAR,
                sheet,
                cell,
                f"The group {name!r} is new and much like {folded[like[0]]!r}; it is stored as a "
                "group of its own.",
                f"If {folded[like[0]]!r} is meant, correct the name and import again.",
            )

    def _report_grade(
        self, sheet: str, cell: str, name: str, before: Grade | None, grade: Grade, group: Group
    ) -> None:
        if grade.name != name:
            message = f"{name} was merged into {grade.name}; its tons are added there."
            self._say(Severity.INFO, Code.MERGED_GRADE, sheet, cell, message, None)
        elif before and before.group_id is None:
            message = f"{name}, known from a schedule until now, belongs to {group.name}."
            self._say(Severity.INFO, Code.GROUP_ASSIGNED, sheet, cell, message, None)
        elif before and before.group_id != group.id:
            groups = {g.id: g.name for g in self._catalogue.groups.values()}
            old = groups[before.group_id] if before.group_id else ""
            self._say(
                Severity.WARNING,
                Code.GROUP_CHANGED,
                sheet,
                cell,
                f"{name} belonged to {old} and belongs to {group.name} now, with all its history.",
                "If that is a mistake, correct the group in the workbook and import again.",
            )

    def _report_schedule_grades(self, suggestions: Mapping[str, Suggestion]) -> None:
        known = self._catalogue.known()
        for name, heats in self._heats_by_name.items():
            sheet, cell = heats[0][0], heats[0][1].cell
            if name in known:
                if known[name] != name:
                    message = f"{name} was merged into {known[name]}; its heats count as {known[name]}."
                    self._say(Severity.INFO, Code.MERGED_GRADE, sheet, cell, message, None)
                continue
            suggestion = suggestions.get(name)
            if suggestion and suggestion.dragged:
                self._report_dragged(sheet, cell, name, len(heats), suggestion.grade)
            elif known:
                self._report_unknown(sheet, cell, name, len(heats), suggestion)
        if self._heats_by_name and not known:
            sheet = next(iter(self._heats_by_name.values()))[0][0]
            self._say(
                Severity.WARNING,
                Code.NO_KNOWN_GRADES,
                sheet,
                None,
                f"No grade is known yet; the {len(self._heats_by_name)} grades of the schedule are "
                "stored without "
                "a group.",
                "Import the production history: it tells the groups of its grades, before or after "
                "the schedule.",
            )

    def _report_dragged(self, sheet: str, cell: str, name: str, heats: int, origin: str) -> None:
        self._say(
            Severity.WARNING,
            Code.FILL_HANDLE,
            sheet,
            cell,
            f"{name} ({_heats(heats)}) is no known grade: it counts on from {origin}, like a cell dragged by "
            "its fill handle.",
            f"Probably {origin} is meant: correct the workbook and import it again, or merge such grades "
            f"into {origin}. Until then they have no group and stay outside forecasts.",
        )

    def _report_unknown(
        self, sheet: str, cell: str, name: str, heats: int, suggestion: Suggestion | None
    ) -> None:
        hint = (
            f"Perhaps {suggestion.grade} is meant: merge {name} into it; or assign its group if it is new."
            if suggestion
            else f"Assign the group of {name}, or merge it into the right grade."
        )
        message = (
            f"{name} ({_heats(heats)}) is in no production history: "
            "stored without a group, outside forecasts."
        )
        self._say(Severity.WARNING, Code.UNKNOWN_GRADE, sheet, cell, message, hint)

    def _report_replaced(
        self,
        production: Mapping[Month, Tons],
        orders: Mapping[Month, int],
        schedule: Mapping[Start, Heat],
        removed: int,
    ) -> None:
        figures = len(production.keys() & self._stored.production.keys())
        figures += len(orders.keys() & self._stored.orders.keys())
        heats = len(schedule.keys() & self._stored.schedule.keys())
        said = [
            *([f"{figures:,} figures differ from those stored and replace them"] if figures else []),
            *([f"{_heats(heats)} differ from those stored and replace them"] if heats else []),
            *(
                [f"{_heats(removed)} of these days are no longer in the schedule and are removed"]
                if removed
                else []
            ),
        ]
        if said:
            message = "; ".join(said) + "."
            self._say(Severity.INFO, Code.REPLACED, "", None, message[0].upper() + message[1:], None)

    def _say(
        self, severity: Severity, code: Code, sheet: str, cell: str | None, message: str, hint: str | None
    ) -> None:
        self._messages.append(CellMessage(severity, sheet, cell, code, message, hint))


def _differing(told: Mapping[Key, Told], stored: Mapping[Key, Told]) -> dict[Key, Told]:
    return {key: value for key, value in told.items() if key not in stored or stored[key] != value}


def _heats(count: int) -> str:
    return "1 heat" if count == 1 else f"{count:,} heats"


def _unit_in_words(unit: str) -> str:
    return {"SHORT_TON": "short tons", "LONG_TON": "long tons", "TONNE": "tonnes"}.get(
        unit, "tons (not told which)"
    )
