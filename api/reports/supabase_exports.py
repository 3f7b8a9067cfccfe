"""Exports in a bucket of Supabase Storage: `exports/<tenant>/<run>.<format>`."""

from __future__ import annotations

from uuid import UUID

import httpx
from storage3.exceptions import StorageApiError

from api.project_storage import ProjectStorage, StorageRefused
from api.reports.exports import ExportMissing, place_of
from api.reports.formats import ExportFormat

BUCKET = "exports"


class SupabaseExports(ProjectStorage):
    """Keeps exports in Supabase Storage."""

    async def keep(self, tenant_id: UUID, run_id: UUID, form: ExportFormat, content: bytes) -> None:
        """Upload the file."""
        place = place_of(tenant_id, run_id, form)
        bucket = (await self.connected()).storage.from_(BUCKET)
        try:
            await bucket.upload(place, content, {"content-type": form.media_type, "upsert": "true"})
        except StorageApiError as error:
            raise StorageRefused(f"The export was not kept as {BUCKET}/{place}: {error}") from error
        except httpx.TransportError as error:
            raise StorageRefused(f"Storage at {self.url} can't be reached: {error}") from error

    async def read(self, tenant_id: UUID, run_id: UUID, form: ExportFormat) -> bytes:
        """Download the file."""
        place = place_of(tenant_id, run_id, form)
        try:
            return await (await self.connected()).storage.from_(BUCKET).download(place)
        except (StorageApiError, httpx.TransportError) as error:
            raise ExportMissing(f"There is no {BUCKET}/{place}: {error}") from None
