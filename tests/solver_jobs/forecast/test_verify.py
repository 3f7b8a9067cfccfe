"""Every promise, kept and broken: the check names what a wrong answer breaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from solver_jobs.forecast.planner import solve
from solver_jobs.forecast.problem import ForecastResult, MethodScore
from solver_jobs.forecast.verify import verify
from tests.solver_jobs.forecast.plants import heats_on, melt_shop, melt_shop_rows

PROBLEM = melt_shop(schedule=[*melt_shop_rows()["schedule"], *heats_on("2024-09-02", "A53/C592")])
RIGHT = solve(PROBLEM)
Wrong = Callable[[ForecastResult], ForecastResult]


def row(grade: str, /, **changes: Any) -> Wrong:
    """Change one grade's row."""
    return lambda result: result.model_copy(
        update={
            "heats": tuple(
                each.model_copy(update=changes) if each.grade == grade else each for each in result.heats
            )
        }
    )


def result(**changes: Any) -> Wrong:
    return lambda right: right.model_copy(update=changes)


def test_the_right_answer_breaks_nothing() -> None:
    assert verify(PROBLEM, RIGHT) == []


@pytest.mark.parametrize(
    ("wrong", "violation"),
    [
        pytest.param(result(month="2024-10"), "asked for was 2024-09", id="month"),
        pytest.param(
            lambda right: right.model_copy(update={"heats": right.heats[1:]}),
            "has 0 rows, expected one",
            id="missing",
        ),
        pytest.param(
            lambda right: right.model_copy(update={"heats": (right.heats[0], *right.heats)}),
            "has 2 rows, expected one",
            id="twice",
        ),
        pytest.param(row("C40", group="CHQ"), "it belongs to 'SBQ'", id="group"),
        pytest.param(row("C40", grade="C41"), "is in no group of the problem", id="stranger"),
        pytest.param(
            lambda right: right.model_copy(update={"heats": right.heats[::-1]}),
            "stands before a grade with heats",
            id="order",
        ),
        pytest.param(row("B500B", heats=10, low=10, tons=1000.0), "fewer than the 11 scheduled", id="floor"),
        pytest.param(
            row("C35", committed_heats=0), "tells 0 committed heats, scheduled are 1", id="committed"
        ),
        pytest.param(row("B500A", heats=-1), "negative number", id="negative"),
        pytest.param(row("B500A", high=1), "expected committed <= low <= heats <= high", id="interval"),
        pytest.param(row("B500A", tons=1.0), "1.0 tons are not", id="tons"),
        pytest.param(row("B500B", heats=1, low=1, tons=100.0), "gets 1 heat, fewer", id="one heat"),
        pytest.param(
            row("C40", heats=10, tons=1000.0), "expected 10 by order forecast and schedule", id="total"
        ),
        pytest.param(row("C40", share=0.5), "add up to", id="shares"),
        pytest.param(row("B500C", heats=20, tons=2000.0), "may not move it by a whole heat", id="rounding"),
        pytest.param(result(groups=RIGHT.groups[1:]), "Group 'Rebar' has 0 rows", id="group missing"),
        pytest.param(result(unassigned=()), "Unassigned are {}, expected {'A53/C592': 1}", id="unassigned"),
        pytest.param(
            result(unassigned=(RIGHT.unassigned[0].model_copy(update={"suggestion": "?"}),)),
            "the unknown grade '?' is suggested",
            id="suggestion",
        ),
        pytest.param(
            result(scores=(MethodScore(method="mean share", misallocated_share=0.1),)),
            "which was not tested",
            id="method",
        ),
        pytest.param(
            result(
                scores=(
                    MethodScore(method="mean share", misallocated_share=0.1),
                    MethodScore(method=RIGHT.method, misallocated_share=0.2),
                )
            ),
            "although a better one was tested",
            id="worse method",
        ),
    ],
)
def test_a_wrong_answer_is_named(wrong: Wrong, violation: str) -> None:
    assert any(violation in sentence for sentence in verify(PROBLEM, wrong(RIGHT)))
