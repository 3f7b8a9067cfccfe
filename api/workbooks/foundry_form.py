"""Whether the rows of a foundry's workbook have the form of a problem: bounds, choices, settings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from api.workbooks.cells import describe
from api.workbooks.content import Content, FoundryTable
from api.workbooks.foundry_places import Places, Spot
from api.workbooks.foundry_tables import ONCE
from solver_jobs.faults import describe_faults
from solver_jobs.foundry.problem import FoundryProblem, Settings


@dataclass(frozen=True, slots=True)
class FormFault:
    """An entry that the form of a problem does not allow: where, and what to say about it."""

    path: tuple[str | int, ...]
    spot: Spot
    message: str
    hint: str


def problem_of(content: Content) -> dict[str, Any]:
    """Put the tables of a workbook together as a foundry problem in its JSON form."""
    rows = {table.table: [row.values for row in table.rows] for table in content.foundry}
    single = {name: found[0] for name in ONCE if (found := rows.pop(name, None))}
    settings = {str(row["setting"]): row.get("value") for row in rows.pop("settings", []) if "setting" in row}
    holidays = [row["holiday"] for row in rows.pop("holidays", []) if "holiday" in row]
    if not rows.get("previous_plan"):
        rows.pop("previous_plan", None)
    told = {name: _whole(value) for name, value in settings.items()}
    scenario = single.pop("scenario", {})
    return {**rows, **scenario, **single, "settings": told, "holidays": holidays}


def _whole(value: object) -> object:
    """Take a number without decimals as whole: cells know no other numbers than those with decimals."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def form_faults(tables: Sequence[FoundryTable], *, refused: bool) -> list[FormFault]:
    """List the entries that the form of a problem does not allow, each with its cell.

    Parameters
    ----------
    refused
        Whether the reader has refused cells, tables or columns: what is missing then was told by it.
    """
    try:
        FoundryProblem.model_validate(problem_of(Content(foundry=tuple(tables))))
    except ValidationError as error:
        places = Places(tables)
        told = zip(error.errors(include_url=False), describe_faults(error), strict=True)
        return [
            _fault(places, fault, sentence)
            for fault, sentence in told
            if not (refused and fault["type"] == "missing")
        ]
    return []


def _fault(places: Places, fault: ErrorDetails, sentence: str) -> FormFault:
    path, found = fault["loc"], fault["input"]
    if path[0] == "settings" and fault["type"] == "extra_forbidden":
        return _unknown_setting(places, path)
    sheet, place = places.of(path)
    expected = sentence.partition(", expected ")[2]
    if not place or not expected:
        return FormFault(path, (sheet, place), f"{sentence}.", "Correct the entry, or add it.")
    message = f"`{path[-1]}` is {_in_words(found)}; expected {expected}."
    return FormFault(path, (sheet, place), message, _way(found, expected))


def _in_words(found: object) -> str:
    match found:
        case bool() | float() | str():
            return describe(found)
        case int():
            return describe(float(found))
    return "blank"


def _way(found: object, expected: str) -> str:
    """Tell what to do about a cell: where case alone is wrong, what to write."""
    choices = re.findall(r"'([^']*)'", expected)
    meant = next((c for c in choices if isinstance(found, str) and c.casefold() == found.casefold()), None)
    return f"Write {meant}." if meant else "Correct the cell."


def _unknown_setting(places: Places, path: tuple[str | int, ...]) -> FormFault:
    name, known = str(path[1]), list(Settings.model_fields)
    near = get_close_matches(name.casefold().replace(" ", "_"), known, 1)
    hint = f"Write {near[0]}, if that is meant." if near else "Delete the row, or write one of these."
    message = f"{name!r} is no setting; expected one of {', '.join(known)}."
    return FormFault(path, places.setting(name), message, hint)
