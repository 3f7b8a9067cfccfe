"""`pourplan export problem`: what a run planned, or what a scenario holds, as a foundry problem in JSON."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import orjson

from api.cli.failure import CommandFailed
from api.cli.runs import run_id_of
from api.cli.scenarios import find_scenario
from api.cli.session import Session
from api.cli.terminal import err
from api.cli.writing import write_file

OF_RUN = """
query ($run: ID!) {
  planRun(id: $run) { kind ... on ReplanRun { scenario { name } whatIf { __typename } problem } }
}
"""

OF_SCENARIO = "query ($id: ID!) { node(id: $id) { ... on Scenario { name archivedAt problem } } }"


async def export_problem(
    session: Session, run: str | None, scenario: str | None, target: Path | None
) -> None:
    """Write the problem of a run to a file, else that of a scenario as it is; "-" is standard output.

    A scenario that was deleted is known by its former name, or by its id.

    Raises
    ------
    CommandFailed
        There is no such run or scenario, or the file can't be written.
    """
    if run and scenario:
        raise CommandFailed("Both a run and a scenario are named.", "Name one: a run knows its scenario.")
    name, found, whose = await (_of_run(session, run) if run else _of_scenario(session, scenario))
    # By its name it finds back into its scenario.
    found = {**found, "name": name}
    content = orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if path := write_file(content, target, Path(f"pourplan-problem-{found['asof_date']}.json")):
        err.print(f"Wrote {path}: {whose}, as of {found['asof_date']}.", markup=False, soft_wrap=True)


async def _of_run(session: Session, run: str) -> tuple[str, dict[str, Any], str]:
    found = (await session.ask(OF_RUN, run=run_id_of(run)))["planRun"]
    if found is None:
        raise CommandFailed(
            f"The run {run} is not there.", "Leave it out for the data of the scenario as they are."
        )
    if "problem" not in found:
        raise CommandFailed(f"The run {run} is a forecast, and has no foundry problem.")
    if not found["problem"]:
        raise CommandFailed(
            f"The run {run} has no problem: it could not be prepared.",
            "Its scenario has the data: pourplan export problem --scenario "
            + shlex.quote(found["scenario"]["name"]),
        )
    under = ", under a what-if" if found["whatIf"] else ""
    name = found["scenario"]["name"]
    return name, found["problem"], f"what the run planned of {name}{under}"


async def _of_scenario(session: Session, name: str | None) -> tuple[str, dict[str, Any], str]:
    chosen = await find_scenario(session, name, deleted=True)
    found = (await session.ask(OF_SCENARIO, id=chosen["id"]))["node"]
    if found is None:
        raise CommandFailed(f"The scenario {chosen['name']} is not there any more.")
    deleted = found["archivedAt"]
    state = f", which was deleted on {deleted[:10]}" if deleted else " as it is"
    return found["name"], found["problem"], f"the scenario {found['name']}{state}"
