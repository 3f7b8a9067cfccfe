"""Two plants with a member of each role, and desks at which they ask the schema."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.context import Services
from tests.api.desk import Desk, Postbox, desk_of, lay_out, open_services
from tests.database import Connection, Plant, TemporaryDatabase, add_plant


@pytest.fixture
async def plant(admin: Connection) -> Plant:
    """A melt shop with a little of everything."""
    plant = await add_plant(admin, "north")
    await lay_out(admin, plant)
    return plant


@pytest.fixture
async def other_plant(admin: Connection) -> Plant:
    """Another tenant, which knows nothing yet."""
    return await add_plant(admin, "south")


@pytest.fixture
def postbox() -> Postbox:
    """What was handed to the dispatcher."""
    return Postbox()


@pytest.fixture
async def services(database: TemporaryDatabase, tmp_path: Path, postbox: Postbox) -> AsyncIterator[Services]:
    """What the service lives on, with the postbox in the dispatcher's place."""
    async with open_services(database, tmp_path, postbox) as services:
        yield services


@pytest.fixture
def planner(services: Services, plant: Plant) -> Desk:
    return desk_of(services, plant, "planner")


@pytest.fixture
def viewer(services: Services, plant: Plant) -> Desk:
    return desk_of(services, plant, "viewer")


@pytest.fixture
def stranger(services: Services, other_plant: Plant) -> Desk:
    """An admin of the other plant."""
    return desk_of(services, other_plant, "admin")
