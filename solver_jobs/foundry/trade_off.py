"""What late units and changes cost each other: column generation over schedules of whole orders."""

import math
from datetime import timedelta

import numpy as np
import numpy.typing as npt
from ortools.math_opt.python import mathopt
from ortools.util.python.solve_interrupter import SolveInterrupter

from .dual import DualFunction, Prices
from .instance import Instance
from .late_program import multipliers

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


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
        self._solver = self._new_solver()
        capacity = np.concatenate([
            np.full(instance.horizon, instance.max_patterns), np.full(instance.horizon, instance.molding_max),
            instance.pour_free[1:-1], instance.flasks_free.ravel(),
        ])  # fmt: skip
        self._capacity = [self._model.add_linear_constraint(ub=float(c)) for c in capacity]
        self._choice = [self._model.add_linear_constraint(lb=1.0, ub=1.0) for _ in dual.orders]
        self._model.objective.is_maximize = False
        self._evaluate(start)

    def _new_solver(self) -> mathopt.IncrementalSolver:
        return mathopt.IncrementalSolver(self._model, mathopt.SolverType.GLOP)

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
        values = multipliers(lambda: self._solver.solve(params=params, interrupter=interrupter))
        if values is None:
            # What it had trouble with may have been the way to the last answer.
            self._solver = self._new_solver()
            return False
        flat = np.array([max(0.0, -values[row]) for row in self._capacity]) * self._unit
        days = self._instance.horizon
        master = Prices(
            flat[:days], flat[days : 2 * days], np.append(flat[2 * days : 3 * days - 1], 0.0),
            flat[3 * days - 1 :].reshape(-1, days),
        )  # fmt: skip
        return self._evaluate(master.plus(self._centre, self.SMOOTHING))
