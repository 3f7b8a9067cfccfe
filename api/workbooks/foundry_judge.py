"""A foundry's workbook judged as a problem, as far as it was read: every finding with its cell."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from api.foundry.problem import sound_problem
from api.payloads import UserMistakes
from api.relay import UserMistake
from api.workbooks.content import FoundryTable, Reading
from api.workbooks.foundry_form import FormFault, form_faults, problem_of
from api.workbooks.foundry_mend import findings_of_the_rest
from api.workbooks.foundry_places import Places
from api.workbooks.messages import CellMessage, Code, Findings
from solver_jobs.foundry.findings import Finding
from solver_jobs.foundry.problem import FoundryProblem


async def judged(reading: Reading) -> tuple[FoundryProblem | None, list[CellMessage]]:
    """Judge what was read; the problem is None where it can't be planned.

    Where the reader or the form refuses something, the rest is judged by itself as far as that is sound.
    """
    tables = reading.content.foundry
    faults = await asyncio.to_thread(form_faults, tables, refused=reading.refused)
    if faults or reading.refused:
        mended, found = await asyncio.to_thread(findings_of_the_rest, tables, faults)
        return None, [*_told(tables, faults, []), *_told(mended, [], found)]
    try:
        problem, odd = await sound_problem(problem_of(reading.content), ())
    except UserMistakes as several:
        return None, _told(tables, [], several.mistakes)
    except UserMistake as mistake:
        return None, _told(tables, [], [mistake])
    return problem, _told(tables, [], odd)


def _told(
    tables: Sequence[FoundryTable], faults: Sequence[FormFault], found: Sequence[Finding | UserMistake]
) -> list[CellMessage]:
    """Tell faults and findings, each at its cell."""
    places = Places(tables)
    sheets: dict[str, Findings] = {}
    for fault in faults:
        sheet, place = fault.spot
        said = sheets.setdefault(sheet, Findings(sheet))
        said.error(Code.FOUNDRY_CELL, place, fault.message, fault.hint)
    for one in found:
        sheet, place = places.of(one.path, one.code, one.message)
        said = sheets.setdefault(sheet, Findings(sheet))
        if isinstance(one, Finding) and one.severity == "WARNING":
            said.warn(Code.FOUNDRY_ODD, place, one.message, one.hint)
        else:
            said.error(Code.FOUNDRY_UNSOUND, place, one.message, one.hint)
    return [message for said in sheets.values() for message in said.messages()]
