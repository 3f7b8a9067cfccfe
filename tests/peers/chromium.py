"""Debian's Chromium without a window, driven over its own DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

NAMES = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 30.0
ARGUMENTS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    # Every name and address but loopback is unknown to it, as on a plant's closed network.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--window-size=1400,1000",
)


class Page:
    """A page of the browser."""

    def __init__(self, connection: ClientConnection, session: str) -> None:
        self._connection = connection
        self._session = session
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.urls: list[str] = []
        """What the page has asked the network for."""
        self.complaints: list[str] = []
        """Errors of scripts, of the console, of the security policy."""

    async def command(self, method: str, **params: Any) -> Any:
        """Send a command and give its answer."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "sessionId": self._session, "method": method, "params": params}
        await self._connection.send(orjson.dumps(message).decode())
        return await asyncio.wait_for(answer, SECONDS)

    async def listen(self) -> None:
        """Take what the browser says until it ends."""
        async for frame in self._connection:
            message = orjson.loads(frame)
            if message.get("sessionId") != self._session:
                continue
            if "id" in message:
                self._answer(message)
            else:
                self._note(message["method"], message["params"])

    def _answer(self, message: dict[str, Any]) -> None:
        answer = self._answers.pop(message["id"])
        if "error" in message:
            answer.set_exception(RuntimeError(message["error"]["message"]))
        else:
            answer.set_result(message["result"])

    def _note(self, event: str, params: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.urls.append(params["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif event == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(params["entry"]["text"])

    async def open(self, url: str) -> None:
        """Go to an address, and wait until all of it is there."""
        for domain in ("Network", "Runtime", "Log", "Page", "DOM"):
            await self.command(f"{domain}.enable")
        await self.command("Page.navigate", url=url)
        await self.wait_for("location.href !== 'about:blank' && document.readyState === 'complete'")

    async def evaluate(self, expression: str) -> Any:
        """Give the value of an expression in the page."""
        answer = await self.command(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def wait_for(self, expression: str, until: Callable[[Any], Any] = bool) -> Any:
        """Wait until the value of an expression is as wanted, and give it."""
        found: Any = None
        try:
            async with asyncio.timeout(SECONDS):
                while not until(found := await self.evaluate(expression)):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{expression} stayed {found!r}; complaints: {self.complaints}") from None
        return found

    async def click(self, selector: str) -> None:
        """Click an element as a person does: with the mouse, once it is in place and nothing covers it."""
        place, before = await self._place_of(selector), None
        while place != before:
            await asyncio.sleep(0.1)
            place, before = await self._place_of(selector), place
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            await self.command(
                "Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1
            )

    async def _place_of(self, selector: str) -> Any:
        quoted = orjson.dumps(selector).decode()
        return await self.wait_for(
            f"""(() => {{
                const element = document.querySelector({quoted}), box = element?.getBoundingClientRect();
                if (!box?.width) return null;
                const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
                return element.contains(document.elementFromPoint(x, y)) ? [x, y] : null;
            }})()"""
        )

    async def choose_files(self, selector: str, *files: Path) -> None:
        """Choose files in a file field."""
        document = await self.command("DOM.getDocument")
        field = await self.command("DOM.querySelector", nodeId=document["root"]["nodeId"], selector=selector)
        names = [str(file.resolve()) for file in files]
        await self.command("DOM.setFileInputFiles", nodeId=field["nodeId"], files=names)

    async def screenshot(self, file: Path) -> None:
        """Store what is seen."""
        shot = await self.command("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(shot["data"]))


@asynccontextmanager
async def chromium() -> AsyncIterator[Page]:
    """Give an empty page of a fresh browser; skip the test where there is none."""
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        pytest.skip("chromium is not installed")
    profile = Path(tempfile.mkdtemp(prefix="pourplan-chromium-"))
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
    process = await asyncio.create_subprocess_exec(
        executable,
        *ARGUMENTS,
        *sandbox,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        address = await _devtools(process, profile / "DevToolsActivePort")
        async with websockets.connect(address, max_size=None) as connection:
            page = Page(connection, await _attach(connection))
            listening = asyncio.create_task(page.listen())
            yield page
            listening.cancel()
    finally:
        process.terminate()
        await process.wait()
        shutil.rmtree(profile, ignore_errors=True)


async def _devtools(process: asyncio.subprocess.Process, told: Path) -> str:
    async with asyncio.timeout(SECONDS):
        while not told.exists() or "\n" not in told.read_text():
            assert process.returncode is None, f"chromium ended with {process.returncode}"
            await asyncio.sleep(0.05)
    port, path = told.read_text().split("\n", 1)
    return f"ws://127.0.0.1:{port}{path.strip()}"


async def _attach(connection: ClientConnection) -> str:
    async def ask(number: int, method: str, **params: Any) -> Any:
        await connection.send(orjson.dumps({"id": number, "method": method, "params": params}).decode())
        while True:
            message = orjson.loads(await asyncio.wait_for(connection.recv(), SECONDS))
            if message.get("id") == number:
                return message["result"]

    target = await ask(1, "Target.createTarget", url="about:blank")
    attached = await ask(2, "Target.attachToTarget", targetId=target["targetId"], flatten=True)
    return str(attached["sessionId"])
