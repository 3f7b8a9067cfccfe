"""Who may do what to which table and function: the matrix of row-level security, from the catalog.

Tables and functions are found in the catalog, so that a new one fails here until its rights are written down.
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import pytest

from tests.database import (
    Connection,
    Ground,
    Plant,
    TemporaryDatabase,
    add_member,
    add_plant,
    as_user,
    connected,
)

VERBS = ("select", "insert", "update", "delete")
MEMBERS = frozenset({"viewer", "operator", "planner", "admin"})
PLANNERS = frozenset({"planner", "admin"})
ADMINS = frozenset({"admin"})
NOBODY: frozenset[str] = frozenset()

# Members of another tenant, users without any, and the logins themselves: none of them may do anything.
OUTSIDERS = (
    "admin of another tenant",
    "user without a tenant",
    "signed in without a user",
    "anon",
    "pourplan_api",
    "pourplan_jobs",
    "pourplan_run",
)
ACTORS = (*sorted(MEMBERS), *OUTSIDERS)


@dataclass(frozen=True)
class Rights:
    """Who of a tenant's members may do what to a table of that tenant."""

    select: frozenset[str] = MEMBERS
    insert: frozenset[str] = NOBODY
    update: frozenset[str] = NOBODY
    delete: frozenset[str] = NOBODY

    def of(self, actor: str) -> set[str]:
        return {verb for verb in VERBS if actor in getattr(self, verb)}


FACTS = Rights(insert=PLANNERS, update=PLANNERS, delete=PLANNERS)
RESULTS = Rights()

RIGHTS = {
    "tenants": Rights(update=ADMINS),
    "tenant_members": Rights(),
    "tenant_invitations": Rights(select=ADMINS),
    "api_keys": Rights(select=ADMINS),
    "api_key_secrets": Rights(select=NOBODY),
    "workbook_imports": Rights(insert=PLANNERS),
    "product_groups": Rights(insert=PLANNERS, update=PLANNERS),
    "steel_grades": Rights(insert=PLANNERS, update=PLANNERS),
    "steel_grade_production": FACTS,
    "product_group_monthly": FACTS,
    "charge_schedule": FACTS,
    "charge_schedule_days": FACTS,
    "run_batches": RESULTS,
    "plan_runs": RESULTS,
    "plan_run_leases": Rights(select=NOBODY),
    "forecasts": RESULTS,
    "forecast_heats": RESULTS,
    "forecast_groups": RESULTS,
    "forecast_unassigned": RESULTS,
    "forecast_scores": RESULTS,
    "scenarios": Rights(insert=PLANNERS, update=PLANNERS),
    "parts": Rights(insert=PLANNERS, update=PLANNERS),
    "orders": Rights(insert=PLANNERS, update=PLANNERS),
    "resources": FACTS,
    "calendar_workdays": FACTS,
    "initial_order_progress": FACTS,
    "initial_patterns_loaded": FACTS,
    "initial_flask_inuse": FACTS,
    "initial_pour_load": FACTS,
    "expected_deliveries": FACTS,
    "previous_plan": FACTS,
    "pins": FACTS,
    "monday_replans": RESULTS,
    "monday_wishes": RESULTS,
    "replans": RESULTS,
    "plan_daily_order": RESULTS,
    "plan_weekly_order": RESULTS,
    "order_status": RESULTS,
    "plan_days": RESULTS,
}

