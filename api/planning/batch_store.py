"""The SQL of batches: how they are queued, how far they are, how they are cancelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from api.database import Connection, Row

OF_TOKEN = """
select b.id, array(select distinct r.scenario_id from plan_runs as r where r.batch_id = b.id) as scenarios
from run_batches as b
where b.idempotency_key = $1
"""  # noqa: S105 - no secret

QUEUE = "select create_batch($1, $2::jsonb, $3::text[]::jsonb[], $4)"

RUNS = "select id from plan_runs where batch_id = $1 order by batch_place"

CANCEL = "select cancel_batch($1, $2)"

# What changes of a batch while its runs go; no row where the caller sees no such batch.
STATE = """
select count(*) filter (where status = 'QUEUED') as queued,
    count(*) filter (where status = 'RUNNING') as running,
    count(*) filter (where status = 'SUCCEEDED') as succeeded,
    count(*) filter (where status = 'FAILED') as failed,
    sum(percent) filter (where finished_at is null) as percent
from plan_runs
where batch_id = $1
having count(*) > 0
"""


async def batch_of_token(connection: Connection, token: str) -> Row | None:
    """Find the batch that was asked for with an idempotency key: id, and the keys of its scenarios."""
    return await connection.fetchrow(OF_TOKEN, token)


async def queue(
    connection: Connection,
    name: str | None,
    runs: Sequence[Mapping[str, Any]],
    tasks: Sequence[str],
    token: str | None,
) -> UUID:
    """Store a batch of queued replans, and give its key; the same token gives the same batch.

    Parameters
    ----------
    runs
        Of each run scenario_id, asof_date and what_if.
    tasks
        Of each run what it is given, as JSON.
    """
    key: UUID = await connection.fetchval(QUEUE, name, runs, tasks, token)
    return key


async def runs_of(connection: Connection, batch: UUID) -> list[UUID]:
    """Give the keys of a batch's runs, in their order."""
    return [row["id"] for row in await connection.fetch(RUNS, batch)]


async def state(connection: Connection, batch: UUID) -> Row | None:
    """Tell how far a batch is: queued, running, succeeded, failed, percent; None where there is none."""
    return await connection.fetchrow(STATE, batch)


async def cancel(connection: Connection, batch: UUID, *, keep_best: bool) -> list[UUID]:
    """End all runs of a batch, or ask them to end with their best plans; gives those that are cancelled."""
    cancelled: list[UUID] = await connection.fetchval(CANCEL, batch, keep_best)
    return cancelled
