"""`pourplan replan`: the foundry planner's Monday at a terminal."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from api.cli.failure import AnswerLost, CommandFailed, CommandInterrupted, run_failure
from api.cli.plan_changes import told_changes
from api.cli.plan_sheet import PlanSheet
from api.cli.runs import told_id
from api.cli.scenarios import find_scenario
from api.cli.session import Session
from api.cli.terminal import err, out, show_progress
from api.reports.plans import PlanReport
from solver_jobs.foundry.problem import read_plan, read_problem

END = """
mutation ($run: ID!) {
  cancelRun(input: {runId: $run, keepBest: true}) { userErrors { message hint } }
}
"""

REPLAN = """
mutation ($scenario: ID!, $seconds: Int!, $key: String!) {
  replanMonday(input: {scenarioId: $scenario, timeLimitSeconds: $seconds, idempotencyKey: $key}) {
    run { id }
    userErrors { message hint }
  }
}
"""

FOLLOW = """
subscription ($run: ID!) {
  runUpdates(runId: $run) {
    status progress { phase percent bestObjective bestBound gap } error { code message hint details }
  }
}
"""

PLAN = """
query ($run: ID!) {
  planRun(id: $run) {
    status ... on ReplanRun { asofDate scenario { name } problem plan warnings }
  }
}
"""


async def replan(session: Session, scenario: str | None, *, time_limit: int, weeks: int) -> None:
    """Replan a scenario by its name, the base scenario unless told, and print the plan.

    Raises
    ------
    CommandFailed
        There is no such scenario, or it can't be planned.
    """
    chosen = await find_scenario(session, scenario)
    # By its key it is one run, however often it is asked for.
    asked = await session.insist(REPLAN, scenario=chosen["id"], seconds=time_limit, key=str(uuid4()))
    run_id = asked["replanMonday"]["run"]["id"]
    with _named_in_failures(run_id):
        with _ended_by_interrupt(session, run_id):
            ended = await show_progress(f"Replan {chosen['name']}", session.follow(FOLLOW, run=run_id))
        if ended["status"] != "SUCCEEDED":
            raise run_failure(ended, "plan")
        report, name = await _report(session, run_id)
        title = f"{name}, from Monday {report.problem.asof_date:%d %B %Y}"
        out.print(PlanSheet.of(report.problem, report.plan, title, report.warnings).render(weeks))
        for line in await told_changes(session, chosen["id"], run_id):
            out.print(line, markup=False, soft_wrap=True)
        out.print(f"As a file: pourplan export plan {told_id(run_id)}", style="dim", soft_wrap=True)


@contextmanager
def _named_in_failures(run_id: str) -> Iterator[None]:
    """Name a stored run in whatever fails after it was queued: by its id its plan is found again."""
    key = told_id(run_id)
    try:
        yield
    except AnswerLost as failure:
        raise CommandFailed(
            f"{failure}\nThe run {key} is stored, and goes on without this terminal.",
            f"Once it has succeeded: pourplan export plan {key}",
        ) from failure
    except CommandFailed as failure:
        raise CommandFailed(f"{failure}\nThe run is {key}.", failure.hint) from failure
    except KeyboardInterrupt:
        raise CommandInterrupted(f"Interrupted. The run is {key}.") from None


@contextmanager
def _ended_by_interrupt(session: Session, run_id: str) -> Iterator[None]:
    """Let the first Ctrl-C end the run with its best plan; a second one ends the command."""
    loop, command = asyncio.get_running_loop(), asyncio.current_task()
    ending: list[asyncio.Task[None]] = []
    given_up = asyncio.Event()

    def on_interrupt() -> None:
        if not ending:
            ending.append(loop.create_task(_end(session, run_id)))
        elif command is not None:
            given_up.set()
            command.cancel()

    try:
        loop.add_signal_handler(signal.SIGINT, on_interrupt)
    except NotImplementedError:  # Windows knows no signal handlers of a loop
        yield
        return
    try:
        yield
    except asyncio.CancelledError:
        if given_up.is_set():
            raise KeyboardInterrupt from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _end(session: Session, run_id: str) -> None:
    """End a run with its best plan; where that can't be, say so."""
    try:
        await session.insist(END, run=run_id)
    except CommandFailed as failure:
        told = f"! The run can't be ended: {failure} Ctrl-C again ends this command."
        err.print(told, style="yellow", markup=False, soft_wrap=True)


async def _report(session: Session, run_id: str) -> tuple[PlanReport, str]:
    """Read the plan of a run, and the name of its scenario."""
    run = (await session.insist(PLAN, run=run_id))["planRun"]
    report = PlanReport(read_problem(run["problem"]), read_plan(run["plan"]), tuple(run["warnings"]))
    return report, run["scenario"]["name"]
