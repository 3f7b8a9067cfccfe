"""A token that opens one run, at the door of a Supabase project: what it opens, and all that it does not."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

pytest.importorskip("supabase", reason="the extra `supabase` is not installed")

from postgrest.exceptions import APIError
from storage3.exceptions import StorageApiError

import supabase as packages
from api.tokens import AccessTokens, TokenRefused
from api.workbooks.supabase_originals import BUCKET, SupabaseOriginals
from solver_jobs.errors import JobError
from solver_jobs.forecast.planner import solve
from solver_jobs.rpc import Rpc
from solver_jobs.rpc_store import RpcStore
from solver_jobs.run_tokens import RunTokens
from solver_jobs.store import Claim, DoorShut, Progress
from tests.database import connected
from tests.peers.supabase import SupabaseProject
from tests.solver_jobs.forecast.plants import melt_shop
from tests.solver_jobs.shop import NOTHING, ONE_RESULT, Shop

pytestmark = pytest.mark.node

RESULT = solve(melt_shop(schedule=[])).model_dump(mode="json")
OPENED = {"claim_run", "progress_run", "finish_run", "fail_run"}

# Every function of the API's schema, with arguments that name the types it takes.
FUNCTIONS = """
select p.proname::text as name,
       coalesce(p.proargnames[1:p.pronargs], '{}')::text[] as names,
       array(select format_type(t, null) from unnest(p.proargtypes::oid[]) with ordinality as a (t, n)
             order by n)::text[] as types
