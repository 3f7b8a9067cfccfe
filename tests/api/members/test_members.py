"""Managing members and keys: who may, what is refused, and that a tenant always has an admin."""

import asyncio
from typing import Any

import pytest

from api.api_keys import PREFIX, hash_of
from api.auth import Identity
from api.context import Services
from tests.api.desk import Desk, desk_of
from tests.database import Connection, Plant

MEMBERS = "{ members { nodes { id email role isCaller } } }"
INVITATIONS = "{ invitations { nodes { id email role } } }"
KEYS = "{ apiKeys { nodes { id name role lastUsedAt revokedAt } } }"
INVITE = """mutation ($input: InviteMemberInput!) { inviteMember(input: $input) {
  invitation { id email role } userErrors { code message path hint } } }"""
WITHDRAW = """mutation ($input: WithdrawInvitationInput!) { withdrawInvitation(input: $input) {
  withdrawnId userErrors { code message path hint } } }"""
CHANGE = """mutation ($input: ChangeMemberRoleInput!) { changeMemberRole(input: $input) {
  member { id role } userErrors { code message path hint } } }"""
REMOVE = """mutation ($input: RemoveMemberInput!) { removeMember(input: $input) {
  removedId userErrors { code message path hint } } }"""
CREATE = """mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) {
  apiKey { id name role } secret userErrors { code message path hint } } }"""
REVOKE = """mutation ($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) {
  apiKey { id revokedAt } userErrors { code message path hint } } }"""


@pytest.fixture
def boss(services: Services, plant: Plant) -> Desk:
    return desk_of(services, plant, "admin")


async def member_id(desk: Desk, role: str) -> str:
    nodes = (await desk.ask(MEMBERS))["members"]["nodes"]
    (found,) = [str(node["id"]) for node in nodes if node["role"] == role]
    return found


async def new_key(desk: Desk, role: str = "PLANNER") -> dict[str, Any]:
    made: dict[str, Any] = (await desk.ask(CREATE, input={"name": "Scale", "role": role}))["createApiKey"]
    assert made["userErrors"] == []
    return made


# ---------------------------------------------------------------------- members


async def test_every_member_sees_who_belongs_to_the_tenant_and_nobody_else(
    boss: Desk, viewer: Desk, stranger: Desk
) -> None:
    for desk, own in ((boss, "ADMIN"), (viewer, "VIEWER")):
        nodes = (await desk.ask(MEMBERS))["members"]["nodes"]
        assert sorted(node["role"] for node in nodes) == ["ADMIN", "OPERATOR", "PLANNER", "VIEWER"]
        assert [node["role"] for node in nodes if node["isCaller"]] == [own]
    theirs = {node["id"] for node in (await stranger.ask(MEMBERS))["members"]["nodes"]}
    assert theirs.isdisjoint(node["id"] for node in (await boss.ask(MEMBERS))["members"]["nodes"])


async def test_a_changed_role_counts_from_the_next_request(
    services: Services, plant: Plant, boss: Desk
) -> None:
    viewer = desk_of(services, plant, "viewer")
    key = await member_id(boss, "VIEWER")
    answer = await boss.ask(CHANGE, input={"memberId": key, "role": "OPERATOR"})
    assert answer["changeMemberRole"] == {"member": {"id": key, "role": "OPERATOR"}, "userErrors": []}
    assert (await viewer.ask("{ tenant { role } }"))["tenant"]["role"] == "OPERATOR"


async def test_a_removed_member_sees_nothing(services: Services, plant: Plant, boss: Desk) -> None:
    key = await member_id(boss, "VIEWER")
    answer = await boss.ask(REMOVE, input={"memberId": key})
    assert answer["removeMember"] == {"removedId": key, "userErrors": []}
    assert await desk_of(services, plant, "viewer").ask("{ tenant { role } }") == {"tenant": None}
    assert (await boss.mistake(REMOVE, input={"memberId": key}))["code"] == "NOT_FOUND"


async def test_the_last_admin_stays(boss: Desk) -> None:
    own = await member_id(boss, "ADMIN")
    mistake = await boss.mistake(CHANGE, input={"memberId": own, "role": "VIEWER"})
    assert (mistake["code"], mistake["path"]) == ("LAST_ADMIN", ["input", "role"])
    assert (await boss.mistake(REMOVE, input={"memberId": own}))["code"] == "LAST_ADMIN"
    assert await member_id(boss, "ADMIN") == own


