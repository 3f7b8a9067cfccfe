"""A plant on hosted Supabase, from signing up to the plan, all by real clients and servers on loopback."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any, cast

import orjson
import pytest
import websockets

pytest.importorskip("supabase", reason="the extra `supabase` is not installed")

from storage3.exceptions import StorageApiError

from api.workbooks.supabase_originals import BUCKET
from tests.api.cli.test_commands import SAMPLE
from tests.api.http.serving import Service
from tests.api.http.test_subscriptions import Client
from tests.database import add_plant, connected
from tests.peers.supabase import SupabaseProject
from tests.peers.supabase.project import Person
from tests.peers.test_supabase_sign_in import bearer, signing_in

pytestmark = pytest.mark.node

IMPORT = """mutation ($file: Upload!) { importWorkbook(input: {file: $file}) {
  report { kind rowsStored } userErrors { code message } } }"""
RUN = 'mutation { runForecast(input: {month: "2024-09"}) { run { id } userErrors { code message } } }'
FOLLOW = """subscription ($id: ID!) { runUpdates(runId: $id) {
  status ... on ForecastRun { totalHeats } } }"""
NODE = "query ($id: ID!) { node(id: $id) { id } }"


@pytest.fixture(scope="module")
async def service(
    supabase: SupabaseProject, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    async with signing_in(
        supabase,
        tmp_path_factory.mktemp("service"),
        supabase.url,
        supabase_jwt_secret=supabase.jwt_secret,
        supabase_secret_key=supabase.secret_key,
    ) as running:
        yield running


async def ask(service: Service, token: str, query: str, **variables: Any) -> Any:
    answer = await service.post(query, variables, **bearer(token))
    assert answer.status_code == 200, answer.text
    assert "errors" not in answer.json(), answer.text
    (found,) = answer.json()["data"].values()
    return found


async def bring(service: Service, token: str, name: str) -> Any:
    """Import a sample workbook."""
    form = {
        "operations": orjson.dumps({"query": IMPORT, "variables": {"file": None}}),
        "map": orjson.dumps({"f": ["variables.file"]}),
    }
    file = {"f": (name, (SAMPLE / name).read_bytes())}
    answer = await service.http.post("/graphql", data=form, files=file, headers=bearer(token))
    payload = answer.json()["data"]["importWorkbook"]
    assert payload["userErrors"] == []
    return payload["report"]


async def column(person: Person, table: str, name: str) -> list[Any]:
    """What a person reads of a column by REST."""
    answer = await person.client.table(table).select(name).execute()
    return [cast("dict[str, Any]", row)[name] for row in answer.data]


async def followed(service: Service, token: str, run_id: str, query: str = FOLLOW) -> list[Any]:
    """What the subscription tells of a run until its end."""
    protocols = [websockets.Subprotocol("graphql-transport-ws")]
    told = []
    async with websockets.connect(service.socket_url, subprotocols=protocols) as connection:
        client = Client(connection)
        await client.say(type="connection_init", payload=bearer(token))
        assert await client.hear() == {"type": "connection_ack"}
        await client.say(id="1", type="subscribe", payload={"query": query, "variables": {"id": run_id}})
        async with asyncio.timeout(180):
            while (message := orjson.loads(await connection.recv()))["type"] == "next":
                told.append(message["payload"]["data"]["runUpdates"])
    return told


async def test_who_signed_up_imports_and_plans_and_nobody_elses_tenant_sees_anything(
    supabase: SupabaseProject, service: Service
) -> None:
    async with connected(supabase.database.admin_url) as admin:
        north = await add_plant(admin, f"end-{uuid.uuid4().hex[:8]}")
        south = await add_plant(admin, f"end-{uuid.uuid4().hex[:8]}")
    planner, stranger = await supabase.member(north, "planner"), await supabase.member(south, "admin")

    names = sorted(path.name for path in SAMPLE.glob("*.xlsx"))
    for name in names:
        assert (await bring(service, planner.token, name))["rowsStored"] > 0
    kept = planner.client.storage.from_(BUCKET)
    hashes = await column(planner, "workbook_imports", "sha256")
    places = [f"{north.id}/{sha256}.xlsx" for sha256 in hashes]
    found = {await kept.download(place) for place in places}
    assert found == {(SAMPLE / name).read_bytes() for name in names}

    run_id = (await ask(service, planner.token, RUN))["run"]["id"]
    told = await followed(service, planner.token, run_id)
    assert told[-1] == {"status": "SUCCEEDED", "totalHeats": 318}

    assert (await ask(service, planner.token, NODE, id=run_id)) == {"id": run_id}
    assert await ask(service, stranger.token, NODE, id=run_id) is None
    for table in ("plan_runs", "forecast_heats", "workbook_imports", "steel_grades", "tenant_members"):
        assert str(north.id) not in await column(stranger, table, "tenant_id")
        assert set(await column(planner, table, "tenant_id")) == {str(north.id)}
    for place in places:
        with pytest.raises(StorageApiError):
            await stranger.client.storage.from_(BUCKET).download(place)
