"""The limit: a bare Starlette route that runs the very statement of each query and hands its bytes on.

    python -m bench.graphql_peers.bare PORT SETTINGS

No GraphQL, no checks, no metrics: what remains is HTTP, one transaction and Postgres.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import uvicorn
from graphql import parse
from graphql.execution.collect_fields import collect_fields
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.auth import LOCAL_IDENTITY
from api.database import Database
from api.reads.compile import Root
from api.reads.execute import ReadingExecutor
from api.schema import reads, schema


def compiled(query: str, variables: dict[str, Any]) -> tuple[str, str, list[Any]]:
    """Give the key, the statement and the parameters of the only field that a query asks for."""
    executor = ReadingExecutor.build(schema._schema, parse(query), raw_variable_values=variables)
    assert isinstance(executor, ReadingExecutor), executor
    root_type = schema._schema.query_type
    assert root_type is not None
    selection = executor.selection
    fields = collect_fields(
        selection.schema, selection.fragments, selection.variables, root_type, selection.operation
    )
    ((key, details),) = fields.grouped_field_set.items()
    field = root_type.fields[details[0].node.name.value]
    assert field.resolve is not None
    ask = field.resolve(None, None, **selection.arguments(field, details))
    root = Root(ask.wanted, field, reads.values(ask))
    statement = reads.statement(selection, root, details)
    assert statement is not None, query
    return key, statement.text, statement.parameters.fill(selection, root.values)


def application(settings: dict[str, Any]) -> Starlette:
    """Make the route."""
    known = {name: compiled(one["query"], one["variables"]) for name, one in settings["queries"].items()}
    opened: dict[str, Database] = {}

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        opened["database"] = await Database.connect(settings["url"], size=settings["pool"])
        yield
        await opened["database"].close()

    async def answer(request: Request) -> Response:
        key, text, values = known[orjson.loads(await request.body())["operationName"]]
        found = await opened["database"].read(LOCAL_IDENTITY, text, values)
        return Response(b'{"data":{"%s":%s}}' % (key.encode(), found), media_type="application/json")

    return Starlette(routes=[Route("/graphql", answer, methods=["POST"])], lifespan=lifespan)


if __name__ == "__main__":
    uvicorn.run(
        application(json.loads(sys.argv[2])), port=int(sys.argv[1]), access_log=False, log_level="warning"
    )
