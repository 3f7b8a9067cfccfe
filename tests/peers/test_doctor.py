"""The doctor at a Supabase project and at Modal: each broken for real, and told."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

pytest.importorskip("supabase", reason="the extra `supabase` is not installed")
pytest.importorskip("modal", reason="the extra `modal` is not installed")

from api.doctor import Verdict, examine, modal_app, sign_in, storage
from api.settings import Settings
from api.workbooks.supabase_originals import BUCKET
from solver_jobs.app import APP, HOUSEKEEPING_SECRET, REQUIRED_KEYS, SECRET
from solver_jobs.environment import Door
from tests.api.doctor.looking import told, warnings, wrong, wrongs
from tests.api.http.serving import listening, plain_settings
from tests.database import connected
from tests.peers.issuer import SECRET as SHARED_SECRET
from tests.peers.issuer import Issuer, publishing
from tests.peers.modal import ModalPeer
from tests.peers.supabase import SupabaseProject
from tests.ports import free_port

pytestmark = pytest.mark.node
ROOT = Path(__file__).parents[2]


@pytest.fixture
def hosted(supabase: SupabaseProject, tmp_path: Path) -> Settings:
    return plain_settings(
        data=tmp_path,
        database_url=supabase.database.api_url,
        database_jobs_url=supabase.database.jobs_url,
        database_admin_url=supabase.database.admin_url,
        supabase_url=supabase.url,
        supabase_publishable_key=supabase.publishable_key,
        supabase_secret_key=supabase.secret_key,
        supabase_jwt_secret=supabase.jwt_secret,
        allowed_hosts=("plan.example.com",),
        signing_key="a signing key of 32 characters and more",
    )


def changed(settings: Settings, **given: Any) -> Settings:
    kept = {name: getattr(settings, name) for name in settings.model_fields_set}
    return plain_settings(**{**kept, **given})


async def test_a_project_that_is_as_it_must_be(hosted: Settings) -> None:
    findings = await examine(hosted, lambda _: None)
    assert [finding for finding in findings if finding.is_wrong] == []
    ok = {finding.area for finding in findings if finding.verdict is Verdict.OK}
    assert {"settings", "database", "migrations", "rights", "storage", "clock", "worker", "disk"} <= ok


# ---------------------------------------------------------------------- Storage


async def bucket(supabase: SupabaseProject, change: str) -> None:
    async with connected(supabase.database.admin_url) as admin:
        await admin.execute(change)


async def test_a_probe_leaves_nothing_in_the_bucket(hosted: Settings, supabase: SupabaseProject) -> None:
    assert {finding.verdict for finding in await told(storage.check(hosted))} == {Verdict.OK}
    async with connected(supabase.database.admin_url) as admin:
        left = await admin.fetchval(
            "select count(*) from storage.objects where name like $1", f"{storage.NO_TENANT}%"
        )
    assert left == 0


async def test_a_wrong_secret_key(hosted: Settings) -> None:
    said = await wrong(storage.check(changed(hosted, supabase_secret_key="sb_secret_of_another_project")))
    assert "SUPABASE_SECRET_KEY" in said


@pytest.mark.parametrize("name", ["workbooks", "exports"])
async def test_a_bucket_that_is_missing(hosted: Settings, supabase: SupabaseProject, name: str) -> None:
    # Other tests have left files there, which would hold it.
    rename = "set session_replication_role = replica; update storage.buckets set id = '{}' where id = '{}'"
    await bucket(supabase, rename.format("moved", name))
    try:
        said = await wrong(storage.check(hosted))
    finally:
        await bucket(supabase, rename.format(name, "moved"))
    assert f"There is no bucket {name}." in said


async def test_a_bucket_that_is_public(hosted: Settings, supabase: SupabaseProject) -> None:
    await bucket(supabase, f"update storage.buckets set public = true where id = '{BUCKET}'")
    try:
        said = await wrongs(storage.check(hosted))
    finally:
        await bucket(supabase, storage.MAKE_PRIVATE.format(BUCKET))
    assert "is public" in said[0]
    assert await wrongs(storage.check(hosted)) == []


async def test_a_policy_that_opens_the_bucket_to_everybody(
    hosted: Settings, supabase: SupabaseProject
) -> None:
    await bucket(supabase, "create policy open on storage.objects for select using (true)")
    try:
        said = await wrong(storage.check(hosted))
    finally:
        await bucket(supabase, "drop policy open on storage.objects")
    assert "Who has not signed in read the file" in said


async def test_storage_out_of_reach_and_files_on_one_machine_of_a_hosted_service(hosted: Settings) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    assert "can't be reached" in await wrong(storage.check(changed(hosted, supabase_url=nowhere)))
    (warning,) = await warnings(storage.check(changed(hosted, supabase_secret_key=None)))
    assert "SUPABASE_SECRET_KEY is not set" in warning


# ---------------------------------------------------------------------- signing in


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with publishing("ES256", "RS256") as published:
        yield published


def signing_in(hosted: Settings, issuer: Issuer, **given: Any) -> Settings:
    return changed(
        hosted,
        supabase_url=issuer.url,
        **{"supabase_jwt_secret": None, "supabase_publishable_key": None} | given,
    )


async def test_keys_that_the_project_publishes_are_told(hosted: Settings, issuer: Issuer) -> None:
    findings = await told(sign_in.check(signing_in(hosted, issuer)))
    assert findings[0].message == "The project publishes 2 of the keys that sign its tokens: ES256, RS256."
    assert not any(finding.is_wrong for finding in findings)


async def test_keys_that_can_not_be_fetched(hosted: Settings, issuer: Issuer) -> None:
    issuer.broken = True
    assert "HTTP 503" in await wrong(sign_in.check(signing_in(hosted, issuer)))
    nowhere = f"http://127.0.0.1:{free_port()}"
    assert "can't be fetched" in await wrong(sign_in.check(changed(hosted, supabase_url=nowhere)))


async def test_a_project_without_asymmetric_keys_needs_its_shared_secret(
    hosted: Settings, issuer: Issuer
) -> None:
    issuer.keys, issuer.extra = [], [{"kty": "oct", "k": "eA", "kid": "shared", "alg": "HS256"}]
    said = await wrong(sign_in.check(signing_in(hosted, issuer)))
    assert "(HS256): no token is believed" in said
    assert "SUPABASE_JWT_SECRET" in said
    (warning,) = await warnings(sign_in.check(signing_in(hosted, issuer, supabase_jwt_secret=SHARED_SECRET)))
    assert "asymmetric" in warning


async def test_a_shared_secret_of_another_project(hosted: Settings, issuer: Issuer) -> None:
    anon = jwt.encode({"role": "anon"}, SHARED_SECRET)
    for secret, found in ((SHARED_SECRET, 0), (f"not {SHARED_SECRET}", 1)):
        settings = signing_in(hosted, issuer, supabase_jwt_secret=secret, supabase_publishable_key=anon)
        assert len([one for one in await wrongs(sign_in.check(settings)) if "did not sign" in one]) == found


@asynccontextmanager
async def project(issuer: str | None, offset: str | None = None) -> AsyncIterator[str]:
    """A project that tells who it is, knows one key, and may have another idea of the time."""

    def headers() -> dict[str, str]:
        return {"date": offset} if offset else {}

    async def keys(_: Request) -> JSONResponse:
        return JSONResponse({"keys": []}, headers=headers())

    async def configuration(request: Request) -> JSONResponse:
        return JSONResponse({"issuer": issuer or f"{str(request.base_url).rstrip('/')}/auth/v1"})

    async def settings(request: Request) -> JSONResponse:
        known = request.headers.get("apikey") == "sb_publishable_right"
        return JSONResponse({}, 200 if known else 401)

    routes = [
        Route("/auth/v1/.well-known/jwks.json", keys),
        Route("/auth/v1/.well-known/openid-configuration", configuration),
        Route("/auth/v1/settings", settings),
    ]
    async with listening(Starlette(routes=routes)) as service:
        yield service.url


async def test_a_project_that_issues_its_tokens_under_another_name(hosted: Settings) -> None:
    async with project("https://auth.plant.example/auth/v1") as url:
        settings = changed(hosted, supabase_url=url, supabase_publishable_key=None)
        assert "Set SUPABASE_URL to https://auth.plant.example." in await wrong(sign_in.check(settings))
    async with project(None) as url:
        settings = changed(hosted, supabase_url=url, supabase_publishable_key=None)
        assert await wrongs(sign_in.check(settings)) == []


async def test_a_publishable_key_of_another_project(hosted: Settings) -> None:
    async with project(None) as url:
        for key, found in (("sb_publishable_right", 0), ("sb_publishable_wrong", 1)):
            settings = changed(hosted, supabase_url=url, supabase_publishable_key=key)
            said = await wrongs(sign_in.check(settings))
            assert len(said) == found
            assert all("SUPABASE_PUBLISHABLE_KEY" in one for one in said)


async def test_a_clock_that_is_off_the_projects(hosted: Settings) -> None:
    async with project(None, "Sat, 01 Jan 2000 00:00:00 GMT") as url:
        settings = changed(hosted, supabase_url=url, supabase_publishable_key=None)
        assert "Let this machine's clock be set" in await wrong(sign_in.check(settings))


# ---------------------------------------------------------------------- Modal


@pytest.fixture
async def peer(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModalPeer]:
    from modal.client import Client

    async with ModalPeer({SECRET: dict.fromkeys(REQUIRED_KEYS, "x")}) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        # The client is one for the whole process, and this peer is of one test.
        monkeypatch.setattr("modal.client._Client._client_from_env", None)
        client = await Client.from_env.aio()
        try:
            yield running
        finally:
            await client.close.aio()


async def deploy(peer: ModalPeer) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "modal", "deploy", "-m", "solver_jobs.app"),
        cwd=ROOT,
        env=os.environ | peer.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def test_an_app_that_is_not_deployed_then_is_then_lacks_its_secret(
    hosted: Settings, peer: ModalPeer
) -> None:
    settings = changed(hosted, modal_app=APP)
    said = await wrong(modal_app.check(settings))
    assert "has no function forecast, replan" in said
    assert modal_app.DEPLOY in said
    await deploy(peer)
    assert await wrongs(modal_app.check(settings)) == []
    del peer.plane.published[peer.plane.apps[APP]]["replan"]
    assert "has no function replan" in await wrong(modal_app.check(settings))


async def test_a_secret_that_lacks_a_key_and_one_that_is_not_there(hosted: Settings, peer: ModalPeer) -> None:
    await deploy(peer)
    settings = changed(hosted, modal_app=APP)
    peer.plane.secrets[SECRET].pop("SUPABASE_SECRET_KEY")
    said = await wrong(modal_app.check(settings))
    assert "SUPABASE_SECRET_KEY" in said
    del peer.plane.secrets[SECRET]
    assert f"modal secret create {SECRET}" in await wrong(modal_app.check(settings))


async def test_containers_that_wait_for_a_token_which_nobody_signs(hosted: Settings, peer: ModalPeer) -> None:
    await deploy(peer)
    peer.plane.secrets[SECRET] = dict.fromkeys(Door.RUN_TOKEN.job_keys, "x")
    settings = changed(hosted, modal_app=APP, supabase_jwt_secret=None)
    assert "Set SUPABASE_SIGNING_KEY" in await wrong(modal_app.check(settings))
    legacy = changed(settings, supabase_jwt_secret="a legacy secret of 32 bytes or more")
    assert "SUPABASE_JWT_SECRET=..." in await wrong(modal_app.check(legacy))
    signing = changed(settings, supabase_signing_key="{}")
    assert f"modal secret create {HOUSEKEEPING_SECRET}" in await wrong(modal_app.check(signing))
    peer.plane.secrets[HOUSEKEEPING_SECRET] = dict.fromkeys(Door.RUN_TOKEN.housekeeping_keys, "x")
    assert await wrongs(modal_app.check(signing)) == []


async def test_modal_out_of_reach(hosted: Settings, peer: ModalPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modal_app, "_SECONDS", 1.0)
    await peer.go_down()
    assert "network" in await wrong(modal_app.check(changed(hosted, modal_app=APP)))
