"""Postgres as the service sees it: a pool, transactions that carry the caller's claims, notifications."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Self, TypeAlias

import asyncpg
import orjson
import structlog

from api.auth import Identity

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

Connection: TypeAlias = "asyncpg.Connection | PoolConnectionProxy"
Row: TypeAlias = asyncpg.Record

log = structlog.get_logger(__name__)

SET_CALLER = """
select set_config('role', 'authenticated', true),
       set_config('request.jwt.claims', $1, true),
       set_config('pourplan.tenant', $2, true)
"""


BEGIN_READING = """
begin read only;
select set_config('role', 'authenticated', true),
       set_config('request.jwt.claims', {claims}, true),
       set_config('pourplan.tenant', {tenant}, true)
"""


@functools.lru_cache(maxsize=1024)
def _begin_reading(caller: Identity) -> str:
    # Several statements in one message take no parameters: the values are quoted, as standard strings.
    return BEGIN_READING.format(claims=_quoted(caller.claims), tenant=_quoted(caller.tenant or ""))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


async def prepare_connection(connection: asyncpg.Connection) -> None:
    """Let `json` and `jsonb` travel as Python values."""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=lambda v: orjson.dumps(v).decode(), decoder=orjson.loads
        )


async def _keep(_: asyncpg.Connection) -> None:
    # Whatever a request sets is local to its transaction: nothing is left to reset.
    return None


class Database:
    """A pool of one login. What a user asks runs in `transaction`, which sets role and claims."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool

    @classmethod
    async def connect(cls, url: str, *, size: int, statement_seconds: float = 30) -> Self:
        """Open a pool of at most `size` connections to `url`."""
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            init=prepare_connection,
            reset=_keep,
            server_settings={
                "application_name": "pourplan",
                "statement_timeout": str(int(statement_seconds * 1000)),
                "jit": "off",
                "standard_conforming_strings": "on",
            },
        )
        return cls(pool)

    async def close(self) -> None:
        """Close all connections, waiting shortly for those in use."""
        try:
            await asyncio.wait_for(self.pool.close(), timeout=5)
        except TimeoutError:
            self.pool.terminate()

    @contextlib.asynccontextmanager
    async def transaction(self, caller: Identity) -> AsyncIterator[Connection]:
        """Open a transaction in which row-level security sees the caller and nobody else."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(SET_CALLER, caller.claims, caller.tenant or "")
            yield connection

    @contextlib.asynccontextmanager
    async def reading(self, caller: Identity) -> AsyncIterator[Connection]:
        """Open the same for one statement that only reads, with as few trips to Postgres as there can be."""
        async with self.pool.acquire() as connection:
            await connection.execute(_begin_reading(caller))
            try:
                yield connection
            except BaseException:
                await connection.execute("rollback")
                raise
            await connection.execute("commit")


class Notices:
    """Listens on one channel and wakes whoever waits for a payload.

    A wake-up may be spurious or stand for several changes: who is woken looks for himself.
    """

    def __init__(self, url: str, channel: str) -> None:
        self._url = url
        self._channel = channel
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        connection = await self._listen()
        self._task = asyncio.create_task(self._stay_connected(connection))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @contextlib.contextmanager
    def subscribe(self, payload: str) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever `payload` is announced."""
        event = asyncio.Event()
        self._waiting[payload].add(event)
        try:
            yield event
        finally:
            self._waiting[payload].discard(event)
            if not self._waiting[payload]:
                del self._waiting[payload]

    async def _listen(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(
            self._url, server_settings={"application_name": "pourplan-notices"}
        )
        try:
            await connection.add_listener(self._channel, self._wake)
        except BaseException:
            connection.terminate()
            raise
        return connection

    def _wake(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        for event in self._waiting.get(str(payload), ()):
            event.set()

    def _wake_all(self) -> None:
        for events in self._waiting.values():
            for event in events:
                event.set()

    async def _stay_connected(self, connection: asyncpg.Connection) -> None:
        try:
            while True:
                lost = asyncio.Event()
                connection.add_termination_listener(lambda _connection, lost=lost: lost.set())
                await lost.wait()
                log.warning("notices_lost", channel=self._channel)
                connection = await self._reconnect()
                # Whatever was announced meanwhile was missed.
                self._wake_all()
        finally:
            await connection.close(timeout=2)

    async def _reconnect(self) -> asyncpg.Connection:
        delay = 0.1
        while True:
            try:
                return await self._listen()
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(delay)
                delay = min(delay * 2, 10)
