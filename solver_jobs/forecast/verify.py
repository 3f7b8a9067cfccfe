"""Judges a forecast by its problem alone: this module shares no code with the model that made it.

Only the data forms are common to both. What is checked is what a planner was promised, not how it came about.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from solver_jobs.forecast.problem import ForecastProblem, ForecastResult, GradeForecast
from solver_jobs.forecast.wording import plural

_NEAR = 1e-6
_WORTH_A_CHANGE = 0.05


def verify(problem: ForecastProblem, result: ForecastResult) -> list[str]:
    """List what the result breaks, each in a sentence; empty when it may be stored."""
    check = _Check(problem, result)
    return [
        *check.answers_the_question(),
        *check.one_row_per_grade(),
        *check.scheduled_heats_are_kept(),
        *check.every_row_is_consistent(),
        *check.group_totals_are_exact(),
        *check.shares_add_up(),
        *check.heats_follow_the_shares(),
        *check.strangers_stay_outside(),
        *check.scores_name_the_method(),
    ]


class _Check:
    """The problem read anew, and one method for each promise."""

    def __init__(self, problem: ForecastProblem, result: ForecastResult) -> None:
        self.problem = problem
        self.result = result
        self.group_of = {row.grade: row.group for row in problem.history}
        self.group_of.update({row.grade: row.group for row in problem.grades})
        self.ordered = {row.group: row.heats for row in problem.orders if row.month == problem.month}
        self.scheduled = Counter(
            heat.grade
            for heat in problem.schedule
            if heat.date.isoformat()[:7] == problem.month and heat.grade != "-"
        )
        self.members: dict[str, list[GradeForecast]] = {}
        for row in result.heats:
            self.members.setdefault(row.group, []).append(row)

    def answers_the_question(self) -> Iterator[str]:
        """Check that the result is for the month that was asked for."""
        if self.result.month != self.problem.month:
            yield f"The forecast is for {self.result.month}, asked for was {self.problem.month}."

    def one_row_per_grade(self) -> Iterator[str]:
        """Check for every known grade once, in its group, those with heats first."""
        rows = Counter(row.grade for row in self.result.heats)
        for grade in sorted(self.group_of.keys() | rows.keys()):
            if grade not in self.group_of:
                yield f"Grade {grade!r} is forecast but is in no group of the problem."
            elif rows[grade] != 1:
                yield f"Grade {grade!r} has {rows[grade]} rows, expected one."
        for row in self.result.heats:
            if self.group_of.get(row.grade, row.group) != row.group:
                owner = self.group_of[row.grade]
                yield f"Grade {row.grade!r} stands in {row.group!r}, it belongs to {owner!r}."
        empty = [row.heats == 0 for row in self.result.heats]
        if empty != sorted(empty):
            yield "A grade without heats stands before a grade with heats."

    def scheduled_heats_are_kept(self) -> Iterator[str]:
        """Check that the month's scheduled heats are a floor, and are told as committed."""
        for row in self.result.heats:
            scheduled = self.scheduled[row.grade]
            if row.committed_heats != scheduled:
                yield (
                    f"Grade {row.grade!r} tells {plural(row.committed_heats, 'committed heat')}, "
                    f"scheduled are {scheduled}."
                )
            if row.heats < scheduled:
                heats = plural(row.heats, "heat")
                yield f"Grade {row.grade!r} gets {heats}, fewer than the {scheduled} scheduled."

    def every_row_is_consistent(self) -> Iterator[str]:
        """Check that nothing is negative, the interval encloses the heats, tons are those of whole heats."""
        for row in self.result.heats:
            if min(row.heats, row.low, row.committed_heats) < 0 or not 0 <= row.share <= 1:
                yield f"Grade {row.grade!r} has a negative number or a share outside 0 to 1."
            if not row.committed_heats <= row.low <= row.heats <= row.high:
                yield (
                    f"Grade {row.grade!r}: expected committed <= low <= heats <= high, "
                    f"found {row.committed_heats}, {row.low}, {row.heats}, {row.high}."
                )
            if not math.isclose(row.tons, row.heats * self.problem.heat_tons, rel_tol=_NEAR):
                yield (
                    f"Grade {row.grade!r}: {row.tons} tons are not {plural(row.heats, 'heat')} "
                    f"of {self.problem.heat_tons} tons."
                )

    def group_totals_are_exact(self) -> Iterator[str]:
        """Check that heats add up to the order forecast, or to the schedule where that is more."""
        told = Counter(row.group for row in self.result.groups)
        for name in sorted(told.keys() | self.members.keys() | self.ordered.keys()):
            if told[name] != 1:
                yield f"Group {name!r} has {told[name]} rows, expected one."
        for group in self.result.groups:
            heats = sum(row.heats for row in self.members.get(group.group, ()))
            ordered = self.ordered.get(group.group)
            if group.forecast_heats != heats:
                yield (
                    f"Group {group.group!r} tells {plural(group.forecast_heats, 'heat')}, "
                    f"its grades add up to {heats}."
                )
            if group.ordered_heats != ordered:
                yield (
                    f"Group {group.group!r} tells an order forecast of {group.ordered_heats}, "
                    f"ordered are {ordered}."
                )
            if ordered is not None and group.group in self.members:
                yield from self._total_matches(group.group, heats, ordered)

    def _total_matches(self, group: str, heats: int, ordered: int) -> Iterator[str]:
        members = self.members[group]
        due = max(ordered, sum(self.scheduled[row.grade] for row in members))
        if self.problem.rounding == "LARGEST_REMAINDER" and heats != due:
            told = plural(heats, "heat")
            yield f"Group {group!r} gets {told}, expected {due} by order forecast and schedule."
        if self.problem.rounding == "ROUND_UP" and not due <= heats < due + max(len(members), 1):
            yield (
                f"Group {group!r} gets {plural(heats, 'heat')} rounded up, "
                f"expected {due} and less than one more for each grade."
            )

    def shares_add_up(self) -> Iterator[str]:
        """Check that the shares of a group add up to one."""
        for group, rows in self.members.items():
            total = math.fsum(row.share for row in rows)
            if abs(total - 1) > _NEAR:
                yield f"The shares of group {group!r} add up to {total:.6f}, expected 1."

    def heats_follow_the_shares(self) -> Iterator[str]:
        """Check that rounding moves no grade by a whole heat."""
        rounded_up = self.problem.rounding == "ROUND_UP"
        for group, rows in self.members.items():
            ordered = self.ordered.get(group)
            if ordered is None and rounded_up:
                continue
            scheduled = sum(self.scheduled[row.grade] for row in rows)
            total = sum(row.heats for row in rows) if ordered is None else max(ordered, scheduled)
            for row in rows:
                if abs(row.heats - row.share * total) >= 1 + _NEAR * max(1, total):
                    yield (
                        f"Grade {row.grade!r} gets {plural(row.heats, 'heat')}, its share of {total} "
                        f"is {row.share * total:.3f}: rounding may not move it by a whole heat."
                    )

    def strangers_stay_outside(self) -> Iterator[str]:
        """Check that grades without a group are listed with their heats, and suggestions are known."""
        expected = {grade: heats for grade, heats in self.scheduled.items() if grade not in self.group_of}
        told = {row.grade: row.heats for row in self.result.unassigned}
        if told != expected or len(told) != len(self.result.unassigned):
            yield f"Unassigned are {dict(sorted(told.items()))}, expected {dict(sorted(expected.items()))}."
        for row in self.result.unassigned:
            if row.suggestion is not None and row.suggestion not in self.group_of:
                yield f"For {row.grade!r} the unknown grade {row.suggestion!r} is suggested."

    def scores_name_the_method(self) -> Iterator[str]:
        """Check that the method used was tested, and that none was better by more than a twentieth."""
        scores = {score.method: score.misallocated_share for score in self.result.scores}
        if not scores:
            return
        if self.result.method not in scores:
            yield f"Method {self.result.method!r} was used, which was not tested."
        elif min(scores.values()) < (1 - _WORTH_A_CHANGE) * scores[self.result.method] - _NEAR:
            yield f"Method {self.result.method!r} was used although a better one was tested."
