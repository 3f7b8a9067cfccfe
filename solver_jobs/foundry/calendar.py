"""Working days: the given ones, from there on Monday to Friday less the holidays, as far as anybody asks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from solver_jobs.foundry.problem import LAST_WORKDAY, FoundryProblem, Workday

_DAY = timedelta(days=1)
_SATURDAY = 5


def is_workday(day: date, holidays: Iterable[date] = ()) -> bool:
    """Whether a day is Monday to Friday and no holiday."""
    return day.weekday() < _SATURDAY and day not in holidays


def monday_of(day: date) -> date:
    """Give the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


class WorkCalendar:
    """The workdays of a plan by index, without an end.

    Parameters
    ----------
    asof
        The planning Monday; without given days, index 0 is the first workday on or after it.
    given
        Known workdays in ascending order, indices from 0 on without a gap.
    holidays
        Days that are no workdays beyond the given ones.
    """

    def __init__(self, asof: date, given: Sequence[Workday] = (), holidays: Iterable[date] = ()) -> None:
        self._asof = asof
        self._holidays = frozenset(holidays)
        self._dates: list[date] = []
        self._weeks: list[int] = []
        for row in given:
            self._add(row.date, row.week_index)

    @classmethod
    def of(cls, problem: FoundryProblem) -> WorkCalendar:
        """Build the calendar of a problem."""
        given = sorted(problem.calendar_workdays or (), key=lambda row: row.workday_index)
        return cls(problem.asof_date, given, problem.holidays)

    def date_of(self, index: int) -> date:
        """Date of a workday."""
        self._extend_to_index(index)
        return self._dates[index]

    def index_on_or_before(self, day: date) -> int:
        """Index of the last workday on or before a day; -1 if there is none.

        Days further away than `LAST_WORKDAY` workdays count as that workday.
        """
        while (not self._dates or self._dates[-1] < day) and len(self._dates) <= LAST_WORKDAY:
            self._append()
        return bisect_right(self._dates, day) - 1

    def index_on_or_after(self, day: date) -> int:
        """Index of the first workday on or after a day."""
        return self.index_on_or_before(day - _DAY) + 1

    def workdays(self, days: int) -> tuple[Workday, ...]:
        """Build the rows of the first `days` workdays."""
        self._extend_to_index(days - 1)
        return tuple(
            Workday(workday_index=i, date=self._dates[i], week_index=self._weeks[i]) for i in range(days)
        )

    def _extend_to_index(self, index: int) -> None:
        while len(self._dates) <= index:
            self._append()

    def _append(self) -> None:
        day = self._dates[-1] + _DAY if self._dates else self._asof
        while not is_workday(day, self._holidays):
            day += _DAY
        self._add(day, None)

    def _add(self, day: date, week: int | None) -> None:
        """Add a workday; without a number its week follows the last one, or is counted from asof_date."""
        if week is None:
            start, first = (self._dates[-1], self._weeks[-1]) if self._dates else (self._asof, 0)
            week = first + (monday_of(day) - monday_of(start)).days // 7
        self._dates.append(day)
        self._weeks.append(week)
