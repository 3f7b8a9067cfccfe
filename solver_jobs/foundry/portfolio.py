"""The portfolio on arrays: construct, floors, improve, prove, polish.

Stopped at any moment it has a plan and a bound.  Shares of the time go by size: small problems are proven by
CP-SAT, large ones are searched to the end.  With a number of steps instead of a time, nothing depends on the
clock, and the same seed gives the same plan.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ortools.util.python.solve_interrupter import SolveInterrupter

from .anneal import Annealing, Budget, Cooling, Translation
from .bound import (
    Floors,
    Schedule,
    first_floors,
    joined_floor,
    late_floor,
    late_step,
    round_up,
)
from .construct import complete, construct, previous
from .improve import Aim
from .incumbent import Incumbent
from .instance import Instance
from .late_program import LateProgram
from .model import Tier, tier_units
from .prove import Prover
from .score import Layout, Score, changes_of

Phase = Literal["CONSTRUCT", "IMPROVE", "PROVE", "POLISH"]

SMALL, MIDDLE = 1_800, 7_000
"""Orders x days up to which a problem is proven at once, and up to which proof is worth half of the time."""
SPLIT = Cooling(Aim(cost=1.0, change=0.2), 6.0, 0.2)
"""First round: cheap changes let runs split and find late units their places; temperatures in changes."""
MERGE = Cooling(Aim(cost=1.0), 0.5, 0.15)
"""Second round, from the best plan of the first: changes at their price."""
REMAKE = Cooling(Aim(cost=1.0), 1.5, 0.15)
"""The same for large problems, from hotter: there the first round leaves late units that cost changes."""
ROUNDS, LARGE_ROUNDS = ((SPLIT, 0.7), (MERGE, 0.3)), ((SPLIT, 0.4), (REMAKE, 0.6))
"""Both rounds with their shares of the time, up to `MIDDLE` and above."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much may be spent.

    Attributes
    ----------
    time_limit
        Seconds, from the start of the portfolio.
    workers
        Threads.
    seed
        The same seed, problem and steps give the same plan.
    steps
        Iterations of each search instead of a time; None: by the clock.
    """

    time_limit: float
    workers: int
    seed: int
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the portfolio found.

    Attributes
    ----------
    instance
        The problem as solved: under the lexicographic policy its late weights are raised.
    layout
        Best plan.
    score
        Its tiers.
    bound
        No plan has a smaller objective.
    """

    instance: Instance
    layout: Layout
    score: Score
    bound: int

    @property
    def proven(self) -> bool:
        """Whether no plan has a smaller objective."""
        return self.bound >= self.score.objective


def raise_late_weights(instance: Instance, layout: Layout) -> Instance:
    """Raise the late weight by the least power of ten with which no trade for changes pays."""
    starts, stops, day0 = changes_of(instance, layout.on)
    changes = int(starts.sum() + stops.sum() + (day0.sum() if instance.charge_day0_stops else 0))
    restarts = int(np.maximum(starts - 1, 0).sum())
    cost = instance.switch_weight * changes + instance.restart_weight * restarts
    factor = 1
    while instance.late_weight > 0 and instance.late_weight * factor <= 10 * cost:
        factor *= 10
    return instance.weighing_late(instance.late_weight * factor)


