"""Foundry problems at the door: read, checked, and what is wrong about them told as mistakes of the user."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from api.payloads import UserMistakes
from api.relay import UserMistake
from solver_jobs.errors import JobError
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


async def sound_problem(content: object, path: Sequence[str]) -> tuple[FoundryProblem, list[Finding]]:
    """Read a problem in its JSON form, and give it with what is odd about it.

    Parameters
    ----------
    path
        The input field that it came in.

    Raises
    ------
    UserMistakes
        It is no foundry problem, or can't be planned: everything that is wrong, each with its place.
    """
    return await asyncio.to_thread(_sound_problem, content, tuple(path))


def _sound_problem(content: object, path: tuple[str, ...]) -> tuple[FoundryProblem, list[Finding]]:
    from solver_jobs.foundry.checks import check  # with the tables of numpy, which the start can do without

    problem = _read(content, path)
    findings = check(problem)
    errors = [finding for finding in findings if finding.severity == "ERROR"]
    if errors:
        raise UserMistakes(
            _first_ones(
                [
                    UserMistake(found.code, found.message, path=(*path, *found.path), hint=found.hint)
                    for found in errors
                ],
                path,
            )
        )
    return problem, findings


def _read(content: object, path: tuple[str, ...]) -> FoundryProblem:
    if not isinstance(content, str | Mapping):
        found = _IN_JSON.get(type(content), "something else")
        raise UserMistake(
            "PROBLEM_INVALID",
            f"The problem is {found}; expected a JSON object.",
            path=path,
            hint="`pourplan schema foundry` describes its form.",
        )
    try:
        problem = read_problem(content)
    except JobError as error:
        faults = error.details or [error.message]
        raise UserMistakes(
            _first_ones(
                [UserMistake(error.code, fault, path=path, hint=error.hint) for fault in faults], path
            )
        ) from error
    if b"\\u0000" in orjson.dumps(problem.model_dump(mode="json")):
        raise UserMistake(
            "TEXT_UNSTORABLE", "A text of the problem holds a zero character; expected none.", path=path
        )
    return problem


def _first_ones(mistakes: list[UserMistake], path: tuple[str, ...]) -> list[UserMistake]:
    more = len(mistakes) - MOST_MISTAKES
    if more <= 0:
        return mistakes
    rest = UserMistake("AND_MORE", f"And {more} more.", path=path, hint="Correct these first.")
    return [*mistakes[:MOST_MISTAKES], rest]


def same_data(one: FoundryProblem, other: FoundryProblem) -> bool:
    """Whether two problems say the same, in whatever order their smaller tables are."""
    return _ordered(one) == _ordered(other)


def _ordered(problem: FoundryProblem) -> dict[str, Any]:
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
    """Give the JSON form from which a scenario is stored; of the settings, those that are no defaults."""
    settings = problem.settings.model_dump(mode="json", exclude_defaults=True)
    return {**problem.model_dump(mode="json"), "settings": settings}
