"""The SQL of runs: what they are given, how they go, what they answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from api.database import Connection, Row

_RUNS = """
select r.id, r.kind, r.status, r.attempt, r.month, r.warnings, r.error,
    r.phase, r.percent, r.best_objective, r.best_bound,
    r.requested_by, r.requested_at, r.started_at, r.finished_at,
    extract(epoch from coalesce(r.finished_at, clock_timestamp()) - r.started_at)::float8 as elapsed_seconds,
    f.method, coalesce(f.total_heats, 0) as total_heats
from plan_runs as r
left join forecasts as f on f.run_id = r.id
"""

RUNS_BY_KEY = _RUNS + "where r.id = any($1::uuid[])"

# A page of the runs of these kinds, the newest first; $4, $5 are the last ones of the page before.
RUNS = (
    _RUNS
    + """
where r.kind = any($2::text[])
  and ($3::text is null or r.status = $3)
  and ($4::timestamptz is null or r.requested_at < $4 or (r.requested_at = $4 and r.id > $5::uuid))
order by r.requested_at desc, r.id
limit $1
"""
)

COUNT_RUNS = """
select count(*) from plan_runs where kind = any($1::text[]) and ($2::text is null or status = $2)
"""

# The newest forecast of a month that succeeded.
NEWEST_FORECAST = (
    _RUNS
    + """
where r.kind = 'FORECAST' and r.status = 'SUCCEEDED' and r.month = $1
order by r.finished_at desc, r.id desc
limit 1
"""
)

HEATS = """
select run_id, steel_grade_id, product_group_id, heats, tons, committed_heats, share, low, high
from forecast_heats where run_id = any($1::uuid[])
order by run_id, position
"""

GROUPS = """
select run_id, product_group_id, ordered_heats, forecast_heats
from forecast_groups where run_id = any($1::uuid[])
order by run_id, position
"""

UNASSIGNED = """
select run_id, steel_grade_id, heats, suggestion
from forecast_unassigned where run_id = any($1::uuid[])
order by run_id, position
"""

SCORES = """
select run_id, method, misallocated_share
from forecast_scores where run_id = any($1::uuid[])
order by run_id, position
"""

# What ScrapChef reads: the grades that are made, under their names.
SCRAP_CHEF = """
select h.run_id, g.name as grade, h.heats
from forecast_heats as h
join steel_grades as g on g.id = h.steel_grade_id
where h.run_id = any($1::uuid[]) and h.heats > 0
order by h.run_id, h.position
"""

# All that a forecast of the month $1 is computed from, in one statement and so as of one moment: the tons of
# a heat, the newest month of which anything is known, and in the form in which the problem takes them
# - every grade that has a group and was not merged away,
# - tons per grade and month before that month; the history of merged grades is their target's,
# - the order forecast of the month,
# - its heats that are sequenced already; grades without a group come along by name alone.
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
        (select date_trunc('month', max(scheduled_on))::date from charge_schedule)
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
    ) as schedule
from tenants as t
where t.id = (select current_tenant_id())
"""

QUEUE_FORECAST = "select create_run('FORECAST', $1::jsonb, $2::date)"

CANCEL = "select cancel_run($1, $2)"


async def runs_by_key(connection: Connection, keys: Sequence[UUID]) -> dict[UUID, Row]:
    """Read runs by their keys."""
    return {row["id"]: row for row in await connection.fetch(RUNS_BY_KEY, keys)}


async def run(connection: Connection, key: UUID) -> Row | None:
    """Read one run."""
    return (await runs_by_key(connection, [key])).get(key)


async def runs_page(
    connection: Connection, limit: int, after: Sequence[Any] | None, kinds: Sequence[str], status: str | None
) -> list[Row]:
    """Read up to `limit` runs after (requested_at, id), the newest first."""
    return list(await connection.fetch(RUNS, limit, kinds, status, *(after or (None, None))))


async def count_runs(connection: Connection, kinds: Sequence[str], status: str | None) -> int:
    """Count runs."""
    return int(await connection.fetchval(COUNT_RUNS, kinds, status))


async def newest_forecast(connection: Connection, month: date) -> Row | None:
    """Read the newest forecast of a month that succeeded."""
    return await connection.fetchrow(NEWEST_FORECAST, month)


async def heats(connection: Connection, runs: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """Read heats per grade of forecasts, in their order."""
    return await _by_run(connection, HEATS, runs)


async def groups(connection: Connection, runs: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """Read heats per product group of forecasts."""
    return await _by_run(connection, GROUPS, runs)


async def unassigned(connection: Connection, runs: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """Read the scheduled heats that forecasts left outside."""
    return await _by_run(connection, UNASSIGNED, runs)


async def scores(connection: Connection, runs: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """Read how the methods did from which forecasts chose, the best first."""
    return await _by_run(connection, SCORES, runs)


async def scrap_chef(connection: Connection, runs: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """Read ScrapChef's breakdowns."""
    return await _by_run(connection, SCRAP_CHEF, runs)


async def _by_run(connection: Connection, statement: str, runs: Sequence[UUID]) -> dict[UUID, list[Row]]:
    found: defaultdict[UUID, list[Row]] = defaultdict(list)
    for row in await connection.fetch(statement, runs):
        found[row["run_id"]].append(row)
    return found


async def forecast_inputs(connection: Connection, month: date) -> Row:
    """Read heat_tons, newest (None: nothing is known), grades, history, orders and schedule."""
    row = await connection.fetchrow(FORECAST_INPUTS, month)
    if row is None:
        raise LookupError("a forecast is built without a tenant")
    return row


async def queue_forecast(connection: Connection, problem: Mapping[str, Any], month: date) -> UUID:
    """Store a forecast's problem as a queued run, and give its key."""
    key: UUID = await connection.fetchval(QUEUE_FORECAST, problem, month)
    return key


async def cancel(connection: Connection, key: UUID, *, keep_best: bool) -> Mapping[str, Any]:
    """End a run, or ask it to end with its best plan; tells {status, changed}."""
    outcome: Mapping[str, Any] = await connection.fetchval(CANCEL, key, keep_best)
    return outcome
