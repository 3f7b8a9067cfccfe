"""What all tests share: a Postgres of their own for each run of pytest."""

import signal
from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

from api.embedded import EmbeddedPostgres
from tests.database import EVERY_VERSION, Connection, Ground, TemporaryDatabase, connected, server_of

# Begun in the background, pytest ignores Ctrl-C, and so would each command that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples each time; `--hypothesis-profile=default` draws others.
settings.register_profile("fixed", derandomize=True)
settings.load_profile("fixed")


@pytest.fixture(scope="session")
async def postgres() -> AsyncIterator[EmbeddedPostgres]:
    """A server in a folder of its own, of the version that the product uses."""
    async with server_of(18) as server:
        yield server


@pytest.fixture(scope="session", params=EVERY_VERSION, ids=lambda version: f"postgres{version}")
async def every_postgres(request: pytest.FixtureRequest) -> AsyncIterator[EmbeddedPostgres]:
    """A server of each major version that the SQL must run on and that is at hand."""
    async with server_of(request.param) as server:
        yield server


@pytest.fixture(scope="session")
async def ground(postgres: EmbeddedPostgres) -> Ground:
    """The server with a migrated template: `async with ground.database()` gives a copy."""
    return await Ground.lay(postgres)


@pytest.fixture(scope="session")
async def every_ground(every_postgres: EmbeddedPostgres) -> Ground:
    """The same on each major version at hand."""
    return await Ground.lay(every_postgres)


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
