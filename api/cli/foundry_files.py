"""`pourplan solve foundry`, `verify` and `roll`: problems and plans as JSON files, without a database."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from api.cli.failure import CommandFailed, job_failure, told_if_interrupted
from api.cli.plan_sheet import PlanSheet
from api.cli.solving import name_of, read_json, write_json
from api.cli.terminal import describe_search, err, out
from solver_jobs.errors import JobError
from solver_jobs.foundry.checks import require_sound
from solver_jobs.foundry.explain import explained
from solver_jobs.foundry.findings import Finding
from solver_jobs.foundry.problem import FoundryPlan, FoundryProblem, read_plan, read_problem
from solver_jobs.foundry.roll import roll
from solver_jobs.foundry.verify import count, verify

if TYPE_CHECKING:
    from solver_jobs.foundry.planner import Progress as SolveProgress

MOST_VIOLATIONS = 20
"""Violations that are listed; further ones are counted."""
_TO_PROBLEM = (
    "Store the workbook and write its problem: pourplan import FILE, "
    "then pourplan export problem --scenario NAME -o problem.json"
)
_TO_PLAN = "A stored plan as JSON: pourplan export plan --format json -o plan.json"


@contextmanager
def _told(source: Path) -> Iterator[None]:
    """Turn what a job can't answer about a file into what the person at the terminal reads."""
    try:
        yield
    except JobError as error:
        raise job_failure(error, name_of(source)) from error


def read_foundry(path: Path) -> FoundryProblem:
    """Read a problem of the foundry, whose every fault is named."""
    with _told(path):
        return read_problem(read_json(path, "a problem as JSON", _TO_PROBLEM))


def _read_plan(path: Path) -> FoundryPlan:
    return read_plan(read_json(path, "a plan as JSON", _TO_PLAN))


def show_findings(findings: list[Finding]) -> None:
    """Print what is odd about a problem, with what to do about it."""
    for finding in findings:
        style = "red" if finding.severity == "ERROR" else "yellow"
        err.print(
            Text.assemble((f"{finding.severity.lower()} {finding.code}: ", style), str(finding)),
            soft_wrap=True,
        )


def solve_foundry(
    source: Path, target: Path | None, *, time_limit: float, workers: int, seed: int, weeks: int
) -> None:
    """Plan from a JSON file: findings and progress on standard error, the plan as JSON into the target.

    Raises
    ------
    CommandFailed
        The problem can't be planned, or the plan breaks a rule, and is then not written.
    """
    problem = read_foundry(source)
    with _told(source):
        show_findings(require_sound(problem))
        found = _plan(problem, time_limit, workers, seed)
    with told_if_interrupted("the plan is not written"):
        found = explained(problem, found)
        if violations := verify(problem, found):
            raise CommandFailed(
                "The plan that was found breaks rules, and is not written:\n" + "\n".join(violations),
                "This is a fault of Pourplan: please report it with the problem.",
            )
        path = write_json(found, target)
    if path:
        out.print(PlanSheet.of(problem, found).render(weeks))
        err.print(f"Wrote {path}.", markup=False, soft_wrap=True)


def _plan(problem: FoundryProblem, time_limit: float, workers: int, seed: int) -> FoundryPlan:
    try:
        from solver_jobs.foundry.planner import plan
    except ModuleNotFoundError as error:
        raise CommandFailed(
            f"The package {error.name} is not installed, without which no plan is found.",
            "pip install 'pourplan[solver]'",
        ) from error
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
    )
    with (
        told_if_interrupted("the plan is not written"),
        Progress(*columns, console=err, transient=True) as bar,
        _interruptible() as stop,
    ):
        task = bar.add_task(problem.name or "Foundry", total=100, told="starting")

        def hear(progress: SolveProgress) -> None:
            bar.update(
                task,
                completed=progress.percent,
                told=describe_search(
                    progress.phase.lower(), progress.objective, progress.bound, progress.gap
                ),
            )

        return plan(
            problem, time_limit=time_limit, workers=workers, seed=seed, listener=hear, stop=stop.is_set
        )


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Let the first Ctrl-C end the search with its best plan; a second one ends the command."""
    stop = threading.Event()

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            signal.default_int_handler(number, frame)
        stop.set()

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def verify_files(problem_file: Path, plan_file: Path) -> None:
    """Judge a plan by its problem alone, and print what is counted.

    Raises
    ------
    CommandFailed
        The plan breaks rules: each in a sentence.
    """
    problem = read_foundry(problem_file)
    with _told(problem_file):
        require_sound(problem)
    with _told(plan_file):
        judged = _read_plan(plan_file)
    violations = verify(problem, judged)
    named = {row.order_id for row in judged.x} | {row.order_id for row in judged.y}
    unknown = named - {order.order_id for order in problem.orders}
    if judged.calendar_workdays and not unknown:
        counted = count(problem, judged)
        for name in counted.__dataclass_fields__:
            out.print(f"{name} = {_figure(getattr(counted, name))}")
    if violations:
        many = "1 violation" if len(violations) == 1 else f"{len(violations)} violations"
        raise CommandFailed(f"{many}:\n{_first_ones(violations)}", _of_another_problem(problem, judged))
    out.print("The plan keeps every rule, and its summary is right.")


def _first_ones(violations: list[str]) -> str:
    """List violations, the first ones where they are many."""
    more = len(violations) - MOST_VIOLATIONS
    return "\n".join([*violations[:MOST_VIOLATIONS], *([f"and {more} more"] if more > 0 else [])])


def _of_another_problem(problem: FoundryProblem, judged: FoundryPlan) -> str | None:
    """Tell what gives away that a plan was made for another problem."""
    if judged.asof_date not in (None, problem.asof_date):
        return (
            f"The plan is of {judged.asof_date}, the problem of {problem.asof_date}: "
            "hand in the problem that this plan was made for."
        )
    named = {row.order_id for row in judged.x} - {order.order_id for order in problem.orders}
    if named:
        return f"The plan has orders that the problem does not have, such as {min(named)}: are they a pair?"
    return None


def _figure(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {amount}" for name, amount in value.items())
    return f"{value:,.10g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else ""


def roll_files(problem_file: Path, plan_file: Path, target: Path | None, *, weeks: int) -> None:
    """Write the problem of a later Monday, had the plan been carried out as planned.

    Raises
    ------
    CommandFailed
        The plan is not of this problem, or breaks its rules: so it can't have been carried out.
    """
    problem = read_foundry(problem_file)
    with _told(problem_file):
        require_sound(problem)
    with _told(plan_file):
        done = _read_plan(plan_file)
        if violations := verify(problem, done):
            raise CommandFailed(
                f"The plan can't be carried out as planned:\n{_first_ones(violations)}",
                _of_another_problem(problem, done) or "Roll with the problem that this plan was made for.",
            )
        later = roll(problem, done, weeks)
    if path := write_json(later, target):
        err.print(f"Wrote {path}: the problem of {later.asof_date}.", markup=False, soft_wrap=True)
