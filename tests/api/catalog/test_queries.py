import pytest

from tests.api.desk import BATCHES, Desk, add_grade
from tests.database import Connection, Plant

GROUPS = """
query ($first: Int, $after: String) {
  productGroups(first: $first, after: $after) {
    edges { cursor node { name } } nodes { name } totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
GRADES = """
query ($group: String, $first: Int, $after: String) {
  steelGrades(groupName: $group, first: $first, after: $after) {
    nodes { id name suspect suggestion productGroup { name } mergedInto { name } }
    totalCount
    pageInfo { hasNextPage endCursor }
  }
}
"""


async def test_groups_come_in_the_order_of_the_workbooks(viewer: Desk) -> None:
    groups = (await viewer.ask(GROUPS))["productGroups"]
    assert [node["name"] for node in groups["nodes"]] == ["Rebar", "MBQ"]
    assert [edge["node"] for edge in groups["edges"]] == groups["nodes"]
    assert groups["totalCount"] == 2
    assert groups["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": groups["edges"][0]["cursor"],
        "endCursor": groups["edges"][1]["cursor"],
    }


async def test_pages_follow_each_other_without_gap_or_repetition(viewer: Desk) -> None:
    whole = (await viewer.ask(GRADES))["steelGrades"]["nodes"]
    pages, after = [], None
    while True:
        page = (await viewer.ask(GRADES, first=2, after=after))["steelGrades"]
        assert page["totalCount"] == len(whole)
        pages += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert pages == whole
    assert [grade["name"] for grade in whole] == ["B500A", "B500B", "A36", "A53/C591", "A53/C592"]


async def test_a_grade_that_only_the_schedule_knows_has_no_group(viewer: Desk) -> None:
    grades = (await viewer.ask(GRADES))["steelGrades"]["nodes"]
    suspect = next(grade for grade in grades if grade["suspect"])
    assert suspect.pop("id")
    assert suspect == {
        "name": "A53/C592",
        "suspect": True,
        "suggestion": "A53/C591",
        "productGroup": None,
        "mergedInto": None,
    }


async def test_grades_of_one_group(viewer: Desk) -> None:
    grades = (await viewer.ask(GRADES, group="MBQ"))["steelGrades"]
    assert [grade["name"] for grade in grades["nodes"]] == ["A36", "A53/C591"]
    assert grades["totalCount"] == 2
    assert (await viewer.ask(GRADES, group="mbq"))["steelGrades"]["nodes"] == []


async def test_history_is_told_in_tons_and_heats_between_months(viewer: Desk) -> None:
    query = """{ steelGrades(groupName: "Rebar") { nodes {
        name
        all: production { month tons heats unit }
        july: production(from: "2024-07", to: "2024-07") { month }
        before: production(to: "2024-07") { month }
        none: production(from: "2024-09") { month }
    } } }"""
    grade = (await viewer.ask(query))["steelGrades"]["nodes"][1]
    assert grade["all"] == [
        {"month": "2024-06", "tons": 12000.0, "heats": 120.0, "unit": "SHORT_TON"},
        {"month": "2024-07", "tons": 11000.0, "heats": 110.0, "unit": "SHORT_TON"},
        {"month": "2024-08", "tons": 9050.5, "heats": 90.505, "unit": "SHORT_TON"},
    ]
    assert grade["july"] == [{"month": "2024-07"}]
    assert grade["before"] == [{"month": "2024-06"}, {"month": "2024-07"}]
    assert grade["none"] == []


async def test_another_tenant_sees_nothing(stranger: Desk, plant: Plant) -> None:
    assert (await stranger.ask(GROUPS))["productGroups"]["totalCount"] == 0
    assert (await stranger.ask(GRADES))["steelGrades"]["nodes"] == []


async def test_groups_and_grades_are_nodes_of_their_tenant_alone(viewer: Desk, stranger: Desk) -> None:
    listed = await viewer.ask("{ productGroups { nodes { id name grades { id name } } } }")
    group = listed["productGroups"]["nodes"][0]
    ids = [group["id"], group["grades"][0]["id"]]
    query = """query ($ids: [ID!]!) { nodes(ids: $ids) {
        __typename id ... on ProductGroup { name } ... on SteelGrade { name }
    } }"""
    assert (await viewer.ask(query, ids=ids))["nodes"] == [
        {"__typename": "ProductGroup", "id": ids[0], "name": "Rebar"},
        {"__typename": "SteelGrade", "id": ids[1], "name": "B500A"},
    ]
    assert (await stranger.ask(query, ids=ids))["nodes"] == [None, None]


@pytest.mark.parametrize("wrong", ["", "abc", "U3RlZWxHcmFkZTox", "é"])
async def test_an_id_that_is_none_is_the_callers_mistake(viewer: Desk, wrong: str) -> None:
    error = await viewer.refusal("query ($id: ID!) { node(id: $id) { id } }", id=wrong)
    assert error.extensions is not None
    assert error.extensions["code"] == "INVALID_ID"


@pytest.mark.parametrize(
    "variables",
    [
        {"first": -1},
        {"first": 1001},
        {"after": "nonsense"},
        {"after": "WzEsMl0="},  # [1,2]
        {"after": "WzEsImEiLDJd"},  # [1,"a",2]
        {"after": "Wzk5OTk5OTk5OTk5LCJhIl0="},  # [99999999999,"a"]
        {"after": "W3RydWUsImEiXQ=="},  # [true,"a"]
        {"after": "eyJhIjoxfQ=="},  # {"a":1}
        {"after": "WzEsIlx1MDAwMCJd"},  # [1,"\u0000"]
        {"group": "a\0b"},
        {"group": "\ud800"},
    ],
)
async def test_senseless_arguments_are_the_callers_mistake(
    viewer: Desk, variables: dict[str, object]
) -> None:
    error = await viewer.refusal(GRADES, **variables)
    assert error.extensions is not None
    assert error.extensions["code"] == "BAD_USER_INPUT"


async def test_an_empty_page_counts_all_the_same(viewer: Desk) -> None:
    grades = (await viewer.ask(GRADES, first=0))["steelGrades"]
    assert grades == {"nodes": [], "totalCount": 5, "pageInfo": {"hasNextPage": True, "endCursor": None}}


async def test_a_list_costs_as_many_statements_whatever_its_length(
    viewer: Desk, admin: Connection, plant: Plant
) -> None:
    query = """{
        productGroups { nodes { grades { productGroup { name } production { tons } } } }
        steelGrades(first: 1000) { totalCount nodes { productGroup { grades { name } } production { tons } } }
    }"""
    before = await viewer.cost(query)
    group = await admin.fetchval("select id from product_groups where name = 'MBQ'")
    for number in range(40):
        await add_grade(admin, plant, f"X{number}", 100 + number, group_id=group)
    assert await viewer.cost(query) <= before + BATCHES
