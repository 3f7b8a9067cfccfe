"""The exact model of the Monday replan in CP-SAT: tight, hinted, with floors as cuts.

Variables, constraints and objective are told apart; each rule of the specification is one method, with its
number and its formula.  o is an order, u its unit (what shares a pattern: the order, or its part), d a
workday, H the horizon; S flask days, L days to delivery, D the due day.

It differs from the literal form (`literal`) in strength, not in meaning: molds are bounded by what
capacities let an order mold on that day, a day on the line is linked by that bound, starts and stops are a
flow, late units are counted exactly, and what no plan can undercut is said.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from ortools.sat.python import cp_model

from .bound import Floors
from .cp_solver import new_cp_solver
from .dual import day_caps
from .head import HeadModel
from .instance import Instance
from .score import Layout, flask_use, objective_of

Ints = npt.NDArray[np.int64]
Expression: TypeAlias = Any
"""A linear expression of CP-SAT, or a whole number."""

SCALE = 1000
"""Tardiness and congestion are counted in thousandths, so that they are whole."""


class Tier(Enum):
    """What is minimised, one after the other; each has the name of its figure in `Score`."""

    OBJECTIVE = "objective"
    TARDINESS = "tardiness"
    CONGESTION = "congestion"
    STABILITY = "stability"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a solve found.

    Attributes
    ----------
    layout
        Best plan, or None.
    bound
        Floor of the tier that was minimised, in its own unit.
    proven
        Whether the plan is optimal for that tier.
    """

    layout: Layout | None
    bound: float
    proven: bool


def total(terms: Iterable[Expression]) -> Expression:
    """Sum of expressions."""
    return cp_model.LinearExpr.sum(list(terms))


def weighted(terms: Iterable[tuple[Expression, int]]) -> Expression:
    """Sum of expression x weight."""
    pairs = list(terms)
    return cp_model.LinearExpr.weighted_sum([e for e, _ in pairs], [w for _, w in pairs])


