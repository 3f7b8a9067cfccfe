"""Linear programs of the late units: molds on time within the capacities of each day, changes left out.

Maximise the value of molds on time, subject to the capacities of each day, x <= c y with c the most molds of
an order on a day, the quantity, and a rounding cut: with quantity = k c + r, sum x <= k (c - r) + r sum y.

`LateProgram` writes it out, for orders that share patterns and for `fewest_late`.  `PriceProgram` is the same
for orders with patterns of their own, with y = x / c + z put in, z >= 0 what the rounding cut asks for
beyond: a tenth of the rows, and a third of the time to its prices.
"""

import math
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import numpy.typing as npt
from ortools.math_opt.python import mathopt
from ortools.util.python.solve_interrupter import SolveInterrupter
from pybind11_abseil.status import StatusNotOk

from .dual import Prices, day_caps, power_of_two_below
from .instance import Instance

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def multipliers(
    solve: Callable[[], mathopt.SolveResult],
) -> "dict[mathopt.LinearConstraint, float] | None":
    """Multipliers that a solver leaves, whatever it thinks of them; None where it leaves none or fails.

    A floor needs no solver to succeed, and GLOP gives some programs up as abnormal.
    """
    try:
        result = solve()
    except Exception as failure:
        # MathOpt raises another exception while it tells the kind of this one.
        if isinstance(failure.__context__, StatusNotOk):
            return None
        raise
    for solution in result.solutions:
        if solution.dual_solution is not None:
            return dict(solution.dual_solution.dual_values)
    return None


def shares_patterns(instance: Instance) -> bool:
    """Whether two orders that are left share a pattern."""
    return int(np.bincount(instance.unit[instance.remaining > 0], minlength=1).max(initial=0)) > 1


class LateProgram:
    """The program with a variable y for each pattern and day.

    Parameters
    ----------
    instance
        The problem.
    value
        Worth of a mold on time, a value per order.
    interrupter
        Ends the writing of the program, too; what is left out are rows, and `solve` gives no multipliers.
    """

    def __init__(
        self, instance: Instance, value: Floats, interrupter: SolveInterrupter | None = None
    ) -> None:
        self._instance, self._value, self._interrupter = instance, value, interrupter
        self.model = mathopt.Model()
        _, most = day_caps(instance)
        days = np.arange(instance.horizon)
        self._most = np.where(days[None, :] <= instance.last_on_time[:, None], most, 0)
        self.columns: list[tuple[int, int]] = [(int(o), int(d)) for o, d in np.argwhere(self._most > 0)]
        self._x = {
            (o, d): self.model.add_variable(lb=0.0, ub=float(self._most[o, d])) for o, d in self.columns
        }
        pairs = sorted({(int(instance.unit[o]), d) for o, d in self.columns})
        self._y = {pair: self.model.add_variable(lb=0.0, ub=1.0) for pair in pairs}
        self._rows: list[tuple[mathopt.LinearConstraint, float]] = []
        self._by_day = self._capacity_rows()
        self._order_rows()
        self._scale = float(value.max(initial=1.0)) or 1.0
        self.model.maximize(
            mathopt.fast_sum(float(value[o]) / self._scale * x for (o, _), x in self._x.items())
        )

    @property
    def _interrupted(self) -> bool:
        return self._interrupter is not None and self._interrupter.interrupted

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
            if self._interrupted:
                break
            rows["molds"][(d,)].set_coefficient(x, 1.0)
            if d + 1 < i.horizon:
                rows["metal"][(d,)].set_coefficient(x, float(i.kg[o]))
            for t in range(d, min(i.horizon, d + int(i.stay[o]))):
                rows["flasks"][(int(i.size[o]), t)].set_coefficient(x, 1.0)
        return rows

    def _order_rows(self) -> None:
        """Quantity, links to the pattern, the rounding cut and, for shared patterns, the cap of the part."""
        i = self._instance
        for o in sorted({o for o, _ in self.columns}):
            if self._interrupted:
                return
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
        if shares_patterns(i):
            self._part_rows()

    def _part_rows(self) -> None:
        """Orders of a part keep the part's cap together."""
        i = self._instance
        rows = {pair: self._row(0.0) for pair in self._y}
        for pair, y in self._y.items():
            rows[pair].set_coefficient(y, -float(i.same_part_max))
        for (o, d), x in self._x.items():
            rows[int(i.unit[o]), d].set_coefficient(x, 1.0)

    def solve(self, seconds: float) -> "dict[mathopt.LinearConstraint, float] | None":
        """Multipliers of all rows by GLOP; those of an answer that is not optimal only weaken the floor."""
        if self._interrupted:
            return None
        params = mathopt.SolveParameters(time_limit=timedelta(seconds=seconds))
        dual = multipliers(
            lambda: mathopt.solve(
                self.model, mathopt.SolverType.GLOP, params=params, interrupter=self._interrupter
            )
        )
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
        if self._interrupted:
            return 0.0  # which holds, and takes no time
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


