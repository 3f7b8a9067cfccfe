"""What a replan job answers: the plan with its explanation, and what is shown of it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from solver_jobs.foundry.checks import require_sound
from solver_jobs.foundry.days import DayLoad, FlaskUse, day_loads
from solver_jobs.foundry.explain import explained
from solver_jobs.foundry.problem import FLASK_SIZES, FoundryPlan, FoundryProblem


class ReplanAnswer(BaseModel):
    """A plan, told."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    plan: FoundryPlan = Field(description="With its explanation.")
    days: tuple[DayLoad, ...]
    peak_flasks: tuple[FlaskUse, ...] = Field(description="Most flasks in use on a day, by size.")
    warnings: tuple[str, ...] = Field(
        description="What a planner should know: the task's notes, then of the problem, then the plan."
    )


def answer(problem: FoundryProblem, plan: FoundryPlan, notes: tuple[str, ...] = ()) -> ReplanAnswer:
    """Explain a plan, and tell what is shown of it.

    Parameters
    ----------
    problem, plan
        What was planned.
    notes
        What the warnings begin with.

    Raises
    ------
    JobError
        ``PROBLEM_UNSOUND``
    """
    odd = tuple(f"{finding.message} {finding.hint}" for finding in require_sound(problem))
    days = day_loads(problem, plan)
    return ReplanAnswer(
        plan=explained(problem, plan),
        days=days,
        peak_flasks=tuple(
            max((day.flasks[row] for day in days), key=lambda use: use.in_use)
            for row in range(len(FLASK_SIZES))
        ),
        warnings=(*notes, *odd, *plan.warnings),
    )
