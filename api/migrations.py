"""Brings a database to the schema of `supabase/migrations`, and tells what is still to be done.

Keeps the bookkeeping of the Supabase CLI (`supabase_migrations.schema_migrations`), so that
`supabase db push` and `pourplan migrate` agree on what is applied, whichever of them applied it. A migration
that was applied is never edited: one whose file says something else than what was applied is refused. It must
not know what the migrations do.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import structlog

from api.statements import Statement, split

if TYPE_CHECKING:
    from api.database import Connection

_ROOM = Path(__file__).parent
_PRELUDE = _ROOM / "prelude.sql"
_LOCK = 0x706F7572  # "pour": one migrator at a time in a database
_LOCK_SECONDS = 120
_CONNECT_SECONDS = 30
_BETWEEN = "; \t\n\f\v"  # what separates statements
_FILE_NAME = re.compile(r"(?P<version>\d{14})_(?P<name>\w+)\.sql")

_BOOKS_COMPLETE = """
select count(*) = 3 from pg_catalog.pg_attribute
where attrelid = to_regclass('supabase_migrations.schema_migrations')
  and attname in ('version', 'statements', 'name') and not attisdropped
"""
_BOOKS = """
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (version text not null primary key);
alter table supabase_migrations.schema_migrations add column if not exists statements text[];
alter table supabase_migrations.schema_migrations add column if not exists name text;
"""
_HAS_BOOKS = "select to_regclass('supabase_migrations.schema_migrations') is not null"
_APPLIED = "select version, name, statements from supabase_migrations.schema_migrations order by version"
_APPLIED_VERSIONS = "select version from supabase_migrations.schema_migrations"
_RECORD = "insert into supabase_migrations.schema_migrations (version, name, statements) values ($1, $2, $3)"

# The service asks whether it is up to date with its own login, which may see versions and nothing else.
_LET_SERVICE_READ = """
do $$
begin
    if to_regrole('pourplan_api') is not null then
        grant usage on schema supabase_migrations to pourplan_api;
        grant select (version, name) on supabase_migrations.schema_migrations to pourplan_api;
    end if;
exception when insufficient_privilege then
    raise notice 'pourplan_api may not read supabase_migrations.schema_migrations';
end
$$
"""

_log = structlog.get_logger(__name__)


class MigrationError(Exception):
    """The database can't be brought up to date; the message names the migration and what to do."""


class MigrationFileNotUsable(MigrationError):
    """A file in the folder of migrations can't be one."""


class MigrationChanged(MigrationError):
    """A migration was edited after it had been applied."""


class DatabaseIsNewer(MigrationError):
    """The database has migrations that this release does not know."""


class MigrationOutOfOrder(MigrationError):
    """A migration is older than the newest applied one, and was not applied."""


class MigrationFailed(MigrationError):
    """A statement of a migration failed; nothing of that migration was kept."""


class DatabaseNotReached(MigrationError):
    """There is no connection to the database."""


class DatabaseNotPrepared(MigrationError):
    """The login may not make what Supabase brings along, or may not see what is applied."""


class MigrationInProgress(MigrationError):
    """Another migration of the same database does not come to an end."""


@dataclass(frozen=True)
class Migration:
    """A file of `supabase/migrations`: `<version>_<name>.sql`, the version a UTC timestamp."""

    version: str
    name: str
    file: Path
    script: str

    def says(self, statements: Sequence[str]) -> bool:
        """Tell whether this file is what was applied, however it was split into statements.

        The Supabase CLI keeps each statement as it stood, and drops semicolons and space between them.
        """
        at = 0
        for statement in statements:
            at = _skip(self.script, at)
            text = statement.replace("\r\n", "\n").strip(_BETWEEN)
            if not self.script.startswith(text, at):
                return False
            at += len(text)
        return _skip(self.script, at) == len(self.script)


@dataclass(frozen=True)
class Applied:
    """A migration that was applied just now, and how long it took."""

    version: str
    name: str
    seconds: float


def default_folder() -> Path:
    """Give the folder of the migrations: the copy in the installed package, else that of the checkout."""
    installed = _ROOM / "_migrations"
    return installed if installed.is_dir() else _ROOM.parent / "supabase" / "migrations"


def read_migrations(folder: Path | None = None) -> list[Migration]:
    """Read all migrations of a folder, oldest first.

    Raises
    ------
    MigrationFileNotUsable
        A file is misnamed, two have the same version, or one ends the transaction it is applied in.
    """
    folder = folder or default_folder()
    if not folder.is_dir():
        raise MigrationFileNotUsable(
            f"There is no folder of migrations at {folder}. Name the right one, or install Pourplan again."
        )
    known: dict[str, Migration] = {}
    for file in sorted(folder.glob("*.sql")):
        migration = _read(file)
        if migration.version in known:
            raise MigrationFileNotUsable(
                f"{file.name} and {known[migration.version].file.name} in {folder} have the same version."
                " Give the one that has not been applied yet a timestamp of its own."
            )
        known[migration.version] = migration
    return [known[version] for version in sorted(known)]


