"""`/health`: whether the process lives, and whether it can do its work."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.migrations import MigrationError, pending

if TYPE_CHECKING:
    from api.database import Database

_SECONDS = 5.0

log = structlog.get_logger(__name__)


async def live(_: Request) -> Response:
    """Answer as long as the process can."""
    return _answer({"status": "ok"})


async def ready(request: Request) -> Response:
    """Answer whether database and migrations are as they must be; 503 with the reasons where not."""
    checks = await check(request.app.state.services.database)
    failed = any(not one["ok"] for one in checks.values())
    return _answer({"status": "unavailable" if failed else "ok", "checks": checks}, 503 if failed else 200)


async def check(database: Database) -> dict[str, dict[str, Any]]:
    """Check what the service needs, each with a reason where it fails."""
    try:
        async with asyncio.timeout(_SECONDS), database.own() as connection:
            todo = await pending(connection)
    except MigrationError as error:
        return {"database": _ok(), "migrations": _failed(str(error))}
    except TimeoutError:
        return {"database": _failed(f"No connection or no answer within {_SECONDS:g} seconds.")}
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        # Its message may name addresses and logins; the kind is enough for whoever asks from outside.
        log.warning("database_unavailable", reason=str(error))
        return {"database": _failed(f"The database can't be reached ({type(error).__name__}).")}
    if todo:
        missing = f"Not applied: {', '.join(todo)}. Run pourplan migrate."
        return {"database": _ok(), "migrations": _failed(missing)}
    return {"database": _ok(), "migrations": _ok()}


def _ok() -> dict[str, Any]:
    return {"ok": True}


def _failed(reason: str) -> dict[str, Any]:
    return {"ok": False, "reason": reason}


def _answer(content: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(content, status, {"Cache-Control": "no-store"})
