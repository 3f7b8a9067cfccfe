"""What a client asks when it spawns a function, looks after the call, and cancels it."""

import asyncio
from typing import Any

from grpclib import Status
from modal_proto import api_pb2 as pb

from tests.peers.modal.containers import Scheduler
from tests.peers.modal.plane import Call, Plane, Result
from tests.peers.modal.rpc import Group, NoAnswer, refused, rpc


class Calling(Group):
    """Calls, from the client's side."""

    def __init__(self, plane: Plane, scheduler: Scheduler) -> None:
        super().__init__(plane)
        self.scheduler = scheduler

    @rpc("FunctionGet")
    async def find_function(self, request: Any) -> Any:
        app_id = self.plane.apps.get(request.app_name)
        if app_id is None:
            raise refused(Status.NOT_FOUND, f"App '{request.app_name}' not found in environment 'main'")
        function_id = self.plane.published[app_id].get(request.object_tag)
        if function_id is None:
            raise refused(
                Status.NOT_FOUND, f"Function '{request.object_tag}' not found in app '{request.app_name}'"
            )
        return pb.FunctionGetResponse(
            function_id=function_id,
            function=self.plane.function_data(function_id),
            handle_metadata=self.plane.function_handle(function_id, app_id),
        )

    @rpc("FunctionMap")
    async def spawn(self, request: Any) -> Any:
        (item,) = request.pipelined_inputs
        call = Call(
            self.plane.new_id("fc"), request.function_id, item.input, request.function_call_invocation_type
        )
        self.plane.calls[call.id] = call
        await self.scheduler.enqueue(call)
        accepted = pb.FunctionPutInputsResponseItem(idx=0, input_id=call.input_id, input_jwt=call.input_id)
        return pb.FunctionMapResponse(
            function_call_id=call.id,
            function_call_jwt=call.id,
            max_inputs_outstanding=1000,
            retry_policy=self.plane.functions[call.function_id].retry_policy,
            sync_client_retries_enabled=False,
            pipelined_inputs=[accepted],
        )

    @rpc("FunctionCallFromId")
    async def find_call(self, request: Any) -> Any:
        call = self._call(request)
        return pb.FunctionCallFromIdResponse(
            function_call_id=call.id,
            num_inputs=1,
            metadata=pb.FunctionCallHandleMetadata(function_id=call.function_id),
        )

    @rpc("FunctionGetOutputs")
    async def outcome(self, request: Any) -> Any:
        call = self._call(request)
        try:
            await asyncio.wait_for(call.done.wait(), max(request.timeout, 0.001))
        except TimeoutError:
            return pb.FunctionGetOutputsResponse(num_unfinished_inputs=1)
        output = pb.FunctionGetOutputsItem(
            result=call.result,
            idx=0,
            input_id=call.input_id,
            data_format=call.data_format,
            retry_count=call.retries,
        )
        return pb.FunctionGetOutputsResponse(outputs=[output])

    @rpc("FunctionCallCancel")
    async def cancel(self, request: Any) -> Any:
        call = self._call(request)
        call.cancelled = True
        if call.done.is_set():
            return NoAnswer()
        if call.container is not None and not request.terminate_containers:
            call.container.inputs_to_cancel.put_nowait(call.input_id)
            return NoAnswer()
        if call.container is not None:
            call.container.kill()
        self.scheduler.finish(call, Result(status=Result.GENERIC_STATUS_TERMINATED, exception="cancelled"))
        return NoAnswer()

    def _call(self, request: Any) -> Call:
        call = self.plane.calls.get(request.function_call_id)
        if call is None:
            raise refused(Status.NOT_FOUND, f"FunctionCall {request.function_call_id} not found")
        return call
