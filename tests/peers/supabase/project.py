"""A project: its database with our migrations, its server, and the people who sign up there."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import jwt

import supabase
from api.embedded import EmbeddedPostgres
from api.migrations import migrate
from supabase import AsyncClient, AsyncClientOptions
from tests.database import Connection, Plant, TemporaryDatabase, add_member, connected, empty_database
from tests.peers.supabase.server import Told, serving
from tests.ports import free_port
from tests.tcp_door import DatabaseDoor, tcp_door

PASSWORD = "correct horse battery staple"
_HERE = Path(__file__).parent
# The server makes these itself, and stumbles over those that are there.
_BEFORE_START = "drop function if exists auth.uid(), auth.role(), auth.email(), auth.jwt()"


@dataclass(frozen=True)
class Person:
    """Somebody who signed up and in."""

    id: uuid.UUID
    email: str
    client: AsyncClient
    token: str = field(repr=False)


@dataclass(frozen=True)
class SupabaseProject:
    """A project on loopback, migrated by its owner, who is no superuser."""

    url: str
    publishable_key: str
    secret_key: str
    jwt_secret: str
    database: TemporaryDatabase
    door: DatabaseDoor
    http: httpx.AsyncClient

    async def anonymous(self) -> AsyncClient:
        """A client that nobody signed in with."""
        return await self._client(self.publishable_key)

    async def service(self) -> AsyncClient:
        """A client with the secret key: a server of ours."""
        return await self._client(self.secret_key)

    async def sign_up(self, name: str = "person") -> Person:
        """Somebody new, with a client that is signed in."""
        email = f"{name}-{uuid.uuid4().hex[:8]}@example.com"
        await (await self.anonymous()).auth.sign_up({"email": email, "password": PASSWORD})
        return await self.sign_in(email)

    async def sign_in(self, email: str) -> Person:
        """Somebody who signed up before, with a client of their own."""
        client = await self.anonymous()
        answer = await client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
        assert answer.user is not None
        assert answer.session is not None
        return Person(uuid.UUID(answer.user.id), email, client, answer.session.access_token)

    async def member(self, plant: Plant, role: str) -> Person:
        """Somebody new who belongs to a tenant."""
        person = await self.sign_up(role)
        async with connected(self.database.admin_url) as admin:
            await add_member(admin, plant.id, role, person.id)
        return person

    def minted(self, **claims: object) -> str:
        """A token signed with the project's secret that says what is claimed."""
        now = int(time.time())
        usual = {
            "iss": f"{self.url}/auth/v1",
            "aud": "authenticated",
            "role": "authenticated",
            "iat": now,
            "exp": now + 600,
        }
        return jwt.encode({**usual, **claims}, self.jwt_secret, algorithm="HS256")

    async def _client(self, key: str) -> AsyncClient:
        # With one's own HTTP client the package does not warn of the parameters that it passes itself.
        options = AsyncClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=self.http)
        return await supabase.acreate_client(self.url, key, options)


@asynccontextmanager
async def supabase_project(server: EmbeddedPostgres, folder: Path) -> AsyncIterator[SupabaseProject]:
    """Run a project of its own on a Postgres server."""
    async with empty_database(server) as database, tcp_door(database) as door:
        told = Told(
            port=free_port(),
            database=door.url("lite_login"),
            jwt_secret=f"a secret of the tests {uuid.uuid4().hex}",
            publishable_key=f"sb_publishable_{uuid.uuid4().hex}",
            secret_key=f"sb_secret_{uuid.uuid4().hex}",
        )
        async with connected(database.admin_url) as admin:
            await admin.execute((_HERE / "platform.sql").read_text())
            await admin.execute(_BEFORE_START)
            async with serving(told, folder):
                await admin.execute((_HERE / "after_start.sql").read_text())
                await migrate(server.url("project_owner", database.name))
                await _stays_no_superuser(admin)
            # The server knows the tables that it found when it started.
            async with serving(told, folder), httpx.AsyncClient(timeout=60) as http:
                await admin.execute((_HERE / "after_start.sql").read_text())
                yield SupabaseProject(
                    f"http://127.0.0.1:{told.port}",
                    told.publishable_key,
                    told.secret_key,
                    told.jwt_secret,
                    database,
                    door,
                    http,
                )


async def _stays_no_superuser(admin: Connection) -> None:
    owner = await admin.fetchval(
        "select rolname::text from pg_class join pg_roles on pg_roles.oid = relowner"
        " where pg_class.oid = 'public.plan_runs'::regclass and not rolsuper"
    )
    assert owner == "project_owner"
