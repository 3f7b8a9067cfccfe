"""A shop whose runs go to the counterpart of Modal: the real client deploys, the dispatcher spawns."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import modal
import pytest

from api.dispatch import Dispatcher
from api.settings import Settings
from solver_jobs.app import APP, SECRET
from solver_jobs.environment import DOOR, Door
from solver_jobs.modal_calls import ModalCalls
from tests.database import Connection, TemporaryDatabase
from tests.peers.modal.peer import ModalPeer
from tests.solver_jobs import paused_worker
from tests.solver_jobs.shop import Shop
from tests.tcp_door import tcp_door

ROOT = Path(__file__).parents[3]
LEASE_SECONDS = 2

# Runs in a container before Modal's runtime: the step at which the first of them is held.
_HOLD = """
import sys; sys.path.append({tests!r})
from pathlib import Path
import paused_worker; paused_worker.hold({step!r}, Path({folder!r}))
"""


async def deploy(peer: ModalPeer, door: Door | None = None, *, root: Path = ROOT) -> tuple[int, str]:
    """Run `modal deploy`; its exit code, and what it said."""
    chosen = {} if door is None else {DOOR: door.value}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "modal", "deploy", "-m", "solver_jobs.app"),
        cwd=root,
        env=os.environ | peer.environment | chosen,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


@asynccontextmanager
async def signed_in(peer: ModalPeer) -> AsyncIterator[None]:
    """Let Modal's client in this process talk to the counterpart."""
    from modal.client import Client

    with pytest.MonkeyPatch.context() as patch:
        for name, value in peer.environment.items():
            patch.setenv(name, value)
        # The client is one for the whole process, and this peer is of one test.
        patch.setattr("modal.client._Client._client_from_env", None)
        client = await Client.from_env.aio()
        try:
            yield
        finally:
            await client.close.aio()


def calls_of(app: str) -> ModalCalls:
    """What hands runs to a deployed app, without tokens."""
    return ModalCalls(lambda kind: modal.Function.from_name(app, kind.lower()))


@dataclass
class Hosted:
    """A shop whose runs go to Modal."""

    shop: Shop
    peer: ModalPeer
    folder: Path

    def hold(self, step: str) -> None:
        """Hold the first container that comes to a step."""
        tests = str(Path(paused_worker.__file__).parent)
        self.folder.mkdir()
        self.peer.plane.prelude = _HOLD.format(tests=tests, step=step, folder=str(self.folder))

    def lease_for_long(self) -> None:
        """Let no worker lose its run because it starts slowly, is held, or is silent beside many others."""
        self.peer.plane.secrets[SECRET]["POURPLAN_LEASE_SECONDS"] = "120"

    @asynccontextmanager
    async def dispatcher(self, reap_seconds: float = 60) -> AsyncIterator[Dispatcher]:
        settings = Settings(
            data=self.folder, modal_app=APP, reap_seconds=reap_seconds, lease_seconds=LEASE_SECONDS
        )
        async with Dispatcher(settings, self.shop.database.jobs_url) as running:
            yield running

    async def outcome(self, run_id: UUID) -> tuple[str, dict[str, int]]:
        return (await self.shop.run(run_id))["status"], await self.shop.rows()


@asynccontextmanager
async def hosted_shop(database: TemporaryDatabase, admin: Connection, folder: Path) -> AsyncIterator[Hosted]:
    """Deploy the jobs, whose containers reach the shop's Postgres by TCP."""
    async with tcp_door(database) as door:
        secret = {
            "DATABASE_JOBS_URL": door.url("pourplan_jobs"),
            "POURPLAN_LEASE_SECONDS": str(LEASE_SECONDS),
        }
        async with ModalPeer({SECRET: secret}) as peer:
            code, said = await deploy(peer, Door.DATABASE)
            assert code == 0, said
            async with signed_in(peer):
                yield Hosted(await Shop.open(database, admin), peer, folder)
            assert peer.plane.missing == []
