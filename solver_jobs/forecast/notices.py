"""What the planner must know about a forecast, in sentences: what was found, and what was done about it."""

from __future__ import annotations

from collections.abc import Sequence as Rows

import numpy as np

from solver_jobs.forecast.backtest import MIN_ORIGINS, Choice
from solver_jobs.forecast.groups import GroupTotal
from solver_jobs.forecast.months import format_month, parse_month
from solver_jobs.forecast.panel import IntArray, Panel
from solver_jobs.forecast.problem import ForecastProblem, UnassignedGrade
from solver_jobs.forecast.sequence import Sequence
from solver_jobs.forecast.wording import plural

_NAMES_SHOWN = 12


def listed(names: Rows[str]) -> str:
    """Join names in one line, the first twelve of them."""
    shown = ", ".join(names[:_NAMES_SHOWN])
    return shown if len(names) <= _NAMES_SHOWN else f"{shown} and {len(names) - _NAMES_SHOWN} more"


def about_history(problem: ForecastProblem, panel: Panel, choice: Choice) -> list[str]:
    """Tell of history that was not used, months that are missing, and a method that could not be tested."""
    said = []
    target = parse_month(problem.month)
    late = sorted({month for month in {row.month for row in problem.history} if parse_month(month) >= target})
    if late:
        said.append(
            f"History of {listed(late)} was left aside: a forecast for {problem.month} "
            "uses earlier months only."
        )
    if gaps := panel.unrecorded_months():
        said.append(
            f"The history has no row for {listed([format_month(gap) for gap in gaps])}: "
            "such a month counts as not recorded, not as zero. Import it if the plant produced."
        )
    if panel.months.size and int(panel.months[-1]) < target - 1:
        said.append(
            f"The history ends with {format_month(int(panel.months[-1]))}, "
            f"{target - int(panel.months[-1])} months before {problem.month}: "
            "later months would make the forecast better."
        )
    if not choice.scores:
        said.append(
            f"{plural(panel.months.size, 'month')} of history give {plural(choice.origins, 'origin')} to "
            f"test methods on, fewer than {MIN_ORIGINS}: the default method {choice.method!r} is used, "
            "untested on this plant."
        )
    return said


def about_group(
    problem: ForecastProblem, panel: Panel, group: int, total: GroupTotal, sequence: Sequence
) -> list[str]:
    """Tell of a group whose heats are not simply its order forecast spread by its history."""
    name = f"Group {panel.groups[group]!r}"
    members = np.flatnonzero(panel.group_of == group)
    if members.size == 0:
        if not total.ordered:
            return []
        return [
            f"{name} has an order forecast of {plural(total.ordered, 'heat')} for {problem.month} but no "
            "grade: its heats can't be told by grade and are missing from the breakdown. Import the group's "
            "production history or assign grades to it."
        ]
    said = []
    has_history = bool(panel.heats[:, members].any())
    if total.ordered is None:
        said.append(_without_order(name, problem.month, total, sequence, has_history))
    elif total.scheduled > total.ordered:
        said.append(_above_the_order_book(name, panel, members, problem.month, total, sequence))
    if total.heats > total.scheduled and not has_history:
        said.append(
            f"{name} has no production history before {problem.month}: its "
            f"{plural(total.heats - total.scheduled, 'heat')} beyond the schedule are spread evenly over its "
            f"{plural(members.size, 'grade')}."
        )
    return said


def _without_order(name: str, month: str, total: GroupTotal, sequence: Sequence, has_history: bool) -> str:
    start = f"{name} has no order forecast for {month}: "
    open_heats = plural(total.heats - total.scheduled, "heat")
    scheduled = plural(total.scheduled, "scheduled heat")
    if sequence.open_days == 0:
        return f"{start}its {scheduled} are counted from the charge schedule, which covers the whole month."
    if not has_history:
        return f"{start}only its {scheduled} are counted, for it has no history to forecast from."
    if sequence.open_days == sequence.days:
        return f"{start}its {open_heats} are forecast from its own history."
    return (
        f"{start}{scheduled} are counted and {open_heats} are forecast from its own history for the "
        f"{plural(sequence.open_days, 'day')} that the charge schedule leaves open."
    )


def _above_the_order_book(
    name: str, panel: Panel, members: IntArray, month: str, total: GroupTotal, sequence: Sequence
) -> str:
    ordered = total.ordered or 0
    grades = [
        f"{panel.grades[grade]} {sequence.committed[grade]}"
        for grade in members
        if sequence.committed[grade] > 0
    ]
    return (
        f"{name}: the charge schedule holds {plural(total.scheduled, 'heat')} for {month} "
        f"({listed(grades)}), {total.scheduled - ordered} above the order forecast of {ordered}; "
        "the schedule wins. Correct the order forecast or the schedule."
    )


def about_unassigned(month: str, unassigned: Rows[UnassignedGrade]) -> list[str]:
    """Tell of scheduled grades that belong to no group."""
    if not unassigned:
        return []
    heats = sum(row.heats for row in unassigned)
    names = [
        row.grade if row.suggestion is None else f"{row.grade} ({row.suggestion}?)" for row in unassigned
    ]
    return [
        f"{plural(heats, 'scheduled heat')} of {month} belong to grades without a group and are outside all "
        f"totals: {listed(names)}. Assign each grade to its group or merge it into the right grade."
    ]


def about_rounding_up(forecast: int, book: int) -> list[str]:
    """Tell how far rounding every grade up exceeds the order book."""
    if forecast <= book:
        return []
    return [
        f"Every grade is rounded up to the next heat: {plural(forecast, 'heat')} in all, "
        f"{forecast - book} above the order book of {book}."
    ]
