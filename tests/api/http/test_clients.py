"""Real clients against the running service: each with what it supports, together all four ways to ask."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from api.auth import LOCAL_TENANT, LOCAL_USER
from api.local_tenant import ensure_local_tenant
from api.relay import node_id
from bench.plant import Sizes, generate
from tests.api.http.serving import Service, serving
from tests.database import TemporaryDatabase, connected
from tests.peers.node import node_with

WORKBOOK = Path(__file__).parents[3] / "data" / "sample" / "product_groups_monthly.xlsx"
WAYS = ("query", "upload", "websocket", "sse")

ASK = """
import { readFile } from "node:fs/promises";
const [url, file, run] = process.argv.slice(2);
const socket = url.replace("http", "ws");
const QUERY = "{ tenant { name } }";
const UPLOAD = `mutation ($file: Upload!) {
  importWorkbook(input: {file: $file, dryRun: true}) { report { kind stored } userErrors { code } } }`;
const FOLLOW = "subscription ($run: ID!) { runUpdates(runId: $run) { status } }";
const workbook = new File([await readFile(file)], "workbook.xlsx");
const told = {};
async function way(name, ask) {
  try {
    told[name] = await ask();
  } catch (error) {
    told[name] = `failed: ${error.message} ${JSON.stringify(error.graphQLErrors ?? "")}`;
  }
}
function tell() {
  console.log(JSON.stringify(told));
  process.exit(0);
}
"""
UPLOAD = """mutation ($file: Upload!) {
  importWorkbook(input: {file: $file, dryRun: true}) { report { kind stored } userErrors { code } } }"""
APOLLO = (
    ASK
    + """
import { ApolloClient, ApolloLink, InMemoryCache, Observable, gql } from "@apollo/client/core/index.js";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions/index.js";
import createUploadLink from "apollo-upload-client/createUploadLink.mjs";
import { print } from "graphql";
import { createClient as overSse } from "graphql-sse";
import { createClient as overWebSocket } from "graphql-ws";
import WebSocket from "ws";

const options = { cache: new InMemoryCache() };
const http = new ApolloClient({ ...options, link: createUploadLink({ uri: url }) });
const ws = new ApolloClient({
  ...options,
  link: new GraphQLWsLink(overWebSocket({ url: socket, webSocketImpl: WebSocket })),
});
class SseLink extends ApolloLink {
  client = overSse({ url });
  request(operation) {
    const asked = { ...operation, query: print(operation.query) };
    return new Observable((sink) => this.client.subscribe(asked, sink));
  }
}
const sse = new ApolloClient({ ...options, link: new SseLink() });
const first = (client) =>
  new Promise((resolve, reject) =>
    client
      .subscribe({ query: gql(FOLLOW), variables: { run } })
      .subscribe({ next: (one) => resolve(one.data), error: reject }));
const upload = { mutation: gql(UPLOAD), variables: { file: workbook } };

await way("query", async () => (await http.query({ query: gql(QUERY) })).data);
await way("upload", async () => (await http.mutate(upload)).data);
await way("websocket", () => first(ws));
await way("sse", () => first(sse));
tell();
"""
)
URQL = (
    ASK
    + """
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient as overSse } from "graphql-sse";
import { createClient as overWebSocket } from "graphql-ws";
import WebSocket from "ws";

function following(client) {
  return subscriptionExchange({
    forwardSubscription: ({ query, variables }) => ({
      subscribe: (sink) => ({ unsubscribe: client.subscribe({ query, variables }, sink) }),
    }),
  });
}
const made = (...exchanges) =>
  new Client({ url, exchanges: [...exchanges, fetchExchange], preferGetMethod: false });
const plain = made();
const ws = made(following(overWebSocket({ url: socket, webSocketImpl: WebSocket })));
const sse = made(following(overSse({ url })));
const data = ({ data, error }) => {
  if (error) throw error;
  return data;
};
const first = (client) =>
  new Promise((resolve, reject) =>
    client
      .subscription(FOLLOW, { run })
      .subscribe((one) => (one.error ? reject(one.error) : resolve(one.data))));

await way("query", async () => data(await plain.query(QUERY, {}).toPromise()));
await way("upload", async () => data(await plain.mutation(UPLOAD, { file: workbook }).toPromise()));
await way("websocket", () => first(ws));
await way("sse", () => first(sse));
tell();
"""
)
GRAPHQL_REQUEST = (
    ASK
    + """
import { GraphQLClient } from "graphql-request";

