"""Who may knock: hosts, origins, and forms that a page elsewhere could make a browser send."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import websockets
from starlette.datastructures import Headers
from websockets.exceptions import InvalidStatus

from api.http.hosts import is_own_origin
from api.http.refusal import Refusal
from api.http.requests import check_preflight
from tests.api.http.serving import Service, serving
from tests.api.http.shop import schema
from tests.database import TemporaryDatabase

FOREIGN = [
    "http://evil.example",
    "https://127.0.0.1.evil.example",
    "http://127.0.0.1:1",
    "null",
    "",
    "file://",
]


def code(response: Any) -> str:
    return str(response.json()["errors"][0]["extensions"]["code"])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:{port}", "LocalHost", "[::1]:8000"])
async def test_loopback_is_answered(service: Service, host: str) -> None:
    answer = await service.post("{ hello }", Host=host.format(port=service.port))
    assert answer.json() == {"data": {"hello": "hi"}}


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "localhost.",
        "127.0.0.2",
        "0.0.0.0",  # noqa: S104 - refused
        "evil.example@127.0.0.1",
        "127.0.0.1:8000, evil.example",
        "127.0.0.1:port",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/graphql", "/", "/metrics", "/health", "/playground/page.js"])
async def test_any_other_host_is_refused_everywhere(service: Service, host: str, path: str) -> None:
    refused = await service.http.get(path, headers={"Host": host})
    # The server itself refuses what can't be a host.
    assert refused.status_code in (400, 421)
    if refused.status_code == 421:
        assert code(refused) == "HOST_NOT_ALLOWED"
        assert "POURPLAN_ALLOWED_HOSTS" in refused.text


async def test_two_hosts_are_refused(service: Service) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n")
    status = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert status.split()[1] in (b"400", b"421")


async def test_a_configured_host_is_answered(module_database: TemporaryDatabase, tmp_path: Path) -> None:
    async with serving(module_database, tmp_path, schema, allowed_hosts=("plan.example",)) as service:
        answer = await service.post("{ hello }", Host="Plan.Example:443", Origin="https://plan.example")
        assert answer.status_code == 200
        assert (await service.post("{ hello }", Host="other.example")).status_code == 421


async def test_the_services_own_pages_may_ask(service: Service) -> None:
    own = {"Origin": service.url, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert (await service.post("{ hello }", **own)).status_code == 200
    assert (await service.http.get("/health", headers=own)).status_code == 200


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_pages_elsewhere_may_not(service: Service, method: str, origin: str) -> None:
    refused = await service.http.request(
        method, "/graphql", params={"query": "{ hello }"}, headers={"Origin": origin}
    )
    assert refused.status_code == 403
    assert code(refused) == "ORIGIN_NOT_ALLOWED"
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_link_may_lead_here_but_nothing_may_be_fetched(service: Service, site: str) -> None:
    linked = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    assert (await service.http.get("/", headers=linked)).status_code == 200
    embedded = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert (await service.http.get("/graphql?query={hello}", headers=embedded)).status_code == 403


@pytest.mark.parametrize("origin", [*FOREIGN, None])
async def test_a_page_elsewhere_gets_no_websocket(service: Service, origin: str | None) -> None:
    headers = {"Origin": origin} if origin is not None else {}
    protocols = [websockets.Subprotocol("graphql-transport-ws")]
    opening = websockets.connect(service.socket_url, subprotocols=protocols, additional_headers=headers)
    if origin is None:
        async with opening:
            return
    with pytest.raises(InvalidStatus) as refused:
        async with opening:
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("https://plan.example", "plan.example:443", True),
        ("https://plan.example", "plan.example", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("HTTP://LocalHost", "localhost", True),
        ("http://localhost:8000", "127.0.0.1:8000", False),
        ("http://127.0.0.1:8001", "127.0.0.1:8000", False),
        ("http://127.0.0.1:8000/path", "127.0.0.1:8000", False),
        ("http://user@127.0.0.1:8000", "127.0.0.1:8000", False),
        ("ftp://127.0.0.1:8000", "127.0.0.1:8000", False),
        ("chrome-extension://127.0.0.1:8000", "127.0.0.1:8000", False),
        ("http://127.0.0.1:99999", "127.0.0.1:99999", False),
        ("http://[::1", "[::1]", False),
    ],
)
def test_an_origin_is_own_when_it_names_the_same_host_and_port(origin: str, host: str, own: bool) -> None:
    assert is_own_origin(origin, host) is own


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"user-agent": "curl"},
        {"origin": "http://127.0.0.1"},
        {"sec-fetch-site": "same-origin", "cookie": "a=b"},
        {"cookie": "a=b", "graphql-preflight": "1"},
        {"referer": "http://evil.example", "apollo-require-preflight": "true"},
    ],
)
def test_an_upload_that_no_page_elsewhere_can_have_sent_passes(headers: dict[str, str]) -> None:
    check_preflight(Headers(headers))


@pytest.mark.parametrize(
    "headers", [{"cookie": "a=b"}, {"referer": "http://evil.example"}, {"sec-fetch-site": "cross-site"}]
)
def test_an_upload_that_a_page_elsewhere_may_have_sent_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Refusal) as refused:
        check_preflight(Headers(headers))
    assert refused.value.code == "PREFLIGHT_REQUIRED"
