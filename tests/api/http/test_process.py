"""`pourplan serve` as people start it, from an empty data folder to its end."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import pytest

from tests.api.http.process import Serving, run, serving_process
from tests.database import TemporaryDatabase, short_folder
from tests.ports import free_port


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[Serving]:
    with short_folder() as data:
        async with serving_process(data) as serving:
            yield serving


async def test_a_plant_is_ready_on_a_machine_where_there_was_none(running: Serving) -> None:
    async with httpx.AsyncClient(base_url=running.url) as client:
        asked = {"query": "query Empty { tenant { name } productGroups { totalCount } }"}
        answer = await client.post("/graphql", json=asked, headers={"X-Request-ID": "first"})
    assert answer.json() == {"data": {"tenant": {"name": "This plant"}, "productGroups": {"totalCount": 0}}}


async def test_its_log_is_json_with_uvicorns_lines_in_it(running: Serving) -> None:
    async with httpx.AsyncClient(base_url=running.url) as client:
        await client.post(
            "/graphql", json={"query": "query Asked { __typename }"}, headers={"X-Request-ID": "42"}
        )
    lines = running.lines()
    assert {line["event"] for line in lines} >= {"service_ready", "Application startup complete."}
    (operation,) = [line for line in lines if line["event"] == "operation" and line["name"] == "Asked"]
    assert (operation["request_id"], operation["level"], operation["outcome"]) == ("42", "info", "ok")


async def test_a_second_service_on_the_folder_ends_with_a_sentence(running: Serving) -> None:
    code, written = await run(running.log.parent, "serve", "--port", str(free_port()))
    assert code == 1
    assert f"\nerror: Another Pourplan service (process {running.process.pid})" in written
    logged = [orjson.loads(line) for line in written.splitlines() if line.startswith("{")]
    assert {line["level"] for line in logged} <= {"info"}
    assert "Pourplan on http://" not in written
    assert "Traceback" not in written


async def test_its_address_is_told_when_it_is_ready(running: Serving) -> None:
    written = running.log.read_text()
    assert written.index('"service_ready"') < written.index(f"Pourplan on {running.url}/")


async def test_a_second_service_on_the_port_ends_with_a_sentence(running: Serving) -> None:
    with short_folder() as data:
        code, written = await run(data, "serve", "--port", running.url.rpartition(":")[2])
    assert code != 0
    assert "can't be had" in written
    assert "Traceback" not in written


@pytest.mark.parametrize(("how", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
async def test_it_ends_in_order_when_told_to(how: int, status: int) -> None:
    with short_folder() as data:
        async with serving_process(data) as serving:
            assert (data / "postgres" / "postmaster.pid").exists()
            assert await serving.stop(how) == status
            assert "Application shutdown complete." in {line["event"] for line in serving.lines()}
            assert not (data / "postgres" / "postmaster.pid").exists()
            assert not [line for line in serving.lines() if line["level"] == "error"]


async def test_a_database_that_is_not_reached_is_named_by_its_setting_and_no_password_told(
    database: TemporaryDatabase, tmp_path: Path
) -> None:
    nowhere = f"postgresql://pourplan_api:a-password@127.0.0.1:{free_port()}/postgres"
    unknown = database.server.url("nobody", database.name)
    unquoted = "postgresql://pourplan_api:a-password/1@127.0.0.1/postgres"
    for setting, url in (
        ("DATABASE_URL", unquoted),
        ("DATABASE_URL", nowhere),
        ("DATABASE_JOBS_URL", nowhere),
        ("DATABASE_URL", unknown),
        ("DATABASE_JOBS_URL", unknown),
    ):
        hosted = {
            "DATABASE_URL": database.api_url,
            "DATABASE_JOBS_URL": database.jobs_url,
            "SUPABASE_URL": "http://127.0.0.1:9",
            setting: url,
        }
        code, written = await run(tmp_path, "serve", "--port", str(free_port()), **hosted)
        assert code == 1
        assert f"error: {setting}: " in written
        assert "Traceback" not in written
        assert "a-password" not in written


async def test_the_network_is_not_served() -> None:
    with short_folder() as data:
        code, written = await run(data, "serve", "--host", "0.0.0.0")  # noqa: S104 - refused
        assert code != 0
        assert "nobody signs in" in written
        assert list(data.iterdir()) == []
