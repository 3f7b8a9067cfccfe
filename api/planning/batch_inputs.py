"""What is asked of a batch: its grid of what-ifs, checked within bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import strawberry

from api.foundry.problem import first_ones
from api.payloads import UserMistakes
from api.planning.judging import PatternSharing, PlanPolicy
from api.relay import UserMistake
from solver_jobs.foundry.task import MOST_SECONDS

WHAT_IF = ("input", "whatIf")
MOST_RUNS = 200
"""Runs of one batch."""
LEAST_FACTOR = 0.01
MOST_FACTOR = 10.0
MOST_OVERTIME = 52
MOST_UNITS = 1_000_000


def _choice(description: str) -> Any:
    return strawberry.field(default=None, description=description)


@strawberry.input(
    description="What if? Each list holds the values to try of one figure, and each is tried with each "
    "of the others; what is left out stays as in the scenario. Lists of 5, 3 and 2 values make 30 runs."
)
class WhatIfInput:
    """The grid."""

    pattern_units: list[PatternSharing] | None = _choice("What shares a pattern place.")
    policies: list[PlanPolicy] | None = _choice("What the plan weighs first.")
    time_limits_seconds: list[int] | None = _choice(
        f"Seconds to search at most, 1 to {MOST_SECONDS}, instead of timeLimitSeconds."
    )
    max_patterns: list[int] | None = _choice("Patterns on the molding line at the same time.")
    molds_per_day: list[int] | None = _choice("Molds a day, all patterns together.")
    flask_factors: list[float] | None = _choice(
        f"Flasks of every size, multiplied by this, {LEAST_FACTOR:g} to {MOST_FACTOR:g}; rounded down."
    )
    pour_factors: list[float] | None = _choice(
        f"Tons poured a day, multiplied by this, {LEAST_FACTOR:g} to {MOST_FACTOR:g}."
    )
    demand_factors: list[float] | None = _choice(
        f"Units left to mold of each part, multiplied by this, 0 to {MOST_FACTOR:g}; to the nearest unit of "
        "the part."
    )
    overtime_days: list[int] | None = _choice(
        f"So many of the next free Saturdays are worked, 0 to {MOST_OVERTIME}."
    )


# By the name of the input's list: the change that it is the choice of, and the least and most of its values.
_FIGURES: dict[str, tuple[str, str, float, float]] = {
    "time_limits_seconds": ("time_limit_seconds", "timeLimitsSeconds", 1, MOST_SECONDS),
    "max_patterns": ("max_patterns", "maxPatterns", 0, MOST_UNITS),
    "molds_per_day": ("molds_per_day", "moldsPerDay", 0, MOST_UNITS),
    "flask_factors": ("flask_factor", "flaskFactors", LEAST_FACTOR, MOST_FACTOR),
    "pour_factors": ("pour_factor", "pourFactors", LEAST_FACTOR, MOST_FACTOR),
    "demand_factors": ("demand_factor", "demandFactors", 0, MOST_FACTOR),
    "overtime_days": ("overtime_days", "overtimeDays", 0, MOST_OVERTIME),
}


def choices_of(asked: WhatIfInput | None) -> dict[str, Sequence[Any]]:
    """Give the values to try, by the names of the changes.

    Raises
    ------
    UserMistakes
        `WHAT_IF_EMPTY`, `WHAT_IF_TWICE`, `WHAT_IF_OUT_OF_RANGE`: all that there are, to a bound
    """
    if asked is None:
        return {}
    given: dict[str, Sequence[Any]] = {}
    mistakes: list[UserMistake] = []
    if asked.pattern_units is not None:
        given["pattern_unit"] = units = [one.value for one in asked.pattern_units]
        mistakes += _not_distinct(units, "patternUnits")
    if asked.policies is not None:
        given["policy"] = policies = [one.value for one in asked.policies]
        mistakes += _not_distinct(policies, "policies")
    for field, (name, shown, least, most) in _FIGURES.items():
        values: list[Any] | None = getattr(asked, field)
        if values is not None:
            given[name] = values
            mistakes += [*_not_distinct(values, shown), *_out_of_range(values, shown, least, most)]
    if mistakes:
        raise UserMistakes(first_ones(mistakes, WHAT_IF))
    return given


def _not_distinct(values: list[Any], shown: str) -> Iterator[UserMistake]:
    if not values:
        yield UserMistake(
            "WHAT_IF_EMPTY",
            f"{shown} is empty; expected the values to try.",
            path=(*WHAT_IF, shown),
            hint=f"Leave {shown} out to keep the scenario's own.",
        )
    seen: set[Any] = set()
    for place, value in enumerate(values):
        if value in seen:
            yield UserMistake(
                "WHAT_IF_TWICE",
                f"{shown} names {value} twice.",
                path=(*WHAT_IF, shown, str(place)),
                hint="Name each value once.",
            )
        seen.add(value)


def _out_of_range(values: list[Any], shown: str, least: float, most: float) -> Iterator[UserMistake]:
    for place, value in enumerate(values):
        if not least <= value <= most:
            expected = f"{least:g} to {most:,.10g}"
            yield UserMistake(
                "WHAT_IF_OUT_OF_RANGE",
                f"{shown} names {value}; expected {expected}.",
                path=(*WHAT_IF, shown, str(place)),
                hint=f"Name values from {expected}, or leave {shown} out to keep the scenario's own.",
            )


def require_few(scenarios: int, choices: dict[str, Sequence[Any]]) -> None:
    """Check that a batch has no more runs than it may.

    Raises
    ------
    UserMistake
        `BATCH_TOO_LARGE`
    """
    sizes = [scenarios, *(len(values) for values in choices.values())]
    runs = math.prod(sizes)
    if runs > MOST_RUNS:
        raise UserMistake(
            "BATCH_TOO_LARGE",
            f"This asks for {' x '.join(str(size) for size in sizes if size > 1)} = {runs} replans; expected "
            f"{MOST_RUNS} at most.",
            path=("input",),
            hint="Try fewer values at once: the extremes first, then what lies between the best of them.",
        )
