"""What-ifs: what a foundry's problem changes when a planner asks "what if"."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from solver_jobs.foundry.problem import FoundryProblem, Order, PatternUnit, Policy, Resources, Workday

_SATURDAY = 5
_KILOGRAM = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Changes against a scenario; what is None stays.

    Attributes
    ----------
    pattern_unit, policy
        How the plan is judged.
    time_limit_seconds
        How long its plan is searched; no change of the problem.
    max_patterns, molds_per_day
        The capacity itself.
    flask_factor, pour_factor
        The capacity is multiplied by it: flasks of all sizes, rounded down; tons poured a day.
    demand_factor
        What is left to mold of each part is multiplied by it, to the nearest unit of the part.
    overtime_days
        So many of the next free Saturdays are worked.
    """

    pattern_unit: PatternUnit | None = None
    policy: Policy | None = None
    time_limit_seconds: int | None = None
    max_patterns: int | None = None
    molds_per_day: int | None = None
    flask_factor: float | None = None
    pour_factor: float | None = None
    demand_factor: float | None = None
    overtime_days: int | None = None

    def told(self) -> dict[str, Any]:
        """Give the changes that are told, in their JSON form."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def __str__(self) -> str:
        told = ", ".join(f"{name} {value}" for name, value in self.told().items())
        return told.replace("_", " ") or "no change"


def grid(choices: dict[str, Sequence[Any]]) -> Iterator[WhatIf]:
    """Give each combination of the choices, by the names of `WhatIf`; the last one varies fastest."""
    names = [field.name for field in fields(WhatIf) if field.name in choices]
    for values in itertools.product(*(choices[name] for name in names)):
        yield WhatIf(**dict(zip(names, values, strict=True)))


def each_alone(choices: dict[str, Sequence[Any]]) -> list[WhatIf]:
    """Give each value of the choices by itself."""
    return [WhatIf(**{name: value}) for name, values in choices.items() for value in values]


def changed(problem: FoundryProblem, what_if: WhatIf) -> FoundryProblem:
    """Make the problem with the changes; the given one stays as it is.

    Raises
    ------
    pydantic.ValidationError
        A figure would leave the bounds of a problem.
    """
    update: dict[str, Any] = {}
    judged = {
        name: value
        for name, value in (("pattern_unit", what_if.pattern_unit), ("policy", what_if.policy))
        if value is not None
    }
    if judged:
        update["settings"] = problem.settings.model_copy(update=judged)
    update["resources"] = _resources(problem.resources, what_if)
    if what_if.demand_factor is not None:
        update["orders"] = _orders(problem, what_if.demand_factor)
    made = problem.model_copy(update=update)
    return _with_overtime(made, what_if.overtime_days) if what_if.overtime_days else made


def _resources(resources: Resources, what_if: WhatIf) -> Resources:
    told: dict[str, Any] = {}
    if what_if.max_patterns is not None:
        told["max_patterns"] = what_if.max_patterns
    if what_if.molds_per_day is not None:
        told["molding_max_per_day"] = what_if.molds_per_day
    if what_if.flask_factor is not None:
        for name in ("flasks_S", "flasks_M", "flasks_L"):
            scaled = _exactly(what_if.flask_factor) * getattr(resources, name)
            told[name] = int(scaled.to_integral_value(ROUND_FLOOR))
    if what_if.pour_factor is not None:
        scaled = _exactly(what_if.pour_factor) * _exactly(resources.pour_max_ton_per_day)
        told["pour_max_ton_per_day"] = float(scaled.quantize(_KILOGRAM, ROUND_HALF_UP))
    return Resources(**{**resources.model_dump(), **told})


def _orders(problem: FoundryProblem, factor: float) -> tuple[Order, ...]:
    """Scale what is left to mold.

    Rounding each order would leave many small ones as they are: what is carried from one order of a part to
    its next one makes the part's total right.
    """
    credit: defaultdict[str, int] = defaultdict(int)
    for row in problem.initial_order_progress:
        credit[row.order_id] += row.molded_qty_credit
    wanted: defaultdict[str, Decimal] = defaultdict(Decimal)
    given: defaultdict[str, int] = defaultdict(int)
    scaled: dict[str, Order] = {}
    for order in sorted(problem.orders, key=lambda one: (one.due_date, one.order_id)):
        left = max(0, order.qty - credit[order.order_id])
        wanted[order.part_id] += left * _exactly(factor)
        units = int(wanted[order.part_id].to_integral_value(ROUND_HALF_UP)) - given[order.part_id]
        given[order.part_id] += units
        scaled[order.order_id] = Order(**{**order.model_dump(), "qty": order.qty - left + units})
    return tuple(scaled[order.order_id] for order in problem.orders)


def _with_overtime(problem: FoundryProblem, days: int) -> FoundryProblem:
    """Work on free Saturdays, those of the frozen days left out; all that counts workdays keeps its dates."""
    from solver_jobs.foundry.calendar import WorkCalendar
    from solver_jobs.foundry.recount import recount  # with numpy, which the start can do without

    calendar = WorkCalendar.of(problem)
    first = calendar.date_of(problem.frozen_days - 1) if problem.frozen_days else problem.asof_date
    extra = list(itertools.islice(_free_saturdays(problem, first), days))
    length = max(len(problem.calendar_workdays or ()), calendar.index_on_or_before(extra[-1]) + 1)
    worked = calendar.workdays(length)
    weeks = {_monday(row.date): row.week_index for row in worked}
    rows = [(row.date, row.week_index) for row in worked]
    rows += [(saturday, weeks.get(_monday(saturday))) for saturday in extra]
    workdays = [
        Workday(workday_index=index, date=day, week_index=week)
        for index, (day, week) in enumerate(sorted(rows))
    ]
    return recount(problem, workdays, problem.holidays).problem


def _free_saturdays(problem: FoundryProblem, first: date) -> Iterator[date]:
    """Give the Saturdays after a day that are no workdays yet, and no holidays."""
    taken = {row.date for row in problem.calendar_workdays or ()} | set(problem.holidays)
    saturday = first + timedelta(days=(_SATURDAY - first.weekday()) % 7 or 7)
    while True:
        if saturday not in taken:
            yield saturday
        saturday += timedelta(weeks=1)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _exactly(number: float) -> Decimal:
    """Give the decimal that a person wrote: 0.9 times 10 is 9."""
    return Decimal(str(number))
