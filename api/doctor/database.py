"""Whether the database is reached by its logins, old enough, near enough, and tells what happens."""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import asyncpg

from api.database import reason_of
from api.doctor.findings import Area, Finding, Findings
from api.migrations import read_migrations
from api.settings import Settings

AREA = Area("database")
OLDEST = 15
SLOW_SECONDS = 0.020
TRIPS = 3
"""Trips to the database that a read takes."""
CONNECT_SECONDS = 10.0
_LOOKS = 5
_HEARD_SECONDS = 5.0
BESIDE_POOL = 5
"""Connections that a service holds beside its pool: the dispatcher's, its notices', and that of Mondays."""

VERSION = "select current_setting('server_version'), current_setting('server_version_num')::int / 10000"
ENCRYPTED = "select coalesce((select ssl from pg_catalog.pg_stat_ssl where pid = pg_backend_pid()), false)"
EXTENSIONS = "select extname::text from pg_catalog.pg_extension"
CONNECTIONS = """
select least(current_setting('max_connections')::int,
             (select nullif(rolconnlimit, -1) from pg_catalog.pg_roles where rolname = current_user))
"""

NOT_REACHED = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Give a connection of a login."""
    connection = await asyncpg.connect(
        url,
        timeout=CONNECT_SECONDS,
        command_timeout=CONNECT_SECONDS,
        statement_cache_size=0,
        server_settings={"application_name": "pourplan-doctor"},
    )
    try:
        yield connection
    finally:
        await connection.close()


async def check(settings: Settings, connection: asyncpg.Connection, url: str) -> Findings:
    """Look at the database by the service's own login."""
    yield await _version(connection)
    yield await _nearness(connection)
    yield await _extensions(connection)
    yield await _notices(connection, url)
    if _is_elsewhere(url) and not await connection.fetchval(ENCRYPTED):
        yield AREA.warning(
            "The connection is not encrypted.", "Add ?sslmode=require to DATABASE_URL and DATABASE_JOBS_URL."
        )
    most = await connection.fetchval(CONNECTIONS)
    if settings.pool_size + BESIDE_POOL > most:
        yield AREA.wrong(
            f"A service takes up to {settings.pool_size + BESIDE_POOL} connections, and the database gives "
            f"{most}.",
            "Lower POURPLAN_POOL_SIZE, or raise the database's limit.",
        )


async def check_jobs_login(url: str) -> Findings:
    """Look whether housekeeping and workers get in."""
    try:
        async with connected(url) as connection:
            waiting = await connection.fetchval("select count(*) from public.queued_runs()")
    except NOT_REACHED as error:
        yield not_reached("DATABASE_JOBS_URL", error)
        return
    yield AREA.ok(f"The jobs' login gets in; {waiting} {'run waits' if waiting == 1 else 'runs wait'}.")


def not_reached(setting: str, error: BaseException) -> Finding:
    """Tell that a login does not get in, without the password that the address may hold."""
    todo = f"Look at {setting}, at the network and whether the server runs."
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        todo = f"The login or its password in {setting} is wrong: `alter role ... password ...` sets it anew."
    elif isinstance(error, (asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedFunctionError)):
        todo = f"{setting} has to log in as pourplan_jobs, on a migrated database: pourplan migrate."
    return AREA.wrong(f"{setting}: {reason_of(error)}.", todo)


async def _version(connection: asyncpg.Connection) -> Finding:
    shown, major = await connection.fetchrow(VERSION) or ("unknown", 0)
    if major < OLDEST:
        return AREA.wrong(
            f"It is Postgres {shown}; expected {OLDEST} or newer.", "Upgrade the server, then migrate."
        )
    return AREA.ok(f"Postgres {shown} is reached.")


async def _nearness(connection: asyncpg.Connection) -> Finding:
    took = []
    for _ in range(_LOOKS):
        began = time.perf_counter()
        await connection.execute("select 1")
        took.append(time.perf_counter() - began)
    trip = statistics.median(took)
    if trip > SLOW_SECONDS:
        return AREA.warning(
            f"It is {trip * 1000:.0f} ms away: every read waits {trip * TRIPS * 1000:.0f} ms for it.",
            "Run the service in the region of the database.",
        )
    return AREA.ok(f"It answers in {trip * 1000:.2f} ms.")


async def _extensions(connection: asyncpg.Connection) -> Finding:
    scripts = await asyncio.to_thread(read_migrations)
    needed = sorted({name for migration in scripts for name in extensions_of(migration.script)})
    if not needed:
        return AREA.ok("No extension is needed.")
    there = {row[0] for row in await connection.fetch(EXTENSIONS)}
    if missing := [name for name in needed if name not in there]:
        return AREA.wrong(
            f"Extensions are missing: {', '.join(missing)}.",
            "As the owner: " + " ".join(f'create extension "{name}";' for name in missing),
        )
    return AREA.ok(f"Extensions are there: {', '.join(needed)}.")


def extensions_of(script: str) -> list[str]:
    """Name what a script makes by `create extension`."""
    words = script.replace('"', " ").replace(";", " ").split()
    found = []
    for at, pair in enumerate(pairwise(words)):
        if tuple(word.lower() for word in pair) == ("create", "extension"):
            rest = [word for word in words[at + 2 : at + 6] if word.lower() not in ("if", "not", "exists")]
            found.extend(rest[:1])
    return found


async def _notices(connection: asyncpg.Connection, url: str) -> Finding:
    """Listen on one connection to what another one tells: a pooler in transaction mode drops it silently."""
    channel, heard = f"pourplan_doctor_{uuid.uuid4().hex}", asyncio.Event()
    async with connected(url) as listening:
        await listening.add_listener(channel, lambda *_: heard.set())
        await connection.execute("select pg_notify($1, 'here')", channel)
        try:
            await asyncio.wait_for(heard.wait(), _HEARD_SECONDS)
        except TimeoutError:
            return AREA.wrong(
                "What is notified is not heard (LISTEN): subscriptions would tell nothing.",
                "Connect directly or in the pooler's session mode, not in its transaction mode.",
            )
    return AREA.ok("Notices are heard.")


def _is_elsewhere(url: str) -> bool:
    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [parts.hostname or "/"])[0]
    return not host.startswith("/") and host not in ("localhost", "127.0.0.1", "::1")
