"""The service on a port of loopback, on a real database, in the test's own process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import strawberry
import uvicorn
from starlette.applications import Starlette

from api.app import create_app
from api.local_tenant import ensure_local_tenant
from api.services import open_services
from api.settings import Settings
from tests.database import TemporaryDatabase

LIMITS: dict[str, Any] = {
    "request_seconds": 0.5,
    "pool_size": 2,
    "max_body_bytes": 20_000,
    "max_upload_bytes": 100_000,
    "max_depth": 5,
    "max_aliases": 3,
    "max_tokens": 500,
    "max_subscriptions": 2,
}
"""Small ones, so that tests reach them soon."""


@dataclass(frozen=True)
class Service:
    """A running service and a client of it."""

    app: Starlette
    port: int
    http: httpx.AsyncClient

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    async def post(self, query: str, variables: Any = None, **headers: str) -> httpx.Response:
        accept = {"Accept": "application/graphql-response+json"}
        body = {"query": query, "variables": variables}
        return await self.http.post("/graphql", json=body, headers=accept | headers)

    async def ask(self, query: str, variables: Any = None) -> Any:
        return (await self.post(query, variables)).json()


def settings_for(database: TemporaryDatabase, data: Path, **limits: Any) -> Settings:
    """Settings of a service on a test's database."""
    return plain_settings(
        database_url=database.api_url, database_jobs_url=database.jobs_url, data=data, **limits
    )


def plain_settings(**given: Any) -> Settings:
    """Settings that no .env file has a say in."""
    return Settings(**({"_env_file": None} | given))


@asynccontextmanager
async def serving(
    database: TemporaryDatabase, data: Path, schema: strawberry.Schema | None = None, **limits: Any
) -> AsyncIterator[Service]:
    """Serve a schema on a migrated database."""
    await ensure_local_tenant(database.admin_url)
    settings = settings_for(database, data, **limits)
    app = create_app(settings, schema=schema, open_services=lambda s: open_services(s, exclusive=True))
    async with listening(app) as service:
        yield service


@asynccontextmanager
async def listening(app: Starlette) -> AsyncIterator[Service]:
    """Let an application listen on a free port."""
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            if task.done():
                raise RuntimeError("the service did not start")
            await asyncio.sleep(0.01)
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
                yield Service(app, port, client)
        finally:
            server.should_exit = True
            await task
