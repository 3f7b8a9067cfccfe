"""A Supabase project: the real client signs up, signs in, and reads what row-level security lets through."""

import pytest

pytest.importorskip("supabase", reason="the extra `supabase` is not installed")

from postgrest.exceptions import APIError

from tests.database import Connection, Plant, add_member, add_plant, connected
from tests.peers.supabase import SupabaseProject

pytestmark = pytest.mark.node


async def with_grade(admin: Connection, slug: str) -> Plant:
    """A tenant with one steel grade, named after it."""
    plant = await add_plant(admin, slug)
    await admin.execute(
        "insert into steel_grades (tenant_id, name, position) values ($1, $2, 1)",
        plant.id,
        f"grade of {slug}",
    )
    return plant


@pytest.fixture(scope="module")
async def plants(supabase: SupabaseProject) -> tuple[Plant, Plant]:
    async with connected(supabase.database.admin_url) as admin:
        return await with_grade(admin, "rest-north"), await with_grade(admin, "rest-south")


async def test_who_signed_up_signs_in_and_is_known_by_the_token(supabase: SupabaseProject) -> None:
    person = await supabase.sign_up()
    found = await person.client.auth.get_user(person.token)
    assert found is not None
    assert (found.user.id, found.user.email) == (str(person.id), person.email)
    refreshed = await person.client.auth.refresh_session()
    assert refreshed.session is not None
    claims = await person.client.auth.get_claims(refreshed.session.access_token)
    assert claims is not None
    assert (claims["claims"]["sub"], claims["headers"]["alg"]) == (str(person.id), "HS256")


async def test_a_member_reads_the_own_tenant_and_no_other(
    supabase: SupabaseProject, plants: tuple[Plant, Plant]
) -> None:
    north, south = plants
    for plant in (north, south):
        person = await supabase.member(plant, "viewer")
        read = await person.client.table("steel_grades").select("name").execute()
        assert read.data == [{"name": f"grade of {plant.slug}"}]


async def test_a_member_of_two_tenants_who_chose_none_reads_nothing(
    supabase: SupabaseProject, plants: tuple[Plant, Plant]
) -> None:
    north, south = plants
    person = await supabase.member(north, "viewer")
    async with connected(supabase.database.admin_url) as admin:
        await add_member(admin, south.id, "viewer", person.id)
    assert (await person.client.table("steel_grades").select("name").execute()).data == []


async def test_who_belongs_to_no_tenant_reads_nothing(
    supabase: SupabaseProject, plants: tuple[Plant, Plant]
) -> None:
    person = await supabase.sign_up()
    assert (await person.client.table("steel_grades").select("*").execute()).data == []


async def test_without_signing_in_there_is_nothing_to_read(
    supabase: SupabaseProject, plants: tuple[Plant, Plant]
) -> None:
    client = await supabase.anonymous()
    with pytest.raises(APIError) as refused:
        await client.table("steel_grades").select("*").execute()
    assert refused.value.code == "42501"


async def test_a_viewer_writes_nothing_by_rest(
    supabase: SupabaseProject, plants: tuple[Plant, Plant]
) -> None:
    person = await supabase.member(plants[0], "viewer")
    with pytest.raises(APIError) as refused:
        await (
            person.client.table("steel_grades")
            .insert({"tenant_id": str(plants[0].id), "name": "X", "position": 2})
            .execute()
        )
    assert refused.value.code == "42501"
    with pytest.raises(APIError):
        await (
            person.client.table("tenant_members")
            .update({"role": "admin"})
            .eq("user_id", str(person.id))
            .execute()
        )
