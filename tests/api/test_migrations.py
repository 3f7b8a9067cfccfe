"""Migrations: applied once, in order, whole or not at all, and in agreement with the Supabase CLI."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest

from api import migrations
from api.embedded import EmbeddedPostgres
from api.migrations import migrate, pending, read_migrations
from tests.database import Connection, TemporaryDatabase, connected, empty_database

HOSTED = Path(__file__).parent.parent / "supabase" / "hosted.sql"

SHAPE = """
select array_agg(format('%s %s %s', attname, format_type(atttypid, atttypmod), attnotnull) order by attnum)
from pg_attribute
where attrelid = 'supabase_migrations.schema_migrations'::regclass and attnum > 0 and not attisdropped
"""


@pytest.fixture
async def plain(every_postgres: EmbeddedPostgres) -> AsyncIterator[TemporaryDatabase]:
    """A plain database on each version of Postgres at hand."""
    async with empty_database(every_postgres) as database:
        yield database


@pytest.fixture
async def empty(postgres: EmbeddedPostgres) -> AsyncIterator[TemporaryDatabase]:
    """A plain database on the product's version."""
    async with empty_database(postgres) as database:
        yield database


@pytest.fixture
async def look(empty: TemporaryDatabase) -> AsyncIterator[Connection]:
    async with connected(empty.admin_url) as connection:
        yield connection


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three migrations of a small shop."""
    write(tmp_path, "20240101000000_pots", "create table pots (id int primary key);\n")
    write(
        tmp_path, "20240102000000_lids", "-- Lids fit pots.\ncreate table lids (pot int references pots);\n"
    )
    write(
        tmp_path,
        "20240103000000_spoons",
        "create table spoons (id int);\ninsert into spoons values (1);\ninsert into spoons values (2);\n",
    )
    return tmp_path


def write(folder: Path, name: str, script: str) -> Path:
    file = folder / f"{name}.sql"
    file.write_text(script, encoding="utf-8")
    return file


async def versions(connection: Connection) -> list[str]:
    rows = await connection.fetch(
        "select version from supabase_migrations.schema_migrations order by version"
    )
    return [row["version"] for row in rows]


async def refusal(kind: type[migrations.MigrationError], url: str, folder: Path) -> str:
    with pytest.raises(kind) as refused:
        await migrate(url, migrations=folder)
    return str(refused.value)


# ---------------------------------------------------------------------- the product's own migrations


async def test_the_schema_is_made_on_a_plain_postgres_and_only_once(plain: TemporaryDatabase) -> None:
    known = read_migrations()
    assert await pending(plain.admin_url) == [f"{m.version}_{m.name}" for m in known]
    assert [applied.version for applied in await migrate(plain.admin_url)] == [m.version for m in known]
    assert await migrate(plain.admin_url) == []
    assert await pending(plain.admin_url) == []


async def test_the_service_may_ask_whether_it_is_up_to_date(plain: TemporaryDatabase) -> None:
    await migrate(plain.admin_url)
    assert await pending(plain.api_url) == []
    async with connected(plain.api_url) as connection:
        assert await pending(connection) == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("select statements from supabase_migrations.schema_migrations")


async def test_the_schema_is_made_as_the_owner_of_a_hosted_project(plain: TemporaryDatabase) -> None:
    async with connected(plain.admin_url) as connection:
        await connection.execute(HOSTED.read_text())
    try:
        await migrate(plain.server.url("owner", plain.name))
        assert await pending(plain.api_url) == []
        async with connected(plain.admin_url) as connection:
            comment = "select obj_description('auth.uid()'::regprocedure)"
            assert await connection.fetchval(comment) == "the platform's own"
            assert (
                await connection.fetchval(
                    "select count(*) from pg_proc where pronamespace = 'auth'::regnamespace"
                )
                == 4
            )
    finally:
        async with connected(plain.admin_url) as connection:
            await connection.execute("drop owned by owner cascade")


async def test_the_books_have_the_form_of_the_supabase_cli(plain: TemporaryDatabase, folder: Path) -> None:
    await migrate(plain.admin_url, migrations=folder)
    async with connected(plain.admin_url) as connection:
        assert await connection.fetchval(SHAPE) == ["version text t", "statements text[] f", "name text f"]
        row = await connection.fetchrow(
            "select * from supabase_migrations.schema_migrations where version = '20240103000000'"
        )
        assert row is not None
        assert row["name"] == "spoons"
        assert row["statements"] == [
            "create table spoons (id int)",
            "insert into spoons values (1)",
            "insert into spoons values (2)",
        ]


async def test_four_at_once_apply_each_migration_once(plain: TemporaryDatabase, folder: Path) -> None:
    done = await asyncio.gather(*(migrate(plain.admin_url, migrations=folder) for _ in range(4)))
    assert sorted(len(applied) for applied in done) == [0, 0, 0, 3]


async def test_a_plain_postgres_gets_what_supabase_brings_along(
    plain: TemporaryDatabase, tmp_path: Path
) -> None:
    await migrate(plain.admin_url, migrations=tmp_path)
    async with connected(plain.admin_url) as connection:
        roles = await connection.fetch(
            "select rolname::text, rolcanlogin, rolbypassrls from pg_roles"
            " where rolname in ('anon', 'authenticated', 'service_role') order by rolname"
        )
        assert [tuple(row) for row in roles] == [
            ("anon", False, False),
            ("authenticated", False, False),
            ("service_role", False, True),
        ]
        user = "6a1c1f43-29f2-4a43-9f0b-b9a3d3a7f1c1"
        async with connection.transaction():
            await connection.execute(
                "select set_config('request.jwt.claims', $1, true)",
                f'{{"sub": "{user}", "role": "authenticated", "email": "p@plant.example"}}',
            )
            row = await connection.fetchrow(
                "select auth.uid()::text, auth.role(), auth.email(), auth.jwt() ->> 'sub'"
            )
            assert row is not None
            assert tuple(row) == (user, "authenticated", "p@plant.example", user)
        # After a transaction the setting is empty, not absent.
        assert await connection.fetchval(
            "select auth.uid() is null and auth.jwt() is null and auth.role() is null"
        )
        # As there, so that a table that forgets to revoke is found out.
        await connection.execute("create table public.open (id int)")
        assert await connection.fetchval("select has_table_privilege('anon', 'public.open', 'insert')")


# ---------------------------------------------------------------------- whole or not at all


@pytest.mark.parametrize(
    ("script", "line", "number", "shown"),
    [
        ("create table a (id int);\n\n-- why\ncreate tabel b (id int);\n", 4, 2, "create tabel b (id int);"),
        ("select 1;\ninsert into\n  nowhere\nvalues (1);\n", 3, 2, "nowhere"),
        ("create table a (id int);\n/* twice */\ncreate table a (id int);", 3, 2, "create table a (id int);"),
        ("select 1;\n\ndo $$\nbegin\n    perform 1 / 0;\nend\n$$;\n", 3, 2, "do $$"),
        ("create table a (id int);\nvacuum a;\n", 2, 2, "vacuum a;"),
        ("select 'never closed\n;\n", 1, 1, "select 'never closed"),
    ],
)
async def test_of_a_failed_migration_nothing_stays_and_its_place_is_named(
    empty: TemporaryDatabase, look: Connection, folder: Path, script: str, line: int, number: int, shown: str
) -> None:
    file = write(folder, "20240104000000_forks", script)
    said = await refusal(migrations.MigrationFailed, empty.admin_url, folder)
    assert said.startswith(f"{file}, line {line}, statement {number}: ")
    assert f"\n    {shown}\n" in said
    assert "SQLSTATE" in said
    assert await look.fetchval("select to_regclass('a')") is None
    assert await versions(look) == ["20240101000000", "20240102000000", "20240103000000"]
    assert await pending(empty.admin_url, migrations=folder) == ["20240104000000_forks"]

    write(folder, "20240104000000_forks", "create table a (id int);")
    assert [applied.name for applied in await migrate(empty.admin_url, migrations=folder)] == ["forks"]


async def test_the_server_going_away_leaves_nothing_half_done(
    empty: TemporaryDatabase, look: Connection, folder: Path
) -> None:
    ends_itself = (
        "create table a (id int);\nselect pg_terminate_backend(pg_backend_pid());\ncreate table b (id int);"
    )
    write(folder, "20240104000000_forks", ends_itself)
    said = await refusal(migrations.MigrationFailed, empty.admin_url, folder)
    assert "line 2" in said
    assert await look.fetchval("select to_regclass('a')") is None


async def test_a_migration_that_leaves_itself_another_role_is_told_so(
    empty: TemporaryDatabase, look: Connection, folder: Path
) -> None:
    write(folder, "20240104000000_forks", "create table forks (id int);\nset role authenticated;\n")
    said = await refusal(migrations.MigrationFailed, empty.admin_url, folder)
    assert "20240104000000_forks.sql" in said
    assert "reset role" in said
    assert await look.fetchval("select to_regclass('forks')") is None


async def test_what_a_migration_sets_for_its_session_ends_with_it(
    empty: TemporaryDatabase, look: Connection, folder: Path
) -> None:
    write(
        folder,
        "20240104000000_elsewhere",
        "create schema side;\nset search_path = side;\nset statement_timeout = '1s';\n",
    )
    write(folder, "20240105000000_here", "create table found (id int);\n")
    await migrate(empty.admin_url, migrations=folder)
    assert await look.fetchval("select to_regclass('public.found') is not null")


# ---------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("(2)", "(3)"),
        lambda text: text + "insert into spoons values (3);\n",
        lambda text: text + "-- an afterthought\n",
        lambda text: "-- a foreword\n" + text,
        lambda text: text.rsplit("insert", 1)[0],
        lambda text: text.replace("values (1)", "values  (1)"),
        lambda text: "",
    ],
    ids=["statement", "added", "comment after", "comment before", "removed", "space", "emptied"],
)
async def test_a_migration_that_was_changed_afterwards_is_refused(
    empty: TemporaryDatabase, look: Connection, folder: Path, edit: Callable[[str], str]
) -> None:
    await migrate(empty.admin_url, migrations=folder)
    file = folder / "20240103000000_spoons.sql"
    file.write_text(edit(file.read_text()))
    write(folder, "20240104000000_forks", "create table forks (id int);")
    said = await refusal(migrations.MigrationChanged, empty.admin_url, folder)
    assert str(file) in said
    assert "Restore the file" in said
    assert await look.fetchval("select to_regclass('forks')") is None


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip(),
        lambda text: text + "\n\n",
        lambda text: "\ufeff" + text,
    ],
    ids=["line ends of Windows", "no last line end", "more line ends", "byte order mark"],
)
async def test_how_an_editor_ends_lines_changes_nothing(
    empty: TemporaryDatabase, folder: Path, edit: Callable[[str], str]
) -> None:
    await migrate(empty.admin_url, migrations=folder)
    for file in folder.iterdir():
        file.write_bytes(edit(file.read_text()).encode())
    assert await migrate(empty.admin_url, migrations=folder) == []


async def test_a_database_that_is_newer_is_refused_and_lacks_nothing(
    empty: TemporaryDatabase, folder: Path
) -> None:
    await migrate(empty.admin_url, migrations=folder)
    (folder / "20240103000000_spoons.sql").unlink()
    said = await refusal(migrations.DatabaseIsNewer, empty.admin_url, folder)
    assert "20240103000000_spoons" in said
    assert "Install the release" in said
    assert await pending(empty.admin_url, migrations=folder) == []


async def test_a_migration_older_than_an_applied_one_is_refused(
    empty: TemporaryDatabase, folder: Path
) -> None:
    await migrate(empty.admin_url, migrations=folder)
    write(folder, "20240102120000_late", "select 1;")
    said = await refusal(migrations.MigrationOutOfOrder, empty.admin_url, folder)
    assert "20240102120000_late.sql" in said
    assert "20240103000000" in said


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("pans.sql", b"select 1;", "is not named like a migration"),
        ("2024_pans.sql", b"select 1;", "is not named like a migration"),
        ("20240101000000_pans.sql", b"select 1;", "have the same version"),
        ("20240104000000_pans.sql", b"select 1;\n\nCOMMIT;", "line 3: COMMIT begins or ends a transaction"),
        ("20240104000000_pans.sql", b"begin transaction;", "line 1: BEGIN begins or ends a transaction"),
        ("20240104000000_pans.sql", b"start transaction;", "line 1: START begins or ends a transaction"),
        ("20240104000000_pans.sql", b"select '\xe9';", "is not UTF-8 (byte 8)"),
    ],
)
def test_a_file_that_cannot_be_a_migration_is_named(
    folder: Path, name: str, content: bytes, complaint: str
) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(migrations.MigrationFileNotUsable) as refused:
        read_migrations(folder)
    assert complaint in str(refused.value)
    assert name in str(refused.value)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(migrations.MigrationFileNotUsable, match=r"no folder of migrations at .*nowhere"):
        read_migrations(tmp_path / "nowhere")


def test_this_release_has_its_migrations_at_hand() -> None:
    assert read_migrations() == read_migrations(migrations.default_folder()) != []


async def test_a_login_without_the_rights_is_told_which_setting_to_use(
    empty: TemporaryDatabase, folder: Path
) -> None:
    async with connected(empty.admin_url) as connection:
        await connection.execute("create role bystander login")
        try:
            said = await refusal(
                migrations.DatabaseNotPrepared, empty.server.url("bystander", empty.name), folder
            )
        finally:
            await connection.execute("drop role bystander")
    assert "permission denied" in said
    assert "DATABASE_ADMIN_URL" in said


async def test_a_service_that_may_not_look_is_told_what_to_do(
    empty: TemporaryDatabase, look: Connection
) -> None:
    await migrate(empty.admin_url)
    await look.execute("revoke usage on schema supabase_migrations from pourplan_api")
    with pytest.raises(migrations.DatabaseNotPrepared, match="pourplan migrate"):
        await pending(empty.api_url)


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/none", "mysql://somewhere"])
async def test_a_database_out_of_reach_is_told_from_a_failed_migration(url: str, folder: Path) -> None:
    assert "DATABASE_ADMIN_URL" in await refusal(migrations.DatabaseNotReached, url, folder)


async def test_waits_for_another_migrator_but_not_for_ever(
    empty: TemporaryDatabase, look: Connection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_LOCK_SECONDS", 1)
    await look.execute("select pg_advisory_lock($1)", migrations._LOCK)
    said = await refusal(migrations.MigrationInProgress, empty.admin_url, folder)
    assert "pg_stat_activity" in said


# ---------------------------------------------------------------------- books that others kept


async def test_books_of_an_early_cli_are_completed(
    empty: TemporaryDatabase, look: Connection, folder: Path
) -> None:
    await look.execute(
        "create schema supabase_migrations;"
        "create table supabase_migrations.schema_migrations (version text not null primary key);"
        "insert into supabase_migrations.schema_migrations values ('20240101000000');"
        "create table pots (id int primary key)"
    )
    done = await migrate(empty.admin_url, migrations=folder)
    assert [applied.name for applied in done] == ["lids", "spoons"]
    assert await look.fetchval(SHAPE) == ["version text t", "statements text[] f", "name text f"]


async def test_books_of_the_platform_keep_their_own_columns(
    empty: TemporaryDatabase, look: Connection, folder: Path
) -> None:
    await look.execute(
        "create schema supabase_migrations;"
        "create table supabase_migrations.schema_migrations (version text not null primary key,"
        " statements text[], name text, created_by text, idempotency_key text unique, rollback text[])"
    )
    await migrate(empty.admin_url, migrations=folder)
    assert len(await versions(look)) == 3
    assert "rollback text[] f" in await look.fetchval(SHAPE)


async def test_however_the_statements_were_split_they_compare_equal(
    empty: TemporaryDatabase, look: Connection, folder: Path
) -> None:
    """Other versions of the CLI cut elsewhere, for instance a semicolon in parentheses."""
    await migrate(empty.admin_url, migrations=folder)
    await look.execute(
        "update supabase_migrations.schema_migrations set statements = array[$1]"
        " where version = '20240103000000'",
        (folder / "20240103000000_spoons.sql").read_text().strip("\n;"),
    )
    assert await migrate(empty.admin_url, migrations=folder) == []


async def test_a_version_that_was_only_marked_as_applied_is_believed(
    empty: TemporaryDatabase, look: Connection, folder: Path
) -> None:
    await migrate(empty.admin_url, migrations=folder)
    await look.execute("update supabase_migrations.schema_migrations set statements = null")
    assert await migrate(empty.admin_url, migrations=folder) == []


async def test_a_migration_that_another_tool_applies_at_the_same_moment_is_not_applied_twice(
    empty: TemporaryDatabase, look: Connection, folder: Path
) -> None:
    """Other tools don't know our lock; the books' primary key decides."""
    write(folder, "20240104000000_forks", "select pg_sleep(1);\ncreate table forks (id int);\n")
    ours = asyncio.create_task(migrate(empty.admin_url, migrations=folder))
    while not await look.fetchval("select true from pg_stat_activity where query like 'select pg_sleep(1)%'"):
        await asyncio.sleep(0.02)
    await look.execute("insert into supabase_migrations.schema_migrations values ('20240104000000')")
    with pytest.raises(migrations.MigrationInProgress, match="Migrate again"):
        await ours
    assert await look.fetchval("select to_regclass('forks')") is None
