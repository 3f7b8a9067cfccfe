"""Why a plan is as it is: late orders, bottlenecks, peaks, terms of the objective, the other pattern unit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from solver_jobs.foundry.board import FLASKS, Board, by_unit
from solver_jobs.foundry.instance import Bools, Ints
from solver_jobs.foundry.lateness import late_orders
from solver_jobs.foundry.problem import (
    Bottleneck,
    Explanation,
    FoundryPlan,
    FoundryProblem,
    LateOrder,
    ObjectivePart,
    OrderStatus,
    OtherPatternUnit,
    Peak,
    Resource,
)
from solver_jobs.foundry.wording import say_count, say_day


def explained(problem: FoundryProblem, plan: FoundryPlan) -> FoundryPlan:
    """Give the plan with its explanation, and a reason in the status of each late order."""
    explanation = explain(problem, plan)
    reasons = {late.order_id: late.reason for late in explanation.late}
    year = problem.asof_date.year
    statuses = tuple(
        row.model_copy(update={"reason": _reason_with_credit(row, reasons.get(row.order_id), year)})
        for row in plan.order_status
    )
    return plan.model_copy(update={"order_status": statuses, "explanation": explanation})


def _reason_with_credit(row: OrderStatus, reason: str | None, year: int) -> str | None:
    if not row.credit_late_qty:
        return reason
    credit = (
        f"{say_count(row.credit_late_qty, 'unit')} already molded will be delivered after the due date, "
        f"{say_day(row.due_date, year)}."
    )
    return f"{reason} {credit}" if reason else credit


def explain(problem: FoundryProblem, plan: FoundryPlan) -> Explanation:
    """Explain a plan that keeps the problem's rules (see `verify`)."""
    board = Board(problem, plan)
    late = tuple(sorted(late_orders(board), key=lambda order: (-order.late_qty, order.order_id)))
    bottlenecks = tuple(_bottlenecks(board, late))
    other = _other_pattern_unit(board)
    objective = tuple(_objective(board))
    peaks = tuple(_peaks(board))
    sentences = (
        *_say_late(board, late),
        *_say_bottlenecks(bottlenecks),
        *_say_other_causes(board, late),
        _say_peaks(board, peaks),
        _say_objective(board, objective),
        *_say_other(board, other),
    )
    return Explanation(
        late=late,
        bottlenecks=bottlenecks,
        peaks=peaks,
        objective=objective,
        other_pattern_unit=other,
        sentences=sentences,
    )


def _bottlenecks(board: Board, late: tuple[LateOrder, ...]) -> list[Bottleneck]:
    """Rank the resources: late units put down to them, days on which nothing was left, share in use."""
    i, day = board.instance, slice(0, board.last_day + 1)
    blamed: dict[Resource, int] = {}
    for order in late:
        for cause in order.causes:
            blamed[cause.resource] = blamed.get(cause.resource, 0) + cause.units
    lightest = min((int(kg) for kg in i.kg[i.remaining > 0]), default=0)
    rows: list[tuple[Resource, Bools, float, float]] = [
        ("PATTERN_PLACES", board.places_left < 1, float(board.places_used[day].sum()), i.max_patterns),
        ("MOLDING", board.molds_left < 1, float(board.molds[:, day].sum()), i.molding_max),
        (
            "METAL",
            board.metal_left < max(1, lightest),
            float((i.kg @ board.molds + i.pour_committed[1:])[day].sum()),
            i.pour_max,
        ),
    ]
    for size, name in enumerate(FLASKS):
        used = board.held[size] + i.flasks_initial[size, : board.days]
        # A size that no open order needs keeps nobody waiting.
        if (i.size[i.remaining > 0] == size).any():
            rows.append((name, board.flasks_left[size] < 1, float(used[day].sum()), int(i.flasks[size])))
    days = board.last_day + 1
    ranked = [
        Bottleneck(
            resource=name,
            late_units=blamed.get(name, 0),
            full_days=int(full[day].sum()),
            use=used / (capacity * days) if capacity else 0.0,
        )
        for name, full, used, capacity in rows
    ]
    if blamed.get("PART_CAP"):
        ranked.append(Bottleneck(resource="PART_CAP", late_units=blamed["PART_CAP"], full_days=0, use=0.0))
    return sorted(ranked, key=lambda row: (-row.late_units, -row.full_days, -row.use, row.resource))


