"""A look at the queue: runs are handed over in their order, and many that wait hold nothing up."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

import asyncpg
import pytest

from solver_jobs.calls import QueuedRun
from solver_jobs.handing_over import HandingOver
from solver_jobs.queue import DirectQueue
from tests.database import Connection
from tests.solver_jobs.shop import Shop

MANY = 12


@dataclass
class FullHouse:
    """Those who run jobs take all that they are given, start none of it, and answer when all are asked."""

    asked: asyncio.Barrier
    over: set[str] = field(default_factory=set)
    begun: list[QueuedRun] = field(default_factory=list)

    async def begin(self, run: QueuedRun) -> str | None:
        self.begun.append(run)
        return f"fc-{len(self.begun)}"

    async def has_ended(self, run: QueuedRun) -> bool:
        async with asyncio.timeout(30):
            await self.asked.wait()
        return run.call_id in self.over

    async def cancel(self, call_id: str) -> None:
        raise AssertionError(call_id)

    async def drop(self, call_ids: Collection[str]) -> None:
        assert not call_ids

    async def close(self) -> None:
        return None


@pytest.fixture
def queue(jobs: Connection) -> DirectQueue:
    assert isinstance(jobs, asyncpg.Connection)
    return DirectQueue(jobs)


async def test_calls_are_asked_for_side_by_side(shop: Shop, queue: DirectQueue) -> None:
    asked = [await shop.queue({"n": number}) for number in range(MANY)]
    house = FullHouse(asyncio.Barrier(MANY))
    handing_over = HandingOver(queue, house, max_attempts=3)
    assert await handing_over.start(await handing_over.look(), thorough=False) == MANY
    assert [run.run_id for run in house.begun] == asked

    late = await shop.queue({"n": MANY})
    assert await handing_over.start(await handing_over.look(), thorough=True) == 1
    assert house.begun[-1].run_id == late


async def test_a_call_that_is_over_is_handed_over_again_in_its_place(shop: Shop, queue: DirectQueue) -> None:
    first, second = [await shop.queue({"n": number}) for number in range(2)]
    house = FullHouse(asyncio.Barrier(2), over={"fc-2"})
    handing_over = HandingOver(queue, house, max_attempts=3)
    await handing_over.start(await handing_over.look(), thorough=True)
    late = await shop.queue({"n": 2})
    await handing_over.start(await handing_over.look(), thorough=True)
    assert [run.run_id for run in house.begun] == [first, second, second, late]


async def test_what_has_a_call_is_left_alone_unless_one_looks_thoroughly(
    shop: Shop, queue: DirectQueue
) -> None:
    await shop.queue({"n": 0})
    house = FullHouse(asyncio.Barrier(99))
    handing_over = HandingOver(queue, house, max_attempts=3)
    for _ in range(3):
        await handing_over.start(await handing_over.look(), thorough=False)
    assert len(house.begun) == 1
