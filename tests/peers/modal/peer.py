"""The counterpart as a server in the test's own event loop."""

import shutil
import tempfile
from pathlib import Path
from typing import Any, Self

from grpclib.server import Server
from modal._serialization import serialize
from modal_proto import api_pb2 as pb

from tests.peers.modal.calling import Calling
from tests.peers.modal.containers import Scheduler
from tests.peers.modal.deploying import Deploying, Session
from tests.peers.modal.plane import Call, Container, Plane
from tests.peers.modal.rpc import servicer
from tests.tcp_door import TcpDoor


class ModalPeer:
    """Modal on loopback.

    Parameters
    ----------
    secrets
        What is stored at Modal: keys and values by the secret's name.
    """

    def __init__(self, secrets: dict[str, dict[str, str]]) -> None:
        # A short path: it has to hold sockets.
        self.plane = Plane(Path(tempfile.mkdtemp(prefix="modal-")), secrets)
        session, deploying = Session(self.plane), Deploying(self.plane)
        self._scheduler = Scheduler(self.plane)
        self._scheduler.groups = (session, deploying, Calling(self.plane, self._scheduler))
        self._server: Any = Server([servicer(self.plane, *self._scheduler.groups)])
        self._door = TcpDoor(self.plane.folder / "s")

    async def __aenter__(self) -> Self:
        await self._server.start(path=str(self.plane.folder / "s"))
        await self.come_up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.go_down()
        self._server.close()
        await self._server.wait_closed()
        await self._scheduler.close()
        shutil.rmtree(self.plane.folder, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs in its environment."""
        return {
            "MODAL_SERVER_URL": f"http://127.0.0.1:{self._door.port}",
            "MODAL_TOKEN_ID": "ak-test",
            "MODAL_TOKEN_SECRET": "as-test",
            "MODAL_CONFIG_PATH": "/dev/null",
        }

    async def come_up(self) -> None:
        """Let clients in; the port stays the same."""
        await self._door.open()

    async def go_down(self) -> None:
        """Refuse clients and cut off those that are there; containers go on."""
        await self._door.shut()

    def function(self, app: str, name: str) -> Any:
        """A deployed function, as it was declared."""
        return self.plane.functions[self.plane.published[self.plane.apps[app]][name]]

    async def fire(self, app: str, name: str) -> Call:
        """Do what Modal does at a tick of the clock: call a scheduled function, without arguments."""
        function_id = self.plane.published[self.plane.apps[app]][name]
        if not self.plane.functions[function_id].HasField("schedule"):
            raise ValueError(f"{name} has no schedule")
        given = pb.FunctionInput(args=serialize(((), {})), data_format=pb.DATA_FORMAT_PICKLE)
        call = Call(self.plane.new_id("fc"), function_id, given, pb.FUNCTION_CALL_INVOCATION_TYPE_ASYNC)
        self.plane.calls[call.id] = call
        await self._scheduler.enqueue(call)
        return call

    async def preempt(self, call: Call) -> None:
        """Take the container of a call away, and run its input again in another one."""
        await self._scheduler.preempt(call)

    def containers(self) -> list[Container]:
        """Containers that live."""
        return [container for container in self.plane.containers.values() if container.alive]
