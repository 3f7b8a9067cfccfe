"""The doors beside the schema: download links, API keys with a tenant in the header, names of files."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from starlette.routing import Route

from api.app import create_app
from api.auth import Identity
from api.context import Services
from api.relay import parse_node_id
from api.reports.formats import ExportFormat
from api.reports.links import Target
from api.reports.routes import ROUTES
from api.services import open_services
from tests.api.attacks.plants import MARK, Victim
from tests.api.http.serving import Service, listening, settings_for
from tests.api.workbooks.test_graphql import PRODUCTION
from tests.database import Plant, TemporaryDatabase, add_member, add_plant, connected
from tests.peers.issuer import Issuer, publishing

WHO = "{ tenant { slug role } }"


@dataclass(frozen=True)
class Hosted:
    """The service where people sign in, on the database of both plants."""

    service: Service
    issuer: Issuer
    files: Path

    @property
    def services(self) -> Services:
        found: Services = self.service.app.state.services
        return found

    def bearer(self, user: uuid.UUID) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.issuer.token(None, sub=str(user))}"}

    async def ask(self, query: str, **headers: str) -> Any:
        answer = await self.service.post(query, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


@pytest.fixture(scope="module")
async def hosted(
    module_database: TemporaryDatabase,
    sides: tuple[Victim, Victim],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Hosted]:
    folder = tmp_path_factory.mktemp("hosted")
    async with publishing("ES256") as issuer:
        settings = settings_for(module_database, folder, supabase_url=issuer.url)
        app = create_app(settings, open_services=lambda s: open_services(s, exclusive=True))
        async with listening(app) as service:
            yield Hosted(service, issuer, folder / "files")


# ---------------------------------------------------------------------- download links


def test_the_only_route_beside_the_schema_that_reads_a_plants_data_is_tried() -> None:
    assert [route.path for route in ROUTES if isinstance(route, Route)] == ["/downloads/{token}/{name}"]


def targets(side: Victim) -> list[Target]:
    keys = {
        name: parse_node_id(side.id_of(name))[1] for name in ("ForecastRun", "ReplanRun", "WorkbookImport")
    }
    return [
        *(Target("forecast", keys["ForecastRun"], form) for form in ExportFormat),
        *(Target("plan", keys["ReplanRun"], form) for form in ExportFormat),
        Target("original", keys["WorkbookImport"]),
    ]


async def fetched(hosted: Hosted, caller: Identity, target: Target) -> httpx.Response:
    """Follow a link that the service itself has signed: no better forgery could there be."""
    link = hosted.services.links.make(hosted.service.url, caller, target, "any.xlsx")
    return await hosted.service.http.get(link.url)


@pytest.mark.parametrize("number", range(7))
async def test_a_link_opens_nothing_of_another_tenant(
    hosted: Hosted, sides: tuple[Victim, Victim], number: int, services: Services
) -> None:
    north, south = sides
    target = targets(north)[number]
    boss = north.plant.admin
    # Originals were kept by the services of the plants' own imports.
    files = hosted.services.originals
    hosted.service.app.state.services = replace(hosted.services, originals=services.originals)
    try:
        assert (await fetched(hosted, Identity(boss, north.plant.slug), target)).status_code == 200
    finally:
        hosted.service.app.state.services = replace(hosted.services, originals=files)
    callers = [Identity(user, tenant) for user in south.plant.members.values() for tenant in _names(sides)]
    for caller in [*callers, Identity(uuid.uuid4()), Identity(boss, south.plant.slug)]:
        answer = await fetched(hosted, caller, target)
        assert answer.status_code == 404, (caller, answer.text)
        assert MARK.encode() not in answer.content


def _names(sides: tuple[Victim, Victim]) -> list[str | None]:
    north, south = (side.plant for side in sides)
    return [None, north.slug, str(north.id), south.slug, str(south.id)]


async def test_a_link_is_worth_nothing_once_its_holder_has_left(
    hosted: Hosted, sides: tuple[Victim, Victim], module_database: TemporaryDatabase
) -> None:
    plant, target = sides[0].plant, targets(sides[0])[0]
    async with connected(module_database.admin_url) as admin:
        leaving = await add_member(admin, plant.id, "viewer")
        assert (await fetched(hosted, Identity(leaving, plant.slug), target)).status_code == 200
        await admin.execute("delete from tenant_members where user_id = $1", leaving)
    assert (await fetched(hosted, Identity(leaving, plant.slug), target)).status_code == 404


# ---------------------------------------------------------------------- API keys and the tenant's header


async def key_of(hosted: Hosted, plant: Plant, role: str) -> dict[str, str]:
    query = f'mutation {{ createApiKey(input: {{name: "Tried", role: {role}}}) {{ secret }} }}'
    made = await hosted.ask(query, **hosted.bearer(plant.admin))
    return {"Authorization": f"Bearer {made['createApiKey']['secret']}"}


@pytest.mark.parametrize("role", ["VIEWER", "OPERATOR", "PLANNER"])
async def test_a_key_opens_its_own_tenant_alone(
    hosted: Hosted, sides: tuple[Victim, Victim], role: str
) -> None:
    north, south = (side.plant for side in sides)
    key = await key_of(hosted, south, role)
    own = {"slug": "south", "role": role}
    assert (await hosted.ask(WHO, **key))["tenant"] == own
    for tenant in (south.slug, str(south.id)):
        assert (await hosted.ask(WHO, **key, **{"X-Pourplan-Tenant": tenant}))["tenant"] == own
    for tenant in (
        north.slug,
        str(north.id),
        "nowhere",
        "south,north",
        "south, north",
        "*",
        "south' or 'a'='a",
    ):
        answer = await hosted.service.post(WHO, **key, **{"X-Pourplan-Tenant": tenant})
        assert answer.status_code == 403, tenant
        assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_A_MEMBER"
        assert MARK not in answer.text


async def test_two_headers_name_no_second_tenant(hosted: Hosted, sides: tuple[Victim, Victim]) -> None:
    key = await key_of(hosted, sides[1].plant, "PLANNER")
    for names in (("south", "north"), ("north", "south")):
        headers = [*key.items(), *(("X-Pourplan-Tenant", name) for name in names)]
        answer = await hosted.service.http.post("/graphql", json={"query": WHO}, headers=headers)
        seen = answer.json().get("data", {}).get("tenant") if answer.status_code == 200 else None
        assert seen in (None, {"slug": "south", "role": "PLANNER"})


async def test_a_key_manages_neither_members_nor_keys_whatever_its_role(
    hosted: Hosted, sides: tuple[Victim, Victim]
) -> None:
    key = await key_of(hosted, sides[1].plant, "PLANNER")
    for field, given in (
        ("inviteMember", '{email: "a@b.example", role: ADMIN}'),
        ("createApiKey", '{name: "More", role: PLANNER}'),
        ("updateTenantSettings", '{name: "Mine"}'),
    ):
        answer = await hosted.ask(
            f"mutation {{ {field}(input: {given}) {{ userErrors {{ code }} }} }}", **key
        )
        assert answer[field]["userErrors"] == [{"code": "FORBIDDEN"}]


async def test_a_role_in_one_tenant_gives_none_in_another(
    hosted: Hosted, sides: tuple[Victim, Victim], module_database: TemporaryDatabase
) -> None:
    north, south = (side.plant for side in sides)
    async with connected(module_database.admin_url) as admin:
        both = await add_member(admin, south.id, "admin")
        await add_member(admin, north.id, "viewer", both)
    rename = 'mutation { updateTenantSettings(input: {name: "Mine"}) { userErrors { code } } }'
    token = hosted.bearer(both)
    refused = await hosted.ask(rename, **token, **{"X-Pourplan-Tenant": "north"})
    assert refused["updateTenantSettings"]["userErrors"] == [{"code": "FORBIDDEN"}]
    # Who belongs to two and has named none belongs to none.
    refused = await hosted.ask(rename, **token)
    assert refused["updateTenantSettings"]["userErrors"] == [{"code": "FORBIDDEN"}]


# ---------------------------------------------------------------------- names of files

CLIMBING = [
    "../../../../tmp/pwned.xlsx",
    "..\\..\\pwned.xlsx",
    "/etc/cron.d/pwned.xlsx",
    "C:\\Windows\\pwned.xlsx",
    "....//....//pwned.xlsx",
    "%2e%2e%2fpwned.xlsx",
    "pwned.xlsx/../../..",
    "..",
    "a" * 300 + ".xlsx",
    "plan\r\nX-Injected: 1.xlsx",
    '"; filename="pwned.exe',
]
IMPORT = """mutation ($file: Upload!) { importWorkbook(input: {file: $file}) {
  report { rowsStored } userErrors { code message } } }"""
KEPT = "{ imports { nodes { fileName original { url } } } }"


@pytest.mark.parametrize("number", range(len(CLIMBING)))
async def test_a_file_name_leads_nowhere(
    hosted: Hosted, module_database: TemporaryDatabase, number: int
) -> None:
    async with connected(module_database.admin_url) as admin:
        plant = await add_plant(admin, f"climbing-{number}")
    token, content = hosted.bearer(plant.planner), PRODUCTION.read_bytes()
    form = {
        "operations": orjson.dumps({"query": IMPORT, "variables": {"file": None}}),
        "map": orjson.dumps({"f": ["variables.file"]}),
    }
    file = {"f": (CLIMBING[number], content)}
    answer = await hosted.service.http.post("/graphql", data=form, files=file, headers=token)
    assert answer.json()["data"]["importWorkbook"]["report"]["rowsStored"] > 0, answer.text

    kept = [path.relative_to(hosted.files) for path in hosted.files.rglob("*") if path.is_file()]
    assert Path(f"{plant.id}/{hashlib.sha256(content).hexdigest()}.xlsx") in kept
    assert all(len(path.parts) == 2 and len(path.stem) == 64 for path in kept)

    (told,) = (await hosted.ask(KEPT, **token))["imports"]["nodes"]
    assert not set(told["fileName"]) & set("/\\\r\n\0")
    fetched = await hosted.service.http.get(told["original"]["url"])
    assert fetched.content == content
    disposition = fetched.headers["content-disposition"]
    assert disposition.startswith("attachment; filename*=UTF-8''")
    assert not set(disposition) & set('"/\\')
    assert "x-injected" not in fetched.headers


@pytest.mark.parametrize("name", ["..%2f..%2fetc%2fpasswd", "%2e%2e", "a%00b", "any.exe"])
async def test_the_name_in_a_link_decides_nothing(
    hosted: Hosted, sides: tuple[Victim, Victim], name: str
) -> None:
    south = sides[1].plant
    link = hosted.services.links.make(
        hosted.service.url, Identity(south.admin, "south"), targets(sides[1])[0], "x.csv"
    )
    answer = await hosted.service.http.get(link.url.rpartition("/")[0] + f"/{name}")
    assert answer.status_code in (200, 404)
    if answer.status_code == 200:
        assert "pourplan-" in answer.headers["content-disposition"]
