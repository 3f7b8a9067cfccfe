"""A problem as arrays: what the solver computes on.

Lags, due days, capacities less what is committed, pins and frozen days, and the horizon, which is long enough
for a greedy plan. Rows are orders in the problem's order, columns are workdays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from solver_jobs.errors import JobError
from solver_jobs.foundry.calendar import WorkCalendar
from solver_jobs.foundry.problem import FLASK_SIZES, FoundryProblem, Part, PatternUnit, Settings, Workday
from solver_jobs.foundry.wording import say_some

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LONGEST_HORIZON = 2_000
"""Workdays, some eight years; a shop that needs more has an error in its data."""
LONGEST_DUE_HORIZON = 520
"""Due dates further away, in workdays, don't lengthen the horizon."""
BUFFER = 10
"""Workdays added to a horizon that the problem leaves open (specification, section 3)."""
FREE = -1
"""Entry of `Instance.pinned` where nothing is pinned."""


def hours_to_days(hours: float) -> int:
    """Hours of a process step in whole working days (specification, section 7)."""
    return math.ceil(hours / 24)


def flask_stay(part: Part) -> int:
    """S: working days for which a mold holds its flask, its molding day included: pour, cooling, shakeout."""
    return 1 + hours_to_days(part.cool_hours) + 1


def delivery_lag(part: Part) -> int:
    """L: working days from molding to delivery: pour, cooling, shakeout, finishing, delivery."""
    return 1 + hours_to_days(part.cool_hours) + 1 + hours_to_days(part.finish_hours) + 1


def kilograms(tons: float) -> int:
    """Tons as whole kilograms, the unit in which metal is compared (specification, section 9.4)."""
    return round(1000 * tons)


def priority_factor(priority: int, settings: Settings) -> float:
    """f: how much more than one of priority 100 a late unit weighs."""
    if not settings.use_priority:
        return 1.0
    return min(10.0, max(0.1, 100 / priority)) if priority else 10.0


@dataclass(frozen=True, slots=True)
class Instance:
    """A problem compiled to arrays; n orders, u pattern units, H workdays, 3 flask sizes.

    Attributes
    ----------
    problem
        What was compiled.
    calendar
        The workdays as used, H of them.
    order_ids
        Names of the rows.
    horizon
        H.
    extended
        Workdays by which the given calendar was too short; 0 where none was given.
    remaining
        (n) units left to mold.
    size
        (n) row of `flasks`: 0 S, 1 M, 2 L.
    stay, lag
        (n) workdays that a mold holds its flask, and from molding to delivery.
    kg
        (n) metal of a mold.
    due, last_on_time
        (n) due index, -1 if past; last molding day that is on time, negative if none, perhaps beyond H - 1.
    factor, weight
        (n) priority factor f; cost of a late unit in the objective, round(late_weight x f).
    unit
        (n) the pattern unit of each order.
    unit_names
        Names of the units: orders or parts.
    loaded
        (u) whether the unit's pattern is on the line when day 0 begins.
    flasks, flasks_initial, flasks_free
        (3) flasks owned; (3, H + longest stay) used by earlier molds; (3, H) the rest, at least zero.
    pour_max, pour_committed, pour_free
        Kilograms a day; (H + 1) promised; (H + 1) the rest, at least zero. Molds of day d are poured on
        d + 1, those of the last day on the day after the horizon.
    molding_max, same_part_max, max_patterns
        Molds a day, molds a day of one unit, units on the line a day.
    pinned
        (n, H) molds decided by pins or frozen days, -1 where open.
    previous
        (n, H) molds of the previous plan; zero without one.
    previous_outside
        Molds of the previous plan after the horizon: they count as moved in any plan.
    fitting
        (n, H) molds of the greedy plan that proves the horizon long enough; it keeps every rule, a pattern
        being on the line on exactly the days with molds. Zero where the horizon was given.
    late_weight, switch_weight, restart_weight
        Weights of the objective; `late_weight` at priority 100.
    charge_day0_stops, tardiness, congestion_threshold, stability
        Which costs and tiers count.
    """

    problem: FoundryProblem
    calendar: tuple[Workday, ...]
    order_ids: tuple[str, ...]
    horizon: int
    extended: int
    remaining: Ints
    size: Ints
    stay: Ints
    lag: Ints
    kg: Ints
    due: Ints
    last_on_time: Ints
    factor: Floats
    weight: Ints
    unit: Ints
    unit_names: tuple[str, ...]
    loaded: Bools
    flasks: Ints
    flasks_initial: Ints
    flasks_free: Ints
    pour_max: int
    pour_committed: Ints
    pour_free: Ints
    molding_max: int
    same_part_max: int
    max_patterns: int
    pinned: Ints
    previous: Ints
    previous_outside: int
    fitting: Ints
    late_weight: int
    switch_weight: int
    restart_weight: int
    charge_day0_stops: bool
    tardiness: bool
    congestion_threshold: float | None
    stability: bool

    @property
    def n_orders(self) -> int:
        """Rows."""
        return len(self.remaining)

    @property
    def n_units(self) -> int:
        """Pattern units: orders, or parts."""
        return len(self.unit_names)

    def weighing_late(self, late_weight: int) -> Instance:
        """Give the same instance with another weight of a late unit."""
        return replace(self, late_weight=late_weight, weight=_weights(self.factor, late_weight))


