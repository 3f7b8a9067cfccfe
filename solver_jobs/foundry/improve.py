"""One search for better plans: its arrays, its aim, its best plan so far.

The loops are compiled (`ruin_recreate`) and called for some milliseconds of work: between two calls Python
looks at the clock, the stop signal and the progress.  The same seed and the same calls give the same plan.
"""

from dataclasses import dataclass

import numpy as np

from .ruin_recreate.arrays import (
    BEST,
    BLINK,
    CHANGE,
    CHARGE_DAY0,
    COST,
    CROWD,
    CURRENT,
    DUE,
    FORWARD,
    HELD,
    ITERATIONS,
    L_WEIGHT,
    LINES,
    LOADED,
    PRICE_CHANGE,
    QTY,
    RUN,
    RUNS,
    SCALE,
    TOWARDS_LATE,
    UNITS_LATE,
    UNPLACED,
    W_CONGESTION,
    W_COST,
    W_MOVED,
    W_TARDY,
    W_UNPLACED,
    WEIGHT,
    Floats,
    Ints,
)
from .ruin_recreate.costs import weigh
from .ruin_recreate.random_bits import draw
from .ruin_recreate.recreate import NEVER, insert_all
from .ruin_recreate.ruin import MOST_REMOVED
from .ruin_recreate.steps import crowding, load, steps

FACTOR_SCALE = 1000
"""Tardiness is counted in thousandths, so that priorities keep it whole."""


@dataclass(frozen=True, slots=True)
class Shop:
    """The arrays that a search reads and never changes; a row per unit, a column per day.

    Attributes
    ----------
    unit, line
        Their columns stand in `ruin_recreate.arrays`.
    held
        1 where pins hold the pattern on the line.
    cap
        Molds that may be added on a day; 0 where pins forbid it.
    before
        Molds of the previous plan.
    free
        Capacities left for what is not pinned; columns beyond the horizon for flasks alone.
    level
        What must stay free, a row per flask size, for the congestion threshold to be kept.
    price
        Objective of a change and of a restart, and whether day 0 charges for patterns that are taken off.
    """

    unit: Ints
    line: Ints
    held: Ints
    cap: Ints
    before: Ints
    free: Ints
    level: Floats
    price: Ints


@dataclass(frozen=True, slots=True)
class Aim:
    """What a phase of the search minimises, and how it moves.

    Attributes
    ----------
    cost, tardiness, moved, congestion
        Weights of the objective and of the tiers below it.
    change
        Share of the price of a change that counts; less than 1 lets the search split runs freely at first.
    towards_late
        Moves out of ten that start from a late unit.
    forward
        Share of the late units that go to the first place rather than to the last.
    """

    cost: float
    tardiness: float = 0.0
    moved: float = 0.0
    congestion: float = 0.0
    change: float = 1.0
    towards_late: float = 6.0
    forward: float = 0.0


