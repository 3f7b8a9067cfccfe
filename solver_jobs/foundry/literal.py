"""The specification's model, rule by rule and as written: the yardstick of the benchmark and of the tests.

It is written once as rows of whole numbers, and handed to CP-SAT or, as a mixed-integer program, to
MathOpt.  Nothing is tightened.  Two things are not as written, because no plan might exist otherwise: what
initial flasks and committed metal take beyond a capacity leaves zero, and the horizon is the one of the
plan.  Where the problem's settings ask for it, patterns are per part, day 0 charges its stops, restarts
cost, pins hold; with ``charge_day0_stops: false`` and ``use_priority: false`` it is the specification.
"""

from collections.abc import Callable

import numpy as np

from .instance import Instance
from .rows import Rows
from .score import Layout


class LiteralModel:
    """Variables (section 8), constraints (9, 10) and objective (11) of one problem.

    Parameters
    ----------
    instance
        The problem.
    wip_weight
        W_wip of the objective; the tests switch it off, since the planner only reports that sum.
    """

    def __init__(self, instance: Instance, *, wip_weight: int = 1) -> None:
        self.instance = instance
        self.rows = Rows()
        self._orders = range(len(instance.remaining))
        self._units = range(instance.n_units)
        self._days = range(instance.horizon)
        self._make_variables()
        self.link_molds_to_patterns()
        self.mold_what_remains()
        self.mold_within_capacity()
        self.run_patterns_in_parallel()
        self.pour_within_capacity()
        self.hold_flasks_until_shakeout()
        self.count_late_units()
        self.count_starts_and_stops()
        self.weigh(wip_weight)

    def _make_variables(self) -> None:
        """8: x[o,d] molds, y[u,d] pattern on the line, start, stop, late units."""
        i, rows = self.instance, self.rows
        self.x = {}
        for o in self._orders:
            for d in self._days:
                pin = int(i.pinned[o, d])
                self.x[o, d] = rows.variable(i.same_part_max if pin < 0 else pin, max(0, pin))
        pairs = [(u, d) for u in self._units for d in self._days]
        self.y = {pair: rows.variable(1) for pair in pairs}
        self.start = {pair: rows.variable(1) for pair in pairs}
        first = 0 if i.charge_day0_stops else 1
        self.stop = {(u, d): rows.variable(1) for u, d in pairs if d >= first}
        self.late = {o: rows.variable(int(i.remaining[o])) for o in self._orders}

    def link_molds_to_patterns(self) -> None:
        """8.1, 8.2: sum of x[o,d] over the orders of u <= molding_max_same_part_per_day y[u,d]."""
        i = self.instance
        for u in self._units:
            members = np.flatnonzero(i.unit == u)
            for d in self._days:
                molds = [(self.x[int(o), d], 1) for o in members]
                self.rows.add([*molds, (self.y[u, d], -i.same_part_max)], upper=0)

    def mold_what_remains(self) -> None:
        """9.1: sum_d x[o,d] = remaining_qty[o]."""
        for o in self._orders:
            left = int(self.instance.remaining[o])
            self.rows.add([(self.x[o, d], 1) for d in self._days], lower=left, upper=left)

    def mold_within_capacity(self) -> None:
        """9.2: sum_o x[o,d] <= molding_max_per_day."""
        for d in self._days:
            self.rows.add([(self.x[o, d], 1) for o in self._orders], upper=self.instance.molding_max)

    def run_patterns_in_parallel(self) -> None:
        """9.3: sum_o y[o,d] <= 6."""
        for d in self._days:
            self.rows.add([(self.y[u, d], 1) for u in self._units], upper=self.instance.max_patterns)

    def pour_within_capacity(self) -> None:
        """9.4: sum_o kg[o] x[o,t-1] + committed[t] <= capacity; t runs to the day after the horizon."""
        i = self.instance
        for t in range(1, i.horizon + 1):
            metal = [(self.x[o, t - 1], int(i.kg[o])) for o in self._orders]
            self.rows.add(metal, upper=int(i.pour_free[t]))

    def _flasks_in_use(self, s: int, d: int) -> list[tuple[int, int]]:
        i = self.instance
        return [
            (self.x[o, k], 1)
            for o in self._orders
            if i.size[o] == s
            for k in range(max(0, d - int(i.stay[o]) + 1), d + 1)
        ]

    def hold_flasks_until_shakeout(self) -> None:
        """9.5: sum of x[o,k] over size s and k <= d < k + S[o], + initial <= flasks[s]."""
        free = self.instance.flasks_free
        for s in range(len(free)):
            for d in self._days:
                self.rows.add(self._flasks_in_use(s, d), upper=int(free[s, d]))

    def count_late_units(self) -> None:
        """9.6: late_qty[o] >= remaining_qty[o] - sum of x[o, t - L[o]] over t <= D[o]."""
        i = self.instance
        for o in self._orders:
            on_time = [
                (self.x[o, t - int(i.lag[o])], 1)
                for t in range(int(i.lag[o]), int(i.due[o]) + 1)
                if t - int(i.lag[o]) < i.horizon
            ]
            self.rows.add([(self.late[o], 1), *on_time], lower=int(i.remaining[o]))

    def count_starts_and_stops(self) -> None:
        """10: start[o,d] >= y[o,d] - y[o,d-1], stop[o,d] >= y[o,d-1] - y[o,d]; day 0 from what is loaded."""
        loaded = self.instance.loaded
        for (u, d), start in self.start.items():
            now = self.y[u, d]
            if d:
                before = self.y[u, d - 1]
                self.rows.add([(start, 1), (now, -1), (before, 1)], lower=0)
                self.rows.add([(self.stop[u, d], 1), (before, -1), (now, 1)], lower=0)
            else:
                self.rows.add([(start, 1), (now, -1)], lower=-int(loaded[u]))
                if (u, 0) in self.stop:
                    self.rows.add([(self.stop[u, 0], 1), (now, 1)], lower=int(loaded[u]))

    def weigh(self, wip_weight: int) -> None:
        """11: W_late sum late + W_switch sum (start + stop) + W_wip sum of flasks in use; restarts: v1.1."""
        i, rows = self.instance, self.rows
        rows.cost = [(late, int(i.weight[o])) for o, late in self.late.items()]
        rows.cost += [(change, i.switch_weight) for change in (*self.start.values(), *self.stop.values())]
        if wip_weight:
            for (o, d), x in self.x.items():
                rows.cost.append((x, wip_weight * min(int(i.stay[o]), i.horizon - d)))
        if i.restart_weight:
            for u in self._units:
                restarts = rows.variable(i.horizon)
                rows.add([(restarts, 1), *((self.start[u, d], -1) for d in self._days)], lower=-1)
                rows.cost.append((restarts, i.restart_weight))

    def layout(self, value: Callable[[int], float]) -> Layout:
        """Plan of a solution; `value` gives that of a variable's number."""
        i = self.instance
        molds = np.zeros((len(i.remaining), i.horizon), np.int64)
        on = np.zeros((i.n_units, i.horizon), np.int64)
        for (o, d), x in self.x.items():
            molds[o, d] = round(value(x))
        for (u, d), y in self.y.items():
            on[u, d] = round(value(y))
        return Layout(molds, on)
