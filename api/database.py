"""Postgres as the service sees it: a pool, transactions that carry the caller's claims, notifications."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeAlias

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


AS_CALLER = """
select case when concat(
    set_config('transaction_read_only', 'on', true),
    set_config('request.jwt.claims', ${claims}, true),
    set_config('pourplan.tenant', ${tenant}, true)
) is not null then ({statement}) end
"""
"""One statement in place of a transaction of several: CASE evaluates its condition first, the value after it.
Were it not so, row-level security would find no caller and show nothing."""


@functools.lru_cache(maxsize=1024)
def _as_caller(statement: str, parameters: int) -> str:
    return AS_CALLER.format(claims=parameters + 1, tenant=parameters + 2, statement=statement)


async def prepare_connection(connection: asyncpg.Connection) -> None:
    """Let `json` and `jsonb` travel as Python values."""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=lambda v: orjson.dumps(v).decode(), decoder=orjson.loads
        )


async def _prepare_for_callers(connection: asyncpg.Connection) -> None:
    """Let a connection of the pool be anybody's: who has a role but no claims sees nothing."""
    await prepare_connection(connection)
    # A plan holds for the role it was made for, so a statement that sets it comes too late for itself.
    await connection.execute("set role authenticated")


async def _keep(_: asyncpg.Connection) -> None:
    # Whatever a request sets is local to its transaction: nothing is left to reset.
    return None


def reason_of(error: BaseException) -> str:
    """Tell why a login does not get in, without the password that its address may hold."""
    if isinstance(error, ValueError) and not isinstance(error, asyncpg.InterfaceError):
        # An address that is taken apart in the wrong place tells pieces of the password.
        return "the address can't be read; in its password, all but letters and digits is written like %2F"
    return f"{type(error).__name__}: {str(error).rstrip('.') or 'no answer in time'}"


class Database:
    """A pool of one login. What a user asks runs in `transaction` or `read`, which set the claims."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool

    @classmethod
    async def connect(cls, url: str, *, size: int, statement_seconds: float = 30) -> Self:
        """Open a pool of at most `size` connections to `url`."""
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            init=_prepare_for_callers,
            reset=_keep,
            server_settings={
                "application_name": "pourplan",
                "statement_timeout": str(int(statement_seconds * 1000)),
                "jit": "off",
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

    async def read(self, caller: Identity, statement: str, parameters: Sequence[Any]) -> Any:
        """Give the only value of a statement that only reads, in a single trip to Postgres.

        Parameters
        ----------
        caller
            Whom row-level security sees.
        statement
            A `select` of one value, of one row at most; None without any.
        """
        text = _as_caller(statement, len(parameters))
        async with self.pool.acquire() as connection:
            return await connection.fetchval(text, *parameters, caller.claims, caller.tenant or "")

    @contextlib.asynccontextmanager
    async def own(self) -> AsyncIterator[Connection]:
        """Open a transaction with the rights of the service's own login."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("set local role none")
            yield connection


class Notices:
    """Listens on one channel and wakes whoever waits for a payload.

    A wake-up may be spurious or stand for several changes: who is woken looks for himself.

    Parameters
    ----------
    silent_seconds
        How long its connection is believed in without a word: a network may forget one and tell neither end.
    answer_seconds
        How long Postgres may take to answer on it.
    """

    def __init__(
        self, url: str, channel: str, *, silent_seconds: float = 30, answer_seconds: float = 10
    ) -> None:
        self._url = url
        self._channel = channel
        self._silent_seconds = silent_seconds
        self._answer_seconds = answer_seconds
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._connection: asyncpg.Connection | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._connection = await self._listen()
        self._task = asyncio.create_task(self._stay_connected(self._connection))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._connection:
            # A polite end would wait for an answer that may never come.
            self._connection.terminate()

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
            self._url,
            command_timeout=self._answer_seconds,
            server_settings={"application_name": "pourplan-notices"},
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
        while True:
            reason = await self._until_lost(connection)
            connection.terminate()
            log.warning("notices_lost", channel=self._channel, reason=reason)
            self._connection = connection = await self._reconnect()
            # Whatever was announced meanwhile was missed.
            self._wake_all()

    async def _until_lost(self, connection: asyncpg.Connection) -> str:
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(lost.wait(), self._silent_seconds)
                return "closed"
            try:
                await connection.execute("select 1")
            except Exception as error:
                return reason_of(error)

    async def _reconnect(self) -> asyncpg.Connection:
        delay = 0.1
        while True:
            try:
                return await self._listen()
            except Exception as error:
                # Whatever it is, a service that hears nothing any more is worse than another try.
                log.warning("notices_unheard", channel=self._channel, reason=reason_of(error))
                await asyncio.sleep(delay)
                delay = min(delay * 2, 10)
