"""Commands that ask a service elsewhere: the real program, by HTTP, with the key of a machine."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.app import create_app
from api.relay import parse_node_id
from api.services import open_services
from tests.api.cli.test_commands import SAMPLE, kept_exports, workbooks
from tests.api.foundry.shop import PROBLEM, big_problem
from tests.api.http.process import POURPLAN, SECONDS, environment, run
from tests.api.http.serving import Service, listening, settings_for
from tests.database import Connection, Plant, TemporaryDatabase, add_plant, short_folder
from tests.peers.issuer import Issuer, publishing
from tests.ports import free_port

WHAT_IF = """
mutation ($scenario: ID!) {
  replanMany(input: {scenarioIds: [$scenario], whatIf: {demandFactors: [2]}, timeLimitSeconds: 1}) {
    batch { id }
  }
}
"""
DELETE = "mutation ($id: ID!) { deleteScenario(input: {scenarioId: $id}) { deletedId } }"
PLAN_OF_A_WHAT_IF = "select id from plan_runs where what_if is not null and status = 'SUCCEEDED'"
# More of them than a page of runs holds.
MORE_WHAT_IFS = """
insert into plan_runs
select (jsonb_populate_record(run, jsonb_build_object('id', gen_random_uuid(), 'batch_place', place))).*
from plan_runs as run, generate_series(1, 120) as place where run.what_if is not null
"""
MANY_SCENARIOS = """
insert into scenarios (tenant_id, name, asof_date)
select $1, 'Copy ' || number, date '2026-01-05' from generate_series(1, 1100) as number
"""

Serve = Callable[..., Awaitable[None]]
Deal = Callable[[bytes, Serve], Awaitable[Response | None]]
"""How a proxy deals with a request's body: by an answer of its own, else the service's is passed on."""


@dataclass(frozen=True)
class Elsewhere:
    """A service where people sign in, and a folder at the terminal."""

    service: Service
    issuer: Issuer
    plant: Plant
    home: Path
    files: Path
    """The service's own folder."""

    async def key(self, role: str = "PLANNER") -> str:
        token = self.issuer.token(None, sub=str(self.plant.admin))
        query = f'mutation {{ createApiKey(input: {{name: "Terminal", role: {role}}}) {{ secret }} }}'
        made = await self.service.post(query, Authorization=f"Bearer {token}")
        return str(made.json()["data"]["createApiKey"]["secret"])

    async def pourplan(self, *arguments: str | Path, **settings: str) -> tuple[int, str]:
        given = {"POURPLAN_URL": self.service.url, "POURPLAN_API_KEY": await self.key()} | settings
        return await run(self.home, *map(str, arguments), **given)

    async def imported(self, name: str, problem: Mapping[str, Any]) -> None:
        (self.home / "problem.json").write_text(json.dumps({**problem, "name": name}))
        code, told = await self.pourplan("import", "problem.json")
        assert code == 0, told

    async def asked(self, query: str, **variables: Any) -> dict[str, Any]:
        """What the service answers this terminal's plant."""
        answer = await self.service.post(query, variables, Authorization=f"Bearer {await self.key()}")
        return dict(answer.json()["data"])

    def behind(self, deal: Deal) -> AbstractAsyncContextManager[Service]:
        """A proxy before the service."""
        inner: Any = self.service.app

        async def proxy(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                return
            request = await receive()

            async def serve(answer: Any = send) -> None:
                asked = [request]

                async def receive_again() -> Any:
                    return asked.pop() if asked else await receive()

                await inner(scope, receive_again, answer)

            own = await deal(request.get("body", b""), serve)
            await (own(scope, receive, send) if own else serve())

        return listening(proxy)  # type: ignore[arg-type]


def gateway_timeout() -> Response:
    """What a proxy answers that has lost the service behind it."""
    return PlainTextResponse("The service took too long.", 504)


@pytest.fixture
async def elsewhere(
    database: TemporaryDatabase, admin: Connection, tmp_path: Path
) -> AsyncIterator[Elsewhere]:
    plant = await add_plant(admin, "north")
    home = tmp_path / "home"
    home.mkdir()
    async with publishing("ES256") as issuer:
        settings = settings_for(database, tmp_path / "service", supabase_url=issuer.url)
        app = create_app(settings, open_services=lambda s: open_services(s, exclusive=True))
        async with listening(app) as service:
            yield Elsewhere(service, issuer, plant, home, tmp_path / "service")


async def test_a_plants_september_is_the_same_at_a_service_and_on_this_machine(elsewhere: Elsewhere) -> None:
    files = workbooks()
    code, told = await elsewhere.pourplan("import", "--dry-run", *files)
    assert code == 0, told
    assert "nothing is stored" in told
    code, told = await elsewhere.pourplan("import", *files)
    assert code == 0, told
    assert told.count("new or changed") == len(files)
    code, told = await elsewhere.pourplan("forecast", "2024-09")
    assert code == 0, told
    assert "Rebar 232, MBQ 54, SBQ 10, CHQ 22: in all 318 heats." in told
    code, told = await elsewhere.pourplan("export", "forecast", "2024-09", "--format", "csv")
    assert code == 0, told
    assert "Wrote pourplan-forecast-2024-09.csv: 318 heats of" in told
    there = (elsewhere.home / "pourplan-forecast-2024-09.csv").read_bytes()
    assert not list(elsewhere.home.glob("postgres*"))

    with short_folder() as here:
        for arguments in (("import", *map(str, files)), ("forecast", "2024-09")):
            code, told = await run(here, *arguments)
            assert code == 0, told
        code, _ = await run(here, "export", "forecast", "2024-09", "--format", "csv")
        assert (here / "pourplan-forecast-2024-09.csv").read_bytes() == there


async def test_a_foundrys_monday_is_planned_at_a_service(elsewhere: Elsewhere) -> None:
    problem = elsewhere.home / "foundry.json"
    problem.write_text(json.dumps({"name": "Foundry", **PROBLEM}))
    code, told = await elsewhere.pourplan("import", problem)
    assert code == 0, told
    assert "foundry scenario 'Foundry', the base scenario" in told
    code, told = await elsewhere.pourplan("replan", "--time-limit", "2")
    assert code == 0, told
    assert "Foundry, from Monday 05 January 2026" in told
    code, told = await elsewhere.pourplan("export", "plan", "--format", "csv", "--output", "plan.csv")
    assert code == 0, told
    written = (elsewhere.home / "plan.csv").read_bytes()
    assert written.startswith(b"asof_date,")
    # The service keeps it once it is handed out, which may be a moment later.
    async with asyncio.timeout(SECONDS):
        while kept_exports(elsewhere.files, "csv") != [written]:
            await asyncio.sleep(0.05)


async def test_what_was_only_tried_out_is_not_the_foundrys_plan(
    elsewhere: Elsewhere, admin: Connection
) -> None:
    await elsewhere.imported("Foundry", PROBLEM)
    code, told = await elsewhere.pourplan("replan", "--time-limit", "2")
    assert code == 0, told
    fewer = [{**order, "qty": 2} for order in PROBLEM["orders"]]
    await elsewhere.imported("Trial", {**PROBLEM, "orders": fewer})
    code, trial = await elsewhere.pourplan("replan", "--scenario", "Trial", "--time-limit", "2")
    assert code == 0, trial
    base = (await elsewhere.asked("{ baseScenario { id } }"))["baseScenario"]["id"]
    await elsewhere.asked(WHAT_IF, scenario=base)
    async with asyncio.timeout(SECONDS):
        while not (what_if := await admin.fetchval(PLAN_OF_A_WHAT_IF)):
            await asyncio.sleep(0.1)
    await admin.execute(MORE_WHAT_IFS)

    code, told = await elsewhere.pourplan("export", "plan", "--format", "csv")
    assert code == 0, told
    assert "31 molds of Foundry from 2026-01-05." in told
    code, told = await elsewhere.pourplan("export", "plan", trial.split()[-1])
    assert code == 0, told
    assert "6 molds of Trial from 2026-01-05." in told
    code, told = await elsewhere.pourplan("export", "plan", str(what_if))
    assert code == 0, told
    assert "62 molds of Foundry from 2026-01-05, under a what-if." in told


async def test_a_scenario_is_found_among_thousands_and_the_nearest_are_named(
    elsewhere: Elsewhere, admin: Connection
) -> None:
    await admin.execute(MANY_SCENARIOS, elsewhere.plant.id)
    await elsewhere.imported("Foundry", PROBLEM)
    code, told = await elsewhere.pourplan("replan", "--scenario", "Foundry", "--time-limit", "2")
    assert code == 0, told
    code, told = await elsewhere.pourplan("replan", "--scenario", "Fuondry")
    assert code == 1
    assert "The nearest of 1,101: Foundry, " in told


async def test_a_deleted_scenario_is_told_as_such_and_its_plan_is_still_exported(
    elsewhere: Elsewhere,
) -> None:
    await elsewhere.imported("Foundry", PROBLEM)
    await elsewhere.imported("Trial", PROBLEM)
    code, planned = await elsewhere.pourplan("replan", "--scenario", "Trial", "--time-limit", "2")
    assert code == 0, planned
    trial = (await elsewhere.asked("{ scenarios(last: 1) { nodes { id } } }"))["scenarios"]["nodes"][0]["id"]
    assert (await elsewhere.asked(DELETE, id=trial))["deleteScenario"]["deletedId"] == trial
    run = planned.split()[-1]
    for command in ("replan", "roll"):
        code, told = await elsewhere.pourplan(command, "--scenario", "Trial")
        assert code == 1
        assert "The scenario 'Trial' was deleted." in told
        assert "pourplan export problem --scenario Trial" in told
        assert f"pourplan export plan {run}" in told
        assert "There are: Foundry" in told
    code, told = await elsewhere.pourplan("export", "problem", "--scenario", "Trial", "-o", "kept.json")
    assert code == 0, told
    assert "the scenario Trial, which was deleted on " in told
    code, told = await elsewhere.pourplan("export", "plan", run)
    assert code == 0, told
    assert "31 molds of Trial from 2026-01-05." in told
    # What it planned makes the scenario anew.
    code, told = await elsewhere.pourplan("export", "problem", run, "-o", "problem.json")
    assert code == 0, told
    code, told = await elsewhere.pourplan("import", "problem.json")
    assert code == 0, told
    assert "foundry scenario 'Trial', as of 2026-01-05" in told


async def test_a_file_that_is_no_workbook_is_reported_as_on_this_machine(elsewhere: Elsewhere) -> None:
    broken = elsewhere.home / "broken.xlsx"
    broken.write_bytes(b"no workbook")
    code, told = await elsewhere.pourplan("import", broken, SAMPLE / workbooks()[0].name)
    assert code == 1
    assert "broken.xlsx: nothing of it was stored." in told
    assert "new or changed" in told
    assert "Traceback" not in told


async def test_a_role_that_may_not_is_told_so(elsewhere: Elsewhere) -> None:
    code, told = await elsewhere.pourplan(
        "forecast", "2024-09", POURPLAN_API_KEY=await elsewhere.key("VIEWER")
    )
    assert code == 1
    assert "Your role" in told or "planner" in told.lower()
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"POURPLAN_API_KEY": "pourplan_key_unknown"}, "unknown or was revoked"),
        ({"POURPLAN_API_KEY": ""}, "The Authorization header is missing"),
        ({"POURPLAN_TENANT": "south"}, "of which you are no member"),
        ({"POURPLAN_URL": "http://127.0.0.1:{nowhere}"}, "can't be reached"),
        ({"POURPLAN_URL": "http://plan.example.com"}, "would travel unencrypted"),
        ({"POURPLAN_URL": "plan.example.com"}, "POURPLAN_URL is"),
    ],
)
async def test_who_is_not_let_in_is_told_why(
    elsewhere: Elsewhere, settings: dict[str, str], said: str
) -> None:
    given = {name: value.format(nowhere=free_port()) for name, value in settings.items()}
    code, told = await elsewhere.pourplan("forecast", "2024-09", **given)
    assert code == 1
    assert said in told.replace("\n", " ")
    assert "Traceback" not in told


