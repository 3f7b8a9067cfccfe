"""Mondays announced by REST, as the clock of Modal does where no Postgres is reached."""

import uuid
from datetime import UTC, datetime

import pytest

pytest.importorskip("supabase", reason="the extra `supabase` is not installed")

from solver_jobs.queue import RpcQueue
from solver_jobs.rpc import Rpc
from tests.database import add_plant, connected
from tests.peers.supabase import SupabaseProject

pytestmark = pytest.mark.node


async def test_a_monday_is_announced_once_by_the_secret_key(supabase: SupabaseProject) -> None:
    async with (
        connected(supabase.database.admin_url) as admin,
        Rpc(supabase.url, supabase.secret_key, seconds=30) as rpc,
    ):
        plant = await add_plant(admin, f"monday-{uuid.uuid4().hex[:8]}")
        scenario = await admin.fetchval(
            "insert into scenarios (tenant_id, name, asof_date) values ($1, 'Harbour', '2026-01-05')"
            " returning id",
            plant.id,
        )
        # From the first hour of each Monday on: this week's has come.
        await admin.execute(
            "insert into monday_replans (scenario_id, tenant_id, hour, asked_by, asked_at)"
            " values ($1, $2, 0, $3, $4)",
            scenario,
            plant.id,
            plant.planner,
            datetime(2026, 1, 1, tzinfo=UTC),
        )
        queue = RpcQueue(rpc)
        assert [await queue.wish_mondays(), await queue.wish_mondays()] == [1, 0]
        assert await admin.fetchval("select count(*) from monday_wishes where tenant_id = $1", plant.id) == 1
