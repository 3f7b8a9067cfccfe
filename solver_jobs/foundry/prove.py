"""Proofs by CP-SAT: the best plan as hint, the floors as cuts, within a time or an amount of work."""

import threading
from functools import partial

from .bound import Floors
from .head import HeadModel
from .incumbent import Incumbent, Source
from .instance import Instance
from .model import ReplanModel, Solve, Tier
from .score import Layout

PROVERS = 3
"""Threads of CP-SAT per worker for the whole model: strategies differ, and several on a core prove sooner."""
STEPS_OF_WORK = 20_000.0
"""Iterations that count as one unit of CP-SAT's deterministic time."""


class Prover:
    """Solves of one problem, one after the other, that other threads can end.

    Parameters
    ----------
    instance
        The problem.
    incumbent
        Takes better plans and bounds as soon as they are found.
    workers
        Threads.
    seed
        The same seed, problem and steps give the same answers.
    steps
        Iterations of each search, which set the work of each solve; None: by the clock.
    """

    def __init__(
        self, instance: Instance, incumbent: Incumbent, *, workers: int, seed: int, steps: int | None
    ) -> None:
        self._instance, self._incumbent = instance, incumbent
        self._workers, self._seed, self._steps = workers, seed, steps
        self._halt = threading.Event()
        self._solve: Solve | None = None

    def halt(self) -> None:
        """End the solve that runs; those that follow do not begin."""
        self._halt.set()
        self.end_solve()

    def end_solve(self) -> None:
        """End the solve that runs."""
        solve = self._solve
        if solve is not None:
            solve.stop()

    def _begin(self, seconds: float) -> Solve:
        """Make a solve that other threads can end."""
        steps = self._steps
        solve = Solve(workers=1 if steps is not None else PROVERS * self._workers, seed=self._seed)
        if steps is None:
            solve.limit(seconds=seconds, work=None)
        else:
            solve.limit(seconds=None, work=steps / STEPS_OF_WORK)
        self._solve = solve
        if self._halt.is_set():
            solve.stop()
        return solve

    def minimise_head(self, floors: Floors, seconds: float) -> None:
        """Minimise what the head costs at least: bounds of the objective, and mostly the best plan, too."""
        best = self._incumbent
        head = HeadModel(self._instance)
        head.keep_late_floor(floors.late_cost)
        solve = self._begin(seconds)
        if self._steps is None:
            solve.search_alike(max(2, self._workers))

        def offer(layout: Layout) -> None:
            best.offer(layout)
            if best.proven:
                solve.stop()

        try:
            solve.run_head(head, best.layout, offer, partial(best.raise_bound, Source.CP_SAT))
        finally:
            self._solve = None

    def minimise(self, tier: Tier, floors: Floors, seconds: float) -> bool:
        """Minimise a tier, those above it kept; whether the plan is proven to be best."""
        best = self._incumbent
        model = ReplanModel(self._instance)
        model.keep_floors(floors)
        keep = []
        for above in Tier:
            if above is tier:
                break
            keep.append((above, model.value(above, best.layout)))
        model.minimise(tier, keep)
        model.hint(best.layout)

        def tell(bound: float) -> None:
            if tier is Tier.OBJECTIVE:
                best.raise_bound(Source.CP_SAT, bound)

        try:
            answer = self._begin(seconds).run(model, best.offer, tell)
        finally:
            self._solve = None
        if answer.layout is not None:
            best.offer(answer.layout)
        tell(answer.bound)
        return answer.proven