class ReplanModel:
    """Variables, rules and tiers of one problem."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.model = cp_model.CpModel()
        self._least, self._most = day_caps(instance)
        self._orders = [int(o) for o in np.flatnonzero(instance.remaining > 0)]
        opened = {int(instance.unit[o]) for o in self._orders}
        self._units = sorted(opened | {int(u) for u in np.flatnonzero(instance.loaded)})
        self._open_units = opened
        self._members = {u: [o for o in self._orders if int(instance.unit[o]) == u] for u in self._units}
        self._days = range(instance.horizon)
        self._make_variables()
        self._keep_rules()

    # Variables

    def _make_variables(self) -> None:
        """Molds x, pattern on the line y, start and stop of a pattern, late units; section 8."""
        m, i = self.model, self.instance
        self.x = {
            (o, d): m.new_int_var(int(self._least[o, d]), int(self._most[o, d]), f"x{o}_{d}")
            for o in self._orders
            for d in self._days
            if self._most[o, d] > 0
        }
        pairs = [(u, d) for u in self._units for d in self._days]
        self.y = {(u, d): m.new_bool_var(f"y{u}_{d}") for u, d in pairs}
        self.start = {(u, d): m.new_bool_var(f"start{u}_{d}") for u, d in pairs}
        self.stop = {(u, d): m.new_bool_var(f"stop{u}_{d}") for u, d in pairs}
        self.late = {o: m.new_int_var(0, int(i.remaining[o]), f"late{o}") for o in self._orders}
        self.restarts = (
            {u: m.new_int_var(0, i.horizon, f"restarts{u}") for u in self._units} if i.restart_weight else {}
        )

    # Rules

    def _keep_rules(self) -> None:
        self.mold_what_remains()
        self.link_molds_to_patterns()
        self.mold_within_capacity()
        self.run_patterns_in_parallel()
        self.pour_within_capacity()
        self.hold_flasks_until_shakeout()
        self.count_late_units()
        self.count_changes()
        self.need_pattern_days()

    def mold_what_remains(self) -> None:
        """9.1: sum_d x[o,d] = remaining[o]."""
        for o in self._orders:
            molds = total(self.x[o, d] for d in self._days if (o, d) in self.x)
            self.model.add(molds == int(self.instance.remaining[o]))

    def link_molds_to_patterns(self) -> None:
        """8.2: x[o,d] <= c[o,d] y[u,d]; together with the orders of its unit <= cap of one part a day."""
        for (o, d), x in self.x.items():
            self.model.add(x <= int(self._most[o, d]) * self.y[int(self.instance.unit[o]), d])
        for u, members in self._members.items():
            if len(members) > 1:
                for d in self._days:
                    together = [self.x[o, d] for o in members if (o, d) in self.x]
                    if together:
                        self.model.add(total(together) <= self.instance.same_part_max * self.y[u, d])

    def mold_within_capacity(self) -> None:
        """9.2: sum_o x[o,d] <= molding capacity."""
        for d in self._days:
            self.model.add(total(self._molds_of(d)) <= self.instance.molding_max)

    def run_patterns_in_parallel(self) -> None:
        """9.3: sum_u y[u,d] <= pattern places."""
        for d in self._days:
            self.model.add(total(self.y[u, d] for u in self._units) <= self.instance.max_patterns)

    def pour_within_capacity(self) -> None:
        """9.4: sum_o kg[o] x[o,d-1] <= pour capacity - committed, on day d, to the one after the horizon."""
        i = self.instance
        for d in self._days:
            metal = weighted((self.x[o, d], int(i.kg[o])) for o in self._orders if (o, d) in self.x)
            self.model.add(metal <= int(i.pour_free[d + 1]))

    def hold_flasks_until_shakeout(self) -> None:
        """9.5: sum over o of size s, k <= d < k+S[o], of x[o,k] <= flasks[s] - in use from before."""
        i = self.instance
        for s in range(len(i.flasks)):
            for d in self._days:
                use = self._flasks_in_use(s, d)
                if use:
                    self.model.add(total(use) <= int(i.flasks_free[s, d]))

    def count_late_units(self) -> None:
        """9.6: late[o] = remaining[o] - sum of x[o,d] with d + L[o] <= D[o]."""
        i = self.instance
        for o in self._orders:
            on_time = [self.x[o, d] for d in self._days if d <= i.last_on_time[o] and (o, d) in self.x]
            self.model.add(self.late[o] + total(on_time) == int(i.remaining[o]))

    def count_changes(self) -> None:
        """10: y[u,d] - y[u,d-1] = start[u,d] - stop[u,d], from the loaded ones on; restarts >= starts - 1."""
        for u in self._units:
            for d in self._days:
                before: Expression = self.y[u, d - 1] if d else int(self.instance.loaded[u])
                start, stop = self.start[u, d], self.stop[u, d]
                self.model.add(self.y[u, d] - before == start - stop)
                self.model.add(start <= self.y[u, d])
                self.model.add(stop <= before)
        for u, restarts in self.restarts.items():
            self.model.add(restarts >= total(self.start[u, d] for d in self._days) - 1)

    def need_pattern_days(self) -> None:
        """Implied: sum_d y[u,d] >= remaining / most molds a day; a start, unless the pattern is loaded."""
        i = self.instance
        for u in self._open_units:
            members = self._members[u]
            most = max(1, min(i.same_part_max, sum(int(self._most[o].max()) for o in members)))
            days = -(-int(i.remaining[members].sum()) // most)
            self.model.add(total(self.y[u, d] for d in self._days) >= days)
            begun: Expression = self.y[u, 0] if i.loaded[u] else 0
            self.model.add(total(self.start[u, d] for d in self._days) + begun >= 1)

    def keep_floors(self, floors: Floors) -> None:
        """Cuts: what no plan undercuts."""
        self.model.add(self.late_cost() >= floors.late_cost)
        self.model.add(total(self.changes()) >= floors.changes)
        self.model.add(self.objective() >= floors.objective)

    # Objective and tiers

    def _molds_of(self, d: int) -> list[cp_model.IntVar]:
        return [self.x[o, d] for o in self._orders if (o, d) in self.x]

    def _flasks_in_use(self, s: int, d: int) -> list[cp_model.IntVar]:
        """Molds of flask size `s` whose flask is held on day `d`, which may lie beyond the horizon."""
        i = self.instance
        return [
            self.x[o, k]
            for o in self._orders
            if i.size[o] == s
            for k in range(max(0, d - int(i.stay[o]) + 1), min(d + 1, i.horizon))
            if (o, k) in self.x
        ]

    def late_cost(self) -> Expression:
        """Sum of weight x late units."""
        return weighted((late, int(self.instance.weight[o])) for o, late in self.late.items())

    def changes(self) -> list[cp_model.IntVar]:
        """All starts and stops that cost; those of day 0 only where they are charged."""
        charged = self.instance.charge_day0_stops
        stops = [stop for (_, d), stop in self.stop.items() if d > 0 or charged]
        return [*self.start.values(), *stops]

    def objective(self) -> Expression:
        """11: late units, changes and restarts by their weights."""
        i = self.instance
        terms: list[tuple[Expression, int]] = [(change, i.switch_weight) for change in self.changes()]
        terms += [(late, int(i.weight[o])) for o, late in self.late.items()]
        terms += [(restarts, i.restart_weight) for restarts in self.restarts.values()]
        return weighted(terms)

    def tardiness(self) -> Expression:
        """Factor x working days late, in thousandths, summed over late units."""
        price = tardy_prices(self.instance)
        return weighted((x, int(price[o, d])) for (o, d), x in self.x.items() if price[o, d])

    def congestion(self) -> Expression:
        """Flasks in use above the threshold, in thousandths, summed over sizes and days."""
        i = self.instance
        over: list[Expression] = []
        for s, level in enumerate(crowded_levels(i)):
            for d in range(i.flasks_initial.shape[1]):
                use, initial = self._flasks_in_use(s, d), int(i.flasks_initial[s, d])
                if not use:
                    over.append(max(0, SCALE * initial - int(level)))
                    continue
                most = SCALE * (initial + int(i.flasks[s]) * 2)
                above = self.model.new_int_var(0, most, f"over{s}_{d}")
                self.model.add(above >= SCALE * total(use) + SCALE * initial - int(level))
                over.append(above)
        return total(over)

    def stability(self) -> Expression:
        """Sum of |x - previous|, twice the molds moved."""
        i = self.instance
        moved: list[Expression] = [int(i.previous.sum()) - sum(int(i.previous[o, d]) for o, d in self.x)]
        for o, d in self.x:
            before, most = int(i.previous[o, d]), int(self._most[o, d])
            apart = self.model.new_int_var(0, max(before, most), f"moved{o}_{d}")
            self.model.add_abs_equality(apart, self.x[o, d] - before)
            moved.append(apart)
        return total(moved)

    def expression(self, tier: Tier) -> Expression:
        """Give what a tier minimises, in the model's whole units."""
        return {
            Tier.OBJECTIVE: self.objective,
            Tier.TARDINESS: self.tardiness,
            Tier.CONGESTION: self.congestion,
            Tier.STABILITY: self.stability,
        }[tier]()

    def value(self, tier: Tier, layout: Layout) -> int:
        """Give a tier of a known plan as the model counts it, rounded coefficient by coefficient."""
        i, molds = self.instance, layout.molds
        if tier is Tier.OBJECTIVE:
            return objective_of(i, layout)
        if tier is Tier.TARDINESS:
            return int((tardy_prices(i) * molds).sum())
        if tier is Tier.CONGESTION:
            return int(np.maximum(SCALE * flask_use(i, molds) - crowded_levels(i)[:, None], 0).sum())
        return int(np.abs(molds - i.previous).sum())

    def minimise(self, tier: Tier, keep: Iterable[tuple[Tier, int]] = ()) -> None:
        """Minimise `tier`; each tier in `keep` stays within its value."""
        for above, most in keep:
            self.model.add(self.expression(above) <= most)
        self.model.minimize(self.expression(tier))

    # Hints and answers

    def hint(self, layout: Layout) -> None:
        """Start from a known plan."""
        self.model.clear_hints()
        for (o, d), x in self.x.items():
            self.model.add_hint(x, int(layout.molds[o, d]))
        for (u, d), y in self.y.items():
            now = int(layout.on[u, d])
            before = int(layout.on[u, d - 1]) if d else int(self.instance.loaded[u])
            self.model.add_hint(y, now)
            self.model.add_hint(self.start[u, d], int(now > before))
            self.model.add_hint(self.stop[u, d], int(now < before))

    def layout(self, value: Callable[[cp_model.IntVar], int]) -> Layout:
        """Plan of a solution."""
        i = self.instance
        molds, on = (
            np.zeros((len(i.remaining), i.horizon), np.int64),
            np.zeros((i.n_units, i.horizon), np.int64),
        )
        for (o, d), x in self.x.items():
            molds[o, d] = value(x)
        for (u, d), y in self.y.items():
            on[u, d] = value(y)
        return Layout(molds, on)