async def test_the_sample_is_not_brought_to_a_service(elsewhere: Elsewhere) -> None:
    code, told = await elsewhere.pourplan("demo")
    assert code == 1
    assert "the sample plant is for this machine" in told


async def test_an_address_of_something_else_is_told(elsewhere: Elsewhere) -> None:
    def page(_: Request) -> Response:
        return PlainTextResponse("It works!")

    async with listening(Starlette(routes=[Route("/graphql", page, methods=["POST"])])) as other:
        code, told = await elsewhere.pourplan("forecast", "2024-09", POURPLAN_URL=other.url)
    assert code == 1
    assert "Look at POURPLAN_URL." in told


async def test_a_stream_that_breaks_off_is_taken_up_again(elsewhere: Elsewhere) -> None:
    """Two streams are cut after their first event; the third one is told to its end."""
    inner: Any = elsewhere.service.app
    cut = 0

    async def cutting(scope: Any, receive: Any, send: Any) -> None:
        nonlocal cut
        asked_for_events = b"text/event-stream" in dict(scope.get("headers", [])).get(b"accept", b"")

        async def send_some(message: Any) -> None:
            nonlocal cut
            await send(message)
            if asked_for_events and cut < 2 and b"event: next" in message.get("body", b""):
                cut += 1
                raise ConnectionResetError

        await inner(scope, receive, send_some)

    await elsewhere.pourplan("import", *workbooks())
    async with listening(cutting) as proxy:  # type: ignore[arg-type]
        code, told = await elsewhere.pourplan("forecast", "2024-09", POURPLAN_URL=proxy.url)
    assert code == 0, told
    assert cut == 2
    assert "in all 318 heats." in told


