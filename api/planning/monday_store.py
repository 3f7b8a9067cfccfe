"""The SQL of Mondays: who asked for them, which are due, and which run stands for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from api.auth import Identity
from api.database import Connection, Row

SET = "select set_monday_replan($1, $2, $3)"

# The newest plan of the scenario $1 as of the Monday $2, what-ifs left out: the one asked for last, as in
# `planRuns`. It knows the newest data, however long an older search took.
NEWEST_PLAN = """
select p.plan, r.id as run_id
from plan_runs as r
join replans as p on p.run_id = r.id
where r.scenario_id = $1 and r.asof_date = $2 and r.status = 'SUCCEEDED' and r.what_if is null
order by r.requested_at desc, r.id desc
limit 1
"""

WISH = "select wish_mondays($1)"
TAKE = "select take_monday($1)"
RETURN = "select return_monday($1, $2, $3, $4)"
FULFIL = "select fulfil_monday($1, $2, $3, $4)"
FAIL = "select fail_monday($1, $2, $3, $4, $5, $6, $7)"


@dataclass(frozen=True, slots=True)
class Wish:
    """A Monday on which a scenario is to be replanned.

    Attributes
    ----------
    due_at
        When that Monday's hour had come.
    time_zone, wanted_time_zone
        The one by which it was Monday, and the tenant's; they differ where the tenant's is unknown.
    attempt
        How often it was taken up, this time included.
    user_id
        In whose name it is planned.
    """

    tenant_id: UUID
    scenario_id: UUID
    monday: date
    due_at: datetime
    time_zone: str
    wanted_time_zone: str
    attempt: int
    time_limit_seconds: int
    user_id: UUID

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> Self:
        """Read what `take_monday` answers."""
        return cls(
            tenant_id=UUID(answer["tenant_id"]),
            scenario_id=UUID(answer["scenario_id"]),
            monday=date.fromisoformat(answer["monday"]),
            due_at=datetime.fromisoformat(answer["due_at"]),
            time_zone=answer["time_zone"],
            wanted_time_zone=answer["wanted_time_zone"],
            attempt=answer["attempt"],
            time_limit_seconds=answer["time_limit_seconds"],
            user_id=UUID(answer["user_id"]),
        )

    @property
    def identity(self) -> Identity:
        """Who plans."""
        return Identity(self.user_id, str(self.tenant_id))

    @property
    def token(self) -> str:
        """The idempotency key of its run."""
        return f"monday {self.scenario_id} {self.monday}"


async def set_monday(connection: Connection, scenario: UUID, hour: int | None, seconds: int) -> None:
    """Have a scenario replanned on Mondays at an hour; None: no more."""
    await connection.execute(SET, scenario, hour, seconds)


async def newest_plan(connection: Connection, scenario: UUID, monday: date) -> Row | None:
    """Read the newest plan of a scenario as of a Monday: plan in its JSON form, run_id."""
    return await connection.fetchrow(NEWEST_PLAN, scenario, monday)


class Wishes:
    """The wishes, through the jobs' door."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def record(self, now: datetime) -> int:
        """Record what has come due; tells how many are new."""
        return int(await self._connection.fetchval(WISH, now))

    async def take(self, now: datetime) -> Wish | None:
        """Take the one that waits longest; None where none waits."""
        answer = await self._connection.fetchval(TAKE, now)
        return None if answer is None else Wish.read(answer)

    async def give_back(self, wish: Wish, until: datetime) -> None:
        """Let it wait until a moment."""
        await self._connection.execute(RETURN, wish.tenant_id, wish.scenario_id, wish.monday, until)

    async def fulfil(self, wish: Wish, run: UUID) -> None:
        """Note the run that stands for it."""
        await self._connection.execute(FULFIL, wish.tenant_id, wish.scenario_id, wish.monday, run)

    async def fail(self, wish: Wish, problem: Mapping[str, Any], error: Mapping[str, Any]) -> UUID | None:
        """Stand a failed run for it, and give its key; None where it went with its scenario meanwhile."""
        run: UUID | None = await self._connection.fetchval(
            FAIL,
            wish.tenant_id,
            wish.scenario_id,
            wish.monday,
            wish.user_id,
            wish.token,
            problem,
            error,
        )
        return run