# A valid row of each table, in an order that satisfies foreign keys. {n} is 1 for the rows that are there and
# 2 for those that an actor tries to add; {user} is the actor.
ROWS = {
    "tenants": "(id, slug, name) values ('{fresh}', 'added', 'Added')",
    "tenant_members": "(tenant_id, user_id, role) values ('{tenant}', '{fresh}', 'viewer')",
    "tenant_invitations": (
        "(tenant_id, email, role, invited_by) values ('{tenant}', 'a{n}@example.com', 'viewer', '{user}')"
    ),
    "api_keys": (
        "(id, tenant_id, name, role, created_by) values ('{key}', '{tenant}', 'Key {n}', 'viewer', '{user}')"
    ),
    "api_key_secrets": (
        "(key_id, tenant_id, sha256)"
        " values ('{key}', '{tenant}', encode(sha256('{tenant} {n}'::bytea), 'hex'))"
    ),
    "workbook_imports": (
        "(id, tenant_id, kind, file_name, sha256, size_bytes, rows_read, rows_stored, report, imported_by)"
        " values ('{upload}', '{tenant}', 'DAILY_CHARGE_SCHEDULE', 'a.xlsx', repeat('a', 64), 1, 1, 1,"
        " '{{}}', '{user}')"
    ),
    "product_groups": "(id, tenant_id, name, position) values ('{group}', '{tenant}', 'Rebar {n}', 1)",
    "steel_grades": (
        "(id, tenant_id, product_group_id, name, position) values ('{grade}', '{tenant}', '{group1}', 'B500"
        " {n}', 1)"
    ),
    "steel_grade_production": (
        "(tenant_id, steel_grade_id, month, tons, unit) values ('{tenant}', '{grade1}', '2024-0{n}-01', 1,"
        " 'TON')"
    ),
    "product_group_monthly": (
        "(tenant_id, product_group_id, month, heats) values ('{tenant}', '{group1}', '2024-0{n}-01', 1)"
    ),
    "charge_schedule": (
        "(tenant_id, scheduled_on, start_time, steel_grade_id)"
        " values ('{tenant}', '2024-09-0{n}', '04:00', '{grade1}')"
    ),
    "charge_schedule_days": "(tenant_id, scheduled_on) values ('{tenant}', '2024-09-0{n}')",
    "run_batches": "(tenant_id, idempotency_key, requested_by) values ('{tenant}', 'Key {n}', '{user}')",
    "plan_runs": (
        "(id, tenant_id, kind, problem, month, requested_by)"
        " values ('{run}', '{tenant}', 'FORECAST', '{{}}', '2024-09-01', '{user}')"
    ),
    "plan_run_leases": "(run_id, tenant_id) values ('{run}', '{tenant}')",
    "forecasts": (
        "(run_id, tenant_id, month, method, total_heats) values ('{run}', '{tenant}', '2024-09-01', 'last',"
        " 1)"
    ),
    "forecast_heats": (
        "(tenant_id, run_id, steel_grade_id, product_group_id, position,"
        " heats, tons, committed_heats, share, low, high)"
        " values ('{tenant}', '{run}', '{grade1}', '{group1}', 1, 1, 1, 0, 1, 1, 1)"
    ),
    "forecast_groups": (
        "(tenant_id, run_id, product_group_id, position, forecast_heats)"
        " values ('{tenant}', '{run}', '{group1}', 1, 1)"
    ),
    "forecast_unassigned": (
        "(tenant_id, run_id, steel_grade_id, position, heats) values ('{tenant}', '{run}', '{grade1}', 1, 1)"
    ),
    "forecast_scores": (
        "(tenant_id, run_id, method, position, misallocated_share) values ('{tenant}', '{run}', 'last', 1, 0)"
    ),
    "scenarios": (
        "(id, tenant_id, name, asof_date) values ('{scenario}', '{tenant}', 'Base {n}', '2026-01-05'),"
        " ('{spare}', '{tenant}', 'Spare {n}', '2026-01-05')"
    ),
    "parts": (
        "(tenant_id, scenario_id, part_id, flask_size, cool_hours, finish_hours, gross_weight_ton)"
        " values ('{tenant}', '{scenario1}', 'P{n}', 'M', 24, 12, 0.5)"
    ),
    "orders": (
        "(tenant_id, scenario_id, order_id, part_id, qty, due_date)"
        " values ('{tenant}', '{scenario1}', 'O{n}', 'P1', 3, '2026-02-02')"
    ),
    "resources": (
        '(tenant_id, scenario_id, "flasks_S", "flasks_M", "flasks_L", molding_max_per_day,'
        " molding_max_same_part_per_day, pour_max_ton_per_day)"
        " values ('{tenant}', '{bare}', 1, 2, 3, 4, 2, 5)"
    ),
    "calendar_workdays": (
        "(tenant_id, scenario_id, workday_index, date)"
        " values ('{tenant}', '{scenario1}', {n}, '2026-01-0{n}')"
    ),
    "initial_order_progress": (
        "(tenant_id, scenario_id, asof_date, order_id, molded_qty_credit)"
        " values ('{tenant}', '{scenario1}', '2026-01-0{n}', 'O1', 1)"
    ),
    "initial_patterns_loaded": (
        "(tenant_id, scenario_id, asof_date, order_id)"
        " values ('{tenant}', '{scenario1}', '2026-01-0{n}', 'O1')"
    ),
    "initial_flask_inuse": (
        "(tenant_id, scenario_id, asof_date, position, flask_size, release_workday_index, qty_inuse)"
        " values ('{tenant}', '{scenario1}', '2026-01-05', {n}, 'S', 1, 1)"
    ),
    "initial_pour_load": (
        "(tenant_id, scenario_id, asof_date, position, workday_index, tons_committed)"
        " values ('{tenant}', '{scenario1}', '2026-01-05', {n}, 0, 1.5)"
    ),
    "expected_deliveries": (
        "(tenant_id, scenario_id, asof_date, position, order_id, date, qty)"
        " values ('{tenant}', '{scenario1}', '2026-01-05', {n}, 'O1', '2026-01-07', 1)"
    ),
    "previous_plan": (
        "(tenant_id, scenario_id, order_id, workday_index, molds)"
        " values ('{tenant}', '{scenario1}', 'O1', {n}, 1)"
    ),
    "pins": (
        "(tenant_id, scenario_id, order_id, workday_index, molds)"
        " values ('{tenant}', '{scenario1}', 'O1', {n}, 0)"
    ),
    "monday_replans": (
        "(scenario_id, tenant_id, hour, asked_by, asked_at) values ('{bare}', '{tenant}', 6, '{user}', now())"
    ),
    "monday_wishes": (
        "(scenario_id, tenant_id, monday, time_zone, due_at)"
        " values ('{scenario1}', '{tenant}', date '2026-01-05' + 7 * {n}, 'UTC', now())"
    ),
    "replans": (
        "(run_id, tenant_id, scenario_id, asof_date, late_molds, late_orders, pattern_starts, pattern_stops,"
        " day0_stops, pattern_changes, wip, objective, bound, gap, proven_optimal, stopped_early,"
        " solve_seconds, specification_objective, late_weight, tardiness, congestion, stability,"
        " peak_flasks, peak_pour_tons, plan)"
        " values ('{run}', '{tenant}', '{scenario1}', '2026-01-05', 0, 0, 1, 0, 0, 1, 3, 100000, 100000, 0,"
        " true, false, 1, 100003, 1000000, 0, 0, 0, '[]', 1.5, '{{}}')"
    ),
    "plan_daily_order": (
        "(tenant_id, scenario_id, run_id, asof_date, workday_index, date, order_id, part_id, molds_molded)"
        " values ('{tenant}', '{scenario1}', '{run}', '2026-01-05', 0, '2026-01-05', 'O1', 'P1', 3)"
    ),
    "plan_weekly_order": (
        "(tenant_id, scenario_id, run_id, asof_date, week_index, order_id, part_id, molds_molded_week)"
        " values ('{tenant}', '{scenario1}', '{run}', '2026-01-05', 0, 'O1', 'P1', 3)"
    ),
    "order_status": (
        "(tenant_id, scenario_id, run_id, asof_date, position, order_id, part_id, qty, molded_qty_credit,"
        " remaining_qty, due_date, delivered_by_due, late_qty) values ('{tenant}', '{scenario1}', '{run}',"
        " '2026-01-05', 1, 'O1', 'P1', 3, 0, 3, '2026-02-02', 3, 0)"
    ),
    "plan_days": (
        "(tenant_id, scenario_id, run_id, workday_index, date, week_index, molds, patterns, pour_tons,"
        " flasks)"
        " values ('{tenant}', '{scenario1}', '{run}', 0, '2026-01-05', 0, 3, 1, 0, '[]')"
    ),
}