from pg_proc as p where p.pronamespace = 'public'::regnamespace order by p.proname
"""
TABLES = "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
GIVEN: dict[str, object] = {"uuid": str(uuid.UUID(int=1)), "integer": 1, "jsonb": {}, "boolean": True}


@pytest.fixture(scope="module")
async def shop(supabase: SupabaseProject) -> AsyncIterator[Shop]:
    async with connected(supabase.database.admin_url) as admin:
        yield await Shop.open(supabase.database, admin, "shop-of-tokens")


def tokens(supabase: SupabaseProject) -> RunTokens:
    signs = RunTokens.by(None, supabase.jwt_secret)
    assert signs is not None
    return signs


@asynccontextmanager
async def door(supabase: SupabaseProject, token: str) -> AsyncIterator[RpcStore]:
    """What a container has: the publishable key, and the token it was called with."""
    async with RpcStore(supabase.url, supabase.publishable_key, token, call_id="a call") as store:
        yield store


async def claimed(store: RpcStore, run_id: uuid.UUID) -> Claim:
    claim = await store.claim(run_id)
    assert claim is not None
    return claim


async def test_it_opens_the_four_operations_of_its_run(supabase: SupabaseProject, shop: Shop) -> None:
    run_id, failing = await shop.queue(), await shop.queue()
    async with door(supabase, tokens(supabase).mint(run_id)) as store:
        claim = await claimed(store, run_id)
        assert await store.progress(claim, Progress("solving", 10)) is None
        await store.finish(claim, RESULT)
    async with door(supabase, tokens(supabase).mint(failing)) as store:
        await store.fail(await claimed(store, failing), JobError("TOO_HOT", "The furnace is too hot."))
    assert await shop.rows(run_id) == ONE_RESULT
    assert (await shop.run(failing))["status"] == "FAILED"


async def test_it_opens_no_other_run_even_with_that_runs_lease(supabase: SupabaseProject, shop: Shop) -> None:
    own, other = await shop.queue(), await shop.queue()
    async with RpcStore(supabase.url, supabase.secret_key) as worker:
        claim = await claimed(worker, other)
    async with door(supabase, tokens(supabase).mint(own)) as store:
        attempts: list[Callable[[], Awaitable[object]]] = [
            lambda: store.claim(other),
            lambda: store.progress(claim, Progress("stealing", 1)),
            lambda: store.finish(claim, RESULT),
            lambda: store.fail(claim, JobError("X", "x")),
        ]
        for attempt in attempts:
            with pytest.raises(DoorShut, match=f"does not open run {other}"):
                await attempt()
    row = await shop.run(other)
    assert (row["status"], row["phase"], await shop.rows(other)) == ("RUNNING", "starting", NOTHING)


async def test_a_run_that_is_not_there_is_no_more_told_than_another_one(
    supabase: SupabaseProject, shop: Shop
) -> None:
    async with door(supabase, tokens(supabase).mint(await shop.queue())) as store:
        with pytest.raises(DoorShut):
            await store.claim(uuid.uuid4())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda project, run: tokens(project).mint(run, seconds=-10),
        lambda project, run: RunTokens("another project's secret, of 32 bytes", "HS256").mint(run),
        lambda project, run: tokens(project).mint(run)[:-4] + "AAAA",
        lambda project, run: project.minted(role="pourplan_run"),
        lambda project, run: project.minted(role="pourplan_run", run_id=[str(run)]),
        lambda project, run: project.minted(role="authenticated", run_id=str(run)),
        lambda project, run: project.minted(role="anon", run_id=str(run)),
        lambda project, run: project.minted(role="pourplan_jobs", run_id=str(run)),
        lambda project, run: project.publishable_key,
    ],
    ids=["expired", "foreign", "tampered", "no run", "list", "a user", "anon", "a login", "a key"],
)
async def test_what_is_no_token_of_the_run_opens_nothing(
    supabase: SupabaseProject, shop: Shop, spoil: Callable[[SupabaseProject, uuid.UUID], str]
) -> None:
    run_id = await shop.queue()
    async with door(supabase, spoil(supabase, run_id)) as store:
        with pytest.raises((DoorShut, APIError)):
            await store.claim(run_id)
    assert (await shop.run(run_id))["status"] == "QUEUED"


async def test_it_opens_no_table(supabase: SupabaseProject, shop: Shop) -> None:
    client = await _client(supabase, tokens(supabase).mint(await shop.queue()))
    tables = [row["relname"] for row in await shop.admin.fetch(TABLES)]
    assert "plan_runs" in tables
    for table in tables:
        with pytest.raises(APIError) as refused:
            await client.table(table).select("*").execute()
        assert refused.value.code == "42501", table


async def test_it_opens_no_other_function(supabase: SupabaseProject, shop: Shop) -> None:
    run_id = await shop.queue()
    async with Rpc(supabase.url, supabase.publishable_key, tokens(supabase).mint(run_id), seconds=30) as rpc:
        for row in await shop.admin.fetch(FUNCTIONS):
            if row["name"] in OPENED:
                continue
            given = {
                name: [] if kind.endswith("[]") else GIVEN.get(kind, "2024-09-01")
                for name, kind in zip(row["names"], row["types"], strict=True)
            }
            with pytest.raises(DoorShut, match="42501: permission denied for function"):
                await rpc.call(row["name"], **given)


async def test_it_opens_no_file(supabase: SupabaseProject, shop: Shop) -> None:
    async with SupabaseOriginals(supabase.url, supabase.secret_key) as originals:
        await originals.keep(shop.plant.id, "a" * 64, "a.xlsx", b"a workbook")
    client = await _client(supabase, tokens(supabase).mint(await shop.queue()))
    with pytest.raises(StorageApiError):
        await client.storage.from_(BUCKET).download(f"{shop.plant.id}/{'a' * 64}.xlsx")


async def test_the_service_takes_it_for_no_user(supabase: SupabaseProject, shop: Shop) -> None:
    token = tokens(supabase).mint(await shop.queue())
    with pytest.raises(TokenRefused):
        await AccessTokens(supabase.url, supabase.jwt_secret).verify(token)


async def _client(project: SupabaseProject, token: str) -> packages.AsyncClient:
    options = packages.AsyncClientOptions(
        headers={"Authorization": f"Bearer {token}"},
        auto_refresh_token=False,
        persist_session=False,
        httpx_client=project.http,
    )
    return await packages.acreate_client(project.url, project.publishable_key, options)
