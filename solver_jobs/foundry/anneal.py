"""Several annealing searches at once, one per core, on one problem: from its arrays to theirs and back.

A search knows units and runs; the rest of the room knows orders and days.  Where orders of a part share a
pattern, the molds of the part are handed out to its orders here.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .construct import FreeCapacity, place_pins
from .improve import FACTOR_SCALE, Aim, Search, Shop
from .instance import Instance
from .ruin_recreate.arrays import FLASK
from .score import Layout

Ints = npt.NDArray[np.int64]

PLENTY = 1 << 40
"""A capacity that is never scarce."""
CHUNK = 0.02
"""Seconds of work between two looks at the clock and the stop signal."""
STEPS_AT_ONCE = 4096
"""Iterations between two looks at the stop signal, where a number of steps is given."""
FIRST_RATE = 500.0
"""Iterations per second assumed before any is measured: low, as those of an order of a thousand molds."""
FIRST_CHUNK = 4
"""Half of the iterations before the first look; then twice as many at most, since some take far longer."""


class Translation:
    """The units that the search moves, as its arrays, and the way back to orders.

    Parameters
    ----------
    instance
        The problem.
    """

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self._pins = np.maximum(instance.pinned, 0)
        left = instance.remaining - self._pins.sum(axis=1)
        movable = np.flatnonzero(left > 0)
        self._left = left
        self.units = np.unique(instance.unit[movable])
        self._row = np.full(instance.n_units, -1, np.int64)
        self._row[self.units] = np.arange(len(self.units))
        self._lines = [self._heaviest_first(movable[instance.unit[movable] == u]) for u in self.units]
        self.shop = self._shop(place_pins(instance))

    def _heaviest_first(self, orders: Ints) -> Ints:
        i = self.instance
        return orders[np.lexsort((i.last_on_time[orders], -i.weight[orders]))]

    def _shop(self, capacity: FreeCapacity) -> Shop:
        """All arrays that the search reads."""
        i = self.instance
        n, days, width = len(self.units), i.horizon, i.flasks_initial.shape[1] + 1
        blocked = np.zeros((i.n_units, days), bool)
        np.logical_or.at(blocked, i.unit, i.pinned >= 0)
        held = capacity.on[self.units].astype(np.int64)
        cap = np.where(blocked[self.units], 0, np.maximum(capacity.room[self.units], 0))
        before = np.zeros((i.n_units, days), np.int64)
        np.add.at(before, i.unit, np.where(i.pinned >= 0, 0, i.previous))
        line = np.array([self._line(o) for orders in self._lines for o in orders], np.int64).reshape(-1, 5)
        first = np.cumsum([0, *(len(orders) for orders in self._lines)])
        unit = np.array(
            [
                self._unit(orders, int(first[row]), bool(blocked[self.units[row]].any()))
                for row, orders in enumerate(self._lines)
            ],
            np.int64,
        ).reshape(n, 13)
        free = np.full((FLASK + len(i.flasks), width), PLENTY, np.int64)
        free[:FLASK, :days] = [capacity.places, capacity.molds, capacity.metal]
        free[FLASK:, :days] = capacity.flasks
        use = np.zeros((len(i.flasks), width))
        use[:, :-1] = i.flasks_initial
        for o, d in np.argwhere(self._pins > 0):
            use[i.size[o], d : d + int(i.stay[o])] += self._pins[o, d]
        level = free[FLASK:] + use - (i.congestion_threshold or 0.0) * i.flasks[:, None]
        price = np.array([i.switch_weight, i.restart_weight, int(i.charge_day0_stops)], np.int64)
        return Shop(unit, line, held, cap, before, free, level, price)

    def _line(self, o: int) -> tuple[int, ...]:
        """Row of an order; see its columns in `ruin_recreate.arrays`."""
        i = self.instance
        base = int(i.lag[o]) - max(int(i.due[o]), 0)
        return (
            int(self._left[o]),
            min(int(i.last_on_time[o]), i.horizon - 1),
            int(i.weight[o]),
            base,
            round(FACTOR_SCALE * float(i.factor[o])),
        )

    def _unit(self, orders: Ints, first: int, pinned: bool) -> tuple[int, ...]:
        """Row of a unit; see its columns in `ruin_recreate.arrays`."""
        i = self.instance
        o = int(orders[0])
        lines = [self._line(int(k)) for k in orders]
        _, _, weight, base, factor = lines[0]
        return (
            int(i.size[o]), int(i.kg[o]), int(i.stay[o]), sum(row[0] for row in lines),
            max(row[1] for row in lines), int(i.loaded[i.unit[o]]), i.same_part_max, weight, base, factor,
            first, len(lines), int(pinned),
        )  # fmt: skip

    def layout(self, molds: Ints, on: Ints) -> Layout:
        """Plan by orders from molds and pattern days by units of the search."""
        i = self.instance
        plan = self._pins.copy()
        for row, orders in enumerate(self._lines):
            if len(orders) == 1:
                plan[orders[0]] += molds[row]
            else:
                self._hand_out(orders, molds[row].copy(), plan)
        lines = np.zeros((i.n_units, i.horizon), bool)
        np.logical_or.at(lines, i.unit, plan > 0)
        lines[self.units] |= on.astype(bool)
        return Layout(plan, lines.astype(np.int64))

    def _hand_out(self, orders: Ints, molds: Ints, plan: Ints) -> None:
        """Give the molds of a part to its orders.

        From the last day back each goes to the heaviest order that it serves on time; days on which pins
        leave out some orders come first.  What then is left is late for somebody: the earliest days go to
        the heaviest.
        """
        i, left = self.instance, self._left.copy()
        pinned: npt.NDArray[np.bool_] = np.asarray((i.pinned[orders] >= 0).any(axis=0))
        backwards = np.arange(i.horizon)[::-1]

        def give(o: int, d: int) -> None:
            if i.pinned[o, d] < 0:
                m = min(int(molds[d]), int(left[o]))
                plan[o, d] += m
                molds[d] -= m
                left[o] -= m

        for d in (*backwards[pinned[backwards]], *backwards[~pinned[backwards]]):
            for o in orders:
                if d <= i.last_on_time[o] or pinned[d]:
                    give(int(o), int(d))
        for o in orders:
            for d in np.flatnonzero(molds):
                give(int(o), int(d))

    def arrays(self, layout: Layout) -> tuple[Ints, Ints]:
        """Molds that no pin placed and pattern days, by units of the search, without idle days at the end."""
        i = self.instance
        molds = np.zeros((i.n_units, i.horizon), np.int64)
        np.add.at(molds, i.unit, layout.molds - self._pins)
        on = layout.on.copy()
        used = (molds > 0) | (self._held_units() > 0)
        for u in self.units:
            on[u, int(np.flatnonzero(used[u])[-1]) + 1 :] = 0
        return molds[self.units], on[self.units]

    def _held_units(self) -> Ints:
        held = np.zeros((self.instance.n_units, self.instance.horizon), np.int64)
        held[self.units] = self.shop.held
        return held


@dataclass(frozen=True, slots=True)
class Cooling:
    """A phase of the annealing: what it aims at, and its temperatures, in costs of a change."""

    aim: Aim
    hot: float
    cold: float


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a phase may take.

    Attributes
    ----------
    steps
        Iterations of each search; None: by the clock.
    seconds
        Seconds, where steps is None.
    """

    steps: int | None
    seconds: float


