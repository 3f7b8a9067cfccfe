"""A foundry on Supabase and Modal, from signing up to the plan, by real clients and servers on loopback.

The containers hold the publishable key and a token of their run, the sweep what it needs to look after all.
"""

import asyncio
import uuid
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

pytest.importorskip("supabase", reason="the extra `supabase` is not installed")
pytest.importorskip("modal", reason="the extra `modal` is not installed")

from storage3.exceptions import StorageApiError

from api.workbooks.supabase_originals import BUCKET
from solver_jobs.app import APP, HOUSEKEEPING_SECRET, SECRET
from solver_jobs.environment import Door
from solver_jobs.foundry.problem import read_plan, read_problem
from solver_jobs.foundry.verify import verify
from tests.api.foundry.shop import IMPORT as IMPORT_SCENARIO
from tests.api.http.serving import Service
from tests.api.planning.test_replan import REPLAN, sample
from tests.database import Plant, add_plant, connected
from tests.peers.modal import ModalPeer
from tests.peers.modal.hosted import deploy, signed_in
from tests.peers.supabase import SupabaseProject
from tests.peers.supabase.project import Person
from tests.peers.test_supabase_end_to_end import NODE, ask, bring, column, followed
from tests.peers.test_supabase_sign_in import signing_in
from tests.solver_jobs.shop import ONE_RESULT, Shop

pytestmark = pytest.mark.node

WORKBOOK = "daily_charge_schedule.xlsx"
FOLLOW = """subscription ($id: ID!) { runUpdates(runId: $id) {
  status error { code message } progress { phase } ... on ReplanRun { problem plan } } }"""
TABLES = (
    "plan_runs",
    "replans",
    "plan_daily_order",
    "order_status",
    "scenarios",
    "orders",
    "workbook_imports",
)


@pytest.fixture(scope="module")
async def peer(supabase: SupabaseProject) -> AsyncIterator[ModalPeer]:
    """Modal, with our app deployed by the door of run tokens."""
    secret = urlsafe_b64encode(supabase.jwt_secret.encode()).rstrip(b"=").decode()
    place = {"SUPABASE_URL": supabase.url}
    jobs = {**place, "SUPABASE_PUBLISHABLE_KEY": supabase.publishable_key}
    # The counterpart of Supabase knows shared keys alone; it is told in the form of an imported one.
    signing_key = orjson.dumps({"kty": "oct", "kid": "ours", "k": secret}).decode()
    housekeeping = {**place, "SUPABASE_SECRET_KEY": supabase.secret_key, "SUPABASE_SIGNING_KEY": signing_key}
    async with ModalPeer({SECRET: jobs, HOUSEKEEPING_SECRET: housekeeping}) as running:
        code, said = await deploy(running, Door.RUN_TOKEN)
        assert code == 0, said
        async with signed_in(running):
            yield running
        assert running.plane.missing == []


@dataclass(frozen=True)
class House:
    """The service, two tenants, and a person of each."""

    service: Service
    north: Plant
    planner: Person
    stranger: Person


@pytest.fixture
async def house(supabase: SupabaseProject, peer: ModalPeer, tmp_path: Path) -> AsyncIterator[House]:
    async with connected(supabase.database.admin_url) as admin:
        north = await add_plant(admin, f"modal-{uuid.uuid4().hex[:8]}")
        south = await add_plant(admin, f"modal-{uuid.uuid4().hex[:8]}")
    keys: dict[str, Any] = {
        "supabase_jwt_secret": supabase.jwt_secret,
        "supabase_secret_key": supabase.secret_key,
    }
    async with signing_in(supabase, tmp_path, supabase.url, modal_app=APP, **keys) as service:
        planner, stranger = await supabase.member(north, "planner"), await supabase.member(south, "admin")
        yield House(service, north, planner, stranger)


async def until_held(peer: ModalPeer, held: list[bytes]) -> None:
    """Note what each container holds in its environment."""
    seen: set[str] = set()
    while True:
        for container in peer.containers():
            if container.process is not None and container.id not in seen:
                seen.add(container.id)
                held.append(Path(f"/proc/{container.pid}/environ").read_bytes())
        await asyncio.sleep(0.02)


