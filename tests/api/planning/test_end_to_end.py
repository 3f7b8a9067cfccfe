"""From the mutation to the result: the real dispatcher, a real worker process, the real database."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from api.dispatch import Dispatcher
from api.local_workers import WORKER
from api.settings import Settings
from tests.api.desk import Desk, desk_of, open_services
from tests.api.planning.test_forecast import CANCEL, FORECAST, RUN, queue
from tests.api.workbooks.test_graphql import IMPORT, SAMPLE, Uploaded
from tests.database import Plant, TemporaryDatabase

FOLLOW = """
subscription ($id: ID!) { runUpdates(runId: $id) {
  status attempt error { code message details }
  ... on ForecastRun { totalHeats scrapChef { grade heats } }
} }
"""


LATE_WORKER = (
    *(sys.executable, "-P", "-c"),
    "import runpy, time; time.sleep(1); runpy.run_module('solver_jobs', run_name='__main__')",
)
"""The worker, a second late: time enough to change one's mind."""


@pytest.fixture(params=[WORKER])
async def office(
    request: pytest.FixtureRequest, database: TemporaryDatabase, other_plant: Plant, tmp_path: Path
) -> AsyncIterator[Desk]:
    """The planner of a plant that knows nothing yet, in a service that runs jobs."""
    async with (
        Dispatcher(Settings(data=tmp_path), database.jobs_url, worker=request.param) as dispatcher,
        open_services(database, tmp_path, dispatcher) as services,
    ):
        yield desk_of(services, other_plant, "planner")


async def follow_to_the_end(desk: Desk, run_id: str) -> list[dict[str, Any]]:
    told = []
    async with asyncio.timeout(60):
        async for event in desk.follow(FOLLOW, id=run_id):
            assert event.errors is None, event.errors
            assert event.data is not None
            told.append(event.data["runUpdates"])
    return told


async def test_three_workbooks_become_scrap_chefs_september(office: Desk) -> None:
    for path in sorted(SAMPLE.glob("*.xlsx")):
        await office.ask(IMPORT, file=Uploaded(path.name, path.read_bytes()))
    told = await follow_to_the_end(office, await queue(office))
    assert told[0]["status"] in ("QUEUED", "RUNNING")
    assert (told[-1]["status"], told[-1]["attempt"], told[-1]["totalHeats"]) == ("SUCCEEDED", 1, 318)
    forecast = (await office.ask(FORECAST, month="2024-09"))["forecast"]
    groups = {row["productGroup"]["name"]: row["forecastHeats"] for row in forecast["groups"]}
    assert groups == {"Rebar": 232, "MBQ": 54, "SBQ": 10, "CHQ": 22}
    heats = {row["grade"]["name"]: row for row in forecast["heats"]}
    assert heats["B500B"]["heats"] >= heats["B500B"]["committedHeats"] == 11
    assert min(heats["C35"]["heats"], heats["C40"]["heats"]) >= 1
    assert sum(row["heats"] for row in forecast["scrapChef"]) == 318


@pytest.mark.parametrize("office", [LATE_WORKER], indirect=True)
async def test_a_cancelled_run_stays_cancelled_and_gives_its_place_to_the_next(office: Desk) -> None:
    for path in sorted(SAMPLE.glob("*.xlsx")):
        await office.ask(IMPORT, file=Uploaded(path.name, path.read_bytes()))
    run_id = (await office.ask(RUN, month="2024-09"))["runForecast"]["run"]["id"]
    payload = (await office.ask(CANCEL, id=run_id))["cancelRun"]
    assert payload["userErrors"] == []
    assert payload["run"]["status"] == "CANCELLED"
    assert [run["status"] for run in await follow_to_the_end(office, run_id)] == ["CANCELLED"]
    assert await office.ask(FORECAST, month="2024-09") == {"forecast": None}
    # The worker's place is free again.
    assert (await follow_to_the_end(office, await queue(office)))[-1]["status"] == "SUCCEEDED"
