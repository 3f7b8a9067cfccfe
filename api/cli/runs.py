"""A foundry's replans at a terminal: named by their ids, or the newest of a scenario."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from api.cli.failure import CommandFailed
from api.cli.session import Session
from api.relay import UserMistake, node_id, parse_node_id

PLANS = """
query ($scenario: ID!, $after: String) {
  planRuns(kind: REPLAN, status: SUCCEEDED, scenarioId: $scenario, first: 50, after: $after) {
    nodes { id ... on ReplanRun { asofDate whatIf { __typename } } }
    pageInfo { hasNextPage endCursor }
  }
}
"""


def run_id_of(typed: str) -> str:
    """Read the id of a run as it is told at a terminal, or as GraphQL tells it.

    Raises
    ------
    CommandFailed
        It is none.
    """
    try:
        return node_id("ReplanRun", UUID(typed))
    except ValueError:
        pass
    try:
        parse_node_id(typed)
    except UserMistake:
        raise CommandFailed(
            f"{typed!r} is not the id of a run.",
            "`pourplan replan` and `pourplan export plan` tell the ids of their runs, such as "
            "0b0e3d5c-6f0a-4b7e-9d43-5c1f7a2e8b90.",
        ) from None
    return typed


def told_id(run_id: str) -> str:
    """Give the id of a run as it is told at a terminal."""
    return str(parse_node_id(run_id)[1])


async def newest_plan(session: Session, scenario: dict[str, Any]) -> dict[str, Any]:
    """Find the newest plan of a scenario: id and Monday.

    Raises
    ------
    CommandFailed
        It has none yet.
    """
    if (run := await newest_plan_of(session, scenario["id"])) is not None:
        return run
    raise CommandFailed(f"There is no plan of {scenario['name']} yet.", "Make one: pourplan replan")


async def newest_plan_of(session: Session, scenario_id: str) -> dict[str, Any] | None:
    """Find the plan of a scenario that was asked for last: id and Monday; None where it has none."""
    async for run in _plans(session, scenario_id):
        return run
    return None


async def plan_before(session: Session, scenario_id: str, run_id: str) -> dict[str, Any] | None:
    """Find the plan of a scenario that was asked for before a run: id and Monday; None for the first one."""
    passed = False
    async for run in _plans(session, scenario_id):
        if passed:
            return run
        passed = run["id"] == run_id
    return None


async def _plans(session: Session, scenario_id: str) -> AsyncIterator[dict[str, Any]]:
    """Yield a scenario's plans, the newest first; what was only tried out is not the foundry's plan."""
    async for run in session.each(PLANS, scenario=scenario_id):
        if run["whatIf"] is None:
            yield run
