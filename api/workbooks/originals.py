"""The original files of imports: kept under their SHA-256, so that a file that comes twice is there once."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from uuid import UUID

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


def place_of(tenant_id: UUID, sha256: str) -> str:
    """Name the place of a file, `<tenant>/<sha256>.xlsx`.

    Raises
    ------
    ValueError
        One of the two is not what it should be, and might lead elsewhere.
    """
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"{sha256!r} is no SHA-256 in hexadecimal")
    return f"{UUID(str(tenant_id))}/{sha256}.xlsx"


class OriginalMissing(LookupError):
    """The original of an import is not where it was kept."""


class OriginalFiles(Protocol):
    """Where original workbooks are kept, each tenant's apart."""

    async def keep(self, tenant_id: UUID, sha256: str, name: str, content: bytes) -> None:
        """Keep a file; one that is there already stays as it is. `name` is what its owner calls it.

        What was lost or damaged since it was kept is there again afterwards, as far as can be told.
        """

    async def read(self, tenant_id: UUID, sha256: str) -> bytes:
        """Give a file back.

        Raises
        ------
        OriginalMissing
            It was not kept, or was lost or changed since.
        """


class FolderOriginals:
    """Keeps originals in a folder: `<folder>/<tenant>/<sha256>.xlsx`.

    Nothing of a path comes from the file's own name.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, tenant_id: UUID, sha256: str, name: str, content: bytes) -> None:  # noqa: ARG002
        """Write the file aside and move it into place, so that no half of it is ever seen."""
        await asyncio.to_thread(write_whole, self._path(tenant_id, sha256), content)

    async def read(self, tenant_id: UUID, sha256: str) -> bytes:
        """Give the file back, if it still is what its name says."""
        path = self._path(tenant_id, sha256)
        try:
            content = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise OriginalMissing(f"The original {sha256[:12]}… can't be read from {path}: {error}") from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise OriginalMissing(f"The original {path} has been changed: its content is not {sha256[:12]}….")
        return content

    def _path(self, tenant_id: UUID, sha256: str) -> Path:
        return self._folder / place_of(tenant_id, sha256)


class KeepsNothing:
    """Stands where originals are kept during a dry run."""

    async def keep(self, tenant_id: UUID, sha256: str, name: str, content: bytes) -> None:
        """Let the file go."""

    async def read(self, tenant_id: UUID, sha256: str) -> bytes:  # noqa: ARG002
        """Have nothing to give back."""
        raise OriginalMissing(f"The original {sha256[:12]}… was not kept: the import was a dry run.")


def _holds(path: Path, content: bytes) -> bool:
    """Tell whether a file is there and undamaged: its name alone proves nothing."""
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False


def write_whole(path: Path, content: bytes) -> None:
    """Write a file aside and move it into place; one that holds this already is left alone."""
    if _holds(path, content):
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, aside = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(aside).unlink()
        raise
