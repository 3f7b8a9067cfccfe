import asyncio
import hashlib
from pathlib import Path
from uuid import uuid4

import pytest

from api.workbooks import originals
from api.workbooks.originals import FolderOriginals, OriginalMissing
from api.workbooks.store import safe_name

CONTENT = b"a workbook"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


async def test_kept_file_comes_back(tmp_path: Path) -> None:
    files, tenant = FolderOriginals(tmp_path), uuid4()
    for _ in range(2):
        await files.keep(tenant, SHA256, "any.xlsx", CONTENT)
    assert await files.read(tenant, SHA256) == CONTENT
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("*.*")] == [
        Path(str(tenant), f"{SHA256}.xlsx")
    ]


async def test_other_tenants_file_is_not_there(tmp_path: Path) -> None:
    files = FolderOriginals(tmp_path)
    await files.keep(uuid4(), SHA256, "any.xlsx", CONTENT)
    with pytest.raises(OriginalMissing):
        await files.read(uuid4(), SHA256)


async def test_changed_file_is_not_handed_out(tmp_path: Path) -> None:
    files, tenant = FolderOriginals(tmp_path), uuid4()
    await files.keep(tenant, SHA256, "any.xlsx", CONTENT)
    (tmp_path / str(tenant) / f"{SHA256}.xlsx").write_bytes(b"another")
    with pytest.raises(OriginalMissing, match="changed"):
        await files.read(tenant, SHA256)


@pytest.mark.parametrize("damaged", [b"a workbooK", b"a work", b""], ids=["altered", "cut", "emptied"])
async def test_damaged_file_is_written_anew_when_it_comes_again(tmp_path: Path, damaged: bytes) -> None:
    files, tenant = FolderOriginals(tmp_path), uuid4()
    await files.keep(tenant, SHA256, "any.xlsx", CONTENT)
    (tmp_path / str(tenant) / f"{SHA256}.xlsx").write_bytes(damaged)
    await files.keep(tenant, SHA256, "any.xlsx", CONTENT)
    assert await files.read(tenant, SHA256) == CONTENT


async def test_undamaged_file_is_left_alone(tmp_path: Path) -> None:
    files, tenant = FolderOriginals(tmp_path), uuid4()
    await files.keep(tenant, SHA256, "any.xlsx", CONTENT)
    path = tmp_path / str(tenant) / f"{SHA256}.xlsx"
    before = path.stat().st_ino
    await files.keep(tenant, SHA256, "any.xlsx", CONTENT)
    assert path.stat().st_ino == before


@pytest.mark.parametrize(
    "sha256", ["", "..", "../../etc/passwd", SHA256.upper(), SHA256 + "/..", SHA256[:-1]]
)
async def test_path_is_made_of_a_sha256_alone(tmp_path: Path, sha256: str) -> None:
    with pytest.raises(ValueError, match="no SHA-256"):
        await FolderOriginals(tmp_path).keep(uuid4(), sha256, "any.xlsx", CONTENT)
    with pytest.raises(ValueError, match="no SHA-256"):
        await FolderOriginals(tmp_path).read(uuid4(), sha256)


async def test_half_a_file_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def disk_full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(originals.os, "fsync", disk_full)  # type: ignore[attr-defined]
    with pytest.raises(OSError, match="No space"):
        await FolderOriginals(tmp_path).keep(uuid4(), SHA256, "any.xlsx", CONTENT)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_many_at_once(tmp_path: Path) -> None:
    files, tenant = FolderOriginals(tmp_path), uuid4()
    await asyncio.gather(*(files.keep(tenant, SHA256, "any.xlsx", CONTENT) for _ in range(8)))
    assert await files.read(tenant, SHA256) == CONTENT


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("plan.xlsx", "plan.xlsx"),
        ("C:\\plans\\august.xlsx", "august.xlsx"),
        ("../../etc/plan.xlsx", "plan.xlsx"),
        ("a\0b\n.xlsx", "ab.xlsx"),
        ("Schmelzplan für Süd.xlsx", "Schmelzplan für Süd.xlsx"),
        ("", "workbook.xlsx"),
        ("..", "workbook.xlsx"),
        ("x" * 300, "x" * 255),
    ],
)
def test_name_of_a_file_is_kept_without_its_folders(given: str, name: str) -> None:
    assert safe_name(given) == name
