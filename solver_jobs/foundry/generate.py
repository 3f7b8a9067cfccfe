"""Synthetic jobbing foundries of any size and load, reproducible by seed.

The order book is drawn first, then the capacities are chosen so that they are used to the share that is asked
for over the days that count: molding, metal and the three flask sizes lie a little below, one or two of them
at it. Units that could not be on time are mostly molded already, as in a shop that is run from week to week.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from solver_jobs.foundry.calendar import WorkCalendar
from solver_jobs.foundry.problem import (
    FLASK_SIZES,
    FlasksInUse,
    FlaskSize,
    FoundryProblem,
    LoadedPattern,
    Order,
    OrderProgress,
    Part,
    PourCommitted,
    Resources,
)

ALLOYS = ("GJL250", "GJS400", "GJS500", "GJS600")
"""Grey iron and three ductile irons."""
PRIORITIES = ((25, 5), (50, 20), (100, 50), (200, 20), (400, 5))
"""Priorities and their shares where they are mixed."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How large a foundry is.

    Attributes
    ----------
    orders
        Orders in the book, those already molded included; a pair is a range to draw from.
    days
        Workdays of the calendar.
    longest_lag
        Most workdays from mold to delivery.
    part_cap
        Molds of one part a day, at most.
    settling_days
        Workdays before the last due date that are too late for molding to be on time, on average.
    """

    orders: int | tuple[int, int]
    days: int
    longest_lag: int = 11
    part_cap: int = 8
    settling_days: int = 7


SCALES = {
    "S": Scale(20, 35, 8, 6, 6),
    "M": Scale(80, 60, 11, 8),
    "L": Scale(250, 90, 11, 10),
    "XL": Scale((600, 800), 120, 11, 12),
}
"""The sizes of the benchmark."""


@dataclass(slots=True)
class _Draft:
    """An order while it is drawn."""

    order_id: str
    part: Part
    qty: int
    due: int
    left: int = 0


@dataclass(slots=True)
class _Book:
    """What is drawn before the capacities."""

    parts: list[Part]
    orders: list[_Draft]
    progress: list[OrderProgress] = field(default_factory=list)
    pattern_days: float = 0.0

    @property
    def open(self) -> list[_Draft]:
        """Orders with units left to mold."""
        return [order for order in self.orders if order.left > 0]


def generate(
    size: str = "M",
    utilisation: float = 0.9,
    seed: int = 1,
    *,
    scale: Scale | None = None,
    asof: date = date(2026, 1, 5),
    mixed_priorities: bool = False,
) -> FoundryProblem:
    """Make a foundry problem.

    Parameters
    ----------
    size
        Name of one of `SCALES`, or of `scale`.
    utilisation
        Share of the tightest capacities that the open orders need; above 1 not all can be on time.
    seed
        The same size, utilisation and seed give the same problem.
    scale
        Another size than those of `SCALES`.
    asof
        The planning Monday.
    mixed_priorities
        Whether orders differ in priority; all else stays the same.
    """
    return _Generator(size, utilisation, seed, scale or SCALES[size], asof, mixed_priorities).problem()


class _Generator:
    """One problem being drawn; the sequence of draws is part of what a seed means."""

    def __init__(
        self, size: str, utilisation: float, seed: int, scale: Scale, asof: date, mixed_priorities: bool
    ) -> None:
        self._size, self._utilisation, self._seed = size, utilisation, seed
        self._asof, self._mixed = asof, mixed_priorities
        self._random = random.Random(f"{size}-{utilisation}-{seed}")  # noqa: S311 - reproducible, not secret
        if isinstance(scale.orders, tuple):
            scale = replace(scale, orders=self._random.randint(*scale.orders))
        self._scale = scale
        self._days = WorkCalendar(asof).workdays(scale.days)
        self._last_due = max(1, scale.days - 1 - scale.longest_lag - 10)
        self._window = max(1, self._last_due - scale.settling_days)

    def problem(self) -> FoundryProblem:
        """Draw everything and put it together."""
        book = self._book()
        shares = self._shares()
        resources = self._resources(book, shares)
        loaded = self._loaded(book)
        in_use = self._flasks_in_use(resources)
        pour = self._pour_load(resources.pour_max_ton_per_day)
        due = {order.order_id: self._due_date(order) for order in book.orders}
        return FoundryProblem(
            name=f"{self._size}_u{round(self._utilisation * 100)}_s{self._seed}",
            meta={
                "size": self._size,
                "util": self._utilisation,
                "seed": self._seed,
                "active_orders": len(book.open),
                "remaining_molds": sum(order.left for order in book.open),
                "Twin": self._window,
                "pattern_days_min": book.pattern_days,
                "utils": {name: round(share, 3) for name, share in shares.items()},
            },
            scenario_id=1,
            asof_date=self._asof,
            parts=tuple(book.parts),
            orders=tuple(
                Order(
                    order_id=order.order_id,
                    part_id=order.part.part_id,
                    qty=order.qty,
                    due_date=due[order.order_id],
                    priority=priority,
                )
                for order, priority in zip(book.orders, self._priorities(len(book.orders)), strict=True)
            ),
            resources=resources,
            calendar_workdays=self._days,
            initial_order_progress=tuple(book.progress),
            initial_patterns_loaded=tuple(
                LoadedPattern(asof_date=self._asof, order_id=order.order_id, is_loaded=1) for order in loaded
            ),
            initial_flask_inuse=tuple(in_use),
            initial_pour_load=tuple(pour),
        )

    # The order book

    def _book(self) -> _Book:
        many = self._scale.orders
        assert isinstance(many, int)  # noqa: S101 - drawn in the constructor
        parts = [self._part(i) for i in range(max(6, int(many * 0.45)))]
        popularity = [1 / (i + 2) ** 0.4 for i in range(len(parts))]
        book = _Book(parts, [self._order(i, parts, popularity) for i in range(many)])
        self._random.shuffle(book.orders)
        for order in book.orders:
            self._credit(book, order)
        book.orders.sort(key=lambda order: order.order_id)
        return book

    def _part(self, i: int) -> Part:
        draw = self._random
        size: FlaskSize = draw.choices(FLASK_SIZES, (42, 36, 22))[0]
        cooling = {"S": (6, 48), "M": (12, 72), "L": (30, 120)}[size]
        cool = draw.uniform(*cooling)
        finishes = draw.uniform(4, 24), draw.uniform(24, 48), draw.uniform(48, 72)
        finish = draw.choices(finishes, (5, 3, 2))[0]
        while _lag(cool, finish) > self._scale.longest_lag:
            cool = max(6, cool - 24)
            if _lag(cool, finish) > self._scale.longest_lag:
                finish = max(4, finish - 24)
        ranges = {"S": (0.02, 0.15), "M": (0.1, 0.6), "L": (0.5, 2.2)}
        tons = {s: math.exp(draw.uniform(math.log(a), math.log(b))) for s, (a, b) in ranges.items()}
        return Part(
            part_id=f"P{i + 1:03d}",
            flask_size=size,
            cool_hours=round(cool, 1),
            finish_hours=round(finish, 1),
            gross_weight_ton=round(tons[size], 3),
            alloy=draw.choice(ALLOYS),
        )

    def _order(self, i: int, parts: list[Part], popularity: list[float]) -> _Draft:
        draw = self._random
        part = draw.choices(parts, popularity)[0]
        median = {"S": 10, "M": 6, "L": 3}[part.flask_size]
        qty = max(1, min(80, round(draw.lognormvariate(math.log(median), 0.8))))
        spread = draw.random() < 0.9
        last = self._last_due
        low, high = (-3.0, float(last)) if spread else (0.3 * last, 0.6 * last)
        return _Draft(f"O{i + 1:04d}", part, qty, int(draw.uniform(low, high)))

    def _credit(self, book: _Book, order: _Draft) -> None:
        """Decide how much of an order is molded: what is urgent, and what the pattern places cannot take."""
        draw = self._random
        slack = order.due - _lag(order.part.cool_hours, order.part.finish_hours)
        credit = 0
        if slack < 0:
            credit = order.qty if draw.random() < 0.85 else draw.randint(0, order.qty)
        elif (slack < 4 and draw.random() < 0.5) or (slack < 12 and draw.random() < 0.1):
            credit = draw.randint(0, order.qty)
        order.left = order.qty - credit
        if order.left > 0:
            need = max(math.ceil(order.left / self._scale.part_cap), 1) * 1.0
            if book.pattern_days + need > self._utilisation * 6 * self._window * 0.93:
                credit, order.left = order.qty, 0
            else:
                book.pattern_days += need
        if credit:
            book.progress.append(
                OrderProgress(asof_date=self._asof, order_id=order.order_id, molded_qty_credit=credit)
            )

    # The shop

    def _shares(self) -> dict[str, float]:
        draw, names = self._random, ["mold", "pour", "S", "M", "L"]
        shares = {name: self._utilisation * draw.uniform(0.82, 0.97) for name in names}
        shares[draw.choice(names)] = self._utilisation
        shares[draw.choice(names)] = self._utilisation
        return shares

    def _resources(self, book: _Book, share: dict[str, float]) -> Resources:
        opened, window = book.open, self._window
        molds = sum(order.left for order in opened)
        tons = sum(order.left * order.part.gross_weight_ton for order in opened)
        heaviest = max((order.part.gross_weight_ton for order in opened), default=1.0)
        stay = {
            size: sum(o.left * (2 + _days(o.part.cool_hours)) for o in opened if o.part.flask_size == size)
            for size in FLASK_SIZES
        }
        molding = max(4, round(molds / (share["mold"] * window)))
        flasks = {size: max(3, round(stay[size] / (share[size] * (window + 1)))) for size in FLASK_SIZES}
        return Resources(
            flasks_S=flasks["S"],
            flasks_M=flasks["M"],
            flasks_L=flasks["L"],
            molding_max_per_day=molding,
            molding_max_same_part_per_day=min(self._scale.part_cap, max(3, molding // 2)),
            pour_max_ton_per_day=round(max(tons / (share["pour"] * window), 1.2 * heaviest), 2),
        )

    def _loaded(self, book: _Book) -> list[_Draft]:
        urgent = [
            order
            for order in sorted(book.open, key=lambda order: order.due)
            if order.due - _lag(order.part.cool_hours, order.part.finish_hours) >= -3
        ]
        return urgent[: self._random.randint(4, 6)]

    def _flasks_in_use(self, resources: Resources) -> list[FlasksInUse]:
        rows = []
        for size in FLASK_SIZES:
            level = min(0.8, self._utilisation * 0.75) * resources.flasks(size)
            longest = {"S": 3, "M": 4, "L": 5}[size]
            for release in range(1, longest + 1):
                held = int(level / longest + self._random.random())
                if held:
                    rows.append(
                        FlasksInUse(
                            asof_date=self._asof,
                            flask_size=size,
                            release_workday_index=release,
                            qty_inuse=held,
                        )
                    )
        return rows

    def _pour_load(self, most: float) -> list[PourCommitted]:
        draw = self._random
        tons = {0: round(most * min(0.95, self._utilisation) * draw.uniform(0.8, 1), 3)}
        for day in range(1, min(self._scale.days, 15)):
            if draw.random() < 0.12:
                tons[day] = round(most * draw.uniform(0.05, 0.2), 3)
        return [
            PourCommitted(asof_date=self._asof, workday_index=day, tons_committed=load)
            for day, load in tons.items()
        ]

    def _due_date(self, order: _Draft) -> date:
        draw = self._random
        if order.due < 0:
            return self._asof - timedelta(days=draw.randint(1, 25))
        day = self._days[order.due].date
        if day.weekday() == 4 and draw.random() < 0.2:
            day += timedelta(days=draw.randint(1, 2))
        return day

    def _priorities(self, many: int) -> list[int]:
        if not self._mixed:
            return [100] * many
        draw = random.Random(f"priority-{self._size}-{self._utilisation}-{self._seed}")  # noqa: S311
        values, shares = zip(*PRIORITIES, strict=True)
        return draw.choices(values, shares, k=many)


def _days(hours: float) -> int:
    return math.ceil(hours / 24)


def _lag(cool: float, finish: float) -> int:
    return 3 + _days(cool) + _days(finish)
