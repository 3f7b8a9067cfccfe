"""The SQL of a foundry's data: a problem goes into tables, and comes back from them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import orjson

from api.database import Connection, Row

# The scenario of a name, made or brought to a new Monday; the row stays locked while its data are replaced.
PUT_SCENARIO = """
insert into scenarios (tenant_id, name, asof_date, holidays, settings, frozen_days, has_previous_plan)
values ((select current_tenant_id()), $1, $2, $3, $4, $5, $6)
on conflict (tenant_id, name) where archived_at is null do update
set asof_date = excluded.asof_date, holidays = excluded.holidays, settings = excluded.settings,
    frozen_days = excluded.frozen_days, has_previous_plan = excluded.has_previous_plan, updated_at = now()
returning id
"""

# Rows that no plan points at are replaced; before orders, because some of them name these.
CLEAR = tuple(
    f"delete from {table} where scenario_id = $1"  # noqa: S608 - names from this file
    for table in (
        "resources",
        "calendar_workdays",
        "initial_order_progress",
        "initial_patterns_loaded",
        "initial_flask_inuse",
        "initial_pour_load",
        "expected_deliveries",
        "previous_plan",
        "pins",
    )
)

# Parts and orders stay for the plans that point at them, and are active as long as they are in the data.
RETIRE_PARTS = "update parts set active = false where scenario_id = $1 and active"
RETIRE_ORDERS = "update orders set active = false where scenario_id = $1 and active"

PUT_PARTS = """
insert into parts
    (tenant_id, scenario_id, position, part_id, flask_size, cool_hours, finish_hours, gross_weight_ton, alloy)
select (select current_tenant_id()), $1, r.nr, r.part_id, r.flask_size, r.cool_hours, r.finish_hours,
    r.gross_weight_ton, r.alloy
from rows from (jsonb_to_recordset($2::text::jsonb -> 'parts') as (
    part_id text, flask_size text, cool_hours numeric, finish_hours numeric, gross_weight_ton numeric,
    alloy text)) with ordinality as r (
    part_id, flask_size, cool_hours, finish_hours, gross_weight_ton, alloy, nr)
on conflict (tenant_id, scenario_id, part_id) do update
set position = excluded.position, flask_size = excluded.flask_size, cool_hours = excluded.cool_hours,
    finish_hours = excluded.finish_hours, gross_weight_ton = excluded.gross_weight_ton,
    alloy = excluded.alloy, active = true
"""

PUT_ORDERS = """
insert into orders (tenant_id, scenario_id, position, order_id, part_id, qty, due_date, priority)
select (select current_tenant_id()), $1, r.nr, r.order_id, r.part_id, r.qty, r.due_date, r.priority
from rows from (jsonb_to_recordset($2::text::jsonb -> 'orders') as (
    order_id text, part_id text, qty integer, due_date date, priority integer)) with ordinality as r (
    order_id, part_id, qty, due_date, priority, nr)
on conflict (tenant_id, scenario_id, order_id) do update
set position = excluded.position, part_id = excluded.part_id, qty = excluded.qty,
    due_date = excluded.due_date, priority = excluded.priority, active = true
"""

PUT_RESOURCES = """
insert into resources
    (tenant_id, scenario_id, "flasks_S", "flasks_M", "flasks_L", molding_max_per_day,
     molding_max_same_part_per_day, pour_max_ton_per_day, max_patterns, notes)
select (select current_tenant_id()), $1, r.*
from jsonb_to_record($2::text::jsonb -> 'resources') as r (
    "flasks_S" integer, "flasks_M" integer, "flasks_L" integer, molding_max_per_day integer,
    molding_max_same_part_per_day integer, pour_max_ton_per_day numeric, max_patterns integer, notes text)
"""

PUT_CALENDAR = """
insert into calendar_workdays (tenant_id, scenario_id, workday_index, date, week_index)
select (select current_tenant_id()), $1, r.*
from jsonb_to_recordset(coalesce(nullif($2::text::jsonb -> 'calendar_workdays', 'null'), '[]')) as r (
    workday_index integer, date date, week_index integer)
"""

PUT_PROGRESS = """
insert into initial_order_progress (tenant_id, scenario_id, asof_date, order_id, molded_qty_credit)
select (select current_tenant_id()), $1, ($2::text::jsonb ->> 'asof_date')::date, r.*
from jsonb_to_recordset($2::text::jsonb -> 'initial_order_progress') as r (
    order_id text, molded_qty_credit integer)
