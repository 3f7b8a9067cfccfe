"""Containers: when one is started, what it is given, what it asks, and what its end means."""

import asyncio
import os
import sys
from typing import Any

from grpclib.server import Server
from modal_proto import api_pb2 as pb

from tests.peers.modal.images import Built, build, import_path, write
from tests.peers.modal.plane import Call, Container, Plane, Result
from tests.peers.modal.rpc import Group, NoAnswer, rpc, servicer

_DEFAULT_MAX_CONTAINERS = 2
_HEARTBEAT_SECONDS = 15
_RUNTIME = """
import runpy
runpy.run_module("modal._container_entrypoint", run_name="__main__", alter_sys=True)
"""


class Scheduler:
    """Hands calls to containers, starts those that are lacking, and tells how calls ended."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.groups: tuple[Group, ...] = ()
        """What a container may ask like any client."""
        self.watches: set[asyncio.Task[None]] = set()
        self.closing = False

    async def enqueue(self, call: Call) -> None:
        call.container = None
        queue = self.plane.queues[call.function_id]
        queue.append(call)
        running = self._running(call.function_id)
        settings = self.plane.functions[call.function_id].autoscaler_settings
        most = settings.max_containers or _DEFAULT_MAX_CONTAINERS
        if sum(container.busy is None for container in running) < len(queue) and len(running) < most:
            self._start(call.function_id)
        async with self.plane.wake[call.function_id]:
            self.plane.wake[call.function_id].notify_all()

    def finish(self, call: Call, result: Any, data_format: Any = pb.DATA_FORMAT_PICKLE) -> None:
        if call.done.is_set():
            return
        if call.timer:
            call.timer.cancel()
        call.result, call.data_format = result, data_format
        call.done.set()
        if call in self.plane.queues[call.function_id]:
            self.plane.queues[call.function_id].remove(call)

    async def fail(self, call: Call, result: Any, data_format: Any = pb.DATA_FORMAT_PICKLE) -> None:
        """Try again where the function's retries allow it, else end the call."""
        if call.retries >= self.plane.functions[call.function_id].retry_policy.retries or call.cancelled:
            self.finish(call, result, data_format)
            return
        call.retries += 1
        await self.enqueue(call)

    async def preempt(self, call: Call) -> None:
        """Take the container away; the same input is run again in another one, which is no retry."""
        container = call.container
        assert container is not None
        assert container.watch is not None
        container.busy = call.container = None
        if call.timer:
            call.timer.cancel()
        container.kill()
        await container.watch
        await self.enqueue(call)

    def start_timer(self, call: Call, container: Container) -> None:
        seconds = self.plane.functions[call.function_id].timeout_secs
        if seconds:
            call.timer = asyncio.create_task(self._time_out(call, container, seconds))

    async def close(self) -> None:
        self.closing = True
        for container in self.plane.containers.values():
            container.kill()
        await asyncio.gather(*self.watches)

    def _running(self, function_id: str) -> list[Container]:
        return [c for c in self.plane.containers.values() if c.function_id == function_id and c.alive]

    async def _time_out(self, call: Call, container: Container, seconds: int) -> None:
        await asyncio.sleep(seconds)
        container.busy = call.timer = None
        container.kill()
        said = f"Task's current input hit its timeout of {seconds}s"
        await self.fail(call, Result(status=Result.GENERIC_STATUS_TIMEOUT, exception=said))

    # ------------------------------------------------------------------ a container's life

    def _start(self, function_id: str) -> None:
        container_id = self.plane.new_id("ta")
        container = Container(container_id, function_id, self.plane.folder / container_id)
        self.plane.containers[container_id] = container
        container.watch = asyncio.create_task(self._live(container))
        self.watches.add(container.watch)

    async def _live(self, container: Container) -> None:
        image = await build(self.plane, self.plane.functions[container.function_id].image_id)
        self._unpack(container)
        # One private socket a container: it tells who is calling.
        side = ContainerSide(self.plane, self, container)
        container.server = Server([servicer(self.plane, *self.groups, side)])
        await container.server.start(path=str(container.folder / "s"))
        with container.log.open("wb") as log:
            container.process = await asyncio.create_subprocess_exec(
                # Without the module `site`, an editable installation does not bring what was not uploaded.
                *(sys.executable, "-S", "-c", self.plane.prelude + _RUNTIME),
                cwd=container.folder / "root",
                env=self._environment(container, image),
                stdout=log,
                stderr=log,
            )
        if container.doomed:
            container.kill()
        await self._watch(container, container.process)

    def _unpack(self, container: Container) -> None:
        function = self.plane.functions[container.function_id]
        (container.folder / "root").mkdir(parents=True)
        for mount_id in function.mount_ids:
            for name, sha in self.plane.mounts.get(mount_id, {}).items():
                write(container.folder, name, self.plane.files[sha])
        app_id = self.plane.app_of(container.function_id)
        arguments = pb.ContainerArguments(
            task_id=container.id,
            function_id=container.function_id,
            app_id=app_id,
            function_def=function,
            environment_name="main",
            app_layout=self.plane.app_layout(app_id),
        )
        (container.folder / "arguments").write_bytes(arguments.SerializeToString())

    def _environment(self, container: Container, image: Built) -> dict[str, str]:
        environment = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
        environment |= image.variables
        for name in self.plane.functions[container.function_id].secret_ids:
            environment |= self.plane.secrets[name.removeprefix("st-")]
        return environment | {
            "MODAL_SERVER_URL": f"unix://{container.folder / 's'}",
            "MODAL_TASK_ID": container.id,
            "MODAL_IS_REMOTE": "1",
            "MODAL_ENVIRONMENT": "main",
            "MODAL_CONTAINER_ARGUMENTS_PATH": str(container.folder / "arguments"),
            "PYTHONPATH": import_path(container.folder, image.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    async def _watch(self, container: Container, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        container.server.close()
        function_id = container.function_id
        queue = self.plane.queues[function_id]
        call = container.busy
        if call is not None and not call.done.is_set() and call.container is container:
            said = f"container exited with {code}"
            await self.fail(call, Result(status=Result.GENERIC_STATUS_INTERNAL_FAILURE, exception=said))
        elif (code or container.died_of) and queue and not (container.doomed or self._running(function_id)):
            said = "container failed to start: " + container.log.read_text(errors="replace")[-1500:]
            died = Result(status=Result.GENERIC_STATUS_INIT_FAILURE, exception=said)
            self.finish(queue.popleft(), container.died_of or died)
        if queue and not self.closing and not self._running(function_id):
            self._start(function_id)


class ContainerSide(Group):
    """What a container asks."""

    def __init__(self, plane: Plane, scheduler: Scheduler, container: Container) -> None:
        super().__init__(plane)
        self.scheduler = scheduler
        self.container = container

    @rpc("ContainerHello")
    async def hello(self, request: Any) -> Any:
        return NoAnswer()

    @rpc("TaskResult")
    async def report_death(self, request: Any) -> Any:
        self.container.died_of = request.result
        return NoAnswer()

    @rpc("ContainerHeartbeat")
    async def heartbeat(self, request: Any) -> Any:
        """Answer at once when there is something to cancel, else after a while."""
        try:
            cancelled = await asyncio.wait_for(self.container.inputs_to_cancel.get(), _HEARTBEAT_SECONDS)
        except TimeoutError:
            return pb.ContainerHeartbeatResponse()
        return pb.ContainerHeartbeatResponse(cancel_input_event=pb.CancelInputEvent(input_ids=[cancelled]))

    @rpc("FunctionGetInputs")
    async def next_input(self, request: Any) -> Any:
        call = await self._next_call()
        if call is None:
            return pb.FunctionGetInputsResponse(inputs=[pb.FunctionGetInputsItem(kill_switch=True)])
        call.container, self.container.busy = self.container, call
        self.scheduler.start_timer(call, self.container)
        item = pb.FunctionGetInputsItem(
            input_id=call.input_id,
            input=call.input,
            function_call_id=call.id,
            retry_count=call.retries,
            function_call_invocation_type=call.invocation,
        )
        return pb.FunctionGetInputsResponse(inputs=[item])

    @rpc("FunctionPutOutputs")
    async def put_outputs(self, request: Any) -> Any:
        for output in request.outputs:
            call = self.plane.calls[output.input_id.removeprefix("in-")]
            if self.container.busy is call:
                self.container.busy = None
            if output.retry_count != call.retries or call.done.is_set():
                continue
            if output.result.status == Result.GENERIC_STATUS_FAILURE:
                await self.scheduler.fail(call, output.result, output.data_format)
            else:
                self.scheduler.finish(call, output.result, output.data_format)
        return NoAnswer()

    async def _next_call(self) -> Call | None:
        queue = self.plane.queues[self.container.function_id]
        wake = self.plane.wake[self.container.function_id]
        deadline = asyncio.get_running_loop().time() + self.plane.idle_seconds
        async with wake:
            while not queue:
                left = deadline - asyncio.get_running_loop().time()
                try:
                    await asyncio.wait_for(wake.wait(), max(left, 0.001))
                except TimeoutError:
                    return None
            return queue.popleft()
