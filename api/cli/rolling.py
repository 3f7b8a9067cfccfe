"""`pourplan roll` without files: the stored scenario becomes that of a later Monday."""

from __future__ import annotations

import shlex

from api.cli.runs import newest_plan, told_id
from api.cli.scenarios import find_scenario
from api.cli.session import Session
from api.cli.terminal import err, out

ROLL = """
mutation ($scenario: ID!, $run: ID!, $weeks: Int!) {
  rollScenario(input: {scenarioId: $scenario, runId: $run, weeks: $weeks}) {
    scenario { name asofDate isBase }
    userErrors { message hint }
  }
}
"""


async def roll_scenario(session: Session, name: str | None, *, weeks: int) -> None:
    """Carry a scenario on, the base scenario unless named, as if its newest plan had been carried out.

    Raises
    ------
    CommandFailed
        There is no such scenario, or no plan of its Monday.
    """
    chosen = await find_scenario(session, name)
    plan = await newest_plan(session, chosen)
    asked = await session.ask(ROLL, scenario=chosen["id"], run=plan["id"], weeks=weeks)
    later = asked["rollScenario"]["scenario"]
    out.print(
        f"{later['name']}: carried on from {plan['asofDate']} to {later['asofDate']}, as if its newest plan, "
        f"of run {told_id(plan['id'])}, had been carried out.",
        markup=False,
        soft_wrap=True,
    )
    option = "" if later["isBase"] else f" --scenario {shlex.quote(later['name'])}"
    err.print(f"To plan it: pourplan replan{option}", style="dim", markup=False, soft_wrap=True)