"""

PUT_LOADED = """
insert into initial_patterns_loaded (tenant_id, scenario_id, asof_date, order_id, is_loaded)
select (select current_tenant_id()), $1, ($2::text::jsonb ->> 'asof_date')::date, r.*
from jsonb_to_recordset($2::text::jsonb -> 'initial_patterns_loaded') as r (order_id text, is_loaded integer)
"""

PUT_FLASKS = """
insert into initial_flask_inuse
    (tenant_id, scenario_id, asof_date, position, flask_size, release_workday_index, qty_inuse)
select (select current_tenant_id()), $1, ($2::text::jsonb ->> 'asof_date')::date, r.nr, r.flask_size,
    r.release_workday_index, r.qty_inuse
from rows from (jsonb_to_recordset($2::text::jsonb -> 'initial_flask_inuse') as (
    flask_size text, release_workday_index integer, qty_inuse integer)) with ordinality as r (
    flask_size, release_workday_index, qty_inuse, nr)
"""

PUT_POURS = """
insert into initial_pour_load (tenant_id, scenario_id, asof_date, position, workday_index, tons_committed)
select (select current_tenant_id()), $1, ($2::text::jsonb ->> 'asof_date')::date, r.nr, r.workday_index,
    r.tons_committed
from rows from (jsonb_to_recordset($2::text::jsonb -> 'initial_pour_load') as (
    workday_index integer, tons_committed numeric)) with ordinality as r (workday_index, tons_committed, nr)
"""

PUT_DELIVERIES = """
insert into expected_deliveries (tenant_id, scenario_id, asof_date, position, order_id, date, qty)
select (select current_tenant_id()), $1, ($2::text::jsonb ->> 'asof_date')::date, r.nr, r.order_id, r.date,
    r.qty
from rows from (jsonb_to_recordset($2::text::jsonb -> 'expected_deliveries') as (
    order_id text, date date, qty integer)) with ordinality as r (order_id, date, qty, nr)
"""

# A plan may still name orders that have left the data since: every comparison leaves them out.
PUT_PREVIOUS = """
insert into previous_plan (tenant_id, scenario_id, order_id, workday_index, molds)
select (select current_tenant_id()), $1, r.*
from jsonb_to_recordset(coalesce(nullif($2::text::jsonb -> 'previous_plan', 'null'), '[]')) as r (
    order_id text, workday_index integer, molds integer)
