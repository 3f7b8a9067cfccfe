"""Judges a plan by its problem alone: this module shares no code with the model that made it.

Only the data forms are common to both. Lags, calendar, capacities, rules, counts and the status of every
order are worked out anew from the tables; numbers in brackets are sections of the specification. Whether a
unit is on time is decided by dates, where the solver compares workday indices.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, isclose

from solver_jobs.foundry.problem import (
    ExpectedDelivery,
    FoundryPlan,
    FoundryProblem,
    OrderStatus,
    PatternDay,
    PlannedMolds,
)

_NEAR = 1e-6
_SIZES = ("S", "M", "L")
_ALWAYS_TOLD = (
    "late",
    "starts",
    "stops",
    "day0_stops",
    "changes",
    "wip",
    "spec_objective",
    "objective",
    "tardiness",
    "congestion",
    "stability",
)
"""Counts that every plan tells; the others are optional."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Everything about a plan that is counted; the fields of `PlanSummary` of the same names."""

    late: int
    late_orders: int
    starts: int
    stops: int
    day0_stops: int
    changes: int
    restarts: int
    wip: int
    spec_objective: int
    objective: int
    tardiness: float
    congestion: float
    stability: float
    peak_flasks: Mapping[str, int]
    peak_pour_ton: float


def verify(problem: FoundryProblem, plan: FoundryPlan) -> list[str]:
    """List what the plan breaks, each in a sentence with order, day and figures; empty when it may be stored.

    The problem must be sound (see `checks`).
    """
    check = _Check(problem, plan)
    unreadable = [*check.calendar_continues_the_given_one()] or [*check.rows_are_of_this_problem()]
    if unreadable:
        return unreadable
    return [
        *check.quantities_are_molded(),
        *check.molds_need_their_pattern(),
        *check.same_part_cap_is_kept(),
        *check.molding_is_kept(),
        *check.pattern_places_are_kept(),
        *check.metal_is_kept(),
        *check.flasks_are_kept(),
        *check.pins_are_kept(),
        *check.frozen_days_are_kept(),
        *check.late_weight_is_told(),
        *check.summary_is_counted_right(),
        *check.bound_is_consistent(),
        *check.statuses_are_right(),
    ]


def count(problem: FoundryProblem, plan: FoundryPlan) -> Counts:
    """Count a plan whose rows are of this problem; rules are not checked."""
    return _Check(problem, plan).counts()


