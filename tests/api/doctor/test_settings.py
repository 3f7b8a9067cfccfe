"""Settings that don't fit each other, each named with what to do."""

from pathlib import Path
from typing import Any

import jwt
import pytest

from api.doctor import configuration
from tests.api.doctor.looking import told, warnings, wrong, wrongs
from tests.api.http.serving import plain_settings

HOSTED: dict[str, Any] = {
    "database_url": "postgresql://pourplan_api:secret-1@db.example.com:5432/postgres",
    "database_jobs_url": "postgresql://pourplan_jobs:secret-2@db.example.com:5432/postgres",
    "supabase_url": "https://project.supabase.co",
    "supabase_publishable_key": "sb_publishable_x",
    "supabase_secret_key": "sb_secret_x",
    "allowed_hosts": ("plan.example.com",),
    "signing_key": "a signing key of 32 characters and more",
}


def legacy(role: str) -> str:
    return jwt.encode({"role": role, "iss": "supabase"}, "a secret of at least 32 characters ....")


async def test_one_machine_needs_no_setting(tmp_path: Path) -> None:
    (finding,) = await told(configuration.check(plain_settings(data=tmp_path), {}))
    assert finding.verdict.value == "ok"
    assert "nobody signs in" in finding.message


async def test_hosted_settings_that_fit_tell_no_password(tmp_path: Path) -> None:
    (finding,) = await told(configuration.check(plain_settings(data=tmp_path, **HOSTED), {}))
    assert finding.verdict.value == "ok"
    assert "db.example.com" in finding.message
    assert "secret" not in finding.message


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"supabase_url": None}, "no sign-in is"),
        (
            {"database_url": "postgresql://pourplan_api:x@pooler.example.com:6543/postgres"},
            "DATABASE_URL leads to port 6543",
        ),
        (
            {"database_jobs_url": "postgresql://pourplan_jobs:x@pooler.example.com:6543/postgres"},
            "DATABASE_JOBS_URL leads to port 6543",
        ),
        ({"database_jobs_url": HOSTED["database_url"]}, "are the same"),
        ({"supabase_publishable_key": "sb_secret_x"}, "SUPABASE_PUBLISHABLE_KEY holds a secret key"),
        ({"supabase_publishable_key": legacy("service_role")}, "rotate the secret one"),
        ({"supabase_secret_key": "sb_publishable_x"}, "SUPABASE_SECRET_KEY holds a publishable key"),
        ({"supabase_secret_key": legacy("anon")}, "SUPABASE_SECRET_KEY holds a publishable key"),
        ({"supabase_url": "http://project.supabase.co"}, "Write https://"),
        ({"supabase_signing_key": "{damaged"}, "SUPABASE_SIGNING_KEY: expected a private key"),
        ({"supabase_signing_key": '{"kty": "oct", "kid": "ours"}'}, "the key is damaged. Make one with"),
        ({"database_url": None, "modal_app": "pourplan"}, "which no container at Modal reaches"),
    ],
)
async def test_what_does_not_fit_is_wrong(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    settings = plain_settings(data=tmp_path, **{**HOSTED, **changed})
    assert said in await wrong(configuration.check(settings, {}))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"allowed_hosts": ()}, "POURPLAN_ALLOWED_HOSTS is not set"),
        ({"signing_key": None}, "POURPLAN_SIGNING_KEY is not set"),
        ({"supabase_publishable_key": None}, "`pourplan login` can't sign anybody in"),
    ],
)
async def test_what_should_be_better_is_a_warning(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    settings = plain_settings(data=tmp_path, **{**HOSTED, **changed})
    (warning,) = await warnings(configuration.check(settings, {}))
    assert said in warning
    assert await wrongs(configuration.check(settings, {})) == []


async def test_a_misspelled_setting_is_told_with_the_one_that_is_meant(tmp_path: Path) -> None:
    environment = {"POURPLAN_WORKER": "2", "POURPLAN_DATA": "/x", "PATH": "/bin", "POURPLAN_ZZZZ": ""}
    environment["POURPLAN_JOBS_DOOR"] = "run-token"
    found = await warnings(configuration.check(plain_settings(data=tmp_path), environment))
    assert found == [
        "POURPLAN_WORKER is set, and there is no such setting. Meant is probably POURPLAN_WORKERS.",
        "POURPLAN_ZZZZ is set, and there is no such setting. See .env.example for all.",
    ]