@dataclass(slots=True)
class _Rows:
    """Columns of the orders."""

    remaining: Ints
    size: Ints
    stay: Ints
    lag: Ints
    kg: Ints
    due: Ints
    factor: Floats
    unit: Ints
    unit_names: tuple[str, ...]
    loaded: Bools


def compile_problem(problem: FoundryProblem, horizon: int | None = None) -> Instance:
    """Compile a sound problem (`checks.require_sound`) to arrays.

    Parameters
    ----------
    problem
        What to compile.
    horizon
        Workdays of a plan that is already made; None: as many as it takes for a greedy plan.

    Raises
    ------
    JobError
        ``HORIZON_TOO_LONG``: even a greedy plan takes more than `LONGEST_HORIZON` workdays.
    """
    calendar = WorkCalendar.of(problem)
    rows = _rows(problem, calendar)
    given = len(problem.calendar_workdays or ())
    longest_lag = int(rows.lag.max(initial=0))
    if horizon is None:
        least = max(1, given, _due_horizon(rows, given), _pinned_days(problem) + longest_lag)
        fitting = _Dispatch(problem, rows, least).run()
        last = int(np.flatnonzero(fitting.any(axis=0)).max(initial=-1))
        horizon = max(least, last + 1 + longest_lag)
    else:
        fitting, last = np.zeros((len(problem.orders), 0), np.int64), -1
    settings = problem.settings
    flasks, initial = _flasks(problem, horizon + int(rows.stay.max(initial=0)))
    committed = _committed(problem, horizon + 1)
    previous, outside = _previous(problem, horizon)
    pour_max = kilograms(problem.resources.pour_max_ton_per_day)
    molds = np.zeros((len(rows.remaining), horizon), np.int64)
    molds[:, : last + 1] = fitting[:, : last + 1]
    return Instance(
        problem=problem,
        calendar=calendar.workdays(horizon),
        order_ids=tuple(order.order_id for order in problem.orders),
        horizon=horizon,
        extended=max(0, horizon - given) if given else 0,
        remaining=rows.remaining,
        size=rows.size,
        stay=rows.stay,
        lag=rows.lag,
        kg=rows.kg,
        due=rows.due,
        last_on_time=rows.due - rows.lag,
        factor=rows.factor,
        weight=_weights(rows.factor, settings.late_weight),
        unit=rows.unit,
        unit_names=rows.unit_names,
        loaded=rows.loaded,
        flasks=flasks,
        flasks_initial=initial,
        flasks_free=np.maximum(flasks[:, None] - initial[:, :horizon], 0),
        pour_max=pour_max,
        pour_committed=committed,
        pour_free=np.maximum(pour_max - committed, 0),
        molding_max=problem.resources.molding_max_per_day,
        same_part_max=problem.resources.molding_max_same_part_per_day,
        max_patterns=problem.resources.max_patterns,
        pinned=_pinned(problem, horizon),
        previous=previous,
        previous_outside=outside,
        fitting=molds,
        late_weight=settings.late_weight,
        switch_weight=settings.switch_weight,
        restart_weight=settings.restart_weight,
        charge_day0_stops=settings.charge_day0_stops,
        tardiness=settings.tardiness,
        congestion_threshold=settings.congestion_threshold,
        stability=settings.stability_weight > 0 and problem.previous_plan is not None,
    )


def _weights(factor: Floats, late_weight: int) -> Ints:
    return np.array([round(late_weight * float(f)) for f in factor], np.int64)


def _column(values: Sequence[int]) -> Ints:
    return np.array(values, np.int64).reshape(len(values))


