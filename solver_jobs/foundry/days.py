"""A plan day by day: molds, patterns on the line, metal poured, flasks in use; for calendars and reports."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from solver_jobs.foundry.instance import flask_stay, kilograms
from solver_jobs.foundry.problem import FLASK_SIZES, FlaskSize, FoundryPlan, FoundryProblem, Part


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FlaskUse(_Frozen):
    """Flasks of a size in use, those of earlier weeks included, of those that the shop owns."""

    size: FlaskSize
    in_use: int = Field(ge=0)
    capacity: int = Field(ge=0)


class DayLoad(_Frozen):
    """What the shop does on a working day, commitments of earlier weeks included."""

    workday_index: int = Field(ge=0)
    date: date
    week_index: int
    molds: int = Field(ge=0)
    patterns: int = Field(ge=0, description="Patterns on the line, idle ones included.")
    pour_ton: float = Field(ge=0, description="Metal poured, in tons.")
    flasks: tuple[FlaskUse, ...] = Field(description="One for each size: S, M, L.")


def day_loads(problem: FoundryProblem, plan: FoundryPlan) -> tuple[DayLoad, ...]:
    """Tell what happens on each day of a plan's calendar.

    Metal of the last day's molds is poured after the calendar, and so is not told.

    Parameters
    ----------
    problem, plan
        A problem, and a plan that keeps its rules (see `verify`).
    """
    parts = {part.part_id: part for part in problem.parts}
    part_of = {order.order_id: parts[order.part_id] for order in problem.orders}
    molds: Counter[int] = Counter()
    for row in plan.x:
        molds[row.workday_index] += row.molds
    patterns = _patterns(problem, plan)
    metal = _kilograms(problem, plan, part_of)
    held = _flasks(problem, plan, part_of)
    return tuple(
        DayLoad(
            workday_index=day.workday_index,
            date=day.date,
            week_index=day.week_index or 0,
            molds=molds[day.workday_index],
            patterns=patterns[day.workday_index],
            pour_ton=metal[day.workday_index] / 1000,
            flasks=tuple(
                FlaskUse(
                    size=size, in_use=held[size][day.workday_index], capacity=problem.resources.flasks(size)
                )
                for size in FLASK_SIZES
            ),
        )
        for day in plan.calendar_workdays
    )


def _patterns(problem: FoundryProblem, plan: FoundryPlan) -> Counter[int]:
    by_part = problem.settings.pattern_unit == "PART"
    part_id = {order.order_id: order.part_id for order in problem.orders}
    on_line: defaultdict[int, set[str]] = defaultdict(set)
    for row in plan.y:
        on_line[row.workday_index].add(part_id[row.order_id] if by_part else row.order_id)
    return Counter({day: len(units) for day, units in on_line.items()})


def _kilograms(problem: FoundryProblem, plan: FoundryPlan, part_of: Mapping[str, Part]) -> Counter[int]:
    poured: Counter[int] = Counter()
    for load in problem.initial_pour_load:
        poured[load.workday_index] += kilograms(load.tons_committed)
    for row in plan.x:
        poured[row.workday_index + 1] += row.molds * kilograms(part_of[row.order_id].gross_weight_ton)
    return poured


def _flasks(
    problem: FoundryProblem, plan: FoundryPlan, part_of: Mapping[str, Part]
) -> dict[FlaskSize, list[int]]:
    """Flasks in use by size and day: what is taken, less what is released, summed up."""
    days = len(plan.calendar_workdays)
    change: dict[FlaskSize, list[int]] = {size: [0] * (days + 1) for size in FLASK_SIZES}
    spans = [
        (row.flask_size, 0, row.release_workday_index, row.qty_inuse) for row in problem.initial_flask_inuse
    ]
    for made in plan.x:
        part, first = part_of[made.order_id], made.workday_index
        spans.append((part.flask_size, first, first + flask_stay(part), made.molds))
    for size, first, release, flasks in spans:
        if release > first:
            change[size][first] += flasks
            change[size][min(release, days)] -= flasks
    return {size: _running_sum(change[size][:days]) for size in FLASK_SIZES}


def _running_sum(changes: list[int]) -> list[int]:
    held, total = [], 0
    for change in changes:
        total += change
        held.append(total)
    return held
