"""`pourplan demo`: the sample plant, from its workbooks to ScrapChef's September and the foundry's Monday."""

from __future__ import annotations

from api.cli.failure import CommandFailed
from api.cli.forecasting import forecast
from api.cli.importing import import_files
from api.cli.local_session import LocalSession
from api.cli.replanning import replan
from api.cli.sample import SAMPLE, WORKBOOKS, digests, stored_digests
from api.cli.scenarios import SCENARIOS, import_scenario
from api.cli.session import Session
from api.cli.terminal import out

SAMPLE_MONTH = "2024-09"
FOUNDRY = "Sample foundry"
FOUNDRY_SECONDS = 10
"""Enough to come near the best plan; a real Monday is worth a minute."""
WEEKS = 2
"""Weeks that are printed day by day."""


async def demonstrate(session: Session) -> None:
    """Import the sample workbooks, unless another plant is at home here, and forecast September.

    Raises
    ------
    CommandFailed
        The session is with a service elsewhere; or the samples are not there: they come with the source,
        not with the installed package.
    """
    if not isinstance(session, LocalSession):
        raise CommandFailed(
            f"POURPLAN_URL is {session.place!r}: the sample plant is for this machine, not for a "
            "service that others work with.",
            "Unset POURPLAN_URL for it.",
        )
    if not WORKBOOKS:
        raise CommandFailed(
            f"There are no sample workbooks in {SAMPLE}.", "Run it in a checkout of Pourplan."
        )
    if await stored_digests(session) - digests(WORKBOOKS):
        out.print(f"{session.place} holds other workbooks: the sample is not mixed in.")
        out.print("For the sample alone: POURPLAN_DATA=/a/new/folder make demo\n")
    else:
        await import_files(session, WORKBOOKS, dry_run=False)
    await forecast(session, SAMPLE_MONTH, round_up=False)
    await _demonstrate_foundry(session)


async def _demonstrate_foundry(session: Session) -> None:
    """Import the sample foundry, unless another one is at home here, and replan its Monday."""
    scenarios = {one["name"] async for one in session.each(SCENARIOS)}
    out.print()
    if scenarios - {FOUNDRY}:
        out.print("There are other foundry scenarios here: the sample foundry is not mixed in.")
        return
    await import_scenario(session, SAMPLE / "foundry.json", name=FOUNDRY)
    out.print()
    await replan(session, FOUNDRY, time_limit=FOUNDRY_SECONDS, weeks=WEEKS)
