import asyncio
from typing import Any

import pytest

from api.context import Services
from tests.api.desk import Desk, add_grade, desk_of, month_of
from tests.database import Connection, Plant

MERGE = """
mutation ($input: MergeGradesInput!) {
  mergeGrades(input: $input) {
    grade { name production { month tons } }
    userErrors { code message path hint }
  }
}
"""
STATE = """{
  steelGrades { nodes { id name suspect production { month tons } } }
  chargeSchedule { date startTime grade { name } }
}"""


async def ids(admin: Connection) -> dict[str, str]:
    rows = await admin.fetch(
        "select name, replace(encode(convert_to('SteelGrade:' || id, 'UTF8'), 'base64'), E'\\n', '') as id"
        " from steel_grades"
    )
    return {row["name"]: row["id"] for row in rows}


async def merge(desk: Desk, admin: Connection, sources: list[str], into: str) -> dict[str, Any]:
    known = await ids(admin)
    asked = {"gradeIds": [known[name] for name in sources], "intoGradeId": known[into]}
    payload: dict[str, Any] = (await desk.ask(MERGE, input=asked))["mergeGrades"]
    return payload


async def mistake_of(desk: Desk, admin: Connection, sources: list[str], into: str) -> str:
    before = await desk.ask(STATE)
    payload = await merge(desk, admin, sources, into)
    assert payload["grade"] is None
    assert await desk.ask(STATE) == before
    (mistake,) = payload["userErrors"]
    return str(mistake["code"])


async def test_scheduled_heats_go_to_the_target(planner: Desk, admin: Connection, plant: Plant) -> None:
    assert (await merge(planner, admin, ["A53/C592"], "A53/C591"))["userErrors"] == []
    state = await planner.ask(STATE)
    assert [heat["grade"]["name"] for heat in state["chargeSchedule"]] == ["B500A", "A36", "A53/C591"]
    assert [grade["name"] for grade in state["steelGrades"]["nodes"]] == ["B500A", "B500B", "A36", "A53/C591"]
    row = await admin.fetchrow(
        "select suspect, suggestion, merged_into_id from steel_grades where name = 'A53/C592'"
    )
    assert row is not None
    assert (row["suspect"], row["suggestion"]) == (False, None)
    assert row["merged_into_id"] is not None


async def test_tons_of_the_same_month_add_up(planner: Desk, admin: Connection, plant: Plant) -> None:
    payload = await merge(planner, admin, ["B500A"], "B500B")
    assert payload["grade"] == {
        "name": "B500B",
        "production": [
            {"month": "2024-06", "tons": 15000.0},
            {"month": "2024-07", "tons": 15100.0},
            {"month": "2024-08", "tons": 9050.5},
        ],
    }
    total = await admin.fetchval("select sum(tons)::float8 from steel_grade_production")
    assert total == 12000 + 11000 + 9050.5 + 3000 + 4100 + 1500 + 700


async def test_what_is_merged_stays_a_node_that_names_its_target(
    planner: Desk, admin: Connection, plant: Plant
) -> None:
    await merge(planner, admin, ["A36"], "A53/C591")
    merged = (await ids(admin))["A36"]
    query = "query ($id: ID!) { node(id: $id) { ... on SteelGrade { name mergedInto { name } } } }"
    assert (await planner.ask(query, id=merged))["node"] == {
        "name": "A36",
        "mergedInto": {"name": "A53/C591"},
    }


async def test_chains_have_one_end(planner: Desk, admin: Connection, plant: Plant) -> None:
    rebar = await admin.fetchval("select id from product_groups where name = 'Rebar'")
    await add_grade(admin, plant, "B500C", 90, group_id=rebar)
    await merge(planner, admin, ["B500A"], "B500B")
    await merge(planner, admin, ["B500B"], "B500C")
    # A target that was merged away stands for its own target.
    payload = await merge(planner, admin, ["A53/C592"], "B500A")
    assert payload["grade"] is not None
    ends = await admin.fetch(
        "select g.name from steel_grades as g join steel_grades as t on t.id = g.merged_into_id"
        " where t.name = 'B500C' and t.merged_into_id is null order by g.name"
    )
    assert [row["name"] for row in ends] == ["A53/C592", "B500A", "B500B"]


