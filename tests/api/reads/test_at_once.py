"""What is answered without the executor is what the executor answers."""

from typing import Any

import asyncpg
import pytest
from graphql import parse

from api.database import Database
from api.reads.at_once import AtOnce
from api.reads.execute import unpacked
from api.schema import reads
from tests.api.desk import Desk
from tests.api.reads.counting import counting_statements

GRADES = """query Grades($first: Int, $after: String, $with: Boolean = true) {
  steelGrades(first: $first, after: $after) { nodes { name @include(if: $with) suspect } totalCount }
  productGroups { nodes { name } }
}"""


async def at_once(desk: Desk, text: str, name: str | None = None, **variables: Any) -> Any:
    return await AtOnce(reads).answer(parse(text), name, variables, desk.context)


@pytest.mark.parametrize("variables", [{}, {"first": 2}, {"first": 1, "with": False}, {"first": None}])
async def test_a_query_is_answered_as_the_executor_does(viewer: Desk, variables: dict[str, Any]) -> None:
    document, answers = parse(GRADES), AtOnce(reads)
    expected = await viewer.ask(GRADES, **variables)
    for _ in range(2):
        data = unpacked(await answers.answer(document, None, variables, viewer.context))
        assert data == expected
        assert list(data) == list(expected)


async def test_it_takes_a_statement_a_field(viewer: Desk) -> None:
    async with counting_statements(viewer) as counted:
        assert await at_once(viewer, GRADES)
    assert len(counted.texts) == 2


async def test_the_same_variables_are_coerced_once_and_others_anew(viewer: Desk) -> None:
    document, answers = parse(GRADES), AtOnce(reads)
    for first in (1, 2, 1, 2):
        data = unpacked(await answers.answer(document, None, {"first": first}, viewer.context))
        assert len(data["steelGrades"]["nodes"]) == first
    assert len(answers._prepared) == 2
    too_long = {"first": 3, "unknown": "x" * 2_000}
    data = unpacked(await answers.answer(document, None, too_long, viewer.context))
    assert len(data["steelGrades"]["nodes"]) == 3
    assert await answers.answer(document, None, {"first": object()}, viewer.context) is None
    assert len(answers._prepared) == 2


async def test_null_is_null(viewer: Desk) -> None:
    assert await at_once(viewer, '{ forecast(month: "1999-01") { id } }') == {"forecast": None}


@pytest.mark.parametrize(
    "text",
    [
        'mutation { cancelRun(input: {runId: "x"}) { userErrors { code } } }',
        "{ __schema { queryType { name } } }",
        "{ __typename }",
        '{ node(id: "nonsense") { id } }',
        "{ steelGrades(first: 2000) { nodes { name } } }",
        "{ imports { nodes { original { url } } } }",
        "query A { tenant { name } } query B { tenant { name } }",
        "query ($first: Int!) { steelGrades(first: $first) { nodes { name } } }",
        "{ steelGrades(first: 1000) { nodes { productGroup { grades { production { month } } } } } }",
    ],
)
async def test_everything_else_is_left_to_the_executor(viewer: Desk, text: str) -> None:
    assert await at_once(viewer, text) is None


@pytest.mark.parametrize("fault", [ConnectionRefusedError(), asyncpg.InterfaceError("pool is closing")])
async def test_a_database_out_of_reach_is_left_to_the_executor(
    viewer: Desk, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    async def read(*_: Any) -> None:
        raise fault

    monkeypatch.setattr(Database, "read", read)
    assert await at_once(viewer, "{ tenant { name } }") is None


async def test_the_operation_is_chosen_by_name(viewer: Desk) -> None:
    text = "query A { a: tenant { name } } query B { b: tenant { name } }"
    assert list(await at_once(viewer, text, "B")) == ["b"]
    assert await at_once(viewer, text, "C") is None


async def test_each_sees_his_own(viewer: Desk, stranger: Desk) -> None:
    document, answers = parse("{ steelGrades { totalCount } }"), AtOnce(reads)
    mine = unpacked(await answers.answer(document, None, None, viewer.context))
    other = unpacked(await answers.answer(document, None, None, stranger.context))
    assert (mine["steelGrades"]["totalCount"], other["steelGrades"]["totalCount"]) == (5, 0)
