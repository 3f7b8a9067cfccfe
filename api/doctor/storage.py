"""Whether original workbooks can be kept: the bucket of a project, or the folder of this machine."""

from __future__ import annotations

import hashlib
import secrets
from uuid import UUID

import httpx

from api.doctor.findings import Area, Finding, Findings
from api.settings import Settings
from api.workbooks.originals import FolderOriginals, OriginalFiles, OriginalMissing, place_of

AREA = Area("storage")
NO_TENANT = UUID(int=0)
"""Under whose folder the probe is written: nobody's."""
_SECONDS = 20.0
MAKE_PRIVATE = (
    "insert into storage.buckets (id, name, public) values ('{0}', '{0}', false)"
    " on conflict (id) do update set public = false;"
)


async def check(settings: Settings) -> Findings:
    """Write a file, read it back and take it away."""
    if settings.supabase_url is None or settings.supabase_secret_key is None:
        yield await _folder(settings)
        if settings.supabase_url is not None:
            yield AREA.warning(
                f"SUPABASE_SECRET_KEY is not set: original workbooks are kept in {settings.files} alone.",
                "Set it, so that they outlast this machine.",
            )
        return
    try:
        from api.workbooks.supabase_originals import SupabaseOriginals
    except ImportError as error:
        yield AREA.wrong(
            f"The package {error.name} is not installed.", "Install pourplan with its extra `supabase`."
        )
        return
    key = settings.supabase_secret_key.get_secret_value()
    async with SupabaseOriginals(settings.supabase_url, key) as originals:
        async for finding in _bucket(settings, originals):
            yield finding


async def _folder(settings: Settings) -> Finding:
    try:
        await _keep_and_read(FolderOriginals(settings.files), probe := secrets.token_bytes(64))
        place = settings.files / place_of(NO_TENANT, hashlib.sha256(probe).hexdigest())
        place.unlink()
        place.parent.rmdir()
    except (OSError, OriginalMissing) as error:
        return AREA.wrong(
            f"Files can't be kept in {settings.files}: {error}.",
            "Make the folder writable for who runs the service, or set POURPLAN_DATA.",
        )
    return AREA.ok(f"A file was kept in {settings.files}, read and taken away.")


async def _bucket(settings: Settings, originals: OriginalFiles) -> Findings:
    from storage3.exceptions import StorageApiError

    import supabase
    from api.reports.supabase_exports import BUCKET as EXPORTS
    from api.workbooks.supabase_originals import BUCKET

    assert settings.supabase_url is not None  # noqa: S101 - the caller asked
    assert settings.supabase_secret_key is not None  # noqa: S101
    async with httpx.AsyncClient(timeout=_SECONDS) as http:
        options = supabase.AsyncClientOptions(
            auto_refresh_token=False, persist_session=False, httpx_client=http
        )
        key = settings.supabase_secret_key.get_secret_value()
        client = await supabase.acreate_client(settings.supabase_url, key, options)
        try:
            found = {bucket.id: bucket for bucket in await client.storage.list_buckets()}
        except StorageApiError as error:
            yield AREA.wrong(
                f"Storage does not let the service in: {error.message}.",
                "Is SUPABASE_SECRET_KEY the secret key of the project at SUPABASE_URL?",
            )
            return
        except httpx.TransportError as error:
            yield AREA.wrong(
                f"Storage at {settings.supabase_url} can't be reached: {type(error).__name__}.",
                "Look at SUPABASE_URL and at the network.",
            )
            return
        public = {name: bucket.public for name, bucket in found.items()}
        for name in (BUCKET, EXPORTS):
            yield _private(name, public)
        if BUCKET in found:
            yield await _probe(originals, client, http, settings)


def _private(name: str, public: dict[str, bool]) -> Finding:
    todo = f"As the owner: {MAKE_PRIVATE.format(name)}"
    if name not in public:
        return AREA.wrong(f"There is no bucket {name}.", todo)
    if public[name]:
        return AREA.wrong(f"The bucket {name} is public: whoever knows a path reads the file.", todo)
    return AREA.ok(f"The bucket {name} is there, and private.")


async def _probe(
    originals: OriginalFiles, client: object, http: httpx.AsyncClient, settings: Settings
) -> Finding:
    from storage3.exceptions import StorageApiError

    import supabase
    from api.workbooks.supabase_originals import BUCKET

    assert isinstance(client, supabase.AsyncClient)  # noqa: S101 - typed where the package is there
    probe = secrets.token_bytes(64)
    place = place_of(NO_TENANT, hashlib.sha256(probe).hexdigest())
    try:
        try:
            await _keep_and_read(originals, probe)
            seen = await _seen_from_outside(http, settings, f"{BUCKET}/{place}")
        finally:
            gone = await client.storage.from_(BUCKET).remove([place])
    except (OSError, OriginalMissing, StorageApiError, httpx.TransportError) as error:
        return AREA.wrong(f"A file can't be kept: {error}", "Look at the policies of storage.objects.")
    if seen:
        return AREA.wrong(
            "Who has not signed in read the file that was kept just now.",
            "Drop policies of storage.objects that open the bucket to anon or public.",
        )
    if not gone:
        return AREA.warning(f"{BUCKET}/{place} was kept and can't be removed.", "Remove it by hand.")
    return AREA.ok("A file was kept, read and taken away; nobody else saw it.")


async def _keep_and_read(originals: OriginalFiles, probe: bytes) -> None:
    sha256 = hashlib.sha256(probe).hexdigest()
    await originals.keep(NO_TENANT, sha256, "probe.xlsx", probe)
    await originals.read(NO_TENANT, sha256)


async def _seen_from_outside(http: httpx.AsyncClient, settings: Settings, place: str) -> bool:
    key = settings.supabase_publishable_key
    headers = {"apikey": key, "Authorization": f"Bearer {key}"} if key else {}
    base = f"{(settings.supabase_url or '').rstrip('/')}/storage/v1/object"
    answers = [await http.get(f"{base}/{way}{place}", headers=headers) for way in ("public/", "")]
    return any(answer.status_code == 200 for answer in answers)
