"""Which scenario a foundry's workbook is stored as, told: name, Monday, what it replaces, what to type."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from api.database import Connection
from api.foundry import store
from api.relay import UserMistake, checked_name
from api.workbooks.cells import day_in_words
from api.workbooks.content import FoundryTable
from api.workbooks.messages import CellMessage, Code, Severity, coordinate

UNNAMED = "Foundry"
"""Name of a scenario whose workbook tells none."""

# The scenario that is meant where none is named, as the schema's `baseScenario`.
BASE = """
select id, name from scenarios where archived_at is null order by is_base desc, created_at, id limit 1
"""


@dataclass(frozen=True, slots=True)
class Target:
    """The scenario that a workbook goes to, as it is before the import.

    `before` are its data, None where it is new; `base` is the name of another scenario that is the base, None
    where this one is.
    """

    name: str
    named: bool
    before: dict[str, Any] | None
    base: str | None

    @classmethod
    async def find(cls, connection: Connection, name: str | None) -> Target:
        """Look up the scenario of a name, which a workbook may leave out."""
        meant = name or UNNAMED
        key: UUID | None = await store.named(connection, meant)
        before = await store.problem(connection, key) if key else None
        base = await connection.fetchrow(BASE)
        other = base["name"] if base is not None and base["id"] != key else None
        return cls(meant, bool(name), before, other)

    def misnamed(self, scenario: FoundryTable) -> CellMessage | None:
        """Tell what is wrong about the name; None where it may stand."""
        try:
            checked_name(self.name, (), "Write the name anew, without what other programs left in it.")
        except UserMistake as mistake:
            row, column = scenario.rows[0].number, scenario.columns.get("name", 1)
            place = coordinate(row, column)
            return CellMessage(
                Severity.ERROR, scenario.sheet, place, Code.FOUNDRY_CELL, mistake.message, mistake.hint
            )
        return None

    def messages(self, scenario: FoundryTable, monday: date, *, changed: bool) -> Iterator[CellMessage]:
        """Tell where the data go, and ask about a name that is not told."""
        if not self.named:
            row, column = scenario.rows[0].number, scenario.columns.get("name", 1)
            fate = ", and replace its data" if changed and self.before else ""
            yield CellMessage(
                Severity.WARNING,
                scenario.sheet,
                coordinate(row, column),
                Code.FOUNDRY_UNNAMED,
                f"The workbook names no scenario: the data are stored as {UNNAMED!r}{fate}.",
                "Write a name, such as KW 33, below `name`.",
            )
        yield CellMessage(
            Severity.INFO,
            "",
            None,
            Code.FOUNDRY_SCENARIO,
            f"Scenario {self.name!r}, as of Monday {day_in_words(monday)}: {self._fate(changed=changed)}; "
            f"{self._standing()}.",
            f"To plan it: {self.command()}",
        )

    def _fate(self, *, changed: bool) -> str:
        if self.before is None:
            return "new"
        if not changed:
            return "unchanged"
        old = date.fromisoformat(self.before["asof_date"])
        return f"replaces its data as of {day_in_words(old)}"

    def _standing(self) -> str:
        if self.base is None:
            return "it is the base scenario, which is planned where none is named"
        return f"where no scenario is named, the base scenario {self.base!r} is planned"

    def command(self) -> str:
        """Give what to type to plan the scenario."""
        if self.base is None:
            return "pourplan replan"
        # Double quotes, which Windows knows too, unless a shell would look into them.
        name = shlex.quote(self.name) if set('"$`\\!') & set(self.name) else f'"{self.name}"'
        return f"pourplan replan --scenario {name}"
