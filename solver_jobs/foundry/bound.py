"""Rigorous floors of the objective: what no plan can undercut, whatever the solver of the linear program did.

Two floors, and a third that joins them:

* **Changes**: telescoping starts and stops (`least_changes`).
* **Late units**: a linear program over on-time days (`late_program`) gives prices of the shared capacities
  (pattern places, molds, kilograms, flasks by day).  Only its prices are taken; the dual function (`dual`)
  turns them into a floor.
* **Joined**: the same dual function for w x late + changes, its prices raised by smoothed column generation
  (`trade_off`).

Where orders of a part share a pattern, the dual of the linear program itself is evaluated, again exactly.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from ortools.util.python.solve_interrupter import SolveInterrupter

from .dual import DualFunction, Prices, day_caps, work_of
from .instance import Instance
from .late_program import LateProgram, PriceProgram, shares_patterns
from .trade_off import TradeOff

Ints = npt.NDArray[np.int64]

LATE_SHARE = Fraction(1, 2)
"""Weight of a late unit against a change in the joined floor; the shape of the trade-off is widest there."""
MOST_WORK = 1e9
"""Additions of an evaluation of the dual function, about a second, up to which it is worth its time."""
Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Floors:
    """What every plan costs at least.

    Attributes
    ----------
    late_cost
        Sum of weight x late units, in units of the objective.
    changes
        Pattern changes.
    objective
        The best that follows from all floors, rounded up to what the objective can be.
    """

    late_cost: int
    changes: int
    objective: int


def least_changes(instance: Instance) -> int:
    """Count the changes that no plan avoids.

    A unit's changes are 2 x starts + loaded - on the line at the end; where day 0 is not charged, that
    holds for all but the loaded units that nobody needs, which cost nothing.  Each unit with molds left
    needs a start or is loaded; at the end only as many as there are places are on the line.
    """
    open_units = np.zeros(instance.n_units, bool)
    open_units[instance.unit[instance.remaining > 0]] = True
    loaded = instance.loaded
    idle_loaded = int((loaded & ~open_units).sum()) if instance.charge_day0_stops else 0
    many = int(open_units.sum())
    floor = 2 * many - int((loaded & open_units).sum()) + idle_loaded
    return max(0, floor - min(instance.max_patterns, many + idle_loaded))


def late_step(instance: Instance) -> int:
    """Greatest common divisor of the late weights: what the late cost is a multiple of."""
    return math.gcd(*(int(w) for w in instance.weight[instance.remaining > 0])) or 1


def round_up(value: float, step: int) -> int:
    """Least multiple of `step` that is not below `value`."""
    return math.ceil(value / step) * step if step else math.ceil(value)


def join(instance: Instance, late_cost: int, changes: int, floor: float, share: Fraction) -> int:
    """Least objective that keeps all floors.

    With `share` x late cost + change price x changes >= `floor`: for each number of changes the late cost is
    at least the late floor and (floor - price x changes) / share; the best number of changes is the bound.
    """
    price = instance.switch_weight
    step = late_step(instance)
    best = late_cost + price * changes
    if share <= 0 or price <= 0 or not math.isfinite(floor):
        return best
    candidates: list[int] = []
    many = changes
    while True:
        need = math.ceil((Fraction(floor) - price * many) / share / step) * step
        candidates.append(max(late_cost, need) + price * many)
        if need <= late_cost:
            return min(candidates)
        many += 1


@dataclass(frozen=True, slots=True)
class Schedule:
    """A plan by order, from which the trade-off starts: molds and pattern days, a row per order."""

    molds: Ints
    line: Ints


def first_floors(instance: Instance) -> Floors:
    """Tell what is known without any program: changes, and units that an order alone would have late.

    An order alone molds all that its days on time hold, and after them no less than its pins ask for.
    """
    changes = least_changes(instance)
    least, most = day_caps(instance)
    on_time = np.arange(instance.horizon)[None, :] <= instance.last_on_time[:, None]
    beyond = instance.remaining - np.where(on_time, most, 0).sum(axis=1)
    units = np.maximum(beyond, np.where(on_time, 0, least).sum(axis=1))
    late = int((instance.weight * np.maximum(units, 0)).sum())
    return Floors(late, changes, late + instance.switch_weight * changes)


def late_at(instance: Instance, prices: Prices) -> int:
    """Floor of the late cost at these prices, where each order has its own pattern."""
    value = DualFunction(instance, instance.weight.astype(np.float64), 0.0).evaluate(prices)
    everything = int((instance.weight * instance.remaining).sum())
    return round_up(min(value, float(everything)), late_step(instance))


def late_floor(
    instance: Instance, seconds: float, interrupter: SolveInterrupter | None = None
) -> tuple[Floors, Prices | None]:
    """Floors with the linear program of the late units, and its prices where the dual function takes them."""
    first, weight = first_floors(instance), instance.weight.astype(np.float64)
    late, prices = first.late_cost, None
    if shares_patterns(instance) or work_of(instance) > MOST_WORK:
        program = LateProgram(instance, weight, interrupter)
        dual = program.solve(seconds)
        if dual is not None:
            late = max(late, round_up(program.value_of_duals(dual), late_step(instance)))
    else:
        prices = PriceProgram(instance, weight, interrupter).solve(seconds)
        if prices is not None:
            late = max(late, late_at(instance, prices))
    return Floors(late, first.changes, late + instance.switch_weight * first.changes), prices


def joined_floor(
    instance: Instance,
    floors: Floors,
    prices: Prices,
    schedule: Schedule,
    best: int,
    rounds: int,
    stop: Stop,
    interrupter: SolveInterrupter | None = None,
) -> Floors:
    """Raise the floors by what late units and changes cost each other; `best`: objective of a known plan."""
    if instance.switch_weight == 0 or instance.late_weight == 0:
        return floors
    share = LATE_SHARE * Fraction(instance.switch_weight, instance.late_weight)
    late_price = np.nextafter(instance.weight * float(share), 0.0)
    dual = DualFunction(instance, late_price.astype(np.float64), float(instance.switch_weight))
    start = prices.times(float(share))
    last = start.places.copy()
    last[-1] += instance.switch_weight
    trade = TradeOff(dual, instance, Prices(last, start.molds, start.metal, start.flasks))
    dual_molds, dual_line = dual.molds.copy(), dual.line.copy()
    dual.molds[:], dual.line[:] = schedule.molds[dual.orders], schedule.line[dual.orders]
    trade.add(dual.molds, dual.line, dual.cost(), np.ones(len(dual.orders), bool))
    dual.molds[:], dual.line[:] = dual_molds, dual_line
    objective, idle = floors.objective, 0
    for _ in range(rounds):
        if stop() or objective >= best or idle > 10:
            break
        idle = 0 if trade.round(20.0, interrupter) else idle + 1
        objective = max(objective, join(instance, floors.late_cost, floors.changes, trade.floor, share))
    return Floors(floors.late_cost, floors.changes, objective)
