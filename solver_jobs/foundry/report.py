"""From arrays back to a plan: rows, summary and the status of every order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np

from solver_jobs.foundry.calendar import WorkCalendar
from solver_jobs.foundry.instance import Instance, Ints
from solver_jobs.foundry.problem import (
    FLASK_SIZES,
    ExpectedDelivery,
    FoundryPlan,
    OrderStatus,
    PatternDay,
    PlannedMolds,
    PlanSummary,
)
from solver_jobs.foundry.score import (
    Layout,
    changes_of,
    flask_use,
    late_molds,
    objective_of,
    tardiness_of,
)


def make_plan(
    instance: Instance,
    layout: Layout,
    bound: float,
    *,
    solve_seconds: float = 0.0,
    stopped_early: bool = False,
    warnings: Sequence[str] = (),
) -> FoundryPlan:
    """Write a layout as a plan with all its counts.

    Parameters
    ----------
    instance
        What was solved, with the weight of a late unit that the objective uses.
    layout
        Molds by order and day, patterns by unit and day.
    bound
        Proven floor of the objective.
    solve_seconds, stopped_early, warnings
        Told along with the plan.
    """
    problem = instance.problem
    summary = _summary(instance, layout, bound, solve_seconds, stopped_early)
    return FoundryPlan(
        name=problem.name,
        scenario_id=problem.scenario_id,
        asof_date=problem.asof_date,
        x=tuple(
            PlannedMolds(order_id=instance.order_ids[o], workday_index=int(d), molds=int(layout.molds[o, d]))
            for o, d in np.argwhere(layout.molds > 0)
        ),
        y=tuple(
            PatternDay(order_id=instance.order_ids[o], workday_index=d)
            for o, d in sorted(set(_pattern_days(instance, layout)))
        ),
        status="OPTIMAL" if summary.bound >= summary.objective else "FEASIBLE",
        summary=summary,
        order_status=tuple(_statuses(instance, layout.molds)),
        calendar_workdays=instance.calendar,
        warnings=(*_notes(instance), *warnings),
    )


def _notes(instance: Instance) -> Iterator[str]:
    if instance.extended:
        given = instance.horizon - instance.extended
        yield (
            f"The calendar of {given} workdays was too short for the open orders; {instance.extended} more, "
            f"to {instance.calendar[-1].date}, were added as Monday to Friday less the holidays."
        )


def _summary(
    instance: Instance, layout: Layout, bound: float, solve_seconds: float, stopped_early: bool
) -> PlanSummary:
    days = instance.horizon
    starts, stops, day0 = changes_of(instance, layout.on)
    late = late_molds(instance, layout.molds)
    use = flask_use(instance, layout.molds)[:, :days]
    objective = objective_of(instance, layout)
    bound = min(float(bound), float(objective))
    if bound > objective:  # the float nearest to a large whole number may be above it
        bound = math.nextafter(bound, 0.0)
    changed, wip = int(starts.sum() + stops.sum()), int(use.sum())
    return PlanSummary(
        late=int(late.sum()),
        late_orders=int((late > 0).sum()),
        starts=int(starts.sum()),
        stops=int(stops.sum()),
        day0_stops=int(day0.sum()),
        changes=changed + (int(day0.sum()) if instance.charge_day0_stops else 0),
        restarts=int(np.maximum(starts - 1, 0).sum()),
        wip=wip,
        spec_objective=1_000_000 * int(late.sum()) + 100_000 * changed + wip,
        late_weight=instance.late_weight,
        objective=objective,
        bound=bound,
        gap=(objective - bound) / max(1, objective),
        tardiness=tardiness_of(instance, layout.molds),
        congestion=_congestion(instance, layout.molds),
        stability=_stability(instance, layout.molds),
        peak_flasks={size: int(use[row].max(initial=0)) for row, size in enumerate(FLASK_SIZES)},
        peak_pour_ton=int(poured(instance, layout.molds).max(initial=0)) / 1000,
        solve_seconds=solve_seconds,
        stopped_early=stopped_early,
    )


def poured(instance: Instance, molds: Ints) -> Ints:
    """Kilograms poured by day, committed ones included; the last day's molds are poured after the horizon."""
    planned = instance.kg @ molds
    return instance.pour_committed[:-1] + np.concatenate(([0], planned[:-1]))


def _congestion(instance: Instance, molds: Ints) -> float:
    """Flask-days above the threshold, to the day on which the last flask is free."""
    if instance.congestion_threshold is None:
        return 0.0
    level = instance.congestion_threshold * instance.flasks
    use = flask_use(instance, molds)
    total = float(np.maximum(use - level[:, None], 0.0).sum())
    rows = instance.problem.initial_flask_inuse
    for day in range(use.shape[1], max([row.release_workday_index for row in rows], default=0)):
        for size, name in enumerate(FLASK_SIZES):
            held = sum(r.qty_inuse for r in rows if r.flask_size == name and r.release_workday_index > day)
            total += max(0.0, held - float(level[size]))
    return total


def _stability(instance: Instance, molds: Ints) -> float:
    if instance.problem.previous_plan is None:
        return 0.0
    return (int(np.abs(molds - instance.previous).sum()) + instance.previous_outside) / 2


def _pattern_days(instance: Instance, layout: Layout) -> Iterator[tuple[int, int]]:
    """Orders and days on the line; an idle day goes to the order that ran last, or runs next."""
    members: list[list[int]] = [[] for _ in range(instance.n_units)]
    for o, unit in enumerate(instance.unit):
        members[unit].append(o)
    loaded = {row.order_id for row in instance.problem.initial_patterns_loaded if row.is_loaded}
    for unit, orders in enumerate(members):
        made = layout.molds[orders]
        first = next((k for k, o in enumerate(orders) if instance.order_ids[o] in loaded), 0)
        running = first if instance.loaded[unit] else _next_order(made, 0, first)
        for day in np.flatnonzero(layout.on[unit]):
            working = np.flatnonzero(made[:, day])
            if len(working):
                running = int(working[-1])
            yield from ((orders[int(k)], int(day)) for k in (working if len(working) else [running]))


def _next_order(made: Ints, day: int, otherwise: int) -> int:
    """Row with the first molds from a day on."""
    later = np.argwhere(made[:, day:].T > 0)
    return int(later[0][1]) if len(later) else otherwise


def _statuses(instance: Instance, molds: Ints) -> Iterator[OrderStatus]:
    problem = instance.problem
    calendar = WorkCalendar.of(problem)
    credit = {row.order_id: row.molded_qty_credit for row in problem.initial_order_progress}
    expected: dict[str, list[ExpectedDelivery]] = {}
    for row in problem.expected_deliveries:
        if row.qty:
            expected.setdefault(row.order_id, []).append(row)
    late = late_molds(instance, molds)
    for o, order in enumerate(problem.orders):
        days = np.flatnonzero(molds[o])
        completion = int(days[-1] + instance.lag[o]) if len(days) else None
        deliveries = expected.get(order.order_id, [])
        dates: list[date] = [row.date for row in deliveries]
        if completion is not None:
            dates.append(calendar.date_of(completion))
        yield OrderStatus(
            order_id=order.order_id,
            part_id=order.part_id,
            qty=order.qty,
            molded_qty_credit=credit.get(order.order_id, 0),
            remaining_qty=int(instance.remaining[o]),
            due_date=order.due_date,
            delivered_by_due=int(instance.remaining[o] - late[o]),
            late_qty=int(late[o]),
            credit_late_qty=sum(row.qty for row in deliveries if row.date > order.due_date),
            completion_workday_index=completion,
            completion_date=max(dates, default=None),
        )
