"""The exports that were handed out, each tenant's apart: `<tenant>/<run>.<format>`.

A plan or a forecast leaves as a file; the newest file of a run in each format is kept, so that whoever asks
later what was sent can be shown it, and so that other programs fetch it where files are fetched from.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol
from uuid import UUID

from api.reports.formats import ExportFormat
from api.workbooks.originals import write_whole


def place_of(tenant_id: UUID, run_id: UUID, form: ExportFormat) -> str:
    """Name the place of an export; an id that is none is refused, for it might lead elsewhere."""
    return f"{UUID(str(tenant_id))}/{UUID(str(run_id))}.{form.value}"


class ExportMissing(LookupError):
    """No export of this run was kept in this format."""


class ExportFiles(Protocol):
    """Where exports are kept."""

    async def keep(self, tenant_id: UUID, run_id: UUID, form: ExportFormat, content: bytes) -> None:
        """Keep an export in the place of an older one of the same run and format.

        Raises
        ------
        OSError
            It was not kept.
        """

    async def read(self, tenant_id: UUID, run_id: UUID, form: ExportFormat) -> bytes:
        """Give an export back.

        Raises
        ------
        ExportMissing
        """


class FolderExports:
    """Keeps exports in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, tenant_id: UUID, run_id: UUID, form: ExportFormat, content: bytes) -> None:
        """Write the file."""
        await asyncio.to_thread(write_whole, self._folder / place_of(tenant_id, run_id, form), content)

    async def read(self, tenant_id: UUID, run_id: UUID, form: ExportFormat) -> bytes:
        """Read the file."""
        path = self._folder / place_of(tenant_id, run_id, form)
        try:
            return await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise ExportMissing(f"There is no {path}: {error}") from None