# A column that whoever may update the table may change.
CHANGED = {
    "tenants": "name",
    "workbook_imports": "file_name",
    "product_groups": "name",
    "steel_grades": "suspect",
}


def insertion(table: str, plant: Plant, n: int, user: uuid.UUID) -> str:
    """The statement that adds row `n` of a tenant; ids are the same each time it is asked for."""

    def named(what: str, number: int = n) -> uuid.UUID:
        return uuid.uuid5(plant.id, f"{what} {number}")

    values = {
        what: named(what) for what in ("fresh", "key", "upload", "group", "grade", "run", "scenario", "spare")
    }
    first = {f"{what}1": named(what, 1) for what in ("group", "grade", "scenario")}
    # A scenario has one row of resources.
    values["bare"] = named("scenario" if n == 1 else "spare", 1)
    row = ROWS[table].format(tenant=plant.id, user=user, n=n, **first, **values)
    return f"insert into public.{table} {row}"


@dataclass(frozen=True)
class Stage:
    """Two tenants with a row in every table each, and who acts on them."""

    database: TemporaryDatabase
    north: Plant
    south: Plant
    stranger: uuid.UUID

    def user(self, actor: str) -> uuid.UUID | None:
        """The user behind an actor; None for those who are none."""
        return {
            **self.north.members,
            "admin of another tenant": self.south.admin,
            "user without a tenant": self.stranger,
        }.get(actor)

    @asynccontextmanager
    async def acting(self, actor: str) -> AsyncIterator[Connection]:
        """A transaction of an actor, as the service and others open it, undone afterwards."""
        logins = {"anon": "postgres", "pourplan_run": "postgres", "pourplan_jobs": "pourplan_jobs"}
        login = logins.get(actor, "pourplan_api")
        async with connected(self.database.server.url(login, self.database.name)) as connection:
            if actor in ("pourplan_api", "pourplan_jobs", "pourplan_run", "anon"):
                transaction = connection.transaction()
                await transaction.start()
                if actor in ("pourplan_run", "anon"):
                    await connection.execute(f"set local role {actor}")
                yield connection
                await transaction.rollback()
                return
            async with as_user(connection, self.user(actor)):
                undone = connection.transaction()
                await undone.start()
                yield connection
                await undone.rollback()


