"""The dual function of a problem: a floor of its cost for any prices of the shared capacities.

L(prices) = sum over orders of their cheapest schedule at these prices - sum of prices x capacities, evaluated
exactly, order by order, by dynamic programming.  By weak duality it is a floor for any prices that are not
negative, whoever found them.  Prices are rounded down to multiples of a power of two, so coarse that all sums
are exact in double precision.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .compiled import compiled
from .instance import Instance

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FAR = 1e300
"""Cost of what cannot be."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Price of each shared capacity by day: a place, a mold, a kilogram of that day's molds, a flask."""

    places: Floats
    molds: Floats
    metal: Floats
    flasks: Floats

    def plus(self, other: "Prices", share: float) -> "Prices":
        """Mix with another: (1 - share) of this one and `share` of `other`."""
        return Prices(
            self.places + share * (other.places - self.places),
            self.molds + share * (other.molds - self.molds),
            self.metal + share * (other.metal - self.metal),
            self.flasks + share * (other.flasks - self.flasks),
        )

    def times(self, factor: float) -> "Prices":
        """All prices multiplied."""
        return Prices(self.places * factor, self.molds * factor, self.metal * factor, self.flasks * factor)


def day_caps(instance: Instance) -> tuple[Ints, Ints]:
    """Least and most molds of each order on each day, as pins and capacities allow."""
    shape = instance.pinned.shape
    days = instance.horizon
    most = np.minimum(instance.remaining, min(instance.same_part_max, instance.molding_max))[:, None]
    most = np.broadcast_to(most, shape).copy()
    for o in range(shape[0]):
        flasks = instance.flasks_free[instance.size[o]]
        for k in range(int(instance.stay[o])):
            most[o, : days - k] = np.minimum(most[o, : days - k], flasks[k:])
    metal = instance.pour_free[1:][None, :] // np.maximum(instance.kg, 1)[:, None]
    most = np.where(instance.kg[:, None] > 0, np.minimum(most, metal), most)
    pinned = instance.pinned
    least = np.where(pinned > 0, pinned, 0)
    return least, np.where(pinned >= 0, pinned, most)


def work_of(instance: Instance) -> float:
    """Additions that one evaluation of the dual function takes."""
    _, most = day_caps(instance)
    return float((most.sum(axis=1, dtype=np.float64) * instance.remaining).sum())


@compiled
def _cheapest(
    least: Ints, most: Ints, place: Floats, mold: Floats, on: Floats, off: Floats, pre: Floats, top: int,
    change: float, first_stop: float, loaded: int,
) -> float:  # fmt: skip
    """Cheapest schedule of one order; the tables `on`, `off` (day + 1, molds so far) stay for the traceback.

    on[d+1, q] = place[d] + min over least <= m <= most of pre[q - m] + m x mold[d], where
    pre[q] = min(on[d, q], off[d, q] + change); off[d+1, q] = min(off[d, q], on[d, q] + change).
    """
    days = len(least)
    on[0, : top + 1] = FAR
    off[0, : top + 1] = FAR
    if loaded:
        on[0, 0] = 0.0
    else:
        off[0, 0] = 0.0
    for d in range(days):
        stop = first_stop if d == 0 else change
        for q in range(top + 1):
            pre[q] = min(on[d, q], off[d, q] + change)
            on[d + 1, q] = FAR
            off[d + 1, q] = min(off[d, q], on[d, q] + stop) if least[d] == 0 else FAR
        for m in range(least[d], most[d] + 1):
            cost = place[d] + m * mold[d]
            for q in range(m, top + 1):
                value = pre[q - m] + cost
                if value < on[d + 1, q]:
                    on[d + 1, q] = value
    return min(on[days, top], off[days, top])  # type: ignore[no-any-return]


@compiled
def _trace(
    least: Ints, most: Ints, place: Floats, mold: Floats, on: Floats, off: Floats, top: int, change: float,
    first_stop: float, molds: Ints, line: Ints,
) -> int:  # fmt: skip
    """Write the cheapest schedule down from the tables: molds and pattern by day; its changes."""
    days, q, changes = len(least), top, 0
    running = on[days, q] <= off[days, q]
    for back in range(days):
        d = days - 1 - back
        molds[d], line[d] = 0, 0
        if running:
            line[d] = 1
            for m in range(least[d], min(most[d], q) + 1):
                pre = min(on[d, q - m], off[d, q - m] + change)
                if pre + (place[d] + m * mold[d]) == on[d + 1, q]:
                    molds[d] = m
                    break
            q -= molds[d]
            if off[d, q] + change < on[d, q]:
                running = False
                changes += 1
        else:
            stop = first_stop if d == 0 else change
            if on[d, q] + stop < off[d, q]:
                running = True
                changes += 1 if stop > 0.0 else 0
    return changes


@compiled
def _all_cheapest(
    least: Ints, most: Ints, quantity: Ints, due: Ints, loaded: Ints, places: Floats, mold: Floats,
    late: Floats, change: float, first_stop: float, on: Floats, off: Floats, pre: Floats, value: Floats,
    molds: Ints, line: Ints,
) -> None:  # fmt: skip
    """Cheapest schedule of each order, its value, its molds and pattern days; a row per order.

    `on`, `off` and `pre` have room for the largest order; `mold` gets the late weights added.
    """
    days = least.shape[1]
    for o in range(len(quantity)):
        top, cost = quantity[o], mold[o]
        for d in range(max(due[o] + 1, 0), days):
            cost[d] += late[o]
        value[o] = _cheapest(
            least[o], most[o], places, cost, on, off, pre, top, change, first_stop, loaded[o]
        )
        _trace(least[o], most[o], places, cost, on, off, top, change, first_stop, molds[o], line[o])


