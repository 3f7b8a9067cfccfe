"""Whether row-level security holds: forced everywhere, the logins weak, the jobs' functions theirs alone."""

from __future__ import annotations

import uuid
from collections import defaultdict

import asyncpg

from api.auth import Identity
from api.database import SET_CALLER
from api.doctor.findings import Area, Finding, Findings, listed

AREA = Area("rights")
API, JOBS, USERS = "pourplan_api", "pourplan_jobs", "authenticated"

# Tables of the schema on which row-level security is not on, or not forced.
LOOSE_TABLES = """
select relname::text from pg_catalog.pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
  and not (relrowsecurity and relforcerowsecurity)
order by 1
"""

# Users hold the right to a verb, and no policy lets any row through: whoever asks sees or changes nothing.
VERBS_WITHOUT_POLICY = """
select c.relname::text, v.verb
from pg_catalog.pg_class as c
cross join (values ('select', 'r'), ('insert', 'a'), ('update', 'w'), ('delete', 'd')) as v (verb, code)
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
  and case when v.verb = 'delete' then has_table_privilege('authenticated', c.oid, v.verb)
           else has_any_column_privilege('authenticated', c.oid, v.verb) end
  and not exists (
      select from pg_catalog.pg_policy as p
      where p.polrelid = c.oid and p.polpermissive and p.polcmd in ('*', v.code::"char")
        and (0 = any (p.polroles) or 'authenticated'::regrole = any (p.polroles)))
order by 1, 2
"""

# Policies that ask neither for the tenant nor for the user let everybody's rows through.
OPEN_POLICIES = """
select p.polname::text, c.relname::text
from pg_catalog.pg_policy as p
join pg_catalog.pg_class as c on c.oid = p.polrelid
cross join lateral (values (pg_get_expr(p.polqual, p.polrelid)), (pg_get_expr(p.polwithcheck, p.polrelid)))
    as asked (expression)
where c.relnamespace = 'public'::regnamespace and p.polpermissive
  and asked.expression !~ 'current_tenant_id\\(\\)|uid\\(\\)'
order by 1
"""

LOGIN = """
select rolname::text, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolinherit
from pg_catalog.pg_roles where rolname = $1::name
"""

# Tables that a login reaches by itself, without becoming a user.
OWN_TABLES = """
select relname::text from pg_catalog.pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm')
  and (has_any_column_privilege($1::name, oid, 'select, insert, update')
       or has_table_privilege($1::name, oid, 'delete, truncate'))
order by 1
"""

BECOMES = """
select rolname::text from pg_catalog.pg_roles
where rolname <> $1::name and pg_has_role($1::name, oid, 'member') order by 1
"""

# Functions that were granted to the workers by name, with those others who may call them.
JOB_FUNCTIONS = """
select p.oid::regprocedure::text as function,
       array(select name from unnest(array['anon', 'authenticated', 'pourplan_api']) as who (name)
             where has_function_privilege(who.name, p.oid, 'execute')) as others
from pg_catalog.pg_proc as p
where p.pronamespace = 'public'::regnamespace and exists (
    select from aclexplode(p.proacl) as granted where granted.grantee = 'pourplan_jobs'::regrole)
order by 1
"""

INTERNAL = """
select name from unnest(array['anon', 'authenticated', 'pourplan_api', 'pourplan_jobs']) as who (name)
where to_regnamespace('internal') is not null and has_schema_privilege(who.name, 'internal', 'usage')
"""

READABLE = """
select relname::text from pg_catalog.pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
  and has_table_privilege('authenticated', oid, 'select')
order by 1
"""


async def check(connection: asyncpg.Connection) -> Findings:
    """Look at the rights in the catalog, and try them as a user who belongs to nothing."""
    if not await connection.fetchval("select to_regclass('public.tenants') is not null"):
        yield AREA.unchecked("Row-level security: there are no tables yet.")
        return
    found = [
        *await _tables(connection),
        *await _policies(connection),
        *await _logins(connection),
        *await _functions(connection),
        *await _stranger(connection),
    ]
    for finding in found:
        yield finding


async def _tables(connection: asyncpg.Connection) -> list[Finding]:
    loose = await _names(connection, LOOSE_TABLES)
    if not loose:
        return [AREA.ok("Row-level security is forced on every table.")]
    force = " ".join(
        f"alter table public.{name} enable row level security, force row level security;" for name in loose
    )
    return [AREA.wrong(f"Row-level security is not forced on {listed(loose)}.", f"As the owner: {force}")]


