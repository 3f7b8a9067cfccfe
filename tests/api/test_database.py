"""Whoever reads is seen by row-level security, and whoever listens is woken whatever becomes of the line."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from api.auth import Identity
from api.database import Database, Notices
from tests.database import Connection, Plant, TemporaryDatabase
from tests.tcp_door import tcp_door

TENANTS = "select string_agg(slug, ' ' order by slug) from tenants"


@pytest.fixture
async def pool(database: TemporaryDatabase) -> AsyncIterator[Database]:
    """A pool of one connection, so that each reader comes after another."""
    opened = await Database.connect(database.api_url, size=1)
    yield opened
    await opened.close()


async def test_each_reader_sees_his_own_tenant(pool: Database, plant: Plant, other_plant: Plant) -> None:
    for _ in range(2):
        for one in (plant, other_plant):
            identity = Identity(one.planner, str(one.id))
            assert await pool.read(identity, "select current_tenant_id()", []) == one.id
            assert await pool.read(identity, "select $1::int + $2::int", [2, 3]) == 5
    assert await pool.read(Identity(UUID(int=7)), TENANTS, []) is None


async def test_no_claims_are_left_behind(pool: Database, plant: Plant) -> None:
    assert await pool.read(Identity(plant.planner), TENANTS, [])
    async with pool.pool.acquire() as connection:
        assert await connection.fetchval("select current_user") == "authenticated"
        assert not await connection.fetchval("select current_setting('request.jwt.claims', true)")
        assert await connection.fetchval(TENANTS) is None
        assert await connection.fetchval("show transaction_read_only") == "off"


async def test_a_reader_writes_nothing(pool: Database, plant: Plant) -> None:
    claims = "select set_config('transaction_read_only', 'off', true)"
    with pytest.raises(asyncpg.PostgresError, match="read-write mode"):
        await pool.read(Identity(plant.admin), claims, [])


async def test_the_services_own_login_has_the_role_for_a_transaction(pool: Database) -> None:
    async with pool.own() as connection:
        assert await connection.fetchval("select current_user") == "pourplan_api"
    async with pool.pool.acquire() as connection:
        assert await connection.fetchval("select current_user") == "authenticated"


CHANNEL = "tests"


async def until_woken(event: asyncio.Event) -> None:
    async with asyncio.timeout(20):
        await event.wait()
    event.clear()


async def announce(admin: Connection, payload: str) -> None:
    await admin.execute("select pg_notify($1, $2)", CHANNEL, payload)


async def test_who_waits_is_woken_by_his_own_payload(database: TemporaryDatabase, admin: Connection) -> None:
    async with Notices(database.api_url, CHANNEL) as notices:
        with notices.subscribe("mine") as mine, notices.subscribe("other") as other:
            await announce(admin, "mine")
            await until_woken(mine)
            assert not other.is_set()


async def test_a_line_that_falls_silent_is_found_out_and_opened_anew(
    database: TemporaryDatabase, admin: Connection
) -> None:
    """A network may forget a connection, after which neither end hears of the other."""
    async with (
        tcp_door(database) as door,
        Notices(door.url("pourplan_api"), CHANNEL, silent_seconds=0.2, answer_seconds=0.5) as notices,
    ):
        with notices.subscribe("run") as changed:
            await announce(admin, "run")
            await until_woken(changed)
            door.fall_silent()
            await announce(admin, "run")  # missed
            await until_woken(changed)
            await announce(admin, "run")
            await until_woken(changed)


async def test_a_line_on_which_nothing_is_said_is_kept(
    database: TemporaryDatabase, admin: Connection
) -> None:
    listening = (
        "select pid from pg_stat_activity where application_name = 'pourplan-notices' and datname = $1"
    )
    asked = f"{listening} and query = 'select 1'"
    async with Notices(database.api_url, CHANNEL, silent_seconds=0.05) as notices:
        before = await admin.fetch(listening, database.name)
        with notices.subscribe("run") as changed:
            async with asyncio.timeout(20):
                while not await admin.fetch(asked, database.name):
                    await asyncio.sleep(0.02)
            assert await admin.fetch(listening, database.name) == before
            assert not changed.is_set()


@pytest.mark.parametrize(
    "fault",
    [asyncpg.InterfaceError("connection is closed"), asyncpg.InternalClientError("hung up"), OSError("no")],
    ids=lambda fault: type(fault).__name__,
)
async def test_whatever_goes_wrong_while_it_connects_anew_it_is_tried_again(
    database: TemporaryDatabase, admin: Connection, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    faults = [fault]
    listen = asyncpg.Connection.add_listener

    async def add_listener(connection: asyncpg.Connection, *args: Any) -> None:
        if faults:
            raise faults.pop()
        await listen(connection, *args)

    async with Notices(database.api_url, CHANNEL) as notices:
        monkeypatch.setattr(asyncpg.Connection, "add_listener", add_listener)
        with notices.subscribe("run") as changed:
            await admin.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where application_name = 'pourplan-notices' and datname = $1",
                database.name,
            )
            await until_woken(changed)
            await announce(admin, "run")
            await until_woken(changed)
    assert not faults


async def test_it_ends_while_nobody_answers(database: TemporaryDatabase) -> None:
    async with asyncio.timeout(20), tcp_door(database) as door, Notices(door.url("pourplan_api"), CHANNEL):
        door.fall_silent()
        await asyncio.sleep(0)
