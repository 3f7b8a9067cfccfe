"""Files as the schema shows them: a format, and a link under which one is fetched."""

from __future__ import annotations

from datetime import datetime
from typing import Self

import strawberry

from api.context import Context
from api.relay import described_enum
from api.reports.formats import ExportFormat
from api.reports.links import Target

described_enum(
    "The format of an exported file.",
    {
        "CSV": "The rows alone: ScrapChef's grade and heats, or a plan's molds by day and order; cells "
        "that a spreadsheet would run are escaped.",
        "XLSX": "A workbook: a forecast's grades with intervals, groups and notes, or a plan's calendar, "
        "orders and days.",
        "JSON": "Everything, for programs.",
    },
)(ExportFormat)


@strawberry.type(description="Where to fetch a file, without further sign-in, for a short time.")
class DownloadLink:
    """A signed link."""

    url: str = strawberry.field(
        description="Fetch it with GET; it works with the rights of whom it was made for."
    )
    expires_at: datetime = strawberry.field(description="Until when the link works.")

    @classmethod
    def to(cls, context: Context, target: Target, file_name: str) -> Self:
        """Make a link with the rights of the caller."""
        link = context.services.links.make(context.base_url, context.identity, target, file_name)
        return cls(url=link.url, expires_at=link.expires_at)
