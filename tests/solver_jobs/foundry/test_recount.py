"""A problem on another calendar: what stood on a day stands on it still, or on the next workday."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from solver_jobs.foundry.calendar import WorkCalendar
from solver_jobs.foundry.problem import LAST_WORKDAY, FoundryProblem, Workday, read_problem
from solver_jobs.foundry.recount import Recounted, recount

MONDAY = date(2026, 1, 5)
SPAN = 30
"""Days that the drawn calendars list at most."""
LAST = 45
"""Last workday that a row is drawn for: beyond all that is listed."""
ORDERS = ("A-1", "A-2")
Days: TypeAlias = list[Workday]


def workdays(*offsets: int) -> Days:
    """Workdays so many days after the Monday."""
    return [
        Workday(workday_index=index, date=MONDAY + timedelta(days=offset))
        for index, offset in enumerate(offsets)
    ]


def problem(listed: Sequence[Workday] = (), **tables: Any) -> FoundryProblem:
    return read_problem(
        {
            "asof_date": MONDAY.isoformat(),
            "parts": [
                {"part_id": "LID", "flask_size": "S", "cool_hours": 8, "finish_hours": 0,
                 "gross_weight_ton": 0.1},
            ],
            "orders": [
                {"order_id": name, "part_id": "LID", "qty": 90, "due_date": "2026-02-20"} for name in ORDERS
            ],
            "resources": {
                "flasks_S": 90, "flasks_M": 9, "flasks_L": 9, "molding_max_per_day": 90,
                "molding_max_same_part_per_day": 90, "pour_max_ton_per_day": 90,
            },
            "calendar_workdays": [row.model_dump(mode="json") for row in listed],
            **tables,
        }
    )  # fmt: skip


def molds(order: str, day: int, many: int) -> dict[str, Any]:
    return {"order_id": order, "workday_index": day, "molds": many}


@st.composite
def calendars(draw: st.DrawFn) -> tuple[Days, list[date]]:
    """Listed workdays, perhaps none, and holidays."""
    offsets = draw(st.sets(st.integers(0, SPAN), max_size=SPAN))
    off = draw(st.sets(st.integers(0, 2 * SPAN), max_size=6))
    return workdays(*sorted(offsets)), [MONDAY + timedelta(days=day) for day in sorted(off)]


@st.composite
def problems(draw: st.DrawFn) -> FoundryProblem:
    """Something on all sorts of workdays, listed or not, and of the past."""
    listed, holidays = draw(calendars())
    day, past = st.integers(0, LAST), st.integers(-3, LAST)
    keys = st.lists(st.tuples(st.sampled_from(ORDERS), day), unique=True, max_size=12)
    return problem(
        listed,
        holidays=[one.isoformat() for one in holidays],
        previous_plan=[molds(order, at, draw(st.integers(1, 5))) for order, at in draw(keys)],
        pins=[molds(order, at, draw(st.integers(0, 5))) for order, at in draw(keys)],
        initial_flask_inuse=[
            {"flask_size": size, "release_workday_index": at, "qty_inuse": draw(st.integers(1, 9))}
            for size, at in draw(st.lists(st.tuples(st.sampled_from("SML"), past), max_size=12))
        ],
        initial_pour_load=[
            {"workday_index": at, "tons_committed": draw(st.integers(1, 900)) / 1000}
            for at in draw(st.lists(past, max_size=12))
        ],
        frozen_days=draw(st.integers(0, LAST)),
    )


Told: TypeAlias = Counter[tuple[object, date | int]]


def told(of: FoundryProblem, landing: Callable[[date], date] = lambda day: day) -> dict[str, Told]:
    """What each table holds by thing and date; indices of the past as they are."""
    calendar = WorkCalendar.of(of)
    tables: dict[str, Told] = {"previous_plan": Counter(), "flasks": Counter(), "kilograms": Counter()}

    def on(index: int) -> date | int:
        return index if index < 0 else landing(calendar.date_of(index))

    for planned in of.previous_plan or ():
        tables["previous_plan"][planned.order_id, on(planned.workday_index)] += planned.molds
    for held in of.initial_flask_inuse:
        tables["flasks"][held.flask_size, on(held.release_workday_index)] += held.qty_inuse
    for load in of.initial_pour_load:
        tables["kilograms"]["metal", on(load.workday_index)] += round(1000 * load.tons_committed)
    return tables


def on_calendar(before: FoundryProblem, to: tuple[Days, list[date]]) -> tuple[Recounted, WorkCalendar]:
    after = recount(before, *to)
    return after, WorkCalendar.of(after.problem)


def is_day(calendar: WorkCalendar, day: date) -> bool:
    return calendar.date_of(calendar.index_on_or_after(day)) == day


@given(before=problems(), to=calendars())
@settings(max_examples=150, deadline=None)
def test_what_is_on_a_day_stays_on_it_or_goes_to_the_next_workday_and_none_is_lost(
    before: FoundryProblem, to: tuple[Days, list[date]]
) -> None:
    after, calendar = on_calendar(before, to)
    expected = told(before, lambda day: calendar.date_of(calendar.index_on_or_after(day)))
    assert told(after.problem) == expected
    keys = [(row.order_id, row.workday_index) for row in after.problem.previous_plan or ()]
    assert len(keys) == len(set(keys))


@given(before=problems(), to=calendars())
@settings(max_examples=150, deadline=None)
def test_a_pin_keeps_its_date_or_is_told_to_have_none(
    before: FoundryProblem, to: tuple[Days, list[date]]
) -> None:
    after, calendar = on_calendar(before, to)
    old = WorkCalendar.of(before)
    dated = [(pin.order_id, old.date_of(pin.workday_index), pin.molds) for pin in before.pins]
    kept = [(pin.order_id, calendar.date_of(pin.workday_index), pin.molds) for pin in after.problem.pins]
    assert kept == [pin for pin in dated if is_day(calendar, pin[1])]
    assert [(lost.position, lost.date) for lost in after.homeless] == [
        (position, day) for position, (_, day, _) in enumerate(dated) if not is_day(calendar, day)
    ]


@given(before=problems(), to=calendars())
@settings(max_examples=150, deadline=None)
def test_the_same_dates_are_frozen_and_new_ones_among_them_are_told(
    before: FoundryProblem, to: tuple[Days, list[date]]
) -> None:
    after, calendar = on_calendar(before, to)
    old = WorkCalendar.of(before)
    frozen = {old.date_of(day) for day in range(before.frozen_days)}
    now = {calendar.date_of(day) for day in range(after.problem.frozen_days)}
    assert now == {day for day in frozen if is_day(calendar, day)} | set(after.added_frozen)
    assert frozen.isdisjoint(after.added_frozen)
    assert all(day < max(frozen) for day in after.added_frozen)


@given(before=problems())
@settings(max_examples=50, deadline=None)
def test_on_its_own_calendar_a_problem_is_the_same(before: FoundryProblem) -> None:
    after = recount(before, before.calendar_workdays or (), before.holidays)
    assert (after.homeless, after.moved, after.added_frozen) == ((), {}, ())
    assert told(after.problem) == told(before)
    assert (after.problem.pins, after.problem.frozen_days) == (before.pins, before.frozen_days)


def test_a_closure_leaves_what_comes_after_it_on_its_date_and_adds_up_what_meets() -> None:
    before = problem(
        workdays(0, 1, 2, 3, 4),
        previous_plan=[molds("A-1", 1, 2), molds("A-1", 2, 3), molds("A-2", 1, 4)],
        initial_pour_load=[
            {"workday_index": 1, "tons_committed": 0.1},
            {"workday_index": 2, "tons_committed": 0.2},
        ],
        pins=[molds("A-1", 4, 5)],
    )
    after = recount(before, workdays(0, 2, 3, 4), ())
    assert (
        after.problem.previous_plan
        == read_problem(
            {**before.model_dump(), "previous_plan": [molds("A-1", 1, 5), molds("A-2", 1, 4)]}
        ).previous_plan
    )
    assert [(row.workday_index, row.tons_committed) for row in after.problem.initial_pour_load] == [(1, 0.3)]
    assert [pin.workday_index for pin in after.problem.pins] == [3]
    tuesday = MONDAY + timedelta(days=1)
    assert after.moved == {"initial_pour_load": (tuesday,), "previous_plan": (tuesday,)}


def test_rows_that_stood_on_one_day_before_stay_rows_of_their_own() -> None:
    load = [{"workday_index": 3, "tons_committed": tons} for tons in (0.3005, 0.1)]
    after = recount(problem(initial_pour_load=load), workdays(0, 3, 4), ())
    assert [(row.workday_index, row.tons_committed) for row in after.problem.initial_pour_load] == [
        (1, 0.3005),
        (1, 0.1),
    ]


def test_a_problem_without_a_previous_plan_gets_none() -> None:
    assert recount(problem(), workdays(0, 1), ()).problem.previous_plan is None


def test_a_day_further_away_than_a_problem_may_name_is_refused() -> None:
    before = problem(pins=[molds("A-1", LAST_WORKDAY, 1)])
    with pytest.raises(ValidationError):
        recount(before, workdays(0, 1, 2, 3, 4, 5), ())