def _rows(problem: FoundryProblem, calendar: WorkCalendar) -> _Rows:
    part_of = {part.part_id: part for part in problem.parts}
    parts = [part_of[order.part_id] for order in problem.orders]
    credit = {row.order_id: row.molded_qty_credit for row in problem.initial_order_progress}
    names = _unit_names(problem, problem.settings.pattern_unit)
    number: dict[str, int] = {}
    unit = [number.setdefault(name, len(number)) for name in names]
    loaded = np.zeros(len(number), np.bool_)
    row_of = {order.order_id: row for row, order in enumerate(problem.orders)}
    for pattern in problem.initial_patterns_loaded:
        if pattern.is_loaded:
            loaded[unit[row_of[pattern.order_id]]] = True
    return _Rows(
        remaining=_column([max(0, order.qty - credit.get(order.order_id, 0)) for order in problem.orders]),
        size=_column([FLASK_SIZES.index(part.flask_size) for part in parts]),
        stay=_column([flask_stay(part) for part in parts]),
        lag=_column([delivery_lag(part) for part in parts]),
        kg=_column([kilograms(part.gross_weight_ton) for part in parts]),
        due=_column([calendar.index_on_or_before(order.due_date) for order in problem.orders]),
        factor=np.array([priority_factor(o.priority, problem.settings) for o in problem.orders], np.float64),
        unit=_column(unit),
        unit_names=tuple(number),
        loaded=loaded,
    )


def _unit_names(problem: FoundryProblem, pattern_unit: PatternUnit) -> list[str]:
    if pattern_unit == "PART":
        return [order.part_id for order in problem.orders]
    return [order.order_id for order in problem.orders]


def _due_horizon(rows: _Rows, given: int) -> int:
    """Workdays that the due dates ask for; where no calendar is given, a lag and a buffer more."""
    counting = rows.due[(rows.remaining > 0) & (rows.due <= LONGEST_DUE_HORIZON)]
    latest = int(counting.max(initial=-1))
    return latest + 1 + (0 if given else int(rows.lag.max(initial=0)) + BUFFER)


def _pinned_days(problem: FoundryProblem) -> int:
    pins = (pin.workday_index for pin in problem.pins if pin.molds)
    frozen = (
        row.workday_index for row in problem.previous_plan or () if row.workday_index < problem.frozen_days
    )
    return max(0, *(day + 1 for day in (*pins, *frozen)), 0)


def _pinned(problem: FoundryProblem, days: int) -> Ints:
    row_of = {order.order_id: row for row, order in enumerate(problem.orders)}
    pinned = np.full((len(problem.orders), days), FREE, np.int64)
    if problem.frozen_days:
        pinned[:, : problem.frozen_days] = 0
        for row in problem.previous_plan or ():
            if row.workday_index < min(days, problem.frozen_days) and row.order_id in row_of:
                pinned[row_of[row.order_id], row.workday_index] = row.molds
    for pin in problem.pins:
        if pin.workday_index < days:
            pinned[row_of[pin.order_id], pin.workday_index] = pin.molds
    return pinned


def _previous(problem: FoundryProblem, days: int) -> tuple[Ints, int]:
    row_of = {order.order_id: row for row, order in enumerate(problem.orders)}
    previous, outside = np.zeros((len(problem.orders), days), np.int64), 0
    for row in problem.previous_plan or ():
        if row.order_id in row_of:
            if row.workday_index < days:
                previous[row_of[row.order_id], row.workday_index] += row.molds
            else:
                outside += row.molds
    return previous, outside


def _flasks(problem: FoundryProblem, days: int) -> tuple[Ints, Ints]:
    """Flasks owned by size, and of these in use by earlier molds by day (specification, section 9.5)."""
    owned = _column([problem.resources.flasks(size) for size in FLASK_SIZES])
    initial = np.zeros((len(FLASK_SIZES), days), np.int64)
    for row in problem.initial_flask_inuse:
        initial[FLASK_SIZES.index(row.flask_size), : max(0, row.release_workday_index)] += row.qty_inuse
    return owned, initial


def _committed(problem: FoundryProblem, days: int) -> Ints:
    committed = np.zeros(days, np.int64)
    for row in problem.initial_pour_load:
        if 0 <= row.workday_index < days:
            committed[row.workday_index] += kilograms(row.tons_committed)
    return committed