def tardy_prices(instance: Instance) -> Ints:
    """Factor x working days late of a mold of each order by day, in thousandths; 0 where it is on time."""
    days = np.arange(instance.horizon)[None, :]
    by = days + (instance.lag - np.maximum(instance.due, 0))[:, None]
    factor = np.rint(SCALE * instance.factor).astype(np.int64)
    return np.where(days > instance.last_on_time[:, None], factor[:, None] * by, 0)


def crowded_levels(instance: Instance) -> Ints:
    """Flasks of each size, in thousandths, above which their use is congestion."""
    levels: Ints = np.rint(SCALE * (instance.congestion_threshold or 0.0) * instance.flasks).astype(np.int64)
    return levels


class Watch(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]
    """Tells each better plan while CP-SAT works."""

    def __init__(self, on_plan: Callable[[Callable[[cp_model.IntVar], int]], None]) -> None:
        super().__init__()
        self._on_plan = on_plan

    def on_solution_callback(self) -> None:
        """Hand the plan on."""
        self._on_plan(self.value)


class Solve:
    """One solve, that can be stopped from another thread."""

    def __init__(self, *, workers: int, seed: int) -> None:
        self._solver = new_cp_solver()
        self._stopped = False
        self._solver.parameters.num_workers = workers
        self._solver.parameters.random_seed = seed
        self._solver.parameters.linearization_level = 2

    def stop(self) -> None:
        """End the solve with what it has; one that has not begun does not begin."""
        self._stopped = True
        self._solver.stop_search()

    def limit(self, *, seconds: float | None, work: float | None) -> None:
        """Solve within `seconds`, or within `work`, CP-SAT's deterministic time, to be repeatable."""
        if seconds is not None:
            self._solver.parameters.max_time_in_seconds = max(0.01, seconds)
        if work is not None:
            self._solver.parameters.max_deterministic_time = work

    def search_alike(self, threads: int) -> None:
        """Let all threads branch on the whole linear program, from different seeds.

        CP-SAT's mix of strategies proves little of the head: most of them do without that program.
        """
        parameters = self._solver.parameters
        parameters.num_workers = threads
        for k in range(threads):
            strategy = type(parameters)()
            strategy.name, strategy.linearization_level = f"linear{k}", 2
            strategy.random_seed = parameters.random_seed + k
            parameters.subsolver_params.append(strategy)
            parameters.subsolvers.append(strategy.name)

    def run(
        self, model: ReplanModel, on_plan: Callable[[Layout], None], on_bound: Callable[[float], None]
    ) -> Answer:
        """Minimise what the model says."""
        if self._stopped:
            return Answer(None, -math.inf, proven=False)
        self._solver.best_bound_callback = on_bound
        status = self._solver.solve(model.model, Watch(lambda value: on_plan(model.layout(value))))
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return Answer(None, self._solver.best_objective_bound, proven=False)
        layout = model.layout(self._solver.value)
        return Answer(layout, self._solver.best_objective_bound, status == cp_model.OPTIMAL)

    def run_head(
        self,
        head: HeadModel,
        known: Layout,
        on_plan: Callable[[Layout], None],
        on_bound: Callable[[float], None],
    ) -> None:
        """Minimise the program of the head from a known plan; bounds are in units of the objective."""
        if self._stopped:
            return
        model, variables = head.rows.cp_sat()
        for variable, hinted in zip(variables, head.image(known), strict=True):
            model.add_hint(variable, hinted)

        def tell(value: Callable[[cp_model.IntVar], int]) -> None:
            layout = head.plan(lambda number: value(variables[number]))
            if layout is not None:
                on_plan(layout)

        def raise_bound(bound: float) -> None:
            on_bound(head.step * math.ceil(bound - 1e-6) + head.offset)

        self._solver.best_bound_callback = raise_bound
        status = self._solver.solve(model, Watch(tell))
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            raise_bound(self._solver.best_objective_bound)
