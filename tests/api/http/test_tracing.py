"""Request ids, the answer's headers, and a log that tells what was asked and never with which values."""

import io
import logging
from collections.abc import Iterator

import orjson
import pytest
import structlog
import websockets
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from api.http.tracing import TraceRequests
from api.logs import configure_logging
from tests.api.http.serving import Service, listening, plain_settings


class Terminal(io.StringIO):
    """What looks like a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("given", ["plant-7:42", "A" * 100])
async def test_a_callers_id_is_taken_over(service: Service, given: str) -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logged:
        answer = await service.post("query Greet { hello }", **{"X-Request-ID": given})
    assert answer.headers["x-request-id"] == given
    assert {line["request_id"] for line in logged} == {given}
    operation = next(line for line in logged if line["event"] == "operation")
    assert (operation["name"], operation["type"], operation["outcome"]) == ("Greet", "query", "ok")


@pytest.mark.parametrize("given", ["", "A" * 101, "two words", 'x"}', "<script>"])
async def test_an_id_that_is_no_harmless_word_is_replaced(service: Service, given: str) -> None:
    first = await service.post("{ hello }", **{"X-Request-ID": given})
    second = await service.post("{ hello }", **{"X-Request-ID": given})
    ids = {first.headers["x-request-id"], second.headers["x-request-id"]}
    assert len(ids) == 2
    assert given not in ids


@pytest.mark.parametrize("path", ["/", "/health", "/metrics", "/nowhere", "/graphql?query={hello}"])
async def test_every_answer_has_the_headers_that_guard_it(service: Service, path: str) -> None:
    headers = (await service.http.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-request-id"]


async def test_a_fault_outside_of_any_operation_is_masked_too() -> None:
    async def fail(_: Request) -> Response:
        raise RuntimeError("the recipe")

    counted: list[tuple[str, int]] = []
    app = Starlette(
        routes=[Route("/fail/{name}", fail)],
        middleware=[
            Middleware(TraceRequests, count=lambda route, status, _: counted.append((route, status)))
        ],
    )
    async with listening(app) as service:
        with structlog.testing.capture_logs() as logged:
            answer = await service.http.get("/fail/now")
    assert answer.status_code == 500
    error = answer.json()["errors"][0]
    assert error["extensions"]["code"] == "INTERNAL"
    assert "the recipe" not in answer.text
    fault = next(line for line in logged if line["event"] == "internal_error")
    assert fault["reference"] in error["message"]
    assert "RuntimeError: the recipe" in fault["error"]
    assert counted == [("/fail/{name}", 500)]


@pytest.mark.usefixtures("restored_logging")
def test_the_log_is_json_a_line() -> None:
    stream = io.StringIO()
    configure_logging(plain_settings(), stream)
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger("api.some").info("imported", rows=3)
        logging.getLogger("uvicorn.error").warning("Slow %s", "start")
        structlog.get_logger("api.some").debug("unheard")
    ours, theirs = lines(stream)
    assert list(ours)[:4] == ["timestamp", "level", "event", "logger"]
    assert (ours["event"], ours["rows"], ours["request_id"], ours["logger"]) == (
        "imported",
        3,
        "r1",
        "api.some",
    )
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("Slow start", "warning", "uvicorn.error")


@pytest.mark.usefixtures("restored_logging")
def test_an_exception_stays_on_its_line() -> None:
    stream = io.StringIO()
    configure_logging(plain_settings(), stream)
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    (line,) = lines(stream)
    assert "ZeroDivisionError" in str(line["exception"])


@pytest.mark.usefixtures("restored_logging")
def test_the_log_is_readable_in_a_terminal() -> None:
    terminal = Terminal()
    configure_logging(plain_settings(log_level="debug"), terminal)
    structlog.get_logger("api.some").debug("imported", rows=3)
    assert "imported" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")
    forced = Terminal()
    configure_logging(plain_settings(log_format="json"), forced)
    structlog.get_logger("api.some").info("imported")
    assert lines(forced)[0]["event"] == "imported"


@pytest.mark.parametrize("path", ["/downloads/{}/september.csv", "//downloads/{}", "/Downloads/{}/x/y"])
async def test_a_link_that_lets_people_in_is_not_logged(path: str) -> None:
    token = "WyJmb3JlY2FzdCJd.c2lnbmVk"

    async def fail(_: Request) -> Response:
        raise RuntimeError("the disk")

    async def hear(connection: WebSocket) -> None:
        await connection.accept()
        raise RuntimeError("the line")

    app = Starlette(
        routes=[Route("/{path:path}", fail), WebSocketRoute("/{path:path}", hear)],
        middleware=[Middleware(TraceRequests, count=lambda *_: None)],
    )
    async with listening(app) as service:
        with structlog.testing.capture_logs() as logged:
            url = f"http://127.0.0.1:{service.port}" + path.format(token)
            assert (await service.http.get(url)).status_code == 500
            async with websockets.connect(url.replace("http", "ws", 1)) as connection:
                await connection.wait_closed()
    told = {(line["event"], line["path"]) for line in logged}
    events = {"request", "internal_error", "connection_opened", "connection_closed"}
    assert told == {(event, "/downloads") for event in events}
    assert token not in str(logged)


@pytest.mark.usefixtures("restored_logging")
async def test_values_that_clients_send_are_not_logged(service: Service) -> None:
    stream = io.StringIO()
    configure_logging(plain_settings(log_level="debug"), stream)
    secret = "alloy-7-recipe"
    await service.post("mutation ($text: String!) { note(text: $text) }", {"text": secret})
    await service.post(f'mutation {{ note(text: "{secret}") }}')
    await service.post("query ($n: Int!) { echo(number: $n) }", {"n": secret})
    await service.post(f'{{ month(month: "{secret}") }}')
    await service.http.get("/graphql", params={"query": f'{{ month(month: "{secret}") }}'})
    form = {
        "operations": '{"query": "mutation ($f:[Upload!]!){weigh(files:$f)}", "variables": {"f": [null]}}',
        "map": '{"0": ["variables.f.0"]}',
    }
    await service.http.post("/graphql", data=form, files={"0": (f"{secret}.xlsx", secret.encode())})
    await service.post(f"{{ {secret} ")
    protocols = [websockets.Subprotocol("graphql-transport-ws")]
    async with websockets.connect(service.socket_url, subprotocols=protocols) as connection:
        await connection.send('{"type": "connection_init"}')
        await connection.recv()
        query = f'mutation {{ note(text: \\"{secret}\\") }}'
        await connection.send(f'{{"id": "1", "type": "subscribe", "payload": {{"query": "{query}"}}}}')
        assert secret in str(await connection.recv())
    assert len(lines(stream)) >= 12
    assert secret not in stream.getvalue()
