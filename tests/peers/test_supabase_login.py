"""Signing in at the terminal: the real program against a project, and the session that it keeps."""

import asyncio
import os
import shlex
import stat
import subprocess
import time
import uuid
from pathlib import Path

import pytest

pytest.importorskip("supabase", reason="the extra `supabase` is not installed")

from api.cli.kept_session import kept
from tests.api.cli.test_commands import PROGRAM, SAMPLE
from tests.database import add_plant, connected
from tests.peers.supabase import SupabaseProject
from tests.peers.supabase.project import PASSWORD
from tests.peers.test_supabase_sign_in import signing_in
from tests.ports import free_port

pytestmark = pytest.mark.node

PAGE = Path(__file__).parents[2] / "docs" / "deploy_supabase.md"


async def pourplan(
    home: Path, *args: str, url: str, key: str, stdin: str = "", **settings: str
) -> "subprocess.CompletedProcess[str]":
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("POURPLAN_", "DATABASE_", "SUPABASE"))
    }
    return await asyncio.to_thread(
        subprocess.run,
        [str(PROGRAM), *args],
        env={
            **inherited,
            "XDG_CONFIG_HOME": str(home),
            "COLUMNS": "200",
            "SUPABASE_URL": url,
            "SUPABASE_PUBLISHABLE_KEY": key,
            **settings,
        },
        cwd=home,
        input=stdin,
        text=True,
        capture_output=True,
        timeout=60,
    )


async def run(
    home: Path, project: SupabaseProject, *args: str, stdin: str = "", **settings: str
) -> "subprocess.CompletedProcess[str]":
    return await pourplan(home, *args, url=project.url, key=project.publishable_key, stdin=stdin, **settings)


