"""The schema keeps what clients rely on: `contract.graphql`, whole."""

from pathlib import Path

import pytest
from graphql import build_schema

from api.schema import schema
from tests.api.contract import TEXT, breaches, contract_schema


@pytest.fixture(scope="module")
def sdl() -> str:
    return schema.as_str()


def test_the_schema_keeps_the_contract(sdl: str) -> None:
    assert list(breaches(contract_schema(), build_schema(sdl))) == []


@pytest.mark.parametrize(
    ("before", "after", "breach"),
    [
        ("totalHeats: Int!", "totalHeats: Int", "ForecastRun.totalHeats: is Int, expected Int!"),
        ("scrapChef: [ScrapChefRow!]!", "scrapChef: [ScrapChefRow]!", "ForecastRun.scrapChef: is"),
        ("forecastHeats: Int!", "heats: Int!", "GroupHeats.forecastHeats"),
        ("orderedHeats: Int ", "orderedHeats: Float ", "GroupHeats.orderedHeats: is Float, expected Int"),
        ("forecast(month: Month!)", "forecast(month: Month!, plant: ID!)", "Query.forecast(plant): required"),
        ("orderForecasts(month: Month)", "orderForecasts(month: Month!)", "Query.orderForecasts(month): is"),
        ("steelGrades(groupName: String, ", "steelGrades(", "Query.steelGrades(groupName)"),
        ("QUEUED RUNNING", "QUEUED", "RunStatus.RUNNING"),
        (
            "keepBest: Boolean = false",
            "keepBest: Boolean = true",
            "CancelRunInput(keepBest): another default",
        ),
        ("input CancelRunInput { runId: ID! ", "input CancelRunInput { ", "CancelRunInput(runId)"),
        ("type ScrapChefRow {", "interface ScrapChefRow {", "ScrapChefRow: is GraphQLInterfaceType"),
        ("type SteelGrade implements Node {", "type SteelGrade {", "SteelGrade: does not implement Node"),
        ("type MonthlyTons {", "type MonthTons {", "MonthlyTons"),
        (
            "runUpdates(runId: ID!): PlanRun!",
            "runUpdates(runId: ID!): Node!",
            "Subscription.runUpdates: is Node!",
        ),
    ],
)
def test_a_breach_is_found(before: str, after: str, breach: str) -> None:
    assert before in TEXT
    broken = TEXT.replace(before, after, 1)
    if breach == "MonthlyTons":
        broken = broken.replace("[MonthlyTons!]!", "[MonthTons!]!")
    found = list(breaches(contract_schema(), contract_schema(broken)))
    assert any(one.startswith(breach) for one in found), found


def test_a_stricter_answer_and_a_looser_question_are_no_breach() -> None:
    better = TEXT.replace("orderedHeats: Int ", "orderedHeats: Int! ")
    better = better.replace("forecast(month: Month!): ForecastRun ", "forecast(month: Month): ForecastRun! ")
    better = better.replace("planRun(id: ID!): PlanRun", "planRun(id: ID!, deep: Boolean): ForecastRun")
    assert better != TEXT
    assert list(breaches(contract_schema(), contract_schema(better))) == []


def test_the_contract_keeps_itself() -> None:
    assert list(breaches(contract_schema(), contract_schema())) == []


def test_the_copy_is_the_contract() -> None:
    original = Path(__file__).parents[2].parent / "shared" / "contract.graphql"
    if not original.exists():
        pytest.skip("the contract is not beside the checkout")
    assert original.read_text() == TEXT