async def test_a_service_that_is_away_for_a_moment_is_followed_on(elsewhere: Elsewhere) -> None:
    away = [gateway_timeout(), PlainTextResponse("Bad gateway", 502)]

    async def deal(body: bytes, _: Serve) -> Response | None:
        return away.pop() if away and b"runUpdates" in body else None

    await elsewhere.imported("Foundry", PROBLEM)
    async with elsewhere.behind(deal) as proxy:
        code, told = await elsewhere.pourplan("replan", "--time-limit", "2", POURPLAN_URL=proxy.url)
    assert code == 0, told
    assert not away
    assert "Foundry, from Monday 05 January 2026" in told


async def test_a_run_of_which_nothing_is_heard_any_more_is_named(elsewhere: Elsewhere) -> None:
    async def deal(body: bytes, _: Serve) -> Response | None:
        return gateway_timeout() if b"runUpdates" in body else None

    await elsewhere.imported("Foundry", PROBLEM)
    async with elsewhere.behind(deal) as proxy:
        code, told = await elsewhere.pourplan("replan", "--time-limit", "2", POURPLAN_URL=proxy.url)
    (run,) = (await elsewhere.asked("{ planRuns { nodes { id } } }"))["planRuns"]["nodes"]
    assert code == 1
    assert "answers HTTP 504" in told
    assert f"pourplan export plan {parse_node_id(run['id'])[1]}" in told


