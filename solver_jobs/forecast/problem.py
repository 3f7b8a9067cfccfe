"""The forecast's problem and its result, as data: immutable, validated, the same in JSON and in Python.

The service builds a problem and shows a result; it needs this module and no other of the room.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from solver_jobs.forecast.months import parse_month
from solver_jobs.forecast.wording import plural

IDLE = "-"
"""What a charge schedule writes in place of a grade while the furnace waits."""

REST_DAYS = 3
"""So many days in a row between two that the schedule covers are a rest, such as a weekend, and no gap."""

_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(:[0-5][0-9])?", re.ASCII)


def _month(text: str) -> str:
    parse_month(text)
    return text


def _clock(text: str) -> str:
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f'found {text!r}, expected a time of day written "HH:MM", such as "04:00"')
    return f"{int(match[1]):02d}:{match[2]}"


_Stripped = StringConstraints(strip_whitespace=True)
Month = Annotated[
    str,
    _Stripped,
    AfterValidator(_month),
    Field(json_schema_extra={"pattern": r"^[0-9]{4}-(0[1-9]|1[0-2])$"}),
]
"""A calendar month, ``YYYY-MM``."""
ClockTime = Annotated[str, _Stripped, AfterValidator(_clock)]
"""A time of day, ``HH:MM``; seconds are dropped."""
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""Name of a grade or a product group, without surrounding blanks; upper and lower case differ."""
Rounding = Literal["LARGEST_REMAINDER", "ROUND_UP"]
"""How shares of a group become whole heats."""
Heats = Annotated[int, Field(ge=0, le=100_000)]
"""Whole heats; the limit catches tons that were entered as heats."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class GradeOfGroup(_Frozen):
    """A grade of the plant's catalog and the group that it belongs to."""

    grade: Name
    group: Name


class ProducedTons(_Frozen):
    """Tons of one grade tapped in one month."""

    group: Name
    grade: Name
    month: Month
    tons: Annotated[float, Field(ge=0, le=1e12)] = Field(description="In the unit of heat_tons.")


class OrderedHeats(_Frozen):
    """The order forecast: heats of one product group in one month."""

    group: Name
    month: Month
    heats: Heats


class ScheduledHeat(_Frozen):
    """One heat of the charge schedule; with ``-`` for the grade, a time at which the furnace waits."""

    date: date
    start_time: ClockTime | None = None
    grade: Name
    mould_size: str | None = None


class ForecastProblem(_Frozen):
    """Everything that a forecast is computed from; the same problem always has the same answer.

    History rows of one grade and month are added up (two melt shops, two bookings). Every row of the schedule
    is a heat of its own. Two order forecasts of one group and month, or a grade in two groups, are refused:
    nobody but the planner knows which of them is right.
    """

    month: Month = Field(description="The month to forecast.")
    heat_tons: Annotated[float, Field(gt=0, le=1e6)] = Field(
        default=100.0, description="Tons of an average heat, in the unit of the history."
    )
    rounding: Rounding = "LARGEST_REMAINDER"
    grades: tuple[GradeOfGroup, ...] = Field(
        default=(), description="The catalog; needed only for grades that have no history."
    )
    history: tuple[ProducedTons, ...] = Field(
        default=(), description="Tons per grade and month; a cell left out is a month of zero tons."
    )
    orders: tuple[OrderedHeats, ...] = ()
    schedule: tuple[ScheduledHeat, ...] = ()
    schedule_days: tuple[date, ...] = Field(
        default=(),
        description="Days that the charge schedule covers, with or without a row in it: idle days, and those "
        f"up to {REST_DAYS} days before and after the month, which tell a rest across its ends from a gap.",
    )

    @model_validator(mode="after")
    def _one_group_per_grade(self) -> ForecastProblem:
        seen: dict[str, tuple[str, str]] = {}
        places: tuple[tuple[str, tuple[GradeOfGroup | ProducedTons, ...]], ...] = (
            ("grades", self.grades),
            ("history", self.history),
        )
        for place, rows in places:
            for position, row in enumerate(rows):
                group, where = seen.setdefault(row.grade, (row.group, f"{place}[{position}]"))
                if group != row.group:
                    raise ValueError(
                        f"{place}[{position}]: grade {row.grade!r} is in group {row.group!r} here and in "
                        f"group {group!r} at {where}; a grade belongs to one group: correct one of the two"
                    )
        return self

    @model_validator(mode="after")
    def _one_order_forecast_per_group_and_month(self) -> ForecastProblem:
        seen: dict[tuple[str, str], int] = {}
        for position, row in enumerate(self.orders):
            first = seen.setdefault((row.group, row.month), position)
            if first != position:
                here = plural(row.heats, "heat")
                raise ValueError(
                    f"orders[{position}]: group {row.group!r} has a second order forecast for {row.month}: "
                    f"{here} here and {self.orders[first].heats} at orders[{first}]; keep one"
                )
        return self


class GradeForecast(_Frozen):
    """Heats of one grade in the forecast month, with its 80% interval."""

    group: Name
    grade: Name
    heats: Annotated[int, Field(ge=0)]
    tons: Annotated[float, Field(ge=0)] = Field(description="heats times the tons of a heat.")
    committed_heats: Annotated[int, Field(ge=0)] = Field(
        description="Heats of the month that the charge schedule already holds."
    )
    share: Annotated[float, Field(ge=0, le=1)] = Field(
        description="Share of the group's heats before rounding, scheduled heats included; adds up to one."
    )
    low: Annotated[int, Field(ge=0)] = Field(description="Heats at the lower end of the 80% interval.")
    high: Annotated[int, Field(ge=0)] = Field(description="Heats at the upper end of the 80% interval.")


class GroupForecast(_Frozen):
    """Heats of one group: ordered, and forecast in all."""

    group: Name
    ordered_heats: Annotated[int, Field(ge=0)] | None = Field(
        description="The order forecast of the month, or null where there is none."
    )
    forecast_heats: Annotated[int, Field(ge=0)] = Field(description="Sum of the heats of the group's grades.")


class UnassignedGrade(_Frozen):
    """A grade that only the schedule knows: its heats of the month are outside all totals."""

    grade: Name
    heats: Annotated[int, Field(ge=1)]
    suggestion: str | None = Field(description="The known grade that was probably meant, or null.")


class MethodScore(_Frozen):
    """How a method did on the plant's own past."""

    method: str
    misallocated_share: Annotated[float, Field(ge=0, le=1)] = Field(
        description="Half of the sum of |forecast - actual| over the total, given the totals of the groups."
    )


class ForecastResult(_Frozen):
    """The answer: heats of every grade of the month."""

    month: Month
    heats: tuple[GradeForecast, ...] = Field(
        description="One row per grade: those with heats first, by group, most heats first; then the rest."
    )
    groups: tuple[GroupForecast, ...]
    unassigned: tuple[UnassignedGrade, ...]
    method: str
    scores: tuple[MethodScore, ...] = Field(
        description="All candidates, the best first; empty where there is too little history to test on."
    )
    warnings: tuple[str, ...]
