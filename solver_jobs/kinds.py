"""The kinds of runs, and for each the pure room that solves it; a room is loaded when its first run comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from solver_jobs.errors import JobError

ProblemT = TypeVar("ProblemT", bound=BaseModel)
ResultT = TypeVar("ResultT", bound=BaseModel)
_Given = TypeVar("_Given", bound=BaseModel, contravariant=True)
_Answered = TypeVar("_Answered", bound=BaseModel, covariant=True)


class StopSignal(Protocol):
    """Set once the job has to end; a solver looks at it several times a second."""

    def is_set(self) -> bool:
        """Tell whether to end now, with the best plan so far."""


class Listener(Protocol):
    """Hears how far a solver is; may be called from any thread and as often as one likes."""

    def __call__(
        self,
        phase: str,
        percent: float,
        best_objective: float | None = None,
        best_bound: float | None = None,
    ) -> None:
        """Tell the phase, the percentage done, and objective and bound of the best plan so far."""


class Solve(Protocol[_Given, _Answered]):
    """Answers a problem, within the time budget that the problem itself names."""

    def __call__(self, problem: _Given, *, stop: StopSignal, progress: Listener) -> _Answered:
        """Solve; a `JobError` says why there is no answer."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[ProblemT, ResultT]):
    """How runs of a kind are worked on.

    Attributes
    ----------
    parse
        From JSON to the problem; a pydantic `ValidationError` where it is none.
    solve
        From the problem to the result.
    verify
        What the result breaks, each in a sentence, judged without the model; empty when it may be stored.
    """

    parse: Callable[[object], ProblemT]
    solve: Solve[ProblemT, ResultT]
    verify: Callable[[ProblemT, ResultT], list[str]]


def _forecast(threads: int) -> Kind[Any, Any]:
    del threads  # done before a second one was started
    from solver_jobs.forecast import planner
    from solver_jobs.forecast.problem import ForecastProblem, ForecastResult
    from solver_jobs.forecast.verify import verify

    def solve(problem: ForecastProblem, *, stop: StopSignal, progress: Listener) -> ForecastResult:
        # Done before anybody could stop it, and there is no best forecast so far.
        del stop
        return planner.solve(problem, progress=progress)

    return Kind(ForecastProblem.model_validate, solve, verify)


def _replan(threads: int) -> Kind[Any, Any]:
    from solver_jobs.foundry import planner
    from solver_jobs.foundry.answer import ReplanAnswer, answer
    from solver_jobs.foundry.checks import require_sound
    from solver_jobs.foundry.task import ReplanTask
    from solver_jobs.foundry.verify import verify

    def solve(problem: ReplanTask, *, stop: StopSignal, progress: Listener) -> ReplanAnswer:
        require_sound(problem.problem)

        def hear(told: planner.Progress) -> None:
            progress(told.phase.lower(), told.percent, told.objective, told.bound)

        plan = planner.plan(
            problem.problem,
            time_limit=problem.time_limit_seconds,
            workers=threads,
            seed=problem.seed,
            listener=hear,
            stop=stop.is_set,
        )
        return answer(problem.problem, plan, problem.notes)

    def judge(problem: ReplanTask, result: ReplanAnswer) -> list[str]:
        return verify(problem.problem, result.plan)

    return Kind(ReplanTask.model_validate, solve, judge)


_KINDS: Mapping[str, Callable[[int], Kind[Any, Any]]] = {"FORECAST": _forecast, "REPLAN": _replan}

SOLVER_THREADS = 2
"""Threads on which a search runs unless told."""


def kind_of(name: str, threads: int = SOLVER_THREADS) -> Kind[Any, Any]:
    """Load what works on runs of a kind.

    Parameters
    ----------
    name
        The kind.
    threads
        On how many a search runs.

    Raises
    ------
    JobError
        ``KIND_UNKNOWN``: this worker is older than the run. ``SOLVER_MISSING``: it has no solver.
    """
    if name not in _KINDS:
        raise JobError(
            "KIND_UNKNOWN",
            f"The run is of kind {name}, and this worker knows {', '.join(_KINDS)}.",
            "Bring the worker to the version of the service (on Modal: modal deploy -m solver_jobs.app), "
            "then start the run again.",
        )
    try:
        return _KINDS[name](threads)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "solver_jobs"):
            raise
        raise JobError(
            "SOLVER_MISSING",
            f"The worker has no package {package}, without which it can't work on a run of kind {name}.",
            "Install pourplan[solver] where workers run, or hand runs to Modal (POURPLAN_MODAL_APP), then "
            "start the run again.",
        ) from error
