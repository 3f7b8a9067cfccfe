"""What the charge schedule says about the month: heats that are certain, strangers, and days left open."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import numpy as np

from solver_jobs.forecast.months import days_in_month, parse_month
from solver_jobs.forecast.panel import IntArray, Panel
from solver_jobs.forecast.problem import IDLE, REST_DAYS, ForecastProblem


@dataclass(frozen=True)
class Sequence:
    """The schedule's part in the forecast month.

    Attributes
    ----------
    committed
        (grades,) heats of the month that are already sequenced.
    unassigned
        Heats of the month of grades that belong to no group, by name.
    strangers
        All grades of the schedule, whatever the month, that belong to no group.
    days, open_days
        Days of the month, and those of them that the schedule does not cover. It covers every day that it
        names, idle ones included, and up to `REST_DAYS` in a row between two of them.
    """

    committed: IntArray
    unassigned: dict[str, int]
    strangers: frozenset[str]
    days: int
    open_days: int


def read_sequence(problem: ForecastProblem, panel: Panel) -> Sequence:
    """Count the heats of the forecast month; entries of other months are no floor."""
    month = parse_month(problem.month)
    year, number = divmod(month, 12)
    heats = [entry for entry in problem.schedule if entry.grade != IDLE]
    counted = Counter(
        entry.grade for entry in heats if (entry.date.year, entry.date.month) == (year, number + 1)
    )
    known = set(panel.grades)
    days = days_in_month(month)
    return Sequence(
        committed=np.array([counted[grade] for grade in panel.grades], dtype=np.int64),
        unassigned={grade: counted[grade] for grade in sorted(counted.keys() - known)},
        strangers=frozenset(entry.grade for entry in heats) - known,
        days=days,
        open_days=days - _covered_days(problem, year, number + 1),
    )


def _covered_days(problem: ForecastProblem, year: int, month: int) -> int:
    scheduled = sorted({*problem.schedule_days, *(entry.date for entry in problem.schedule)})
    covered = set(scheduled)
    for before, after in pairwise(scheduled):
        between = [before + timedelta(days=number) for number in range(1, (after - before).days)]
        if len(between) <= REST_DAYS:
            covered.update(between)
    return sum((day.year, day.month) == (year, month) for day in covered)
