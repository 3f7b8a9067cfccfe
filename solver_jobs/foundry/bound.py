"""Rigorous floors of the objective: what no plan can undercut, whatever the solver of the linear program did.

Two floors, and a third that joins them:

* **Changes**: telescoping starts and stops (`least_changes`).
* **Late units**: the linear program over on-time days gives prices of the shared capacities (pattern places,
  molds, kilograms, flasks by day).  Only its prices are taken.  The dual function L(prices) = sum over
  orders of their cheapest schedule at these prices - sum of prices x capacities is evaluated exactly, order
  by order, by dynamic programming.  By weak duality L is a floor for any prices that are not negative.
* **Joined**: the same dual function for w x late + changes, its prices raised by smoothed column generation.

Prices are rounded down to multiples of a power of two, so coarse that all sums are exact in double precision.
Where orders of a part share a pattern, the dual of the linear program itself is evaluated, again exactly.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from ortools.math_opt.python import mathopt
from ortools.sat.python import cp_model
from ortools.util.python.solve_interrupter import SolveInterrupter

from .compiled import compiled
from .instance import Instance

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FAR = 1e300
"""Cost of what cannot be."""
LATE_SHARE = Fraction(1, 2)
"""Weight of a late unit against a change in the joined floor; the shape of the trade-off is widest there."""
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
    most[:, : days - 1] = np.minimum(most[:, : days - 1], metal)
    pinned = instance.pinned
    least = np.where(pinned > 0, pinned, 0)
    return least, np.where(pinned >= 0, pinned, most)


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
    """L(prices) of a problem in which each order has its own pattern, evaluated exactly.

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
        self.orders = np.flatnonzero((instance.remaining > 0) | instance.loaded[instance.unit])
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
        + (prices.metal[:-1] * instance.pour_free[1:]).sum()
        + (prices.flasks * instance.flasks_free).sum()
    )


def multipliers(result: mathopt.SolveResult) -> "dict[mathopt.LinearConstraint, float] | None":
    """Multipliers that a solver left, whatever it thinks of them."""
    for solution in result.solutions:
        if solution.dual_solution is not None:
            return dict(solution.dual_solution.dual_values)
    return None