@pytest.fixture(scope="module")
async def stage(every_ground: Ground) -> AsyncIterator[Stage]:
    async with every_ground.database() as database:
        async with connected(database.admin_url) as admin:
            north, south = await add_plant(admin, "north"), await add_plant(admin, "south")
            for plant in (north, south):
                for table in ROWS:
                    if table not in ("tenants", "tenant_members"):
                        await admin.execute(insertion(table, plant, 1, plant.planner))
        yield Stage(database, north, south, uuid.uuid4())


@pytest.fixture
async def catalog(stage: Stage) -> AsyncIterator[Connection]:
    async with connected(stage.database.admin_url) as connection:
        yield connection


# ---------------------------------------------------------------------- tables


TABLES = """
select relname::text as name, relrowsecurity and relforcerowsecurity as forced
from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by relname
"""


async def test_every_table_is_in_the_matrix(catalog: Connection) -> None:
    assert {row["name"] for row in await catalog.fetch(TABLES)} == set(RIGHTS) == set(ROWS)


async def test_row_level_security_is_on_and_forced_on_every_table(catalog: Connection) -> None:
    assert [row["name"] for row in await catalog.fetch(TABLES) if not row["forced"]] == []


async def test_every_table_carries_its_tenant(catalog: Connection) -> None:
    without = await catalog.fetch(
        "select relname::text from pg_class as c where relnamespace = 'public'::regnamespace and relkind in"
        " ('r', 'p') and not exists (select from pg_attribute where attrelid = c.oid and attname ="
        " 'tenant_id' and attnotnull)"
    )
    assert [row["relname"] for row in without] == ["tenants"]


def place(table: str, plant: Plant) -> str:
    return f"{'id' if table == 'tenants' else 'tenant_id'} = '{plant.id}'"


async def tries(connection: Connection, statement: str) -> int:
    """How many rows a statement touches; 0 where it is forbidden. Any other error is a mistake of the"
    " test."""
    undone = connection.transaction()
    await undone.start()
    try:
        return int((await connection.execute(statement)).split()[-1])
    except asyncpg.InsufficientPrivilegeError:
        return 0
    finally:
        await undone.rollback()


