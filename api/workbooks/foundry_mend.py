"""The sound rows of a foundry's workbook in which something is wrong, filled up to a problem.

So names, doubles and days are judged at once with what is wrong in single cells. What holds only by a
stand-in is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from api.workbooks.content import Content, FoundryRow, FoundryTable, Scalar
from api.workbooks.foundry_form import FormFault, problem_of
from api.workbooks.foundry_places import Spot
from api.workbooks.foundry_tables import NEEDED, ONCE, TABLES, Form
from solver_jobs.errors import JobError
from solver_jobs.foundry.findings import Finding
from solver_jobs.foundry.problem import FoundryProblem, read_problem

_JUDGED: Mapping[str, Collection[str]] = {
    "ASOF_NOT_MONDAY": (),
    "DUPLICATE_ROW": (),
    "UNKNOWN_PART": ("parts",),
    "UNKNOWN_ORDER": ("orders",),
    "CALENDAR_GAP": ("calendar_workdays",),
    "CALENDAR_NOT_ASCENDING": ("calendar_workdays",),
    "CALENDAR_BEFORE_ASOF": ("calendar_workdays",),
    "LATE_WEIGHT_ZERO": ("settings",),
    "FROZEN_WITHOUT_PREVIOUS_PLAN": ("previous_plan",),
}
"""Findings that hold whatever the wrong cells are meant to be, as long as these tables lost no row."""

_KEYS = {"parts": "part_id", "orders": "order_id"}
"""Tables whose rows others name: a row is kept by its name, whatever else is wrong in it."""
_A_MONDAY = "2000-01-03"
_STAND_INS: Mapping[Form, Scalar] = {Form.TEXT: "S", Form.WHOLE: 0, Form.NUMBER: 0.0, Form.DAY: _A_MONDAY}
_NO_RESOURCES = {name: 0 for name, column in TABLES["resources"].items() if column.required}


def findings_of_the_rest(
    tables: Sequence[FoundryTable], faults: Sequence[FormFault]
) -> tuple[list[FoundryTable], list[Finding]]:
    """Judge the sound rows; the paths of the findings count the rows of the tables given with them."""
    from solver_jobs.foundry.checks import check  # with the tables of numpy, which the start can do without

    wrong = {fault.spot for fault in faults}
    filled = [_filled(table, wrong) for table in tables]
    mended = [table for table, _ in filled]
    problem = _problem(mended)
    if problem is None:
        return mended, []
    present = {table.table: table for table in mended}
    maimed = {name for name in NEEDED if name not in present or not present[name].rows}
    maimed |= {
        a.table for b, a in zip(tables, mended, strict=True) if not b.whole or len(a.rows) < len(b.rows)
    }
    stood_in = {path for _, paths in filled for path in paths}
    return mended, [
        finding
        for finding in check(problem)
        if finding.code in _JUDGED
        and maimed.isdisjoint(_JUDGED[finding.code])
        and finding.path not in stood_in
    ]


def _filled(table: FoundryTable, wrong: Collection[Spot]) -> tuple[FoundryTable, set[tuple[str, ...]]]:
    """Take out wrong values; keep rows that are whole all the same, or can be filled: with what, by paths."""
    rows: list[FoundryRow] = []
    stood_in: set[tuple[str, ...]] = set()
    for row in table.rows:
        values = {
            name: value
            for name, value in row.values.items()
            if (table.sheet, (row.number, table.columns[name])) not in wrong
        }
        lacking = [
            name
            for name, column in TABLES[table.table].items()
            if name not in values and (column.required or (table.table == "settings" and name in row.values))
        ]
        if lacking and table.table not in ONCE and _KEYS.get(table.table) not in values:
            continue
        stood_in |= {(table.table, str(len(rows)), name) for name in lacking}
        forms = TABLES[table.table]
        rows.append(FoundryRow(row.number, {**values, **{n: _STAND_INS[forms[n].form] for n in lacking}}))
    return replace(table, rows=tuple(rows)), stood_in


def _problem(tables: Sequence[FoundryTable]) -> FoundryProblem | None:
    """Make a problem of what there is; None where even that can't be one."""
    content = {"asof_date": _A_MONDAY, "parts": [], "orders": [], "resources": _NO_RESOURCES}
    try:
        return read_problem(content | problem_of(Content(foundry=tuple(tables))))
    except JobError:
        return None
