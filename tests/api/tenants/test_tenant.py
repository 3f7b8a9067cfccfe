import pytest

from api.auth import Identity
from api.context import Services
from tests.api.desk import Desk, desk_of
from tests.database import ROLES, Connection, Plant, add_member

TENANT = "{ tenant { id slug name heatTons timeZone role } }"
UPDATE = """
mutation ($input: UpdateTenantSettingsInput!) {
  updateTenantSettings(input: $input) {
    tenant { name heatTons timeZone role }
    userErrors { code message path hint }
  }
}
"""


@pytest.mark.parametrize("role", ROLES)
async def test_each_member_sees_the_tenant_and_the_own_role(
    services: Services, plant: Plant, role: str
) -> None:
    tenant = (await desk_of(services, plant, role).ask(TENANT))["tenant"]
    assert tenant.pop("id")
    assert tenant == {
        "slug": "north",
        "name": "north",
        "heatTons": 100.0,
        "timeZone": "UTC",
        "role": role.upper(),
    }


async def test_the_tenant_is_a_node(viewer: Desk, stranger: Desk) -> None:
    tenant_id = (await viewer.ask(TENANT))["tenant"]["id"]
    query = "query ($id: ID!) { node(id: $id) { id ... on Tenant { slug } } }"
    assert await viewer.ask(query, id=tenant_id) == {"node": {"id": tenant_id, "slug": "north"}}
    assert await stranger.ask(query, id=tenant_id) == {"node": None}


async def test_who_chooses_a_tenant_of_others_has_none(
    services: Services, plant: Plant, other_plant: Plant
) -> None:
    intruder = Desk(services, Identity(other_plant.admin, plant.slug))
    assert await intruder.ask(TENANT) == {"tenant": None}
    mistake = await intruder.mistake(UPDATE, input={"name": "mine"})
    assert mistake["code"] == "FORBIDDEN"
    assert "X-Pourplan-Tenant" in mistake["hint"]


async def test_who_belongs_to_two_tenants_must_choose(
    services: Services, admin: Connection, plant: Plant, other_plant: Plant
) -> None:
    await add_member(admin, other_plant.id, "viewer", plant.planner)
    assert await Desk(services, Identity(plant.planner)).ask(TENANT) == {"tenant": None}
    chosen = await Desk(services, Identity(plant.planner, "south")).ask(TENANT)
    assert (chosen["tenant"]["slug"], chosen["tenant"]["role"]) == ("south", "VIEWER")


async def test_an_admin_changes_what_is_told_and_nothing_else(
    services: Services, plant: Plant, viewer: Desk, stranger: Desk
) -> None:
    boss = desk_of(services, plant, "admin")
    answer = await boss.ask(UPDATE, input={"heatTons": 87.5, "timeZone": "Europe/Berlin", "name": None})
    assert answer["updateTenantSettings"] == {
        "tenant": {"name": "north", "heatTons": 87.5, "timeZone": "Europe/Berlin", "role": "ADMIN"},
        "userErrors": [],
    }
    assert (await viewer.ask(TENANT))["tenant"]["heatTons"] == 87.5
    assert (await stranger.ask(TENANT))["tenant"]["heatTons"] == 100.0


@pytest.mark.parametrize("role", ["viewer", "operator", "planner"])
async def test_only_admins_change_settings(services: Services, plant: Plant, role: str) -> None:
    mistake = await desk_of(services, plant, role).mistake(UPDATE, input={"heatTons": 1})
    assert mistake["code"] == "FORBIDDEN"
    assert f"role in this tenant is {role}" in mistake["message"]
    assert "admin" in mistake["hint"]


async def test_all_mistakes_are_told_at_once(services: Services, plant: Plant) -> None:
    boss = desk_of(services, plant, "admin")
    wrong = {"name": "", "heatTons": 0, "timeZone": "Berlin"}
    answer = (await boss.ask(UPDATE, input=wrong))["updateTenantSettings"]
    assert answer["tenant"] is None
    told = [(mistake["code"], mistake["path"][1]) for mistake in answer["userErrors"]]
    assert told == [
        ("INVALID_NAME", "name"),
        ("INVALID_HEAT_TONS", "heatTons"),
        ("UNKNOWN_TIME_ZONE", "timeZone"),
    ]


@pytest.mark.parametrize(
    ("settings", "code", "field"),
    [
        ({"heatTons": 0}, "INVALID_HEAT_TONS", "heatTons"),
        ({"heatTons": 0.004}, "INVALID_HEAT_TONS", "heatTons"),
        ({"heatTons": -5}, "INVALID_HEAT_TONS", "heatTons"),
        ({"heatTons": 1e300}, "INVALID_HEAT_TONS", "heatTons"),
        ({"timeZone": "Berlin"}, "UNKNOWN_TIME_ZONE", "timeZone"),
        ({"timeZone": "../../etc/passwd"}, "UNKNOWN_TIME_ZONE", "timeZone"),
        ({"timeZone": ""}, "UNKNOWN_TIME_ZONE", "timeZone"),
        ({"name": "  "}, "INVALID_NAME", "name"),
        ({"name": "x" * 101}, "INVALID_NAME", "name"),
        ({"name": "a\0b"}, "INVALID_NAME", "name"),
    ],
)
async def test_senseless_settings_are_mistakes_that_change_nothing(
    services: Services, plant: Plant, settings: dict[str, object], code: str, field: str
) -> None:
    boss = desk_of(services, plant, "admin")
    before = await boss.ask(TENANT)
    mistake = await boss.mistake(UPDATE, input={"name": "new name", **settings})
    assert (mistake["code"], mistake["path"]) == (code, ["input", field])
    assert await boss.ask(TENANT) == before
