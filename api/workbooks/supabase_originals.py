"""Original workbooks in a bucket of Supabase Storage: `workbooks/<tenant>/<sha256>.xlsx`.

The service writes with the project's secret key; users have no policy that lets them write. What they read
themselves from Storage, the bucket's policies narrow to their own tenants.
"""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from uuid import UUID

import httpx
from storage3.exceptions import StorageApiError

from api.project_storage import ProjectStorage, StorageRefused
from api.workbooks.originals import OriginalMissing, place_of

BUCKET = "workbooks"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class SupabaseOriginals(ProjectStorage):
    """Keeps originals in Supabase Storage.

    Nothing of a path comes from the file's own name.
    """

    async def keep(self, tenant_id: UUID, sha256: str, name: str, content: bytes) -> None:  # noqa: ARG002
        """Upload the file, unless it is there.

        Raises
        ------
        StorageRefused
            Storage is out of reach or does not take the file.
        """
        place = place_of(tenant_id, sha256)
        client = await self.connected()
        try:
            await client.storage.from_(BUCKET).upload(place, content, {"content-type": XLSX})
        except StorageApiError as error:
            if not await self._is_there(tenant_id, sha256, error):
                raise StorageRefused(f"The original was not kept as {BUCKET}/{place}: {error}") from error
        except httpx.TransportError as error:
            raise StorageRefused(f"Storage at {self.url} can't be reached: {error}") from error

    async def read(self, tenant_id: UUID, sha256: str) -> bytes:
        """Download the file, if it still is what its name says."""
        place = place_of(tenant_id, sha256)
        client = await self.connected()
        try:
            content = await client.storage.from_(BUCKET).download(place)
        except (StorageApiError, httpx.TransportError) as error:
            raise OriginalMissing(
                f"The original {sha256[:12]}… can't be read from {BUCKET}/{place}: {error}"
            ) from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise OriginalMissing(
                f"The original {BUCKET}/{place} has been changed: its content is not {sha256[:12]}…."
            )
        return content

    async def _is_there(self, tenant_id: UUID, sha256: str, refusal: StorageApiError) -> bool:
        if str(refusal.status) == str(HTTPStatus.CONFLICT.value):
            return True
        try:
            # Of two uploads at once, the later one may hear of a fault instead of a conflict.
            await self.read(tenant_id, sha256)
        except OriginalMissing:
            return False
        return True
