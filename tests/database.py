"""A database for tests: real Postgres, migrated once, copied for each test that asks for one."""

import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import asyncpg
import orjson
import pytest

from api import cluster
from api.database import SET_CALLER, prepare_connection
from api.embedded import EmbeddedPostgres, embedded
from api.migrations import migrate

Connection: TypeAlias = asyncpg.Connection

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
EVERY_VERSION = [
    pytest.param(
        15, marks=pytest.mark.skipif(not DEBIAN_15.exists(), reason="Debian's postgresql-15 is not installed")
    ),
    16,
    18,
]

ROLES = ("viewer", "operator", "planner", "admin")


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a short path that other accounts may be let into, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="pourplan-test-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def server_of(version: int) -> AsyncIterator[EmbeddedPostgres]:
    """A server of a major version, in a folder of its own; the package brings 16 and 18, Debian 15."""
    with short_folder() as folder, pytest.MonkeyPatch.context() as patch:
        if version == 15:
            patch.setitem(cluster._BINARIES, 15, str(DEBIAN_15))
        async with embedded(folder, version=version, durable=False) as server:
            yield server


@dataclass(frozen=True)
class TemporaryDatabase:
    """A migrated database of its own, and the URLs of those who use it."""

    server: EmbeddedPostgres
    name: str

    @property
    def admin_url(self) -> str:
        return self.server.url("postgres", self.name)

    @property
    def api_url(self) -> str:
        return self.server.url("pourplan_api", self.name)

    @property
    def jobs_url(self) -> str:
        return self.server.url("pourplan_jobs", self.name)


@dataclass(frozen=True)
class Ground:
    """A server with a migrated template database."""

    server: EmbeddedPostgres
    template: str

    @classmethod
    async def lay(cls, server: EmbeddedPostgres) -> "Ground":
        template = "migrated"
        await on_server(server, f'create database "{template}"')
        await migrate(server.url("postgres", template))
        return cls(server, template)

    @asynccontextmanager
    async def database(self) -> AsyncIterator[TemporaryDatabase]:
        """A fresh copy of the template, dropped afterwards whoever still uses it."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        # Without fsync, copying files is twice as fast as copying through the write-ahead log.
        copy = f'create database "{name}" template "{self.template}" strategy file_copy'
        await on_server(self.server, copy)
        try:
            yield TemporaryDatabase(self.server, name)
        finally:
            await on_server(self.server, f'drop database "{name}" with (force)')


@asynccontextmanager
async def empty_database(server: EmbeddedPostgres) -> AsyncIterator[TemporaryDatabase]:
    """A plain database without any migration, dropped afterwards."""
    name = f"empty_{uuid.uuid4().hex[:12]}"
    await on_server(server, f'create database "{name}"')
    try:
        yield TemporaryDatabase(server, name)
    finally:
        await on_server(server, f'drop database "{name}" with (force)')


async def on_server(server: EmbeddedPostgres, statement: str) -> None:
    """Run a statement that belongs to no database."""
    async with connected(server.url("postgres", "postgres")) as connection:
        await connection.execute(statement)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    """A connection on which JSON travels as Python values, as on the service's."""
    connection = await asyncpg.connect(url)
    try:
        await prepare_connection(connection)
        yield connection
    finally:
        await connection.close()


def claims(user: uuid.UUID | str | None, role: str = "authenticated") -> str:
    """The claims of a signed-in user as the service hands them to Postgres."""
    return orjson.dumps({"role": role} if user is None else {"sub": str(user), "role": role}).decode()


@asynccontextmanager
async def as_user(
    connection: Connection, user: uuid.UUID | str | None, tenant: uuid.UUID | str | None = None
) -> AsyncIterator[Connection]:
    """A transaction in which row-level security sees this user, by the service's own statement."""
    async with connection.transaction():
        await connection.execute(SET_CALLER, claims(user), str(tenant or ""))
        yield connection


@dataclass(frozen=True)
class Plant:
    """A tenant with one member of each role."""

    id: uuid.UUID
    slug: str
    members: dict[str, uuid.UUID]

    @property
    def viewer(self) -> uuid.UUID:
        return self.members["viewer"]

    @property
    def operator(self) -> uuid.UUID:
        return self.members["operator"]

    @property
    def planner(self) -> uuid.UUID:
        return self.members["planner"]

    @property
    def admin(self) -> uuid.UUID:
        return self.members["admin"]


async def add_plant(admin: Connection, slug: str = "plant") -> Plant:
    """Store a tenant with one member of each role; `admin` is a connection of the superuser."""
    tenant = await admin.fetchval(
        "insert into public.tenants (slug, name) values ($1, $1) returning id", slug
    )
    members = {role: await add_member(admin, tenant, role) for role in ROLES}
    return Plant(tenant, slug, members)


async def add_member(
    admin: Connection, tenant: uuid.UUID, role: str, user: uuid.UUID | None = None
) -> uuid.UUID:
    """Make a user, a new one unless told, a member of a tenant."""
    user = user or uuid.uuid4()
    await admin.execute(
        "insert into public.tenant_members (tenant_id, user_id, role) values ($1, $2, $3)", tenant, user, role
    )
    return user
