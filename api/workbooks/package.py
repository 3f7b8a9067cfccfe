"""The zip archive that a workbook is, opened with care: what is hostile or no workbook is refused by name."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Collection, Iterator

from api.workbooks.messages import Code, WorkbookRefused

MAX_BYTES = 25_000_000
MAX_UNPACKED_BYTES = 100_000_000
MAX_RATIO = 200
"""Unpacked to packed bytes. Sheets of formatted but empty cells reach 100; deflate can reach 1,032."""
RATIO_APPLIES_FROM = 5_000_000
MAX_PARTS = 5_000

_CHUNK = 64 * 1024
OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP_MAGIC = b"PK\x03\x04"
_SAVE_AS = "Open it in a spreadsheet program and save it as .xlsx."


class Package:
    """A workbook's parts by name. Counts what it inflates, over all parts together.

    Raises
    ------
    WorkbookRefused
        Where the content is no workbook, is protected, damaged or out of bounds.
    """

    def __init__(self, content: bytes) -> None:
        check_size(len(content))
        _check_signature(content)
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError) as error:
            raise _damaged(
                f"The file begins like a workbook, but its zip archive can't be opened: {error}."
            ) from None
        self._members = {name_of(info): info for info in self._archive.infolist()}
        self._inflated = 0
        _check_directory(self._archive.infolist(), len(content))
        _check_is_workbook(self.parts)

    def __contains__(self, part: str) -> bool:
        return part.casefold() in self._members

    @property
    def parts(self) -> Collection[str]:
        """Names of all parts, in lower case."""
        return self._members.keys()

    def chunks(self, part: str) -> Iterator[bytes]:
        """Inflate a part piece by piece.

        Raises
        ------
        WorkbookRefused
            The part is missing or damaged, or more comes out than may.
        """
        member = self._members.get(part.casefold())
        if member is None:
            raise WorkbookRefused(
                Code.MISSING_PART,
                f"The workbook's part `{part}` is missing from the file.",
                "The file was cut or changed by another program: save it anew from the spreadsheet program.",
            )
        try:
            with self._archive.open(member) as stream:
                while chunk := stream.read(_CHUNK):
                    self._inflated += len(chunk)
                    if self._inflated > MAX_UNPACKED_BYTES:
                        raise _bomb(f"more than {MAX_UNPACKED_BYTES // 1_000_000} MB come out of it")
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
            raise _damaged(f"The workbook's part `{part}` can't be unpacked: {error}.") from None


def check_size(size: int) -> None:
    """Refuse files that are empty or over the limit, before anything looks into them."""
    if size == 0:
        raise WorkbookRefused(
            Code.EMPTY_FILE, "The file is empty (0 bytes).", "Save the workbook and choose it again."
        )
    if size > MAX_BYTES:
        raise WorkbookRefused(
            Code.FILE_TOO_LARGE,
            f"The file has {size:,} bytes; a workbook may have {MAX_BYTES:,}.",
            "Remove pictures and sheets that are not needed, or split the workbook.",
        )


def name_of(member: zipfile.ZipInfo) -> str:
    """Give the name by which a part is looked up: without case (ECMA-376 part 2, 9.1.1)."""
    return member.filename.replace("\\", "/").lstrip("/").casefold()


def _check_signature(content: bytes) -> None:
    if content.startswith(OLE_MAGIC):
        raise _ole_problem(content)
    if not content.startswith(ZIP_MAGIC):
        raise WorkbookRefused(
            Code.NOT_A_WORKBOOK,
            f"The file is not an Excel workbook: it looks like {_look(content)}.",
            _SAVE_AS,
        )


def _look(content: bytes) -> str:
    start = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"%pdf"):
        return "a PDF"
    if start.startswith((b"<!doctype html", b"<html", b"<table")):
        return "a web page"
    if start.startswith(b"<?xml"):
        return "an XML file"
    if b"\0" not in content[:1024]:
        return "plain text, perhaps CSV"
    return "some other binary file"


def _ole_problem(content: bytes) -> WorkbookRefused:
    # Only such files need the library; the child process starts faster without it.
    import olefile

    try:
        with olefile.OleFileIO(io.BytesIO(content)) as ole:
            protected = ole.exists("EncryptedPackage") or ole.exists("EncryptionInfo")
            legacy = ole.exists("Workbook") or ole.exists("Book")
    # The library raises whatever a broken file leads it into.
    except Exception as error:
        return _damaged(f"The file is an old compound document that can't be opened: {error}.")
    if protected:
        return WorkbookRefused(
            Code.PASSWORD_PROTECTED,
            "The workbook is protected with a password.",
            "Open it, remove the password (File, Info, Protect Workbook), save it and import it again.",
        )
    if legacy:
        return WorkbookRefused(
            Code.LEGACY_XLS,
            "The workbook is in the old .xls format (Excel 97 to 2003); .xlsx is needed.",
            _SAVE_AS,
        )
    return WorkbookRefused(
        Code.NOT_A_WORKBOOK, "The file is a compound document, but holds no workbook.", _SAVE_AS
    )


def _check_directory(members: list[zipfile.ZipInfo], packed: int) -> None:
    if len(members) > MAX_PARTS:
        raise _bomb(f"it has {len(members):,} parts; a workbook has less than {MAX_PARTS:,}")
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_UNPACKED_BYTES:
        raise _bomb(f"it unpacks to {unpacked:,} bytes; {MAX_UNPACKED_BYTES:,} are allowed")
    if unpacked > RATIO_APPLIES_FROM and unpacked > MAX_RATIO * packed:
        raise _bomb(f"it unpacks to {unpacked // packed:,} times its size; {MAX_RATIO} times are allowed")
    for member in members:
        if member.flag_bits & 0x1:
            raise WorkbookRefused(
                Code.PASSWORD_PROTECTED,
                "The file is a zip archive that is protected with a password.",
                "Unpack it, or save the workbook without a password.",
            )
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _damaged(
                f"The part `{member.filename}` is packed in a way that workbooks don't use "
                f"(method {member.compress_type})."
            )


def _check_is_workbook(names: Collection[str]) -> None:
    if "xl/workbook.bin" in names:
        raise WorkbookRefused(
            Code.BINARY_XLSB, "The workbook is in the binary .xlsb format; .xlsx is needed.", _SAVE_AS
        )
    if "[content_types].xml" in names and not any(name.startswith(("word/", "ppt/")) for name in names):
        return
    if any(name.startswith("xl/") for name in names):
        raise WorkbookRefused(
            Code.MISSING_PART,
            "The workbook's part `[Content_Types].xml` is missing from the file.",
            "The file was cut or changed by another program: save it anew from the spreadsheet program.",
        )
    what = (
        "an OpenDocument file"
        if "mimetype" in names
        else "a document or presentation"
        if "[content_types].xml" in names
        else "a zip archive of other files"
    )
    raise WorkbookRefused(Code.NOT_A_WORKBOOK, f"The file is not an Excel workbook: it is {what}.", _SAVE_AS)


def _damaged(message: str) -> WorkbookRefused:
    return WorkbookRefused(
        Code.DAMAGED, message, "Open it in the spreadsheet program, which may repair it, and save it anew."
    )


def _bomb(why: str) -> WorkbookRefused:
    return WorkbookRefused(
        Code.ZIP_BOMB,
        f"The file is packed like a zip bomb: {why}.",
        "Delete formatted but empty rows and columns and save it anew; leave a file of unknown origin alone.",
    )