async def migrate(url: str, *, migrations: Path | None = None) -> list[Applied]:
    """Apply to a database all migrations that it lacks, oldest first, each in a transaction of its own.

    A plain Postgres first gets what a Supabase project brings along. Two at once wait for each other.

    Parameters
    ----------
    url
        Database and a login that owns the schema: on Supabase `postgres`, elsewhere a superuser.
    migrations
        Their folder; without it the one that belongs to this release.

    Returns
    -------
    list[Applied]
        What was applied, empty where there was nothing to do.

    Raises
    ------
    MigrationError
        One of its kinds. The migrations before the one that failed stay applied.
    """
    known = await asyncio.to_thread(read_migrations, migrations)
    async with _connected(url) as connection, _alone(connection):
        await _prepare(connection)
        todo = _to_apply(known, await connection.fetch(_APPLIED))
        applied = [await _apply(connection, migration) for migration in todo]
        await connection.execute(_LET_SERVICE_READ)
    return applied


async def pending(database: "str | Connection", *, migrations: Path | None = None) -> list[str]:
    """Name the migrations that a database lacks, oldest first, as `<version>_<name>`.

    The service's own login may ask this. A database that is newer than this release lacks nothing: during
    an upgrade the old service goes on.

    Parameters
    ----------
    database
        A URL, or an open connection.
    migrations
        Their folder; without it the one that belongs to this release.
    """
    known = await asyncio.to_thread(read_migrations, migrations)
    if isinstance(database, str):
        async with _connected(database) as connection:
            there = await _applied_versions(connection)
    else:
        there = await _applied_versions(database)
    return [f"{m.version}_{m.name}" for m in known if m.version not in there]


async def _applied_versions(connection: "Connection") -> set[str]:
    try:
        if not await connection.fetchval(_HAS_BOOKS):
            return set()
        return {row["version"] for row in await connection.fetch(_APPLIED_VERSIONS)}
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseNotPrepared(
            f"This login may not see which migrations are applied: {error}. Run `pourplan migrate` once with"
            " DATABASE_ADMIN_URL: it grants that to the service's login."
        ) from error


def _read(file: Path) -> Migration:
    named = _FILE_NAME.fullmatch(file.name)
    if named is None:
        raise MigrationFileNotUsable(
            f"{file} is not named like a migration, <YYYYMMDDhhmmss>_<name>.sql, for instance"
            " 20260131120000_add_alloys.sql. Rename it, or move it elsewhere."
        )
    try:
        script = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise MigrationFileNotUsable(
            f"{file} is not UTF-8 (byte {error.start}). Save it as UTF-8."
        ) from error
    for statement in split(script):
        if _ends_transaction(statement):
            raise MigrationFileNotUsable(
                f"{file}, line {statement.code_line}: {statement.words[0].upper()} begins or ends a"
                " transaction, and a migration is applied in one of its own, whole or not at all. Remove the"
                " statement."
            )
    return Migration(named["version"], named["name"], file, script)


def _ends_transaction(statement: Statement) -> bool:
    return statement.words[:1] in {("begin",), ("commit",), ("rollback",), ("end",), ("abort",)} or (
        statement.words[:2] in {("start", "transaction"), ("prepare", "transaction")}
    )


def _to_apply(known: Sequence[Migration], applied: Sequence[asyncpg.Record]) -> list[Migration]:
    """Choose what to apply, oldest first.

    Raises
    ------
    DatabaseIsNewer, MigrationChanged, MigrationOutOfOrder
    """
    by_version = {migration.version: migration for migration in known}
    if unknown := [_label(row) for row in applied if row["version"] not in by_version]:
        raise DatabaseIsNewer(
            f"The database has migrations that this release of Pourplan does not know: {', '.join(unknown)}."
            " Install the release that brought them, or a newer one."
        )
    for row in applied:
        migration = by_version[row["version"]]
        # `supabase migration repair` may have recorded a version without its statements.
        if row["statements"] is not None and not migration.says(row["statements"]):
            raise MigrationChanged(
                f"{migration.file} was changed after it had been applied to this database. Restore the file"
                " as it was (git log shows it), and put the change into a new migration."
            )
    newest = max((row["version"] for row in applied), default="")
    todo = [migration for migration in known if migration.version not in {row["version"] for row in applied}]
    if todo and todo[0].version < newest:
        raise MigrationOutOfOrder(
            f"{todo[0].file.name} was not applied to this database, and {newest}, which is newer, was. Give"
            " the file a version after all applied ones, so that every database applies them in the same"
            " order."
        )
    return todo


