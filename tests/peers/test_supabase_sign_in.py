"""The service where people sign in: whom it lets in, over HTTP and WebSocket, and what they see."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
import websockets

pytest.importorskip("supabase", reason="the extra `supabase` is not installed")

from api.app import create_app
from api.services import open_services
from api.tokens import SKEW_SECONDS
from tests.api.http.serving import Service, listening, plain_settings
from tests.api.http.test_subscriptions import Client
from tests.database import Plant, add_member, add_plant, connected
from tests.peers.issuer import Issuer, publishing
from tests.peers.supabase import SupabaseProject

pytestmark = pytest.mark.node

WHO = "{ tenant { slug role } }"


@asynccontextmanager
async def signing_in(
    project: SupabaseProject, folder: Any, url: str, **settings: Any
) -> AsyncIterator[Service]:
    """The whole service on the project's database, where the project at `url` signs people in."""
    given = plain_settings(
        data=folder,
        database_url=project.database.api_url,
        database_jobs_url=project.database.jobs_url,
        supabase_url=url,
        **settings,
    )
    app = create_app(given, open_services=lambda s: open_services(s, exclusive=True))
    async with listening(app) as service:
        yield service


@pytest.fixture(scope="module")
async def service(
    supabase: SupabaseProject, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    async with signing_in(supabase, folder, supabase.url, supabase_jwt_secret=supabase.jwt_secret) as running:
        yield running


@pytest.fixture(scope="module")
async def plants(supabase: SupabaseProject) -> tuple[Plant, Plant]:
    async with connected(supabase.database.admin_url) as admin:
        return await add_plant(admin, "api-north"), await add_plant(admin, "api-south")


def bearer(token: str, tenant: str | None = None) -> dict[str, str]:
    chosen = {"X-Pourplan-Tenant": tenant} if tenant else {}
    return {"Authorization": f"Bearer {token}", **chosen}


async def seen(service: Service, token: str, tenant: str | None = None) -> Any:
    answer = await service.post(WHO, **bearer(token, tenant))
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["tenant"]


# ---------------------------------------------------------------------- let in


async def test_who_signed_in_by_supabase_sees_the_own_tenant_with_the_role_of_the_database(
    supabase: SupabaseProject, service: Service, plants: tuple[Plant, Plant]
) -> None:
    for plant, role in zip(plants, ("planner", "viewer"), strict=True):
        person = await supabase.member(plant, role)
        assert await seen(service, person.token) == {"slug": plant.slug, "role": role.upper()}


async def test_a_member_of_two_tenants_chooses_one_by_slug_or_id(
    supabase: SupabaseProject, service: Service, plants: tuple[Plant, Plant]
) -> None:
    north, south = plants
    person = await supabase.member(north, "planner")
    async with connected(supabase.database.admin_url) as admin:
        await add_member(admin, south.id, "viewer", person.id)
    assert await seen(service, person.token) is None
    assert await seen(service, person.token, north.slug) == {"slug": north.slug, "role": "PLANNER"}
    assert await seen(service, person.token, str(south.id)) == {"slug": south.slug, "role": "VIEWER"}


async def test_a_tenant_that_is_not_ones_own_is_refused(
    supabase: SupabaseProject, service: Service, plants: tuple[Plant, Plant]
) -> None:
    person = await supabase.member(plants[0], "admin")
    for tenant in (plants[1].slug, str(plants[1].id), "nowhere", "'; drop table tenants; --"):
        answer = await service.post(WHO, **bearer(person.token, tenant))
        assert answer.status_code == 403
        assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_A_MEMBER"


async def test_who_is_a_member_of_nothing_sees_nothing(supabase: SupabaseProject, service: Service) -> None:
    person = await supabase.sign_up()
    assert await seen(service, person.token) is None


async def test_claims_that_a_user_may_edit_give_no_power(
    supabase: SupabaseProject, service: Service, plants: tuple[Plant, Plant]
) -> None:
    person = await supabase.member(plants[0], "viewer")
    edited = {"role": "admin", "tenant": plants[1].slug, "tenant_id": str(plants[1].id)}
    token = supabase.minted(
        sub=str(person.id), user_metadata=edited, app_metadata=edited, tenant_role="admin"
    )
    assert await seen(service, token) == {"slug": plants[0].slug, "role": "VIEWER"}
    changed = await service.post(
        'mutation { updateTenantSettings(input: {name: "Mine"}) { userErrors { code } } }', **bearer(token)
    )
    assert changed.json()["data"]["updateTenantSettings"]["userErrors"] == [{"code": "FORBIDDEN"}]


async def test_a_member_who_was_removed_is_out_at_once(
    supabase: SupabaseProject, service: Service, plants: tuple[Plant, Plant]
) -> None:
    person = await supabase.member(plants[0], "admin")
    assert await seen(service, person.token)
    async with connected(supabase.database.admin_url) as admin:
        await admin.execute("delete from tenant_members where user_id = $1", person.id)
    assert await seen(service, person.token) is None


# ---------------------------------------------------------------------- refused


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic dTpw", "Bearer no.token.here"])
async def test_without_a_token_nobody_gets_in_and_is_told_how(service: Service, header: str | None) -> None:
    answer = await service.post(WHO, **({} if header is None else {"Authorization": header}))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert "pourplan login" in error["message"]
    assert "data" not in answer.json()


async def test_keys_of_the_project_are_no_access_tokens(supabase: SupabaseProject, service: Service) -> None:
    legacy = [supabase.minted(role=role) for role in ("anon", "service_role")]
    for key in (supabase.publishable_key, supabase.secret_key, *legacy):
        assert (await service.post(WHO, **bearer(key))).status_code == 401


async def test_an_expired_or_foreign_token_is_refused(supabase: SupabaseProject, service: Service) -> None:
    user = str(uuid.uuid4())
    for token in (
        supabase.minted(sub=user, exp=int(time.time()) - 3600),
        supabase.minted(sub=user, iss="https://other.supabase.co/auth/v1"),
        supabase.minted(sub=user, aud="other"),
    ):
        assert (await service.post(WHO, **bearer(token))).status_code == 401


async def test_health_is_told_without_a_token(service: Service) -> None:
    assert (await service.http.get("/health/live")).status_code == 200


# ---------------------------------------------------------------------- by WebSocket


@asynccontextmanager
async def connect(service: Service, **headers: str) -> AsyncIterator[Client]:
    protocols = [websockets.Subprotocol("graphql-transport-ws")]
    async with websockets.connect(
        service.socket_url, subprotocols=protocols, additional_headers=headers
    ) as connection:
        yield Client(connection)


async def heard(client: Client) -> Any:
    await client.subscribe(1, WHO)
    return (await client.hear())["payload"]["data"]["tenant"]["slug"]


async def test_a_websocket_says_who_it_is_in_connection_init_or_in_its_header(
    supabase: SupabaseProject, service: Service, plants: tuple[Plant, Plant]
) -> None:
    person = await supabase.member(plants[0], "viewer")
    async with connect(service) as client:
        await client.say(type="connection_init", payload=bearer(person.token, plants[0].slug))
        assert await client.hear() == {"type": "connection_ack"}
        assert await heard(client) == plants[0].slug
    async with connect(service, **bearer(person.token)) as client:
        await client.say(type="connection_init")
        assert await client.hear() == {"type": "connection_ack"}
        assert await heard(client) == plants[0].slug


@pytest.mark.parametrize(
    "payload", [{}, {"Authorization": "Bearer x.y.z"}, {"Authorization": 7}, {"Authorization": None}]
)
async def test_a_websocket_that_proves_nothing_is_closed(service: Service, payload: dict[str, Any]) -> None:
    async with connect(service) as client:
        await client.say(type="connection_init", payload=payload)
        assert await client.end() == (4403, "Forbidden")


async def test_a_websocket_of_another_tenant_is_closed(
    supabase: SupabaseProject, service: Service, plants: tuple[Plant, Plant]
) -> None:
    person = await supabase.member(plants[0], "admin")
    async with connect(service) as client:
        await client.say(type="connection_init", payload=bearer(person.token, plants[1].slug))
        assert await client.end() == (4403, "Forbidden")


async def test_a_websocket_that_outlasts_its_token_is_told_nothing_more(
    supabase: SupabaseProject, service: Service, plants: tuple[Plant, Plant]
) -> None:
    person = await supabase.member(plants[0], "viewer")
    ending = supabase.minted(sub=str(person.id), exp=int(time.time()) - SKEW_SECONDS + 2)
    async with connect(service) as client:
        await client.say(type="connection_init", payload=bearer(ending))
        assert await client.hear() == {"type": "connection_ack"}
        assert await heard(client) == plants[0].slug
        assert (await client.hear())["type"] == "complete"
        await asyncio.sleep(2.5)
        await client.subscribe(2, WHO)
        answer = await client.hear()
        assert "errors" in answer["payload"], answer
        (error,) = answer["payload"]["errors"]
        assert error["extensions"]["code"] == "UNAUTHENTICATED"


async def test_nothing_is_told_before_a_websocket_has_said_who_it_is(service: Service) -> None:
    async with connect(service) as client:
        await client.subscribe(1, WHO)
        assert (await client.end())[0] == 4401


# ---------------------------------------------------------------------- asymmetric keys


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with publishing("ES256") as published:
        yield published


async def test_a_token_by_a_published_key_lets_in_and_a_legacy_one_does_not(
    supabase: SupabaseProject, plants: tuple[Plant, Plant], issuer: Issuer, tmp_path: Any
) -> None:
    async with signing_in(supabase, tmp_path, issuer.url) as service:
        token = issuer.token(None, sub=str(plants[0].planner))
        assert await seen(service, token) == {"slug": plants[0].slug, "role": "PLANNER"}
        legacy = supabase.minted(iss=f"{issuer.url}/auth/v1", sub=str(plants[0].planner))
        assert (await service.post(WHO, **bearer(legacy))).status_code == 401


async def test_a_project_that_publishes_no_keys_now_is_our_trouble_not_the_callers(
    supabase: SupabaseProject, plants: tuple[Plant, Plant], issuer: Issuer, tmp_path: Any
) -> None:
    issuer.broken = True
    async with signing_in(supabase, tmp_path, issuer.url) as service:
        answer = await service.post(WHO, **bearer(issuer.token(None, sub=str(plants[0].planner))))
    assert answer.status_code == 503
    assert answer.json()["errors"][0]["extensions"]["code"] == "SIGN_IN_UNAVAILABLE"
    assert issuer.url not in orjson.dumps(answer.json()).decode()
