"""`pourplan export plan`: a foundry's plan as a file."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from api.cli.failure import CommandFailed
from api.cli.scenarios import find_scenario
from api.cli.session import Session, file_name_of
from api.cli.terminal import err
from api.cli.writing import write_file
from api.relay import node_id, parse_node_id
from api.reports.formats import ExportFormat

NEWEST = """
query ($scenario: ID!, $after: String) {
  planRuns(kind: REPLAN, status: SUCCEEDED, scenarioId: $scenario, first: 50, after: $after) {
    nodes { id ... on ReplanRun { whatIf { __typename } } } pageInfo { hasNextPage endCursor }
  }
}
"""

PLAN = """
query ($run: ID!, $form: ExportFormat!) {
  planRun(id: $run) {
    status
    ... on ReplanRun {
      asofDate scenario { name } whatIf { __typename } plan download(format: $form) { url }
    }
  }
}
"""


async def export_plan(session: Session, run: str | None, form: ExportFormat, target: Path | None) -> None:
    """Write a plan to a file; "-" is standard output. Without a run, the base scenario's newest plan.

    Raises
    ------
    CommandFailed
        There is no such plan, or the file can't be written.
    """
    run_id = _node_id(run) if run else await _newest(session)
    found = (await session.ask(PLAN, run=run_id, form=form.name))["planRun"]
    if found is None or found.get("plan") is None:
        status = "is not there" if found is None else f"is {found['status']} and has no plan"
        raise CommandFailed(f"The run {parse_node_id(run_id)[1]} {status}.", "Make a plan: pourplan replan")
    url = found["download"]["url"]
    if path := write_file(await session.fetch(url), target, Path(file_name_of(url))):
        molds = sum(row["molds"] for row in found["plan"]["x"])
        under = ", under a what-if" if found["whatIf"] else ""
        told = f"{molds:,} molds of {found['scenario']['name']} from {found['asofDate']}{under}"
        err.print(f"Wrote {path}: {told}.", markup=False, soft_wrap=True)


def _node_id(run: str) -> str:
    try:
        return node_id("ReplanRun", UUID(run))
    except ValueError:
        return run


async def _newest(session: Session) -> str:
    """Find the newest plan of the base scenario: what was only tried out is not the foundry's plan."""
    base = await find_scenario(session)
    async for one in session.each(NEWEST, scenario=base["id"]):
        if one["whatIf"] is None:
            return str(one["id"])
    raise CommandFailed(f"There is no plan of {base['name']} yet.", "Make one: pourplan replan")