async def test_two_admins_who_remove_each_other_leave_one(
    services: Services, admin: Connection, plant: Plant, boss: Desk
) -> None:
    first = await member_id(boss, "ADMIN")
    await admin.execute("update tenant_members set role = 'admin' where user_id = $1", plant.planner)
    second = await admin.fetchval("select id from tenant_members where user_id = $1", plant.planner)
    other = Desk(services, Identity(plant.planner, plant.slug))
    nodes = (await boss.ask(MEMBERS))["members"]["nodes"]
    (second_id,) = [node["id"] for node in nodes if node["role"] == "ADMIN" and not node["isCaller"]]
    assert second
    answers = await asyncio.gather(
        boss.ask(REMOVE, input={"memberId": second_id}), other.ask(REMOVE, input={"memberId": first})
    )
    removed = [answer["removeMember"]["removedId"] for answer in answers]
    assert sorted(map(bool, removed)) == [False, True]
    assert (
        await admin.fetchval(
            "select count(*) from tenant_members where tenant_id = $1 and role = 'admin'", plant.id
        )
        == 1
    )


# ---------------------------------------------------------------------- invitations


async def test_an_invitation_stands_until_it_is_taken_back(boss: Desk, viewer: Desk, stranger: Desk) -> None:
    answer = await boss.ask(INVITE, input={"email": " Kim@Plant.example ", "role": "VIEWER"})
    first = answer["inviteMember"]["invitation"]
    assert (first["email"], first["role"]) == ("kim@plant.example", "VIEWER")
    again = await boss.ask(INVITE, input={"email": "kim@plant.example", "role": "PLANNER"})
    assert again["inviteMember"]["invitation"] == {**first, "role": "PLANNER"}
    assert (await boss.ask(INVITATIONS))["invitations"]["nodes"] == [{**first, "role": "PLANNER"}]
    for other in (viewer, stranger):
        assert (await other.ask(INVITATIONS))["invitations"]["nodes"] == []
    withdrawn = await boss.ask(WITHDRAW, input={"invitationId": first["id"]})
    assert withdrawn["withdrawInvitation"]["withdrawnId"] == first["id"]
    assert (await boss.mistake(WITHDRAW, input={"invitationId": first["id"]}))["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "email", ["", "kim", "kim@", "@plant", "k im@plant.example", "a@b@c", "x" * 300 + "@y"]
)
async def test_what_is_no_address_is_not_invited(boss: Desk, email: str) -> None:
    mistake = await boss.mistake(INVITE, input={"email": email, "role": "VIEWER"})
    assert (mistake["code"], mistake["path"]) == ("INVALID_EMAIL", ["input", "email"])


async def test_who_is_a_member_already_is_not_invited(boss: Desk, admin: Connection, plant: Plant) -> None:
    await admin.execute(
        "update tenant_members set email = 'kim@plant.example' where user_id = $1", plant.viewer
    )
    mistake = await boss.mistake(INVITE, input={"email": "Kim@plant.example", "role": "ADMIN"})
    assert mistake["code"] == "ALREADY_A_MEMBER"


async def test_without_accounts_nothing_is_accepted(boss: Desk) -> None:
    accept = "mutation { acceptInvitations(input: {}) { joined userErrors { code } } }"
    assert await boss.ask(accept) == {"acceptInvitations": {"joined": 0, "userErrors": []}}


# ---------------------------------------------------------------------- keys


async def test_a_key_is_shown_once_and_kept_as_its_hash(boss: Desk, viewer: Desk, admin: Connection) -> None:
    made = await new_key(boss)
    assert made["secret"].startswith(PREFIX)
    (row,) = await admin.fetch(
        "select k.*, s.* from api_keys as k join api_key_secrets as s on s.key_id = k.id"
    )
    assert row["sha256"] == hash_of(made["secret"])
    assert made["secret"] not in str(dict(row))
    assert (await boss.ask(KEYS))["apiKeys"]["nodes"] == [
        {**made["apiKey"], "lastUsedAt": None, "revokedAt": None}
    ]
    assert (await viewer.ask(KEYS))["apiKeys"]["nodes"] == []


