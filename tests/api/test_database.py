"""Whoever reads is seen by row-level security, and what nobody asked for in a name shows nothing."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from api.auth import Identity
from api.database import Database
from tests.database import Plant, TemporaryDatabase

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
