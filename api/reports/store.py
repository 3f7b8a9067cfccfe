"""What an export reads, as the caller."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from api.database import Connection
from api.reports.formats import Breakdown
from api.reports.plans import PlanReport
from solver_jobs.foundry.problem import read_plan, read_problem

# The rows of one forecast, in their order.
FORECAST = """
select f.run_id::text, to_char(f.month, 'YYYY-MM') as month, f.method, r.warnings,
    r.finished_at, coalesce(r.problem ->> 'rounding', 'LARGEST_REMAINDER') as rounding,
    coalesce((
        select jsonb_agg(jsonb_build_object(
            'group', pg.name, 'grade', g.name, 'heats', h.heats, 'tons', h.tons,
            'committed_heats', h.committed_heats, 'share', h.share, 'low', h.low, 'high', h.high
        ) order by h.position)
        from forecast_heats as h
        join steel_grades as g on g.id = h.steel_grade_id
        join product_groups as pg on pg.id = h.product_group_id
        where h.run_id = f.run_id), '[]') as heats,
    coalesce((
        select jsonb_agg(jsonb_build_object(
            'group', pg.name, 'ordered_heats', fg.ordered_heats, 'forecast_heats', fg.forecast_heats
        ) order by fg.position)
        from forecast_groups as fg
        join product_groups as pg on pg.id = fg.product_group_id
        where fg.run_id = f.run_id), '[]') as groups,
    coalesce((
        select jsonb_agg(jsonb_build_object(
            'grade', g.name, 'heats', u.heats, 'suggestion', u.suggestion
        ) order by u.position)
        from forecast_unassigned as u
        join steel_grades as g on g.id = u.steel_grade_id
        where u.run_id = f.run_id), '[]') as unassigned
from forecasts as f
join plan_runs as r on r.id = f.run_id
where f.run_id = $1
"""

# The newest run of a month that succeeded.
NEWEST_RUN = """
select id from plan_runs
where kind = 'FORECAST' and status = 'SUCCEEDED' and month = $1
order by finished_at desc, id desc
limit 1
"""

# A replan that succeeded, with what it was given.
PLAN = """
select r.problem -> 'problem' as problem, p.plan, r.warnings,
    s.name as scenario
from replans as p
join plan_runs as r on r.id = p.run_id
join scenarios as s on s.id = p.scenario_id
where p.run_id = $1
"""

# Whose a run is.
TENANT = "select tenant_id from plan_runs where id = $1"

# An original workbook: under which name it came, and the digest under which it is kept.
ORIGINAL = """
select tenant_id, file_name, sha256 from workbook_imports where id = $1
"""


async def tenant_of_run(connection: Connection, run_id: UUID) -> UUID | None:
    """Tell whose a run is; None where the caller sees none."""
    tenant_id: UUID | None = await connection.fetchval(TENANT, run_id)
    return tenant_id


async def forecast_of_run(connection: Connection, run_id: UUID) -> Breakdown | None:
    """Read the forecast of a run; None where the caller sees none."""
    row = await connection.fetchrow(FORECAST, run_id)
    return Breakdown(**dict(row)) if row else None


async def newest_forecast(connection: Connection, month: date) -> Breakdown | None:
    """Read the newest forecast of a month; None where there is none yet."""
    run_id = await connection.fetchval(NEWEST_RUN, month)
    return await forecast_of_run(connection, run_id) if run_id else None


async def plan_of_run(connection: Connection, run_id: UUID) -> PlanReport | None:
    """Read the plan of a run; None where the caller sees none."""
    row = await connection.fetchrow(PLAN, run_id)
    if row is None:
        return None
    return PlanReport(
        read_problem(row["problem"]),
        read_plan(row["plan"]),
        tuple(row["warnings"]),
        scenario=row["scenario"],
        run_id=str(run_id),
    )


async def original(connection: Connection, import_id: UUID) -> tuple[UUID, str, str] | None:
    """Tell tenant, file name and SHA-256 of an imported workbook; None where the caller sees none."""
    row = await connection.fetchrow(ORIGINAL, import_id)
    return (row["tenant_id"], row["file_name"], row["sha256"]) if row else None