class Search:
    """One annealing search on a shop; deterministic for a seed and a sequence of calls."""

    def __init__(self, shop: Shop, seed: int) -> None:
        n, days = shop.held.shape
        columns = RUN + days + 1 + days
        self._shop = shop
        self._rng = np.array([88172645463325252, 1234567 + 7919 * seed], np.uint64)
        for _ in range(20):
            draw(self._rng)
        self._par = np.zeros(CROWD + 1)
        self._floor = np.zeros(n)
        self._count = np.zeros(1, np.int64)
        self._plan, self._best = np.zeros((n, columns), np.int64), np.zeros((n, columns), np.int64)
        self._old = np.zeros((MOST_REMOVED, columns), np.int64)
        self._tmp = np.zeros((4, shop.free.shape[1]), np.int64)
        self._work = np.zeros((UNITS_LATE + 1, max(n, days, len(shop.line), MOST_REMOVED)), np.int64)
        self._free = shop.free.copy()
        self._price = shop.price.copy()
        self.aim(Aim(cost=1.0))

    @property
    def iterations(self) -> int:
        """Iterations done so far."""
        return int(self._count[ITERATIONS])

    @property
    def complete(self) -> bool:
        """Whether the best plan has a place for each mold."""
        return not self._best[:, UNPLACED].any()

    @property
    def best(self) -> float:
        """Weighted cost of the best plan under the present aim."""
        return float(self._par[BEST])

    @property
    def objective(self) -> int:
        """Late units and changes of the best plan by their weights; idle patterns are not laid yet."""
        return int(self.costs.sum())

    @property
    def costs(self) -> Ints:
        """Late units and changes of each unit of the best plan, by their weights."""
        return self._best[:, COST].copy()

    @property
    def floors(self) -> Ints:
        """What each unit costs in any plan: its changes, and its quantity where all of it is late."""
        unit, price = self._shop.unit, self._price
        changes = np.where(unit[:, LOADED] > 0, price[CHARGE_DAY0], 2)
        late = np.where(unit[:, DUE] < 0, unit[:, QTY] * unit[:, WEIGHT], 0)
        alone = (unit[:, LINES] == 1) & (unit[:, HELD] == 0) & (unit[:, QTY] > 0)
        return np.where(alone, price[PRICE_CHANGE] * changes + late, 0)

    def aim(self, aim: Aim) -> None:
        """Set what is minimised; `begin` or `restart` must follow."""
        par, price = self._par, self._shop.price
        change = int(price[PRICE_CHANGE])
        dearest = max(1, int(self._shop.line[:, L_WEIGHT].max(initial=1)))
        par[SCALE] = 1.0 / change if change else 10.0 / dearest
        par[CHANGE] = aim.change if change else 0.0
        self._price[PRICE_CHANGE] = round(aim.change * change)
        par[BLINK], par[TOWARDS_LATE], par[FORWARD] = 0.1, aim.towards_late, aim.forward
        par[W_COST] = aim.cost * par[SCALE]
        par[W_UNPLACED] = par[W_COST] * 20.0 * max(dearest, change)
        par[W_TARDY], par[W_MOVED] = aim.tardiness / FACTOR_SCALE, aim.moved / 2.0
        par[W_CONGESTION] = aim.congestion
        # With congestion only whole plans are judged, and floors would but cost digits of its large weights.
        self._floor[:] = 0.0 if aim.congestion > 0 else par[W_COST] * self.floors

    def begin(self) -> None:
        """Put all units in place by due date, the larger first."""
        shop = self._shop
        due = np.where(shop.unit[:, DUE] >= 0, shop.unit[:, DUE], NEVER)
        sequence = np.lexsort((-shop.unit[:, QTY], due)).astype(np.int64)
        self._free[:] = shop.free
        self._plan[:] = 0
        insert_all(
            shop.unit, shop.line, shop.held, shop.cap, shop.before, self._price, self._free, self._plan,
            self._tmp, self._work, self._par, self._rng, sequence,
        )  # fmt: skip
        self._weigh()

    def restart(self, molds: Ints, on: Ints) -> None:
        """Continue from a complete plan: molds and pattern days, a row per unit."""
        shop = self._shop
        self._free[:] = shop.free
        self._plan[:] = 0
        load(
            shop.unit, shop.line, shop.held, shop.before, self._price, self._free, self._plan, self._tmp,
            self._work, molds, on,
        )  # fmt: skip
        self._weigh()

    def _weigh(self) -> None:
        """Make the current plan the best one, under the present aim."""
        par = self._par
        par[CROWD] = crowding(self._free, self._shop.level) if par[W_CONGESTION] > 0 else 0.0
        par[CURRENT] = par[W_CONGESTION] * par[CROWD] + sum(
            weigh(self._plan, par, o) for o in range(len(self._plan))
        )
        par[BEST] = par[CURRENT]
        self._best[:] = self._plan

    def run(self, number: int, hot: float, cold: float) -> None:
        """Take `number` iterations while the temperature falls from `hot` to `cold`."""
        shop = self._shop
        steps(
            shop.unit, shop.line, shop.held, shop.cap, shop.before, shop.level, self._price, self._free,
            self._plan, self._old, self._best, self._tmp, self._work, self._par, self._floor, self._count,
            self._rng, number, hot, cold,
        )  # fmt: skip

    def plan(self) -> tuple[Ints, Ints]:
        """Molds that no pin placed and days with the pattern on the line, of the best plan, by unit."""
        n, days = self._shop.held.shape
        x = self._best.shape[1] - days
        molds, on = np.zeros((n, days), np.int64), self._shop.held.copy()
        for o, row in enumerate(self._best):
            for r in range(RUN, RUN + 2 * int(row[RUNS]), 2):
                a, b = row[r], row[r + 1] + 1
                molds[o, a:b] = row[x + a : x + b]
                on[o, a:b] = 1
        return molds, on
