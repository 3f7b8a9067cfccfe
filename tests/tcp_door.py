"""A way by TCP to a server on a unix socket, such as the embedded Postgres; a test can shut or silence it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from tests.database import TemporaryDatabase

_SOCKET = ".s.PGSQL.5432"


class TcpDoor:
    """Hands bytes between a port on 127.0.0.1 and a unix socket."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._visits: set[asyncio.Task[None]] = set()
        self._silent = asyncio.Event()
        self._server: asyncio.Server | None = None
        self.port = 0

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

    def fall_silent(self) -> None:
        """Hand on nothing more of those that are in, and tell nobody; new clients are let in."""
        self._silent.set()
        self._silent = asyncio.Event()

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = asyncio.current_task()
        assert visit is not None
        self._visits.add(visit)
        visit.add_done_callback(self._visits.discard)
        try:
            inner_reader, inner_writer = await asyncio.open_unix_connection(str(self._socket))
        except BaseException:
            writer.transport.abort()
            raise
        copies = [
            asyncio.ensure_future(_copy(reader, inner_writer, self._silent)),
            asyncio.ensure_future(_copy(inner_reader, writer, self._silent)),
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


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, silent: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while (data := await source.read(65536)) and not silent.is_set():
            target.write(data)
            await target.drain()
    if silent.is_set():
        await asyncio.Event().wait()  # not even an end is handed on


class DatabaseDoor(TcpDoor):
    """A door to a database of the embedded Postgres."""

    def __init__(self, database: TemporaryDatabase) -> None:
        super().__init__(database.server.socket_folder / _SOCKET)
        self._name = database.name

    def url(self, login: str) -> str:
        """URL of a login through this door."""
        place = f"127.0.0.1:{self.port}/{quote(self._name)}"
        return f"postgresql://{quote(login)}@{place}?sslmode=disable"


@asynccontextmanager
async def tcp_door(database: TemporaryDatabase) -> AsyncIterator[DatabaseDoor]:
    """An open door to a database."""
    door = DatabaseDoor(database)
    await door.open()
    try:
        yield door
    finally:
        await door.shut()
