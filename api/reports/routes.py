"""Downloads over HTTP: a signed link in, a file out, read with the rights of whom the link was made for."""

from __future__ import annotations

from urllib.parse import quote

import asyncpg
import structlog
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.auth import Identity
from api.context import Services
from api.reports import store
from api.reports.formats import ExportFormat, render
from api.reports.links import LinkExpired, LinkNotOurs, Target
from api.reports.plans import render_plan
from api.workbooks.originals import OriginalMissing

log = structlog.get_logger(__name__)

WORKBOOK = ExportFormat.XLSX.media_type


async def download(request: Request) -> Response:
    """Answer the file that a link names."""
    services: Services = request.app.state.services
    try:
        caller, target = services.links.read(request.path_params["token"])
    except LinkExpired:
        return _refuse(410, "LINK_EXPIRED", "This download link has expired.", "Ask for a new one.")
    except LinkNotOurs:
        return _refuse(404, "LINK_UNKNOWN", "This is no download link of this service.", "Ask for a new one.")
    try:
        found = await _read(services, caller, target)
    except OriginalMissing as error:
        log.warning("original_missing", import_id=str(target.key), reason=str(error))
        return _refuse(
            410,
            "GONE",
            "The original of this import is not kept any more, or is not what was imported.",
            "What was read from it is stored all the same; to keep the file again, import it once more.",
        )
    if found is None:
        return _refuse(404, "GONE", "The file is not there any more, or not yours to see.", None)
    content, media_type, name = found
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    kept = BackgroundTask(_keep, services, caller, target, content) if target.form else None
    return Response(content, media_type=media_type, headers=headers, background=kept)


async def _read(services: Services, caller: Identity, target: Target) -> tuple[bytes, str, str] | None:
    if target.kind == "original":
        async with services.database.transaction(caller) as connection:
            found = await store.original(connection, target.key)
        if found is None:
            return None
        tenant_id, name, sha256 = found
        return await services.originals.read(tenant_id, sha256), WORKBOOK, name
    if target.kind == "plan":
        return await _read_plan(services, caller, target)
    async with services.database.transaction(caller) as connection:
        breakdown = await store.forecast_of_run(connection, target.key)
    if breakdown is None or target.form is None:
        return None
    content = await run_in_threadpool(render, breakdown, target.form)
    return content, target.form.media_type, breakdown.file_name(target.form)


async def _read_plan(services: Services, caller: Identity, target: Target) -> tuple[bytes, str, str] | None:
    async with services.database.transaction(caller) as connection:
        report = await store.plan_of_run(connection, target.key)
    if report is None or target.form is None:
        return None
    content = await run_in_threadpool(render_plan, report, target.form)
    return content, target.form.media_type, report.file_name(target.form)


async def _keep(services: Services, caller: Identity, target: Target, content: bytes) -> None:
    """Keep what was handed out; the answer has gone already, and is none the worse without."""
    try:
        async with services.database.transaction(caller) as connection:
            tenant_id = await store.tenant_of_run(connection, target.key)
        if tenant_id is not None and target.form is not None:
            await services.exports.keep(tenant_id, target.key, target.form, content)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        log.warning("export_not_kept", run=str(target.key), reason=f"{type(error).__name__}: {error}")


def _refuse(status: int, code: str, message: str, hint: str | None) -> Response:
    return JSONResponse({"error": {"code": code, "message": message, "hint": hint}}, status)


ROUTES = [Route("/downloads/{token}/{name}", download, methods=["GET"])]
