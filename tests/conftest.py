"""What all tests share: a Postgres of their own for each run of pytest."""

from collections.abc import AsyncIterator

import pytest

from api.embedded import EmbeddedPostgres, embedded
from tests.database import Connection, Ground, TemporaryDatabase, connected, short_folder


@pytest.fixture(scope="session")
async def postgres() -> AsyncIterator[EmbeddedPostgres]:
    """A server in a folder of its own, of the version that the product uses."""
    with short_folder() as folder:
        async with embedded(folder, durable=False) as server:
            yield server


@pytest.fixture(scope="session")
async def ground(postgres: EmbeddedPostgres) -> Ground:
    """The server with a migrated template: `async with ground.database()` gives a copy."""
    return await Ground.lay(postgres)


@pytest.fixture
async def database(ground: Ground) -> AsyncIterator[TemporaryDatabase]:
    """A fresh, migrated, empty database for one test."""
    async with ground.database() as fresh:
        yield fresh


@pytest.fixture(scope="module")
async def module_database(ground: Ground) -> AsyncIterator[TemporaryDatabase]:
    """A migrated database that the tests of one module share."""
    async with ground.database() as fresh:
        yield fresh


@pytest.fixture
async def admin(database: TemporaryDatabase) -> AsyncIterator[Connection]:
    """A connection of the superuser to the test's own database."""
    async with connected(database.admin_url) as connection:
        yield connection


@pytest.fixture
async def service(database: TemporaryDatabase) -> AsyncIterator[Connection]:
    """A connection of the service's login to the test's own database."""
    async with connected(database.api_url) as connection:
        yield connection


@pytest.fixture
async def jobs(database: TemporaryDatabase) -> AsyncIterator[Connection]:
    """A connection of the jobs' login to the test's own database."""
    async with connected(database.jobs_url) as connection:
        yield connection
