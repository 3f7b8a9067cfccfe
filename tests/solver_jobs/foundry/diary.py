"""A shop that carries its plans out as planned, with all that was done written down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from solver_jobs.foundry.instance import flask_stay, kilograms
from solver_jobs.foundry.problem import FLASK_SIZES, FoundryPlan, FoundryProblem, PlannedMolds

LOOKED_AHEAD = 30
"""Workdays for which the flasks of a new Monday are compared; no mold holds its flask for longer."""


def in_use(rows: Sequence[tuple[str, int, int, int]], size: str, day: int) -> int:
    """Flasks of a size that hold a mold on a day."""
    return sum(qty for of, first, free, qty in rows if of == size and first <= day < free)


class Diary:
    """What the shop did, day by day since the first Monday; days are counted through all weeks."""

    def __init__(self, problem: FoundryProblem) -> None:
        parts = {part.part_id: part for part in problem.parts}
        self.part = {order.order_id: parts[order.part_id] for order in problem.orders}
        self.resources = problem.resources
        self.credit = Counter({r.order_id: r.molded_qty_credit for r in problem.initial_order_progress})
        self.held = [
            (r.flask_size, 0, r.release_workday_index, r.qty_inuse) for r in problem.initial_flask_inuse
        ]
        self.before = list(self.held)
        self.metal = Counter[int]()
        for row in problem.initial_pour_load:
            self.metal[row.workday_index] += kilograms(row.tons_committed)
        self.committed = Counter(self.metal)
        self.molds = Counter[tuple[int, str]]()
        self.on_line = {row.order_id for row in problem.initial_patterns_loaded if row.is_loaded}
        self.today = 0

    def live(self, plan: FoundryPlan, weeks: int = 1) -> list[PlannedMolds]:
        """Carry the plan's first weeks out; what was molded, its days counted through all weeks."""
        assert plan.asof_date
        monday = plan.asof_date + timedelta(weeks=weeks)
        days = sum(1 for day in plan.calendar_workdays if day.date < monday)
        made = [
            row.model_copy(update={"workday_index": self.today + row.workday_index})
            for row in plan.x
            if row.workday_index < days
        ]
        for row in made:
            part, day = self.part[row.order_id], row.workday_index
            self.credit[row.order_id] += row.molds
            self.held.append((part.flask_size, day, day + flask_stay(part), row.molds))
            self.metal[day + 1] += row.molds * kilograms(part.gross_weight_ton)
            self.molds[day, row.order_id] += row.molds
        self.on_line = {row.order_id for row in plan.y if row.workday_index == days - 1}
        self.today += days
        return made

    def check_state(self, problem: FoundryProblem) -> None:
        """The state that a Monday begins with is what the diary says."""
        assert (
            Counter({r.order_id: r.molded_qty_credit for r in problem.initial_order_progress}) == +self.credit
        )
        for size in FLASK_SIZES:
            rows = [
                (r.flask_size, 0, r.release_workday_index, r.qty_inuse) for r in problem.initial_flask_inuse
            ]
            for day in range(LOOKED_AHEAD):
                assert in_use(rows, size, day) == in_use(self.held, size, self.today + day)
        told = {r.workday_index: kilograms(r.tons_committed) for r in problem.initial_pour_load}
        assert {row.order_id for row in problem.initial_patterns_loaded if row.is_loaded} == self.on_line
        assert told == {day - self.today: kg for day, kg in self.metal.items() if day >= self.today and kg}

    def check_history(self) -> None:
        """No day of all the weeks had more than the shop can, other than what it began with."""
        for day in range(self.today):
            made = {order: molds for (d, order), molds in self.molds.items() if d == day}
            assert sum(made.values()) <= self.resources.molding_max_per_day
            assert len(made) <= self.resources.max_patterns
            assert max(made.values(), default=0) <= self.resources.molding_max_same_part_per_day
            most = kilograms(self.resources.pour_max_ton_per_day)
            assert self.metal[day] <= max(most, self.committed[day])
            for size in FLASK_SIZES:
                owned = self.resources.flasks(size)
                assert in_use(self.held, size, day) <= max(owned, in_use(self.before, size, day))
