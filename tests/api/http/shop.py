"""A small schema whose fields do what a service must stand: wait, fail, take files, tell in a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import cast

import strawberry
from starlette.datastructures import UploadFile
from strawberry.file_uploads import Upload
from strawberry.schema.config import StrawberryConfig

from api.context import Info
from api.relay import UserMistake, bad_request
from api.scalars import SCALARS, Month

SECRET = "the recipe of alloy 7"


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "hi"

    @strawberry.field
    def echo(self, number: int = 1) -> int:
        return number

    @strawberry.field
    def month(self, month: Month) -> Month:
        return month

    @strawberry.field
    def again(self) -> Query:
        return Query()

    @strawberry.field
    async def wait(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "done"

    @strawberry.field
    async def wait_in_database(self, info: Info, seconds: float) -> str:
        async with info.context.transaction() as connection:
            await connection.execute("select pg_sleep($1)", seconds)
        return "done"

    @strawberry.field
    async def tenant(self, info: Info) -> str:
        async with info.context.transaction() as connection:
            return str(await connection.fetchval("select slug from tenants where id = current_tenant_id()"))

    @strawberry.field
    async def peek(self, info: Info) -> str:
        async with info.context.transaction() as connection:
            return str(await connection.fetchval("select count(*) from plan_run_leases"))

    @strawberry.field
    def fail(self) -> str | None:
        raise RuntimeError(SECRET)

    @strawberry.field
    def forget(self) -> str:
        return cast(str, None)

    @strawberry.field
    def overflow(self) -> int | None:
        return 2**40

    @strawberry.field
    def refuse(self) -> str | None:
        raise bad_request("No such thing.", "NO_SUCH_THING", hint="Ask for another.")

    @strawberry.field
    def mistake(self) -> str | None:
        raise UserMistake("ODD", "The number is odd.", path=["number"], hint="Take an even one.")


@strawberry.type
class Mutation:
    @strawberry.mutation
    def note(self, text: str) -> str:
        return text

    @strawberry.mutation
    async def weigh(self, files: list[Upload]) -> list[int]:
        return [len(await cast(UploadFile, file).read()) for file in files]


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int, None]:
        for number in range(1, to + 1):
            yield number
            await asyncio.sleep(0.01)

    @strawberry.subscription
    async def hang(self) -> AsyncGenerator[str, None]:
        yield "here"
        await asyncio.sleep(60)

    @strawberry.subscription
    async def break_down(self) -> AsyncGenerator[int, None]:
        yield 1
        raise RuntimeError(SECRET)


schema = strawberry.Schema(Query, Mutation, Subscription, config=StrawberryConfig(scalar_map=SCALARS))
