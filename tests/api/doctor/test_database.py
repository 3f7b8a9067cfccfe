"""A database that is broken for real, in each way that the doctor names."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from api.doctor import database as look
from api.doctor import machine, migrations, rights
from api.doctor.findings import Verdict
from api.settings import Settings
from tests.api.doctor.looking import told, warnings, wrong, wrongs
from tests.api.http.serving import settings_for
from tests.database import Connection, TemporaryDatabase, add_plant
from tests.ports import free_port
from tests.tcp_door import DatabaseDoor


@pytest.fixture
def settings(database: TemporaryDatabase, tmp_path: Path) -> Settings:
    return settings_for(database, tmp_path)


# ---------------------------------------------------------------------- nothing is wrong


async def test_of_a_sound_database_nothing_is_wrong(
    settings: Settings, service: Connection, admin: Connection, database: TemporaryDatabase
) -> None:
    await add_plant(admin)
    for findings in (
        look.check(settings, service, database.api_url),
        look.check_jobs_login(database.jobs_url),
        migrations.check(admin),
        rights.check(service),
        machine.check_clock(service),
        machine.check_worker(settings, database.jobs_url),
    ):
        assert {finding.verdict for finding in await told(findings)} == {Verdict.OK}


# ---------------------------------------------------------------------- reaching it


async def test_logins_that_do_not_get_in_are_told_by_the_name_of_their_setting(
    database: TemporaryDatabase,
) -> None:
    nowhere = f"postgresql://pourplan_jobs:a-password@127.0.0.1:{free_port()}/postgres"
    said = await wrong(look.check_jobs_login(nowhere))
    assert said.startswith("DATABASE_JOBS_URL: ")
    assert "a-password" not in said
    unquoted = "postgresql://pourplan_jobs:a-password/1@127.0.0.1/postgres"
    said = await wrong(look.check_jobs_login(unquoted))
    assert "written like %2F" in said
    assert "a-password" not in said
    assert "has to log in as pourplan_jobs" in await wrong(look.check_jobs_login(database.api_url))
    unknown = database.server.url("nobody", database.name)
    assert "`alter role" in await wrong(look.check_jobs_login(unknown))


async def test_a_pool_that_is_larger_than_the_database_allows(
    settings: Settings, service: Connection, database: TemporaryDatabase
) -> None:
    most = int(await service.fetchval("show max_connections"))
    # Beside the pool, three for housekeeping, one that listens, one for Mondays.
    fits, too_large = (settings.model_copy(update={"pool_size": most - beside}) for beside in (5, 4))
    assert "POURPLAN_POOL_SIZE" in await wrong(look.check(too_large, service, database.api_url))
    assert await wrongs(look.check(fits, service, database.api_url)) == []


class Pooler(DatabaseDoor):
    """Stands where a far-away pooler in transaction mode does: slow, and it hands no notice on."""

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(str(self._socket))
        towards = asyncio.create_task(self._hand_over(reader, inner_writer))
        try:
            while head := await inner_reader.readexactly(5):
                rest = await inner_reader.readexactly(int.from_bytes(head[1:]) - 4)
                if head[:1] != b"A":  # a notice
                    writer.write(head + rest)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            towards.cancel()
            writer.close()
            inner_writer.close()

    async def _hand_over(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await asyncio.sleep(0.03)
            writer.write(data)
        writer.close()


@asynccontextmanager
async def pooler(database: TemporaryDatabase) -> AsyncIterator[str]:
    door = Pooler(database)
    await door.open()
    try:
        yield door.url("pourplan_api")
    finally:
        await door.shut()


async def test_a_pooler_that_hands_no_notice_on_and_is_far_away(
    settings: Settings, database: TemporaryDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "_HEARD_SECONDS", 0.3)
    async with pooler(database) as url, look.connected(url) as connection:
        assert "session mode" in await wrong(look.check(settings, connection, url))
        (slow,) = await warnings(look.check(settings, connection, url))
    assert "region of the database" in slow


@pytest.mark.parametrize(
    ("script", "named"),
    [
        ("create extension pg_trgm;", ["pg_trgm"]),
        ('CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA extensions;', ["uuid-ossp"]),
        ("create table a (b int); create extension\n  if not exists hstore;", ["hstore"]),
        ("create table extension ();", []),
    ],
)
def test_extensions_that_a_migration_makes(script: str, named: list[str]) -> None:
    assert look.extensions_of(script) == named


# ---------------------------------------------------------------------- migrations

BOOKS = "supabase_migrations.schema_migrations"


async def test_a_pending_migration(admin: Connection, service: Connection) -> None:
    newest = await admin.fetchval(
        f"delete from {BOOKS} where version = (select max(version) from {BOOKS}) returning version"
    )
    said = await wrong(migrations.check(service))
    assert newest in said
    assert "pourplan migrate" in said


async def test_a_migration_that_this_release_does_not_know(admin: Connection, service: Connection) -> None:
    await admin.execute(f"insert into {BOOKS} (version, name) values ('20990101000000', 'later')")
    (said,) = await warnings(migrations.check(service))
    assert "20990101000000_later" in said
    assert await wrongs(migrations.check(service)) == []


async def test_a_migration_that_was_changed_is_seen_by_the_owner_alone(
    admin: Connection, service: Connection
) -> None:
    changed = await admin.fetchval(
        f"update {BOOKS} set statements = array['select 1']"
        f" where version = (select min(version) from {BOOKS}) returning version"
    )
    assert changed in await wrong(migrations.check(admin))
    assert await wrongs(migrations.check(service)) == []
    (reason,) = [one for one in await told(migrations.check(service)) if one.verdict is Verdict.UNCHECKED]
    assert "DATABASE_ADMIN_URL" in reason.message


async def test_books_that_the_service_may_not_read_and_books_that_are_not_there(
    admin: Connection, service: Connection
) -> None:
    await admin.execute(f"revoke all on {BOOKS} from pourplan_api")
    await admin.execute("revoke all on schema supabase_migrations from pourplan_api")
    assert "may not see" in await wrong(migrations.check(service))
    await admin.execute("drop schema supabase_migrations cascade")
    assert "No migration is applied" in await wrong(migrations.check(service))


# ---------------------------------------------------------------------- rights


@pytest.mark.parametrize(
    ("breaking", "said"),
    [
        (
            "alter table scenarios no force row level security",
            "alter table public.scenarios enable row level security, force row level security;",
        ),
        ("alter table orders disable row level security", "not forced on orders"),
        ("drop policy tenants_read on tenants", "No policy lets the tenant's own members through: tenants"),
        ("drop policy orders_add on orders", "orders (insert)"),
        ("create policy open on plan_runs for select using (true)", "open on plan_runs"),
        ("grant select on charge_schedule to pourplan_api", "reaches tables by itself: charge_schedule"),
        ("grant update (status) on plan_runs to pourplan_jobs", "The login pourplan_jobs reaches tables"),
        ("grant select on tenants to anon", "Who has not signed in reaches tenants"),
        ("grant execute on function claim_run to authenticated", "may be called by authenticated"),
        ("grant execute on function reap_runs to public", "may be called by anon"),
        ("grant usage on schema internal to authenticated", "The schema internal is open to authenticated"),
    ],
)
async def test_a_right_too_many_and_a_policy_too_few(
    admin: Connection, service: Connection, breaking: str, said: str
) -> None:
    await add_plant(admin)
    await admin.execute(breaking)
    assert any(said in one for one in await wrongs(rights.check(service)))


async def test_the_remedy_for_a_loose_table_is_one(admin: Connection, service: Connection) -> None:
    await admin.execute("alter table orders disable row level security")
    remedy = (await wrong(rights.check(service))).partition("As the owner: ")[2]
    await admin.execute(remedy)
    assert await wrongs(rights.check(service)) == []


async def test_rows_that_a_stranger_sees_are_found_by_asking(admin: Connection, service: Connection) -> None:
    await add_plant(admin)
    # It reads like a policy that asks for the user.
    await admin.execute("create policy loose on tenants for select using (auth.uid() is not null)")
    said = await wrong(rights.check(service))
    assert "belongs to no tenant sees rows of tenants" in said


@pytest.mark.parametrize(
    ("breaking", "mending", "said"),
    [
        (
            "alter role pourplan_api createdb inherit",
            "alter role pourplan_api nocreatedb noinherit",
            "alter role pourplan_api nocreatedb noinherit;",
        ),
        (
            "alter role pourplan_jobs bypassrls",
            "alter role pourplan_jobs nobypassrls",
            "Row-level security does not hold for the login pourplan_jobs",
        ),
        (
            "grant service_role to pourplan_api",
            "revoke service_role from pourplan_api",
            "revoke service_role from pourplan_api;",
        ),
    ],
)
async def test_a_login_that_may_too_much(
    admin: Connection, service: Connection, breaking: str, mending: str, said: str
) -> None:
    await admin.execute(breaking)
    try:
        found = await wrongs(rights.check(service))
    finally:
        # Roles are the whole server's.
        await admin.execute(mending)
    assert any(said in one for one in found)


async def test_a_service_that_logs_in_as_the_owner(admin: Connection) -> None:
    found = " ".join(await wrongs(rights.check(admin)))
    assert "The service logs in as postgres" in found
    assert "Row-level security does not hold for the login postgres" in found


async def test_before_the_first_migration_there_is_nothing_to_look_at(database: TemporaryDatabase) -> None:
    connection = await asyncpg.connect(database.server.url("postgres", "postgres"))
    try:
        (finding,) = await told(rights.check(connection))
    finally:
        await connection.close()
    assert finding.verdict is Verdict.UNCHECKED


# ---------------------------------------------------------------------- this machine


async def test_a_clock_that_is_off_the_databases(admin: Connection, database: TemporaryDatabase) -> None:
    await admin.execute(
        "create function clock_timestamp() returns timestamptz language sql as"
        " $$ select pg_catalog.clock_timestamp() - interval '1 minute' $$"
    )
    await admin.execute(f'alter database "{database.name}" set search_path = public, pg_catalog')
    connection = await asyncpg.connect(database.admin_url)
    try:
        (said,) = await warnings(machine.check_clock(connection))
    finally:
        await connection.close()
    assert "60.0 s off" in said


async def test_a_worker_that_may_not_look_for_its_run(
    settings: Settings, database: TemporaryDatabase
) -> None:
    said = await wrong(machine.check_worker(settings, database.api_url))
    assert "permission denied" in said
    assert "DATABASE_JOBS_URL" in said


@pytest.mark.parametrize(
    ("free", "verdict"),
    [(100_000_000, Verdict.WRONG), (1_000_000_000, Verdict.WARNING), (50_000_000_000, Verdict.OK)],
)
def test_room_on_the_disk(tmp_path: Path, free: int, verdict: Verdict) -> None:
    assert machine._space(tmp_path, free).verdict is verdict
