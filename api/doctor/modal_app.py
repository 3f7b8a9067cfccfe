"""Whether runs find their functions at Modal: signed in, the app deployed, its secret complete."""

from __future__ import annotations

import asyncio
from typing import Any

from api.doctor.findings import Area, Finding, Findings, listed
from api.settings import Settings

AREA = Area("modal")
DEPLOY = "modal deploy -m solver_jobs.app"
NEEDED = ("forecast", "replan")
"""A function for each kind of run."""
TIMED = ("sweep", "monday")
"""Functions that Modal calls by the clock."""
_SECONDS = 20.0


async def check(settings: Settings) -> Findings:
    """Look up at Modal what the dispatcher will look up."""
    if settings.modal_app is None:
        yield AREA.unchecked("POURPLAN_MODAL_APP is not set: processes of this machine work on the runs.")
        return
    try:
        import modal
    except ImportError:
        yield AREA.wrong("The package modal is not installed.", "Install pourplan with its extra `modal`.")
        return
    try:
        async with asyncio.timeout(_SECONDS):
            missing = [name for name in (*NEEDED, *TIMED) if not await _is_there(modal, settings, name)]
    except TimeoutError:
        yield AREA.wrong(f"Modal did not answer within {_SECONDS:g} seconds.", "Look at the network.")
        return
    except modal.exception.AuthError as error:
        yield AREA.wrong(
            f"Modal does not let the service in: {error}",
            "Set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET: `modal token new`.",
        )
        return
    except (modal.exception.Error, OSError) as error:
        yield AREA.wrong(f"Modal can't be asked: {type(error).__name__}: {error}", "Look at the network.")
        return
    for finding in _functions(settings.modal_app, missing):
        yield finding
    async for finding in _secrets(modal, settings):
        yield finding


async def _is_there(modal: Any, settings: Settings, name: str) -> bool:
    try:
        await modal.Function.from_name(settings.modal_app, name).hydrate.aio()
    except modal.exception.NotFoundError:
        return False
    return True


def _functions(app: str, missing: list[str]) -> list[Finding]:
    if lacking := [name for name in NEEDED if name in missing]:
        return [
            AREA.wrong(
                f"The app {app!r} has no function {listed(lacking)}: runs of that kind wait for ever.",
                f"Deploy it: {DEPLOY}",
            )
        ]
    if lacking := [name for name in TIMED if name in missing]:
        return [
            AREA.warning(
                f"The app {app!r} has no function {listed(lacking)}: nothing is done by the clock while no "
                "service runs.",
                f"Deploy this release: {DEPLOY}",
            )
        ]
    return [AREA.ok(f"The app {app!r} is deployed with its functions.")]


async def _secrets(modal: Any, settings: Settings) -> Findings:
    """Look by which door the containers reach the runs, and whether they hold the keys of that door."""
    try:
        from solver_jobs.app import HOUSEKEEPING_SECRET, SECRET
        from solver_jobs.environment import Door
    except ImportError as error:
        yield AREA.unchecked(f"The secret of the app: the package {error.name} is not installed.")
        return
    meant = Door.RUN_TOKEN if settings.supabase_signing_key else Door.SECRET_KEY
    held = [door for door in Door if await _holds(modal, SECRET, door.job_keys)]
    if not held:
        yield AREA.wrong(
            f"There is no secret {SECRET!r} at Modal, or it lacks {' or '.join(meant.job_keys)}.",
            f"Make it: {_making(SECRET, meant.job_keys)}",
        )
        return
    door = meant if meant in held else held[0]
    if door is Door.RUN_TOKEN and settings.supabase_signing_key is None and settings.supabase_jwt_secret:
        door = Door.LEGACY_TOKEN
    if door is Door.RUN_TOKEN and settings.supabase_signing_key is None:
        yield AREA.wrong(
            "Containers hold no key of their own, and the service signs them no token for their run.",
            "Set SUPABASE_SIGNING_KEY, or deploy with another POURPLAN_JOBS_DOOR.",
        )
    elif door.by_token and not await _holds(modal, HOUSEKEEPING_SECRET, door.housekeeping_keys):
        yield AREA.wrong(
            f"There is no secret {HOUSEKEEPING_SECRET!r} at Modal, or it lacks a key.",
            f"Make it: {_making(HOUSEKEEPING_SECRET, door.housekeeping_keys)}",
        )
    else:
        yield AREA.ok(f"The secret {SECRET!r} is there, with {' and '.join(door.job_keys)}.")


async def _holds(modal: Any, name: str, keys: list[str]) -> bool:
    try:
        async with asyncio.timeout(_SECONDS):
            await modal.Secret.from_name(name, required_keys=keys).hydrate.aio()
    except (modal.exception.NotFoundError, modal.exception.InvalidError):
        return False
    return True


def _making(name: str, keys: list[str]) -> str:
    return f"modal secret create {name} {' '.join(f'{key}=...' for key in keys)}"