class _Dispatch:
    """A greedy plan day by day: patterns go on, free places go to the open order that is due first."""

    def __init__(self, problem: FoundryProblem, rows: _Rows, days: int) -> None:
        self._problem = problem
        self._rows = rows
        self._longest_stay = int(rows.stay.max(initial=0))
        self._days = days
        self._limit = max(LONGEST_HORIZON, days)
        width = self._limit + self._longest_stay + 1
        owned, initial = _flasks(problem, width)
        self._flasks = np.maximum(owned[:, None] - initial, 0)
        pour = kilograms(problem.resources.pour_max_ton_per_day)
        self._pour = np.maximum(pour - _committed(problem, width), 0)
        self._pinned = _pinned(problem, self._limit)
        self._left = rows.remaining.copy()
        self._molds = np.zeros((len(rows.remaining), days), np.int64)
        self._molded = np.zeros(self._limit, np.int64)
        self._by_unit: list[dict[int, int]] = [{} for _ in range(self._limit)]
        last_on_time = rows.due - rows.lag
        self._queue: list[int] = [int(o) for o in np.lexsort((-rows.remaining, last_on_time))]

    def run(self) -> Ints:
        """Molds by order and day, as many days as it takes.

        Raises
        ------
        JobError
            ``HORIZON_TOO_LONG``.
        """
        for o, d in np.argwhere(self._pinned > 0):
            self._book(int(o), int(d), int(self._pinned[o, d]))
        queue = [o for o in self._queue if self._left[o] > 0]
        running: list[int] = []
        day = 0
        while queue:
            if day >= self._limit:
                raise self._too_long(queue)
            self._fill(day, running, queue)
            running = [o for o in queue if day < self._molds.shape[1] and self._molds[o, day] > 0]
            queue = [o for o in queue if self._left[o] > 0]
            day += 1
        return self._molds

    def _fill(self, day: int, running: list[int], queue: list[int]) -> None:
        for o in (*running, *(o for o in queue if o not in running)):
            if self._molded[day] >= self._problem.resources.molding_max_per_day:
                return
            if self._left[o] > 0 and self._pinned[o, day] < 0:
                molds = self._fits(o, day)
                if molds > 0:
                    self._book(o, day, molds)

    def _fits(self, o: int, day: int) -> int:
        rows, resources = self._rows, self._problem.resources
        on_line = self._by_unit[day]
        unit = int(rows.unit[o])
        if unit not in on_line and len(on_line) >= resources.max_patterns:
            return 0
        stay, kg = int(rows.stay[o]), int(rows.kg[o])
        return min(
            int(self._left[o]),
            resources.molding_max_same_part_per_day - on_line.get(unit, 0),
            resources.molding_max_per_day - int(self._molded[day]),
            int(self._pour[day + 1]) // kg if kg else int(self._left[o]),
            int(self._flasks[rows.size[o], day : day + stay].min()),
        )

    def _book(self, o: int, day: int, molds: int) -> None:
        rows = self._rows
        if day >= self._molds.shape[1]:
            wider = np.zeros((len(self._molds), min(self._limit, 2 * day + 1)), np.int64)
            wider[:, : self._molds.shape[1]] = self._molds
            self._molds = wider
        unit = int(rows.unit[o])
        self._molds[o, day] += molds
        self._left[o] -= molds
        self._molded[day] += molds
        self._by_unit[day][unit] = self._by_unit[day].get(unit, 0) + molds
        self._pour[day + 1] -= molds * int(rows.kg[o])
        self._flasks[rows.size[o], day : day + int(rows.stay[o])] -= molds

    def _too_long(self, queue: list[int]) -> JobError:
        ids = [self._problem.orders[o].order_id for o in queue]
        return JobError(
            "HORIZON_TOO_LONG",
            f"After {self._limit} working days {int(self._left.sum())} molds would still be open, "
            f"of orders {say_some(ids)}.",
            self._what_to_mend(queue),
        )

    def _what_to_mend(self, queue: list[int]) -> str:
        """Say what keeps orders from ever being molded: seldom their quantities, where days are closed."""
        problem = self._problem
        if problem.frozen_days >= self._limit:
            return f"frozen_days is {problem.frozen_days:,}: freeze the days of a week or two at most."
        held = max(
            (row.release_workday_index for row in problem.initial_flask_inuse if row.qty_inuse), default=0
        )
        if held >= self._limit:
            return f"Flasks of initial_flask_inuse are held until workday {held:,}: correct their release."
        shut = [o for o in queue if (self._pinned[o] == 0).sum() > self._limit // 2]
        if shut:
            named = say_some([problem.orders[o].order_id for o in shut])
            return f"Pins of 0 molds leave {named} too few days: remove some."
        return "Compare their quantities with the capacities a day: one has a digit too many or too few."
