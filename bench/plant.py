"""A generated plant of any size, melt shop and foundry, with runs and what they answered: rows for reading.

The figures are arbitrary and always the same; what hangs together in a real plant hangs together here.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import asyncpg


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many there are of each."""

    groups: int = 20
    grades: int = 400
    months: int = 12
    parts: int = 500
    orders: int = 5_000
    runs: int = 50
    """Half of them forecasts, half of them replans."""
    daily_rows: int = 40_000
    """Of all replans together."""
    forecast_grades: int = 16
    """Rows of one forecast."""


GROUPS = """
insert into product_groups (tenant_id, name, position)
select $1, 'Group ' || n, n from generate_series(1, $2::int) as n
"""

GRADES = """
insert into steel_grades (tenant_id, product_group_id, name, position, suspect, suggestion)
select $1, case when n % 50 > 0 then g.id end, 'Grade ' || n, n / 2, n % 50 = 0,
    case when n % 100 = 0 then 'Grade "1"' end
from generate_series(1, $2::int) as n
join product_groups as g on g.tenant_id = $1 and g.position = 1 + n % $3::int
"""

MERGES = """
update steel_grades as g set merged_into_id = t.id, suspect = false, suggestion = null
from steel_grades as t
where g.tenant_id = $1 and t.tenant_id = $1 and t.name = 'Grade 1' and g.name like '%7' and g.position > 2
"""

PRODUCTION = """
insert into steel_grade_production (tenant_id, steel_grade_id, month, tons, unit)
select $1, g.id, date '2024-01-01' + make_interval(months => m),
    (g.position * 7919 + m * 104729) % 90000 / 7.0, (array['TON', 'SHORT_TON', 'TONNE'])[1 + m % 3]
from steel_grades as g cross join generate_series(0, $2::int - 1) as m
where g.tenant_id = $1 and (g.position + m) % 5 > 0
"""

ORDER_FORECASTS = """
insert into product_group_monthly (tenant_id, product_group_id, month, heats)
select $1, g.id, date '2024-06-01' + make_interval(months => m), (g.position * 37 + m * 11) % 300
from product_groups as g cross join generate_series(0, 3) as m where g.tenant_id = $1
"""

SCHEDULE = """
insert into charge_schedule (tenant_id, scheduled_on, start_time, steel_grade_id, mould_size)
select $1, date '2024-09-01' + g.position % 9, time '00:00' + make_interval(mins => g.position % 1440), g.id,
    case when g.position % 3 > 0 then '6 1/4"' end
from steel_grades as g where g.tenant_id = $1 and g.merged_into_id is null
on conflict do nothing
"""

IMPORTS = """
insert into workbook_imports (tenant_id, kind, file_name, sha256, size_bytes, rows_read, rows_stored,
    report, imported_by, imported_at)
select $1, 'DAILY_CHARGE_SCHEDULE', 'Schedule ' || n || '.xlsx', repeat(to_hex(n % 16), 64), 1000 + n, n,
    n / 2,
    jsonb_build_object('kind', 'DAILY_CHARGE_SCHEDULE', 'sha256', repeat('a', 64), 'stored', n % 2 = 0,
        'rows_read', n, 'rows_stored', n / 2, 'messages', case when n % 3 = 0 then '[]'::jsonb else
        jsonb_build_array(jsonb_build_object('severity', 'WARNING', 'sheet', 'Blätt "1"', 'cell', 'Z' || n,
            'code', 'ODD', 'message', E'A line\\nand another', 'hint', null)) end),
    $2, timestamptz '2024-09-01 06:00+02' + make_interval(secs => n / 2 * 0.25)
from generate_series(1, 9) as n
"""

SCENARIOS = """
insert into scenarios (tenant_id, name, is_base, asof_date, created_at)
values ($1, 'Base', true, '2024-09-02', '2024-08-01'), ($1, 'What if', false, '2024-09-02', '2024-08-02')
"""

MONDAYS = """
insert into monday_replans (scenario_id, tenant_id, hour, asked_by, asked_at)
select id, $1, 6, $2, timestamptz '2024-09-01 06:00+02' from scenarios where tenant_id = $1 and is_base
"""

RESOURCES = """
insert into resources (tenant_id, scenario_id, "flasks_S", "flasks_M", "flasks_L", molding_max_per_day,
    molding_max_same_part_per_day, pour_max_ton_per_day)
select $1, id, 40, 30, 20, 120, 30, 14.5 from scenarios where tenant_id = $1 and is_base
"""

PARTS = """
insert into parts (tenant_id, scenario_id, part_id, flask_size, cool_hours, finish_hours,
    gross_weight_ton, alloy, product_group_id, position)
select $1, s.id, 'P' || n, (array['S', 'M', 'L'])[1 + n % 3], n % 70 / 3.0, n % 40, (n % 900 + 100) / 1000.0,
    case when n % 4 > 0 then 'GX' || n % 9 end, case when n % 6 > 0 then g.id end, n
from generate_series(1, $2::int) as n
join scenarios as s on s.tenant_id = $1 and s.is_base
join product_groups as g on g.tenant_id = $1 and g.position = 1 + n % $3::int
"""

