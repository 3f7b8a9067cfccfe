"""Subscriptions over graphql-transport-ws and over server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.api.http.serving import LIMITS, Service
from tests.api.http.shop import SECRET


class Client:
    """A client of the protocol that says exactly what the test wants."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def say(self, **message: Any) -> None:
        await self._connection.send(orjson.dumps(message).decode())

    async def hear(self) -> Any:
        frame = await asyncio.wait_for(self._connection.recv(), 5)
        assert isinstance(frame, str), "the protocol is of text frames"
        return orjson.loads(frame)

    async def subscribe(self, number: int, query: str) -> None:
        await self.say(id=str(number), type="subscribe", payload={"query": query})

    async def end(self) -> tuple[int, str]:
        with pytest.raises(ConnectionClosed) as closed:
            await self.hear()
        assert closed.value.rcvd is not None
        return closed.value.rcvd.code, closed.value.rcvd.reason


@asynccontextmanager
async def connect(service: Service, *, init: bool = True) -> AsyncIterator[Client]:
    protocols = [websockets.Subprotocol("graphql-transport-ws")]
    async with websockets.connect(service.socket_url, subprotocols=protocols) as connection:
        client = Client(connection)
        if init:
            await client.say(type="connection_init")
            assert await client.hear() == {"type": "connection_ack"}
        yield client


async def test_a_subscription_tells_each_value_and_its_end(service: Service) -> None:
    async with connect(service) as client:
        await client.subscribe(1, "subscription { count(to: 2) }")
        assert await client.hear() == {"id": "1", "type": "next", "payload": {"data": {"count": 1}}}
        assert await client.hear() == {"id": "1", "type": "next", "payload": {"data": {"count": 2}}}
        assert await client.hear() == {"id": "1", "type": "complete"}


async def test_a_wrong_operation_ends_and_its_neighbour_goes_on(service: Service) -> None:
    async with connect(service) as client:
        for query, code in (
            ("subscription {", "GRAPHQL_PARSE_FAILED"),
            ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
            ("{ " + "again { " * 20 + "hello" + " }" * 21, "DEPTH_LIMIT"),
        ):
            await client.subscribe(1, query)
            answer = await client.hear()
            assert answer["type"] == "error"
            assert answer["payload"][0]["extensions"]["code"] == code
        await client.subscribe(1, "{ hello }")
        assert (await client.hear())["payload"] == {"data": {"hello": "hi"}}


async def test_our_own_fault_in_a_stream_is_masked(service: Service) -> None:
    async with connect(service) as client:
        await client.subscribe(1, "subscription { breakDown }")
        assert (await client.hear())["payload"] == {"data": {"breakDown": 1}}
        answer = await client.hear()
        assert answer["payload"]["errors"][0]["extensions"]["code"] == "INTERNAL"
        assert SECRET not in str(answer)


async def test_a_query_over_the_socket_is_given_up_when_it_takes_too_long(service: Service) -> None:
    async with connect(service) as client:
        await client.subscribe(1, "{ wait(seconds: 30) }")
        assert "TIMEOUT" in str(await client.hear())


async def test_a_subscription_may_last_longer_than_a_request(service: Service) -> None:
    async with connect(service) as client:
        await client.subscribe(1, "subscription { hang }")
        await client.hear()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.hear(), LIMITS["request_seconds"] * 2)


async def test_only_so_many_operations_go_on_at_once(service: Service) -> None:
    async with connect(service) as client:
        for number in range(LIMITS["max_subscriptions"]):
            await client.subscribe(number, "subscription { hang }")
            assert (await client.hear())["type"] == "next"
        await client.subscribe(99, "{ hello }")
        refused = await client.hear()
        assert refused["type"] == "error"
        assert refused["payload"][0]["extensions"]["code"] == "SUBSCRIPTION_LIMIT"
        await client.say(id="0", type="complete")
        await client.subscribe(99, "{ hello }")
        assert (await client.hear())["payload"] == {"data": {"hello": "hi"}}


@pytest.mark.parametrize(
    "message",
    [
        [],
        "subscribe",
        {"type": 1},
        {"type": "subscribe", "id": [], "payload": {"query": "{ hello }"}},
        {"type": "subscribe", "id": "1"},
        {"type": "subscribe", "id": "1", "payload": "{ hello }"},
        {"type": "subscribe", "id": "1", "payload": {"query": 1}},
        {"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "variables": []}},
        {"type": "complete"},
        {"type": "unheard-of"},
    ],
)
async def test_a_message_that_is_none_ends_the_connection(service: Service, message: Any) -> None:
    async with connect(service) as client:
        await client._connection.send(orjson.dumps(message).decode())
        assert (await client.end())[0] == 4400


async def test_the_protocols_own_refusals(service: Service) -> None:
    async with connect(service, init=False) as client:
        await client.subscribe(1, "{ hello }")
        assert await client.end() == (4401, "Unauthorized")
    async with connect(service) as client:
        await client.say(type="connection_init")
        assert (await client.end())[0] == 4429
    async with connect(service) as client:
        await client.say(type="ping")
        assert await client.hear() == {"type": "pong"}


async def test_another_subprotocol_is_refused(service: Service) -> None:
    async with websockets.connect(
        service.socket_url, subprotocols=[websockets.Subprotocol("graphql-ws")]
    ) as old:
        with pytest.raises(ConnectionClosed) as closed:
            await old.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4406


async def events(service: Service, query: str, method: str = "POST") -> tuple[str, list[tuple[str, str]]]:
    headers = {"Accept": "text/event-stream"}
    body: dict[str, Any] = {"json": {"query": query}} if method == "POST" else {"params": {"query": query}}
    async with service.http.stream(method, "/graphql", headers=headers, **body) as response:
        text = (await response.aread()).decode()
    told = [event.split("\r\n") for event in text.split("\r\n\r\n") if event]
    return response.headers["content-type"], [
        (lines[0].removeprefix("event: "), lines[1].removeprefix("data: ")) for lines in told
    ]


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_server_sent_events(service: Service, method: str) -> None:
    content_type, told = await events(service, "subscription { count(to: 2) }", method)
    assert content_type.startswith("text/event-stream")
    assert told == [
        ("next", '{"data":{"count":1}}'),
        ("next", '{"data":{"count":2}}'),
        ("complete", ""),
    ]


async def test_errors_in_server_sent_events_are_told_or_masked(service: Service) -> None:
    _, told = await events(service, "subscription { nothing }")
    assert "GRAPHQL_VALIDATION_FAILED" in told[0][1]
    _, told = await events(service, "subscription { breakDown }")
    assert "INTERNAL" in told[1][1]
    assert SECRET not in str(told)
    _, told = await events(service, 'mutation { note(text: "x") }', "GET")
    assert "BAD_REQUEST" in told[0][1]


async def test_a_subscription_by_plain_http_is_told_where_to_go(service: Service) -> None:
    refused = await service.post("subscription { count(to: 1) }")
    assert refused.status_code == 406
    assert "text/event-stream" in refused.json()["errors"][0]["message"]