async def allowed(connection: Connection, table: str, plant: Plant, user: uuid.UUID) -> set[str]:
    """What an actor can do to the rows of a tenant in a table."""
    where = place(table, plant)
    column = CHANGED.get(table) or ("name" if table == "tenants" else "tenant_id")
    statements = {
        "select": f"select from public.{table} where {where}",
        "insert": insertion(table, plant, 2, user),
        "update": f"update public.{table} set {column} = {column} where {where}",
        "delete": f"delete from public.{table} where {where}",
    }
    return {verb for verb, statement in statements.items() if await tries(connection, statement)}


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("table", RIGHTS)
async def test_matrix(stage: Stage, table: str, actor: str) -> None:
    user = stage.user(actor) or stage.stranger
    async with stage.acting(actor) as connection:
        assert await allowed(connection, table, stage.north, user) == RIGHTS[table].of(actor)
        # Nobody but its own members ever gets at another tenant's rows.
        there = RIGHTS[table].of("admin") if actor == "admin of another tenant" else set()
        assert await allowed(connection, table, stage.south, user) == there


@pytest.mark.parametrize(
    "table", sorted(table for table, rights in RIGHTS.items() if rights.update and table != "tenants")
)
async def test_no_row_can_be_moved_into_another_tenant(stage: Stage, table: str) -> None:
    async with stage.acting("admin") as connection:
        move = f"update public.{table} set tenant_id = '{stage.south.id}' where {place(table, stage.north)}"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(move)


@pytest.mark.parametrize("role", ["anon", "authenticated", "pourplan_api", "pourplan_jobs", "pourplan_run"])
async def test_nobody_has_rights_that_row_level_security_does_not_see(catalog: Connection, role: str) -> None:
    granted = await catalog.fetch(
        "select relname::text, privilege from pg_class"
        " cross join unnest(array['truncate', 'references', 'trigger']) as privilege"
        " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm')"
        " and has_table_privilege($1, oid, privilege)",
        role,
    )
    assert granted == []


@pytest.mark.parametrize("role", ["anon", "pourplan_api", "pourplan_jobs", "pourplan_run"])
async def test_only_signed_in_users_have_rights_on_tables_at_all(catalog: Connection, role: str) -> None:
    granted = await catalog.fetch(
        "select c.relname::text from pg_class as c where relnamespace = 'public'::regnamespace"
        " and relkind in ('r', 'p', 'v', 'm', 'S') and case relkind when 'S'"
        " then has_sequence_privilege($1, oid, 'usage, select, update')"
        " else has_any_column_privilege($1, oid, 'select, insert, update, references') end",
        role,
    )
    assert granted == []


async def test_views_see_what_their_reader_may_see(catalog: Connection) -> None:
    views = await catalog.fetch(
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace"
        " and (relkind = 'm' or relkind = 'v' and not coalesce('security_invoker=true' = any(reloptions),"
        " false))"
    )
    assert views == []


async def test_every_reference_stays_within_its_tenant(catalog: Connection) -> None:
    """A foreign key to a table that carries its tenant compares the tenant as well."""
    loose = await catalog.fetch(
        """
        select conrelid::regclass::text, conname::text
        from pg_constraint as k
        join pg_attribute as there on there.attrelid = k.confrelid and there.attname = 'tenant_id'
        where k.contype = 'f' and k.connamespace = 'public'::regnamespace
          and not exists (
              select from unnest(k.conkey, k.confkey) as pair (ours, theirs)
              join pg_attribute as here on here.attrelid = k.conrelid and here.attnum = pair.ours
              where pair.theirs = there.attnum and here.attname = 'tenant_id')
        """
    )
    assert loose == []


async def test_a_row_cannot_point_at_another_tenants_grade(stage: Stage) -> None:
    foreign = uuid.uuid5(stage.south.id, "grade 1")
    async with stage.acting("planner") as connection:
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await connection.execute(
                "insert into public.steel_grade_production (tenant_id, steel_grade_id, month, tons, unit)"
                " values ($1, $2, '2024-03-01', 1, 'TON')",
                stage.north.id,
                foreign,
            )


