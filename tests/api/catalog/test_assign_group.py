import pytest

from api.context import Services
from tests.api.desk import Desk, desk_of
from tests.database import Connection, Plant

ASSIGN = """
mutation ($input: AssignGradeGroupInput!) {
  assignGradeGroup(input: $input) {
    grade { name suspect suggestion productGroup { name } }
    userErrors { code message path hint }
  }
}
"""
LISTED = "{ steelGrades { nodes { id name productGroup { id name } } } productGroups { nodes { id name } } }"


async def ids(desk: Desk) -> dict[str, str]:
    listed = await desk.ask(LISTED)
    return {node["name"]: node["id"] for key in listed for node in listed[key]["nodes"]}


@pytest.mark.parametrize("by", ["name", "id"])
async def test_a_grade_with_a_group_is_suspect_no_more(planner: Desk, by: str) -> None:
    known = await ids(planner)
    group = {"groupName": "MBQ"} if by == "name" else {"productGroupId": known["MBQ"]}
    answer = await planner.ask(ASSIGN, input={"gradeId": known["A53/C592"], **group})
    assert answer["assignGradeGroup"] == {
        "grade": {
            "name": "A53/C592",
            "suspect": False,
            "suggestion": None,
            "productGroup": {"name": "MBQ"},
        },
        "userErrors": [],
    }


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_only_planners_tell_a_group(services: Services, plant: Plant, role: str) -> None:
    desk = desk_of(services, plant, role)
    grade = (await ids(desk))["A53/C592"]
    mistake = await desk.mistake(ASSIGN, input={"gradeId": grade, "groupName": "MBQ"})
    assert mistake["code"] == "FORBIDDEN"
    assert "planner or admin" in mistake["hint"]
    assert (await desk.ask(LISTED))["steelGrades"]["nodes"][-1]["productGroup"] is None


async def test_exactly_one_way_to_name_the_group(planner: Desk) -> None:
    known = await ids(planner)
    both = {"groupName": "MBQ", "productGroupId": known["MBQ"]}
    for group in (both, {}):
        mistake = await planner.mistake(ASSIGN, input={"gradeId": known["A36"], **group})
        assert mistake["code"] == "GROUP_NOT_TOLD"


async def test_an_unknown_group_is_answered_with_the_nearest(planner: Desk) -> None:
    grade = (await ids(planner))["A36"]
    mistake = await planner.mistake(ASSIGN, input={"gradeId": grade, "groupName": "Rebars"})
    assert (mistake["code"], mistake["path"]) == ("UNKNOWN_GROUP", ["input", "groupName"])
    assert mistake["hint"] == "Did you mean 'Rebar'?"
    far = await planner.mistake(ASSIGN, input={"gradeId": grade, "groupName": "xyz\0"})
    assert far["hint"] == "Known groups: Rebar, MBQ."


async def test_ids_of_the_wrong_type_or_of_nothing(planner: Desk, stranger: Desk) -> None:
    known = await ids(planner)
    swapped = await planner.mistake(ASSIGN, input={"gradeId": known["MBQ"], "groupName": "MBQ"})
    assert swapped["code"] == "INVALID_ID"
    assert "expected a SteelGrade" in swapped["message"]
    foreign = await stranger.mistake(ASSIGN, input={"gradeId": known["A36"], "productGroupId": known["MBQ"]})
    assert (foreign["code"], foreign["path"]) == ("NOT_FOUND", ["input", "productGroupId"])


async def test_a_grade_of_another_tenant_is_not_found(
    planner: Desk, stranger: Desk, admin: Connection, other_plant: Plant
) -> None:
    await admin.execute(
        "insert into product_groups (tenant_id, name, position) values ($1, 'MBQ', 0)", other_plant.id
    )
    grade = (await ids(planner))["A36"]
    mistake = await stranger.mistake(ASSIGN, input={"gradeId": grade, "groupName": "MBQ"})
    assert (mistake["code"], mistake["path"]) == ("NOT_FOUND", ["input", "gradeId"])


async def test_a_merged_grade_takes_no_group(planner: Desk, admin: Connection) -> None:
    known = await ids(planner)
    await admin.execute(
        "update steel_grades set suspect = false,"
        " merged_into_id = (select id from steel_grades where name = 'A36') where name = 'A53/C592'"
    )
    mistake = await planner.mistake(ASSIGN, input={"gradeId": known["A53/C592"], "groupName": "MBQ"})
    assert mistake["code"] == "GRADE_IS_MERGED"