class LateProgram:
    """The linear program of the late units: molds on time, patterns without starts and stops.

    Maximise the value of molds on time, subject to the capacities of each day, x <= c y with c the most
    molds of an order on a day, the quantity, and a rounding cut: with quantity = k c + r, sum x <= k (c -
    r) + r sum y.
    """

    def __init__(self, instance: Instance, value: Floats) -> None:
        self._instance, self._value = instance, value
        self.model = mathopt.Model()
        _, most = day_caps(instance)
        days = np.arange(instance.horizon)
        self._most = np.where(days[None, :] <= instance.last_on_time[:, None], most, 0)
        self._columns: list[tuple[int, int]] = [(int(o), int(d)) for o, d in np.argwhere(self._most > 0)]
        self._x = {
            (o, d): self.model.add_variable(lb=0.0, ub=float(self._most[o, d])) for o, d in self._columns
        }
        pairs = sorted({(int(instance.unit[o]), d) for o, d in self._columns})
        self._y = {pair: self.model.add_variable(lb=0.0, ub=1.0) for pair in pairs}
        self.shared = int(np.bincount(instance.unit[instance.remaining > 0], minlength=1).max(initial=0)) > 1
        self._rows: list[tuple[mathopt.LinearConstraint, float]] = []
        self._by_day = self._capacity_rows()
        self._order_rows()
        self._scale = float(value.max(initial=1.0)) or 1.0
        self.model.maximize(
            mathopt.fast_sum(float(value[o]) / self._scale * x for (o, _), x in self._x.items())
        )

    def _row(self, upper: float) -> mathopt.LinearConstraint:
        row = self.model.add_linear_constraint(ub=upper)
        self._rows.append((row, upper))
        return row

    def _capacity_rows(self) -> dict[str, dict[tuple[int, ...], mathopt.LinearConstraint]]:
        """Places, molds, metal and flasks of each day."""
        i = self._instance
        days = range(i.horizon)
        rows: dict[str, dict[tuple[int, ...], mathopt.LinearConstraint]] = {
            "places": {(d,): self._row(i.max_patterns) for d in days},
            "molds": {(d,): self._row(i.molding_max) for d in days},
            "metal": {(d,): self._row(float(i.pour_free[d + 1])) for d in days[:-1]},
            "flasks": {
                (s, d): self._row(float(i.flasks_free[s, d])) for s in range(len(i.flasks_free)) for d in days
            },
        }
        for (_, d), y in self._y.items():
            rows["places"][(d,)].set_coefficient(y, 1.0)
        for (o, d), x in self._x.items():
            rows["molds"][(d,)].set_coefficient(x, 1.0)
            if d + 1 < i.horizon:
                rows["metal"][(d,)].set_coefficient(x, float(i.kg[o]))
            for t in range(d, min(i.horizon, d + int(i.stay[o]))):
                rows["flasks"][(int(i.size[o]), t)].set_coefficient(x, 1.0)
        return rows

    def _order_rows(self) -> None:
        """Quantity, links to the pattern, the rounding cut and, for shared patterns, the cap of the part."""
        i = self._instance
        for o in sorted({o for o, _ in self._columns}):
            quantity = self._row(float(i.remaining[o]))
            days = [d for d in range(i.horizon) if self._most[o, d] > 0]
            for d in days:
                quantity.set_coefficient(self._x[o, d], 1.0)
                link = self._row(0.0)
                link.set_coefficient(self._x[o, d], 1.0)
                link.set_coefficient(self._y[int(i.unit[o]), d], -float(self._most[o, d]))
            largest = int(self._most[o].max())
            whole, rest = divmod(int(i.remaining[o]), largest)
            if rest:
                cut = self._row(float(whole * (largest - rest)))
                for d in days:
                    cut.set_coefficient(self._x[o, d], 1.0)
                    cut.set_coefficient(self._y[int(i.unit[o]), d], -float(rest))
        if self.shared:
            self._part_rows()

    def _part_rows(self) -> None:
        """Orders of a part keep the part's cap together."""
        i = self._instance
        rows = {pair: self._row(0.0) for pair in self._y}
        for pair, y in self._y.items():
            rows[pair].set_coefficient(y, -float(i.same_part_max))
        for (o, d), x in self._x.items():
            rows[int(i.unit[o]), d].set_coefficient(x, 1.0)

    def exact(self, known: Ints) -> tuple[cp_model.CpModel, dict[tuple[int, int], cp_model.IntVar]]:
        """Write the same program over whole numbers for CP-SAT, with the molds of a known plan as hint."""
        exact = cp_model.CpModel()
        whole = {v: exact.new_int_var(0, round(v.upper_bound), "") for v in self.model.variables()}
        terms: dict[mathopt.LinearConstraint, list[tuple[cp_model.IntVar, int]]] = {}
        for entry in self.model.linear_constraint_matrix_entries():
            pair = whole[entry.variable], round(entry.coefficient)
            terms.setdefault(entry.linear_constraint, []).append(pair)
        for row, upper in self._rows:
            pairs = terms.get(row, [])
            total = cp_model.LinearExpr.weighted_sum([v for v, _ in pairs], [c for _, c in pairs])
            exact.add(total <= round(upper))
        molds = {key: whole[x] for key, x in self._x.items()}
        value = [int(self._instance.weight[o]) for o, _ in molds]
        exact.maximize(cp_model.LinearExpr.weighted_sum(list(molds.values()), value))
        for (o, d), x in molds.items():
            exact.add_hint(x, int(known[o, d]))
        for (unit, d), y in self._y.items():
            members = np.flatnonzero(self._instance.unit == unit)
            exact.add_hint(whole[y], int(known[members, d].sum() > 0))
        return exact, molds

    def solve(
        self, seconds: float, interrupter: SolveInterrupter | None = None
    ) -> "dict[mathopt.LinearConstraint, float] | None":
        """Multipliers of all rows by GLOP; those of an answer that is not optimal only weaken the floor."""
        params = mathopt.SolveParameters(time_limit=timedelta(seconds=seconds))
        result = mathopt.solve(self.model, mathopt.SolverType.GLOP, params=params, interrupter=interrupter)
        dual = multipliers(result)
        return None if dual is None else {row: max(0.0, m) * self._scale for row, m in dual.items()}

    def prices(self, dual: "dict[mathopt.LinearConstraint, float]") -> Prices:
        """Prices of the capacities."""
        i = self._instance
        flasks = np.zeros((len(i.flasks_free), i.horizon))
        flat = {kind: np.zeros(i.horizon) for kind in ("places", "molds", "metal")}
        for kind, rows in self._by_day.items():
            for key, row in rows.items():
                price = dual[row]
                if kind == "flasks":
                    flasks[key] = price
                else:
                    flat[kind][key] = price
        return Prices(flat["places"], flat["molds"], flat["metal"], flasks)

    def value_of_duals(self, dual: "dict[mathopt.LinearConstraint, float]") -> float:
        """Floor of the late cost by the program's own duals: with multipliers m >= 0, max c x <= m b + slack.

        slack = sum over columns of upper bound x max(0, c - m A).
        """
        entries = [
            (entry.linear_constraint, entry.variable, entry.coefficient)
            for entry in self.model.linear_constraint_matrix_entries()
        ]
        kept = float((self._value * self._instance.remaining).sum())
        most = 2 * kept + sum(dual[row] * upper for row, upper in self._rows)
        most += sum(dual[row] * abs(coefficient) for row, _, coefficient in entries)
        grid = power_of_two_below(most)
        multiplier = {row: math.floor(dual[row] * grid) / grid for row, _ in self._rows}
        reduced = {x: float(self._value[o]) for (o, _), x in self._x.items()}
        reduced.update(dict.fromkeys(self._y.values(), 0.0))
        for row, variable, coefficient in entries:
            reduced[variable] -= multiplier[row] * coefficient
        above = sum(multiplier[row] * upper for row, upper in self._rows)
        above += sum(float(variable.upper_bound) * gain for variable, gain in reduced.items() if gain > 0.0)
        return float(kept - above)