ORDERS = """
insert into orders (tenant_id, scenario_id, order_id, part_id, qty, due_date, priority, position, active)
select $1, s.id, 'O' || n, 'P' || (1 + n % $3::int), 1 + n % 60,
    date '2024-09-02' + n % 90, 100 - n % 7, n / 3, n % 97 > 0
from generate_series(1, $2::int) as n
join scenarios as s on s.tenant_id = $1 and s.is_base
"""

RUNS = """
insert into plan_runs (tenant_id, kind, status, attempt, month, scenario_id, asof_date, problem, warnings,
    error, phase, percent, best_objective, best_bound, requested_by, requested_at, started_at, finished_at)
select $1, made.kind, made.status, made.n % 3,
    case when made.kind = 'FORECAST' then date '2024-09-01' end,
    case when made.kind = 'REPLAN' then s.id end, case when made.kind = 'REPLAN' then date '2024-09-02' end,
    jsonb_build_object('time_limit_seconds', 60, 'problem', jsonb_build_object('name', 'Base', 'a', 1.50)),
    case when made.n % 2 = 0 then array['Look "here".', 'And there.'] else '{}' end,
    case when made.status = 'FAILED' then jsonb_build_object('code', 'BROKEN', 'message', 'It broke.',
        'details', jsonb_build_array('one', 'two')) end,
    case when made.status <> 'QUEUED' then 'solving' end,
    case when made.status <> 'QUEUED' then made.n % 100 end,
    case when made.n % 3 > 0 then made.n * 1.5 end, case when made.n % 3 > 1 then made.n end,
    $3, timestamptz '2024-09-01 06:00+02' + make_interval(secs => made.n / 3 * 60.000125),
    case when made.status <> 'QUEUED' then timestamptz '2024-09-02 06:00+02' end,
    case when made.status in ('SUCCEEDED', 'FAILED') then timestamptz '2024-09-02 06:01:00.5+02'
        + make_interval(secs => made.n) end
from (
    select n, (array['FORECAST', 'REPLAN'])[1 + n % 2] as kind,
        case n when 1 then 'QUEUED' when 2 then 'FAILED' else 'SUCCEEDED' end as status
    from generate_series(1, $2::int) as n
) as made
join scenarios as s on s.tenant_id = $1 and s.is_base
"""

BATCHES = """
with batch as (
    insert into run_batches (tenant_id, name, requested_by, requested_at)
    values ($1, 'What if', $2, timestamptz '2024-09-01 07:00+02'),
        ($1, null, $2, timestamptz '2024-09-01 08:00+02')
    returning id, name, tenant_id
)
update plan_runs as r
set batch_id = made.batch_id, batch_place = made.place,
    what_if = case when made.place % 3 < 2 then jsonb_build_object('max_patterns', made.place,
        'flask_factor', 0.5 + made.place / 4.0, 'policy', 'LEXICOGRAPHIC') end
from (
    select t.id, t.place / 2 as place, b.id as batch_id
    from (
        select id, row_number() over (order by requested_at, id)::int as place
        from plan_runs where tenant_id = $1 and kind = 'REPLAN'
    ) as t
    join batch as b on (b.name is null) = (t.place % 2 = 0)
    where t.place % 5 > 0
) as made
where r.id = made.id
"""

FORECASTS = """
insert into forecasts (run_id, tenant_id, month, method, total_heats)
select id, $1, month, 'shares', 240 from plan_runs
where tenant_id = $1 and kind = 'FORECAST' and status = 'SUCCEEDED'
"""

FORECAST_HEATS = """
insert into forecast_heats (tenant_id, run_id, steel_grade_id, product_group_id, position, heats, tons,
    committed_heats, share, low, high)
select $1, f.run_id, g.id, g.product_group_id, g.place, g.place % 30, g.place % 30 * 99.5, g.place % 3,
    1 / (1.0 + g.place), 0, 40
from forecasts as f
cross join (
    select id, product_group_id, row_number() over (order by position, name) + 2 as place from steel_grades
    where tenant_id = $1 and product_group_id is not null and merged_into_id is null
    order by position, name limit $2::int
) as g
where f.tenant_id = $1
"""

FORECAST_GROUPS = """
insert into forecast_groups (tenant_id, run_id, product_group_id, position, ordered_heats, forecast_heats)
select $1, f.run_id, g.id, g.position, nullif(g.position % 4, 0) * 10, g.position * 9
from forecasts as f join product_groups as g on g.tenant_id = $1 and g.position <= 5 where f.tenant_id = $1
"""

FORECAST_UNASSIGNED = """
insert into forecast_unassigned (tenant_id, run_id, steel_grade_id, position, heats, suggestion)
select $1, f.run_id, g.id, g.position, 2, g.suggestion
from forecasts as f join steel_grades as g on g.tenant_id = $1 and g.suspect where f.tenant_id = $1
"""

