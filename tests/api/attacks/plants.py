"""A plant with something of every kind, and what of it must stay as it is and unseen."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

from api.auth import Identity
from api.context import Services
from api.relay import node_id, parse_node_id
from solver_jobs.store import DirectStore
from solver_jobs.worker import Ending, work
from tests.api.desk import Desk, desk_of, lay_out
from tests.api.foundry.shop import IMPORT, PROBLEM
from tests.api.workbooks.test_graphql import IMPORT as IMPORT_WORKBOOK
from tests.api.workbooks.test_graphql import PRODUCTION, Uploaded
from tests.database import Connection, Plant, TemporaryDatabase, add_plant, connected

MARK = "NORTHERN"
"""Stands in every name of the attacked plant: no answer to others may hold it."""

TABLES = """
select c.relname::text, a.attname::text
from pg_class as c
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
  and a.attname = case c.relname when 'tenants' then 'id' else 'tenant_id' end
"""


@dataclass(frozen=True)
class Victim:
    """A plant, and the ids of what it has, by type."""

    plant: Plant
    ids: Mapping[str, str]

    def id_of(self, type_name: str) -> str:
        return self.ids[type_name]

    def desk(self, services: Services, role: str) -> Desk:
        return desk_of(services, self.plant, role)


def made_up(like: str) -> str:
    """An id of the same type that nothing has."""
    type_name, _ = parse_node_id(like)
    return node_id(type_name, uuid4())


def forgetting(answer: object, given: str) -> str:
    """An answer without the id that was given: what is left must not depend on whose it is."""
    key = base64.b64decode(given).decode().partition(":")[2]
    return repr(answer).replace(given, "<id>").replace(key, "<key>")


async def lay_out_both(services: Services, database: TemporaryDatabase) -> tuple[Victim, Victim]:
    """Store both plants."""
    async with connected(database.admin_url) as admin:
        north = await _lay_out(services, database, admin, "north")
        south = await _lay_out(services, database, admin, "south")
        for table in ("tenants", "product_groups", "steel_grades", "scenarios", "api_keys"):
            column = "id" if table == "tenants" else "tenant_id"
            await admin.execute(
                f"update {table} set name = '{MARK} ' || name where {column} = $1", north.plant.id
            )
        await admin.execute(
            "update tenant_members set email = role || '@northern.example' where tenant_id = $1",
            north.plant.id,
        )
    return north, south


async def _lay_out(services: Services, database: TemporaryDatabase, admin: Connection, slug: str) -> Victim:
    plant = await add_plant(admin, slug)
    await lay_out(admin, plant)
    planner, boss = desk_of(services, plant, "planner"), desk_of(services, plant, "admin")
    ids: dict[str, str] = {"Tenant": node_id("Tenant", plant.id)}
    imported = await planner.ask(IMPORT, name="Foundry", problem=dict(PROBLEM))
    ids["Scenario"] = imported["importScenario"]["scenario"]["id"]
    ids |= await _first_of(boss, orders="Order", parts="Part", productGroups="ProductGroup")
    ids |= await _members(boss)
    ids |= await _runs(planner, database, ids["Scenario"])
    ids |= await _workbook(planner)
    grades = await boss.ask("{ steelGrades { nodes { id } } }")
    ids["SteelGrade"], ids["SteelGrade 2"] = [one["id"] for one in grades["steelGrades"]["nodes"]][:2]
    return Victim(plant, ids)


async def _first_of(desk: Desk, **types: str) -> dict[str, str]:
    found = {}
    for field, type_name in types.items():
        answer = await desk.ask(f"{{ {field}(first: 1) {{ nodes {{ id }} }} }}")
        found[type_name] = answer[field]["nodes"][0]["id"]
    return found


async def _members(boss: Desk) -> dict[str, str]:
    invited = await boss.ask(
        "mutation ($email: String!) {"
        " inviteMember(input: {email: $email, role: VIEWER}) { invitation { id } } }",
        email=f"new@{boss.identity.tenant}.example",
    )
    made = await boss.ask('mutation { createApiKey(input: {name: "Scale", role: VIEWER}) { apiKey { id } } }')
    members = await boss.ask("{ members { nodes { id role } } }")
    operator = next(one["id"] for one in members["members"]["nodes"] if one["role"] == "OPERATOR")
    return {
        "Invitation": invited["inviteMember"]["invitation"]["id"],
        "ApiKey": made["createApiKey"]["apiKey"]["id"],
        "Member": operator,
    }


async def _runs(planner: Desk, database: TemporaryDatabase, scenario: str) -> dict[str, str]:
    """Run a forecast and a replan to their end; leave another forecast and a batch waiting."""
    forecast = 'mutation { runForecast(input: {month: "2024-09"}) { run { id } } }'
    replan = (
        "mutation ($id: ID!) { replanMonday(input: {scenarioId: $id, timeLimitSeconds: 1}) { run { id } } }"
    )
    done = (await planner.ask(forecast))["runForecast"]["run"]["id"]
    planned = (await planner.ask(replan, id=scenario))["replanMonday"]["run"]["id"]
    waiting = (await planner.ask(forecast))["runForecast"]["run"]["id"]
    async with DirectStore(database.jobs_url, lease_seconds=60) as store:
        for run in (done, planned):
            assert await work(parse_node_id(run)[1], store, lease_seconds=60) is Ending.SUCCEEDED
    many = "mutation ($id: ID!) { replanMany(input: {scenarioIds: [$id]}) { batch { id } } }"
    batch = (await planner.ask(many, id=scenario))["replanMany"]["batch"]["id"]
    return {
        "ForecastRun": done,
        "ReplanRun": planned,
        "ForecastRun waiting": waiting,
        "RunBatch": batch,
    }


async def _workbook(planner: Desk) -> dict[str, str]:
    await planner.ask(IMPORT_WORKBOOK, file=Uploaded("history.xlsx", PRODUCTION.read_bytes()))
    return await _first_of(planner, imports="WorkbookImport")


async def rows_of(database: TemporaryDatabase, tenant: UUID) -> dict[str, str]:
    """A digest of each table's rows of a tenant."""
    async with connected(database.admin_url) as admin:
        found = {}
        for table, column in await admin.fetch(TABLES):
            rows = await admin.fetch(
                f"select t::text from {table} as t where {column} = $1 order by 1", tenant
            )
            found[table] = hashlib.sha256(repr([row[0] for row in rows]).encode()).hexdigest()
    return found


def attackers(services: Services, south: Victim) -> dict[str, Desk]:
    """Who tries: each role of the other plant, and somebody who belongs to none."""
    return {
        **{role: south.desk(services, role) for role in south.plant.members},
        "stranger": Desk(services, Identity(uuid4())),
    }
