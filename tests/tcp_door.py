"""A way into the embedded Postgres by TCP, which it does not offer itself; a test can shut the door."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from tests.database import TemporaryDatabase

_SOCKET = ".s.PGSQL.5432"


class TcpDoor:
    """Hands bytes between a port on 127.0.0.1 and the server's unix socket."""

    def __init__(self, database: TemporaryDatabase) -> None:
        self._database = database
        self._visits: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    def url(self, login: str) -> str:
        """URL of a login through this door."""
        return (
            f"postgresql://{quote(login)}@127.0.0.1:{self.port}/{quote(self._database.name)}?sslmode=disable"
        )

    async def open(self) -> None:
        """Let clients in; the port stays the same."""
        self._server = await asyncio.start_server(self._visit, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Refuse new clients, and cut off those that are in."""
        if self._server is not None:
            self._server.close()
        for visit in list(self._visits):
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = asyncio.current_task()
        assert visit is not None
        self._visits.add(visit)
        visit.add_done_callback(self._visits.discard)
        path = self._database.server.socket_folder / _SOCKET
        inner_reader, inner_writer = await asyncio.open_unix_connection(str(path))
        copies = [
            asyncio.ensure_future(_copy(reader, inner_writer)),
            asyncio.ensure_future(_copy(inner_reader, writer)),
        ]
        try:
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            pass  # shut; a stream server would report it as a fault
        finally:
            for copy in copies:
                copy.cancel()
            for end in (writer, inner_writer):
                end.transport.abort()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()


@asynccontextmanager
async def tcp_door(database: TemporaryDatabase) -> AsyncIterator[TcpDoor]:
    """An open door to a database."""
    door = TcpDoor(database)
    await door.open()
    try:
        yield door
    finally:
        await door.shut()