def _peaks(board: Board) -> Iterator[Peak]:
    i = board.instance
    metal = i.pour_committed[:-1] + np.concatenate(([0], (i.kg @ board.molds)[:-1]))
    rows: list[tuple[Resource, Ints, float, float]] = [
        ("PATTERN_PLACES", board.unit_on.sum(axis=0), i.max_patterns, 1.0),
        ("MOLDING", board.molds.sum(axis=0), i.molding_max, 1.0),
        ("METAL", metal, i.pour_max, 1000.0),
    ]
    for size, name in enumerate(FLASKS):
        rows.append((name, board.held[size] + i.flasks_initial[size, : board.days], int(i.flasks[size]), 1.0))
    for name, used, capacity, unit in rows:
        day = int(np.argmax(used))
        yield Peak(
            resource=name, date=board.dates[day], used=float(used[day]) / unit, capacity=capacity / unit
        )


def _objective(board: Board) -> Iterator[ObjectivePart]:
    """Terms of the objective: late units by their weight, then changes and restarts."""
    told = "late_weight" in board.plan.summary.model_fields_set
    i = board.instance.weighing_late(board.plan.summary.late_weight) if told else board.instance
    late: dict[tuple[int, str], int] = {}
    for o in range(i.n_orders):
        units = board.late_molds(o)
        if units:
            key = int(i.weight[o]), _say_priority(float(i.factor[o]))
            late[key] = late.get(key, 0) + units
    for (weight, name), units in sorted(late.items(), reverse=True):
        yield ObjectivePart(name=name, count=units, weight=weight, cost=units * weight)
    summary = board.plan.summary
    yield ObjectivePart(
        name="pattern changes",
        count=summary.changes,
        weight=i.switch_weight,
        cost=summary.changes * i.switch_weight,
    )
    if i.restart_weight:
        restarts = board.restarts()
        cost = restarts * i.restart_weight
        yield ObjectivePart(name="restarts", count=restarts, weight=i.restart_weight, cost=cost)


def _say_priority(factor: float) -> str:
    return "late units" if factor == 1.0 else f"late units of priority factor {factor:.3g}"


def _other_pattern_unit(board: Board) -> OtherPatternUnit:
    """Count the same plan with one pattern for all orders of a part, or with one for each order."""
    i = board.instance
    by_part = board.problem.settings.pattern_unit == "ORDER"
    names = [order.part_id if by_part else order.order_id for order in board.problem.orders]
    number: dict[str, int] = {}
    unit = np.array([number.setdefault(name, len(number)) for name in names], np.int64)
    loaded_orders = {r.order_id for r in board.problem.initial_patterns_loaded if r.is_loaded}
    loaded = np.zeros(len(number), np.bool_)
    for o, order in enumerate(board.problem.orders):
        loaded[unit[o]] |= order.order_id in loaded_orders
    on = by_unit(board.on, unit, len(number))
    before = np.hstack([loaded[:, None], on[:, :-1]])
    charged = slice(0 if i.charge_day0_stops else 1, None)
    changes = int((on & ~before).sum() + (before & ~on)[:, charged].sum())
    made = np.zeros((len(number), board.days), np.int64)
    np.add.at(made, unit, board.molds)
    return OtherPatternUnit(
        pattern_unit="PART" if by_part else "ORDER",
        changes=changes,
        saved=board.plan.summary.changes - changes,
        above_cap=int((made > i.same_part_max).sum()),
    )


def _say_late(board: Board, late: tuple[LateOrder, ...]) -> Iterator[str]:
    if late:
        units = sum(order.late_qty for order in late)
        verb = "is" if units == 1 else "are"
        by_lag = _blamed_on(late, "LAGS")
        lags = f"; by the lags alone {_say_lost(by_lag, units)} on time in any plan" if by_lag else ""
        yield f"{say_count(units, 'unit')} of {say_count(len(late), 'order')} {verb} late{lags}."
    else:
        yield "Every planned unit is delivered by its due date."
    credited = [row.credit_late_qty for row in board.plan.order_status if row.credit_late_qty]
    if credited:
        verb = "is" if sum(credited) == 1 else "are"
        yield (
            f"{say_count(sum(credited), 'unit')} of {say_count(len(credited), 'order')} {verb} molded "
            "already and will be delivered after the due date, whatever is planned."
        )


def _say_lost(lost: int, units: int) -> str:
    if lost < units:
        return f"{lost:,} of them could not be"
    return "none of them could be" if units > 1 else "it could not be"


