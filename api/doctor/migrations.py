"""Whether the database is at the schema of this version: nothing pending, unknown or changed."""

from __future__ import annotations

import asyncio

import asyncpg

from api.doctor.findings import Area, Findings, listed
from api.migrations import Migration, read_migrations

AREA = Area("migrations")

HAS_BOOKS = "select to_regclass('supabase_migrations.schema_migrations') is not null"
MAY_READ_STATEMENTS = """
select has_column_privilege('supabase_migrations.schema_migrations', 'statements', 'select')
"""
VERSIONS = "select version, name, null::text[] as statements from supabase_migrations.schema_migrations"
BOOKS = "select version, name, statements from supabase_migrations.schema_migrations"
MIGRATE = "Run `pourplan migrate` with DATABASE_ADMIN_URL."


async def check(connection: asyncpg.Connection, *, compared: bool = False) -> Findings:
    """Compare what is applied with the files of this version.

    Parameters
    ----------
    compared
        Whether the opening of the database has compared them already, as the owner.
    """
    known = {migration.version: migration for migration in await asyncio.to_thread(read_migrations)}
    try:
        if not await connection.fetchval(HAS_BOOKS):
            yield AREA.wrong("No migration is applied to this database.", MIGRATE)
            return
        told = await connection.fetchval(MAY_READ_STATEMENTS)
        rows = {row["version"]: row for row in await connection.fetch(BOOKS if told else VERSIONS)}
    except asyncpg.InsufficientPrivilegeError:
        yield AREA.wrong(
            "The service's login may not see which migrations are applied.", f"{MIGRATE} It grants that."
        )
        return
    pending = [_label(one) for version, one in sorted(known.items()) if version not in rows]
    unknown = sorted(f"{v}_{row['name'] or ''}" for v, row in rows.items() if v not in known)
    changed = [_label(known[v]) for v, row in sorted(rows.items()) if v in known and _differs(known[v], row)]
    if pending:
        yield AREA.wrong(f"Not applied: {listed(pending)}.", MIGRATE)
    if unknown:
        yield AREA.warning(
            f"Applied by a release that this one does not know: {listed(unknown)}.",
            "Bring the service to the release of the database.",
        )
    if changed:
        yield AREA.wrong(
            f"Changed after they were applied: {listed(changed)}.",
            "Restore these files as they were, and put the change into a new migration.",
        )
    if not (pending or unknown or changed):
        yield AREA.ok(f"All {len(known)} are applied.")
    if not told and not compared:
        yield AREA.unchecked(
            "Whether applied migrations were changed since: the service's login may not see what was "
            "applied. Set DATABASE_ADMIN_URL for this check."
        )


def _differs(migration: Migration, row: asyncpg.Record) -> bool:
    return row["statements"] is not None and not migration.says(row["statements"])


def _label(migration: Migration) -> str:
    return f"{migration.version}_{migration.name}"
