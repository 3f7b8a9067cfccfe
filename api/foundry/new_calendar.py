"""A scenario's new calendar: its dates stay, and what can't stay is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from api.foundry.calendars import WorkPattern, calendar_of, mistakes_in, oddities_of, why_free
from api.foundry.problem import first_ones, formed_problem
from api.payloads import UserMistakes
from api.relay import UserMistake
from solver_jobs.faults import describe_faults
from solver_jobs.foundry.findings import Finding, warning
from solver_jobs.foundry.problem import FoundryProblem, Workday
from solver_jobs.foundry.wording import say_count, say_some

if TYPE_CHECKING:
    from solver_jobs.foundry.recount import HomelessPin, Recounted

_INPUT = ("input",)
_COUNTED = ("calendar_workdays", "holidays", "pins", "frozen_days", "previous_plan")
_STATE = ("initial_flask_inuse", "initial_pour_load")
_SAID = {
    "initial_flask_inuse": "Flasks are to be free",
    "initial_pour_load": "Metal is committed",
    "previous_plan": "The previous plan has molds",
}


def put_calendar(content: dict[str, Any], pattern: WorkPattern, weeks: int) -> list[Finding]:
    """Give a problem in its JSON form a calendar, and tell what is odd about it.

    Raises
    ------
    UserMistake, UserMistakes
        It is no calendar, or a pin would have no workday.
    """
    problem = formed_problem(content, _INPUT)
    if mistakes := mistakes_in(pattern, weeks):
        raise UserMistakes(first_ones(mistakes, _INPUT))
    made = calendar_of(pattern, problem.asof_date, weeks)
    recounted = _recounted(problem, made)
    if recounted.homeless:
        mistakes = [_homeless(one, pattern, problem.asof_date, weeks) for one in recounted.homeless]
        raise UserMistakes(first_ones(mistakes, _INPUT))
    content.update(recounted.problem.model_dump(mode="json", include={*_COUNTED, *_STATE}))
    return [*oddities_of(pattern, problem.asof_date, weeks), *_moves(recounted, pattern)]


def _recounted(problem: FoundryProblem, made: dict[str, Any]) -> Recounted:
    from solver_jobs.foundry.recount import recount  # with numpy, which the start can do without

    workdays = [Workday.model_validate(row) for row in made["calendar_workdays"]]
    try:
        return recount(problem, workdays, [date.fromisoformat(day) for day in made["holidays"]])
    except ValidationError as error:
        raise UserMistake(
            "CALENDAR_OUT_OF_RANGE",
            f"Counted on this calendar, {'; '.join(describe_faults(error)[:3])}.",
            path=_INPUT,
            hint="Correct the day or the quantity with setInitialState or setPins first.",
        ) from error


def _homeless(lost: HomelessPin, pattern: WorkPattern, asof: date, weeks: int) -> UserMistake:
    place, why = why_free(pattern, asof, weeks, lost.date)
    return UserMistake(
        "PIN_WITHOUT_WORKDAY",
        f"Order {lost.pin.order_id} is pinned to {say_count(lost.pin.molds, 'mold')} on workday "
        f"{lost.pin.workday_index}, {lost.date}, which would be no workday: {why}.",
        path=(*_INPUT, *place),
        hint="Move the pin to another day or take it back with setPins first, or keep the day a workday.",
    )


def _moves(recounted: Recounted, pattern: WorkPattern) -> Iterator[Finding]:
    """Tell what is not on its date any more, and new days on which nothing may be planned."""
    for table, days in recounted.moved.items():
        yield warning(
            "MOVED_TO_NEXT_WORKDAY",
            f"{_SAID[table]} on {say_some([str(day) for day in days])}, no workday any more.",
            (table,),
            "This is on the first workday after it now; tell what really happens if it is otherwise.",
        )
    for day in recounted.added_frozen:
        extra = list(pattern.extra_days)
        yield warning(
            "NEW_WORKDAY_IS_FROZEN",
            f"{day} is a new workday among the frozen ones, and the previous plan has no molds on it.",
            ("extraDays", extra.index(day)) if day in extra else ("frozen_days",),
            "Nothing is molded on it; freeze fewer days with setPins to use it.",
        )
