"""`pourplan forecast` and `pourplan export`: run a forecast and print it, or write it to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from api.cli.failure import CommandFailed, run_failure
from api.cli.session import ForecastFile, Session
from api.cli.terminal import err, print_forecast, show_progress
from api.cli.writing import write_file
from api.reports.formats import ExportFormat
from api.wording import counted

RUN_FORECAST = """
mutation ($month: Month!, $rounding: Rounding!) {
  runForecast(input: {month: $month, rounding: $rounding}) {
    run { id }
    userErrors { message hint }
  }
}
"""

FOLLOW = """
subscription ($run: ID!) {
  runUpdates(runId: $run) { status progress { phase percent } error { code message hint details } }
}
"""

FORECAST = """
query ($run: ID!) {
  planRun(id: $run) {
    ... on ForecastRun {
      month totalHeats warnings
      groups { productGroup { name } orderedHeats forecastHeats }
      heats { grade { name } productGroup { name } heats committedHeats low high tons }
      unassigned { grade { name } heats suggestion }
    }
  }
}
"""


async def run_forecast(session: Session, month: str, *, round_up: bool) -> dict[str, Any]:
    """Run a forecast to its end and give it.

    Raises
    ------
    CommandFailed
        It could not be run, or failed.
    """
    rounding = "ROUND_UP" if round_up else "LARGEST_REMAINDER"
    asked = await session.ask(RUN_FORECAST, month=month, rounding=rounding)
    run_id = asked["runForecast"]["run"]["id"]
    ended = await show_progress(f"Forecast {month}", session.follow(FOLLOW, run=run_id))
    if ended["status"] != "SUCCEEDED":
        raise run_failure(ended, "forecast")
    forecast: dict[str, Any] = (await session.ask(FORECAST, run=run_id))["planRun"]
    return forecast


async def forecast(session: Session, month: str, *, round_up: bool) -> None:
    """Run a forecast and print it."""
    print_forecast(await run_forecast(session, month, round_up=round_up))


async def export_forecast(session: Session, month: str, form: ExportFormat, target: Path | None) -> None:
    """Write the newest forecast of a month to a file; "-" is standard output.

    Raises
    ------
    CommandFailed
        There is none yet, or the file can't be written.
    """
    found = await session.newest_forecast(month, form)
    if found is None:
        raise CommandFailed(f"There is no forecast of {month} yet.", f"Make one: pourplan forecast {month}")
    err.print(_which(month, found))
    if path := write_file(found.content, target, Path(found.name)):
        heats, grades = counted(found.total_heats, "heat"), counted(found.grades, "grade")
        err.print(f"Wrote {path}: {heats} of {grades} in {month}.")


ROUNDED = {
    "ROUND_UP": ": every grade rounded up to the next heat",
    "LARGEST_REMAINDER": ": rounded within each group's heats",
}


def _which(month: str, found: ForecastFile) -> str:
    finished = f"{found.finished_at.astimezone():%Y-%m-%d %H:%M %Z}" if found.finished_at else "now"
    return f"The newest forecast of {month}, finished {finished}{ROUNDED.get(found.rounding or '', '')}."