async def test_a_replan_whose_answer_is_lost_is_asked_for_again_and_queued_once(elsewhere: Elsewhere) -> None:
    lost = 0

    async def discard(_: Any) -> None:
        pass

    async def deal(body: bytes, serve: Serve) -> Response | None:
        nonlocal lost
        if b"replanMonday" not in body or lost:
            return None
        lost += 1
        await serve(discard)
        return gateway_timeout()

    await elsewhere.imported("Foundry", PROBLEM)
    async with elsewhere.behind(deal) as proxy:
        code, told = await elsewhere.pourplan("replan", "--time-limit", "2", POURPLAN_URL=proxy.url)
    assert code == 0, told
    assert lost == 1
    assert (await elsewhere.asked("{ planRuns { totalCount } }"))["planRuns"]["totalCount"] == 1


async def test_a_run_that_cannot_be_ended_is_told_and_a_second_interrupt_ends_the_command(
    elsewhere: Elsewhere,
) -> None:
    following = asyncio.Event()

    async def deal(body: bytes, _: Serve) -> Response | None:
        if b"runUpdates" in body:
            following.set()
        return PlainTextResponse("Not you.", 403) if b"cancelRun" in body else None

    await elsewhere.imported("Foundry", big_problem())
    async with elsewhere.behind(deal) as proxy, asyncio.timeout(SECONDS):
        settings = {"POURPLAN_URL": proxy.url, "POURPLAN_API_KEY": await elsewhere.key()}
        command = await asyncio.create_subprocess_exec(
            POURPLAN,
            *("replan", "--time-limit", "300"),
            env=environment(elsewhere.home, **settings),
            stderr=asyncio.subprocess.PIPE,
        )
        assert command.stderr is not None
        await following.wait()
        command.send_signal(signal.SIGINT)
        complaint = await command.stderr.readuntil(b"\n")
        command.send_signal(signal.SIGINT)
        last_words = await command.stderr.read()
        assert await command.wait() == 130
    assert b"The run can't be ended" in complaint
    assert b"answers HTTP 403" in complaint
    assert b"The run is " in last_words
    assert b"Traceback" not in last_words
