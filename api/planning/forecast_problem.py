"""Builds a forecast's problem from what the caller's tenant knows, or says what is missing."""

from __future__ import annotations

from datetime import date

from pydantic import ValidationError

from api.database import Connection, Row
from api.planning import store
from api.relay import UserMistake
from api.scalars import format_month
from solver_jobs.faults import describe_faults
from solver_jobs.forecast.problem import REST_DAYS, ForecastProblem

FIRST_YEAR, LAST_YEAR = 1950, 2199
MONTHS_AHEAD = 24
"""A forecast reaches so many months beyond the newest that the plant knows; farther is guessing."""

MONTH = ("input", "month")
FIGURES = ("heat_tons", "grades", "history", "orders", "schedule", "schedule_days")


async def build(connection: Connection, month: date, rounding: str) -> ForecastProblem:
    """Build the problem of one month.

    Raises
    ------
    UserMistake
        The month makes no sense, there is nothing to forecast from, or stored figures are out of bounds.
    """
    if not FIRST_YEAR <= month.year <= LAST_YEAR:
        raise UserMistake(
            "MONTH_OUT_OF_RANGE",
            f"month is {format_month(month)}; expected one of the years {FIRST_YEAR} to {LAST_YEAR}.",
            path=MONTH,
        )
    inputs = await store.forecast_inputs(connection, month, REST_DAYS)
    _refuse_nothing(month, inputs)
    _refuse_too_far(month, inputs["newest"])
    try:
        return ForecastProblem.model_validate(
            {
                "month": format_month(month),
                "rounding": rounding,
                **{name: inputs[name] for name in FIGURES},
            }
        )
    except ValidationError as error:
        raise _out_of_bounds(error) from None


def _refuse_nothing(month: date, inputs: Row) -> None:
    if inputs["history"] or inputs["orders"] or inputs["schedule"]:
        return
    raise UserMistake(
        "NOTHING_TO_FORECAST",
        f"There is no production before {month:%B %Y}, and no order forecast and no charge schedule for it.",
        path=MONTH,
        hint="Import these workbooks first: steel grade production, monthly order forecast per product "
        "group, daily charge schedule.",
    )


def _refuse_too_far(month: date, newest: date) -> None:
    ahead = (month.year - newest.year) * 12 + month.month - newest.month
    if ahead > MONTHS_AHEAD:
        raise UserMistake(
            "MONTH_TOO_FAR",
            f"{month:%B %Y} is {ahead} months after {newest:%B %Y}, the newest month with any data; "
            f"expected {MONTHS_AHEAD} months at most.",
            path=MONTH,
            hint="Check the year, or import newer production or the order forecast of that month.",
        )


def _out_of_bounds(error: ValidationError) -> UserMistake:
    first = describe_faults(error)[0]
    return UserMistake(
        "DATA_OUT_OF_BOUNDS",
        f"A stored figure can't be planned with: {first}.",
        path=MONTH,
        hint="Correct the workbook that it came from and import it again.",
    )
