"""Whether people can sign in: the project's keys are published, and tokens are what the service believes."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import jwt

from api.doctor.configuration import kind_of_key
from api.doctor.findings import Area, Finding, Findings
from api.jwks import ALGORITHMS, usable_key
from api.settings import Settings
from api.tokens import SKEW_SECONDS

AREA = Area("sign-in")
CLOCK = Area("clock")
_SECONDS = 10.0


async def check(settings: Settings) -> Findings:
    """Ask the project as the service does."""
    if settings.supabase_url is None:
        yield AREA.unchecked("Nobody signs in: SUPABASE_URL is not set.")
        return
    auth = f"{settings.supabase_url.rstrip('/')}/auth/v1"
    async with httpx.AsyncClient(timeout=_SECONDS) as http:
        began = time.time()
        try:
            answer = await http.get(f"{auth}/.well-known/jwks.json")
            keys = answer.raise_for_status().json()["keys"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            yield AREA.wrong(
                f"The keys at {auth}/.well-known/jwks.json can't be fetched: {_reason(error)}.",
                "Look at SUPABASE_URL, at the network and at the state of the project: without its keys "
                "nobody is let in.",
            )
            return
        yield _keys(keys, settings)
        if clock := _clock(answer, began, time.time()):
            yield clock
        yield await _issuer(http, auth)
        if finding := await _publishable_key(http, auth, settings.supabase_publishable_key):
            yield finding
    if finding := _shared_secret(settings):
        yield finding


def _keys(told: list[Any], settings: Settings) -> Finding:
    usable = [key for key in map(usable_key, told) if key is not None]
    if usable:
        shown = ", ".join(sorted({key.algorithm_name for key in usable}))
        return AREA.ok(f"The project publishes {len(usable)} of the keys that sign its tokens: {shown}.")
    found = ", ".join(sorted({str(key.get("alg")) for key in told if isinstance(key, dict)})) or "none"
    if settings.supabase_jwt_secret:
        return AREA.warning(
            f"The project publishes no key by {' or '.join(ALGORITHMS)} ({found}): tokens are believed by "
            "the legacy shared secret alone, with which whoever knows it is anybody.",
            "Move the project to asymmetric signing keys, then unset SUPABASE_JWT_SECRET.",
        )
    return AREA.wrong(
        f"The project publishes no key by {' or '.join(ALGORITHMS)} ({found}): no token is believed.",
        "Move the project to asymmetric signing keys, or set SUPABASE_JWT_SECRET to its legacy secret.",
    )


def _clock(answer: httpx.Response, began: float, ended: float) -> Finding | None:
    try:
        theirs = parsedate_to_datetime(answer.headers.get_list("date")[-1]).timestamp()
    except (IndexError, ValueError):
        return None
    # The header tells whole seconds.
    apart = max(began - theirs - 1, theirs - ended, 0)
    if apart > SKEW_SECONDS:
        return CLOCK.wrong(
            f"It is {apart:.0f} s off the project's: tokens look expired, or not valid yet.",
            "Let this machine's clock be set by NTP.",
        )
    return CLOCK.ok("It agrees with the project's.")


async def _issuer(http: httpx.AsyncClient, auth: str) -> Finding:
    """Compare whom the project calls itself with whom tokens have to come from."""
    try:
        answer = await http.get(f"{auth}/.well-known/openid-configuration")
        told = answer.raise_for_status().json()["issuer"] or None
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        return AREA.unchecked(f"Who issues the tokens: the project does not tell ({_reason(error)}).")
    if told is None:
        return AREA.unchecked("Who issues the tokens: the project names nobody.")
    if str(told).rstrip("/") != auth:
        return AREA.wrong(
            f"The project issues its tokens as {told!r}; expected {auth!r}: every token would be refused.",
            f"Set SUPABASE_URL to {str(told).removesuffix('/auth/v1')}.",
        )
    return AREA.ok(f"Tokens are issued as {auth}.")


async def _publishable_key(http: httpx.AsyncClient, auth: str, key: str | None) -> Finding | None:
    if key is None:
        return None
    try:
        answer = await http.get(f"{auth}/settings", headers={"apikey": key})
    except httpx.HTTPError as error:
        return AREA.unchecked(f"SUPABASE_PUBLISHABLE_KEY: {_reason(error)}.")
    if answer.status_code in (401, 403):
        return AREA.wrong(
            "The project does not know SUPABASE_PUBLISHABLE_KEY.",
            "Take the key of the project at SUPABASE_URL.",
        )
    return AREA.ok("The project knows the publishable key.") if answer.is_success else None


def _shared_secret(settings: Settings) -> Finding | None:
    """Try the legacy secret on a key that it must have signed, where there is one."""
    secret, key = settings.supabase_jwt_secret, settings.supabase_publishable_key
    if secret is None or key is None or kind_of_key(key) != "anon":
        return None
    try:
        jwt.decode(key, secret.get_secret_value(), algorithms=["HS256"], options={"verify_aud": False})
    except jwt.InvalidSignatureError:
        return AREA.wrong(
            "SUPABASE_JWT_SECRET did not sign the project's publishable key.",
            "Take the JWT secret of the project at SUPABASE_URL.",
        )
    except jwt.PyJWTError as error:
        return AREA.unchecked(f"SUPABASE_JWT_SECRET: the publishable key can't be read ({error}).")
    return AREA.ok("The legacy secret is the project's.")


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP {error.response.status_code}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
