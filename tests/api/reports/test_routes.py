"""A download over the real route: what a link opens, for whom, and what is said when it opens nothing."""

import csv
import hashlib
import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import openpyxl
import pytest
import structlog
from starlette.applications import Starlette

from api.auth import Identity
from api.context import Services
from api.relay import parse_node_id
from api.reports.formats import HEATS, ExportFormat
from api.reports.links import Links, Target
from api.reports.routes import ROUTES
from api.reports.store import forecast_of_run
from tests.api.desk import BASE_URL, Desk
from tests.api.planning.test_forecast import carry_out, queue
from tests.database import Connection, Plant, TemporaryDatabase, connected

CONTENT = b"PK: a workbook"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
IMPORTED = """
insert into workbook_imports
    (tenant_id, kind, file_name, sha256, size_bytes, rows_read, rows_stored, report, imported_by)
values ($1, 'PRODUCT_GROUPS_MONTHLY', 'Gießplan "8".xlsx', $2, 14, 1, 1, '{}', $3) returning id
"""


@pytest.fixture
async def http(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """The routes of downloads, on the services of the test."""
    app = Starlette(routes=ROUTES)
    app.state.services = services
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE_URL) as client:
        yield client


@pytest.fixture
async def run(planner: Desk, database: TemporaryDatabase) -> UUID:
    """A forecast that succeeded."""
    run_id = await queue(planner)
    async with connected(database.jobs_url) as jobs:
        await carry_out(jobs, run_id)
    return parse_node_id(run_id)[1]


@pytest.fixture
async def imported(admin: Connection, plant: Plant) -> UUID:
    """An import, whose original is not kept yet."""
    key: UUID = await admin.fetchval(IMPORTED, plant.id, SHA256, plant.planner)
    return key


def link(services: Services, caller: Identity, target: Target) -> str:
    return urlsplit(services.links.make(BASE_URL, caller, target, "any name").url).path


def total_heats(content: bytes, form: ExportFormat) -> int:
    if form is ExportFormat.CSV:
        return sum(int(row["heats"]) for row in csv.DictReader(io.StringIO(content.decode())))
    if form is ExportFormat.JSON:
        return sum(row["heats"] for row in json.loads(content)["heats"])
    _, *rows = openpyxl.load_workbook(io.BytesIO(content))["ScrapChef"].iter_rows(values_only=True)
    return sum(int(str(heats)) for _, heats in rows)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert error["message"].endswith(".")
    return answer.status_code, error["code"]


@pytest.mark.parametrize("form", ExportFormat)
async def test_a_forecast_comes_with_its_media_type_and_its_name(
    services: Services, http: httpx.AsyncClient, planner: Desk, run: UUID, form: ExportFormat
) -> None:
    answer = await http.get(link(services, planner.identity, Target("forecast", run, form)))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == form.media_type
    named = f"attachment; filename*=UTF-8''pourplan-forecast-2024-09.{form.value}"
    assert answer.headers["content-disposition"] == named
    assert answer.headers["cache-control"] == "private, no-store"
    assert total_heats(answer.content, form) == 286


async def test_json_has_its_keys_in_their_order(
    services: Services, http: httpx.AsyncClient, planner: Desk, run: UUID
) -> None:
    answer = await http.get(link(services, planner.identity, Target("forecast", run, ExportFormat.JSON)))
    assert list(answer.json()["heats"][0]) == list(HEATS)


async def test_a_breakdown_tells_how_its_run_was_rounded_and_when_it_ended(
    services: Services, planner: Desk, run: UUID
) -> None:
    async with services.database.transaction(planner.identity) as connection:
        breakdown = await forecast_of_run(connection, run)
    assert breakdown is not None
    assert breakdown.rounding == "LARGEST_REMAINDER"
    assert breakdown.finished_at is not None


