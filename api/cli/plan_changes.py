"""What a plan changes against the one before it, in a few lines."""

from __future__ import annotations

from typing import Any

from api.cli.failure import CommandFailed
from api.cli.runs import plan_before, told_id
from api.cli.session import Session
from api.wording import counted

COMPARED = """
query ($run: ID!, $before: ID!) {
  planRun(id: $run) {
    ... on ReplanRun {
      comparedTo(runId: $before) {
        moldsMoved newlyLate { orderId } noLongerLate { orderId }
        patternsAdded { orderId } patternsRemoved { orderId }
      }
    }
  }
}
"""
NOT_COMPARABLE = {"NO_COMMON_DAYS", "NO_PLAN"}
"""Codes of two plans between which there is nothing to compare."""
MOST_NAMED = 10
"""Orders that are named in a line; further ones are counted."""
_CALLED = {
    "newlyLate": "late that were not",
    "noLongerLate": "no longer late",
    "patternsAdded": "molded that were not",
    "patternsRemoved": "no longer molded",
}


async def told_changes(session: Session, scenario_id: str, run_id: str) -> list[str]:
    """Tell what a run's plan changes against the scenario's plan before; of a first plan nothing.

    The plan is stored and printed by then: what can't be compared is told, and fails nothing.
    """
    try:
        before = await plan_before(session, scenario_id, run_id)
        return [] if before is None else await _told_against(session, run_id, before)
    except CommandFailed as failure:
        return [f"What changes against the plan before can't be told: {failure}"]


async def _told_against(session: Session, run_id: str, before: dict[str, Any]) -> list[str]:
    whose = f"of {before['asofDate']} (run {told_id(before['id'])})"
    try:
        answer = await session.insist(COMPARED, run=run_id, before=before["id"])
    except CommandFailed as failure:
        if failure.code in NOT_COMPARABLE:
            return [f"The plan before, {whose}, shares no working day with this one."]
        raise
    found = answer["planRun"]["comparedTo"]
    lines = [f"  {called}: {_named(found[key])}" for key, called in _CALLED.items() if found[key]]
    moved = found["moldsMoved"]
    what = f"{counted(moved, 'mold')} moved" if moved or lines else "nothing changes"
    return [f"Against the plan before, {whose}, {what} on the days that both plan.", *lines]


def _named(orders: list[dict[str, Any]]) -> str:
    more = len(orders) - MOST_NAMED
    names = ", ".join(order["orderId"] for order in orders[:MOST_NAMED])
    return f"{names} and {more} more" if more > 0 else names
