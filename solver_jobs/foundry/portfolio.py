"""The portfolio on arrays: construct, floors, improve, fewest late units, prove, polish.

Stopped at any moment it has a plan and a bound.  Shares of the time go by size: small problems are proven by
CP-SAT, large ones are searched to the end.  With a number of steps instead of a time, nothing depends on the
clock, and the same seed gives the same plan.
"""

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
)
from .construct import complete, construct, previous
from .fewest_late import FewestLate
from .improve import Aim
from .incumbent import Incumbent, Source
from .instance import Instance
from .model import Tier
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
STEPS_OF_NODE = 20_000
"""Iterations that count as one node of the tree in which the fewest late units are proven."""
PERIOD = 0.1
"""Seconds between two looks at whether to go on waiting."""
GRACE_STEPS, GRACE = 30_000, 2.0
"""Iterations for each tier below, whatever the clock says, and seconds that end them on a busy machine: else
late units stay at the horizon's end."""
UNHURRIED = 0.3
"""Seconds left from which the tiers below are polished on, by the clock."""
TIER = 1e3
"""How much more a tier weighs than the next one below, where the search polishes; more than one move can win
below, while all of them together stay within the digits of a float."""
DIGITS = 2.0**51


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
        The same seed, problem, steps and workers give the same plan.
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
    refuted
        Whose bounds a plan refuted, so that they do not count.
    """

    instance: Instance
    layout: Layout
    score: Score
    bound: int
    refuted: tuple[Source, ...]

    @property
    def proven(self) -> bool:
        """Whether no plan has a smaller objective."""
        return self.bound >= self.score.objective


def raise_late_weights(instance: Instance, layout: Layout) -> Instance:
    """Raise the late weight by the least power of ten with which no trade for changes pays.

    Neither a late unit is traded, nor one for a unit of another priority; both are guarded by ten times what
    the changes of `layout` cost, as far as sums of costs stay whole in double precision.
    """
    starts, stops, day0 = changes_of(instance, layout.on)
    changes = int(starts.sum() + stops.sum() + (day0.sum() if instance.charge_day0_stops else 0))
    restarts = int(np.maximum(starts - 1, 0).sum())
    cost = instance.switch_weight * changes + instance.restart_weight * restarts
    weights = np.unique(instance.weight[instance.remaining > 0])
    least = int(np.diff(weights[weights > 0], prepend=0).min(initial=instance.late_weight))
    everything = int((instance.weight * instance.remaining).sum()) + cost
    factor = 1
    while instance.late_weight > 0 and instance.late_weight * factor <= 10 * cost:
        factor *= 10
    while least > 0 and least * factor <= 10 * cost and everything * factor * 10 <= DIGITS:
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
        self._floors = first_floors(instance)
        self.incumbent = Incumbent(instance, first, self._floors.objective)
        before = previous(instance)
        if before is not None:
            self.incumbent.offer(before)
        self.phase: Phase = "CONSTRUCT"
        self._annealing: Annealing | None = None
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
        """End what runs into the time limit, or on although halted; called now and then by who waits."""
        if self._finished():
            self._prover.end_solve()

    def outcome(self) -> Outcome:
        """Best plan and bound so far."""
        return Outcome(self.instance, *self.incumbent.known())

    # The phases

    def run(self) -> None:
        """All phases; the outcome is in `incumbent`."""
        translation = Translation(self.instance)
        if not len(translation.units):
            self._raise_floors()
            self._prove()
            return
        annealing = Annealing(
            translation, workers=self._effort.workers, seed=self._effort.seed, clock=self._clock
        )
        self._annealing = annealing
        greedy = annealing.begin()
        if greedy is not None:
            self.incumbent.offer(greedy)
        floors = self._start_floors()
        fewest = self._start_fewest_late() if self._size() <= MIDDLE else None
        try:
            self._search(annealing, floors, fewest)
        finally:
            # Whatever becomes of the search, nothing outlives it.
            self._interrupter.interrupt()
            if fewest is not None:
                fewest.stop()
                fewest.join()
            if floors is not None:
                floors.join()

    def _search(
        self, annealing: Annealing, floors: threading.Thread | None, fewest: FewestLate | None
    ) -> None:
        self._improve(annealing, spared=0 if fewest is None else 1)
        if fewest is not None:
            self._wait(floors, self._main_share)
            if self._size() <= SMALL:
                self._prove_head(0.5)
            self._learn_from_late_units(annealing, fewest)
            self._prove()
        self._polish(annealing)
        self._wait(floors)

    def _size(self) -> int:
        return int((self.instance.remaining > 0).sum()) * self.instance.horizon

    @property
    def _main_share(self) -> float:
        """Share of the time before the tiers below, which need a second or two however little there is."""
        return 1.0 - max(0.1, min(0.3, 1.5 / self._effort.time_limit))

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

    def _wait(self, floors: threading.Thread | None, share: float = 1.0) -> None:
        """Wait for the floors, to a share of the time, or until the run is halted."""
        while floors is not None and floors.is_alive() and not self._finished(share):
            floors.join(PERIOD)

    def _raise_floors(self) -> None:
        instance = self.instance
        first = self.incumbent.layout
        floors, prices = late_floor(instance, max(0.5, min(300.0, self._left())), self._interrupter)
        self._take(floors)
        if prices is None:
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
        self.incumbent.raise_bound(Source.FLOORS, floors.objective)

    def _improve(self, annealing: Annealing, *, spared: int) -> None:
        """Two rounds of annealing: from the first plan, then from the best of all threads.

        By the clock, threads are `spared` for what runs beside it.
        """
        self.phase = "IMPROVE"
        size = self._size()
        # Small ones are proven soon, but by the best plan that a search of a second or two has found.
        soon = max(0.08, min(0.5, 1.5 / self._effort.time_limit))
        share = soon if size <= SMALL else 0.4 if size <= MIDDLE else min(0.88, self._main_share)
        threads = max(1, self._effort.workers - spared) if self._effort.steps is None else None
        cap = 2.0 if size <= SMALL else 1e9
        seconds = min(self._left(share), cap)
        for cooling, part in ROUNDS if size <= MIDDLE else LARGE_ROUNDS:
            if self._finished(share):
                return
            self._anneal(
                annealing, cooling, self._budget(part * seconds, part), stop=self._known, threads=threads
            )

    def _anneal(
        self,
        annealing: Annealing,
        cooling: Cooling,
        budget: Budget,
        *,
        stop: Callable[[], bool],
        start: Layout | None = None,
        threads: int | None = None,
    ) -> None:
        """One phase of annealing."""
        plans = annealing.run(
            cooling,
            budget,
            self.incumbent.layout if start is None else start,
            stop,
            self.incumbent.offer if self._effort.steps is None else lambda _: None,
            threads,
        )
        for plan in plans:
            self.incumbent.offer(plan)

    def _budget(self, seconds: float, share: float) -> Budget:
        """Seconds of the time, or that share of the steps."""
        steps = self._effort.steps
        return Budget(None if steps is None else max(1, round(steps * share)), max(1e-3, seconds))

    def _known(self) -> bool:
        """Whether the search of the objective is over: halted, or proven before its steps are done."""
        return self._halt.is_set() or (self._effort.steps is None and self.incumbent.proven)

    def _prove(self) -> None:
        """Prove by the head; by all days if its tail has no room."""
        self._prove_head(self._main_share)
        if self._provable(self._main_share):
            self._prover.minimise(Tier.OBJECTIVE, self._known_floors(), self._left(self._main_share))

    def _prove_head(self, share: float) -> None:
        """Prove by the days that can be on time, to a share of the time."""
        if self._provable(share):
            self.phase = "PROVE"
            self._prover.minimise_head(self._floors, self._left(share))

    def _provable(self, share: float) -> bool:
        """Whether a proof is left to do, on floors that no plan has refuted."""
        incumbent = self.incumbent
        return not incumbent.proven and not incumbent.refuted and not self._finished(share)

    def _known_floors(self) -> Floors:
        """Floors with the best bound, whoever found it."""
        floors = self._floors
        return Floors(floors.late_cost, floors.changes, max(floors.objective, self.incumbent.bound))

    def _start_fewest_late(self) -> FewestLate:
        """Look for the fewest late units beside the search."""
        steps = self._effort.steps
        nodes = None if steps is None else max(1, steps // STEPS_OF_NODE)
        fewest = FewestLate(self.instance, seconds=self._left(0.5), nodes=nodes)
        fewest.start()
        return fewest

    def _learn_from_late_units(self, annealing: Annealing, fewest: FewestLate) -> None:
        """Start once more from the fewest late units with free changes, which the search seldom finds itself.

        What is proven about them is a floor, often a better one than the linear program's.
        """
        size, instance = self._size(), self.instance
        while not fewest.join(PERIOD):
            if self._known() or self._finished(0.5):
                fewest.stop()
        found = fewest.result()
        late = max(self._floors.late_cost, found.late_cost)
        changes = self._floors.changes
        floor = max(self._floors.objective, late + instance.switch_weight * changes)
        self._take(Floors(late, changes, floor))
        start = None if found.molds is None else complete(instance, found.molds)
        if start is not None and not self._finished(0.65) and not self.incumbent.proven:
            seconds = min(self._left(0.65), 1.0) if size <= SMALL else self._left(0.65)
            self._anneal(annealing, MERGE, self._budget(seconds, 0.3), stop=self._known, start=start)

    def _tiers(self) -> list[tuple[Tier, Aim]]:
        """Tiers below the objective that are switched on, and how the search aims at each."""
        i = self.instance
        on = {
            Tier.TARDINESS: i.tardiness,
            Tier.CONGESTION: i.congestion_threshold is not None,
            Tier.STABILITY: bool(i.stability),
        }
        tiers = [tier for tier, wanted in on.items() if wanted]
        return [(tier, self._aim(tiers[: k + 1])) for k, tier in enumerate(tiers)]

    def _aim(self, tiers: list[Tier]) -> Aim:
        """Aim at the last of these tiers, those above and the objective kept."""
        i = self.instance
        weight = {tier: TIER**k for k, tier in enumerate(reversed(tiers))}
        changes = self.incumbent.score.objective / max(1, i.switch_weight)
        highest = max(weight.values())
        late = tiers[-1] is Tier.TARDINESS
        return Aim(
            cost=min(TIER**2 * highest, DIGITS / max(1.0, changes)),
            tardiness=weight.get(Tier.TARDINESS, 0.0),
            congestion=weight.get(Tier.CONGESTION, 0.0),
            moved=weight.get(Tier.STABILITY, 0.0),
            towards_late=3.0 if late else 0.0,
            forward=0.7,
        )

    def _polish(self, annealing: Annealing) -> None:
        """Minimise the tiers below: in short at any rate, and on while there is time."""
        self.phase = "POLISH"
        if self._effort.steps is None or self._halt.is_set():
            self._polish_in_short(annealing)
        if not self._halt.is_set() and self._left() > UNHURRIED:
            self._polish_tiers(annealing)

    def _polish_in_short(self, annealing: Annealing) -> None:
        """Pull the worst out of the tiers below, by iterations."""
        end = self._clock() + GRACE
        for tier, aim in self._tiers():
            if getattr(self.incumbent.score, tier.value) > 0:
                self._anneal(
                    annealing,
                    Cooling(aim, 4.0, 0.2),
                    Budget(GRACE_STEPS, GRACE),
                    stop=lambda: self._clock() >= end,
                )

    def _polish_tiers(self, annealing: Annealing) -> None:
        """Minimise the tiers below, one after the other; those above are kept."""
        tiers, stop = self._tiers(), self._halt.is_set
        exact = self._size() <= SMALL
        for k, (tier, aim) in enumerate(tiers):
            if getattr(self.incumbent.score, tier.value) == 0:
                continue
            seconds = self._left() / (len(tiers) - k)
            if stop() or seconds <= 0:
                return
            part = min(1.0, 0.3 * seconds) if exact else seconds
            self._anneal(annealing, Cooling(aim, 4.0, 0.2), self._budget(part, 0.1), stop=stop)
            if exact and not stop():
                self._prover.minimise(tier, self._floors, max(0.05, min(5.0, seconds - part)))