class _Check:
    """The problem read anew, and one method for each rule."""

    def __init__(self, problem: FoundryProblem, plan: FoundryPlan) -> None:
        self.problem = problem
        self.plan = plan
        self.settings = problem.settings
        self.resources = problem.resources
        self.days = len(plan.calendar_workdays)
        self.orders = {order.order_id: order for order in problem.orders}
        self.parts = {part.part_id: part for part in problem.parts}
        self.part_of = {o.order_id: self.parts[o.part_id] for o in problem.orders if o.part_id in self.parts}
        self.cool = {part.part_id: ceil(part.cool_hours / 24) for part in problem.parts}
        self.finish = {part.part_id: ceil(part.finish_hours / 24) for part in problem.parts}
        self.credit = {row.order_id: row.molded_qty_credit for row in problem.initial_order_progress}
        self.loaded = {row.order_id for row in problem.initial_patterns_loaded if row.is_loaded}
        self.dates = [row.date for row in plan.calendar_workdays]
        self.molds: dict[tuple[str, int], int] = defaultdict(int)
        for row in plan.x:
            self.molds[row.order_id, row.workday_index] += row.molds
        self.made: Counter[str] = Counter()
        for (order_id, _), molds in self.molds.items():
            self.made[order_id] += molds
        self.expected: dict[str, list[ExpectedDelivery]] = {}
        for delivery in problem.expected_deliveries:
            if delivery.qty:
                self.expected.setdefault(delivery.order_id, []).append(delivery)
        self.on_line = {(row.order_id, row.workday_index) for row in plan.y}

    # What the problem says

    def remaining(self, order_id: str) -> int:
        """Units left to mold (9.1)."""
        return max(0, self.orders[order_id].qty - self.credit.get(order_id, 0))

    def stay(self, order_id: str) -> int:
        """Days for which a mold holds its flask: pour, cooling, shakeout (7)."""
        return 1 + self.cool[self.orders[order_id].part_id] + 1

    def lag(self, order_id: str) -> int:
        """Days from molding to delivery (7)."""
        return self.stay(order_id) + self.finish[self.orders[order_id].part_id] + 1

    def factor(self, order_id: str) -> float:
        """Weight of a late unit against one of priority 100."""
        priority = self.orders[order_id].priority
        if not self.settings.use_priority:
            return 1.0
        return 10.0 if priority == 0 else max(0.1, min(10.0, 100 / priority))

    def unit(self, order_id: str) -> str:
        """Name what the order shares its pattern with."""
        return self.orders[order_id].part_id if self.settings.pattern_unit == "PART" else order_id

    def unit_name(self, unit: str) -> str:
        """Name a pattern unit in a sentence."""
        return f"part {unit}" if self.settings.pattern_unit == "PART" else f"order {unit}"

    def owned(self, size: str) -> int:
        """Flasks of a size."""
        return int(getattr(self.resources, f"flasks_{size}"))

    def initial_flasks(self, size: str, day: int) -> int:
        """Flasks of a size that earlier molds hold on a day (9.5)."""
        rows = self.problem.initial_flask_inuse
        return sum(r.qty_inuse for r in rows if r.flask_size == size and r.release_workday_index > day)

    def committed_kg(self, day: int) -> int:
        """Kilograms that are promised on a day (9.4)."""
        rows = self.problem.initial_pour_load
        return sum(round(1000 * r.tons_committed) for r in rows if r.workday_index == day)

    def date_of(self, day: int) -> date:
        """Date of a workday, also of one after the plan's calendar."""
        while len(self.dates) <= day:
            self.dates.append(self.next_workday(self.dates[-1]))
        return self.dates[day]

    def next_workday(self, after: date) -> date:
        """Give the next day from Monday to Friday that is no holiday."""
        following = after + timedelta(days=1)
        while following.isoweekday() > 5 or following in self.problem.holidays:
            following += timedelta(days=1)
        return following

    def named(self, day: int) -> str:
        """Name a workday in a sentence."""
        return f"day {day} ({self.date_of(day):%a %Y-%m-%d})"

    # What the plan does

    def late_units(self) -> Iterator[tuple[str, int, int]]:
        """Orders, molding days and molds that are delivered after the due date (9.6)."""
        for (order_id, day), molds in self.molds.items():
            if self.date_of(day + self.lag(order_id)) > self.orders[order_id].due_date:
                yield order_id, day, molds

    def pattern_days(self) -> dict[str, set[int]]:
        """Days on the line of each pattern unit, also of those that are never there."""
        days: dict[str, set[int]] = {self.unit(order_id): set() for order_id in self.orders}
        for order_id, day in self.on_line:
            days[self.unit(order_id)].add(day)
        return days

    def flasks_in_use(self, size: str, days: int) -> list[int]:
        """Flasks of a size in use on each day, initial ones included (9.5)."""
        use = [self.initial_flasks(size, day) for day in range(days)]
        for (order_id, first), molds in self.molds.items():
            if self.part_of[order_id].flask_size == size:
                for day in range(first, min(days, first + self.stay(order_id))):
                    use[day] += molds
        return use

    def planned_kg(self) -> Counter[int]:
        """Kilograms of the plan's molds by pour day, the day after molding (9.4)."""
        poured: Counter[int] = Counter()
        for (order_id, day), molds in self.molds.items():
            poured[day + 1] += molds * round(1000 * self.part_of[order_id].gross_weight_ton)
        return poured

    # Can the rows be read at all

    def calendar_continues_the_given_one(self) -> Iterator[str]:
        """Check the calendar as used: the given days, then Monday to Friday less the holidays (5.5)."""
        rows = self.plan.calendar_workdays
        if not rows:
            yield "The plan has no calendar; expected the workdays as used, index 0 first."
            return
        given = {row.workday_index: row for row in self.problem.calendar_workdays or ()}
        if len(rows) < len(given):
            yield f"The plan's calendar has {len(rows)} workdays, the given one {len(given)}."
        before = self.problem.asof_date - timedelta(days=1)
        for position, row in enumerate(rows):
            known = given.get(position)
            expected = known.date if known else self.next_workday(before)
            if row.workday_index != position:
                yield f"Row {position} of the plan's calendar has workday index {row.workday_index}."
            if row.date != expected:
                yield f"Workday {position} of the plan's calendar is {row.date}, expected {expected}."
            if known and known.week_index not in (None, row.week_index):
                yield (
                    f"Workday {position} of the plan's calendar is in week {row.week_index}, "
                    f"given is week {known.week_index}."
                )
            before = row.date

    def rows_are_of_this_problem(self) -> Iterator[str]:
        """Check that x and y name orders of the problem and workdays of the calendar, each pair once."""
        for order in self.problem.orders:
            if order.part_id not in self.parts:
                yield f"Order {order.order_id} is of part {order.part_id}, which the problem does not have."
        tables: tuple[tuple[str, tuple[PlannedMolds | PatternDay, ...]], ...] = (
            ("x", self.plan.x),
            ("y", self.plan.y),
        )
        for table, rows in tables:
            seen: set[tuple[str, int]] = set()
            for row in rows:
                key = row.order_id, row.workday_index
                if row.order_id not in self.orders:
                    yield f"{table} has order {row.order_id}, which the problem does not have."
                if row.workday_index >= self.days:
                    yield (
                        f"{table} has order {row.order_id} on day {row.workday_index}, "
                        f"the calendar ends with day {self.days - 1}."
                    )
                if key in seen:
                    yield f"{table} has order {row.order_id} on day {row.workday_index} twice."
                seen.add(key)

    # The rules

    def quantities_are_molded(self) -> Iterator[str]:
        """9.1: sum over days of x[o,d] = remaining[o]."""
        for order_id in self.orders:
            if self.made[order_id] != self.remaining(order_id):
                yield (
                    f"Order {order_id}: {self.made[order_id]} molds are planned, "
                    f"{self.remaining(order_id)} remain to be molded (9.1)."
                )

    def molds_need_their_pattern(self) -> Iterator[str]:
        """8.2: x[o,d] > 0 only where y[o,d] = 1."""
        for (order_id, day), molds in sorted(self.molds.items()):
            if (order_id, day) not in self.on_line:
                yield (
                    f"Order {order_id}, {self.named(day)}: {molds} molds, "
                    f"but its pattern is not on the line (8.2)."
                )

    def same_part_cap_is_kept(self) -> Iterator[str]:
        """8.2: molds of one pattern a day stay within molding_max_same_part_per_day."""
        cap = self.resources.molding_max_same_part_per_day
        made: Counter[tuple[int, str]] = Counter()
        for (order_id, day), molds in self.molds.items():
            made[day, self.unit(order_id)] += molds
        for (day, unit), molds in sorted(made.items()):
            if molds > cap:
                name = self.unit_name(unit)
                yield f"{self.named(day)}, {name}: {molds} molds, its cap a day is {cap} (8.2)."

    def molding_is_kept(self) -> Iterator[str]:
        """9.2: sum over orders of x[o,d] <= molding_max_per_day."""
        cap = self.resources.molding_max_per_day
        made: Counter[int] = Counter()
        for (_, day), molds in self.molds.items():
            made[day] += molds
        for day, molds in sorted(made.items()):
            if molds > cap:
                yield f"{self.named(day)}: {molds} molds, molding makes at most {cap} (9.2)."

    def pattern_places_are_kept(self) -> Iterator[str]:
        """9.3: sum over patterns of y[.,d] <= max_patterns."""
        cap = self.resources.max_patterns
        on_day: Counter[int] = Counter(day for days in self.pattern_days().values() for day in days)
        for day, patterns in sorted(on_day.items()):
            if patterns > cap:
                yield f"{self.named(day)}: {patterns} patterns are on the line, it has {cap} places (9.3)."

    def metal_is_kept(self) -> Iterator[str]:
        """9.4: molds of day t-1 and what is committed on day t fit into its metal, calendar or not."""
        cap = round(1000 * self.resources.pour_max_ton_per_day)
        for day, kg in sorted(self.planned_kg().items()):
            committed = self.committed_kg(day)
            if kg > max(0, cap - committed):
                yield (
                    f"{self.named(day)}: {kg} kg to pour beside {committed} kg committed, "
                    f"the shop pours at most {cap} kg (9.4)."
                )

    def flasks_are_kept(self) -> Iterator[str]:
        """9.5: flasks of the plan's molds fit beside those in use from before."""
        for size in _SIZES:
            for day, use in enumerate(self.flasks_in_use(size, self.days)):
                initial = self.initial_flasks(size, day)
                if use - initial > max(0, self.owned(size) - initial):
                    yield (
                        f"{self.named(day)}: {use - initial} flasks {size} are needed beside {initial} "
                        f"in use from before, the shop has {self.owned(size)} (9.5)."
                    )

    def pins_are_kept(self) -> Iterator[str]:
        """Pins: exactly so many molds on that day."""
        for pin in self.problem.pins:
            molds = self.molds.get((pin.order_id, pin.workday_index), 0)
            if molds != pin.molds:
                day = self.named(pin.workday_index)
                yield f"Order {pin.order_id}, {day}: {molds} molds, pinned are {pin.molds}."

    def frozen_days_are_kept(self) -> Iterator[str]:
        """Frozen days equal the previous plan."""
        if not self.problem.frozen_days:
            return
        if self.problem.previous_plan is None:
            yield f"{self.problem.frozen_days} days are frozen, but there is no previous plan to equal."
            return
        before = self.previous()
        frozen = {key for key in (*before, *self.molds) if key[1] < self.problem.frozen_days}
        for order_id, day in sorted(frozen):
            molds, was = self.molds.get((order_id, day), 0), before.get((order_id, day), 0)
            if molds != was:
                yield f"Order {order_id}, {self.named(day)}: {molds} molds, frozen are {was}."

    def previous(self) -> Counter[tuple[str, int]]:
        """Molds of the previous plan, of the problem's orders."""
        made: Counter[tuple[str, int]] = Counter()
        for row in self.problem.previous_plan or ():
            if row.order_id in self.orders:
                made[row.order_id, row.workday_index] += row.molds
        return made

    # The counts

    def counts(self) -> Counts:
        """Count the plan as its summary should."""
        late: Counter[str] = Counter()
        tardiness = 0.0
        for order_id, day, molds in self.late_units():
            late[order_id] += molds
            due = sum(1 for d in self.dates if d <= self.orders[order_id].due_date) - 1
            tardiness += self.factor(order_id) * molds * (day + self.lag(order_id) - max(0, due))
        starts, stops, day0_stops, restarts = self.changes()
        changes = starts + stops + (day0_stops if self.settings.charge_day0_stops else 0)
        use = {size: self.flasks_in_use(size, self.days) for size in _SIZES}
        wip = sum(sum(days) for days in use.values())
        weight = self.late_weight()
        kg = self.planned_kg()
        return Counts(
            late=late.total(),
            late_orders=len(late),
            starts=starts,
            stops=stops,
            day0_stops=day0_stops,
            changes=changes,
            restarts=restarts,
            wip=wip,
            spec_objective=1_000_000 * late.total() + 100_000 * (starts + stops) + wip,
            objective=sum(round(weight * self.factor(order_id)) * units for order_id, units in late.items())
            + self.settings.switch_weight * changes
            + self.settings.restart_weight * restarts,
            tardiness=tardiness,
            congestion=self.congestion(),
            stability=self.stability(),
            peak_flasks={size: max(days) for size, days in use.items()},
            peak_pour_ton=max(kg[day] + self.committed_kg(day) for day in range(self.days)) / 1000,
        )

    def changes(self) -> tuple[int, int, int, int]:
        """Count starts, stops after day 0, stops on day 0, and starts beyond a pattern's first (10)."""
        starts = stops = day0_stops = restarts = 0
        loaded = {self.unit(order_id) for order_id in self.loaded}
        for unit, days in self.pattern_days().items():
            begun = sum(1 for d in days if d - 1 not in days and not (d == 0 and unit in loaded))
            starts += begun
            restarts += max(0, begun - 1)
            stops += sum(1 for d in days if d + 1 not in days and d + 1 < self.days)
            day0_stops += unit in loaded and 0 not in days
        return starts, stops, day0_stops, restarts

    def congestion(self) -> float:
        """Flask-days above the threshold, to the day on which the last flask is free."""
        if self.settings.congestion_threshold is None:
            return 0.0
        released = [day + self.stay(order_id) for order_id, day in self.molds]
        released += [row.release_workday_index for row in self.problem.initial_flask_inuse]
        days = max([self.days, *released])
        return sum(
            max(0.0, use - self.settings.congestion_threshold * self.owned(size))
            for size in _SIZES
            for use in self.flasks_in_use(size, days)
        )

    def stability(self) -> float:
        """Half of the differences to the previous plan."""
        if self.problem.previous_plan is None:
            return 0.0
        before = self.previous()
        return sum(abs(self.molds.get(key, 0) - before[key]) for key in {*self.molds, *before}) / 2

    def late_weight(self) -> int:
        """Weight of a late unit that the plan was made with: as told, else as set."""
        told = "late_weight" in self.plan.summary.model_fields_set
        return self.plan.summary.late_weight if told else self.settings.late_weight

    def late_weight_is_told(self) -> Iterator[str]:
        """WEIGHTED takes the weight as set; LEXICOGRAPHIC that weight times a power of ten."""
        told, set_to = self.late_weight(), self.settings.late_weight
        weight = set_to
        if self.settings.policy == "LEXICOGRAPHIC":
            while 0 < weight < told:
                weight *= 10
        if weight != told:
            power = " times a power of ten" if self.settings.policy == "LEXICOGRAPHIC" else ""
            yield f"The summary weighs a late unit with {told}; expected was {set_to}{power}."

    def summary_is_counted_right(self) -> Iterator[str]:
        """Compare each figure of the summary with the count."""
        counted = self.counts()
        summary = self.plan.summary
        for name in _ALWAYS_TOLD:
            yield from self.compare(name, getattr(summary, name), getattr(counted, name))
        for name in ("late_orders", "restarts", "peak_pour_ton"):
            if name in summary.model_fields_set:
                yield from self.compare(name, getattr(summary, name), getattr(counted, name))
        if "peak_flasks" in summary.model_fields_set:
            for size in _SIZES:
                told = {str(key): peak for key, peak in summary.peak_flasks.items()}.get(size)
                yield from self.compare(f"peak_flasks of size {size}", told, counted.peak_flasks[size])

    def compare(self, name: str, told: float | None, counted: float) -> Iterator[str]:
        """Compare one figure: whole ones exactly, others up to rounding."""
        same = told == counted
        if isinstance(counted, float) and told is not None:
            same = isclose(told, counted, rel_tol=_NEAR, abs_tol=_NEAR)
        if not same:
            yield f"The summary tells {name} = {told}, counted are {counted}."

    def bound_is_consistent(self) -> Iterator[str]:
        """Check gap = (objective - bound) / max(1, objective) >= 0, and OPTIMAL only without a gap."""
        summary = self.plan.summary
        if summary.bound > summary.objective + _NEAR:
            yield f"The bound {summary.bound} is above the objective {summary.objective}."
        gap = (summary.objective - summary.bound) / max(1, summary.objective)
        if not isclose(summary.gap, gap, rel_tol=_NEAR, abs_tol=1e-9):
            yield f"The summary tells a gap of {summary.gap}; objective and bound give {gap}."
        if self.plan.status == "OPTIMAL" and summary.bound < summary.objective - _NEAR:
            yield (
                f"The plan is called OPTIMAL, but its bound {summary.bound} is below its objective "
                f"{summary.objective}."
            )

    # The orders

    def statuses_are_right(self) -> Iterator[str]:
        """Compare the status of each order with what the plan makes of it (12.3)."""
        told = Counter(row.order_id for row in self.plan.order_status)
        for order_id in sorted(self.orders.keys() | told.keys()):
            if order_id not in self.orders:
                yield f"order_status has order {order_id}, which the problem does not have."
            elif told[order_id] != 1:
                yield f"order_status has {told[order_id]} rows for order {order_id}, expected one."
        late: Counter[str] = Counter()
        last: dict[str, int] = {}
        for order_id, _, molds in self.late_units():
            late[order_id] += molds
        for order_id, day in self.molds:
            last[order_id] = max(last.get(order_id, 0), day + self.lag(order_id))
        for row in self.plan.order_status:
            if row.order_id in self.orders:
                yield from self.status_is_right(row, late[row.order_id], last.get(row.order_id))

    def status_is_right(self, row: OrderStatus, late: int, completion: int | None) -> Iterator[str]:
        """Compare one status."""
        order = self.orders[row.order_id]
        expected = self.expected.get(row.order_id, [])
        deliveries = [r.date for r in expected]
        if completion is not None:
            deliveries.append(self.date_of(completion))
        figures = {
            "part_id": order.part_id,
            "qty": order.qty,
            "molded_qty_credit": self.credit.get(row.order_id, 0),
            "remaining_qty": self.remaining(row.order_id),
            "due_date": order.due_date,
            "delivered_by_due": self.made[row.order_id] - late,
            "late_qty": late,
            "credit_late_qty": sum(r.qty for r in expected if r.date > order.due_date),
            "completion_workday_index": completion,
            "completion_date": max(deliveries, default=None),
        }
        if "completion_date" not in row.model_fields_set:
            figures.pop("completion_date")
        for name, counted in figures.items():
            if getattr(row, name) != counted:
                yield (
                    f"The status of order {row.order_id} tells {name} = {getattr(row, name)}, "
                    f"expected {counted}."
                )
