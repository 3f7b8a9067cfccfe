"""The report of an import, as it is shown and stored."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

from api.workbooks.kinds import WorkbookKind
from api.workbooks.messages import CellMessage, Severity


@dataclass(frozen=True, slots=True)
class WorkbookReport:
    """What came of an import.

    Attributes
    ----------
    kind
        What the workbook was recognised as (its first sheet of a known kind); None where it was refused
        before that.
    sha256
        Of the file, in hexadecimal.
    stored
        Whether the database says now what the file says: neither an error nor a dry run.
    rows_read
        Figures (a grade or group in a month) and heats found in the file.
    rows_stored
        Of these, how many are new or changed what was stored.
    import_id
        The record of the import; None where nothing was changed.
    """

    kind: WorkbookKind | None
    sha256: str
    stored: bool
    rows_read: int
    rows_stored: int
    messages: tuple[CellMessage, ...]
    import_id: UUID | None = None

    @property
    def refused(self) -> bool:
        """Whether an error kept the file from being stored."""
        return any(message.severity is Severity.ERROR for message in self.messages)

    def unstored(self) -> WorkbookReport:
        """Give the report of the same import, taken back."""
        return replace(self, stored=False, rows_stored=0, import_id=None)

    def as_json(self) -> dict[str, Any]:
        """Give the form in which reports are stored beside their imports."""
        return {
            "kind": self.kind,
            "sha256": self.sha256,
            "stored": self.stored,
            "rows_read": self.rows_read,
            "rows_stored": self.rows_stored,
            "messages": [asdict(message) for message in self.messages],
        }
