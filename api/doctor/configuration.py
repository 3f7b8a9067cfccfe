"""Whether the settings fit each other: what each alone may be, the settings themselves have checked."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

import jwt

from api.app import check_may_serve
from api.doctor.findings import Area, Finding, Findings
from api.http.hosts import LOOPBACK
from api.settings import Settings, SettingsError
from solver_jobs.run_tokens import RunTokens, SigningKeyWrong

AREA = Area("settings")
TRANSACTION_MODE = 6543
"""The port of Supabase's pooler that gives a connection for one transaction only."""
_PUBLIC_KEYS, _SECRET_KEYS = ("publishable", "anon"), ("secret", "service_role")
_OTHERS = frozenset({"POURPLAN_INSTANCE", "POURPLAN_JOBS_DOOR", "POURPLAN_TEST_TIER", "POURPLAN_CI_HOME"})
"""What others read than these settings: workers, the deployment at Modal, the tests."""


async def check(settings: Settings, environment: Mapping[str, str] = os.environ) -> Findings:
    """Look at the settings together."""
    found = [*_names(environment), *_serving(settings), *_database(settings), *_project(settings)]
    found += _signing_key(settings)
    for finding in found:
        yield finding
    if any(finding.is_wrong for finding in found):
        return
    if settings.embedded:
        yield AREA.ok(f"One machine: database and files are in {settings.data}, and nobody signs in.")
    else:
        place = urlsplit(settings.database_url or "").hostname or "a socket"
        yield AREA.ok(f"Hosted: the database at {place}, sign-in by {settings.supabase_url}.")


def _names(environment: Mapping[str, str]) -> list[Finding]:
    known = {_name_of(name) for name in Settings.model_fields} | _OTHERS
    return [
        AREA.warning(
            f"{name} is set, and there is no such setting.",
            _meant(name, known) or "See .env.example for all.",
        )
        for name in sorted(environment)
        if name.startswith("POURPLAN_") and name not in known
    ]


def _name_of(field: str) -> str:
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"POURPLAN_{field.upper()}"


def _meant(name: str, known: set[str]) -> str | None:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.8)
    return f"Meant is probably {near[0]}." if near else None


def _serving(settings: Settings) -> list[Finding]:
    try:
        check_may_serve(settings, "127.0.0.1")
    except SettingsError as error:
        what, _, todo = str(error).partition(". ")
        return [AREA.wrong(f"{what}.", todo)]
    if settings.embedded and settings.modal_app:
        return [
            AREA.wrong(
                "POURPLAN_MODAL_APP is set, and the database listens on a socket of this machine, which no "
                "container at Modal reaches.",
                "Unset POURPLAN_MODAL_APP, or set DATABASE_URL and DATABASE_JOBS_URL.",
            )
        ]
    return [] if settings.embedded else _hosted(settings)


def _hosted(settings: Settings) -> list[Finding]:
    found = []
    if not settings.allowed_hosts:
        found.append(
            AREA.warning(
                "POURPLAN_ALLOWED_HOSTS is not set: the service answers to the names of loopback alone.",
                'Name the host under which people reach it: POURPLAN_ALLOWED_HOSTS=["plan.example.com"].',
            )
        )
    if settings.signing_key is None:
        found.append(
            AREA.warning(
                f"POURPLAN_SIGNING_KEY is not set: download links are signed by a key in {settings.data}.",
                "Set it where several instances serve one address, or where the folder does not last.",
            )
        )
    return found


def _database(settings: Settings) -> list[Finding]:
    found = []
    urls = {
        "DATABASE_URL": settings.database_url,
        "DATABASE_JOBS_URL": settings.database_jobs_url,
    }
    for name, url in urls.items():
        if url and _port(url) == TRANSACTION_MODE:
            found.append(
                AREA.wrong(
                    f"{name} leads to port {TRANSACTION_MODE}, the pooler's transaction mode, where LISTEN "
                    "and prepared statements don't work.",
                    "Take the pooler's session mode (port 5432) or the direct connection.",
                )
            )
    if settings.database_url and settings.database_url == settings.database_jobs_url:
        found.append(
            AREA.wrong(
                "DATABASE_URL and DATABASE_JOBS_URL are the same: the service could do what only "
                "workers may.",
                "Let DATABASE_URL log in as pourplan_api, DATABASE_JOBS_URL as pourplan_jobs.",
            )
        )
    return found


def _port(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        return None


def _project(settings: Settings) -> list[Finding]:
    if settings.supabase_url is None:
        return []
    found = []
    public, secret = settings.supabase_publishable_key, settings.supabase_secret_key
    if public and kind_of_key(public) in _SECRET_KEYS:
        found.append(
            AREA.wrong(
                "SUPABASE_PUBLISHABLE_KEY holds a secret key, which opens the whole project.",
                "Take the publishable key, and rotate the secret one wherever this was told to others.",
            )
        )
    if secret and kind_of_key(secret.get_secret_value()) in _PUBLIC_KEYS:
        found.append(
            AREA.wrong(
                "SUPABASE_SECRET_KEY holds a publishable key, which opens neither Storage nor the runs.",
                "Take the project's secret key (sb_secret_...).",
            )
        )
    if not public:
        found.append(
            AREA.warning(
                "SUPABASE_PUBLISHABLE_KEY is not set: `pourplan login` can't sign anybody in.",
                "Take it from the project's API settings.",
            )
        )
    host = urlsplit(settings.supabase_url).hostname or ""
    if settings.supabase_url.startswith("http://") and host not in LOOPBACK | {"::1"}:
        found.append(
            AREA.wrong(
                f"SUPABASE_URL is {settings.supabase_url!r}: keys and tokens would travel unencrypted.",
                "Write https://.",
            )
        )
    return found


def _signing_key(settings: Settings) -> list[Finding]:
    if settings.supabase_signing_key is None:
        return []
    try:
        RunTokens.by(settings.supabase_signing_key.get_secret_value(), None)
    except SigningKeyWrong as error:
        what, _, todo = str(error).partition(". ")
        return [AREA.wrong(f"SUPABASE_SIGNING_KEY: {what}.", todo)]
    return []


def kind_of_key(key: str) -> str | None:
    """Tell a key's kind by how it begins, a legacy one's by the role that it claims."""
    for kind in ("publishable", "secret"):
        if key.startswith(f"sb_{kind}_"):
            return kind
    try:
        claims = jwt.decode(key, options={"verify_signature": False})
    except jwt.PyJWTError:
        return None
    return str(claims.get("role"))