class TradeOff:
    """Column generation for the floor of a share of the late cost + changes, from schedules of whole orders.

    The master chooses a mix of known schedules per order within the capacities; its prices, smoothed
    towards the best ones so far, ask the dual function for new schedules.  Each evaluation is a floor of
    its own.
    """

    SMOOTHING = 0.6

    def __init__(self, dual: DualFunction, instance: Instance, start: Prices) -> None:
        self._dual, self._instance = dual, instance
        self.floor, self._centre = -math.inf, start
        self._unit = float(max(1, instance.switch_weight))
        self._model = mathopt.Model()
        self._solver = mathopt.IncrementalSolver(self._model, mathopt.SolverType.GLOP)
        capacity = np.concatenate([
            np.full(instance.horizon, instance.max_patterns), np.full(instance.horizon, instance.molding_max),
            instance.pour_free[1:], instance.flasks_free.ravel(),
        ])  # fmt: skip
        self._capacity = [self._model.add_linear_constraint(ub=float(c)) for c in capacity]
        self._choice = [self._model.add_linear_constraint(lb=1.0, ub=1.0) for _ in dual.orders]
        self._model.objective.is_maximize = False
        self._evaluate(start)

    def add(self, molds: Ints, line: Ints, cost: Floats, wanted: npt.NDArray[np.bool_]) -> None:
        """Make schedules (a row per order) known to the master."""
        i, days = self._instance, self._instance.horizon
        for row in np.flatnonzero(wanted):
            column = self._model.add_variable(lb=0.0)
            self._model.objective.set_linear_coefficient(column, float(cost[row]) / self._unit)
            self._choice[row].set_coefficient(column, 1.0)
            o = self.order(int(row))
            for d in np.flatnonzero(line[row]):
                self._capacity[d].set_coefficient(column, 1.0)
            use = np.zeros(days)
            for d in np.flatnonzero(molds[row]):
                m = float(molds[row, d])
                self._capacity[days + d].set_coefficient(column, m)
                if d + 1 < days and i.kg[o]:
                    self._capacity[2 * days + d].set_coefficient(column, m * float(i.kg[o]))
                use[d : d + int(i.stay[o])] += m
            first = 3 * days - 1 + int(i.size[o]) * days
            for d in np.flatnonzero(use):
                self._capacity[first + d].set_coefficient(column, float(use[d]))

    def order(self, row: int) -> int:
        """Order of a row of the schedules."""
        return int(self._dual.orders[row])

    def _evaluate(self, prices: Prices) -> bool:
        """Evaluate the dual function, keep the best prices, and make the schedules known."""
        value = self._dual.evaluate(prices)
        better = value > self.floor
        if better:
            self.floor, self._centre = value, prices
        return better

    def round(self, seconds: float, interrupter: SolveInterrupter | None = None) -> bool:
        """Solve the master, ask for schedules at its prices; whether the floor rose."""
        dual = self._dual
        self.add(dual.molds, dual.line, dual.cost(), np.ones(len(dual.orders), bool))
        params = mathopt.SolveParameters(time_limit=timedelta(seconds=seconds))
        result = self._solver.solve(params=params, interrupter=interrupter)
        values = multipliers(result)
        if values is None:
            return False
        flat = np.array([max(0.0, -values[row]) for row in self._capacity]) * self._unit
        days = self._instance.horizon
        master = Prices(
            flat[:days], flat[days : 2 * days], np.append(flat[2 * days : 3 * days - 1], 0.0),
            flat[3 * days - 1 :].reshape(-1, days),
        )  # fmt: skip
        return self._evaluate(master.plus(self._centre, self.SMOOTHING))


def objective_step(instance: Instance) -> int:
    """Greatest common divisor of what the objective is made of."""
    weights = [int(w) for w in instance.weight[instance.remaining > 0]]
    return math.gcd(*weights, instance.switch_weight, instance.restart_weight) or 1


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
    """Tell what is known without any program: changes, and units that their lags alone make late."""
    changes = least_changes(instance)
    late = int((instance.weight * instance.remaining)[instance.last_on_time < 0].sum())
    return Floors(late, changes, late + instance.switch_weight * changes)


def late_floor(
    instance: Instance, seconds: float, interrupter: SolveInterrupter | None = None
) -> tuple[Floors, Prices | None]:
    """Floors with the linear program of the late units, and its prices where it has any."""
    first = first_floors(instance)
    program = LateProgram(instance, instance.weight.astype(np.float64))
    dual = program.solve(seconds, interrupter)
    if dual is None:
        return first, None
    prices = program.prices(dual)
    if program.shared:
        value = program.value_of_duals(dual)
    else:
        value = DualFunction(instance, instance.weight.astype(np.float64), 0.0).evaluate(prices)
    step = late_step(instance)
    late = max(first.late_cost, round_up(value, step))
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
