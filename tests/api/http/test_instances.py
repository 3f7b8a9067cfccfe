"""Two instances of the service behind one address: whatever one hands out, the other understands."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
import websockets

from api.app import create_app
from api.services import open_services
from tests.api.desk import lay_out
from tests.api.http.serving import Service, listening, settings_for
from tests.api.http.test_subscriptions import Client
from tests.database import Connection, Plant, TemporaryDatabase, add_plant
from tests.peers.issuer import Issuer, publishing

KEY = "a signing key of 32 characters and more"
RUN = 'mutation { runForecast(input: {month: "2024-09"}) { run { id } } }'


@dataclass(frozen=True)
class Instances:
    """Two services on one database, each with a folder of its own, as containers have."""

    one: Service
    other: Service
    issuer: Issuer
    plant: Plant

    def bearer(self, role: str = "planner") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.issuer.token(None, sub=str(self.plant.members[role]))}"}

    async def ask(self, service: Service, query: str, role: str = "planner", **variables: Any) -> Any:
        answer = await service.post(query, variables, **self.bearer(role))
        assert answer.status_code == 200, answer.text
        assert "errors" not in answer.json(), answer.text
        return answer.json()["data"]


@asynccontextmanager
async def two(
    database: TemporaryDatabase, admin: Connection, folder: Path, **settings: Any
) -> AsyncIterator[Instances]:
    plant = await add_plant(admin, "north")
    await lay_out(admin, plant)
    async with (
        publishing("ES256") as issuer,
        _one(database, folder / "a", supabase_url=issuer.url, **settings) as one,
        _one(database, folder / "b", supabase_url=issuer.url, **settings) as other,
    ):
        yield Instances(one, other, issuer, plant)


@asynccontextmanager
async def _one(database: TemporaryDatabase, folder: Path, **settings: Any) -> AsyncIterator[Service]:
    given = settings_for(database, folder, **settings)
    app = create_app(given, open_services=lambda s: open_services(s, exclusive=True))
    async with listening(app) as service:
        yield service


@pytest.fixture
async def instances(
    database: TemporaryDatabase, admin: Connection, tmp_path: Path
) -> AsyncIterator[Instances]:
    async with two(database, admin, tmp_path, signing_key=KEY) as running:
        yield running


async def finished(instances: Instances) -> str:
    """A forecast asked for at one, and followed to its end at the other; its id."""
    run: str = (await instances.ask(instances.one, RUN))["runForecast"]["run"]["id"]
    protocols = [websockets.Subprotocol("graphql-transport-ws")]
    follow = "subscription ($id: ID!) { runUpdates(runId: $id) { status } }"
    status = None
    async with websockets.connect(instances.other.socket_url, subprotocols=protocols) as connection:
        client = Client(connection)
        await client.say(type="connection_init", payload=instances.bearer())
        assert await client.hear() == {"type": "connection_ack"}
        await client.say(id="1", type="subscribe", payload={"query": follow, "variables": {"id": run}})
        async with asyncio.timeout(60):
            while (message := orjson.loads(await connection.recv()))["type"] == "next":
                status = message["payload"]["data"]["runUpdates"]["status"]
    assert status == "SUCCEEDED"
    return run


LINK = """query ($id: ID!) { planRun(id: $id) { ... on ForecastRun { download(format: CSV) { url } } } }"""


async def test_a_run_of_one_is_told_by_the_other_and_its_link_opens_there(instances: Instances) -> None:
    run = await finished(instances)
    told = await instances.ask(instances.one, LINK, id=run)
    path = told["planRun"]["download"]["url"].removeprefix(instances.one.url)
    here, there = await instances.one.http.get(path), await instances.other.http.get(path)
    assert (here.status_code, there.status_code) == (200, 200)
    assert here.content == there.content


async def test_without_a_common_key_a_link_opens_at_its_own_instance_alone(
    database: TemporaryDatabase, admin: Connection, tmp_path: Path
) -> None:
    async with two(database, admin, tmp_path) as instances:
        told = await instances.ask(instances.one, LINK, id=await finished(instances))
        path = told["planRun"]["download"]["url"].removeprefix(instances.one.url)
        assert (await instances.one.http.get(path)).status_code == 200
        assert (await instances.other.http.get(path)).status_code == 404


async def test_a_page_is_turned_at_the_other(instances: Instances) -> None:
    query = """query ($after: String) {
      steelGrades(first: 2, after: $after) { nodes { name } pageInfo { endCursor hasNextPage } } }"""
    names: list[str] = []
    after, services = None, [instances.one, instances.other]
    while True:
        page = (await instances.ask(services[len(names) // 2 % 2], query, after=after))["steelGrades"]
        names += [node["name"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    all_at_once = (await instances.ask(instances.one, query.replace("first: 2", "first: 99")))["steelGrades"]
    assert names == [node["name"] for node in all_at_once["nodes"]]


async def test_a_key_that_one_revokes_is_refused_by_the_other(instances: Instances) -> None:
    made = await instances.ask(
        instances.one,
        'mutation { createApiKey(input: {name: "Scale", role: VIEWER}) { secret apiKey { id } } }',
        "admin",
    )
    key = {"Authorization": f"Bearer {made['createApiKey']['secret']}"}
    assert (await instances.other.post("{ tenant { slug } }", **key)).status_code == 200
    revoke = "mutation ($id: ID!) { revokeApiKey(input: {apiKeyId: $id}) { userErrors { code } } }"
    await instances.ask(instances.one, revoke, "admin", id=made["createApiKey"]["apiKey"]["id"])
    assert (await instances.other.post("{ tenant { slug } }", **key)).status_code == 401


async def test_a_run_that_is_asked_for_at_both_with_one_idempotency_key_is_one(
    instances: Instances, admin: Connection
) -> None:
    from tests.api.foundry.shop import IMPORT, PROBLEM

    stored = await instances.ask(instances.one, IMPORT, name="Foundry", problem=dict(PROBLEM))
    scenario = stored["importScenario"]["scenario"]["id"]
    replan = """mutation ($id: ID!, $key: String!) {
      replanMonday(input: {scenarioId: $id, timeLimitSeconds: 1, idempotencyKey: $key}) { run { id } } }"""
    key = uuid.uuid4().hex
    answers = await asyncio.gather(
        *(
            instances.ask(service, replan, id=scenario, key=key)
            for service in (instances.one, instances.other) * 2
        )
    )
    assert len({answer["replanMonday"]["run"]["id"] for answer in answers}) == 1
    assert await admin.fetchval("select count(*) from plan_runs where kind = 'REPLAN'") == 1
