"""The whole of a Monday: check the problem, plan, explain, and verify what comes out."""

from __future__ import annotations

import time
from collections.abc import Callable

from solver_jobs.errors import JobError
from solver_jobs.foundry.checks import require_sound
from solver_jobs.foundry.explain import explained
from solver_jobs.foundry.planner import Progress, plan
from solver_jobs.foundry.problem import FoundryPlan, FoundryProblem
from solver_jobs.foundry.verify import verify


def replan(
    problem: FoundryProblem,
    *,
    time_limit: float = 60.0,
    workers: int = 2,
    seed: int = 1,
    steps: int | None = None,
    listener: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> FoundryPlan:
    """Answer a Monday with a plan that keeps every rule, has its bound, and says why orders are late.

    Parameters
    ----------
    problem
        What is known; it is checked first.
    time_limit, workers, seed, steps, listener, stop, clock
        See `planner.plan`.

    Raises
    ------
    JobError
        ``PROBLEM_UNSOUND``: the problem can't be planned, `details` has each reason.
        ``HORIZON_TOO_LONG``: it would take years.
        ``PLAN_BROKEN``: the plan breaks rules, which are listed; a fault of ours, and never a plan to use.
    """
    warnings = [finding.message for finding in require_sound(problem) if finding.severity == "WARNING"]
    answer = plan(
        problem,
        time_limit=time_limit,
        workers=workers,
        seed=seed,
        steps=steps,
        listener=listener,
        stop=stop,
        clock=clock,
    )
    answer = answer.model_copy(update={"warnings": (*answer.warnings, *warnings)})
    answer = explained(problem, answer)
    broken = verify(problem, answer)
    if broken:
        raise JobError(
            "PLAN_BROKEN",
            f"The plan that was found breaks {len(broken)} rules, of which the first is: {broken[0]}",
            "This is a fault of the solver: keep the problem and report it.",
            broken,
        )
    return answer