async def test_a_key_acts_with_its_role_and_not_as_one_of_the_people(
    services: Services, plant: Plant, admin: Connection, boss: Desk
) -> None:
    made = await new_key(boss, "VIEWER")
    async with services.database.own() as connection:
        user = await connection.fetchval("select use_api_key($1)", hash_of(made["secret"]))
    machine = Desk(services, Identity(user))
    assert await machine.ask("{ tenant { slug role } }") == {"tenant": {"slug": plant.slug, "role": "VIEWER"}}
    assert len((await machine.ask(MEMBERS))["members"]["nodes"]) == 4
    assert (await boss.ask(KEYS))["apiKeys"]["nodes"][0]["lastUsedAt"]
    membership = await admin.fetchval("select id from tenant_members where user_id = $1", user)
    assert membership is not None


async def test_a_revoked_key_opens_nothing_and_stays_revoked(services: Services, boss: Desk) -> None:
    made = await new_key(boss)
    async with services.database.own() as connection:
        user = await connection.fetchval("select use_api_key($1)", hash_of(made["secret"]))
    revoked = await boss.ask(REVOKE, input={"apiKeyId": made["apiKey"]["id"]})
    when = revoked["revokeApiKey"]["apiKey"]["revokedAt"]
    assert when
    async with services.database.own() as connection:
        assert await connection.fetchval("select use_api_key($1)", hash_of(made["secret"])) is None
    assert await Desk(services, Identity(user)).ask("{ tenant { role } }") == {"tenant": None}
    again = await boss.ask(REVOKE, input={"apiKeyId": made["apiKey"]["id"]})
    assert again["revokeApiKey"]["apiKey"]["revokedAt"] == when


async def test_a_key_is_never_an_admin(boss: Desk) -> None:
    mistake = await boss.mistake(CREATE, input={"name": "Scale", "role": "ADMIN"})
    assert mistake["code"] == "KEY_IS_NO_ADMIN"


# ---------------------------------------------------------------------- who may


@pytest.mark.parametrize("role", ["viewer", "operator", "planner"])
async def test_only_admins_manage(services: Services, plant: Plant, boss: Desk, role: str) -> None:
    own = await member_id(boss, role.upper())
    key = (await new_key(boss))["apiKey"]["id"]
    invited = await boss.ask(INVITE, input={"email": "kim@plant.example", "role": "VIEWER"})
    invitation = invited["inviteMember"]["invitation"]["id"]
    desk = desk_of(services, plant, role)
    for mutation, asked in (
        (INVITE, {"email": "a@b.example", "role": "ADMIN"}),
        (WITHDRAW, {"invitationId": invitation}),
        (CHANGE, {"memberId": own, "role": "ADMIN"}),
        (REMOVE, {"memberId": own}),
        (CREATE, {"name": "Mine", "role": "PLANNER"}),
        (REVOKE, {"apiKeyId": key}),
    ):
        assert (await desk.mistake(mutation, input=asked))["code"] == "FORBIDDEN"


async def test_another_tenants_members_invitations_and_keys_are_not_there(
    services: Services, other_plant: Plant, boss: Desk
) -> None:
    member = await member_id(boss, "VIEWER")
    key = (await new_key(boss))["apiKey"]["id"]
    invited = await boss.ask(INVITE, input={"email": "kim@plant.example", "role": "VIEWER"})
    invitation = invited["inviteMember"]["invitation"]["id"]
    intruder = desk_of(services, other_plant, "admin")
    for mutation, asked in (
        (WITHDRAW, {"invitationId": invitation}),
        (CHANGE, {"memberId": member, "role": "ADMIN"}),
        (REMOVE, {"memberId": member}),
        (REVOKE, {"apiKeyId": key}),
    ):
        assert (await intruder.mistake(mutation, input=asked))["code"] == "NOT_FOUND"
    for found in (member, key, invitation):
        node = await intruder.ask("query ($id: ID!) { node(id: $id) { id } }", id=found)
        assert node == {"node": None}
    assert await member_id(boss, "VIEWER") == member
