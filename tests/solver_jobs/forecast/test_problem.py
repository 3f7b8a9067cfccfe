"""A problem is checked before it is stored: what it refuses, it names."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from solver_jobs.forecast.problem import ForecastProblem, ForecastResult
from tests.solver_jobs.forecast.plants import melt_shop, melt_shop_rows


def row(**changes: Any) -> dict[str, Any]:
    return {"group": "SBQ", "grade": "C35", "month": "2024-08", "tons": 100.0} | changes


@pytest.mark.parametrize(
    ("changes", "where", "message"),
    [
        ({"month": "Sep 24"}, ("month",), "found 'Sep 24', expected a month written \"YYYY-MM\""),
        ({"heat_tons": 0}, ("heat_tons",), "greater than 0"),
        ({"heat_tons": float("nan")}, ("heat_tons",), "finite number"),
        ({"rounding": "UP"}, ("rounding",), "'LARGEST_REMAINDER' or 'ROUND_UP'"),
        ({"heats": []}, ("heats",), "Extra inputs are not permitted"),
        ({"history": [row(tons=-1)]}, ("history", 0, "tons"), "greater than or equal to 0"),
        ({"history": [row(grade="  ")]}, ("history", 0, "grade"), "at least 1 character"),
        ({"history": [row(unit="t")]}, ("history", 0, "unit"), "Extra inputs are not permitted"),
        (
            {"schedule": [{"date": "2024-09-01", "start_time": "24:10", "grade": "C35", "mould_size": None}]},
            ("schedule", 0, "start_time"),
            "found '24:10', expected a time of day written \"HH:MM\"",
        ),
        (
            {"orders": [{"group": "SBQ", "month": "2024-09", "heats": 1.5}]},
            ("orders", 0, "heats"),
            "valid integer",
        ),
        (
            {"history": [row(), row(group="CHQ", month="2024-07")]},
            (),
            "history[1]: grade 'C35' is in group 'CHQ' here and in group 'SBQ' at history[0]",
        ),
        (
            {"grades": [{"grade": "C35", "group": "CHQ"}]},
            (),
            "grade 'C35' is in group 'SBQ' here and in group 'CHQ' at grades[0]",
        ),
        (
            {"orders": [{"group": "SBQ", "month": "2024-09", "heats": heats} for heats in (10, 12)]},
            (),
            "group 'SBQ' has a second order forecast for 2024-09: 12 heats here and 10 at orders[0]",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    changes: dict[str, Any], where: tuple[str | int, ...], message: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        melt_shop(**changes)
    error = refused.value.errors()[0]
    assert error["loc"] == where
    assert message in error["msg"]


def test_names_are_stripped_and_keep_their_case() -> None:
    problem = melt_shop(history=[row(grade=" c35 ", group="SBQ\t")])
    assert (problem.history[0].grade, problem.history[0].group) == ("c35", "SBQ")


def test_times_are_brought_to_one_form() -> None:
    heat = {"date": "2024-09-01", "start_time": "4:00:00", "grade": "C35", "mould_size": '6 1/4"'}
    assert melt_shop(schedule=[heat]).schedule[0].start_time == "04:00"


def test_a_problem_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        melt_shop().month = "2024-10"


@pytest.mark.parametrize("model", [ForecastProblem, ForecastResult])
def test_the_json_schema_is_closed_and_describes_the_form(
    model: type[ForecastProblem | ForecastResult],
) -> None:
    schema = model.model_json_schema()
    assert schema["additionalProperties"] is False
    assert all(part["additionalProperties"] is False for part in schema["$defs"].values())
    assert set(schema["properties"]) == set(model.model_fields)
    json.dumps(schema)


def test_the_published_form_is_read() -> None:
    problem = ForecastProblem.model_validate_json(json.dumps(melt_shop_rows()))
    assert (problem.month, len(problem.orders), len(problem.history)) == ("2024-09", 4, 48)
