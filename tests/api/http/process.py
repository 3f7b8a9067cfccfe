"""The service as people start it: `pourplan serve` in a process of its own, on a data folder of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from tests.ports import free_port

SECONDS = 60.0
POURPLAN = Path(sys.executable).with_name("pourplan")


@dataclass(frozen=True)
class Serving:
    """A process, and where it is reached."""

    process: asyncio.subprocess.Process
    url: str
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged; its greeting is for people."""
        text = self.log.read_text()
        return [orjson.loads(line) for line in text.splitlines() if line.startswith("{")]

    async def stop(self, how: int = signal.SIGTERM) -> int:
        """End it, and give its exit code."""
        self.process.send_signal(how)
        return await asyncio.wait_for(self.process.wait(), SECONDS)


def environment(data: Path, **settings: str) -> dict[str, str]:
    """This process' environment without its own settings of Pourplan."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("POURPLAN_", "DATABASE_"))
    }
    return kept | {"POURPLAN_DATA": str(data), "COLUMNS": "200"} | settings


async def run(data: Path, *arguments: str, **settings: str) -> tuple[int, str]:
    """Run a command to its end; its exit code, and all that it wrote."""
    process = await asyncio.create_subprocess_exec(
        POURPLAN,
        *arguments,
        cwd=data,
        env=environment(data, **settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    written, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode is not None
    return process.returncode, written.decode()


@asynccontextmanager
async def serving_process(data: Path, **settings: str) -> AsyncIterator[Serving]:
    """Serve, from the time at which the service is ready."""
    port = free_port()
    log = data / "service.log"
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            POURPLAN, "serve", "--port", str(port), cwd=data, env=environment(data, **settings), stderr=file
        )
    serving = Serving(process, f"http://127.0.0.1:{port}", log)
    try:
        await _ready(serving)
        yield serving
    finally:
        if process.returncode is None:
            await serving.stop()


async def _ready(serving: Serving) -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(SECONDS):
        while True:
            assert serving.process.returncode is None, serving.log.read_text()
            try:
                if (await client.get(f"{serving.url}/health/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)
