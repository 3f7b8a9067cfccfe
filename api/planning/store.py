"""The SQL of runs: what they are given, how they go, how they are cancelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from api.database import Connection, Row

# What changes of a run while it goes; runs of kinds that are not shown are passed over.
STATE = """
select status, attempt, phase, percent, best_objective, best_bound, warnings, error, started_at, finished_at
from plan_runs
where id = $1 and kind = any($2::text[])
"""

# All that a forecast of the month $1 is computed from, in one statement and so as of one moment: the tons of
# a heat, the newest month of which anything is known, and in the form in which the problem takes them
# - every grade that has a group and was not merged away,
# - tons per grade and month before that month; the history of merged grades is their target's,
# - the order forecast of the month,
# - its heats that are sequenced already; grades without a group come along by name alone,
# - the days that the schedule covers, idle ones too, from $2 days before the month to $2 days after it.
FORECAST_INPUTS = """
with standing as materialized (
    -- Under which name and in which group each grade stands now.
    select named.id, g.name as grade, g.position, pg.name as group_name, pg.position as group_position
    from steel_grades as named
    join steel_grades as g on g.id = coalesce(named.merged_into_id, named.id)
    left join product_groups as pg on pg.id = g.product_group_id
)
select t.heat_tons::float8 as heat_tons,
    greatest(
        (select max(month) from steel_grade_production),
        (select max(month) from product_group_monthly),
        (select date_trunc('month', max(scheduled_on))::date from charge_schedule),
        (select date_trunc('month', max(scheduled_on))::date from charge_schedule_days)
    ) as newest,
    (
        select coalesce(jsonb_agg(jsonb_build_object('grade', g.name, 'group', pg.name)
                                  order by pg.position, pg.name, g.position, g.name), '[]')
        from steel_grades as g
        join product_groups as pg on pg.id = g.product_group_id
        where g.merged_into_id is null
    ) as grades,
    (
        select coalesce(jsonb_agg(jsonb_build_object(
                            'group', made.group_name, 'grade', made.grade,
                            'month', to_char(made.month, 'YYYY-MM'), 'tons', made.tons)
                        order by made.group_position, made.group_name, made.position, made.grade, made.month),
                        '[]')
        from (
            select s.group_position, s.group_name, s.position, s.grade, p.month, sum(p.tons) as tons
            from standing as s
            join steel_grade_production as p on p.steel_grade_id = s.id
            where p.month < $1 and s.group_name is not null
            group by s.group_position, s.group_name, s.position, s.grade, p.month
        ) as made
    ) as history,
    (
        select coalesce(jsonb_agg(jsonb_build_object(
                            'group', pg.name, 'month', to_char(m.month, 'YYYY-MM'), 'heats', m.heats)
                        order by pg.position, pg.name), '[]')
        from product_group_monthly as m
        join product_groups as pg on pg.id = m.product_group_id
        where m.month = $1
    ) as orders,
    (
        select coalesce(jsonb_agg(jsonb_build_object(
                            'date', c.scheduled_on, 'start_time', to_char(c.start_time, 'HH24:MI'),
                            'grade', s.grade, 'mould_size', c.mould_size)
                        order by c.scheduled_on, c.start_time), '[]')
        from charge_schedule as c
        join standing as s on s.id = c.steel_grade_id
        where c.scheduled_on >= $1::date and c.scheduled_on < $1::date + interval '1 month'
    ) as schedule,
    (
        select coalesce(jsonb_agg(covered.scheduled_on order by covered.scheduled_on), '[]')
        from (
            select scheduled_on from charge_schedule_days
            union
            select scheduled_on from charge_schedule
        ) as covered
        where covered.scheduled_on >= $1::date - $2::integer
          and covered.scheduled_on < ($1::date + interval '1 month')::date + $2::integer
    ) as schedule_days
from tenants as t
where t.id = (select current_tenant_id())
"""

QUEUE_FORECAST = "select create_run('FORECAST', $1::jsonb, $2::date)"

QUEUE_REPLAN = "select create_replan($1, $2, $3, $4)"

RUN_OF_KEY = "select id, kind, scenario_id from plan_runs where idempotency_key = $1"

PLAN = """
select p.scenario_id, p.asof_date, p.plan, r.what_if
from replans as p
join plan_runs as r on r.id = p.run_id
where p.run_id = $1
"""

TASK = "select problem from plan_runs where id = $1"

CANCEL = "select cancel_run($1, $2)"


async def state(connection: Connection, key: UUID, kinds: Sequence[str]) -> Row | None:
    """Tell how far a run of one of these kinds is; None where there is none."""
    return await connection.fetchrow(STATE, key, kinds)


async def forecast_inputs(connection: Connection, month: date, margin: int) -> Row:
    """Read heat_tons, newest (None: nothing is known), grades, history, orders, schedule and schedule_days.

    Days that the schedule covers are told from `margin` days before the month to as many after it.
    """
    row = await connection.fetchrow(FORECAST_INPUTS, month, margin)
    if row is None:
        raise LookupError("a forecast is built without a tenant")
    return row


async def queue_forecast(connection: Connection, problem: Mapping[str, Any], month: date) -> UUID:
    """Store a forecast's problem as a queued run, and give its key."""
    key: UUID = await connection.fetchval(QUEUE_FORECAST, problem, month)
    return key


async def queue_replan(
    connection: Connection, scenario: UUID, asof_date: date, task: Mapping[str, Any], token: str | None
) -> UUID:
    """Store a replan's task as a queued run, and give its key; the same token gives the same run."""
    key: UUID = await connection.fetchval(QUEUE_REPLAN, scenario, asof_date, task, token)
    return key


async def run_of_key(connection: Connection, token: str) -> Row | None:
    """Find the run that was asked for with an idempotency key: id, kind, scenario_id."""
    return await connection.fetchrow(RUN_OF_KEY, token)


async def plan(connection: Connection, run: UUID) -> Row | None:
    """Read the plan of a replan that succeeded: scenario_id, asof_date, plan in its JSON form, what_if."""
    return await connection.fetchrow(PLAN, run)


async def task(connection: Connection, run: UUID) -> Mapping[str, Any]:
    """Read what a run was given, in its JSON form."""
    found: Mapping[str, Any] = await connection.fetchval(TASK, run)
    return found


async def cancel(connection: Connection, key: UUID, *, keep_best: bool) -> Mapping[str, Any]:
    """End a run, or ask it to end with its best plan; tells {status, changed}."""
    outcome: Mapping[str, Any] = await connection.fetchval(CANCEL, key, keep_best)
    return outcome
