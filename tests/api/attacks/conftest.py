"""Two plants with something of everything, of which one is attacked from the other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.context import Services
from tests.api.attacks.plants import Victim, lay_out_both
from tests.api.desk import open_services
from tests.database import TemporaryDatabase


@pytest.fixture(scope="module")
async def services(
    module_database: TemporaryDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Services]:
    folder: Path = tmp_path_factory.mktemp("data")
    async with open_services(module_database, folder) as services:
        yield services


@pytest.fixture(scope="module")
async def sides(services: Services, module_database: TemporaryDatabase) -> tuple[Victim, Victim]:
    """Who is attacked, and who attacks."""
    return await lay_out_both(services, module_database)
