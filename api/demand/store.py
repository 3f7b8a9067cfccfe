"""The SQL of what a merge of grades moves."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from api.database import Connection, Row

# The first month for which these grades have tons in different units.
UNITS_IN_CONFLICT = """
select month, array_agg(distinct unit order by unit) as units
from steel_grade_production
where steel_grade_id = any($1::uuid[])
group by month
having count(distinct unit) > 1
order by month
limit 1
"""

# The history of grades becomes the target's; tons of the same month add up.
MOVE_PRODUCTION = """
with moved as (
    delete from steel_grade_production
    where steel_grade_id = any($1::uuid[])
    returning tenant_id, month, tons, unit, import_id
)
insert into steel_grade_production as kept (tenant_id, steel_grade_id, month, tons, unit, import_id)
select tenant_id, $2::uuid, month, sum(tons), min(unit), (array_agg(import_id order by import_id))[1]
from moved
group by tenant_id, month
on conflict (tenant_id, steel_grade_id, month) do update set tons = kept.tons + excluded.tons
"""

# The scheduled heats of grades become the target's.
MOVE_SCHEDULE = "update charge_schedule set steel_grade_id = $2 where steel_grade_id = any($1::uuid[])"


async def units_in_conflict(connection: Connection, grades: Sequence[UUID]) -> Row | None:
    """Find a month whose tons of these grades can't be added, because their units differ."""
    return await connection.fetchrow(UNITS_IN_CONFLICT, grades)


async def move_to(connection: Connection, grades: Sequence[UUID], target: UUID) -> None:
    """Give the history and the scheduled heats of grades to the target."""
    await connection.execute(MOVE_PRODUCTION, grades, target)
    await connection.execute(MOVE_SCHEDULE, grades, target)