async def test_merging_again_changes_nothing(planner: Desk, admin: Connection, plant: Plant) -> None:
    await merge(planner, admin, ["B500A"], "B500B")
    before = await planner.ask(STATE)
    assert (await merge(planner, admin, ["B500A"], "B500B"))["userErrors"] == []
    assert await planner.ask(STATE) == before


async def test_two_merges_at_once_leave_one_grade(
    services: Services, planner: Desk, admin: Connection, plant: Plant
) -> None:
    known = await ids(admin)
    answers = await asyncio.gather(
        planner.ask(MERGE, input={"gradeIds": [known["B500A"]], "intoGradeId": known["B500B"]}),
        planner.ask(MERGE, input={"gradeIds": [known["B500B"]], "intoGradeId": known["B500A"]}),
    )
    assert sum(bool(answer["mergeGrades"]["userErrors"]) for answer in answers) == 1
    cycles = await admin.fetchval(
        "select count(*) from steel_grades where name in ('B500A', 'B500B') and merged_into_id is not null"
    )
    assert cycles == 1


async def test_what_can_not_be_merged(planner: Desk, admin: Connection, plant: Plant) -> None:
    assert await mistake_of(planner, admin, ["A36"], "A36") == "MERGE_INTO_ITSELF"
    assert await mistake_of(planner, admin, ["A36"], "A53/C592") == "TARGET_WITHOUT_GROUP"
    assert await mistake_of(planner, admin, [], "A36") == "NOTHING_TO_MERGE"
    await merge(planner, admin, ["B500A"], "B500B")
    assert await mistake_of(planner, admin, ["B500A"], "A36") == "GRADE_IS_MERGED"
    assert await mistake_of(planner, admin, ["B500B"], "B500A") == "MERGE_INTO_ITSELF"


async def test_grades_of_different_groups_are_not_merged(
    planner: Desk, admin: Connection, plant: Plant
) -> None:
    before = await planner.ask(STATE)
    payload = await merge(planner, admin, ["B500A", "A36"], "B500B")
    (mistake,) = payload["userErrors"]
    assert (mistake["code"], mistake["path"]) == ("GROUPS_DIFFER", ["input", "gradeIds"])
    assert "A36 is of the group MBQ, and B500B of Rebar" in mistake["message"]
    assert "assignGradeGroup" in mistake["hint"]
    assert await planner.ask(STATE) == before


async def test_grades_without_a_group_merge_among_themselves(
    planner: Desk, admin: Connection, plant: Plant
) -> None:
    await add_grade(admin, plant, "A53/C593", 90)
    assert (await merge(planner, admin, ["A53/C593"], "A53/C592"))["userErrors"] == []


async def test_tons_in_different_units_are_not_added(planner: Desk, admin: Connection, plant: Plant) -> None:
    await admin.execute(
        "update steel_grade_production set unit = 'TONNE' where month = $1"
        " and steel_grade_id = (select id from steel_grades where name = 'B500A')",
        month_of("2024-07"),
    )
    assert await mistake_of(planner, admin, ["B500A"], "B500B") == "UNITS_DIFFER"


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_only_planners_merge(services: Services, admin: Connection, plant: Plant, role: str) -> None:
    assert await mistake_of(desk_of(services, plant, role), admin, ["A36"], "B500B") == "FORBIDDEN"


async def test_grades_of_another_tenant_are_not_found(
    stranger: Desk, admin: Connection, plant: Plant
) -> None:
    assert await mistake_of(stranger, admin, ["A36"], "B500B") == "NOT_FOUND"


async def test_history_of_a_source_alone_of_another_tenant_stays(
    stranger: Desk, planner: Desk, admin: Connection, plant: Plant, other_plant: Plant
) -> None:
    group = await admin.fetchval(
        "insert into product_groups (tenant_id, name, position) values ($1, 'G', 0) returning id",
        other_plant.id,
    )
    await add_grade(admin, other_plant, "Theirs", 1, group_id=group)
    before = await planner.ask(STATE)
    assert await mistake_of(stranger, admin, ["A36"], "Theirs") == "NOT_FOUND"
    assert await planner.ask(STATE) == before
