"""What is compiled answers as the normal way does, and costs one statement."""

import pytest

from tests.api.desk import Desk
from tests.api.planning.test_forecast import carry_out, queue
from tests.api.reads.comparing import answered_alike
from tests.api.reads.counting import counting_statements
from tests.database import Connection

EVERYTHING_OF_A_GRADE = """
fragment Grade on SteelGrade {
  __typename id name suspect suggestion
  productGroup { id name grades { name } }
  mergedInto { name }
  production(from: $from) { month tons heats unit }
}
"""
LIKE_ROWS = " ".join(f"t{number}: name" for number in range(1, 10))
QUERIES = {
    "a page": "{ productGroups(first: 1) { nodes { name } } }",
    "the last page": "{ steelGrades(last: 2) { nodes { name } pageInfo { hasNextPage hasPreviousPage } } }",
    "edges": "{ steelGrades(first: 3) { edges { cursor node { name } } } }",
    "both": """{ steelGrades(first: 3) { __typename a: edges { __typename c: cursor n: node { name } }
        b: nodes { id } pageInfo { __typename startCursor endCursor hasNextPage hasPreviousPage }
        totalCount again: totalCount } }""",
    "a count alone": '{ steelGrades(groupName: "Rebar") { totalCount } }',
    "page info alone": "{ steelGrades { pageInfo { hasNextPage } } }",
    "the end": "{ steelGrades(last: 2) { pageInfo { startCursor endCursor hasPreviousPage } } }",
    "no row": "{ steelGrades(first: 0) { nodes { id } edges { cursor } pageInfo { hasNextPage } } }",
    "merged fields": "{ productGroups { nodes { grades { name } } nodes { id grades { id } } } }",
    "a key too long for a column": f"{{ productGroups {{ nodes {{ {'a' * 64}: name }} }} }}",
    "keys like names of rows": f"{{ productGroups {{ nodes {{ {LIKE_ROWS} grades {{ {LIKE_ROWS} }} }} }} }}",
    "nothing included": "{ productGroups { nodes { name @skip(if: true) } } }",
    "lists": """{ orderForecasts { month heats productGroup { name } }
        chargeSchedule { date startTime mouldSize grade { name productGroup { name } } } }""",
    "a tenant": "{ tenant { __typename id slug name heatTons timeZone role } }",
    "no forecast": '{ forecast(month: "1999-01") { id } }',
    "wrong page below": "{ steelGrades(first: 2000) { nodes { name } } }",
    "two ends": "{ steelGrades(first: 1, last: 1) { nodes { name } } }",
    "unknown cursor": '{ steelGrades(before: "xx") { nodes { name } } }',
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
async def test_both_ways_come_to_the_same(viewer: Desk, query: str) -> None:
    await answered_alike(viewer, query)


async def test_fragments_variables_and_directives(viewer: Desk) -> None:
    query = (
        EVERYTHING_OF_A_GRADE
        + """query ($from: Month, $with: Boolean!, $n: Int = 2) { steelGrades(first: $n) {
            nodes { ...Grade @include(if: $with) ... on Node @skip(if: $with) { x: id } } } }"""
    )
    for variables in (
        {"with": True},
        {"with": False},
        {"with": True, "from": "2024-07", "n": 50},
        {"with": True, "from": None, "n": None},
    ):
        await answered_alike(viewer, query, **variables)


async def test_runs_with_all_that_they_answered(planner: Desk, jobs: Connection) -> None:
    done = await queue(planner)
    await carry_out(jobs, done)
    await queue(planner, "2024-08")
    query = """query ($id: ID!) {
        planRun(id: $id) { ...Run } node(id: $id) { ...Run id }
        planRuns(last: 10) { nodes { ...Run } totalCount }
        forecast(month: "2024-09") { ...Run }
    }
    fragment Run on PlanRun {
        __typename kind status attempt requestedBy requestedAt startedAt finishedAt
        error { code message hint details }
        ... on ForecastRun {
            month totalHeats method warnings
            heats { heats tons committedHeats share low high grade { name } productGroup { name } }
            groups { orderedHeats forecastHeats productGroup { name } }
            scrapChef { grade heats } unassigned { grade { name } heats suggestion }
            scores { method misallocatedShare }
        }
        ...P @include(if: true)
    }
    fragment P on ForecastRun { progress { phase percent bestObjective bestBound gap } }"""
    data = await answered_alike(planner, query, id=done)
    assert data["planRun"]["totalHeats"] == 286
    assert len(data["planRuns"]["nodes"]) == 2


async def test_nodes_of_several_types(viewer: Desk) -> None:
    listed = await viewer.ask("{ productGroups { nodes { id grades { id } } } tenant { id } }")
    groups = listed["productGroups"]["nodes"]
    ids = [groups[1]["id"], groups[0]["grades"][0]["id"], listed["tenant"]["id"], groups[0]["id"]]
    unknown = "RnVybmFjZTowMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDE="
    query = """query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id
        ... on ProductGroup { name grades { name } } ... on SteelGrade { name productGroup { name } } } }"""
    data = await answered_alike(viewer, query, ids=[*ids, unknown, ids[0]])
    assert [node and node["id"] for node in data["nodes"]] == [*ids, None, ids[0]]


async def test_an_answer_takes_one_statement_a_field(planner: Desk, jobs: Connection) -> None:
    await carry_out(jobs, await queue(planner))
    query = """{
        productGroups { totalCount nodes { grades { productGroup { name } production { tons } } } }
        forecast(month: "2024-09") { heats { grade { name productGroup { name } } } }
    }"""
    async with counting_statements(planner) as counted:
        await planner.ask(query)
    assert len(counted.texts) == 2
