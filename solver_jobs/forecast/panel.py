"""The production history as a matrix: months down, grades across, heats in the cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solver_jobs.forecast.months import parse_month
from solver_jobs.forecast.problem import ForecastProblem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Panel:
    """Heats of every grade in every recorded month.

    Attributes
    ----------
    groups
        Names of the groups, in the order in which the problem first names them.
    grades
        Names of the grades, group by group, by name within a group.
    group_of
        (grades,) position of each grade's group in `groups`.
    months
        (months,) recorded months, rising, as `parse_month` counts them. A month in which no grade at all has
        a row was not recorded: it is absent, not zero.
    heats
        (months, grades) heats, fractions allowed. A grade without a row in a recorded month made none.
    """

    groups: tuple[str, ...]
    grades: tuple[str, ...]
    group_of: IntArray
    months: IntArray
    heats: FloatArray

    @property
    def membership(self) -> FloatArray:
        """(grades, groups) one where the grade belongs to the group: ``x @ membership`` sums over groups."""
        return np.eye(len(self.groups))[self.group_of]

    def unrecorded_months(self) -> list[int]:
        """Months between the first and the last recorded one that have no row at all."""
        if self.months.size == 0:
            return []
        recorded = set(self.months.tolist())
        return [month for month in range(int(self.months[0]), int(self.months[-1])) if month not in recorded]


def build_panel(problem: ForecastProblem) -> Panel:
    """Build the panel of all history strictly before the forecast month."""
    group_by_grade = {row.grade: row.group for row in problem.grades}
    group_by_grade.update((row.grade, row.group) for row in problem.history)
    groups = _group_names(problem)
    position = {name: index for index, name in enumerate(groups)}
    grades = sorted(group_by_grade, key=lambda grade: (position[group_by_grade[grade]], grade))
    column = {name: index for index, name in enumerate(grades)}

    number = {text: parse_month(text) for text in {row.month for row in problem.history}}
    end = parse_month(problem.month)
    past = [row for row in problem.history if number[row.month] < end]
    months = np.array(sorted({number[row.month] for row in past}), dtype=np.int64)
    heats = np.zeros((months.size, len(grades)))
    rows = np.searchsorted(months, [number[row.month] for row in past])
    columns = np.array([column[row.grade] for row in past], dtype=np.int64)
    np.add.at(heats, (rows, columns), np.array([row.tons for row in past]) / problem.heat_tons)
    return Panel(
        groups=groups,
        grades=tuple(grades),
        group_of=np.array([position[group_by_grade[grade]] for grade in grades], dtype=np.int64),
        months=months,
        heats=heats,
    )


def _group_names(problem: ForecastProblem) -> tuple[str, ...]:
    ordered = (row.group for row in problem.orders if row.month == problem.month)
    known = (row.group for rows in (problem.history, problem.grades) for row in rows)
    return tuple(dict.fromkeys([*ordered, *known]))
