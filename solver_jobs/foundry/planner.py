"""The planner: a problem in, a plan with its bound out, within the time given.

``plan`` runs the portfolio in a thread and listens: it tells progress, and hands a stop signal on.  At any
moment there is a valid plan and a valid bound, so that whoever stops it gets the best of both so far.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .instance import compile_problem
from .portfolio import Effort, Phase, Portfolio
from .problem import FoundryPlan, FoundryProblem
from .report import make_plan

PERIOD = 0.1
"""Seconds between two looks at the stop signal."""
TELL = 0.5
"""Seconds between two messages to the listener."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a solve is.

    Attributes
    ----------
    phase
        CONSTRUCT, IMPROVE (search and floors), PROVE (exact model) or POLISH (the tiers below the objective).
    percent
        Share of the time, 0 to 100.
    objective, bound, gap
        Of the best plan so far.
    """

    phase: Phase
    percent: float
    objective: int
    bound: int
    gap: float


def plan(
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
    """Plan the molds of each order and day.

    Parameters
    ----------
    problem
        A sound problem (see `checks`).
    time_limit
        Seconds; without effect where `steps` is given.
    workers
        Threads of the search; on small and middle sizes the fewest late units take one of several meanwhile.
        The floors take another; proofs take three for each, that of the days on time one, but two at least.
    seed
        The same seed, problem, steps and workers give the same plan.
    steps
        Iterations of each search, instead of a time.
    listener
        Told about twice a second, and once at the end.
    stop
        Asked ten times a second; true ends the search with the best plan so far.
    clock
        Seconds that only grow.

    Raises
    ------
    JobError
        ``HORIZON_TOO_LONG``, ``PINS_IMPOSSIBLE``.
    """
    begun = clock()
    instance = compile_problem(problem)
    spent = clock() - begun
    effort = Effort(max(0.05, time_limit - spent), max(1, workers), seed, steps)
    portfolio = Portfolio(instance, effort, clock)
    stopped = _follow(portfolio, effort, listener or _ignore, stop or _never, clock)
    outcome = portfolio.outcome()
    return make_plan(
        outcome.instance,
        outcome.layout,
        outcome.bound,
        solve_seconds=round(clock() - begun, 3),
        stopped_early=stopped,
        warnings=[
            f"A bound that {source} gave is above the cost of this plan, which keeps every rule, so none of "
            "its bounds counts and the gap is wider than need be. Please report this problem."
            for source in outcome.refuted
        ],
    )


def _never() -> bool:
    return False


def _ignore(_: Progress) -> None:
    pass


def _follow(
    portfolio: Portfolio,
    effort: Effort,
    listener: Callable[[Progress], None],
    stop: Callable[[], bool],
    clock: Callable[[], float],
) -> bool:
    """Run the portfolio in a thread, tell its progress, hand the stop signal on; whether it was stopped."""
    failure: list[BaseException] = []

    def run() -> None:
        try:
            portfolio.run()
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, name="foundry-portfolio", daemon=True)
    thread.start()
    stopped, told = False, clock()
    try:
        listener(_progress(portfolio, effort))
        while thread.is_alive():
            thread.join(PERIOD)
            portfolio.watch()
            if not stopped and stop():
                stopped = True
                portfolio.halt()
            if clock() - told >= TELL:
                told = clock()
                listener(_progress(portfolio, effort))
    except BaseException:
        portfolio.halt()
        thread.join()
        raise
    if failure:
        raise failure[0]
    listener(_progress(portfolio, effort, done=True))
    return stopped


def _progress(portfolio: Portfolio, effort: Effort, *, done: bool = False) -> Progress:
    outcome = portfolio.outcome()
    objective, bound = outcome.score.objective, outcome.bound
    if effort.steps is None:
        share = portfolio.elapsed / effort.time_limit
    else:
        share = portfolio.step_share(effort.steps)
    percent = 100.0 if done else min(99.0, 100.0 * share)
    gap = max(0.0, (objective - bound) / max(1, objective))
    return Progress(portfolio.phase, percent, objective, bound, gap)
