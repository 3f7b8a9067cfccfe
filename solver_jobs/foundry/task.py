"""What a replan job is given: the problem, and the effort that it is worth; `answer` is what it answers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from solver_jobs.foundry.problem import FoundryProblem

MOST_SECONDS = 900
"""Longest search that may be asked for."""


class ReplanTask(BaseModel):
    """A problem and how to search for its plan."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    problem: FoundryProblem
    time_limit_seconds: float = Field(gt=0, le=MOST_SECONDS, description="Seconds to search.")
    notes: tuple[str, ...] = Field(
        default=(), description="What the plan's warnings shall begin with: how the problem came about."
    )
    seed: int = Field(default=1, ge=0, description="Another one searches elsewhere.")
