"""A foundry's workbook into its scenario: judged as a problem, stored under its name."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from api.database import Connection
from api.foundry import store
from api.foundry.problem import same_data, stored_form
from api.workbooks.content import FoundryTable, Reading
from api.workbooks.foundry_changes import FoundryChanges
from api.workbooks.foundry_judge import judged
from api.workbooks.foundry_scenario import Target
from api.workbooks.messages import CellMessage, Code, Severity
from api.workbooks.report import WorkbookReport
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
    problem, said = await judged(reading)
    if problem is None:
        return _report(reading, sha256, said, stored=False)
    target = await Target.find(connection, problem.name)
    if misnamed := target.misnamed(_scenario(reading)):
        return _report(reading, sha256, [misnamed, *said], stored=False)
    before = None if target.before is None else read_problem(target.before)
    changed = before is None or not same_data(before, problem)
    said = [*target.messages(_scenario(reading), problem.asof_date, changed=changed), *said]
    if not changed:
        nothing = "Nothing changed: all that the workbook says is stored already."
        said.append(CellMessage(Severity.INFO, "", None, Code.NOTHING_CHANGED, nothing))
        return _report(reading, sha256, said, stored=not dry_run)
    if not dry_run:
        await store.put_scenario(connection, target.name, stored_form(problem))
    changes = FoundryChanges.between(before, problem, reading.content.foundry)
    said += changes.messages()
    return _report(reading, sha256, said, stored=not dry_run, changes=None if dry_run else changes)


def _scenario(reading: Reading) -> FoundryTable:
    return next(table for table in reading.content.foundry if table.table == "scenario")


def _report(
    reading: Reading,
    sha256: str,
    said: Sequence[CellMessage],
    *,
    stored: bool,
    changes: FoundryChanges | None = None,
) -> WorkbookReport:
    return WorkbookReport(
        kind=reading.kind,
        sha256=sha256,
        stored=stored,
        rows_read=reading.content.rows,
        rows_stored=changes.rows if changes else 0,
        messages=(*reading.messages, *said),
        import_id=uuid4() if changes else None,
    )