class DualFunction:
    """L(prices) of a problem in which each open order has its own pattern, evaluated exactly.

    A row for each open order, and one for each loaded pattern that none of them needs.

    Parameters
    ----------
    instance
        The problem.
    late_price
        Cost of a late unit, a value per order.
    change_price
        Cost of a start or stop.
    """

    def __init__(self, instance: Instance, late_price: Floats, change_price: float) -> None:
        self._instance = instance
        self.orders = _orders_of_patterns(instance)
        least, most = day_caps(instance)
        self._least, self._most = least[self.orders], most[self.orders]
        self._quantity = instance.remaining[self.orders]
        self._due = instance.last_on_time[self.orders]
        self._loaded = instance.loaded[instance.unit[self.orders]].astype(np.int64)
        self._late = late_price[self.orders]
        self._change = change_price
        shape = (len(self.orders), instance.horizon)
        self.value = np.zeros(len(self.orders))
        self.molds, self.line = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        room = (instance.horizon + 1, int(self._quantity.max(initial=0)) + 1)
        self._tables = np.empty(room), np.empty(room), np.empty(room[1])

    def evaluate(self, prices: Prices) -> float:
        """Floor at `prices`; the cheapest schedules stay in `molds` and `line`."""
        grid = self._grid(prices)
        prices = Prices(*(np.floor(np.maximum(p, 0.0) * grid) / grid for p in parts_of(prices)))
        late, change = np.floor(self._late * grid) / grid, math.floor(self._change * grid) / grid
        _all_cheapest(
            self._least, self._most, self._quantity, self._due, self._loaded, prices.places,
            mold_prices(self._instance, prices)[self.orders], late, change,
            change if self._instance.charge_day0_stops else 0.0, *self._tables, self.value, self.molds,
            self.line,
        )  # fmt: skip
        return float(self.value.sum() - capacity_value(self._instance, prices))

    def _grid(self, prices: Prices) -> float:
        """Largest power of two whose inverse divides all sums without rounding."""
        mold = mold_prices(self._instance, prices)[self.orders]
        top = mold.max(axis=1, initial=0.0) if len(self.orders) else np.zeros(0)
        most = (
            float((self._quantity * (self._late + top)).sum())
            + (float(prices.places.sum()) + 2 * self._change * (self._instance.horizon + 1))
            * max(1, len(self.orders))
            + capacity_value(self._instance, prices)
        )
        return power_of_two_below(most)

    def cost(self) -> Floats:
        """Count what the last schedules cost without prices: late units and changes; a value per order."""
        days = np.arange(self._instance.horizon)
        late = (self.molds * (days[None, :] > self._due[:, None])).sum(axis=1)
        before = np.hstack([self._loaded[:, None], self.line[:, :-1]])
        starts, stops = (self.line > before).sum(axis=1), (self.line < before)
        many = stops.sum(axis=1) if self._instance.charge_day0_stops else stops[:, 1:].sum(axis=1)
        return late * self._late + self._change * (starts + many)  # type: ignore[no-any-return]


def _orders_of_patterns(instance: Instance) -> Ints:
    """Choose an order of each pattern that is to be paid for; of an idle one any of its orders."""
    idle = instance.loaded.copy()
    idle[instance.unit[instance.remaining > 0]] = False
    _, first = np.unique(instance.unit, return_index=True)
    orders = np.union1d(np.flatnonzero(instance.remaining > 0), first[idle[instance.unit[first]]])
    if len(np.unique(instance.unit[orders])) < len(orders):
        raise ValueError("open orders share a pattern: the dual function would charge its changes twice")
    return orders.astype(np.int64)


def power_of_two_below(most: float) -> float:
    """Largest power of two p such that multiples of 1/p, up to `most`, add up in double precision exactly."""
    return float(2.0 ** (50 - math.ceil(math.log2(max(most, 1.0)))))


def parts_of(prices: Prices) -> tuple[Floats, Floats, Floats, Floats]:
    """Prices by kind."""
    return prices.places, prices.molds, prices.metal, prices.flasks


def mold_prices(instance: Instance, prices: Prices) -> Floats:
    """Price of a mold of each order on each day: molding, metal, and its flask for as long as it is held."""
    days = instance.horizon
    sums = np.hstack([np.zeros((len(prices.flasks), 1)), np.cumsum(prices.flasks, axis=1)])
    end = np.minimum(np.arange(days)[None, :] + instance.stay[:, None], days)
    size = instance.size[:, None]
    held = sums[size, end] - sums[size, np.arange(days)[None, :]]
    return prices.molds[None, :] + instance.kg[:, None] * prices.metal[None, :] + held  # type: ignore[no-any-return]


def capacity_value(instance: Instance, prices: Prices) -> float:
    """Sum of prices x capacities."""
    return float(
        instance.max_patterns * prices.places.sum()
        + instance.molding_max * prices.molds.sum()
        + (prices.metal * instance.pour_free[1:]).sum()
        + (prices.flasks * instance.flasks_free).sum()
    )
