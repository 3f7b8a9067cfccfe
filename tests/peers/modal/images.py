"""Images, as far as they are ours: the files that they copy, their variables, the modules that they run.

What an image installs is not installed: containers run the interpreter of the tests. A built image is kept in
`.make/` under a name that its lines and files give it.
"""

import asyncio
import fcntl
import hashlib
import os
import shlex
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from tests.peers.modal.plane import Plane

KEPT = Path(__file__).parents[3] / ".make" / "modal"
_MODULE = "RUN python -m "


@dataclass(frozen=True)
class Built:
    """What containers have of an image."""

    folder: Path
    variables: dict[str, str]


async def build(plane: Plane, image_id: str) -> Built:
    """Build an image, or find it built."""
    layers = _layers(plane, image_id)
    lines = [line for layer in layers for line in layer.dockerfile_commands]
    files = {
        path: sha for layer in layers for path, sha in plane.mounts.get(layer.context_mount_id, {}).items()
    }
    variables = _variables(lines)
    name = hashlib.sha256(repr((sys.version, lines, sorted(files.items()))).encode()).hexdigest()[:16]
    built = Built(KEPT / name, variables)
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"{name}.lock").open("w") as lock:
        # Another run may be building the same.
        await asyncio.to_thread(_lock, lock)
        if not (built.folder / "built").exists():
            for path, sha in files.items():
                write(built.folder, path, plane.files[sha])
            for line in lines:
                if line.startswith(_MODULE):
                    await _run(built, line.removeprefix(_MODULE))
            (built.folder / "built").touch()
    return built


def write(folder: Path, path: str, content: bytes) -> None:
    """Write a file that was uploaded, below a folder instead of the root."""
    place = folder / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)


def import_path(*folders: Path) -> str:
    """Where a container's interpreter finds what was uploaded, and the packages of the tests."""
    roots = [str(folder / "root") for folder in folders]
    return os.pathsep.join([*roots, sysconfig.get_path("purelib")])


def _layers(plane: Plane, image_id: str) -> list[Any]:
    image = plane.images[image_id]
    below = [layer for base in image.base_images for layer in _layers(plane, base.image_id)]
    return [*below, image]


def _variables(lines: list[str]) -> dict[str, str]:
    pairs = [line.removeprefix("ENV ").split("=", 1) for line in lines if line.startswith("ENV ")]
    return {name: "".join(shlex.split(value)) for name, value in pairs}


def _lock(file: TextIO) -> None:
    fcntl.flock(file, fcntl.LOCK_EX)


async def _run(image: Built, module: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-S", "-m", module),
        cwd=image.folder,
        env={"PATH": os.environ["PATH"], **image.variables, "PYTHONPATH": import_path(image.folder)},
    )
    assert await process.wait() == 0, f"the image's {module} failed"
