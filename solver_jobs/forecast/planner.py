"""The forecast, start to end: shares, totals, floors, whole heats, intervals, and what to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from solver_jobs.errors import JobError
from solver_jobs.forecast import notices
from solver_jobs.forecast.backtest import Choice, choose
from solver_jobs.forecast.groups import GroupHeats, GroupTotal, distribute, group_total
from solver_jobs.forecast.intervals import estimate_correlation
from solver_jobs.forecast.months import parse_month
from solver_jobs.forecast.panel import Panel, build_panel
from solver_jobs.forecast.problem import (
    ForecastProblem,
    ForecastResult,
    GradeForecast,
    GroupForecast,
    MethodScore,
    UnassignedGrade,
)
from solver_jobs.forecast.sequence import Sequence, read_sequence
from solver_jobs.forecast.suggest import suggest
from solver_jobs.forecast.totals import forecast_totals
from solver_jobs.forecast.wording import plural

Progress = Callable[[str, float], None]
"""Told the phase and the percentage done; whatever it raises ends the forecast."""


class ForecastError(JobError):
    """A forecast that cannot be answered."""


def solve(problem: ForecastProblem, *, progress: Progress | None = None) -> ForecastResult:
    """Forecast the heats of every grade; the same problem always has the same answer.

    Parameters
    ----------
    problem
        What is known: history, orders, schedule.
    progress
        Called between the phases, with the phase's name and the percentage done.

    Raises
    ------
    ForecastError
        ``NOTHING_TO_FORECAST``: the problem names no grade at all.
    """
    report = progress or (lambda _phase, _percent: None)
    report("Reading the history", 0.0)
    panel = build_panel(problem)
    sequence = read_sequence(problem, panel)
    if not panel.grades and not sequence.unassigned:
        raise _nothing_to_forecast(problem)
    report("Choosing the method", 10.0)
    choice = choose(panel, parse_month(problem.month))
    report("Distributing the heats", 70.0)
    totals = _group_totals(problem, panel, sequence)
    parts = _distribute(problem, panel, sequence, choice, totals)
    report("Writing the result", 95.0)
    return _result(problem, panel, sequence, choice, totals, parts)


def _nothing_to_forecast(problem: ForecastProblem) -> ForecastError:
    ordered = sum(row.month == problem.month for row in problem.orders)
    return ForecastError(
        "NOTHING_TO_FORECAST",
        f"No grade is known for {problem.month}: found {plural(ordered, 'order forecast')} of "
        "groups, but no production history, no grade of the catalog and no scheduled heat of the month.",
        "Import the plant's production history (tons per grade and month), then forecast again.",
    )


def _group_totals(problem: ForecastProblem, panel: Panel, sequence: Sequence) -> list[GroupTotal]:
    ordered = {row.group: row.heats for row in problem.orders if row.month == problem.month}
    by_history = forecast_totals(panel.heats @ panel.membership, panel.months, parse_month(problem.month))
    scheduled = sequence.committed @ panel.membership
    return [
        group_total(
            ordered.get(name),
            int(scheduled[group]),
            float(by_history.heats[group]),
            float(by_history.error[group]),
            sequence.open_days / sequence.days,
        )
        for group, name in enumerate(panel.groups)
    ]


def _distribute(
    problem: ForecastProblem, panel: Panel, sequence: Sequence, choice: Choice, totals: list[GroupTotal]
) -> list[GroupHeats]:
    correlation = estimate_correlation(panel, choice)
    parts = []
    for group, total in enumerate(totals):
        members = panel.group_of == group
        parts.append(
            distribute(
                total,
                choice.shares[members],
                sequence.committed[members],
                correlation[members],
                choice.long_run[members],
                problem.rounding,
            )
        )
    return parts


def _result(
    problem: ForecastProblem,
    panel: Panel,
    sequence: Sequence,
    choice: Choice,
    totals: list[GroupTotal],
    parts: list[GroupHeats],
) -> ForecastResult:
    heats = [int(part.heats.sum()) for part in parts]
    meant = suggest(sequence.strangers, panel.grades)
    unassigned = tuple(
        UnassignedGrade(grade=grade, heats=count, suggestion=meant[grade])
        for grade, count in sequence.unassigned.items()
    )
    said = notices.about_history(problem, panel, choice)
    for group, total in enumerate(totals):
        said += notices.about_group(problem, panel, group, total, sequence)
    said += notices.about_unassigned(problem.month, unassigned)
    if problem.rounding == "ROUND_UP":
        said += notices.about_rounding_up(sum(heats), sum(total.heats for total in totals))
    scores = sorted(choice.scores.items(), key=lambda score: score[1])
    return ForecastResult(
        month=problem.month,
        heats=tuple(_with_heats_first(_rows(problem, panel, sequence, parts))),
        groups=tuple(
            GroupForecast(group=name, ordered_heats=total.ordered, forecast_heats=count)
            for name, total, count in zip(panel.groups, totals, heats, strict=True)
        ),
        unassigned=unassigned,
        method=choice.method,
        scores=tuple(MethodScore(method=method, misallocated_share=score) for method, score in scores),
        warnings=tuple(said),
    )


def _rows(
    problem: ForecastProblem, panel: Panel, sequence: Sequence, parts: list[GroupHeats]
) -> Iterable[GradeForecast]:
    for group, part in enumerate(parts):
        members = np.flatnonzero(panel.group_of == group)
        for member in sorted(range(members.size), key=lambda index: -int(part.heats[index])):
            grade, count = int(members[member]), int(part.heats[member])
            yield GradeForecast(
                group=panel.groups[group],
                grade=panel.grades[grade],
                heats=count,
                tons=count * problem.heat_tons,
                committed_heats=int(sequence.committed[grade]),
                share=min(float(part.share[member]), 1.0),
                low=int(part.low[member]),
                high=int(part.high[member]),
            )


def _with_heats_first(rows: Iterable[GradeForecast]) -> list[GradeForecast]:
    return sorted(rows, key=lambda row: row.heats == 0)
