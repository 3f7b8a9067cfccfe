"""A load tool: some connections that are kept open, each asking again as soon as it was answered."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it.

    Attributes
    ----------
    rate
        Answers per second.
    p50, p95, p99
        Milliseconds until an answer was read whole.
    """

    rate: float
    p50: float
    p95: float
    p99: float


class Connection:
    """One HTTP connection that sends the same request again and again."""

    def __init__(self, port: int, path: str, body: bytes) -> None:
        self._port = port
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"Accept: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._request = head.encode() + body

    async def open(self) -> None:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**22)

    async def ask(self) -> bytes:
        """Send the request and read the answer.

        Raises
        ------
        ConnectionError
            It was not answered with status 200.
        """
        self._writer.write(self._request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise ConnectionError(f"{head.decode()} {(await self._reader.read(2000)).decode()}")
        if (at := head.find(b"content-length:")) >= 0:
            size = int(head[at + 15 : head.index(b"\r\n", at)])
            return await self._reader.readexactly(size)
        return await self._chunks()

    async def _chunks(self) -> bytes:
        parts = []
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return b"".join(parts)

    def close(self) -> None:
        """Disconnect."""
        self._writer.close()


async def ask_once(port: int, path: str, body: bytes) -> bytes:
    """Ask one time."""
    connection = Connection(port, path, body)
    await connection.open()
    try:
        return await connection.ask()
    finally:
        connection.close()


async def drive(port: int, path: str, body: bytes, seconds: float) -> Load:
    """Ask for so many seconds over `CONNECTIONS` connections."""
    connections = [Connection(port, path, body) for _ in range(CONNECTIONS)]
    for connection in connections:
        await connection.open()
    began = time.perf_counter()
    until = began + seconds
    waits: list[float] = []

    async def keep_asking(connection: Connection) -> None:
        while (now := time.perf_counter()) < until:
            await connection.ask()
            waits.append(time.perf_counter() - now)

    await asyncio.gather(*map(keep_asking, connections))
    took = time.perf_counter() - began
    for connection in connections:
        connection.close()
    return summary([waits], took)


def summary(rounds: list[list[float]], seconds: float) -> Load:
    """Sum up the waits of some rounds, which took so many seconds in all."""
    waits = sorted(wait for one in rounds for wait in one)
    p50, p95, p99 = (
        waits[min(len(waits) - 1, int(len(waits) * share))] * 1000 for share in (0.5, 0.95, 0.99)
    )
    return Load(len(waits) / seconds, p50, p95, p99)