def _label(row: asyncpg.Record) -> str:
    return f"{row['version']}_{row['name']}" if row["name"] else str(row["version"])


async def _apply(connection: asyncpg.Connection, migration: Migration) -> Applied:
    began = time.monotonic()
    # What the migration before it may have set for its session.
    await connection.execute("reset role; reset all")
    try:
        async with connection.transaction():
            await _execute(connection, migration)
    except asyncpg.InterfaceError as error:
        # Leaving a transaction on a lost connection fails once more; what was lost it says better.
        if isinstance(error.__context__, MigrationFailed):
            raise error.__context__ from None
        raise
    seconds = time.monotonic() - began
    _log.debug("migration_applied", version=migration.version, name=migration.name, seconds=seconds)
    return Applied(migration.version, migration.name, seconds)


async def _execute(connection: asyncpg.Connection, migration: Migration) -> None:
    """Carry out the statements of a migration and enter them into the books."""
    statements = split(migration.script)
    for number, statement in enumerate(statements, start=1):
        try:
            await connection.execute(statement.text)
        except asyncpg.PostgresError as error:
            raise MigrationFailed(_account(migration, number, statement, error)) from error
    try:
        await connection.execute(_RECORD, migration.version, migration.name, [s.text for s in statements])
    except asyncpg.UniqueViolationError as error:
        raise MigrationInProgress(
            f"{migration.file.name} was applied by another tool at the same moment. Migrate again: it will be"
            " found applied."
        ) from error
    except asyncpg.PostgresError as error:
        raise MigrationFailed(
            f"{migration.file} was carried out and could not be entered into supabase_migrations: {error}."
            " If it sets a role, let it end with `reset role`. Nothing of it was kept."
        ) from error


def _account(migration: Migration, number: int, statement: Statement, error: asyncpg.PostgresError) -> str:
    """Say which statement failed, where it stands and why."""
    line = statement.code_line
    if (position := getattr(error, "position", None)) is not None:
        line = statement.line + statement.text.count("\n", 0, int(position) - 1)
    lines = migration.script.split("\n")
    parts = [
        f"{migration.file}, line {line}, statement {number}: {error} (SQLSTATE {error.sqlstate}).",
        f"    {lines[line - 1].strip()}",
    ]
    parts += [
        f"{title}: {text}" for title in ("detail", "hint", "context") if (text := getattr(error, title, None))
    ]
    parts.append("Nothing of this migration was kept. Correct it, and migrate again.")
    return "\n".join(parts)


async def _prepare(connection: asyncpg.Connection) -> None:
    """Make what Supabase brings along, and its bookkeeping, where they are missing."""
    prelude = await asyncio.to_thread(_PRELUDE.read_text, encoding="utf-8")
    try:
        async with connection.transaction():
            await connection.execute(prelude)
            if not await connection.fetchval(_BOOKS_COMPLETE):
                await connection.execute(_BOOKS)
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseNotPrepared(
            f"This login may not prepare the database: {error}. Set DATABASE_ADMIN_URL to the owner of the"
            " database (on Supabase `postgres`, on a Postgres of your own a superuser), and migrate again."
        ) from error


@asynccontextmanager
async def _alone(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Keep other migrators of this database waiting."""
    await connection.execute(f"set lock_timeout = '{_LOCK_SECONDS}s'")
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
    except asyncpg.LockNotAvailableError as error:
        raise MigrationInProgress(
            f"Another migration of this database has been running for more than {_LOCK_SECONDS} seconds. Wait"
            " for it, or end it if it hangs (it is in pg_stat_activity as pourplan-migrate), and migrate"
            " again."
        ) from error
    await connection.execute("reset lock_timeout")
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("select pg_advisory_unlock($1)", _LOCK)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    try:
        connection = await asyncpg.connect(
            url,
            timeout=_CONNECT_SECONDS,
            statement_cache_size=0,
            server_settings={"application_name": "pourplan-migrate", "jit": "off"},
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise DatabaseNotReached(
            f"The database can't be reached: {error}. Look at DATABASE_ADMIN_URL and DATABASE_URL, and"
            " whether the server runs."
        ) from error
    try:
        yield connection
    finally:
        await connection.close()


def _skip(script: str, at: int) -> int:
    while at < len(script) and script[at] in _BETWEEN:
        at += 1
    return at
