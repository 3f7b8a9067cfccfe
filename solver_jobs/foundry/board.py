"""A finished plan as arrays: molds, patterns, and what is left of each resource on each day."""

from __future__ import annotations

import numpy as np

from solver_jobs.foundry.calendar import WorkCalendar
from solver_jobs.foundry.instance import Bools, Instance, Ints, compile_problem
from solver_jobs.foundry.problem import FLASK_SIZES, FoundryPlan, FoundryProblem, Resource

FLASKS: tuple[Resource, ...] = ("FLASKS_S", "FLASKS_M", "FLASKS_L")
"""Flask sizes as resources, in the order of `FLASK_SIZES`."""


class Board:
    """The finished plan as arrays, and what is left of each resource on each day."""

    def __init__(self, problem: FoundryProblem, plan: FoundryPlan) -> None:
        days = len(plan.calendar_workdays)
        self.problem, self.plan = problem, plan
        self.instance: Instance = compile_problem(problem, horizon=days)
        self.days = days
        self.calendar = WorkCalendar(problem.asof_date, plan.calendar_workdays, problem.holidays)
        longest = int((self.instance.lag + self.instance.stay).max(initial=0))
        self.dates = [self.calendar.date_of(day) for day in range(days + longest + 1)]
        self.year = problem.asof_date.year
        parts = {part.part_id: part for part in problem.parts}
        self.parts = [parts[order.part_id] for order in problem.orders]
        row_of = {order.order_id: row for row, order in enumerate(problem.orders)}
        self.molds = np.zeros((len(problem.orders), days), np.int64)
        for made in plan.x:
            self.molds[row_of[made.order_id], made.workday_index] += made.molds
        self.on = np.zeros((len(problem.orders), days), np.bool_)
        for pattern in plan.y:
            self.on[row_of[pattern.order_id], pattern.workday_index] = True
        self.unit_on = by_unit(self.on, self.instance.unit, self.instance.n_units)
        self.last_day = int(np.flatnonzero(self.molds.any(axis=0)).max(initial=0))
        self._measure()

    def _measure(self) -> None:
        i = self.instance
        self.held_by = np.zeros_like(self.molds)
        for o, day in np.argwhere(self.molds > 0):
            self.held_by[o, day : day + i.stay[o]] += self.molds[o, day]
        self.held = np.zeros((len(FLASK_SIZES), self.days), np.int64)
        np.add.at(self.held, i.size, self.held_by)
        self.molds_left = i.molding_max - self.molds.sum(axis=0)
        metal = i.kg @ self.molds
        self.metal_left = i.pour_free[1:] - metal
        self.flasks_left = i.flasks_free - self.held
        made = np.zeros((i.n_units, self.days), np.int64)
        np.add.at(made, i.unit, self.molds)
        self.cap_left = i.same_part_max - made
        # A pattern that waits on the line for nothing more gives its place to whoever wants it.
        wanted = np.cumsum(made[:, ::-1], axis=1)[:, ::-1] > 0
        self.places_used: Ints = (self.unit_on & wanted).sum(axis=0)
        self.places_left = i.max_patterns - self.places_used

    def late_molds(self, o: int) -> int:
        """Late units of an order."""
        first_late = max(0, int(self.instance.last_on_time[o]) + 1)
        return int(self.molds[o, first_late:].sum())

    def restarts(self) -> int:
        """Count starts of patterns beyond their first."""
        before = np.hstack([self.instance.loaded[:, None], self.unit_on[:, :-1]])
        starts = (self.unit_on & ~before).sum(axis=1)
        return int(np.maximum(starts - 1, 0).sum())

    def window_left(self, o: int) -> Ints:
        """Flasks of the order's size, by day, that stay free as long as one of its molds needs them."""
        left: Ints = self.flasks_left[self.instance.size[o]]
        least: Ints = left.copy()
        for k in range(1, min(self.days, int(self.instance.stay[o]))):
            least[: self.days - k] = np.minimum(least[: self.days - k], left[k:])
        return least

    def in_the_way(self, o: int, until: int) -> dict[Resource, Bools]:
        """For each resource, the days to `until` on which it has no room for one more mold of the order."""
        i = self.instance
        unit, day = int(i.unit[o]), slice(0, until + 1)
        full: dict[Resource, Bools] = {
            FLASKS[i.size[o]]: self.window_left(o)[day] < 1,
            "PATTERN_PLACES": (self.places_left[day] < 1) & ~self.unit_on[unit, day],
            "METAL": self.metal_left[day] < i.kg[o],
            "MOLDING": self.molds_left[day] < 1,
            "PART_CAP": self.cap_left[unit, day] < 1,
            "PINS": i.pinned[o, day] >= 0,
        }
        return full


def by_unit(on: Bools, unit: Ints, units: int) -> Bools:
    """Days on the line of each pattern unit, from those of its orders."""
    shared = np.zeros((units, on.shape[1]), np.bool_)
    np.logical_or.at(shared, unit, on)
    return shared
