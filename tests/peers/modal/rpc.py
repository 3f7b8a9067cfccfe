"""How a handler becomes a procedure of Modal's protocol."""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.empty_pb2 import Empty as NoAnswer  # type: ignore[import-untyped]
from grpclib import GRPCError, Status
from modal_proto import api_grpc

from tests.peers.modal.plane import Plane

__all__ = ["PROCEDURES", "Group", "NoAnswer", "refused", "rpc", "servicer"]

Handler = Callable[[Any, Any], Awaitable[Any]]

PROCEDURES = [name for name in vars(api_grpc.ModalClientBase) if name[0].isupper()]


class Group:
    """Procedures that belong together."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane


def rpc(name: str) -> Callable[[Handler], Handler]:
    """Make a method that answers a request with a response the procedure of this name."""

    def mark(handler: Handler) -> Handler:
        async def serve(self: Any, stream: Any) -> None:
            request = await stream.recv_message()
            self.plane.asked[name] += 1
            await stream.send_message(await handler(self, request))

        serve.procedure = name  # type: ignore[attr-defined]
        return serve

    return mark


def servicer(plane: Plane, *groups: Group) -> Any:
    """Put groups together to what a server serves; what none of them has is refused, and noted."""
    handlers = {
        method.procedure: method.__get__(group)
        for group in groups
        for method in vars(type(group)).values()
        if hasattr(method, "procedure")
    }
    methods = {name: handlers.get(name) or _missing(plane, name) for name in PROCEDURES}
    return type("Servicer", (api_grpc.ModalClientBase,), {k: _unbound(v) for k, v in methods.items()})()


def refused(status: Status, message: str) -> GRPCError:
    return GRPCError(status, message)


def _unbound(handler: Callable[[Any], Awaitable[None]]) -> Callable[[Any, Any], Awaitable[None]]:
    def serve(_: Any, stream: Any) -> Awaitable[None]:
        return handler(stream)

    return serve


def _missing(plane: Plane, name: str) -> Callable[[Any], Awaitable[None]]:
    async def refuse(_: Any) -> None:
        plane.missing.append(name)
        raise GRPCError(Status.UNIMPLEMENTED, f"the counterpart does not have {name}")

    return refuse