class PriceProgram:
    """The program for orders with patterns of their own, without the variables y and their links.

    Parameters
    ----------
    instance
        The problem.
    value
        Worth of a mold on time, a value per order.
    interrupter
        Ends the writing of the program, too; what is left out are orders, and `solve` gives no prices.
    """

    def __init__(
        self, instance: Instance, value: Floats, interrupter: SolveInterrupter | None = None
    ) -> None:
        self._interrupter = interrupter
        self._instance, self.model = instance, mathopt.Model()
        self._scale = float(value.max(initial=1.0)) or 1.0
        days = range(instance.horizon)
        self._places = [self._row(instance.max_patterns) for _ in days]
        self._molds = [self._row(instance.molding_max) for _ in days]
        self._metal = [self._row(instance.pour_free[d + 1]) for d in days[:-1]]
        self._flasks = [[self._row(free) for free in size] for size in instance.flasks_free]
        _, most = day_caps(instance)
        most = np.where(np.arange(instance.horizon)[None, :] <= instance.last_on_time[:, None], most, 0)
        terms = []
        for o in np.flatnonzero(most.any(axis=1)):
            if self._interrupted:
                break
            gain = float(value[o]) / self._scale
            terms += [gain * x for x in self._add_order(int(o), most[o])]
        self.model.maximize(mathopt.fast_sum(terms))

    @property
    def _interrupted(self) -> bool:
        return self._interrupter is not None and self._interrupter.interrupted

    def _row(self, upper: float) -> mathopt.LinearConstraint:
        return self.model.add_linear_constraint(ub=float(upper))

    def _add_order(self, o: int, most: Ints) -> list[mathopt.Variable]:
        """Molds of an order on each day that is on time, and what they use."""
        largest = int(most.max())
        whole, rest = divmod(int(self._instance.remaining[o]), largest)
        quantity = self._row(int(self._instance.remaining[o]))
        cut = self._row(whole * (largest - rest)) if rest else None
        molds = []
        for d in np.flatnonzero(most):
            day, c = int(d), float(most[d])
            x = self.model.add_variable(lb=0.0, ub=c)
            quantity.set_coefficient(x, 1.0)
            self._use_capacities(o, day, x)
            self._places[day].set_coefficient(x, 1.0 / c)
            if cut is not None:
                beyond = self.model.add_variable(lb=0.0, ub=1.0)
                self._places[day].set_coefficient(beyond, 1.0)
                cut.set_coefficient(x, 1.0 - rest / c)
                cut.set_coefficient(beyond, -float(rest))
            molds.append(x)
        return molds

    def _use_capacities(self, o: int, day: int, x: mathopt.Variable) -> None:
        """Molding, metal and a flask for as long as it is held."""
        i = self._instance
        self._molds[day].set_coefficient(x, 1.0)
        if day + 1 < i.horizon:
            self._metal[day].set_coefficient(x, float(i.kg[o]))
        for t in range(day, min(i.horizon, day + int(i.stay[o]))):
            self._flasks[int(i.size[o])][t].set_coefficient(x, 1.0)

    def solve(self, seconds: float) -> Prices | None:
        """Prices of the capacities by GLOP; those of an answer that is not optimal only weaken the floor."""
        if self._interrupted:
            return None
        params = mathopt.SolveParameters(time_limit=timedelta(seconds=seconds))
        dual = multipliers(
            lambda: mathopt.solve(
                self.model, mathopt.SolverType.GLOP, params=params, interrupter=self._interrupter
            )
        )
        if dual is None:
            return None

        def price(rows: list[mathopt.LinearConstraint]) -> Floats:
            return np.array([max(0.0, dual[row]) * self._scale for row in rows])

        return Prices(
            price(self._places),
            price(self._molds),
            np.append(price(self._metal), 0.0),
            np.array([price(rows) for rows in self._flasks]),
        )
