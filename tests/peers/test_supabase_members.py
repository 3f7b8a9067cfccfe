"""Joining by invitation and asking by key, where real accounts and tokens are."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

pytest.importorskip("supabase", reason="the extra `supabase` is not installed")

from postgrest.exceptions import APIError

from tests.api.http.serving import Service
from tests.database import Plant, add_plant, connected
from tests.peers.supabase import SupabaseProject
from tests.peers.test_supabase_sign_in import WHO, bearer, signing_in

pytestmark = pytest.mark.node

ACCEPT = "mutation { acceptInvitations(input: {}) { joined } }"


@pytest.fixture(scope="module")
async def service(
    supabase: SupabaseProject, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    async with signing_in(supabase, folder, supabase.url, supabase_jwt_secret=supabase.jwt_secret) as running:
        yield running


@pytest.fixture
async def plant(supabase: SupabaseProject) -> Plant:
    async with connected(supabase.database.admin_url) as admin:
        return await add_plant(admin, f"members-{uuid.uuid4().hex[:8]}")


async def ask(service: Service, token: str, query: str) -> Any:
    answer = await service.post(query, **bearer(token))
    assert answer.status_code == 200, answer.text
    assert "errors" not in answer.json(), answer.text
    (found,) = answer.json()["data"].values()
    return found


async def invite(supabase: SupabaseProject, service: Service, plant: Plant, email: str, role: str) -> None:
    boss = await supabase.member(plant, "admin")
    query = (
        f'mutation {{ inviteMember(input: {{email: "{email}", role: {role}}}) {{ userErrors {{ code }} }} }}'
    )
    assert await ask(service, boss.token, query) == {"userErrors": []}


async def test_who_was_invited_joins_by_signing_in_with_that_address(
    supabase: SupabaseProject, service: Service, plant: Plant
) -> None:
    person = await supabase.sign_up("invited")
    await invite(supabase, service, plant, person.email.upper(), "PLANNER")
    elsewhere = 'mutation { acceptInvitations(input: {tenant: "elsewhere"}) { joined } }'
    assert await ask(service, person.token, elsewhere) == {"joined": 0}
    assert await ask(service, person.token, ACCEPT) == {"joined": 1}
    assert await ask(service, person.token, WHO) == {"slug": plant.slug, "role": "PLANNER"}
    assert await ask(service, person.token, ACCEPT) == {"joined": 0}
    members = await ask(service, person.token, "{ members { nodes { email isCaller } } }")
    assert {"email": person.email, "isCaller": True} in members["nodes"]


async def test_an_address_that_was_not_verified_joins_nothing(
    supabase: SupabaseProject, service: Service, plant: Plant
) -> None:
    person = await supabase.sign_up("unverified")
    await invite(supabase, service, plant, person.email, "ADMIN")
    async with connected(supabase.database.admin_url) as admin:
        await admin.execute("update auth.users set email_confirmed_at = null where id = $1", person.id)
    assert await ask(service, person.token, ACCEPT) == {"joined": 0}
    assert await ask(service, person.token, WHO) is None


async def test_an_address_that_is_only_claimed_joins_nothing(
    supabase: SupabaseProject, service: Service, plant: Plant
) -> None:
    wanted = f"wanted-{uuid.uuid4().hex[:8]}@example.com"
    await invite(supabase, service, plant, wanted, "ADMIN")
    person = await supabase.sign_up("other")
    token = supabase.minted(
        sub=str(person.id), email=wanted, user_metadata={"email": wanted, "email_verified": True}
    )
    assert await ask(service, token, ACCEPT) == {"joined": 0}
    assert (await person.client.rpc("accept_invitations", {}).execute()).data == 0


async def test_a_key_of_a_machine_opens_the_service_until_it_is_revoked(
    supabase: SupabaseProject, service: Service, plant: Plant
) -> None:
    boss = await supabase.member(plant, "admin")
    made = await ask(
        service,
        boss.token,
        'mutation { createApiKey(input: {name: "Scale", role: OPERATOR}) { secret apiKey { id } } }',
    )
    assert await ask(service, made["secret"], WHO) == {"slug": plant.slug, "role": "OPERATOR"}
    for wrong in (made["secret"][:-1], made["secret"] + "x", "pourplan_key_"):
        assert (await service.post(WHO, **bearer(wrong))).status_code == 401
    revoke = 'mutation { revokeApiKey(input: {apiKeyId: "%s"}) { userErrors { code } } }'
    assert await ask(service, boss.token, revoke % made["apiKey"]["id"]) == {"userErrors": []}
    refused = await service.post(WHO, **bearer(made["secret"]))
    assert refused.status_code == 401
    assert "revoked" in refused.json()["errors"][0]["message"]


async def test_by_rest_nobody_reads_a_keys_hash_or_looks_one_up(
    supabase: SupabaseProject, service: Service, plant: Plant
) -> None:
    boss = await supabase.member(plant, "admin")
    await ask(
        service, boss.token, 'mutation { createApiKey(input: {name: "Scale", role: VIEWER}) { secret } }'
    )
    assert (await boss.client.table("api_keys").select("name").execute()).data == [{"name": "Scale"}]
    for client in (boss.client, await supabase.anonymous()):
        with pytest.raises(APIError):
            await client.table("api_key_secrets").select("*").execute()
        with pytest.raises(APIError):
            await client.rpc("use_api_key", {"p_secret_sha256": "0" * 64}).execute()


async def test_by_rest_an_admin_manages_no_other_tenant(
    supabase: SupabaseProject, service: Service, plant: Plant
) -> None:
    async with connected(supabase.database.admin_url) as admin:
        other = await add_plant(admin, f"members-{uuid.uuid4().hex[:8]}")
        member = await admin.fetchval(
            "select id from tenant_members where tenant_id = $1 and role = 'viewer'", other.id
        )
    boss = await supabase.member(plant, "admin")
    with pytest.raises(APIError) as refused:
        await boss.client.rpc("change_member_role", {"p_member_id": str(member), "p_role": "admin"}).execute()
    assert refused.value.code == "PT404"
    viewer = await supabase.member(plant, "viewer")
    with pytest.raises(APIError) as refused:
        await viewer.client.rpc("invite_member", {"p_email": "a@b.example", "p_role": "admin"}).execute()
    assert refused.value.code == "42501"
