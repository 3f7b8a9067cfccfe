"""The real Supabase CLI and `pourplan migrate` on the same database agree on what is applied."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from api.embedded import EmbeddedPostgres
from api.migrations import default_folder, migrate, read_migrations
from tests.database import TemporaryDatabase, connected, empty_database

CLI = "supabase@3.1.0"
NPM = shutil.which("npm", path=f"{os.environ.get('PATH', '')}:{Path(sys.executable).parent}")

BOOKS = "select version, name, statements from supabase_migrations.schema_migrations order by version"
SHAPE = """
select array_agg(format('%s %s %s', attname, format_type(atttypid, atttypmod), attnotnull) order by attnum)
from pg_attribute
where attrelid = 'supabase_migrations.schema_migrations'::regclass and attnum > 0 and not attisdropped
"""

pytestmark = [pytest.mark.node, pytest.mark.skipif(NPM is None, reason="npm is not installed")]


async def run(*command: str, cwd: Path) -> str:
    quiet = {"DO_NOT_TRACK": "1", "SUPABASE_TELEMETRY_DISABLED": "1", "NO_COLOR": "1"}
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={**os.environ, **quiet},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 180)
    assert process.returncode == 0, said.decode()
    return said.decode()


@pytest.fixture(scope="module")
async def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the CLI installed, and the product's migrations in their place."""
    folder = tmp_path_factory.mktemp("cli")
    assert NPM is not None
    await run(NPM, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--silent", CLI, cwd=folder)
    shutil.copytree(default_folder(), folder / "supabase" / "migrations")
    (folder / "supabase" / "config.toml").write_text('project_id = "pourplan"\n')
    return folder


@pytest.fixture
async def empty(postgres: EmbeddedPostgres) -> AsyncIterator[TemporaryDatabase]:
    async with empty_database(postgres) as database:
        yield database


@asynccontextmanager
async def door(database: TemporaryDatabase) -> AsyncIterator[str]:
    """A port on loopback that leads to the server's socket: the CLI knows no unix sockets."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        socket = database.server.socket_folder / ".s.PGSQL.5432"
        inner_reader, inner_writer = await asyncio.open_unix_connection(str(socket))
        await asyncio.gather(carry(reader, inner_writer), carry(inner_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"postgresql://postgres@127.0.0.1:{port}/{database.name}"


async def supabase(project: Path, database: TemporaryDatabase, *command: str) -> str:
    async with door(database) as url:
        cli = project / "node_modules" / ".bin" / "supabase"
        return await run(str(cli), *command, f"--remote={url}", "--yes", cwd=project)


async def books(database: TemporaryDatabase) -> tuple[object, list[tuple[object, ...]]]:
    async with connected(database.admin_url) as connection:
        shape = await connection.fetchval(SHAPE)
        return shape, [tuple(row) for row in await connection.fetch(BOOKS)]


async def test_what_we_applied_the_cli_finds_applied(project: Path, empty: TemporaryDatabase) -> None:
    await migrate(empty.admin_url)
    assert "up to date" in await supabase(project, empty, "db", "push")
    listed = await supabase(project, empty, "migration", "list")
    for migration in read_migrations():
        assert listed.count(f"`{migration.version}`") == 2, listed


async def test_what_the_cli_applied_we_find_applied(
    project: Path, empty: TemporaryDatabase, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    # What Supabase brings along, and nothing else.
    await migrate(empty.admin_url, migrations=tmp_path)
    await supabase(project, empty, "db", "push")
    assert await migrate(empty.admin_url) == []

    async with empty_database(postgres) as ours:
        await migrate(ours.admin_url)
        assert await books(ours) == await books(empty)


async def test_supabases_own_linter_finds_nothing(project: Path, empty: TemporaryDatabase) -> None:
    await migrate(empty.admin_url)
    assert "No issues found" in await supabase(project, empty, "db", "advisors", "--fail-on", "warn")
