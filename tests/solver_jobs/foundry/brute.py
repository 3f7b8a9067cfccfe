"""Every plan of a tiny foundry, one after the other, by the words of the specification and no solver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import combinations_with_replacement
from math import ceil, inf

from solver_jobs.foundry.problem import FoundryProblem, Order, Part


@dataclass(frozen=True)
class Option:
    """What may be done about one order: its molds by day, the days of its pattern, and what that costs."""

    cost: int
    molds: tuple[int, ...]
    on: tuple[bool, ...]
    part: Part


def cheapest(problem: FoundryProblem, dates: list[date]) -> float:
    """The least objective of all plans on these workdays, one pattern an order; infinite without a plan."""
    menu = [
        sorted(options(problem, order, dates), key=lambda option: option.cost) for order in problem.orders
    ]
    return _least(problem, menu, [], 0, inf)


def options(problem: FoundryProblem, order: Order, dates: list[date]) -> Iterator[Option]:
    """Each way to mold what is left of an order (9.1) under the cap of a part (8.2)."""
    part = next(part for part in problem.parts if part.part_id == order.part_id)
    credit = sum(r.molded_qty_credit for r in problem.initial_order_progress if r.order_id == order.order_id)
    loaded = any(r.order_id == order.order_id and r.is_loaded for r in problem.initial_patterns_loaded)
    due = sum(1 for day in dates if day <= order.due_date) - 1
    lag = 1 + ceil(part.cool_hours / 24) + 1 + ceil(part.finish_hours / 24) + 1
    settings = problem.settings
    factor = min(10.0, max(0.1, 100 / order.priority)) if settings.use_priority else 1.0
    late_cost = round(settings.late_weight * factor)
    for days in combinations_with_replacement(range(len(dates)), max(0, order.qty - credit)):
        molds = tuple(days.count(day) for day in range(len(dates)))
        if max(molds) > problem.resources.molding_max_same_part_per_day:
            continue
        late = sum(1 for day in days if day + lag > due)
        for on in _supersets(molds):
            starts, stops = _changes(on, loaded=loaded, charge_day0=settings.charge_day0_stops)
            cost = late_cost * late + settings.switch_weight * (starts + stops)
            yield Option(cost + settings.restart_weight * max(0, starts - 1), molds, on, part)


def _supersets(molds: tuple[int, ...]) -> Iterator[tuple[bool, ...]]:
    """Days on the line: those with molds, and any others."""
    idle = [day for day, made in enumerate(molds) if not made]
    for chosen in range(2 ** len(idle)):
        kept = {day for k, day in enumerate(idle) if chosen >> k & 1}
        yield tuple(made > 0 or day in kept for day, made in enumerate(molds))


def _changes(on: tuple[bool, ...], *, loaded: bool, charge_day0: bool) -> tuple[int, int]:
    """Starts and stops (10)."""
    before = (loaded, *on[:-1])
    pairs = list(enumerate(zip(before, on, strict=True)))
    starts = sum(1 for _, (was, now) in pairs if now and not was)
    stops = sum(1 for day, (was, now) in pairs if was and not now and (day or charge_day0))
    return starts, stops


def _least(
    problem: FoundryProblem, menu: list[list[Option]], chosen: list[Option], cost: int, best: float
) -> float:
    """Try the options of the next order, the cheapest first, as long as they may be better."""
    if len(chosen) == len(menu):
        return cost
    rest = sum(options[0].cost for options in menu[len(chosen) + 1 :] if options)
    for option in menu[len(chosen)]:
        if cost + option.cost + rest >= best:
            break
        if fits(problem, [*chosen, option]):
            best = min(best, _least(problem, menu, [*chosen, option], cost + option.cost, best))
    return best


def fits(problem: FoundryProblem, chosen: list[Option]) -> bool:
    """Whether molding, places, metal and flasks suffice (9.2 to 9.5)."""
    shop, days = problem.resources, range(len(chosen[0].molds))
    if any(sum(option.on[day] for option in chosen) > shop.max_patterns for day in days):
        return False
    if any(sum(option.molds[day] for option in chosen) > shop.molding_max_per_day for day in days):
        return False
    if not pours(problem, chosen):
        return False
    held = Counter[tuple[str, int]]()
    for option in chosen:
        stay = 1 + ceil(option.part.cool_hours / 24) + 1
        for day, made in enumerate(option.molds):
            for later in range(day, day + stay):
                held[option.part.flask_size, later] += made
    for day in days:
        for size in ("S", "M", "L"):
            before = sum(
                r.qty_inuse
                for r in problem.initial_flask_inuse
                if r.flask_size == size and r.release_workday_index > day
            )
            if held[size, day] > max(0, shop.flasks(size) - before):
                return False
    return True


def pours(problem: FoundryProblem, chosen: list[Option]) -> bool:
    """Whether the metal of each day's molds is there the day after, also after the last one (9.4)."""
    metal = Counter[int]()
    for option in chosen:
        for day, made in enumerate(option.molds):
            metal[day + 1] += made * round(1000 * option.part.gross_weight_ton)
    most = round(1000 * problem.resources.pour_max_ton_per_day)
    committed = Counter[int]()
    for row in problem.initial_pour_load:
        committed[row.workday_index] += round(1000 * row.tons_committed)
    return all(kg <= max(0, most - committed[day]) for day, kg in metal.items())
