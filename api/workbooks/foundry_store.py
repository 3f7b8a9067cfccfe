"""A foundry's workbook into its scenario: put together as a problem, checked whole, stored under its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from api.database import Connection
from api.foundry import store
from api.foundry.problem import same_data, sound_problem, stored_form
from api.payloads import UserMistakes
from api.relay import UserMistake
from api.workbooks.content import Content, FoundryTable, Reading
from api.workbooks.foundry_scenario import Target
from api.workbooks.foundry_tables import TABLES
from api.workbooks.messages import CellMessage, Code, Severity, coordinate
from api.workbooks.report import WorkbookReport
from solver_jobs.foundry.findings import Finding
from solver_jobs.foundry.problem import read_problem


async def put_foundry(
    connection: Connection, reading: Reading, sha256: str, *, dry_run: bool
) -> WorkbookReport:
    """Store a foundry's workbook as the data of the scenario that it names, instead of those that it had.

    Parameters
    ----------
    connection
        With an open transaction in which row-level security sees the caller.
    reading
        Of a foundry's workbook, without errors.
    """
    places = {table.table: table for table in reading.content.foundry}
    content = problem_of(reading.content)
    try:
        problem, findings = await sound_problem(content, ())
    except UserMistakes as several:
        said = [_message(places, mistake) for mistake in several.mistakes]
        return _report(reading, sha256, said, stored=False)
    except UserMistake as mistake:
        return _report(reading, sha256, [_message(places, mistake)], stored=False)
    said = [_message(places, finding) for finding in findings]
    target = await Target.find(connection, problem.name)
    changed = target.before is None or not same_data(read_problem(target.before), problem)
    said += target.messages(places["scenario"], problem.asof_date, changed=changed)
    if not changed:
        nothing = "Nothing changed: all that the workbook says is stored already."
        said.append(CellMessage(Severity.INFO, "", None, Code.NOTHING_CHANGED, nothing))
        return _report(reading, sha256, said, stored=not dry_run)
    if not dry_run:
        await store.put_scenario(connection, target.name, stored_form(problem))
    return _report(reading, sha256, said, stored=not dry_run, changed=not dry_run)


def problem_of(content: Content) -> dict[str, Any]:
    """Put the tables of a workbook together as a foundry problem in its JSON form."""
    rows = {table.table: [row.values for row in table.rows] for table in content.foundry}
    scenario, resources = rows.pop("scenario")[0], rows.pop("resources")[0]
    settings = {str(row["setting"]): row.get("value") for row in rows.pop("settings", [])}
    holidays = [row["holiday"] for row in rows.pop("holidays", [])]
    if not rows.get("previous_plan"):
        rows.pop("previous_plan", None)
    told = {name: _whole(value) for name, value in settings.items()}
    return {**rows, **scenario, "resources": resources, "settings": told, "holidays": holidays}


def _whole(value: object) -> object:
    """Take a number without decimals as whole: cells know no other numbers than those with decimals."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _message(places: dict[str, FoundryTable], found: Finding | UserMistake) -> CellMessage:
    """Tell a finding at its cell, where its path leads to one."""
    is_odd = isinstance(found, Finding)
    sheet, cell = _cell(places, found.path)
    return CellMessage(
        Severity.WARNING if is_odd else Severity.ERROR,
        sheet,
        cell,
        Code.FOUNDRY_ODD if is_odd else Code.FOUNDRY_UNSOUND,
        found.message,
        found.hint,
    )


def _cell(places: dict[str, FoundryTable], path: Sequence[str]) -> tuple[str, str | None]:
    table = places.get("scenario" if path[:1] == ("asof_date",) else path[0]) if path else None
    if table is None:
        return "", None
    names = list(TABLES[table.table])
    column = next((names.index(step) + 1 for step in reversed(path) if step in names), 1)
    position = next((int(step) for step in path[1:] if step.isdigit()), 0)
    if not table.rows or position >= len(table.rows):
        return table.sheet, None
    row = table.rows[position]
    return table.sheet, coordinate(row.number, table.columns.get(names[column - 1], column))


def _report(
    reading: Reading, sha256: str, said: Sequence[CellMessage], *, stored: bool, changed: bool = False
) -> WorkbookReport:
    return WorkbookReport(
        kind=reading.kind,
        sha256=sha256,
        stored=stored,
        rows_read=reading.content.rows,
        rows_stored=reading.content.rows if changed else 0,
        messages=(*reading.messages, *said),
        import_id=uuid4() if changed else None,
    )
