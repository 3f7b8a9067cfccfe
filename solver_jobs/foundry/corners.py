"""Corner cases of a Monday, each made from an ordinary foundry: what real data contain sooner or later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from solver_jobs.foundry.instance import compile_problem
from solver_jobs.foundry.problem import (
    FLASK_SIZES,
    ExpectedDelivery,
    FlasksInUse,
    FoundryProblem,
    LoadedPattern,
    OrderProgress,
    Pin,
    PlannedMolds,
    PourCommitted,
)

Corner = Callable[[FoundryProblem], FoundryProblem]
"""Turns an ordinary problem into a corner case; it stays sound."""


def _with(problem: FoundryProblem, **changes: Any) -> FoundryProblem:
    return problem.model_copy(update=changes)


def _set(problem: FoundryProblem, **settings: Any) -> FoundryProblem:
    return _with(problem, settings=problem.settings.model_copy(update=settings))


def _credit_all(problem: FoundryProblem) -> tuple[OrderProgress, ...]:
    return tuple(OrderProgress(order_id=o.order_id, molded_qty_credit=o.qty) for o in problem.orders)


def nothing_remaining(problem: FoundryProblem) -> FoundryProblem:
    """Credit all units of all orders; patterns are still loaded."""
    return _with(problem, initial_order_progress=_credit_all(problem))


def no_orders(problem: FoundryProblem) -> FoundryProblem:
    """Empty the order book."""
    return _with(problem, orders=(), initial_order_progress=(), initial_patterns_loaded=())


def giant_order(problem: FoundryProblem) -> FoundryProblem:
    """Order some 300 times as much of one part as of any other."""
    first, *others = problem.orders
    return _with(problem, orders=(first.model_copy(update={"qty": 300}), *others))


def far_due(problem: FoundryProblem) -> FoundryProblem:
    """Make every fourth open order due in ten years, as a mistyped year does."""
    done = {row.order_id: row.molded_qty_credit for row in problem.initial_order_progress}
    still_open = [order.order_id for order in problem.orders if order.qty > done.get(order.order_id, 0)]
    orders = tuple(
        order.model_copy(update={"due_date": order.due_date + timedelta(days=3650)})
        if order.order_id in still_open[::4]
        else order
        for order in problem.orders
    )
    return _with(problem, orders=orders)


def all_past_due(problem: FoundryProblem) -> FoundryProblem:
    """Make all orders due before the plan starts."""
    past = [problem.asof_date - timedelta(days=1 + k % 30) for k in range(len(problem.orders))]
    orders = zip(problem.orders, past, strict=True)
    return _with(problem, orders=tuple(o.model_copy(update={"due_date": day}) for o, day in orders))


def weekend_due(problem: FoundryProblem) -> FoundryProblem:
    """Move all due dates to the Saturday or Sunday of their week."""
    orders = tuple(
        order.model_copy(
            update={"due_date": order.due_date + timedelta(days=5 + k % 2 - order.due_date.weekday())}
        )
        for k, order in enumerate(problem.orders)
    )
    return _with(problem, orders=orders)


def flasks_overfull(problem: FoundryProblem) -> FoundryProblem:
    """Have more flasks in use on day 0 than the shop owns."""
    rows = tuple(
        FlasksInUse(flask_size=size, release_workday_index=release, qty_inuse=problem.resources.flasks(size))
        for size in FLASK_SIZES
        for release in (1, 3)
    )
    return _with(problem, initial_flask_inuse=rows)


def metal_overcommitted(problem: FoundryProblem) -> FoundryProblem:
    """Commit more metal on the first days than the shop pours."""
    tons = 1.5 * problem.resources.pour_max_ton_per_day
    rows = tuple(PourCommitted(workday_index=day, tons_committed=tons) for day in range(3))
    return _with(problem, initial_pour_load=rows)


def zero_hours(problem: FoundryProblem) -> FoundryProblem:
    """Let no part cool or be finished for any time."""
    parts = tuple(p.model_copy(update={"cool_hours": 0.0, "finish_hours": 0.0}) for p in problem.parts)
    return _with(problem, parts=parts)


def weightless(problem: FoundryProblem) -> FoundryProblem:
    """Make all parts lighter than half a kilogram."""
    parts = tuple(p.model_copy(update={"gross_weight_ton": 0.0004}) for p in problem.parts)
    return _with(problem, parts=parts)


def short_calendar(problem: FoundryProblem) -> FoundryProblem:
    """End the calendar after three days, long before the plan does."""
    return _with(problem, calendar_workdays=(problem.calendar_workdays or ())[:3])


def no_calendar_but_holidays(problem: FoundryProblem) -> FoundryProblem:
    """Give no calendar; the first Monday and a whole week are holidays."""
    asof = problem.asof_date
    week = tuple(asof + timedelta(days=14 + k) for k in range(5))
    return _with(problem, calendar_workdays=None, holidays=(asof, *week))


def overloaded(problem: FoundryProblem) -> FoundryProblem:
    """Leave so little molding capacity that the horizon must grow."""
    resources = problem.resources.model_copy(
        update={"molding_max_per_day": 2, "molding_max_same_part_per_day": 2}
    )
    return _with(problem, resources=resources)


def one_place(problem: FoundryProblem) -> FoundryProblem:
    """Leave a single pattern place."""
    return _with(problem, resources=problem.resources.model_copy(update={"max_patterns": 1}))


def few_parts(problem: FoundryProblem) -> FoundryProblem:
    """Make all orders of the three lightest parts, and let them share patterns by part."""
    parts = tuple(sorted(problem.parts, key=lambda part: part.gross_weight_ton)[:3])
    orders = tuple(
        o.model_copy(update={"part_id": parts[k % len(parts)].part_id}) for k, o in enumerate(problem.orders)
    )
    return _set(_with(problem, parts=parts, orders=orders), pattern_unit="PART")


def loaded_but_done(problem: FoundryProblem) -> FoundryProblem:
    """Load patterns of which nothing is left to mold."""
    done = problem.orders[:3]
    progress = {row.order_id: row for row in problem.initial_order_progress}
    progress |= {o.order_id: OrderProgress(order_id=o.order_id, molded_qty_credit=o.qty) for o in done}
    return _with(
        problem,
        initial_order_progress=tuple(progress.values()),
        initial_patterns_loaded=tuple(LoadedPattern(order_id=o.order_id) for o in done),
    )


def all_loaded(problem: FoundryProblem) -> FoundryProblem:
    """Load the patterns of all orders, more than there are places."""
    return _with(
        problem, initial_patterns_loaded=tuple(LoadedPattern(order_id=o.order_id) for o in problem.orders)
    )


def mixed_priorities(problem: FoundryProblem) -> FoundryProblem:
    """Give priorities from 0, most urgent, to far beyond the bound of their weight."""
    values = (0, 3, 10, 50, 100, 150, 700, 5000)
    orders = tuple(
        o.model_copy(update={"priority": values[k % len(values)]}) for k, o in enumerate(problem.orders)
    )
    return _with(problem, orders=orders)


def lexicographic(problem: FoundryProblem) -> FoundryProblem:
    """Let no pattern change be worth a late unit, whatever the weights."""
    return _set(mixed_priorities(problem), policy="LEXICOGRAPHIC", late_weight=1)


def as_specified(problem: FoundryProblem) -> FoundryProblem:
    """Take the specification to the letter: no tier below, day 0 stops free, priorities ignored."""
    return _set(
        mixed_priorities(problem),
        charge_day0_stops=False,
        use_priority=False,
        tardiness=False,
        congestion_threshold=None,
    )


def restarts_cost(problem: FoundryProblem) -> FoundryProblem:
    """Charge each start of a pattern beyond its first as much as five changes."""
    return _set(problem, restart_weight=500_000)


def pinned(problem: FoundryProblem) -> FoundryProblem:
    """Pin a few molds where a greedy plan has them, and forbid a few days."""
    instance = compile_problem(problem)
    made = [(int(o), int(d)) for o, d in zip(*instance.fitting.nonzero(), strict=True)][::5]
    pins = [
        Pin(order_id=instance.order_ids[o], workday_index=d, molds=int(instance.fitting[o, d]))
        for o, d in made
    ]
    taken = set(made)
    pins += [
        Pin(order_id=instance.order_ids[o], workday_index=0, molds=0)
        for o in range(0, instance.n_orders, 4)
        if (o, 0) not in taken
    ]
    return _with(problem, pins=tuple(pins))


def frozen_and_stable(problem: FoundryProblem) -> FoundryProblem:
    """Freeze the first three days of a previous plan, and keep the rest close to it."""
    instance = compile_problem(problem)
    previous = tuple(
        PlannedMolds(order_id=instance.order_ids[o], workday_index=int(d), molds=int(instance.fitting[o, d]))
        for o, d in zip(*instance.fitting.nonzero(), strict=True)
    )
    return _set(_with(problem, previous_plan=previous, frozen_days=3), stability_weight=1.0)


def deliveries_expected(problem: FoundryProblem) -> FoundryProblem:
    """Give units already molded their delivery dates, some of them late."""
    rows = tuple(
        ExpectedDelivery(
            order_id=row.order_id,
            date=problem.asof_date + timedelta(days=k % 20),
            qty=row.molded_qty_credit,
        )
        for k, row in enumerate(problem.initial_order_progress)
    )
    return _with(problem, expected_deliveries=rows)


CORNERS: dict[str, Corner] = {
    corner.__name__: corner
    for corner in (
        nothing_remaining,
        no_orders,
        giant_order,
        far_due,
        all_past_due,
        weekend_due,
        flasks_overfull,
        metal_overcommitted,
        zero_hours,
        weightless,
        short_calendar,
        no_calendar_but_holidays,
        overloaded,
        one_place,
        few_parts,
        loaded_but_done,
        all_loaded,
        mixed_priorities,
        lexicographic,
        as_specified,
        restarts_cost,
        pinned,
        frozen_and_stable,
        deliveries_expected,
    )
}
"""All corner cases by name."""
