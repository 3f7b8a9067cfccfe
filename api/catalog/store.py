"""The SQL that changes steel grades, and what it needs to know first."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from api.database import Connection, Row

GROUPS_BY_KEY = "select id, name from product_groups where id = any($1::uuid[])"

GROUP_BY_NAME = "select id from product_groups where name = $1"

GROUP_NAMES = "select name from product_groups order by position, name"

# Grades by id, those that were merged away too: stored results still point at them.
GRADES_BY_KEY = """
select id, name, position, product_group_id, suspect, suggestion, merged_into_id
from steel_grades where id = any($1::uuid[])
"""

# The group of a grade, told by a planner: from now on it takes part in forecasts.
ASSIGN_GROUP = """
update steel_grades set product_group_id = $2, suspect = false, suggestion = null
where id = $1 and merged_into_id is null
returning id
"""

# Whoever changes grades of a tenant takes turns with its imports, which hold the same lock: all read first.
TAKE_TURN = """
select pg_advisory_xact_lock(hashtextextended('pourplan.merge ' || current_tenant_id()::text, 0))
"""

# Grades held until the transaction ends, so that nobody adds rows to them meanwhile.
HOLD_GRADES = """
select id, name, position, product_group_id, suspect, suggestion, merged_into_id
from steel_grades where id = any($1::uuid[])
order by id
for update
"""

# The grade at the end of a chain of merges.
MERGED_INTO = """
with recursive chain as (
    select id, merged_into_id from steel_grades where id = $1
    union
    select g.id, g.merged_into_id from chain join steel_grades as g on g.id = chain.merged_into_id
)
select id from chain where merged_into_id is null
"""

# The grades themselves, and those that had been merged into them, point at the target from now on.
MARK_MERGED = """
update steel_grades
set merged_into_id = $2, suspect = false, suggestion = null
where id = any($1::uuid[]) or merged_into_id = any($1::uuid[])
"""


async def groups_by_key(connection: Connection, keys: Sequence[UUID]) -> dict[UUID, Row]:
    """Read groups by their keys."""
    return {row["id"]: row for row in await connection.fetch(GROUPS_BY_KEY, keys)}


async def group_by_name(connection: Connection, name: str) -> Row | None:
    """Read a group by its exact name."""
    return await connection.fetchrow(GROUP_BY_NAME, name)


async def group_names(connection: Connection) -> list[str]:
    """Tell the names of all groups."""
    return [row["name"] for row in await connection.fetch(GROUP_NAMES)]


async def grades_by_key(connection: Connection, keys: Sequence[UUID]) -> dict[UUID, Row]:
    """Read grades by their keys, merged ones too."""
    return {row["id"]: row for row in await connection.fetch(GRADES_BY_KEY, keys)}


async def assign_group(connection: Connection, grade: UUID, group: UUID) -> bool:
    """Put a grade into a group: suspect no more. False where it is not there, or merged away."""
    await connection.execute(TAKE_TURN)
    return await connection.fetchval(ASSIGN_GROUP, grade, group) is not None


async def hold_for_merge(connection: Connection, grades: Sequence[UUID]) -> dict[UUID, Row]:
    """Lock grades for a merge and read them."""
    await connection.execute(TAKE_TURN)
    return {row["id"]: row for row in await connection.fetch(HOLD_GRADES, grades)}


async def merged_into(connection: Connection, grade: UUID) -> UUID | None:
    """Follow the merges of a grade to the grade that answers for it now: itself, if it was never merged."""
    found: UUID | None = await connection.fetchval(MERGED_INTO, grade)
    return found


async def mark_merged(connection: Connection, grades: Sequence[UUID], target: UUID) -> None:
    """Let the target answer for these grades, and for all that were merged into them before."""
    await connection.execute(MARK_MERGED, grades, target)
