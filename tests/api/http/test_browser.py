"""A real browser, without any network but loopback, opens the playground of a running service."""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.api.http.process import Serving, run, serving_process
from tests.api.http.serving import listening
from tests.api.http.test_playground import fetched
from tests.database import short_folder
from tests.peers.chromium import Page, chromium

__all__ = ["fetched"]

SAMPLES = Path(__file__).parents[3] / "data" / "sample"
SHOTS = os.environ.get("POURPLAN_SCREENSHOTS")
"""Folder in which the pictures are kept; a temporary one unless told."""
RUN = "button.graphiql-execute-button"
ANSWER = "document.querySelector('.result-window .CodeMirror')?.CodeMirror.getValue() ?? ''"
QUERY = "document.querySelector('.graphiql-query-editor .CodeMirror')?.CodeMirror.getValue() ?? ''"
TAB = "document.querySelector('.graphiql-tab-active')?.innerText.trim()"
TABS = "[...document.querySelectorAll('.graphiql-tab')].map((tab) => tab.innerText.trim())"
pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("fetched")]


@pytest.fixture
async def empty() -> AsyncIterator[Serving]:
    """A service without any data."""
    with short_folder() as data:
        async with serving_process(data) as serving:
            yield serving


@pytest.fixture
async def plant() -> AsyncIterator[Serving]:
    """A service with the sample plant and its forecast, as `make run` serves it."""
    with short_folder() as data:
        code, written = await run(data, "demo")
        assert code == 0, written
        async with serving_process(data) as serving:
            yield serving


@pytest.fixture
async def foundry() -> AsyncIterator[Serving]:
    """A service with nothing but a foundry, not yet planned."""
    with short_folder() as data:
        code, written = await run(data, "import", str(SAMPLES / "foundry.json"))
        assert code == 0, written
        async with serving_process(data) as serving:
            yield serving


async def shoot(page: Page, tmp_path: Path, name: str) -> None:
    """Keep what is seen; a page that shows nothing makes a picture that weighs next to nothing."""
    folder = Path(SHOTS) if SHOTS else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / f"{name}.png"
    await page.screenshot(picture)
    assert picture.stat().st_size > 30_000


async def turn_to(page: Page, number: int, name: str) -> None:
    """Turn to a tab of the editor, and wait until the editor knows what it holds."""
    await page.click(f".graphiql-tab:nth-child({number}) button")
    await page.wait_for(TAB, lambda shown: shown == name)
    await page.wait_for(QUERY, lambda text: name in text)


async def answered(page: Page, field: str) -> dict[str, object]:
    """Run the query that is shown, and give its answer."""
    await page.wait_for(QUERY, lambda text: field in text)
    await page.click(RUN)
    text = await page.wait_for(ANSWER, lambda shown: field in shown)
    answer = orjson.loads(text)
    assert "errors" not in answer, answer
    return dict(answer["data"][field])


async def test_the_forecast_is_on_the_page(plant: Serving, tmp_path: Path) -> None:
    async with chromium() as page:
        await page.open(plant.url)
        forecast = await answered(page, "forecast")
        assert forecast["totalHeats"] == 318
        # Not only in the editor's memory: on the screen.
        shown = await page.wait_for(
            "document.querySelector('.result-window').innerText", lambda t: "318" in t
        )
        assert "Rebar" in shown
        await page.wait_for("document.getElementById('plant').innerText", lambda t: "2 runs" in t)
        await shoot(page, tmp_path, "forecast")
        assert page.complaints == []
        assert {url.split("/")[2] for url in page.urls if url.startswith("http")} == {plant.url.split("/")[2]}


async def test_workbooks_are_dropped_a_forecast_is_run_and_followed(empty: Serving, tmp_path: Path) -> None:
    async with chromium() as page:
        await page.open(empty.url)
        await page.wait_for("document.getElementById('plant').innerText", lambda t: "No workbook" in t)
        await shoot(page, tmp_path, "empty")
        await page.choose_files("#files", *sorted(SAMPLES.glob("*.xlsx")))
        report = "document.getElementById('report').innerText"
        await page.wait_for(report, lambda text: text.count("rows stored") == 3)
        await page.wait_for("document.getElementById('plant').innerText", lambda t: "no forecast yet" in t)
        await shoot(page, tmp_path, "imported")
        await page.click("#report > button")

        await turn_to(page, 2, "RunForecast")
        started = await answered(page, "runForecast")
        assert started["userErrors"] == []
        run_id = started["run"]["id"]  # type: ignore[index]
        assert base64.b64decode(run_id).startswith(b"ForecastRun:")

        await turn_to(page, 3, "FollowRun")
        await page.evaluate(
            "(() => { const editor = document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror;"
            f' editor.setValue(editor.getValue().replace("put the run\'s id here", {run_id!r})) }})()'
        )
        await page.click(RUN)
        await page.wait_for(ANSWER, lambda text: "SUCCEEDED" in text)
        await shoot(page, tmp_path, "followed")

        await turn_to(page, 1, "Forecast")
        assert (await answered(page, "forecast"))["totalHeats"] == 318
        assert page.complaints == []


async def test_a_foundry_alone_finds_its_replan_first(foundry: Serving, tmp_path: Path) -> None:
    async with chromium() as page:
        await page.open(foundry.url)
        told = await page.wait_for("document.getElementById('plant').innerText", lambda t: "scenario" in t)
        assert told.startswith("1 foundry scenario, no plan yet: plan a Monday in the tab Scenarios.")
        await page.wait_for(QUERY, lambda text: "mutation ReplanMonday" in text)
        await page.wait_for(
            TABS, lambda names: names == ["Scenarios", "FollowRun", "Forecast", "RunForecast"]
        )
        await shoot(page, tmp_path, "foundry")
        assert page.complaints == []


ATTACK = """
    const service = "127.0.0.1:" + location.hash.slice(1);
    const tries = [
      fetch(`http://${service}/graphql?query={__typename}`, {mode: "no-cors"}),
      fetch(`http://${service}/graphql`, {method: "POST", body: "{}", mode: "no-cors"}),
      fetch(`http://${service}/graphql?query={__typename}`),
    ];
    const socket = new WebSocket(`ws://${service}/graphql`, "graphql-transport-ws");
    const opened = new Promise((tell) => {
      socket.onopen = () => tell("opened");
      socket.onerror = () => tell("refused");
    });
    window.outcome = Promise.all([
      Promise.allSettled(tries).then((all) => all.map((one) => one.status)), opened,
    ]);
"""


async def test_a_page_elsewhere_reaches_nothing(empty: Serving) -> None:
    """What the checks of Host and Origin are for, as a browser really behaves: a page on another port."""

    async def attack(_: Request) -> Response:
        return HTMLResponse(f"<script>{ATTACK}</script>")

    async with listening(Starlette(routes=[Route("/", attack)])) as elsewhere, chromium() as page:
        await page.open(f"{elsewhere.url}/#{empty.url.rpartition(':')[2]}")
        statuses, socket = await page.evaluate("window.outcome")
    assert socket == "refused"
    assert statuses[2] == "rejected"
    asked = [line for line in empty.lines() if line["event"] == "request" and line["path"] == "/graphql"]
    assert [line["status"] for line in asked] == [403, 403, 403]
    assert not [line for line in empty.lines() if line["event"] == "operation"]
