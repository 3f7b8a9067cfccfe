"""Foundry problems at the door: read, checked, and what is wrong about them told as mistakes of the user."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from api.foundry.places import Path, Place, name_of, same_place
from api.payloads import UserMistakes
from api.relay import UserMistake, is_storable
from solver_jobs.errors import JobError
from solver_jobs.faults import Fault, faults_of, place_of
from solver_jobs.foundry.findings import Finding
from solver_jobs.foundry.problem import FoundryProblem, read_problem

MOST_MISTAKES = 50
"""Further ones are counted."""
_IN_JSON: Mapping[type, str] = {
    type(None): "nothing",
    list: "a list",
    bool: "true or false",
    int: "a number",
    float: "a number",
}
"""How values are called that are no object."""
_OF_KEY = "`pourplan schema foundry` lists the keys that there are, and those that are required."
_OF_VALUE = "Correct it where the data come from, and hand them in again."


async def sound_problem(
    content: object, path: Sequence[str], place: Place = same_place
) -> tuple[FoundryProblem, list[Finding]]:
    """Read a problem in its JSON form, and give it with what is odd about it.

    Parameters
    ----------
    path
        The input field that it came in.
    place
        From the place of a mistake in the problem to that within this field.

    Raises
    ------
    UserMistakes
        It is no foundry problem, or can't be planned: everything that is wrong, each with its place.
    """
    return await asyncio.to_thread(_sound_problem, content, tuple(path), place)


def _sound_problem(content: object, field: Path, place: Place) -> tuple[FoundryProblem, list[Finding]]:
    from solver_jobs.foundry.checks import check  # with the tables of numpy, which the start can do without

    problem = formed_problem(content, field, place)
    findings = check(problem)
    errors = [finding for finding in findings if finding.severity == "ERROR"]
    if errors:
        mistakes = [
            UserMistake(found.code, found.message, path=(*field, *place(found.path)), hint=found.hint)
            for found in errors
        ]
        raise UserMistakes(first_ones(mistakes, field))
    return problem, findings


def formed_problem(content: object, field: Path, place: Place = same_place) -> FoundryProblem:
    """Read a problem in its JSON form, whether it can be planned or not.

    Raises
    ------
    UserMistake, UserMistakes
        It is no foundry problem.
    """
    if not isinstance(content, str | Mapping):
        found = _IN_JSON.get(type(content), "something else")
        raise UserMistake(
            "PROBLEM_INVALID",
            f"The problem is {found}; expected a JSON object.",
            path=field,
            hint="`pourplan schema foundry` describes its form.",
        )
    try:
        problem = read_problem(content)
    except JobError as error:
        if not isinstance(error.__cause__, ValidationError):
            raise UserMistake(error.code, error.message, path=field, hint=error.hint) from error
        read = json.loads(content) if isinstance(content, str) else content
        _require_storable(read, field, place)
        mistakes = [_mistake(error.code, fault, read, field, place) for fault in faults_of(error.__cause__)]
        raise UserMistakes(first_ones(mistakes, field)) from error
    return problem


def _mistake(code: str, fault: Fault, content: object, field: Path, place: Place) -> UserMistake:
    """Tell a fault by its place in the input, and by the name of the order or part."""
    within = place(fault.path)
    name = name_of(content, fault.path)
    where = " ".join(filter(None, (place_of(within), f"({name})" if name else "")))
    return UserMistake(
        code,
        f"{where or 'The problem'}: {fault.said}",
        path=(*field, *within),
        hint=_OF_KEY if fault.of_key else _OF_VALUE,
    )


def _require_storable(content: object, field: Path, place: Place) -> None:
    """Refuse texts that no answer could repeat, before anything else is told about them."""
    if isinstance(content, Mapping):
        content = {table: rows for table, rows in content.items() if table != "meta"}
    found = min(_unstorable(content), default=None)
    if found is None:
        return
    path, what = place(found[0]), found[1]
    raise UserMistake(
        "TEXT_UNSTORABLE",
        f"{place_of(path) or 'A text of the problem'} holds {what}; expected none.",
        path=(*field, *path),
        hint="Write the text anew: such characters come from other programs' files, and are not seen.",
    )


def _unstorable(content: object) -> Iterator[tuple[Path, str]]:
    """Find the texts that can't be stored, and what they hold; however deep they are."""
    waiting: list[tuple[Path, object]] = [((), content)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str) and not is_storable(value):
            yield path, "a zero character" if "\0" in value else "half a character"
        elif isinstance(value, Mapping):
            # A key that can't be told has no path of its own.
            waiting += [(path, key) for key in value]
            waiting += [((*path, key), inner) for key, inner in value.items() if is_storable(key)]
        elif isinstance(value, Sequence) and not isinstance(value, str):
            waiting += [((*path, str(position)), inner) for position, inner in enumerate(value)]


def first_ones(mistakes: list[UserMistake], path: Path) -> list[UserMistake]:
    """Give the first mistakes, and how many more there are."""
    more = len(mistakes) - MOST_MISTAKES
    if more <= 0:
        return mistakes
    rest = UserMistake("AND_MORE", f"And {more} more.", path=path, hint="Correct these first.")
    return [*mistakes[:MOST_MISTAKES], rest]


def same_data(one: FoundryProblem, other: FoundryProblem) -> bool:
    """Whether two problems say the same, in whatever order their smaller tables are."""
    return plain_data(one) == plain_data(other)


def plain_data(problem: FoundryProblem) -> dict[str, Any]:
    """Give what a problem says, so that it compares: smaller tables in one order, without their asof_date."""
    kept = problem.model_dump(mode="json", exclude={"name", "meta", "scenario_id"})
    for table, rows in kept.items():
        if isinstance(rows, list) and table not in ("parts", "orders"):
            told = [
                {name: value for name, value in row.items() if name != "asof_date"}
                if isinstance(row, dict)
                else row
                for row in rows
            ]
            kept[table] = sorted(told, key=str)
    return {**kept, "calendar_workdays": kept["calendar_workdays"] or None}


def stored_form(problem: FoundryProblem) -> dict[str, Any]:
    """Give the JSON form that is stored of a scenario: no remarks, and no settings that are defaults."""
    settings = problem.settings.model_dump(mode="json", exclude_defaults=True)
    return {**problem.model_dump(mode="json", exclude={"meta"}), "settings": settings}
