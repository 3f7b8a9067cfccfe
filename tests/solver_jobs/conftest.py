"""A melt shop with its runs, for the tests of jobs."""

import pytest

from tests.database import Connection, TemporaryDatabase
from tests.solver_jobs.shop import Shop


@pytest.fixture
async def shop(database: TemporaryDatabase, admin: Connection) -> Shop:
    """The plant whose figures are published, in a database of its own."""
    return await Shop.open(database, admin)
