"""Whether pins and frozen days can be kept: capacities that they overrun are named with day and figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from solver_jobs.foundry.calendar import WorkCalendar
from solver_jobs.foundry.findings import Finding, error
from solver_jobs.foundry.instance import flask_stay, kilograms
from solver_jobs.foundry.problem import FLASK_SIZES, FoundryProblem, Part

_HINT = "Take back pins or frozen days, or raise the capacity."


def check_commitments(problem: FoundryProblem) -> Iterator[Finding]:
    """List what makes the pins and frozen days of a problem impossible; its names and days must be right."""
    if not problem.pins and not problem.frozen_days:
        return
    board = _Board(problem)
    yield from board.contradictions()
    yield from board.quantities()
    yield from board.capacities()
    yield from board.metal()
    yield from board.flasks()


class _Board:
    """Molds that are decided, by order and day."""

    def __init__(self, problem: FoundryProblem) -> None:
        self._problem = problem
        self._calendar = WorkCalendar.of(problem)
        self._table: tuple[str, ...] = ("pins",) if problem.pins else ("frozen_days",)
        parts = {part.part_id: part for part in problem.parts}
        self._part: dict[str, Part] = {order.order_id: parts[order.part_id] for order in problem.orders}
        self._frozen = {
            (row.order_id, row.workday_index): row.molds
            for row in problem.previous_plan or ()
            if row.workday_index < problem.frozen_days and row.order_id in self._part
        }
        pins = {(pin.order_id, pin.workday_index): pin.molds for pin in problem.pins}
        self._molds = {key: molds for key, molds in (self._frozen | pins).items() if molds}

    def _day(self, day: int) -> str:
        return f"workday {day} ({self._calendar.date_of(day)})"

    def contradictions(self) -> Iterator[Finding]:
        """Pins that say other than the frozen day."""
        for position, pin in enumerate(self._problem.pins):
            if pin.workday_index < self._problem.frozen_days:
                frozen = self._frozen.get((pin.order_id, pin.workday_index), 0)
                if frozen != pin.molds:
                    yield error(
                        "PIN_ON_FROZEN_DAY",
                        f"Order {pin.order_id} is pinned to {pin.molds} molds on "
                        f"{self._day(pin.workday_index)}, which is frozen with {frozen}.",
                        ("pins", position),
                        "Remove the pin, or freeze fewer days.",
                    )

    def quantities(self) -> Iterator[Finding]:
        """Orders for which more is decided than is left to mold."""
        credit = {row.order_id: row.molded_qty_credit for row in self._problem.initial_order_progress}
        decided: Counter[str] = Counter()
        for (order_id, _), molds in self._molds.items():
            decided[order_id] += molds
        for order in self._problem.orders:
            left = max(0, order.qty - credit.get(order.order_id, 0))
            if decided[order.order_id] > left:
                yield error(
                    "PINS_ABOVE_QUANTITY",
                    f"{decided[order.order_id]} molds of order {order.order_id} are pinned or frozen, "
                    f"{left} are left to mold.",
                    self._table,
                    "Take back pins of the order, or freeze fewer days.",
                )

    def capacities(self) -> Iterator[Finding]:
        """Days on which patterns, a part, or molding are overrun."""
        resources = self._problem.resources
        by_part = self._problem.settings.pattern_unit == "PART"
        made: Counter[int] = Counter()
        by_unit: Counter[tuple[int, str]] = Counter()
        for (order_id, day), molds in self._molds.items():
            made[day] += molds
            by_unit[day, self._part[order_id].part_id if by_part else order_id] += molds
        patterns = Counter(day for day, _ in by_unit)
        for (day, unit), molds in sorted(by_unit.items()):
            what = f"molds of {'part' if by_part else 'order'} {unit}"
            yield from self._over(
                "PINS_ABOVE_PART_CAP", day, molds, resources.molding_max_same_part_per_day, what
            )
        for day in sorted(made):
            yield from self._over(
                "PINS_ABOVE_MOLDING", day, made[day], resources.molding_max_per_day, "molds"
            )
            yield from self._over("PINS_ABOVE_PLACES", day, patterns[day], resources.max_patterns, "patterns")

    def metal(self) -> Iterator[Finding]:
        """Days on which the metal of the molds of the day before is not there."""
        most = kilograms(self._problem.resources.pour_max_ton_per_day)
        committed: Counter[int] = Counter()
        for row in self._problem.initial_pour_load:
            committed[row.workday_index] += kilograms(row.tons_committed)
        poured: Counter[int] = Counter()
        for (order_id, day), molds in self._molds.items():
            poured[day + 1] += molds * kilograms(self._part[order_id].gross_weight_ton)
        for day, kg in sorted(poured.items()):
            free = max(0, most - committed[day])
            yield from self._over(
                "PINS_ABOVE_METAL", day, kg, free, "kg of metal, poured the day after molding"
            )

    def flasks(self) -> Iterator[Finding]:
        """Days on which there are not enough flasks."""
        for size in FLASK_SIZES:
            use: Counter[int] = Counter()
            for (order_id, first), molds in self._molds.items():
                if self._part[order_id].flask_size == size:
                    for day in range(first, first + flask_stay(self._part[order_id])):
                        use[day] += molds
            rows = [row for row in self._problem.initial_flask_inuse if row.flask_size == size]
            for day, needed in sorted(use.items()):
                held = sum(row.qty_inuse for row in rows if row.release_workday_index > day)
                free = max(0, self._problem.resources.flasks(size) - held)
                yield from self._over("PINS_ABOVE_FLASKS", day, needed, free, f"flasks {size}")

    def _over(self, code: str, day: int, needed: int, free: int, what: str) -> Iterator[Finding]:
        if needed > free:
            yield error(
                code,
                f"On {self._day(day)} pins and frozen days need {needed} {what}; there is room for {free}.",
                self._table,
                _HINT,
            )
