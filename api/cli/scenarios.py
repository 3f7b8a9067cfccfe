"""A foundry's scenarios at a terminal: imported, checked, found by name."""

from __future__ import annotations

import shlex
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import orjson

from api.cli.failure import AnswerLost, CommandFailed, job_failure
from api.cli.runs import newest_plan_of, told_id
from api.cli.session import Session
from api.cli.solving import read_content
from api.cli.terminal import out
from api.wording import counted, one_line
from solver_jobs.errors import JobError
from solver_jobs.foundry.checks import require_sound
from solver_jobs.foundry.problem import read_problem

NEAREST = 20
"""How many scenarios are named where the one asked for is not there."""

BASE = "{ baseScenario { id name } }"

SCENARIOS = """
query ($after: String) {
  scenarios(first: 1000, after: $after) { nodes { id name } pageInfo { hasNextPage endCursor } }
}
"""

DELETED = """
query ($after: String) {
  scenarios(archived: true, first: 1000, after: $after) {
    nodes { id name archivedAt } pageInfo { hasNextPage endCursor }
  }
}
"""

IMPORT = """
mutation ($name: String!, $problem: JSON!) {
  importScenario(input: {name: $name, problem: $problem}) {
    scenario { id name asofDate isBase orders(first: 0) { totalCount } parts(first: 0) { totalCount } }
    warnings { code message hint }
    userErrors { message hint }
  }
}
"""


async def import_scenario(session: Session, path: Path, *, name: str | None = None) -> None:
    """Store a foundry problem from a JSON file as a scenario: under its own name, else the file's.

    Raises
    ------
    CommandFailed
        It can't be read, or can't be planned.
    """
    try:
        problem = orjson.loads(read_content(path))
    except orjson.JSONDecodeError as error:
        raise CommandFailed(f"{path} is no JSON: {error}.") from error
    own = problem.get("name") if isinstance(problem, dict) else None
    stored = await _store(session, path, name or own or path.stem, problem)
    scenario = stored["scenario"]
    base = ", the base scenario" if scenario["isBase"] else ""
    out.print(
        f"{path.name}: foundry scenario {scenario['name']!r}{base}, as of {scenario['asofDate']}: "
        f"{scenario['orders']['totalCount']} orders of {scenario['parts']['totalCount']} parts.",
        markup=False,
        soft_wrap=True,
    )
    for warning in stored["warnings"]:
        out.print(f"! {warning['message']} {warning['hint']}", style="yellow", markup=False, soft_wrap=True)


async def _store(session: Session, path: Path, name: str, problem: Any) -> dict[str, Any]:
    """Ask for the import, and name the file in what is wrong about it."""
    try:
        stored: dict[str, Any] = (await session.ask(IMPORT, name=name, problem=problem))["importScenario"]
    except AnswerLost:
        raise
    except CommandFailed as failure:
        told = str(failure)
        raise CommandFailed(
            f"{path}:\n{told}" if "\n" in told else f"{path}: {told}", failure.hint
        ) from failure
    return stored


def check_scenario(path: Path) -> None:
    """Print what an import would say about a foundry problem.

    Raises
    ------
    CommandFailed
        It can't be read, or can't be planned.
    """
    try:
        problem = read_problem(read_content(path))
        findings = require_sound(problem)
    except JobError as error:
        raise job_failure(error, path) from error
    out.print(
        f"{path.name}: foundry problem as of {problem.asof_date}: {counted(len(problem.orders), 'order')} of "
        f"{counted(len(problem.parts), 'part')}; nothing is stored.",
        markup=False,
        soft_wrap=True,
    )
    for finding in findings:
        out.print(f"! {finding.message} {finding.hint}", style="yellow", markup=False, soft_wrap=True)


async def find_scenario(
    session: Session, name: str | None = None, *, deleted: bool = False
) -> dict[str, Any]:
    """Give id and name of a scenario, the base scenario unless named.

    Parameters
    ----------
    deleted
        Whether one will do that was deleted and archived, by its former name or by its id.

    Raises
    ------
    CommandFailed
        There is no such scenario.
    """
    base: dict[str, Any] | None = (await session.ask(BASE))["baseScenario"]
    if base is None:
        raise CommandFailed(
            "There is no foundry scenario yet.", "Import one: pourplan import data/sample/foundry.json"
        )
    if name is None:
        return base
    name = one_line(name)
    if name == base["name"]:
        return base
    others: list[str] = []
    async for one in session.each(SCENARIOS):
        if one["name"] == name:
            return one
        others.append(one["name"])
    there = _nearest(name, others)
    gone = [one async for one in session.each(DELETED) if name in (one["name"], told_id(one["id"]))]
    if not gone:
        raise CommandFailed(f"There is no scenario {name!r}.", there)
    if not deleted:
        raise await _deleted(session, gone, there)
    if len(gone) > 1:
        raise CommandFailed(
            f"{len(gone)} scenarios named {name!r} were deleted.",
            f"Take the id of one instead of the name: {', '.join(map(_told_deleted, gone))}",
        )
    return gone[0]


async def _deleted(session: Session, gone: list[dict[str, Any]], there: str) -> CommandFailed:
    """Tell what is kept of the scenario that was deleted last of these, and how to come by it."""
    last = max(gone, key=lambda one: datetime.fromisoformat(one["archivedAt"]))
    named = shlex.quote(last["name"] if len(gone) == 1 else told_id(last["id"]))
    kept = f"Its data are kept: pourplan export problem --scenario {named}"
    if (plan := await newest_plan_of(session, last["id"])) is not None:
        kept += f"\nIts newest plan, too: pourplan export plan {told_id(plan['id'])}"
    return CommandFailed(f"The scenario {last['name']!r} was deleted.", f"{kept}\n{there}")


def _told_deleted(scenario: dict[str, Any]) -> str:
    return f"{told_id(scenario['id'])} (deleted on {scenario['archivedAt'][:10]})"


def _nearest(name: str, others: list[str]) -> str:
    if len(others) <= NEAREST:
        return f"There are: {', '.join(sorted(others))}"
    nearest = get_close_matches(name, others, NEAREST, cutoff=0)
    return f"The nearest of {len(others):,}: {', '.join(nearest)}"
