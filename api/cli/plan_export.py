"""`pourplan export plan`: a foundry's plan as a file."""

from __future__ import annotations

from pathlib import Path

from api.cli.failure import CommandFailed
from api.cli.runs import newest_plan, run_id_of, told_id
from api.cli.scenarios import find_scenario
from api.cli.session import Session, file_name_of
from api.cli.terminal import err
from api.cli.writing import write_file
from api.reports.formats import ExportFormat

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
    run_id = run_id_of(run) if run else (await newest_plan(session, await find_scenario(session)))["id"]
    found = (await session.ask(PLAN, run=run_id, form=form.name))["planRun"]
    if found is None or found.get("plan") is None:
        status = "is not there" if found is None else f"is {found['status']} and has no plan"
        raise CommandFailed(
            f"The run {run or told_id(run_id)} {status}.",
            "Leave it out for the base scenario's newest plan, or make a plan: pourplan replan",
        )
    url = found["download"]["url"]
    if path := write_file(await session.fetch(url), target, Path(file_name_of(url))):
        molds = sum(row["molds"] for row in found["plan"]["x"])
        under = ", under a what-if" if found["whatIf"] else ""
        told = f"{molds:,} molds of {found['scenario']['name']} from {found['asofDate']}{under}"
        whose = f"Its run is {told_id(run_id)}."
        err.print(f"Wrote {path}: {told}. {whose}", markup=False, soft_wrap=True)
