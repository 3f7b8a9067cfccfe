"""Whether pins and frozen days can be kept: capacities that they overrun are named with day and figures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from solver_jobs.foundry.calendar import WorkCalendar
from solver_jobs.foundry.findings import Finding, error
from solver_jobs.foundry.instance import flask_stay, kilograms
from solver_jobs.foundry.problem import FLASK_SIZES, FoundryProblem, Part

_Key: TypeAlias = tuple[str, int]
"""An order and a workday on which molds of it are decided."""

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
    """Molds that are decided, by order and day.

    A finding about several of them leads to the pin that needs most, of equal ones the last.
    """

    def __init__(self, problem: FoundryProblem) -> None:
        self._problem = problem
        self._calendar = WorkCalendar.of(problem)
        parts = {part.part_id: part for part in problem.parts}
        self._part: dict[str, Part] = {order.order_id: parts[order.part_id] for order in problem.orders}
        self._frozen = {
            (row.order_id, row.workday_index): row.molds
            for row in problem.previous_plan or ()
            if row.workday_index < problem.frozen_days and row.order_id in self._part
        }
        pins = {(pin.order_id, pin.workday_index): pin.molds for pin in problem.pins}
        self._position = {(pin.order_id, pin.workday_index): at for at, pin in enumerate(problem.pins)}
        self._molds = {key: molds for key, molds in (self._frozen | pins).items() if molds}

    def _day(self, day: int) -> str:
        return f"workday {day} ({self._calendar.date_of(day)})"

    def _place(self, needs: Mapping[_Key, int]) -> tuple[str | int, ...]:
        pinned = [(needs[key], at) for key, at in self._position.items() if needs.get(key)]
        return ("pins", max(pinned)[1], "molds") if pinned else ("frozen_days",)

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
        decided: defaultdict[str, dict[_Key, int]] = defaultdict(dict)
        for key, molds in self._molds.items():
            decided[key[0]][key] = molds
        for order in self._problem.orders:
            left = max(0, order.qty - credit.get(order.order_id, 0))
            needed = sum(decided[order.order_id].values())
            if needed > left:
                yield error(
                    "PINS_ABOVE_QUANTITY",
                    f"{needed} molds of order {order.order_id} are pinned or frozen, "
                    f"{left} are left to mold.",
                    self._place(decided[order.order_id]),
                    "Take back pins of the order, or freeze fewer days.",
                )

    def capacities(self) -> Iterator[Finding]:
        """Days on which patterns, a part, or molding are overrun."""
        resources = self._problem.resources
        by_part = self._problem.settings.pattern_unit == "PART"
        made: defaultdict[int, dict[_Key, int]] = defaultdict(dict)
        by_unit: defaultdict[tuple[int, str], dict[_Key, int]] = defaultdict(dict)
        for key, molds in self._molds.items():
            order_id, day = key
            made[day][key] = molds
            by_unit[day, self._part[order_id].part_id if by_part else order_id][key] = molds
        patterns = Counter(day for day, _ in by_unit)
        for day, unit in sorted(by_unit):
            what = f"molds of {'part' if by_part else 'order'} {unit}"
            most = resources.molding_max_same_part_per_day
            yield from self._over("PINS_ABOVE_PART_CAP", day, by_unit[day, unit], most, what)
        for day, needs in sorted(made.items()):
            yield from self._over("PINS_ABOVE_MOLDING", day, needs, resources.molding_max_per_day, "molds")
            if patterns[day] > resources.max_patterns:
                yield self._overrun(
                    "PINS_ABOVE_PLACES", day, needs, resources.max_patterns, f"{patterns[day]} patterns"
                )

    def metal(self) -> Iterator[Finding]:
        """Days on which the metal of the molds of the day before is not there."""
        most = kilograms(self._problem.resources.pour_max_ton_per_day)
        committed: Counter[int] = Counter()
        for row in self._problem.initial_pour_load:
            committed[row.workday_index] += kilograms(row.tons_committed)
        poured: defaultdict[int, dict[_Key, int]] = defaultdict(dict)
        for key, molds in self._molds.items():
            order_id, day = key
            poured[day + 1][key] = molds * kilograms(self._part[order_id].gross_weight_ton)
        for day, needs in sorted(poured.items()):
            free = max(0, most - committed[day])
            yield from self._over(
                "PINS_ABOVE_METAL", day, needs, free, "kg of metal, poured the day after molding"
            )

    def flasks(self) -> Iterator[Finding]:
        """Days on which there are not enough flasks."""
        for size in FLASK_SIZES:
            use: defaultdict[int, dict[_Key, int]] = defaultdict(dict)
            for key, molds in self._molds.items():
                order_id, first = key
                if self._part[order_id].flask_size == size:
                    for day in range(first, first + flask_stay(self._part[order_id])):
                        use[day][key] = molds
            rows = [row for row in self._problem.initial_flask_inuse if row.flask_size == size]
            for day, needs in sorted(use.items()):
                held = sum(row.qty_inuse for row in rows if row.release_workday_index > day)
                free = max(0, self._problem.resources.flasks(size) - held)
                yield from self._over("PINS_ABOVE_FLASKS", day, needs, free, f"flasks {size}")

    def _over(
        self, code: str, day: int, needs: Mapping[_Key, int], free: int, what: str
    ) -> Iterator[Finding]:
        needed = sum(needs.values())
        if needed > free:
            yield self._overrun(code, day, needs, free, f"{needed} {what}")

    def _overrun(self, code: str, day: int, needs: Mapping[_Key, int], free: int, needed: str) -> Finding:
        return error(
            code,
            f"On {self._day(day)} pins and frozen days need {needed}; there is room for {free}.",
            self._place(needs),
            _HINT,
        )
