"""The SQL of product groups, steel grades and what was made of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from api.database import Connection, Row

# A page of the groups, in the order of the plant's workbooks; $2, $3 are the last ones of the page before.
GROUPS = """
select id, name, position from product_groups
where $2::integer is null or (position, name) > ($2, $3::text)
order by position, name
limit $1
"""

COUNT_GROUPS = "select count(*) from product_groups"

GROUPS_BY_KEY = "select id, name, position from product_groups where id = any($1::uuid[])"

GROUP_BY_NAME = "select id, name, position from product_groups where name = $1"

GROUP_NAMES = "select name from product_groups order by position, name"

# A page of the grades that were not merged away, of one group where $4 names it.
GRADES = """
select g.id, g.name, g.position, g.product_group_id, g.suspect, g.suggestion, g.merged_into_id
from steel_grades as g
left join product_groups as pg on pg.id = g.product_group_id
where g.merged_into_id is null
  and ($4::text is null or pg.name = $4)
  and ($2::integer is null or (g.position, g.name) > ($2, $3::text))
order by g.position, g.name
limit $1
"""

COUNT_GRADES = """
select count(*)
from steel_grades as g
left join product_groups as pg on pg.id = g.product_group_id
where g.merged_into_id is null and ($1::text is null or pg.name = $1)
"""

# Grades by id, those that were merged away too: stored results still point at them.
GRADES_BY_KEY = """
select id, name, position, product_group_id, suspect, suggestion, merged_into_id
from steel_grades where id = any($1::uuid[])
"""

GRADES_OF_GROUPS = """
select id, name, position, product_group_id, suspect, suggestion, merged_into_id
from steel_grades
where product_group_id = any($1::uuid[]) and merged_into_id is null
order by position, name
"""

# Tons per month of several grades, each over its own range of months.
PRODUCTION = """
select asked.number, p.month, p.tons::float8 as tons, p.unit, (p.tons / t.heat_tons)::float8 as heats
from unnest($1::uuid[], $2::date[], $3::date[]) with ordinality as asked (grade, first, last, number)
join steel_grade_production as p on p.steel_grade_id = asked.grade
    and p.month >= coalesce(asked.first, p.month) and p.month <= coalesce(asked.last, p.month)
join tenants as t on t.id = p.tenant_id
order by asked.number, p.month
"""

# The group of a grade, told by a planner: from now on it takes part in forecasts.
ASSIGN_GROUP = """
update steel_grades set product_group_id = $2, suspect = false, suggestion = null
where id = $1 and merged_into_id is null
returning id, name, position, product_group_id, suspect, suggestion, merged_into_id
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


class MonthsOfGrade(NamedTuple):
    """A grade and the months asked for, both ends included; None: no end."""

    grade: UUID
    first: date | None
    last: date | None


async def groups_page(connection: Connection, limit: int, after: Sequence[Any] | None) -> list[Row]:
    """Read up to `limit` groups after (position, name)."""
    return list(await connection.fetch(GROUPS, limit, *(after or (None, None))))


async def count_groups(connection: Connection) -> int:
    """Count the groups."""
    return int(await connection.fetchval(COUNT_GROUPS))


async def groups_by_key(connection: Connection, keys: Sequence[UUID]) -> dict[UUID, Row]:
    """Read groups by their keys."""
    return {row["id"]: row for row in await connection.fetch(GROUPS_BY_KEY, keys)}


async def group_by_name(connection: Connection, name: str) -> Row | None:
    """Read a group by its exact name."""
    return await connection.fetchrow(GROUP_BY_NAME, name)


async def group_names(connection: Connection) -> list[str]:
    """Tell the names of all groups."""
    return [row["name"] for row in await connection.fetch(GROUP_NAMES)]


async def grades_page(
    connection: Connection, limit: int, after: Sequence[Any] | None, group_name: str | None
) -> list[Row]:
    """Read up to `limit` unmerged grades after (position, name), of one group or of all."""
    return list(await connection.fetch(GRADES, limit, *(after or (None, None)), group_name))


async def count_grades(connection: Connection, group_name: str | None) -> int:
    """Count the unmerged grades, of one group or of all."""
    return int(await connection.fetchval(COUNT_GRADES, group_name))


async def grades_by_key(connection: Connection, keys: Sequence[UUID]) -> dict[UUID, Row]:
    """Read grades by their keys, merged ones too."""
    return {row["id"]: row for row in await connection.fetch(GRADES_BY_KEY, keys)}


async def grades_of_groups(connection: Connection, groups: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """Read the unmerged grades of groups, in order."""
    found: defaultdict[UUID, list[Row]] = defaultdict(list)
    for row in await connection.fetch(GRADES_OF_GROUPS, groups):
        found[row["product_group_id"]].append(row)
    return found


async def production(
    connection: Connection, asked: Sequence[MonthsOfGrade]
) -> dict[MonthsOfGrade, list[Row]]:
    """Read the monthly tons of grades, rising by month."""
    found: defaultdict[MonthsOfGrade, list[Row]] = defaultdict(list)
    grades, first, last = zip(*asked, strict=True)
    for row in await connection.fetch(PRODUCTION, grades, first, last):
        found[asked[row["number"] - 1]].append(row)
    return found


async def assign_group(connection: Connection, grade: UUID, group: UUID) -> Row | None:
    """Put an unmerged grade into a group; it is suspect no more."""
    await connection.execute(TAKE_TURN)
    return await connection.fetchrow(ASSIGN_GROUP, grade, group)


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
