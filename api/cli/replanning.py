"""`pourplan replan`, and a plan as a file: the foundry planner's Monday at a terminal."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson

from api.cli.failure import AnswerLost, CommandFailed
from api.cli.plan_sheet import PlanSheet
from api.cli.session import Session
from api.cli.solving import read_content
from api.cli.terminal import err, out, show_progress
from api.cli.writing import write_file
from api.relay import node_id, parse_node_id
from api.reports.formats import ExportFormat
from api.reports.plans import PlanReport, render_plan
from api.wording import counted
from solver_jobs.errors import JobError
from solver_jobs.foundry.checks import require_sound
from solver_jobs.foundry.problem import read_plan, read_problem

SCENARIOS = "{ scenarios(first: 1000) { nodes { id name } } baseScenario { id name } }"

IMPORT = """
mutation ($name: String!, $problem: JSON!) {
  importScenario(input: {name: $name, problem: $problem}) {
    scenario { id name asofDate isBase orders(first: 0) { totalCount } parts(first: 0) { totalCount } }
    warnings { code message hint }
    userErrors { message hint }
  }
}
"""

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
    status progress { phase percent bestObjective bestBound gap } error { message hint details }
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

NEWEST = "{ planRuns(kind: REPLAN, status: SUCCEEDED, first: 1) { nodes { id } } }"


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
    stored = (await session.ask(IMPORT, name=name or own or path.stem, problem=problem))["importScenario"]
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
        raise CommandFailed("\n".join([error.message, *error.details]), error.hint) from error
    out.print(
        f"{path.name}: foundry problem as of {problem.asof_date}: {counted(len(problem.orders), 'order')} of "
        f"{counted(len(problem.parts), 'part')}; nothing is stored.",
        markup=False,
        soft_wrap=True,
    )
    for finding in findings:
        out.print(f"! {finding.message} {finding.hint}", style="yellow", markup=False, soft_wrap=True)


async def replan(session: Session, scenario: str | None, *, time_limit: int, weeks: int) -> None:
    """Replan a scenario by its name, the base scenario unless told, and print the plan.

    Raises
    ------
    CommandFailed
        There is no such scenario, or it can't be planned.
    """
    chosen = await _scenario(session, scenario)
    # By its key it is one run, however often it is asked for.
    asked = await session.insist(REPLAN, scenario=chosen["id"], seconds=time_limit, key=str(uuid4()))
    run_id = asked["replanMonday"]["run"]["id"]
    with _named_in_failures(run_id):
        with _ended_by_interrupt(session, run_id):
            ended = await show_progress(f"Replan {chosen['name']}", session.follow(FOLLOW, run=run_id))
        if ended["status"] != "SUCCEEDED":
            error = ended["error"] or {"message": f"The run was {ended['status'].lower()}.", "details": []}
            raise CommandFailed("\n".join([error["message"], *error["details"]]), error.get("hint"))
        report, name = await _report(session, run_id)
    title = f"{name}, from Monday {report.problem.asof_date:%d %B %Y}"
    out.print(PlanSheet.of(report.problem, report.plan, title, report.warnings).render(weeks))
    out.print(f"As a file: pourplan export plan {parse_node_id(run_id)[1]}", style="dim", soft_wrap=True)


@contextmanager
def _named_in_failures(run_id: str) -> Iterator[None]:
    """Name a stored run in whatever fails after it was queued: by its id its plan is found again."""
    key = parse_node_id(run_id)[1]
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
        err.print(f"The run is {key}.", style="dim")
        raise


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


async def export_plan(session: Session, run: str | None, form: ExportFormat, target: Path | None) -> None:
    """Write a plan to a file; "-" is standard output. Without a run, the newest plan.

    Raises
    ------
    CommandFailed
        There is no such plan, or the file can't be written.
    """
    report, _ = await _report(session, await _run_id(session, run))
    if path := write_file(render_plan(report, form), target, Path(report.file_name(form))):
        molds = sum(row.molds for row in report.plan.x)
        err.print(f"Wrote {path}: {molds:,} molds from {report.problem.asof_date}.", soft_wrap=True)


async def _scenario(session: Session, name: str | None) -> dict[str, Any]:
    found = await session.ask(SCENARIOS)
    base: dict[str, Any] | None = found["baseScenario"]
    if base is None:
        raise CommandFailed(
            "There is no foundry scenario yet.", "Import one: pourplan import data/sample/foundry.json"
        )
    if name is None:
        return base
    by_name: dict[str, dict[str, Any]] = {one["name"]: one for one in found["scenarios"]["nodes"]}
    if name not in by_name:
        raise CommandFailed(f"There is no scenario {name!r}.", f"There are: {', '.join(sorted(by_name))}")
    return by_name[name]


async def _run_id(session: Session, run: str | None) -> str:
    if run is None:
        newest = (await session.ask(NEWEST))["planRuns"]["nodes"]
        if not newest:
            raise CommandFailed("There is no plan yet.", "Make one: pourplan replan")
        return str(newest[0]["id"])
    try:
        return node_id("ReplanRun", UUID(run))
    except ValueError:
        return run


async def _report(session: Session, run_id: str) -> tuple[PlanReport, str]:
    """Read the plan of a run, and the name of its scenario."""
    run = (await session.ask(PLAN, run=run_id))["planRun"]
    if run is None or run.get("plan") is None:
        status = "is not there" if run is None else f"is {run['status']} and has no plan"
        raise CommandFailed(f"The run {run_id} {status}.", "Make a plan: pourplan replan")
    report = PlanReport(read_problem(run["problem"]), read_plan(run["plan"]), tuple(run["warnings"]))
    return report, run["scenario"]["name"]