async def test_an_admin_changes_what_a_tenant_may_set_and_nothing_else(stage: Stage) -> None:
    async with stage.acting("admin") as connection:
        assert (
            await tries(connection, "update public.tenants set heat_tons = 92.5, time_zone = 'Europe/Oslo'")
            == 1
        )
        for column in ("id = gen_random_uuid()", "slug = 'mine'", "created_at = now()"):
            assert await tries(connection, f"update public.tenants set {column}") == 0


async def test_nobody_makes_himself_admin(stage: Stage) -> None:
    async with stage.acting("viewer") as connection:
        for statement in (
            "update public.tenant_members set role = 'admin' where true",
            f"insert into public.tenant_members values ('{stage.south.id}', '{stage.north.viewer}', 'admin')",
            f"insert into public.tenants (id, slug, name) values ('{uuid.uuid4()}', 'own', 'Own')",
        ):
            assert await tries(connection, statement) == 0


async def test_an_import_is_recorded_in_ones_own_name(stage: Stage) -> None:
    async with stage.acting("planner") as connection:
        as_admin = insertion("workbook_imports", stage.north, 2, stage.north.admin)
        assert await tries(connection, as_admin) == 0
        assert (
            await tries(connection, insertion("workbook_imports", stage.north, 2, stage.north.planner)) == 1
        )


# ---------------------------------------------------------------------- which tenant


VISIBLE = "select array_agg(name order by name) from public.product_groups"


@pytest.fixture
async def both(stage: Stage, catalog: Connection) -> AsyncIterator[uuid.UUID]:
    """A user who plans for both tenants."""
    user = await add_member(catalog, stage.north.id, "planner")
    await add_member(catalog, stage.south.id, "viewer", user)
    yield user
    await catalog.execute("delete from public.tenant_members where user_id = $1", user)


async def test_a_user_of_two_tenants_sees_nothing_until_he_chooses(stage: Stage, both: uuid.UUID) -> None:
    async with connected(stage.database.api_url) as connection:
        async with as_user(connection, both):
            assert await connection.fetchval("select public.current_tenant_id()") is None
            assert await connection.fetchval(VISIBLE) is None
            # But he does see what there is to choose from.
            assert await connection.fetchval("select array_agg(slug order by slug) from public.tenants") == [
                "north",
                "south",
            ]
        for plant, role in ((stage.north, "planner"), (stage.south, "viewer")):
            for choice in (plant.id, plant.slug):
                async with as_user(connection, both, choice):
                    assert await connection.fetchval("select public.current_tenant_id()") == plant.id
                    assert await connection.fetchval("select public.current_tenant_role()") == role
                    assert await connection.fetchval("select count(*) from public.product_groups") == 1


async def test_a_role_counts_in_the_tenant_where_it_was_given(stage: Stage, both: uuid.UUID) -> None:
    async with connected(stage.database.api_url) as connection, as_user(connection, both, "south"):
        assert not await connection.fetchval("select public.has_tenant_role('planner')")
        assert "insert" not in await allowed(connection, "product_groups", stage.south, both)
        assert await allowed(connection, "product_groups", stage.north, both) == set()


@pytest.mark.parametrize("choice", ["south", "nowhere", str(uuid.UUID(int=0)), "'; drop table tenants; --"])
async def test_a_choice_that_is_not_ones_own_shows_nothing(stage: Stage, choice: str) -> None:
    async with (
        connected(stage.database.api_url) as connection,
        as_user(connection, stage.north.admin, choice),
    ):
        assert await connection.fetchval("select public.current_tenant_id()") is None
        assert await connection.fetchval(VISIBLE) is None
        assert not await connection.fetchval("select public.has_tenant_role('viewer')")


async def test_the_choice_also_comes_as_a_header_of_postgrest(stage: Stage, both: uuid.UUID) -> None:
    async with connected(stage.database.api_url) as connection, as_user(connection, both):
        for headers, tenant in (
            ('{"x-pourplan-tenant": "south"}', stage.south.id),
            ('{"accept": "*/*"}', None),
            ("", None),
        ):
            await connection.execute("select set_config('request.headers', $1, true)", headers)
            assert await connection.fetchval("select public.current_tenant_id()") == tenant


async def test_claims_end_with_their_transaction(stage: Stage) -> None:
    async with connected(stage.database.api_url) as connection:
        async with as_user(connection, stage.north.admin):
            assert await connection.fetchval("select count(*) from public.product_groups") == 1
        assert await connection.fetchval("select current_user::text") == "pourplan_api"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("select * from public.product_groups")