async def test_a_session_is_kept_for_its_owner_alone_and_gives_a_token(
    supabase: SupabaseProject, tmp_path: Path
) -> None:
    person = await supabase.sign_up("login")
    done = await run(tmp_path, supabase, "login", "--email", person.email, stdin=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr
    assert person.email in done.stderr
    path = tmp_path / "pourplan" / "session.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PASSWORD not in path.read_text() + done.stdout + done.stderr
    told = await run(tmp_path, supabase, "token")
    found = await person.client.auth.get_user(told.stdout.strip())
    assert found is not None
    assert found.user.email == person.email

    out = await run(tmp_path, supabase, "logout")
    assert (out.returncode, path.exists()) == (0, False)
    again = await run(tmp_path, supabase, "token")
    assert again.returncode == 1
    assert "Nobody is signed in" in again.stderr


async def test_who_was_invited_has_joined_by_signing_in(supabase: SupabaseProject, tmp_path: Path) -> None:
    person = await supabase.sign_up("login")
    async with connected(supabase.database.admin_url) as admin:
        plant = await add_plant(admin, f"login-{uuid.uuid4().hex[:8]}")
        await admin.execute(
            "insert into tenant_invitations (tenant_id, email, role, invited_by)"
            " values ($1, $2, 'planner', $3)",
            plant.id,
            person.email,
            plant.admin,
        )
        done = await run(tmp_path, supabase, "login", "--email", person.email, stdin=f"{PASSWORD}\n")
        assert "Joined 1 tenant" in done.stderr
        role = await admin.fetchval("select role from tenant_members where user_id = $1", person.id)
    assert role == "planner"


async def test_who_signs_up_as_the_page_says_signs_in(supabase: SupabaseProject, tmp_path: Path) -> None:
    (line,) = [line for line in PAGE.read_text().splitlines() if line.startswith("curl ")]
    email = f"kim-{uuid.uuid4().hex[:8]}@plant.example"
    for told, meant in (
        ("kim@plant.example", email),
        ("...", PASSWORD),
        ("$SUPABASE_URL", supabase.url),
        ("$SUPABASE_PUBLISHABLE_KEY", supabase.publishable_key),
    ):
        assert told in line
        line = line.replace(told, meant)
    # As curl sends it, which need not be installed here.
    _, _, header, _, body, url = shlex.split(line)
    headers = dict([header.split(": ")]) | {"Content-Type": "application/json"}
    (await supabase.http.post(url, content=body, headers=headers)).raise_for_status()
    done = await run(tmp_path, supabase, "login", "--email", email, stdin=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr
    assert kept(tmp_path / "pourplan").email == email


async def test_a_token_that_is_about_to_end_is_refreshed(supabase: SupabaseProject, tmp_path: Path) -> None:
    person = await supabase.sign_up("login")
    await run(tmp_path, supabase, "login", "--email", person.email, stdin=f"{PASSWORD}\n")
    folder = tmp_path / "pourplan"
    session = kept(folder)
    ending = session.model_copy(update={"expires_at": int(time.time()) + 5, "access_token": "old"})
    (folder / "session.json").write_text(ending.model_dump_json())
    told = (await run(tmp_path, supabase, "token")).stdout.strip()
    assert told != "old"
    assert kept(folder).access_token == told
    assert kept(folder).expires_at > time.time() + 60
    assert stat.S_IMODE((folder / "session.json").stat().st_mode) == 0o600


async def test_a_wrong_password_is_told_and_nothing_is_kept(
    supabase: SupabaseProject, tmp_path: Path
) -> None:
    person = await supabase.sign_up("login")
    done = await run(tmp_path, supabase, "login", "--email", person.email, stdin="wrong password\n")
    assert done.returncode == 1
    assert "does not let you in" in done.stderr
    assert "Traceback" not in done.stderr
    assert "wrong password" not in done.stderr
    assert not (tmp_path / "pourplan").exists()


async def test_a_session_of_another_project_gives_it_no_token(
    supabase: SupabaseProject, tmp_path: Path
) -> None:
    person = await supabase.sign_up("login")
    await run(tmp_path, supabase, "login", "--email", person.email, stdin=f"{PASSWORD}\n")
    elsewhere = f"http://127.0.0.1:{free_port()}"
    done = await pourplan(tmp_path, "token", url=elsewhere, key="sb_publishable_x")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Sign in there" in done.stderr
    unreachable = await pourplan(
        tmp_path, "login", "--email", person.email, url=elsewhere, key="sb_publishable_x", stdin="x\n"
    )
    assert unreachable.returncode == 1
    assert "can't be reached" in unreachable.stderr
    assert "password" not in unreachable.stderr
    assert "Traceback" not in unreachable.stderr


async def test_without_a_project_there_is_nowhere_to_sign_in(tmp_path: Path) -> None:
    done = await pourplan(tmp_path, "login", "--email", "a@b.example", url="", key="", stdin="x\n")
    assert done.returncode == 1
    assert "SUPABASE_URL is not set" in done.stderr


async def test_who_signed_in_works_at_the_service_without_any_key(
    supabase: SupabaseProject, tmp_path: Path
) -> None:
    async with connected(supabase.database.admin_url) as admin:
        north = await add_plant(admin, f"login-{uuid.uuid4().hex[:8]}")
        south = await add_plant(admin, f"login-{uuid.uuid4().hex[:8]}")
    person = await supabase.member(north, "planner")
    await run(tmp_path, supabase, "login", "--email", person.email, stdin=f"{PASSWORD}\n")
    async with signing_in(
        supabase, tmp_path / "service", supabase.url, supabase_jwt_secret=supabase.jwt_secret
    ) as service:
        there = {"POURPLAN_URL": service.url}
        done = await run(tmp_path, supabase, "import", str(SAMPLE / "foundry.json"), **there)
        assert done.returncode == 0, done.stderr
        elsewhere = await run(tmp_path, supabase, "export", "plan", POURPLAN_TENANT=south.slug, **there)
        assert elsewhere.returncode == 1
        assert "of which you are no member" in elsewhere.stderr
        await run(tmp_path, supabase, "logout")
        out = await run(tmp_path, supabase, "export", "plan", **there)
        assert out.returncode == 1
        assert "Nobody is signed in" in out.stderr
    async with connected(supabase.database.admin_url) as admin:
        stored = await admin.fetchval("select count(*) from scenarios where tenant_id = $1", north.id)
    assert stored == 1
