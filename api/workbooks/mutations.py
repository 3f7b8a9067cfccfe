"""Bringing workbooks in."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import strawberry
from strawberry.file_uploads import Upload

from api.context import Info
from api.payloads import answers_mistakes
from api.relay import UserError, bad_request
from api.roles import Role, require
from api.workbooks import store
from api.workbooks.kinds import WorkbookKind
from api.workbooks.messages import Severity
from api.workbooks.package import MAX_BYTES
from api.workbooks.report import WorkbookReport as Report
from api.workbooks.sandbox import read_safely
from api.workbooks.types import WorkbookReport

FILE = ("input", "file")


@runtime_checkable
class UploadedFile(Protocol):
    """A file of a multipart request."""

    @property
    def filename(self) -> str | None:
        """What its owner calls it."""

    async def read(self, size: int = -1) -> bytes:
        """Read up to so many bytes of it; all of it unless told."""


@strawberry.input(description="A plant's workbook.")
class ImportWorkbookInput:
    """What to import."""

    file: Upload = strawberry.field(
        description="The file (.xlsx), by the GraphQL multipart request specification."
    )
    kind: WorkbookKind | None = strawberry.field(
        default=None, description="What the workbook has to be; recognised from its content unless told."
    )
    dry_run: bool | None = strawberry.field(default=False, description="Tell everything and store nothing.")


@strawberry.type(description="What came of the workbook.")
class ImportWorkbookPayload:
    """Answer of `importWorkbook`."""

    report: WorkbookReport | None = strawberry.field(
        default=None,
        description="What was read and stored; null if the file can't be read or is of no known kind.",
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing could be read; empty if the report tells."
    )


@strawberry.type
class WorkbookMutations:
    """What can be brought in."""

    @strawberry.mutation(
        description="Import a workbook, all or nothing; the same file twice changes nothing. It replaces "
        "what it covers, and what it doesn't mention stays. For planners."
    )
    @answers_mistakes(ImportWorkbookPayload)
    async def import_workbook(
        self,
        info: Info,
        input: ImportWorkbookInput,  # noqa: A002 - the argument's name in the schema
    ) -> ImportWorkbookPayload:
        """Read the workbook in a child process, then store what it says."""
        async with info.context.transaction() as connection:
            await require(connection, Role.PLANNER, "importing a workbook")
        services = info.context.services
        name, content = await _content(input.file)
        # Reading may take its time: nobody waits for a connection meanwhile.
        reading = await read_safely(content, input.kind)
        async with info.context.transaction() as connection:
            report = await store.store_reading(
                connection, name, content, reading, dry_run=bool(input.dry_run), files=services.originals
            )
        return _answer(report)


async def _content(file: object) -> tuple[str, bytes]:
    """Take the file's name and its bytes: one more than allowed is enough for the reader to refuse it."""
    if not isinstance(file, UploadedFile):
        raise bad_request(
            "input.file is not an uploaded file; send it as the GraphQL multipart request specification "
            "says.",
            path=list(FILE),
        )
    return file.filename or "", await file.read(MAX_BYTES + 1)


def _answer(report: Report) -> ImportWorkbookPayload:
    if report.kind is not None:
        return ImportWorkbookPayload(report=WorkbookReport.of(report.as_json()))
    errors = [message for message in report.messages if message.severity is Severity.ERROR]
    return ImportWorkbookPayload(
        user_errors=[
            UserError(code=error.code, message=error.message, path=list(FILE), hint=error.hint)
            for error in errors
        ]
    )