async def test_who_signed_up_replans_on_modal_and_nobody_elses_tenant_sees_anything(
    supabase: SupabaseProject, peer: ModalPeer, house: House
) -> None:
    service, planner, stranger = house.service, house.planner, house.stranger

    assert (await bring(service, planner.token, WORKBOOK))["rowsStored"] > 0
    (sha256,) = await column(planner, "workbook_imports", "sha256")
    place = f"{house.north.id}/{sha256}.xlsx"
    assert (await planner.client.storage.from_(BUCKET).download(place)).startswith(b"PK")

    imported = await ask(service, planner.token, IMPORT_SCENARIO, name="Harbour", problem=sample())
    assert imported["userErrors"] == []
    held: list[bytes] = []
    watching = asyncio.create_task(until_held(peer, held))
    queued = await ask(service, planner.token, REPLAN, scenario=imported["scenario"]["id"], seconds=5)
    assert queued["userErrors"] == []
    run_id = queued["run"]["id"]
    told = await followed(service, planner.token, run_id, FOLLOW)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert told[-1]["status"] == "SUCCEEDED", told[-1]["error"]
    assert any(event["progress"] and event["progress"]["phase"] for event in told)
    assert verify(read_problem(told[-1]["problem"]), read_plan(told[-1]["plan"])) == []

    # It went by Modal, and what solved it held no key of the project.
    (call,) = [
        call
        for call in peer.plane.calls.values()
        if call.function_id == peer.plane.published[peer.plane.apps[APP]]["replan"]
    ]
    await asyncio.wait_for(call.done.wait(), 60)
    assert held
    for environment in held:
        assert supabase.publishable_key.encode() in environment
        assert supabase.secret_key.encode() not in environment
        assert supabase.jwt_secret.encode() not in environment

    assert await ask(service, planner.token, NODE, id=run_id) == {"id": run_id}
    assert len(await column(planner, "plan_daily_order", "order_id")) > 0
    assert await ask(service, stranger.token, NODE, id=run_id) is None
    assert await ask(service, stranger.token, NODE, id=imported["scenario"]["id"]) is None
    for table in TABLES:
        assert set(await column(planner, table, "tenant_id")) == {str(house.north.id)}
        assert await column(stranger, table, "tenant_id") == []
    with pytest.raises(StorageApiError):
        await stranger.client.storage.from_(BUCKET).download(place)


async def test_while_the_service_is_away_the_sweep_hands_over_by_rest(
    supabase: SupabaseProject, peer: ModalPeer
) -> None:
    async with connected(supabase.database.admin_url) as admin:
        shop = await Shop.open(supabase.database, admin, f"sweep-{uuid.uuid4().hex[:8]}")
        run_id = await shop.queue()
        sweep = await peer.fire(APP, "sweep")
        await asyncio.wait_for(sweep.done.wait(), 60)
        assert sweep.result.status == sweep.result.GENERIC_STATUS_SUCCESS, sweep.result.exception
        row = await shop.until(run_id, "SUCCEEDED", seconds=90)
        assert (row["attempt"], row["call_id"] in peer.plane.calls) == (1, True)
        assert await shop.rows(run_id) == ONE_RESULT


async def test_a_call_whose_token_has_expired_claims_nothing_and_the_next_one_comes_with_a_new_one(
    supabase: SupabaseProject, peer: ModalPeer
) -> None:
    """As after a long wait for a container."""
    import modal

    from solver_jobs.run_tokens import RunTokens

    tokens = RunTokens.by(None, supabase.jwt_secret)
    assert tokens is not None
    async with connected(supabase.database.admin_url) as admin:
        shop = await Shop.open(supabase.database, admin, f"late-{uuid.uuid4().hex[:8]}")
        run_id = await shop.queue()
        function = modal.Function.from_name(APP, "forecast")
        late = await function.spawn.aio(str(run_id), tokens.mint(run_id, seconds=-1))
        call = peer.plane.calls[late.object_id]
        await asyncio.wait_for(call.done.wait(), 60)
        assert "DoorShut" in call.result.exception
        await admin.execute("select record_dispatch($1, $2)", run_id, late.object_id)
        assert (await shop.run(run_id))["status"] == "QUEUED"
        sweep = await peer.fire(APP, "sweep")
        await asyncio.wait_for(sweep.done.wait(), 60)
        row = await shop.until(run_id, "SUCCEEDED", seconds=90)
        assert row["call_id"] not in (late.object_id, None)
