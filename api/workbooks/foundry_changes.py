"""How many rows of a foundry's workbook change what is stored, and how many stored rows go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.foundry.problem import plain_data
from api.wording import counted
from api.workbooks.content import FoundryTable
from api.workbooks.foundry_tables import ONCE, TABLES
from api.workbooks.messages import CellMessage, Code, Severity
from solver_jobs.foundry.problem import FoundryProblem

_OF_SCENARIO = ("asof_date", "frozen_days")
"""What the one row of `scenario` says, beside the name by which the stored one was found."""


@dataclass(frozen=True, slots=True)
class FoundryChanges:
    """What an import changes of the data that a scenario has.

    Attributes
    ----------
    rows
        Rows of the workbook that are new, or say something else than what is stored.
    removed
        Stored rows by table that have no counterpart in the workbook.
    """

    rows: int
    removed: Mapping[str, int]

    @classmethod
    def between(
        cls, before: FoundryProblem | None, now: FoundryProblem, tables: Sequence[FoundryTable]
    ) -> FoundryChanges:
        """Compare what is stored, None for a new scenario, with what the workbook's tables say."""
        if before is None:
            return cls(sum(len(table.rows) for table in tables), {})
        old, new = plain_data(before), plain_data(now)
        removed = {name: len(old[name] or ()) - len(new[name] or ()) for name in _lists()}
        return cls(
            sum(_changed(table, old, new) for table in tables),
            {name: count for name, count in removed.items() if count > 0},
        )

    def messages(self) -> Iterable[CellMessage]:
        """Tell what goes, for no row of the workbook shows it."""
        if self.removed:
            tables = ", ".join(f"{count} of {name}" for name, count in self.removed.items())
            told = counted(sum(self.removed.values()), "stored row is", "stored rows are")
            yield CellMessage(Severity.INFO, "", None, Code.REPLACED, f"{told} removed: {tables}.")


def _lists() -> list[str]:
    return [name for name in TABLES if name not in (*ONCE, "settings")]


def _changed(table: FoundryTable, old: Mapping[str, Any], new: Mapping[str, Any]) -> int:
    name = table.table
    if name == "scenario":
        return int(any(old[key] != new[key] for key in _OF_SCENARIO))
    if name == "settings":
        told = {str(row.values.get("setting")) for row in table.rows}
        return sum(old[name].get(setting) != new[name].get(setting) for setting in told)
    if name in ONCE:
        return int(old[name] != new[name])
    return (_counts(new[name]) - _counts(old[name])).total()


def _counts(rows: Iterable[object] | None) -> Counter[str]:
    return Counter(str(row) for row in rows or ())
