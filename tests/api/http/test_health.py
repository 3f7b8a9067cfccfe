"""Live and ready are told apart; what is not ready says why."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests.api.http.serving import Service, serving
from tests.api.http.shop import schema
from tests.database import TemporaryDatabase, connected, on_server


@pytest.fixture
async def fragile(database: TemporaryDatabase, tmp_path: Path) -> AsyncIterator[Service]:
    """A service on a database of its own, which the test may spoil."""
    async with serving(database, tmp_path, schema, pool_size=1, request_seconds=1) as service:
        yield service


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
async def test_ready(service: Service, path: str) -> None:
    answer = await service.http.get(path)
    assert answer.status_code == 200, answer.text
    checks = {"database": {"ok": True}, "migrations": {"ok": True}}
    assert answer.json() == {"status": "ok", "checks": checks}
    assert answer.headers["cache-control"] == "no-store"


async def test_a_database_that_lacks_a_migration_is_not_ready(
    fragile: Service, database: TemporaryDatabase
) -> None:
    async with connected(database.admin_url) as admin:
        newest = await admin.fetchval(
            "delete from supabase_migrations.schema_migrations where version = "
            "(select max(version) from supabase_migrations.schema_migrations) returning version"
        )
    answer = await fragile.http.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == {"ok": True}
    reason = answer.json()["checks"]["migrations"]["reason"]
    assert newest in reason
    assert "pourplan migrate" in reason
    assert (await fragile.http.get("/health/live")).json() == {"status": "ok"}


async def test_a_database_that_is_gone_is_not_ready_and_the_process_lives(
    fragile: Service, database: TemporaryDatabase
) -> None:
    await on_server(database.server, f'alter database "{database.name}" with allow_connections false')
    async with connected(database.server.url("postgres", "postgres")) as admin:
        await admin.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1", database.name
        )
    answer = await fragile.http.get("/health")
    assert answer.status_code == 503
    assert answer.json()["status"] == "unavailable"
    assert "can't be reached" in answer.json()["checks"]["database"]["reason"]
    assert (await fragile.http.get("/health/live")).status_code == 200
    metrics = (await fragile.http.get("/metrics")).text
    assert "pourplan_database_up 0.0" in metrics
    await on_server(database.server, f'alter database "{database.name}" with allow_connections true')
    assert (await fragile.http.get("/health")).status_code == 200


async def test_a_busy_pool_is_not_ready(fragile: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.http.health._SECONDS", 0.2)
    pool: asyncpg.Pool = fragile.app.state.services.database.pool
    async with pool.acquire():
        answer = await asyncio.wait_for(fragile.http.get("/health/ready"), 5)
    assert answer.status_code == 503
    assert "within 0.2 seconds" in answer.json()["checks"]["database"]["reason"]
