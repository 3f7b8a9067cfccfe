"""Original workbooks and exports in folders and in Storage: the same tests for both, and who gets at them."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

pytest.importorskip("supabase", reason="the extra `supabase` is not installed")

from storage3.exceptions import StorageApiError

from api.project_storage import StorageRefused
from api.reports import supabase_exports
from api.reports.exports import ExportFiles, ExportMissing, FolderExports
from api.reports.formats import ExportFormat
from api.reports.supabase_exports import SupabaseExports
from api.services import open_services
from api.settings import load_settings
from api.workbooks.originals import FolderOriginals, OriginalFiles, OriginalMissing
from api.workbooks.supabase_originals import BUCKET, SupabaseOriginals
from tests.api.workbooks.test_originals import SHA256 as OTHER_SHA256
from tests.database import Plant, add_plant, connected
from tests.peers.supabase import SupabaseProject
from tests.ports import free_port

pytestmark = pytest.mark.node

# Zip files are not text: every byte has to come back.
CONTENT = b"PK\x03\x04" + bytes(range(256)) * 300
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
async def bucket(supabase: SupabaseProject) -> AsyncIterator[SupabaseOriginals]:
    async with SupabaseOriginals(supabase.url, supabase.secret_key) as originals:
        yield originals


@pytest.fixture(params=["folder", "bucket"])
async def originals(
    request: pytest.FixtureRequest, tmp_path: Path, bucket: SupabaseOriginals
) -> OriginalFiles:
    return FolderOriginals(tmp_path) if request.param == "folder" else bucket


async def test_a_kept_file_comes_back_byte_for_byte(originals: OriginalFiles) -> None:
    tenant = uuid.uuid4()
    for _ in range(2):
        await originals.keep(tenant, SHA256, "any.xlsx", CONTENT)
    assert await originals.read(tenant, SHA256) == CONTENT


async def test_another_tenants_file_is_not_there(originals: OriginalFiles) -> None:
    await originals.keep(uuid.uuid4(), SHA256, "any.xlsx", CONTENT)
    with pytest.raises(OriginalMissing):
        await originals.read(uuid.uuid4(), SHA256)


async def test_a_file_that_is_not_what_its_name_says_is_not_handed_out(originals: OriginalFiles) -> None:
    tenant = uuid.uuid4()
    await originals.keep(tenant, SHA256, "any.xlsx", b"something else")
    with pytest.raises(OriginalMissing, match="changed"):
        await originals.read(tenant, SHA256)


@pytest.mark.parametrize(
    "sha256", ["", "..", "../../etc/passwd", SHA256.upper(), SHA256 + "/..", f"../{OTHER_SHA256}"]
)
async def test_a_path_is_made_of_a_sha256_alone(originals: OriginalFiles, sha256: str) -> None:
    with pytest.raises(ValueError, match="no SHA-256"):
        await originals.keep(uuid.uuid4(), sha256, "any.xlsx", CONTENT)
    with pytest.raises(ValueError, match="no SHA-256"):
        await originals.read(uuid.uuid4(), sha256)


@pytest.mark.parametrize("tenant", ["..", "", f"{uuid.UUID(int=1)}/.."])
async def test_a_tenant_in_a_path_is_an_id(originals: OriginalFiles, tenant: str) -> None:
    with pytest.raises(ValueError, match="UUID"):
        await originals.read(tenant, SHA256)  # type: ignore[arg-type]


async def test_many_at_once(originals: OriginalFiles) -> None:
    tenant = uuid.uuid4()
    await asyncio.gather(*(originals.keep(tenant, SHA256, f"{n}.xlsx", CONTENT) for n in range(4)))
    assert await originals.read(tenant, SHA256) == CONTENT


# ---------------------------------------------------------------------- the bucket's policies


@pytest.fixture(scope="module")
async def plants(supabase: SupabaseProject) -> tuple[Plant, Plant]:
    async with connected(supabase.database.admin_url) as admin:
        return await add_plant(admin, "storage-north"), await add_plant(admin, "storage-south")


async def test_a_member_reads_the_own_tenants_files_and_no_others(
    supabase: SupabaseProject, bucket: SupabaseOriginals, plants: tuple[Plant, Plant]
) -> None:
    north, south = plants
    await bucket.keep(north.id, SHA256, "any.xlsx", CONTENT)
    place = f"{north.id}/{SHA256}.xlsx"
    own = await supabase.member(north, "viewer")
    assert await own.client.storage.from_(BUCKET).download(place) == CONTENT
    (listed,) = await own.client.storage.from_(BUCKET).list(str(north.id))
    # Hosted Storage names a file within its folder, the counterpart within the bucket.
    assert listed["name"].endswith(f"{SHA256}.xlsx")
    other = await supabase.member(south, "admin")
    with pytest.raises(StorageApiError):
        await other.client.storage.from_(BUCKET).download(place)
    for climb in ("..", "%2e%2e", "..%2f", "%2e%2e%2f"):
        # By hand: the client itself refuses to climb.
        answer = await supabase.http.get(
            f"{supabase.url}/storage/v1/object/{BUCKET}/{south.id}/{climb}/{place}",
            headers={"apikey": supabase.publishable_key, "Authorization": f"Bearer {other.token}"},
        )
        assert answer.status_code >= 400
        assert CONTENT not in answer.content
    assert await other.client.storage.from_(BUCKET).list(str(north.id)) == []
    with pytest.raises(StorageApiError):
        await (await supabase.anonymous()).storage.from_(BUCKET).download(place)


async def test_nobody_but_the_service_writes_or_removes(
    supabase: SupabaseProject, bucket: SupabaseOriginals, plants: tuple[Plant, Plant]
) -> None:
    north, south = plants
    await bucket.keep(south.id, SHA256, "any.xlsx", CONTENT)
    place = f"{south.id}/{SHA256}.xlsx"
    for person in (await supabase.member(south, "admin"), await supabase.member(north, "admin")):
        files = person.client.storage.from_(BUCKET)
        for path in (f"{south.id}/{OTHER_SHA256}.xlsx", f"{north.id}/x.xlsx", "x.xlsx"):
            with pytest.raises(StorageApiError):
                await files.upload(path, b"mine")
        with pytest.raises(StorageApiError):
            await files.update(place, b"mine")
        await files.remove([place])
    assert await bucket.read(south.id, SHA256) == CONTENT


# ---------------------------------------------------------------------- exports

FORMS = list(ExportFormat)


@pytest.fixture
async def exports_bucket(supabase: SupabaseProject) -> AsyncIterator[SupabaseExports]:
    async with SupabaseExports(supabase.url, supabase.secret_key) as exports:
        yield exports


@pytest.fixture(params=["folder", "bucket"])
async def exports(
    request: pytest.FixtureRequest, tmp_path: Path, exports_bucket: SupabaseExports
) -> ExportFiles:
    return FolderExports(tmp_path) if request.param == "folder" else exports_bucket


@pytest.mark.parametrize("form", FORMS)
async def test_the_newest_export_of_a_run_is_kept_in_each_format(
    exports: ExportFiles, form: ExportFormat
) -> None:
    tenant, run = uuid.uuid4(), uuid.uuid4()
    with pytest.raises(ExportMissing):
        await exports.read(tenant, run, form)
    for content in (b"first", CONTENT):
        await exports.keep(tenant, run, form, content)
        assert await exports.read(tenant, run, form) == content
    for whose, which in ((uuid.uuid4(), run), (tenant, uuid.uuid4())):
        with pytest.raises(ExportMissing):
            await exports.read(whose, which, form)


@pytest.mark.parametrize("way", ["..", "../../etc/passwd", f"{uuid.UUID(int=1)}/.."])
async def test_an_export_lies_where_two_ids_say(exports: ExportFiles, way: str) -> None:
    for tenant, run in ((way, uuid.uuid4()), (uuid.uuid4(), way)):
        with pytest.raises(ValueError, match="UUID"):
            await exports.keep(tenant, run, ExportFormat.CSV, CONTENT)  # type: ignore[arg-type]


async def test_a_member_reads_the_own_tenants_exports_and_nobody_writes_them(
    supabase: SupabaseProject, exports_bucket: SupabaseExports, plants: tuple[Plant, Plant]
) -> None:
    (north, south), run = plants, uuid.uuid4()
    await exports_bucket.keep(north.id, run, ExportFormat.CSV, CONTENT)
    place = f"{north.id}/{run}.csv"
    own, other = await supabase.member(north, "admin"), await supabase.member(south, "admin")
    files = own.client.storage.from_(supabase_exports.BUCKET)
    assert await files.download(place) == CONTENT
    for client in (other.client, await supabase.anonymous()):
        with pytest.raises(StorageApiError):
            await client.storage.from_(supabase_exports.BUCKET).download(place)
    for person in (own, other):
        files = person.client.storage.from_(supabase_exports.BUCKET)
        with pytest.raises(StorageApiError):
            await files.upload(f"{north.id}/mine.csv", b"mine")
        with pytest.raises(StorageApiError):
            await files.update(place, b"mine")
        await files.remove([place])
    assert await exports_bucket.read(north.id, run, ExportFormat.CSV) == CONTENT


# ---------------------------------------------------------------------- what is configured


async def test_storage_out_of_reach_is_told(tmp_path: Path) -> None:
    async with SupabaseOriginals(f"http://127.0.0.1:{free_port()}", "sb_secret_any") as files:
        with pytest.raises(StorageRefused, match="can't be reached"):
            await files.keep(uuid.uuid4(), SHA256, "any.xlsx", CONTENT)
        with pytest.raises(OriginalMissing):
            await files.read(uuid.uuid4(), SHA256)
    async with SupabaseExports(f"http://127.0.0.1:{free_port()}", "sb_secret_any") as exports:
        with pytest.raises(StorageRefused, match="can't be reached"):
            await exports.keep(uuid.uuid4(), uuid.uuid4(), ExportFormat.CSV, CONTENT)
        with pytest.raises(ExportMissing):
            await exports.read(uuid.uuid4(), uuid.uuid4(), ExportFormat.CSV)


@pytest.mark.parametrize("configured", [False, True])
async def test_the_service_keeps_files_where_it_is_told(
    supabase: SupabaseProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configured: bool
) -> None:
    monkeypatch.setenv("POURPLAN_DATA", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", supabase.database.api_url)
    monkeypatch.setenv("DATABASE_JOBS_URL", supabase.database.jobs_url)
    if configured:
        monkeypatch.setenv("SUPABASE_URL", supabase.url)
        monkeypatch.setenv("SUPABASE_SECRET_KEY", supabase.secret_key)
    async with open_services(load_settings(), exclusive=True) as services:
        assert isinstance(services.originals, SupabaseOriginals if configured else FolderOriginals)
        await services.originals.keep(uuid.uuid4(), SHA256, "any.xlsx", CONTENT)
        assert isinstance(services.exports, SupabaseExports if configured else FolderExports)
        await services.exports.keep(uuid.uuid4(), uuid.uuid4(), ExportFormat.CSV, CONTENT)
