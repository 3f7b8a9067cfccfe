"""What the control plane knows."""

import asyncio
import itertools
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modal_proto import api_pb2 as pb

Result = pb.GenericResult


@dataclass(eq=False)
class Call:
    """One spawned function call with its single input."""

    id: str
    function_id: str
    input: Any
    invocation: Any
    retries: int = 0
    result: Any = None
    data_format: Any = pb.DATA_FORMAT_PICKLE
    done: asyncio.Event = field(default_factory=asyncio.Event)
    container: "Container | None" = None
    timer: asyncio.Task[None] | None = None
    cancelled: bool = False

    @property
    def input_id(self) -> str:
        return f"in-{self.id}"


@dataclass(eq=False)
class Container:
    """A process of Modal's in-container runtime, and what it works on."""

    id: str
    function_id: str
    folder: Path
    process: asyncio.subprocess.Process | None = None
    server: Any = None
    busy: Call | None = None
    inputs_to_cancel: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    died_of: Any = None
    watch: asyncio.Task[None] | None = None
    doomed: bool = False

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process is None or self.process.returncode is None

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def kill(self) -> None:
        self.doomed = True
        if self.process is not None and self.alive:
            self.process.kill()


@dataclass(eq=False)
class Plane:
    """All state; the groups of procedures share it."""

    folder: Path
    secrets: dict[str, dict[str, str]]
    """Keys and values by the secret's name."""
    idle_seconds: float = 3.0
    prelude: str = ""
    """Python that containers run before anything else: how a test gets into one."""
    numbers: Any = field(default_factory=lambda: itertools.count(1))
    asked: Counter[str] = field(default_factory=Counter)
    """How often each procedure was called."""
    missing: list[str] = field(default_factory=list)
    """Procedures that were called and are not there."""
    apps: dict[str, str] = field(default_factory=dict)
    functions: dict[str, Any] = field(default_factory=dict)
    published: dict[str, dict[str, str]] = field(default_factory=dict)
    """Function ids by name, by app id."""
    images: dict[str, Any] = field(default_factory=dict)
    mounts: dict[str, dict[str, str]] = field(default_factory=dict)
    """SHA-256 by path, by mount id."""
    files: dict[str, bytes] = field(default_factory=dict)
    """Content by SHA-256."""
    calls: dict[str, Call] = field(default_factory=dict)
    queues: defaultdict[str, deque[Call]] = field(default_factory=lambda: defaultdict(deque))
    wake: defaultdict[str, asyncio.Condition] = field(default_factory=lambda: defaultdict(asyncio.Condition))
    containers: dict[str, Container] = field(default_factory=dict)

    def new_id(self, prefix: str) -> str:
        return f"{prefix}-{next(self.numbers)}"

    def function_data(self, function_id: str) -> Any:
        function = self.functions[function_id]
        return pb.FunctionData(
            ranked_functions=[pb.FunctionData.RankedFunction(rank=0, function=function)],
            timeout_secs=function.timeout_secs,
            autoscaler_settings=function.autoscaler_settings,
            schedule=function.schedule,
            function_name=function.function_name,
        )

    def function_handle(self, function_id: str, app_id: str) -> Any:
        function = self.functions[function_id]
        return pb.FunctionHandleMetadata(
            function_name=function.function_name,
            function_type=function.function_type,
            definition_id=f"de-{function_id}",
            function_schema=function.function_schema,
            app_id=app_id,
            max_object_size_bytes=2 << 20,
            supported_input_formats=function.supported_input_formats,
            supported_output_formats=function.supported_output_formats,
        )

    def app_of(self, function_id: str) -> str:
        return next(app for app, ids in self.published.items() if function_id in ids.values())

    def app_layout(self, app_id: str) -> Any:
        ids = self.published.get(app_id, {})
        needed = {
            dependency.object_id
            for function_id in ids.values()
            for dependency in self.functions[function_id].object_dependencies
        }
        functions = [
            pb.Object(object_id=id_, function_handle_metadata=self.function_handle(id_, app_id))
            for id_ in ids.values()
        ]
        others = [pb.Object(object_id=id_) for id_ in sorted(needed - set(ids.values()))]
        return pb.AppLayout(function_ids=ids, objects=functions + others)
