"""A problem on another calendar: all that counts workdays is counted anew, so that its dates stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from pydantic import BaseModel

from solver_jobs.foundry.calendar import WorkCalendar
from solver_jobs.foundry.instance import kilograms
from solver_jobs.foundry.problem import LAST_WORKDAY, FoundryProblem, Pin, Workday

_Row = TypeVar("_Row", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class HomelessPin:
    """A pin on a day that is no workday any more, and its place among the pins of before."""

    position: int
    pin: Pin
    date: date


@dataclass(frozen=True, slots=True)
class Recounted:
    """What becomes of a problem on another calendar.

    Attributes
    ----------
    problem
        The problem, without the homeless pins.
    homeless
        Pins that have no day any more: only the planner knows what is to become of his decision.
    moved
        By table, the days of rows that are no workdays any more; these rows are on the next workday.
    added_frozen
        New workdays among the frozen ones, on which the previous plan has no molds.
    """

    problem: FoundryProblem
    homeless: tuple[HomelessPin, ...]
    moved: Mapping[str, tuple[date, ...]]
    added_frozen: tuple[date, ...]


def recount(problem: FoundryProblem, workdays: Sequence[Workday], holidays: Iterable[date]) -> Recounted:
    """Put a problem on another calendar; flasks, metal, previous plan, pins and frozen days keep their dates.

    Rows of a day that is no workday any more go to the first one after it, and are added up with those that
    are there. Indices before day 0 stay: they mean no day of either calendar.

    Parameters
    ----------
    problem
        With its calendar of before.
    workdays, holidays
        The calendar that it gets.

    Raises
    ------
    pydantic.ValidationError
        A row would be further away than a problem may name.
    """
    return _Recounting(problem, workdays, holidays).recounted()


class _Recounting:
    def __init__(
        self, problem: FoundryProblem, workdays: Sequence[Workday], holidays: Iterable[date]
    ) -> None:
        self._problem = problem.model_copy(
            update={"calendar_workdays": tuple(workdays), "holidays": tuple(holidays)}
        )
        self._old, self._new = WorkCalendar.of(problem), WorkCalendar.of(self._problem)
        self._moved: dict[str, tuple[date, ...]] = {}

    def recounted(self) -> Recounted:
        old = self._problem
        homeless = tuple(
            HomelessPin(position, pin, self._old.date_of(pin.workday_index))
            for position, pin in enumerate(old.pins)
            if not self._stays(pin.workday_index)
        )
        kept = [pin for pin in old.pins if self._stays(pin.workday_index)]
        frozen, added = self._frozen()
        problem = old.model_copy(
            update={
                "initial_flask_inuse": self._table(
                    "initial_flask_inuse", old.initial_flask_inuse, "release_workday_index", "qty_inuse"
                ),
                "initial_pour_load": self._table(
                    "initial_pour_load", old.initial_pour_load, "workday_index", "tons_committed"
                ),
                "previous_plan": None
                if old.previous_plan is None
                else self._table("previous_plan", old.previous_plan, "workday_index", "molds"),
                "pins": tuple(_with(pin, workday_index=self._index(pin.workday_index)) for pin in kept),
                "frozen_days": frozen,
            }
        )
        return Recounted(problem, homeless, self._moved, added)

    def _index(self, index: int) -> int:
        return index if index < 0 else self._new.index_on_or_after(self._old.date_of(index))

    def _stays(self, index: int) -> bool:
        """Whether a workday is one of the new calendar, too."""
        day = self._old.date_of(index)
        found = self._new.index_on_or_after(day)
        # Further away nobody knows, and the row itself is refused.
        return found > LAST_WORKDAY or self._new.date_of(found) == day

    def _table(self, name: str, rows: Sequence[_Row], index: str, amount: str) -> tuple[_Row, ...]:
        """Count a table's rows anew; `index` and `amount` are the columns of their day and what they hold."""
        met: dict[tuple[object, ...], list[_Row]] = {}
        for row in rows:
            what = row.model_dump(exclude={index, amount, "asof_date"})
            met.setdefault((self._index(getattr(row, index)), *what.values()), []).append(row)
        before = {getattr(row, index) for row in rows}
        moved = sorted(self._old.date_of(day) for day in before if day >= 0 and not self._stays(day))
        if moved:
            self._moved[name] = tuple(moved)
        return tuple(
            row for (day, *_), group in met.items() for row in _met(group, day, index=index, amount=amount)
        )

    def _frozen(self) -> tuple[int, tuple[date, ...]]:
        """Give the frozen days up to the same date, and those of them that were no workdays before."""
        days = self._problem.frozen_days
        if not days:
            return 0, ()
        before = {self._old.date_of(day) for day in range(days)}
        frozen = self._new.index_on_or_before(max(before)) + 1
        now = (self._new.date_of(day) for day in range(frozen))
        return frozen, tuple(day for day in now if day not in before)


def _met(rows: Sequence[_Row], day: object, *, index: str, amount: str) -> Sequence[_Row]:
    """Put the rows of one thing on its day; those that stood on different ones become one."""
    if len({getattr(row, index) for row in rows}) == 1:
        return [_with(row, **{index: day}) for row in rows]
    amounts = [getattr(row, amount) for row in rows]
    # Metal is compared in whole kilograms of each row.
    total = sum(map(kilograms, amounts)) / 1000 if amount == "tons_committed" else sum(amounts)
    return [_with(rows[0], **{index: day, amount: total})]


def _with(row: _Row, **told: object) -> _Row:
    return type(row).model_validate({**row.model_dump(), **told})