async def test_a_link_that_expired_says_so(
    services: Services, http: httpx.AsyncClient, planner: Desk, run: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = link(services, planner.identity, Target("forecast", run, ExportFormat.CSV))
    monkeypatch.setattr(services.links, "_lifetime", timedelta(seconds=-1))
    assert refusal(await http.get(path)) == (410, "LINK_EXPIRED")


async def test_a_link_that_was_changed_or_is_of_another_service_opens_nothing(
    services: Services, http: httpx.AsyncClient, planner: Desk, run: UUID
) -> None:
    target = Target("forecast", run, ExportFormat.CSV)
    path = link(services, planner.identity, target)
    changed = path.replace("/downloads/", "/downloads/x")
    theirs = Links(b"another key", timedelta(minutes=10)).make(BASE_URL, planner.identity, target, "f").url
    for wrong in (changed, urlsplit(theirs).path):
        assert refusal(await http.get(wrong)) == (404, "LINK_UNKNOWN")


@pytest.mark.parametrize("kind", ["forecast", "original"])
async def test_a_link_of_another_tenant_opens_nothing_of_this_one(
    services: Services, http: httpx.AsyncClient, stranger: Desk, run: UUID, imported: UUID, kind: str
) -> None:
    target = Target("forecast", run, ExportFormat.CSV) if kind == "forecast" else Target("original", imported)
    assert refusal(await http.get(link(services, stranger.identity, target))) == (404, "GONE")


async def test_a_link_to_a_run_that_never_was_opens_nothing(
    services: Services, http: httpx.AsyncClient, planner: Desk
) -> None:
    for target in (Target("forecast", uuid4(), ExportFormat.CSV), Target("plan", uuid4(), ExportFormat.CSV)):
        assert refusal(await http.get(link(services, planner.identity, target))) == (404, "GONE")


async def test_an_original_comes_back_under_its_name(
    services: Services, http: httpx.AsyncClient, planner: Desk, plant: Plant, imported: UUID
) -> None:
    await services.originals.keep(plant.id, SHA256, "any.xlsx", CONTENT)
    answer = await http.get(link(services, planner.identity, Target("original", imported)))
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-disposition"].endswith("''Gie%C3%9Fplan%20%228%22.xlsx")


async def test_an_original_that_is_not_kept_any_more_is_gone(
    services: Services, http: httpx.AsyncClient, planner: Desk, imported: UUID
) -> None:
    answer = await http.get(link(services, planner.identity, Target("original", imported)))
    assert refusal(answer) == (410, "GONE")
    assert "import it once more" in answer.json()["error"]["hint"]


# ---------------------------------------------------------------------- what was handed out is kept


async def test_an_export_is_kept_as_it_was_handed_out(
    http: httpx.AsyncClient, services: Services, planner: Desk, plant: Plant, run: UUID
) -> None:
    for form in ExportFormat:
        answer = await http.get(link(services, planner.identity, Target("forecast", run, form)))
        assert answer.status_code == 200
        assert await services.exports.read(plant.id, run, form) == answer.content


async def test_an_export_that_can_not_be_kept_is_handed_out_all_the_same(
    http: httpx.AsyncClient, services: Services, planner: Desk, run: UUID, tmp_path: Path
) -> None:
    (tmp_path / "exports").write_text("a file where the folder should be")
    with structlog.testing.capture_logs() as logs:
        answer = await http.get(link(services, planner.identity, Target("forecast", run, ExportFormat.CSV)))
    assert answer.status_code == 200
    assert total_heats(answer.content, ExportFormat.CSV) > 0
    assert [entry["event"] for entry in logs] == ["export_not_kept"]


async def test_what_is_refused_is_not_kept(
    http: httpx.AsyncClient, services: Services, stranger: Desk, run: UUID, tmp_path: Path
) -> None:
    for form in ExportFormat:
        answer = await http.get(link(services, stranger.identity, Target("forecast", run, form)))
        assert answer.status_code == 404
    assert not (tmp_path / "exports").exists()