class Annealing:
    """Searches of different seeds, run in threads.

    Parameters
    ----------
    translation
        The problem.
    workers
        Searches, one thread each.
    seed
        Seed of the first.
    clock
        Seconds that only grow.
    """

    def __init__(
        self, translation: Translation, *, workers: int, seed: int, clock: Callable[[], float]
    ) -> None:
        self._translation, self._clock = translation, clock
        self._searches = [Search(translation.shop, 1000 * seed + k) for k in range(workers)]

    @property
    def iterations(self) -> int:
        """Iterations of all searches so far."""
        return sum(search.iterations for search in self._searches)

    def begin(self) -> Layout | None:
        """Plan by best insertion in order of due dates; None where it found no place for all molds."""
        first = self._searches[0]
        first.aim(Aim(cost=1.0))
        first.begin()
        return self._translation.layout(*first.plan()) if first.complete else None

    def run(
        self,
        cooling: Cooling,
        budget: Budget,
        start: Layout,
        stop: Callable[[], bool],
        on_plan: Callable[[Layout], None],
        threads: int | None = None,
    ) -> list[Layout]:
        """Anneal from `start` in all threads, or in so many; the best plan of each.

        `on_plan` hears now and then of better plans, from the threads that found them.
        """
        searches = self._searches[:threads]
        molds, on = self._translation.arrays(start)
        for search in searches:
            search.aim(cooling.aim)
            search.restart(molds, on)
        failures: list[BaseException] = []

        def work(search: Search) -> None:
            try:
                self._cool(search, cooling, budget, stop, on_plan)
            except BaseException as failure:
                failures.append(failure)

        others = [threading.Thread(target=work, args=(s,), daemon=True) for s in searches[1:]]
        for thread in others:
            thread.start()
        work(searches[0])
        for thread in others:
            thread.join()
        if failures:
            raise failures[0]
        return [self._translation.layout(*search.plan()) for search in searches]

    def _cool(
        self,
        search: Search,
        cooling: Cooling,
        budget: Budget,
        stop: Callable[[], bool],
        on_plan: Callable[[Layout], None],
    ) -> None:
        """Let one search cool down, in chunks."""
        if budget.steps is not None:
            self._cool_by_steps(search, cooling, budget.steps, stop)
            return
        begun, done = self._clock(), search.iterations
        share, rate, told, known = 0.0, FIRST_RATE, begun, search.best
        number = FIRST_CHUNK
        ratio = cooling.cold / cooling.hot
        while share < 1.0 and not stop():
            number = max(1, min(2 * number, int(rate * CHUNK)))
            ahead = min(1.0, share + number / rate / budget.seconds)
            search.run(number, cooling.hot * math.pow(ratio, share), cooling.hot * math.pow(ratio, ahead))
            now = self._clock()
            share = (now - begun) / budget.seconds
            rate = (search.iterations - done) / max(1e-6, now - begun)
            if now - told > 0.4 and search.best < known:
                told, known = now, search.best
                on_plan(self._translation.layout(*search.plan()))

    def _cool_by_steps(self, search: Search, cooling: Cooling, steps: int, stop: Callable[[], bool]) -> None:
        """Let one search cool down over a number of iterations, whatever the clock says."""
        ratio = cooling.cold / cooling.hot
        for done in range(0, steps, STEPS_AT_ONCE):
            if stop():
                return
            number = min(STEPS_AT_ONCE, steps - done)
            search.run(
                number,
                cooling.hot * math.pow(ratio, done / steps),
                cooling.hot * math.pow(ratio, (done + number) / steps),
            )