async def _policies(connection: asyncpg.Connection) -> list[Finding]:
    found = []
    lacking: defaultdict[str, list[str]] = defaultdict(list)
    for table, verb in await connection.fetch(VERBS_WITHOUT_POLICY):
        lacking[table].append(verb)
    if lacking:
        shown = listed([f"{table} ({', '.join(verbs)})" for table, verbs in lacking.items()])
        found.append(
            AREA.wrong(
                f"No policy lets the tenant's own members through: {shown}.",
                "Create the policies again as supabase/migrations has them.",
            )
        )
    if rows := await connection.fetch(OPEN_POLICIES):
        shown = listed(sorted({f"{policy} on {table}" for policy, table in rows}))
        found.append(
            AREA.wrong(
                f"A policy asks neither for the tenant nor for the user: {shown}.",
                "Drop it, and create it again as supabase/migrations has it.",
            )
        )
    return found or [AREA.ok("Every policy asks for the tenant or the user.")]


async def _logins(connection: asyncpg.Connection) -> list[Finding]:
    found = []
    login = await connection.fetchval("select session_user::text")
    if login != API:
        found.append(
            AREA.wrong(
                f"The service logs in as {login}; expected {API}.", f"Set DATABASE_URL to the login {API}."
            )
        )
    for name, may_become in ((login, [USERS]), (JOBS, [])):
        found += await _weakness(connection, name, may_become)
    if reached := await _names(connection, OWN_TABLES, "anon"):
        found.append(
            AREA.wrong(
                f"Who has not signed in reaches {listed(reached)}.",
                "As the owner: revoke all on all tables in schema public from anon;",
            )
        )
    return found or [AREA.ok("The logins have no rights of their own.")]


async def _weakness(connection: asyncpg.Connection, login: str, may_become: list[str]) -> list[Finding]:
    row = await connection.fetchrow(LOGIN, login)
    if row is None:
        return [AREA.wrong(f"There is no login {login}.", "Run `pourplan migrate`: it makes it.")]
    strong = [name.removeprefix("rol") for name, value in row.items() if value is True]
    if "super" in strong or "bypassrls" in strong:
        return [
            AREA.wrong(
                f"Row-level security does not hold for the login {login}: it is {' and '.join(strong)}.",
                f"Log in as {API} and {JOBS}, which may do nothing by themselves.",
            )
        ]
    found = []
    if strong:
        # What a role may is spelled as the option that takes it away.
        todo = f"As the owner: alter role {login} {' '.join(f'no{name}' for name in strong)};"
        found.append(AREA.wrong(f"The login {login} may more than it needs: {', '.join(strong)}.", todo))
    if reached := await _names(connection, OWN_TABLES, login):
        todo = f"As the owner: revoke all on all tables in schema public from {login};"
        found.append(AREA.wrong(f"The login {login} reaches tables by itself: {listed(reached)}.", todo))
    if more := [role for role in await _names(connection, BECOMES, login) if role not in may_become]:
        todo = f"As the owner: revoke {', '.join(more)} from {login};"
        found.append(AREA.wrong(f"The login {login} may become {listed(more)}.", todo))
    return found


async def _functions(connection: asyncpg.Connection) -> list[Finding]:
    functions = await connection.fetch(JOB_FUNCTIONS)
    if not functions:
        return [AREA.wrong("Workers may call no function.", "Run `pourplan migrate` as the owner.")]
    found = [
        AREA.wrong(
            f"The workers' function {row['function']} may be called by {', '.join(row['others'])}.",
            f"As the owner: revoke all on function {row['function']}"
            f" from public, {', '.join(row['others'])};",
        )
        for row in functions
        if row["others"]
    ]
    if inside := await _names(connection, INTERNAL):
        found.append(
            AREA.wrong(
                f"The schema internal is open to {', '.join(inside)}.",
                f"As the owner: revoke all on schema internal from public, {', '.join(inside)};",
            )
        )
    return found or [AREA.ok(f"The workers' {len(functions)} functions are theirs alone.")]


async def _stranger(connection: asyncpg.Connection) -> list[Finding]:
    """Ask every table as a user who is a member of nothing."""
    tables = await _names(connection, READABLE)
    if not tables:
        return []
    each = [f"select '{name}' where exists (select from public.\"{name}\")" for name in tables]  # noqa: S608
    stranger = Identity(uuid.uuid4())
    try:
        async with connection.transaction(readonly=True):
            await connection.execute(SET_CALLER, stranger.claims, "")
            seen = await _names(connection, " union all ".join(each))
    except asyncpg.PostgresError as error:
        return [
            AREA.wrong(f"The service can't act as a user: {error}.", f"As the owner: grant {USERS} to {API};")
        ]
    if seen:
        return [
            AREA.wrong(
                f"A user who belongs to no tenant sees rows of {listed(seen)}.",
                "Create the policies again as supabase/migrations has them.",
            )
        ]
    return [AREA.ok(f"A user who belongs to no tenant sees nothing in {len(tables)} tables.")]


async def _names(connection: asyncpg.Connection, statement: str, *arguments: str) -> list[str]:
    return [row[0] for row in await connection.fetch(statement, *arguments)]
