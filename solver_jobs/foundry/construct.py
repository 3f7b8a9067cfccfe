"""The first valid plan, in a moment: a dispatch by due dates with the best pattern days for it.

Also what pins leave free on the shop floor, and which of them are impossible together.
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from solver_jobs.errors import JobError

from .instance import Instance
from .score import Layout

Ints = npt.NDArray[np.int64]

SIZES = "SML"


class PinsImpossible(JobError):
    """Pins or frozen days ask for more than the shop has, or than an order has left."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(
            "PINS_IMPOSSIBLE",
            f"{len(reasons)} capacities or quantities cannot hold what the pins and frozen days ask for.",
            "Take the pins named back, or raise the capacity.",
            reasons,
        )


class FreeCapacity:
    """What is still free on the shop floor while molds are being placed; a column per workday."""

    def __init__(self, instance: Instance) -> None:
        days = instance.horizon
        self._instance = instance
        self.places = np.full(days, instance.max_patterns, np.int64)
        self.molds = np.full(days, instance.molding_max, np.int64)
        self.metal = instance.pour_free[1:].copy()
        self.flasks = instance.flasks_free[:, :days].copy()
        self.room = np.full((instance.n_units, days), instance.same_part_max, np.int64)
        self.on = np.zeros((instance.n_units, days), bool)

    def room_for(self, o: int, d: int) -> int:
        """Molds of order `o` for which day `d` has room."""
        i = self._instance
        unit = int(i.unit[o])
        if self.places[d] <= 0 and not self.on[unit, d]:
            return 0
        flasks = int(self.flasks[i.size[o], d : d + int(i.stay[o])].min())
        most = min(int(self.molds[d]), int(self.room[unit, d]), flasks)
        if i.kg[o] > 0:
            most = min(most, int(self.metal[d]) // int(i.kg[o]))
        return max(0, most)

    def take(self, o: int, d: int, molds: int) -> None:
        """Mold `molds` of order `o` on day `d`; what is free may become negative."""
        i = self._instance
        unit = int(i.unit[o])
        if not self.on[unit, d]:
            self.on[unit, d] = True
            self.places[d] -= 1
        self.molds[d] -= molds
        self.room[unit, d] -= molds
        self.metal[d] -= molds * int(i.kg[o])
        self.flasks[i.size[o], d : d + int(i.stay[o])] -= molds

    def overdrawn(self) -> list[str]:
        """Which capacity is taken beyond what there is, by day."""
        i = self._instance
        named = [
            ("pattern places", self.places),
            ("molding capacity", self.molds),
            ("metal to pour the day after (kg)", self.metal),
            *((f"flasks {SIZES[s]}", row) for s, row in enumerate(self.flasks)),
        ]
        found = [
            f"Workday {d}: {name} {-int(row[d])} short."
            for name, row in named
            for d in np.flatnonzero(row < 0)
        ]
        for unit, d in np.argwhere(self.room < 0):
            orders = ", ".join(i.order_ids[o] for o in np.flatnonzero(i.unit == unit))
            found.append(
                f"Workday {d}: {orders}: {-int(self.room[unit, d])} above the cap of one part a day."
            )
        return found


def place_pins(instance: Instance) -> FreeCapacity:
    """Tell what all pinned molds leave free.

    Raises
    ------
    PinsImpossible
        If they do not fit.
    """
    free = FreeCapacity(instance)
    pinned = np.maximum(instance.pinned, 0)
    for o, d in np.argwhere(pinned > 0):
        free.take(int(o), int(d), int(pinned[o, d]))
    reasons = free.overdrawn()
    for o in np.flatnonzero(pinned.sum(axis=1) > instance.remaining):
        reasons.append(
            f"Order {instance.order_ids[o]}: {int(pinned[o].sum())} molds pinned, "
            f"{int(instance.remaining[o])} left to mold."
        )
    open_days = (instance.pinned < 0).any(axis=1)
    for o in np.flatnonzero((pinned.sum(axis=1) < instance.remaining) & ~open_days):
        reasons.append(f"Order {instance.order_ids[o]}: pins leave no day for the rest of its molds.")
    if reasons:
        raise PinsImpossible(reasons)
    return free


def construct(instance: Instance) -> Layout:
    """Give the first plan: the dispatch that proved the horizon long enough, its patterns laid at best."""
    return lay_patterns(instance, instance.fitting)


def complete(instance: Instance, molds: Ints) -> Layout | None:
    """Place what a part of a plan leaves open, on the last days that have room; None where that fails.

    Pins take the place of what the part says of their days.
    """
    free, plan = FreeCapacity(instance), np.where(instance.pinned >= 0, instance.pinned, molds)
    for o, d in np.argwhere(plan > 0):
        free.take(int(o), int(d), int(plan[o, d]))
    left = instance.remaining - plan.sum(axis=1)
    for o in np.flatnonzero(left > 0):
        for d in range(instance.horizon - 1, -1, -1):
            m = min(int(left[o]), free.room_for(int(o), d)) if instance.pinned[o, d] < 0 else 0
            if m > 0:
                free.take(int(o), d, m)
                plan[o, d] += m
                left[o] -= m
    return None if left.any() or free.overdrawn() else lay_patterns(instance, plan)


def previous(instance: Instance) -> Layout | None:
    """Give the previous plan, where it is a whole plan of this problem that keeps every rule; else None."""
    molds = instance.previous
    if not np.array_equal(molds.sum(axis=1), instance.remaining):
        return None
    if not np.array_equal(molds[instance.pinned >= 0], instance.pinned[instance.pinned >= 0]):
        return None
    free = FreeCapacity(instance)
    for o, d in np.argwhere(molds > 0):
        free.take(int(o), int(d), int(molds[o, d]))
    return None if free.overdrawn() else lay_patterns(instance, molds)


def gaps(instance: Instance, used: npt.NDArray[np.bool_]) -> list[tuple[int, int, int, int]]:
    """Stretches of days on which a pattern could stay idle on the line: (unit, first day, last day, gain)."""
    last = instance.horizon - 1
    change, found = instance.switch_weight, []
    for unit in range(instance.n_units):
        days = np.flatnonzero(used[unit])
        loaded = bool(instance.loaded[unit])
        charged = change if instance.charge_day0_stops else 0
        if not len(days):
            if loaded:
                found.append((unit, 0, last, charged))
            continue
        if loaded and days[0] > 0:
            found.append((unit, 0, int(days[0]) - 1, change + charged))
        for a, b in pairwise(days):
            if b > a + 1:
                found.append((unit, int(a) + 1, int(b) - 1, 2 * change + instance.restart_weight))
        if days[-1] < last:
            found.append((unit, int(days[-1]) + 1, last, change))
    return [gap for gap in found if gap[3] > 0]


def lay_patterns(instance: Instance, molds: Ints) -> Layout:
    """Add the idle pattern days that spare the most changes, places permitting.

    A pattern that stays on the line between two runs spares a stop and a start, one that stays to the end a
    stop, a loaded one that waits for its first run a start (and its stop on day 0).  Choosing among these
    stretches of days with so many places free on each day is a minimum-cost flow through the days, and so
    exact, but for loaded patterns where restarts cost: which of their stretches spare a restart depends on
    the others, and the flow counts on all between two runs and on none before the first, which may miss the
    cost of one restart for each of them.
    """
    used = np.zeros((instance.n_units, instance.horizon), bool)
    np.logical_or.at(used, instance.unit, molds > 0)
    room = instance.max_patterns - used.sum(axis=0)
    stretches = gaps(instance, used)
    on = used.astype(np.int64)
    if not stretches:
        return Layout(molds, on)
    flow = SimpleMinCostFlow()
    for d in range(instance.horizon):
        flow.add_arc_with_capacity_and_unit_cost(d, d + 1, int(room[d]), 0)
    arcs = [flow.add_arc_with_capacity_and_unit_cost(a, b + 1, 1, -gain) for _, a, b, gain in stretches]
    before = 0
    for d in range(instance.horizon):
        flow.set_node_supply(d, int(room[d]) - before)
        before = int(room[d])
    flow.set_node_supply(instance.horizon, -before)
    if flow.solve() != flow.OPTIMAL:
        return Layout(molds, on)
    for (unit, a, b, _), arc in zip(stretches, arcs, strict=True):
        if flow.flow(arc):
            on[unit, a : b + 1] = 1
    return Layout(molds, on)
