"""Reading who imported what and when."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.reads.mapping import Page, falling, read
from api.relay import Connection
from api.workbooks.types import WorkbookImport


@strawberry.type
class WorkbookQueries:
    """What can be asked of imports."""

    imports: Connection[WorkbookImport] = read(
        Page(order=(falling("imported_at", datetime),)),
        description="Workbooks that changed something, the newest first.",
    )
