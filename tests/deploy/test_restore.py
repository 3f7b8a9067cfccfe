"""Backup and restore as docs/operate.md tells them: its own lines are carried out."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from api import cluster
from api.embedded import EmbeddedPostgres, embedded
from api.local_tenant import ensure_local_tenant
from api.migrations import migrate
from bench.plant import Sizes, generate
from tests.database import Connection, TemporaryDatabase, add_plant, connected, empty_database, short_folder
from tests.deploy.dockerfile import ROOT
from tests.deploy.test_image import HOSTED
from tests.tcp_door import tcp_door

OPERATE = (ROOT / "docs" / "operate.md").read_text()
BINARIES = cluster._binaries(18, None)
SMALL = Sizes(groups=3, grades=12, months=4, parts=8, orders=20, runs=6, daily_rows=60, forecast_grades=4)

TABLES = """
select relname::text from pg_class
where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname
"""
RIGHTS = """
select array_agg(x order by x) from (
    select format('%s %s %s', c.relname, c.relrowsecurity, c.relforcerowsecurity) as x from pg_class as c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
    union all
    select format('%s %s %s %s %s', tablename, policyname, cmd, qual, with_check) from pg_policies
    where schemaname = 'public'
    union all
    select format('%s %s %s', p.oid::regprocedure, a.grantee::regrole, a.privilege_type)
    from pg_proc as p, aclexplode(p.proacl) as a
    where p.pronamespace = 'public'::regnamespace and a.grantee <> 0
    union all
    select format('%s %s %s', c.relname, a.grantee::regrole, a.privilege_type)
    from pg_class as c, aclexplode(c.relacl) as a
    where c.relnamespace = 'public'::regnamespace and a.grantee <> 0
) as rights (x)
"""


def told(command: str) -> str:
    """The block of the page that has this command."""
    blocks = re.findall(r"```sh\n(.*?)```", OPERATE, re.DOTALL)
    (block,) = [block for block in blocks if command in block]
    return str(block)


async def carry_out(command: str, folder: Path, **variables: str) -> None:
    """Run the page's lines in a folder, with the programs of this environment."""
    path = f"{Path(sys.executable).parent}:{BINARIES}:{os.environ['PATH']}"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("POURPLAN_", "DATABASE_", "PG"))}
    done = await asyncio.to_thread(
        subprocess.run,
        ["sh", "-ec", told(command)],
        cwd=folder,
        env={**kept, "PATH": path, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


async def content(connection: Connection) -> dict[str, Any]:
    """All rows of all tables, and who may see and do what."""
    tables = [row[0] for row in await connection.fetch(TABLES)]
    rows = {
        table: await connection.fetchval(
            f'select array_agg(t::text order by t::text) from public."{table}" as t'
        )
        for table in tables
    }
    return {**rows, "rights": await connection.fetchval(RIGHTS)}


async def fill_a_plant(admin: Connection) -> None:
    """A plant with a bit of everything, and a scenario that was planned and then deleted."""
    plant = await add_plant(admin, "north")
    await generate(admin, plant.id, plant.admin, SMALL)
    await admin.execute(
        "insert into plan_runs (tenant_id, kind, status, scenario_id, asof_date, problem, error,"
        " requested_by, finished_at)"
        " select tenant_id, 'REPLAN', 'FAILED', id, asof_date, '{}', '{}', $1, now()"
        " from scenarios where name = 'What if'",
        plant.admin,
    )
    archived = await admin.execute("update scenarios set archived_at = now() where name = 'What if'")
    assert archived == "UPDATE 1"


@pytest.fixture
async def folder() -> AsyncIterator[Path]:
    with short_folder() as path:
        yield path


@asynccontextmanager
async def like_hosted(postgres: EmbeddedPostgres) -> AsyncIterator[TemporaryDatabase]:
    async with empty_database(postgres) as database:
        async with connected(database.admin_url) as admin:
            await admin.execute(HOSTED.read_text())
        yield database


async def test_a_hosted_database_comes_back_by_its_owner(postgres: EmbeddedPostgres, folder: Path) -> None:
    async with like_hosted(postgres) as lost, tcp_door(lost) as door:
        owner = door.url("owner")
        await migrate(owner)
        async with connected(lost.admin_url) as admin:
            await fill_a_plant(admin)
            before = await content(admin)
        await carry_out("pg_dump --format=custom --data-only", folder, DATABASE_ADMIN_URL=owner)
    async with like_hosted(postgres) as new, tcp_door(new) as door:
        await carry_out("pg_restore --data-only", folder, DATABASE_ADMIN_URL=door.url("owner"))
        async with connected(new.admin_url) as admin:
            assert await content(admin) == before
    assert len(before["plan_runs"]) == SMALL.runs + 1


async def test_the_embedded_database_comes_back_in_another_folder(folder: Path) -> None:
    with short_folder() as old, short_folder() as new:
        async with embedded(old, durable=False) as server:
            await migrate(server.admin_url)
            await ensure_local_tenant(server.admin_url)
            async with connected(server.admin_url) as admin:
                await fill_a_plant(admin)
                before = await content(admin)
            await carry_out('"$BIN/pg_dump"', folder, POURPLAN_DATA=str(old))
        async with embedded(new, durable=False) as server:
            await migrate(server.admin_url)
            await ensure_local_tenant(server.admin_url)
            await carry_out('"$BIN/pg_restore"', folder, POURPLAN_DATA=str(new))
            async with connected(server.admin_url) as admin:
                assert await content(admin) == before
            assert await migrate(server.admin_url) == []
    assert len(before["tenants"]) == 2


async def test_the_folder_of_a_stopped_service_is_a_backup(folder: Path) -> None:
    with short_folder() as old, short_folder() as new:
        async with embedded(old) as server:
            await migrate(server.admin_url)
            async with connected(server.admin_url) as admin:
                await fill_a_plant(admin)
                before = await content(admin)
        await carry_out("tar --create", folder, POURPLAN_DATA=str(old))
        unpack = ["tar", "--extract", "--file", str(folder / "pourplan.tar.gz"), "--directory", str(new)]
        await asyncio.to_thread(subprocess.run, unpack, check=True)
        async with embedded(new) as server, connected(server.admin_url) as admin:
            assert await content(admin) == before
