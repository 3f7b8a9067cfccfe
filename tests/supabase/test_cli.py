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
from api.migrations import default_folder, migrate, pending, read_migrations
from tests.database import TemporaryDatabase, connected, empty_database

CLI, COMPILER = "supabase@3.1.0", "typescript@5.9.3"
NPM = shutil.which("npm", path=f"{os.environ.get('PATH', '')}:{Path(sys.executable).parent}")

BOOKS = "select version, name, statements from supabase_migrations.schema_migrations order by version"
SHAPE = """
select array_agg(format('%s %s %s', attname, format_type(atttypid, atttypmod), attnotnull) order by attnum)
from pg_attribute
where attrelid = 'supabase_migrations.schema_migrations'::regclass and attnum > 0 and not attisdropped
"""

HOSTED = Path(__file__).parent / "hosted.sql"
OWNERS = """
select distinct rolname::text, rolsuper from pg_class join pg_roles on pg_roles.oid = relowner
where relnamespace = 'public'::regnamespace and relkind = 'r'
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
    quietly = ("--no-audit", "--no-fund", "--silent")
    await run(NPM, "install", "--prefix", str(folder), *quietly, CLI, COMPILER, cwd=folder)
    shutil.copytree(default_folder(), folder / "supabase" / "migrations")
    (folder / "supabase" / "config.toml").write_text('project_id = "pourplan"\n')
    return folder


@pytest.fixture
async def empty(postgres: EmbeddedPostgres) -> AsyncIterator[TemporaryDatabase]:
    async with empty_database(postgres) as database:
        yield database


@asynccontextmanager
async def door(database: TemporaryDatabase, login: str = "postgres") -> AsyncIterator[str]:
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
        yield f"postgresql://{login}@127.0.0.1:{port}/{database.name}"


async def supabase(project: Path, database: TemporaryDatabase, *command: str, login: str = "postgres") -> str:
    async with door(database, login) as url:
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


async def test_who_is_no_superuser_pushes_and_the_linter_finds_nothing(
    project: Path, empty: TemporaryDatabase
) -> None:
    async with connected(empty.admin_url) as connection:
        await connection.execute(HOSTED.read_text())
    try:
        await supabase(project, empty, "db", "push", login="owner")
        async with connected(empty.admin_url) as connection:
            assert [tuple(row) for row in await connection.fetch(OWNERS)] == [("owner", False)]
        judged = await supabase(project, empty, "db", "advisors", "--fail-on", "warn", login="owner")
        assert "No issues found" in judged
        owner = empty.server.url("owner", empty.name)
        assert await migrate(owner) == []
        assert await pending(empty.api_url) == []
    finally:
        async with connected(empty.admin_url) as connection:
            await connection.execute("drop owned by owner cascade")


async def test_supabases_own_linter_finds_nothing(project: Path, empty: TemporaryDatabase) -> None:
    await migrate(empty.admin_url)
    assert "No issues found" in await supabase(project, empty, "db", "advisors", "--fail-on", "warn")


CLIENT = """
import type { Database } from "./types";

type Tables = Database["public"]["Tables"];
type Functions = Database["public"]["Functions"];

export const next = (row: Tables["plan_runs"]["Row"]): string => `${row.kind} ${row.attempt + 1}`;
export const order: Pick<Tables["orders"]["Insert"], "order_id" | "qty"> = { order_id: "A-1", qty: 9 };
export const joined: Functions["accept_invitations"]["Returns"] = 1;
export const invited: Functions["invite_member"]["Args"] = { p_email: "kim@plant.example", p_role: "viewer" };
"""
STRICT = ("--noEmit", "--strict", "--target", "es2022", "--moduleResolution", "bundler", "--module", "esnext")


async def compiled(project: Path, source: str) -> str:
    """What the compiler says of a client of the generated types; nothing where all is well."""
    (project / "client.ts").write_text(source)
    compiler = project / "node_modules" / ".bin" / "tsc"
    process = await asyncio.create_subprocess_exec(
        *(str(compiler), *STRICT, "types.ts", "client.ts"),
        cwd=project,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 180)
    return said.decode()


async def test_generated_types_compile_and_know_the_schema(project: Path, empty: TemporaryDatabase) -> None:
    await migrate(empty.admin_url)
    said = await supabase(project, empty, "gen", "types", "typescript", "--schema=public")
    # It tells before them what it connects to.
    (project / "types.ts").write_text(said[said.index("export type Json") :])
    assert await compiled(project, CLIENT) == ""
    for right, wrong in (("row.attempt + 1", "row.attempts + 1"), ("qty: 9", 'qty: "nine"')):
        assert "error TS" in await compiled(project, CLIENT.replace(right, wrong))