class Portfolio:
    """One solve of one problem.

    Parameters
    ----------
    instance
        The problem.
    effort
        Time or steps, threads, seed.
    clock
        Seconds that only grow.
    """

    def __init__(self, instance: Instance, effort: Effort, clock: Callable[[], float]) -> None:
        self._clock, self._begun = clock, clock()
        self._effort = effort
        first = construct(instance)
        if instance.problem.settings.policy == "LEXICOGRAPHIC":
            instance = raise_late_weights(instance, first)
        self.instance = instance
        self.incumbent = Incumbent(instance, first, first_floors(instance).objective)
        before = previous(instance)
        if before is not None:
            self.incumbent.offer(before)
        self.phase: Phase = "CONSTRUCT"
        self._annealing: Annealing | None = None
        self._floors = first_floors(instance)
        self._prover = Prover(
            instance, self.incumbent, workers=effort.workers, seed=effort.seed, steps=effort.steps
        )
        self._halt = threading.Event()
        self._interrupter = SolveInterrupter()

    # What others may ask while it runs

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._begun

    def step_share(self, steps: int) -> float:
        """Share of the steps that is done."""
        annealing = self._annealing
        return 0.0 if annealing is None else annealing.iterations / (1.3 * steps * self._effort.workers)

    def halt(self) -> None:
        """End soon with the best plan so far."""
        self._halt.set()
        self._interrupter.interrupt()
        self._prover.halt()

    def watch(self) -> None:
        """End what runs into the time limit; called now and then by the thread that waits."""
        if self._left() <= 0:
            self._prover.end_solve()

    def outcome(self) -> Outcome:
        """Best plan and bound so far."""
        best = self.incumbent
        return Outcome(self.instance, best.layout, best.score, best.bound)

    # The phases

    def run(self) -> None:
        """All phases; the outcome is in `incumbent`."""
        translation = Translation(self.instance)
        if len(translation.units):
            annealing = Annealing(
                translation, workers=self._effort.workers, seed=self._effort.seed, clock=self._clock
            )
            self._annealing = annealing
            greedy = annealing.begin()
            if greedy is not None:
                self.incumbent.offer(greedy)
            floors = self._start_floors()
            self._improve(annealing)
            if floors is not None:
                floors.join(max(0.0, self._left()))
            if self._size() <= SMALL:
                self._prove_head(0.5)
            self._learn_from_late_units(annealing)
            self._prove()
            self._polish(annealing)
            self._interrupter.interrupt()
            if floors is not None:
                floors.join()
        else:
            self._raise_floors()
            self._prove()

    def _size(self) -> int:
        return int((self.instance.remaining > 0).sum()) * self.instance.horizon

    def _left(self, share: float = 1.0) -> float:
        """Seconds left of a share of the time."""
        if self._effort.steps is not None:
            return 1e9
        return share * self._effort.time_limit - self.elapsed - min(0.3, 0.03 * self._effort.time_limit)

    def _finished(self, share: float = 1.0) -> bool:
        """Whether nothing is left to do, or no time to do it."""
        return self._halt.is_set() or self._left(share) <= 0

    def _start_floors(self) -> threading.Thread | None:
        """Floors beside the search; before it where a run must be repeatable."""
        if self._effort.steps is not None:
            self._raise_floors()
            return None
        thread = threading.Thread(target=self._raise_floors, daemon=True)
        thread.start()
        return thread

    def _raise_floors(self) -> None:
        instance = self.instance
        first = self.incumbent.layout
        floors, prices = late_floor(instance, max(0.5, min(300.0, self._left())), self._interrupter)
        self._take(floors)
        if prices is None or instance.n_units < len(instance.remaining):
            return
        schedule = Schedule(first.molds, first.on[instance.unit])
        best = self.incumbent.score.objective
        self._take(
            joined_floor(
                instance,
                floors,
                prices,
                schedule,
                best,
                rounds=25,
                stop=lambda: self._finished(0.9),
                interrupter=self._interrupter,
            )
        )

    def _take(self, floors: Floors) -> None:
        self._floors = floors
        self.incumbent.raise_bound(floors.objective)

    def _improve(self, annealing: Annealing) -> None:
        """Two rounds of annealing: from the first plan, then from the best of all threads."""
        self.phase = "IMPROVE"
        size = self._size()
        # Small ones are proven soon, but by the best plan that a search of a second or two has found.
        soon = max(0.08, min(0.5, 1.5 / self._effort.time_limit))
        share = soon if size <= SMALL else 0.35 if size <= MIDDLE else 0.88
        cap = 2.0 if size <= SMALL else 1e9
        seconds = min(self._left(share), cap)
        for cooling, part in ROUNDS if size <= MIDDLE else LARGE_ROUNDS:
            if self._finished(share):
                return
            self._anneal(annealing, cooling, part * seconds, part)

    def _anneal(
        self,
        annealing: Annealing,
        cooling: Cooling,
        seconds: float,
        share: float,
        start: Layout | None = None,
    ) -> None:
        """One phase of annealing, which ends early when the best plan is proven."""
        steps = self._effort.steps
        by_clock = steps is None
        tier_of_objective = cooling.aim.tardiness == cooling.aim.congestion == cooling.aim.moved == 0
        plans = annealing.run(
            cooling,
            Budget(None if steps is None else max(1, round(steps * share)), seconds),
            self.incumbent.layout if start is None else start,
            lambda: self._halt.is_set() or (by_clock and tier_of_objective and self.incumbent.proven),
            self.incumbent.offer if by_clock else lambda _: None,
        )
        for plan in plans:
            self.incumbent.offer(plan)

    def _prove(self) -> None:
        """Prove by the head, where the size allows it; by all days if its tail has no room."""
        if self._size() <= MIDDLE:
            self._prove_head(0.9)
            if not self.incumbent.proven and not self._finished(0.9):
                self._prover.minimise(Tier.OBJECTIVE, self._known_floors(), self._left(0.9))

    def _prove_head(self, share: float) -> None:
        """Prove by the days that can be on time, to a share of the time."""
        if not self.incumbent.proven and not self._finished(share):
            self.phase = "PROVE"
            self._prover.minimise_head(self._floors, self._left(share))

    def _known_floors(self) -> Floors:
        """Floors with the best bound, whoever found it."""
        floors = self._floors
        return Floors(floors.late_cost, floors.changes, max(floors.objective, self.incumbent.bound))

    def _learn_from_late_units(self, annealing: Annealing) -> None:
        """Start once more from the fewest late units with free changes, which the search seldom finds itself.

        What CP-SAT proves about that is a floor of the late cost, often a better one than the linear
        program's.
        """
        size, instance = self._size(), self.instance
        if size > MIDDLE or self.incumbent.proven or self._finished(0.5):
            return
        known = self.incumbent.layout.molds
        program = LateProgram(instance, instance.weight.astype(np.float64))
        limit = min(self._left(0.5), 3.0) if size <= SMALL else self._left(0.5)
        found, most = self._prover.late(program, known, limit)
        if math.isfinite(most):
            step = late_step(instance)
            kept = int((instance.weight * instance.remaining).sum())
            late = max(self._floors.late_cost, round_up(kept - most, step))
            changes = self._floors.changes
            floor = max(self._floors.objective, late + instance.switch_weight * changes)
            self._take(Floors(late, changes, floor))
        start = None if found is None else complete(instance, found)
        if start is not None and not self._finished(0.65):
            seconds = min(self._left(0.65), 1.0) if size <= SMALL else self._left(0.65)
            self._anneal(annealing, MERGE, seconds, 0.3, start)

    def _tiers(self) -> list[tuple[Tier, Aim]]:
        """Tiers below the objective that are switched on, and how the search aims at each."""
        i, high = self.instance, 1e9
        aims = []
        if i.tardiness:
            aims.append((Tier.TARDINESS, Aim(cost=high, tardiness=1.0, towards_late=3.0, forward=0.7)))
        if i.congestion_threshold is not None:
            aims.append(
                (
                    Tier.CONGESTION,
                    Aim(cost=high * 1e3, tardiness=1e3, congestion=1.0, towards_late=0.0, forward=0.7),
                )
            )
        if i.stability:
            aims.append(
                (
                    Tier.STABILITY,
                    Aim(
                        cost=high * 1e6,
                        tardiness=1e6,
                        congestion=1e3,
                        moved=1.0,
                        towards_late=0.0,
                        forward=0.7,
                    ),
                )
            )
        return aims

    def _polish(self, annealing: Annealing) -> None:
        """Minimise the tiers below, one after the other; those above are kept."""
        self.phase = "POLISH"
        tiers = self._tiers()
        small = self._size() <= SMALL
        for k, (tier, aim) in enumerate(tiers):
            if tier_units(tier, self.incumbent.score) == 0:
                continue
            seconds = self._left() / (len(tiers) - k)
            if self._halt.is_set():
                seconds = min(0.3, seconds)
            if seconds <= 0:
                return
            part = min(1.0, 0.3 * seconds) if small else seconds
            self._anneal_tier(annealing, aim, part)
            if small and not self._halt.is_set():
                self._prover.minimise(tier, self._floors, max(0.05, min(5.0, seconds - part)))

    def _anneal_tier(self, annealing: Annealing, aim: Aim, seconds: float) -> None:
        """Polish one tier by the search, at temperatures of that tier."""
        self._anneal(annealing, Cooling(aim, 4.0, 0.2), seconds, 0.1)