@pytest.mark.parametrize("role", ["service_role", "anon", "pourplan_jobs", "pourplan_run", "postgres"])
async def test_the_service_can_become_a_user_and_nobody_else(stage: Stage, role: str) -> None:
    async with connected(stage.database.api_url) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"set role {role}")


@pytest.mark.parametrize("role", ["service_role", "authenticated", "anon", "pourplan_api", "postgres"])
async def test_the_jobs_login_can_become_nobody_else(stage: Stage, role: str) -> None:
    async with connected(stage.database.jobs_url) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"set role {role}")


@pytest.mark.parametrize("login", ["pourplan_api", "pourplan_jobs"])
async def test_the_logins_are_as_weak_as_logins_can_be(catalog: Connection, login: str) -> None:
    row = await catalog.fetchrow(
        "select rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
        " from pg_roles where rolname = $1",
        login,
    )
    assert row is not None
    assert not any(row.values())


# ---------------------------------------------------------------------- functions


USERS = frozenset({"authenticated"})
JOBS = frozenset({"service_role", "pourplan_jobs"})
WORKERS = JOBS | {"pourplan_run"}

FUNCTIONS = {
    "current_tenant_id": USERS,
    "current_tenant_role": USERS,
    "has_tenant_role": USERS,
    "create_run": USERS,
    "cancel_run": USERS,
    "create_replan": USERS,
    "create_batch": USERS,
    "cancel_batch": USERS,
    "set_monday_replan": USERS,
    "known_time_zone": USERS,
    "monday_at": USERS,
    "next_monday_at": USERS,
    "next_replan_at": USERS,
    "clone_scenario": USERS,
    "delete_scenario": USERS,
    "invite_member": USERS,
    "withdraw_invitation": USERS,
    "change_member_role": USERS,
    "remove_member": USERS,
    "create_api_key": USERS,
    "revoke_api_key": USERS,
    "accept_invitations": USERS,
    "use_api_key": frozenset({"pourplan_api"}),
    "claim_run": WORKERS,
    "progress_run": WORKERS,
    "finish_run": WORKERS,
    "fail_run": WORKERS,
    "wish_mondays": JOBS,
    "take_monday": JOBS,
    "return_monday": JOBS,
    "fulfil_monday": JOBS,
    "fail_monday": JOBS,
    "queued_runs": JOBS,
    "waiting_runs": JOBS,
    "reserve_run": JOBS,
    "record_dispatch": JOBS,
    "tell_unclaimed": JOBS,
    "run_call": JOBS,
    "reap_runs": JOBS,
    "run_statistics": JOBS,
}


async def test_every_function_is_executable_by_whom_it_is_meant_for(catalog: Connection) -> None:
    rows = await catalog.fetch(
        "select p.proname::text as name, array_agg(r.rolname::text) filter ("
        " where has_function_privilege(r.rolname, p.oid, 'execute')) as roles"
        " from pg_proc as p cross join pg_roles as r where p.pronamespace = 'public'::regnamespace"
        " and r.rolname in ('anon', 'authenticated', 'service_role', 'pourplan_api', 'pourplan_jobs',"
        " 'pourplan_run') group by p.oid"
    )
    assert {row["name"]: frozenset(row["roles"] or ()) for row in rows} == FUNCTIONS


async def test_what_is_internal_is_out_of_everybodys_reach(catalog: Connection) -> None:
    for role in ("anon", "authenticated", "service_role", "pourplan_api", "pourplan_jobs", "pourplan_run"):
        assert not await catalog.fetchval("select has_schema_privilege($1, 'internal', 'usage')", role)
    callable_by_all = await catalog.fetch(
        "select proname::text from pg_proc where pronamespace = 'internal'::regnamespace"
        " and has_function_privilege('anon', oid, 'execute')"
    )
    assert callable_by_all == []


async def test_every_function_looks_names_up_nowhere_but_where_it_says(catalog: Connection) -> None:
    loose = await catalog.fetch(
        "select proname::text from pg_proc where pronamespace in ('public'::regnamespace,"
        " 'internal'::regnamespace) and not coalesce('search_path=\"\"' = any(proconfig), false)"
    )
    assert loose == []


