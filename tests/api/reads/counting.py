"""Counts the statements that an answer takes."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.api.desk import POOL_SIZE, Desk


@dataclass
class Counting:
    """The texts of the statements that were run, without BEGIN and COMMIT."""

    texts: list[str] = field(default_factory=list)

    def note(self, record: Any) -> None:
        if record.query.strip(" ;").upper() not in ("BEGIN", "COMMIT", "ROLLBACK"):
            self.texts.append(record.query)


@asynccontextmanager
async def counting_statements(desk: Desk) -> AsyncIterator[Counting]:
    """Count all statements of a desk's pool meanwhile, as asyncpg tells them."""
    counting = Counting()
    pool = desk.services.database.pool
    async with AsyncExitStack() as stack:
        everybody = [await stack.enter_async_context(pool.acquire()) for _ in range(POOL_SIZE)]
        for connection in everybody:
            connection.add_query_logger(counting.note)
    yield counting
    async with AsyncExitStack() as stack:
        everybody = [await stack.enter_async_context(pool.acquire()) for _ in range(POOL_SIZE)]
        for connection in everybody:
            connection.remove_query_logger(counting.note)