FORECAST_SCORES = """
insert into forecast_scores (tenant_id, run_id, method, position, misallocated_share)
select $1, f.run_id, 'method ' || n, n, n / 37.0 from forecasts as f cross join generate_series(1, 4) as n
where f.tenant_id = $1
"""

REPLANS = """
insert into replans (run_id, tenant_id, scenario_id, asof_date, late_molds, late_orders, pattern_starts,
    pattern_stops, day0_stops, pattern_changes, wip, objective, bound, gap, proven_optimal, stopped_early,
    solve_seconds, specification_objective, late_weight, tardiness, congestion, stability, peak_flasks,
    peak_pour_tons, plan)
select id, $1, scenario_id, asof_date, 7, 3, 40, 39, 1, 80, 9000, 7800000, 7000000.5, 0.1025, false, false,
    31.4, 7908000, 1000000, 2.5, 0, 0, '[{"size": "S", "in_use": 9, "capacity": 40}]', 12.25, '{}'
from plan_runs where tenant_id = $1 and kind = 'REPLAN' and status = 'SUCCEEDED'
"""

PLAN_DAYS = """
insert into plan_days (tenant_id, scenario_id, run_id, workday_index, date, week_index, molds, patterns,
    pour_tons, flasks)
select $1, r.scenario_id, r.run_id, d, r.asof_date + d, d / 5, 100 + d, 6, d * 1.5,
    '[{"size": "S", "in_use": 1, "capacity": 40}, {"size": "M", "in_use": 2, "capacity": 30}]'
from replans as r cross join generate_series(0, $2::int - 1) as d where r.tenant_id = $1
"""

DAILY = """
insert into plan_daily_order (tenant_id, scenario_id, run_id, asof_date, workday_index, date, order_id,
    part_id, molds_molded)
select $1, r.scenario_id, r.run_id, r.asof_date, n % $3::int, r.asof_date + n % $3::int, o.order_id,
    o.part_id, 1 + n % 12
from replans as r
cross join generate_series(0, $2::int - 1) as n
join orders as o on o.tenant_id = $1 and o.scenario_id = r.scenario_id
    and o.order_id = 'O' || (1 + n % $4::int)
where r.tenant_id = $1
on conflict do nothing
"""

WEEKLY = """
insert into plan_weekly_order (tenant_id, scenario_id, run_id, asof_date, week_index, order_id, part_id,
    molds_molded_week)
select tenant_id, scenario_id, run_id, asof_date, workday_index / 5, order_id, part_id, sum(molds_molded)
from plan_daily_order where tenant_id = $1
group by tenant_id, scenario_id, run_id, asof_date, workday_index / 5, order_id, part_id
"""

STATUSES = """
insert into order_status (tenant_id, scenario_id, run_id, asof_date, position, order_id, part_id, qty,
    molded_qty_credit, remaining_qty, due_date, delivered_by_due, late_qty, completion_workday_index,
    completion_date, reason, causes)
select $1, r.scenario_id, r.run_id, r.asof_date, o.position, o.order_id, o.part_id, o.qty, 0, o.qty,
    o.due_date, o.qty - o.qty % 3, o.qty % 3, nullif(o.qty % 9, 0), r.asof_date + nullif(o.qty % 9, 0),
    case when o.qty % 3 > 0 then 'No flasks.' end,
    case when o.qty % 3 > 0 then '[{"resource": "METAL", "units": 2, "from_date": "2024-09-03",
        "to_date": null, "days": 4, "taken_by": [{"order_id": "O1", "amount": 2.5}]}]' else '[]' end::jsonb
from replans as r join orders as o on o.tenant_id = $1 and o.position < 50 where r.tenant_id = $1
"""


async def generate(connection: asyncpg.Connection, tenant: UUID, user: UUID, sizes: Sizes) -> None:
    """Store a plant for a tenant, as the database's owner.

    Parameters
    ----------
    user
        Who is said to have imported and planned.
    """
    replans = max(1, sizes.runs // 2)
    each = max(1, sizes.daily_rows // replans)
    days = max(1, min(60, each // 8))
    async with connection.transaction():
        # Without statistics, the large inserts behind would be planned for empty tables.
        for text, *more in (
            (GROUPS, sizes.groups),
            (GRADES, sizes.grades, sizes.groups),
            (MERGES,),
            (PRODUCTION, sizes.months),
            (ORDER_FORECASTS,),
            (SCHEDULE,),
            (IMPORTS, user),
            (SCENARIOS,),
            (MONDAYS, user),
            (RESOURCES,),
            (PARTS, sizes.parts, sizes.groups),
            (ORDERS, sizes.orders, sizes.parts),
            (RUNS, sizes.runs, user),
            (BATCHES, user),
            (FORECASTS,),
            (FORECAST_HEATS, sizes.forecast_grades),
            (FORECAST_GROUPS,),
            (FORECAST_UNASSIGNED,),
            (FORECAST_SCORES,),
            (REPLANS,),
            (PLAN_DAYS, days),
            (DAILY, each, days, sizes.orders),
            (WEEKLY,),
            (STATUSES,),
        ):
            await connection.execute(text, tenant, *more)
            await connection.execute("analyze")
