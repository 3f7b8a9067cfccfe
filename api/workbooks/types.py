"""Workbooks, what was said about them, and who brought them, as the schema shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import strawberry

from api.auth import LOCAL_USER
from api.context import Info
from api.reads.mapping import Column, Document, Json, Table, read, stored
from api.relay import Node, described_enum
from api.reports.links import Target
from api.reports.types import DownloadLink
from api.workbooks.kinds import WorkbookKind
from api.workbooks.messages import Severity

# Row-level security decides which members and keys the caller is told of.
IMPORTED_BY_NAME = (
    "coalesce((select m.email from tenant_members as m"  # noqa: S608
    " where m.tenant_id = {row}.tenant_id and m.user_id = {row}.imported_by),"
    " (select k.name from api_keys as k where k.tenant_id = {row}.tenant_id and k.id = {row}.imported_by),"
    f" case when {{row}}.imported_by = '{LOCAL_USER}' then 'this machine' end)"
)

described_enum(
    "What a workbook holds, told by its titles and headers.",
    {
        "STEEL_GRADE_PRODUCTION": "Tons per steel grade and month.",
        "PRODUCT_GROUPS_MONTHLY": "Heats ordered per product group and month.",
        "DAILY_CHARGE_SCHEDULE": "Start time, grade and mould size of each heat, day by day.",
        "FOUNDRY": "Orders, parts, capacities and the state of a foundry.",
        "MULTISITE": "Sites, lines, products and demand of a network. Can't be read yet.",
    },
)(WorkbookKind)

described_enum(
    "What a message means for the import.",
    {
        "INFO": "Tells what was done.",
        "WARNING": "Was taken all the same, and wants a look.",
        "ERROR": "A reason not to store the file.",
    },
)(Severity)


@stored(Document())
@strawberry.type(description="One thing said about a workbook.")
class CellMessage:
    """A message with its place."""

    severity: Severity = strawberry.field(description="What it means for the import.")
    sheet: str = strawberry.field(description="Name of the sheet; empty where the whole file is meant.")
    cell: str | None = strawberry.field(description='The cell, as "Z2"; null where the whole sheet is meant.')
    code: str = strawberry.field(description="Stable name of what is said, for programs.")
    message: str = strawberry.field(description="What was found and what was expected, for people.")
    hint: str | None = strawberry.field(description="What to do next.")

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Self:
        """Show a message in its stored form."""
        return cls(
            severity=Severity(message["severity"]),
            sheet=message["sheet"],
            cell=message["cell"],
            code=str(message["code"]),
            message=message["message"],
            hint=message["hint"],
        )


@stored(Document())
@strawberry.type(description="What came of reading a workbook.")
class WorkbookReport:
    """The report of an import."""

    kind: WorkbookKind = strawberry.field(description="What the workbook was recognised as.")
    sha256: str = strawberry.field(description="SHA-256 of the file, in hexadecimal.")
    stored: bool = strawberry.field(
        description="Whether its figures are stored now; false for a dry run and where a message is an ERROR."
    )
    rows_read: int = strawberry.field(description="Figures and heats found in the file.")
    rows_stored: int = strawberry.field(description="Of these, how many changed what was stored.")
    messages: list[CellMessage] = strawberry.field(description="All that is to say, sheet by sheet.")

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> Self:
        """Show a report in its stored form."""
        return cls(
            kind=WorkbookKind(report["kind"]),
            sha256=report["sha256"],
            stored=report["stored"],
            rows_read=report["rows_read"],
            rows_stored=report["rows_stored"],
            messages=[CellMessage.of(message) for message in report["messages"]],
        )


@stored(Table("workbook_imports"))
@strawberry.type(description="A workbook that changed something: who brought it, when, and what was said.")
class WorkbookImport(Node):
    """One import."""

    key: strawberry.Private[UUID]
    kind: WorkbookKind = strawberry.field(description="What the workbook was recognised as.")
    file_name: str = strawberry.field(description="The file's name when it came.")
    sha256: str = strawberry.field(description="SHA-256 of the file, in hexadecimal.")
    size_bytes: int = strawberry.field(description="Size of the file in bytes.")
    rows_read: int = strawberry.field(description="Figures and heats found in the file.")
    rows_stored: int = strawberry.field(description="Of these, how many changed what was stored.")
    imported_at: datetime = strawberry.field(description="When it was imported.")
    imported_by: strawberry.ID = strawberry.field(description="Id of the user who imported it.")
    imported_by_name: str | None = read(
        Column(IMPORTED_BY_NAME),
        description="Who that is: the e-mail address of a member, the name of an API key (told to admins), "
        "or `this machine` where nobody signs in; null where no name is known.",
    )
    report: WorkbookReport = read(Json("{row}.report"), description="What was said about it.")

    @strawberry.field(description="The file as it came, under a short-lived link.")
    def original(self, info: Info) -> DownloadLink:
        """Make a link to the original file."""
        return DownloadLink.to(info.context, Target("original", self.key), self.file_name)