const client = new GraphQLClient(url);
await way("query", () => client.request(QUERY));
tell();
"""
)
NODE_CLIENTS = {
    "Apollo Client": APOLLO,
    "urql": URQL,
    "graphql-request": GRAPHQL_REQUEST,
}
PACKAGES = {
    "@apollo/client": "3.13.8",
    "apollo-upload-client": "18.0.1",
    "@urql/core": "5.1.1",
    "graphql-request": "7.1.2",
    "graphql-ws": "6.0.5",
    "graphql-sse": "2.5.4",
    "graphql": "16.11.0",
    "ws": "8.18.3",
}
SUPPORTED = {
    "Apollo Client": set(WAYS),
    "urql": set(WAYS),
    "graphql-request": {"query"},
    "gql": {"query", "upload", "websocket"},
}
ANSWERS: dict[str, Any] = {
    "query": {"tenant": {"name": "Default"}},
    "upload": {
        "importWorkbook": {"report": {"kind": "PRODUCT_GROUPS_MONTHLY", "stored": False}, "userErrors": []}
    },
    "websocket": {"runUpdates": {"status": "SUCCEEDED"}},
    "sse": {"runUpdates": {"status": "SUCCEEDED"}},
}
"""What each way answers, beside the type names that some clients ask for."""


@pytest.fixture(scope="module")
async def plant(
    module_database: TemporaryDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Service, str]]:
    """The whole service, and the id of a run that has ended."""
    await ensure_local_tenant(module_database.admin_url)
    async with connected(module_database.admin_url) as admin:
        tenant = await admin.fetchval("select id from tenants where slug = $1", LOCAL_TENANT)
        ANSWERS["query"] = {"tenant": {"name": await admin.fetchval("select name from tenants")}}
        await generate(
            admin, tenant, LOCAL_USER, Sizes(2, 6, months=1, parts=2, orders=4, runs=4, daily_rows=8)
        )
        run = await admin.fetchval(
            "select id from plan_runs where kind = 'FORECAST' and status = 'SUCCEEDED' limit 1"
        )
    async with serving(module_database, tmp_path_factory.mktemp("data")) as service:
        yield service, node_id("ForecastRun", run)


@pytest.mark.node
@pytest.mark.parametrize("name", NODE_CLIENTS)
async def test_clients_of_npm(plant: tuple[Service, str], name: str) -> None:
    service, run = plant
    node = node_with(**PACKAGES)
    script, url = NODE_CLIENTS[name], f"{service.url}/graphql"
    told = json.loads(await asyncio.to_thread(node.run, script, url, str(WORKBOOK), run))
    show(name, told)
    assert without_type_names(told) == {way: ANSWERS[way] for way in WAYS if way in SUPPORTED[name]}


async def test_gql_of_pypi(plant: tuple[Service, str]) -> None:
    pytest.importorskip("gql", reason="gql is not installed")
    from gql import Client, FileVar, gql
    from gql.transport.aiohttp import AIOHTTPTransport
    from gql.transport.websockets import WebsocketsTransport

    service, run = plant
    told: dict[str, Any] = {}
    async with Client(transport=AIOHTTPTransport(url=f"{service.url}/graphql")) as client:
        told["query"] = await client.execute(gql("{ tenant { name } }"))
        upload = gql(UPLOAD)
        upload.variable_values = {"file": FileVar(str(WORKBOOK))}
        told["upload"] = await client.execute(upload, upload_files=True)
    follow = gql("subscription ($run: ID!) { runUpdates(runId: $run) { status } }")
    follow.variable_values = {"run": run}
    async with Client(transport=WebsocketsTransport(url=service.socket_url)) as client:
        told["websocket"] = [event async for event in client.subscribe(follow)][-1]
    show("gql", told)
    assert told == {way: ANSWERS[way] for way in WAYS if way in SUPPORTED["gql"]}


def test_together_they_ask_in_all_ways() -> None:
    assert set().union(*SUPPORTED.values()) == set(WAYS)


def show(name: str, told: dict[str, Any]) -> None:
    """Print a row of the matrix."""
    ways = "".join(f"{way:>12}{'yes' if way in told else '-':>4}" for way in WAYS)
    print(f"\n{name:16}{ways}")  # noqa: T201


def without_type_names(value: Any) -> Any:
    """An answer without what a client's cache asks for by itself."""
    if isinstance(value, dict):
        return {key: without_type_names(one) for key, one in value.items() if key != "__typename"}
    return [without_type_names(one) for one in value] if isinstance(value, list) else value