where exists (select from orders as o where o.scenario_id = $1 and o.order_id = r.order_id and o.active)
"""

PUT_PINS = """
insert into pins (tenant_id, scenario_id, order_id, workday_index, molds)
select (select current_tenant_id()), $1, r.*
from jsonb_to_recordset($2::text::jsonb -> 'pins') as r (order_id text, workday_index integer, molds integer)
"""

# Orders need their parts, everything else its orders.
PUT = (
    PUT_PARTS,
    PUT_ORDERS,
    PUT_RESOURCES,
    PUT_CALENDAR,
    PUT_PROGRESS,
    PUT_LOADED,
    PUT_FLASKS,
    PUT_POURS,
    PUT_DELIVERIES,
    PUT_PREVIOUS,
    PUT_PINS,
)


_NOW = "asof_date = s.asof_date"
_ROWS = {
    "parts": (
        "position, part_id, flask_size, cool_hours, finish_hours, gross_weight_ton, alloy",
        "position, part_id",
        "active",
    ),
    "orders": (
        "position, order_id, part_id, qty, due_date, priority",
        "position, order_id",
        "active",
    ),
    "calendar_workdays": ("workday_index, date, week_index", "workday_index", "true"),
    "initial_order_progress": ("order_id, molded_qty_credit", "order_id", _NOW),
    "initial_patterns_loaded": ("order_id, is_loaded", "order_id", _NOW),
    "initial_flask_inuse": ("position, flask_size, release_workday_index, qty_inuse", "position", _NOW),
    "initial_pour_load": ("position, workday_index, tons_committed", "position", _NOW),
    "expected_deliveries": ("position, order_id, date, qty", "position", _NOW),
    "previous_plan": ("order_id, workday_index, molds", "workday_index, order_id", "s.has_previous_plan"),
    "pins": ("order_id, workday_index, molds", "workday_index, order_id", "true"),
}
"""Columns, order and condition of the rows that a problem is made of, by table."""

_REQUIRED = ("parts", "orders")
"""Tables that a problem always tells; others are left out without rows."""


def _list_of(table: str) -> str:
    columns, order, condition = _ROWS[table]
    rows = (
        f"(select jsonb_agg(to_jsonb(r) - 'position' order by {order})"  # noqa: S608 - names from this file
        f" from (select {columns} from {table} where scenario_id = s.id and {condition}) as r)"
    )
    if table in _REQUIRED:
        return f"coalesce({rows}, '[]')"
    # An earlier plan that there is may be empty.
    return f"case when {condition} then coalesce({rows}, '[]') end" if table == "previous_plan" else rows


_LISTS = ",\n".join(f"    '{table}', {_list_of(table)}" for table in _ROWS)

# All that a replan of a scenario is computed from, as of one moment, in the form of a foundry problem.
PROBLEM_OF = f"""
select jsonb_strip_nulls(jsonb_build_object(
    'name', s.name, 'scenario_id', s.id, 'asof_date', s.asof_date,
    'holidays', to_jsonb(s.holidays), 'frozen_days', s.frozen_days,
    'resources', (
        select to_jsonb(r) - 'tenant_id' - 'scenario_id' from resources as r where r.scenario_id = s.id),
{_LISTS}
)) || jsonb_build_object('settings', s.settings)
from scenarios as s
where s.id = """  # noqa: S608 - names from this file
PROBLEM = f"{PROBLEM_OF}$1"

# Row-level security locks no archived one.
LOCK = "select name, asof_date from scenarios where id = $1 for no key update"

STANDING = "select name, archived_at from scenarios where id = $1"

CLONE = "select clone_scenario($1, $2)"

NAMED = "select id from scenarios where name = $1 and archived_at is null"

RENAME = "update scenarios set name = $2 where id = $1"

DELETE = "select delete_scenario($1)"

# Two of a tenant's scenarios that become the base at once would each not see the other's mark.
TAKE_TURN = """
select pg_advisory_xact_lock(hashtextextended('pourplan.base ' || current_tenant_id()::text, 0))
"""

MAKE_BASE = (
    "update scenarios set is_base = false where is_base",
    "update scenarios set is_base = true where id = $1",
)


async def put_scenario(connection: Connection, name: str, problem: dict[str, Any]) -> UUID:
    """Store a problem's data under a scenario's name, instead of those that it had; give its key.

    Parameters
    ----------
    problem
        A sound foundry problem in its JSON form, all keys told.
    """
    key: UUID = await connection.fetchval(
        PUT_SCENARIO,
        name,
        date.fromisoformat(problem["asof_date"]),
        [date.fromisoformat(day) for day in problem["holidays"]],
        problem["settings"],
        problem["frozen_days"],
        problem["previous_plan"] is not None,
    )
    for statement in (*CLEAR, RETIRE_ORDERS, RETIRE_PARTS):
        await connection.execute(statement, key)
    content = orjson.dumps(problem).decode()
    for statement in PUT:
        await connection.execute(statement, key, content)
    return key


async def problem(connection: Connection, key: UUID) -> dict[str, Any] | None:
    """Read a scenario as a foundry problem in its JSON form; None where the caller sees none."""
    found: dict[str, Any] | None = await connection.fetchval(PROBLEM, key)
    return found


async def lock(connection: Connection, key: UUID) -> Row | None:
    """Read name and asof_date of a scenario, whose data nobody else replaces until the transaction ends.

    None where the caller sees none, or an archived one.
    """
    return await connection.fetchrow(LOCK, key)


async def standing(connection: Connection, key: UUID) -> Row | None:
    """Tell name and archived_at of a scenario, archived or not; None where the caller sees none."""
    return await connection.fetchrow(STANDING, key)


async def clone(connection: Connection, key: UUID, name: str) -> UUID:
    """Copy a scenario under a new name, and give the copy's key."""
    copy: UUID = await connection.fetchval(CLONE, key, name)
    return copy


async def named(connection: Connection, name: str) -> UUID | None:
    """Find the key of the scenario of a name."""
    key: UUID | None = await connection.fetchval(NAMED, name)
    return key


async def rename(connection: Connection, key: UUID, name: str) -> None:
    """Give a scenario another name."""
    await connection.execute(RENAME, key, name)


async def delete(connection: Connection, key: UUID) -> Mapping[str, Any]:
    """Delete a scenario, or leave it; tells its fate as the database's function does."""
    outcome: Mapping[str, Any] = await connection.fetchval(DELETE, key)
    return outcome


async def take_turn_as_base(connection: Connection) -> None:
    """Wait until nobody else chooses the tenant's base; before a scenario is held, lest two wait for ever."""
    await connection.execute(TAKE_TURN)


async def make_base(connection: Connection, key: UUID) -> None:
    """Make a scenario the base."""
    release, take = MAKE_BASE
    await connection.execute(release)
    await connection.execute(take, key)