def _blamed_on(late: tuple[LateOrder, ...], resource: Resource) -> int:
    return sum(cause.units for order in late for cause in order.causes if cause.resource == resource)


def _say_bottlenecks(bottlenecks: tuple[Bottleneck, ...]) -> Iterator[str]:
    """Say what the scarcest resources cost, and how scarce they are up to the last molding day."""
    named = [row for row in bottlenecks if row.late_units or row.full_days][:3]
    for row in named:
        name, why, none_left = _NAMES[row.resource]
        parts = []
        if row.late_units:
            parts.append(f"{say_count(row.late_units, 'unit')} late {why}")
        if row.full_days:
            parts.append(f"{none_left} on {say_count(row.full_days, 'working day')}")
        if row.use:
            parts.append(f"{row.use:.0%} in use up to the last day with molds")
        yield f"{name}: {', '.join(parts)}."


def _say_other_causes(board: Board, late: tuple[LateOrder, ...]) -> Iterator[str]:
    """Say how many units are late by what is decided, not by what is scarce."""
    pinned, spared = _blamed_on(late, "PINS"), _blamed_on(late, "CHANGES")
    if pinned:
        verb = "is" if pinned == 1 else "are"
        yield f"{say_count(pinned, 'unit')} {verb} late by pins and frozen days."
    if spared:
        verb = "is" if spared == 1 else "are"
        why = "using it would cost more in pattern changes"
        if board.plan.status != "OPTIMAL":
            why = "the search found no plan in which using it would cost less"
        yield f"{say_count(spared, 'unit')} {verb} late although there is room: {why}."


def _say_peaks(board: Board, peaks: tuple[Peak, ...]) -> str:
    named = [
        f"{peak.used:g} of {peak.capacity:g} {_UNITS[peak.resource]} ({say_day(peak.date, board.year)})"
        for peak in peaks
    ]
    return f"Most on one day: {', '.join(named)}."


_NAMES: dict[Resource, tuple[str, str, str]] = {
    "PATTERN_PLACES": ("Pattern places", "for want of them", "all taken"),
    "MOLDING": ("Molding", "for want of it", "full"),
    "METAL": ("Metal", "for want of it", "none left"),
    "FLASKS_S": ("Flasks S", "for want of them", "none free"),
    "FLASKS_M": ("Flasks M", "for want of them", "none free"),
    "FLASKS_L": ("Flasks L", "for want of them", "none free"),
    "PART_CAP": ("Cap of a part a day", "by it", "reached"),
}
"""Resources: name, how units come to be late, and that nothing is left of it."""

_UNITS: dict[Resource, str] = {
    "PATTERN_PLACES": "pattern places",
    "MOLDING": "molds",
    "METAL": "t of metal",
    "FLASKS_S": "flasks S",
    "FLASKS_M": "flasks M",
    "FLASKS_L": "flasks L",
}


def _say_objective(board: Board, terms: tuple[ObjectivePart, ...]) -> str:
    summary = board.plan.summary
    sums = " + ".join(_say_term(term) for term in terms if term.cost or len(terms) == 1) or "0"
    if board.plan.status == "OPTIMAL":
        proof = "no plan within its calendar has less, by proof"
    else:
        proof = (
            f"no plan within its calendar has less than {summary.bound:,.0f}, so at most {summary.gap:.2%} "
            "of it can be saved"
        )
    return f"Objective {summary.objective:,} = {sums}; {proof}."


def _say_term(term: ObjectivePart) -> str:
    name = term.name
    if term.count == 1:
        name = name.replace("late units", "late unit").replace("changes", "change").replace("starts", "start")
    return f"{term.count:,} {name} at {term.weight:,}"


def _say_other(board: Board, other: OtherPatternUnit) -> Iterator[str]:
    now = board.plan.summary.changes
    changes = f"the same plan has {say_count(other.changes, 'pattern change')} instead of {now:,}"
    if other.pattern_unit == "PART" and other.saved:
        times = "once" if other.above_cap == 1 else f"{other.above_cap:,} times"
        cap = f" (but {times} its orders exceed the cap of a part a day together)" if other.above_cap else ""
        yield (
            f"Counted with one pattern for all orders of a part, {changes}{cap}; "
            "set pattern_unit to PART to plan that way."
        )
    elif other.pattern_unit == "ORDER" and other.saved:
        yield f"Counted with a pattern for each order, as the specification has it, {changes}."