async def test_functions_that_act_for_users_bypass_row_level_security_by_their_owner(
    catalog: Connection,
) -> None:
    weak = await catalog.fetch(
        "select proname::text from pg_proc join pg_roles on pg_roles.oid = proowner"
        " where pronamespace in ('public'::regnamespace, 'internal'::regnamespace)"
        " and not (prosecdef and (rolsuper or rolbypassrls))"
    )
    assert weak == []


CALLS = {
    "claim_run": "select public.claim_run($1)",
    "progress_run": "select public.progress_run($1, $1, 'solving', 1)",
    "finish_run": "select public.finish_run($1, $1, '{}')",
    "fail_run": "select public.fail_run($1, $1, 'X', 'x')",
    "wish_mondays": "select public.wish_mondays() where $1::uuid is not null",
    "take_monday": "select public.take_monday() where $1::uuid is not null",
    "return_monday": "select public.return_monday($1, $1, '2026-01-05', now())",
    "fulfil_monday": "select public.fulfil_monday($1, $1, '2026-01-05', $1)",
    "fail_monday": "select public.fail_monday($1, $1, '2026-01-05', $1, 'key', '{}', '{}')",
    "queued_runs": "select public.queued_runs() where $1::uuid is not null",
    "waiting_runs": "select public.waiting_runs() where $1::uuid is not null",
    "reserve_run": "select public.reserve_run($1, null)",
    "record_dispatch": "select public.record_dispatch($1, 'x')",
    "tell_unclaimed": "select public.tell_unclaimed($1::uuid::text, 'x')",
    "run_call": "select public.run_call($1)",
    "reap_runs": "select public.reap_runs() where $1::uuid is not null",
    "run_statistics": "select public.run_statistics() where $1::uuid is not null",
}


@pytest.mark.parametrize("actor", ["admin", "anon", "pourplan_api"])
@pytest.mark.parametrize("function", sorted(name for name, who in FUNCTIONS.items() if who >= JOBS))
async def test_what_is_for_jobs_is_refused_to_everybody_else(stage: Stage, function: str, actor: str) -> None:
    run = uuid.uuid5(stage.north.id, "run 1")
    async with stage.acting(actor) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for function"):
            await connection.fetch(CALLS[function], run)


@pytest.mark.parametrize(
    "actor", [*sorted(MEMBERS - PLANNERS), "user without a tenant", "signed in without a user"]
)
async def test_who_does_not_plan_neither_starts_nor_cancels_runs(stage: Stage, actor: str) -> None:
    async with stage.acting(actor) as connection:
        assert await tries(connection, "select public.create_run('FORECAST', '{}', '2024-09-01')") == 0
        run = uuid.uuid5(stage.north.id, "run 1")
        assert await tries(connection, f"select public.cancel_run('{run}')") == 0
        scenario = uuid.uuid5(stage.north.id, "scenario 1")
        copy = f"select public.clone_scenario('{scenario}', 'Copy')"
        replan = f"select public.create_replan('{scenario}', '2026-01-05', '{{}}')"
        assert await tries(connection, copy) == await tries(connection, replan) == 0
        assert await tries(connection, f"select public.delete_scenario('{scenario}')") == 0
        batch = "select public.create_batch('Grid', '[{}]', array['{}'::jsonb])"
        monday = f"select public.set_monday_replan('{scenario}', 6)"
        assert await tries(connection, batch) == await tries(connection, monday) == 0


async def test_another_tenants_run_is_not_there(stage: Stage) -> None:
    async with stage.acting("admin of another tenant") as connection:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await connection.execute("select public.cancel_run($1)", uuid.uuid5(stage.north.id, "run 1"))
        assert refused.value.sqlstate == "PT404"


async def test_another_tenants_batch_is_not_there(stage: Stage) -> None:
    async with connected(stage.database.admin_url) as owner:
        batch = await owner.fetchval("select id from run_batches where tenant_id = $1", stage.north.id)
    async with stage.acting("admin of another tenant") as connection:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await connection.execute("select public.cancel_batch($1)", batch)
        assert refused.value.sqlstate == "PT404"
