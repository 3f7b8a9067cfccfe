"""A service with small limits for the tests of this room."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.http.serving import LIMITS, Service, serving
from tests.api.http.shop import schema
from tests.database import TemporaryDatabase


@pytest.fixture(scope="module")
async def service(
    module_database: TemporaryDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """The small schema under small limits."""
    data: Path = tmp_path_factory.mktemp("data")
    async with serving(module_database, data, schema, **LIMITS) as running:
        yield running
