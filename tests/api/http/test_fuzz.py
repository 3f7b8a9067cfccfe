"""Whatever is sent, the service answers: no fault of its own, and it lives on."""

from __future__ import annotations

import json
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
)

from api.app import create_app
from api.auth import LOCAL_TENANT, LOCAL_USER
from api.context import Services
from api.local_tenant import ensure_local_tenant
from api.relay import node_id
from api.schema import schema
from api.settings import Settings
from bench.plant import Sizes, generate
from tests.api.desk import open_services
from tests.api.http.serving import Service, listening, settings_for
from tests.api.reads.queries import Bare, Document, Known, Query
from tests.database import TemporaryDatabase, connected
from tests.tier import tier

SMALL = Sizes(4, 20, months=3, parts=6, orders=20, runs=8, daily_rows=60, forecast_grades=6)
WILD: dict[str, list[Any]] = {
    "Int": [0, 1, 2, -1, 2**31 - 1, -(2**31), 2**31, 10**30, 1.5, "1"],
    "Float": [0, -1, 1.5, 1e308, 1e-320, -0.0, "1"],
    "Boolean": [True, False, 1, "true"],
    "String": [
        "",
        " ",
        "x" * 5_000,
        "\0",
        "\ud800",
        "'; drop table orders; --",
        "{row}",
        "%s $1 \\",
        "𝕏",
        "\u202e",
    ],
    "Month": ["2024-09", "0001-01", "9999-12", "2024-13", "", 7],
    "Date": ["2024-09-02", "0001-01-01", "9999-12-31", "2024-02-30", "today", 0],
    "DateTime": ["2024-09-02T06:00:00Z", "2024-09-02T06:00:00", "9999-12-31T23:59:59-14:00", ""],
    "JSON": [{}, [], 0, "x", {"a": [{"b": {}}] * 9}, {"orders": "none"}, {"asof_date": "2024-09-02"}],
    "Upload": ["no file", 1],
}
"""Values that make sense, and values that make none."""


class WildDocument(Document):
    """A document whose arguments may be anything."""

    def value(self, place: str, argument: str, definition: GraphQLArgument | GraphQLInputField) -> Any:
        is_required = (
            is_required_argument(definition)
            if isinstance(definition, GraphQLArgument)
            else is_required_input_field(definition)
        )
        if self.chance(20 if is_required else 4):
            return None
        kind = get_named_type(definition.type)
        if is_list_type(get_nullable_type(definition.type)):
            return [self.wild(place, argument, kind) for _ in range(self.draws.randint(0, 4))]
        return self.wild(place, argument, kind)

    def wild(self, place: str, argument: str, kind: Any) -> Any:
        if isinstance(kind, GraphQLInputObjectType):
            return {
                name: self.value(place, name, field)
                for name, field in kind.fields.items()
                if is_required_input_field(field) or self.chance(2)
            }
        if isinstance(kind, GraphQLEnumType):
            return self.pick([*kind.values, "NO_SUCH"])
        if kind.name == "ID":
            return self.pick([*(one for ids in self.known.ids.values() for one in ids), "x", "", "é" * 99, 0])
        if argument in ("after", "before"):
            return self.pick(["", "WzEsMl0=", "W10=", "bnVsbA==", "eyJhIjoxfQ==", "x"])
        return self.pick(WILD[kind.name])

    def written(self, definition: GraphQLArgument, value: Any) -> str:
        return self.variable(str(definition.type), value.name if isinstance(value, Bare) else value)

    def variable(self, kind: str, value: Any) -> str:
        name = f"v{len(self.definitions)}"
        self.definitions.append(f"${name}: {kind}")
        self.variables[name] = value
        return f"${name}"


def wild_request(known: Known, seed: int) -> bytes:
    """A request, the same for the same seed; one in ten has a piece cut out, one in ten one twice."""
    draws = random.Random(seed)
    roots = {"query": schema._schema.query_type, "mutation": schema._schema.mutation_type}
    kind = draws.choice(["query", "query", "mutation"])
    root = roots[kind]
    assert isinstance(root, GraphQLObjectType)
    query: Query = WildDocument(draws, schema._schema, known).query(kind, root)
    body = json.dumps({"query": query.text, "variables": query.variables}).encode()
    at, size, fate = draws.randrange(len(body)), draws.randrange(1, 40), draws.randrange(10)
    if fate == 0:
        return body[:at] + body[at + size :]
    return body[: at + size] + body[at:] if fate == 1 else body


@pytest.fixture(scope="module")
async def plant(
    module_database: TemporaryDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Service, Known]]:
    """The whole schema as shipped, on a plant with a little of everything; runs are queued and wait."""
    await ensure_local_tenant(module_database.admin_url)
    async with connected(module_database.admin_url) as admin:
        tenant = await admin.fetchval("select id from tenants where slug = $1", LOCAL_TENANT)
        await generate(admin, tenant, LOCAL_USER, SMALL)
        tables = {"SteelGrade": "steel_grades", "ProductGroup": "product_groups", "Scenario": "scenarios"}
        ids = {
            name: [node_id(name, row["id"]) for row in await admin.fetch(f"select id from {table} limit 3")]
            for name, table in tables.items()
        }
        for name, runs in (("ForecastRun", "FORECAST"), ("ReplanRun", "REPLAN")):
            found = await admin.fetch("select id from plan_runs where kind = $1 limit 3", runs)
            ids[name] = [node_id(name, row["id"]) for row in found]
    data: Path = tmp_path_factory.mktemp("data")

    @asynccontextmanager
    async def opened(_: Settings) -> AsyncIterator[Services]:
        async with open_services(module_database, data) as services:
            yield services

    settings = settings_for(module_database, data)
    async with listening(create_app(settings, schema=schema, open_services=opened)) as service:
        yield service, Known(ids, {})


@pytest.mark.timeout(tier(300, 3_600))
async def test_nothing_that_is_sent_is_our_fault(plant: tuple[Service, Known]) -> None:
    service, known = plant
    first = int(os.environ.get("POURPLAN_SEED", "1"))
    told: dict[str, int] = {}
    # Each twice: a query that was found valid is answered without the executor the second time.
    for seed in (one for one in range(first, first + tier(200, 5_000)) for _ in range(2)):
        body = wild_request(known, seed)
        answer = await service.http.post(
            "/graphql", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code < 500, f"seed {seed}: {answer.text} to {body.decode(errors='replace')}"
        codes = {error["extensions"]["code"] for error in answer.json().get("errors", ())}
        assert not codes & {"INTERNAL", "TIMEOUT"}, (
            f"seed {seed}: {answer.text} to {body.decode(errors='replace')}"
        )
        for code in codes or {"answered"}:
            told[code] = told.get(code, 0) + 1
    # Not everything was refused at the door.
    assert told["answered"] > tier(20, 500), told
    assert (await service.ask("{ tenant { name } }"))["data"]["tenant"]["name"]
