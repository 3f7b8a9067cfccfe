"""The foundry's problem and its plan, as data: immutable, validated, the same in JSON and in Python.

The forms hold what a single row can say: types, units, bounds, known keys. Whether the rows fit together
(unknown parts, credits above the quantity, a Monday that is none) is told by `checks`, all findings at once.
The service builds a problem and shows a plan; it needs this module and `checks`, and no other of the room.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from solver_jobs.errors import JobError
from solver_jobs.faults import describe_faults

FlaskSize = Literal["S", "M", "L"]
"""Size of a flask; every part fits one of them."""
FLASK_SIZES: tuple[FlaskSize, ...] = ("S", "M", "L")
"""All sizes, in the order in which arrays and reports list them."""
Policy = Literal["WEIGHTED", "LEXICOGRAPHIC"]
"""WEIGHTED: late units and changes by their weights; LEXICOGRAPHIC: no change is worth a late unit."""
PatternUnit = Literal["ORDER", "PART"]
"""What shares a pattern place and the daily cap of a part: an order, or all orders of a part."""
PlanStatus = Literal["OPTIMAL", "FEASIBLE"]
"""OPTIMAL: the gap is zero, by proof."""

LAST_WORKDAY = 10_000
"""Largest workday index that a problem may name: some forty years."""

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2299, 12, 31)
"""Days between which a calendar lies; another one is a slip, and arithmetic with days has its ends."""


def _day(value: object) -> object:
    """Let a day be written one way alone: pydantic reads numbers as seconds since 1970."""
    if isinstance(value, bool | int | float) or (isinstance(value, str) and not _ISO_DAY.fullmatch(value)):
        raise ValueError(f'found {value!r}, expected a date written "YYYY-MM-DD", such as "2024-09-30"')
    return value


def _calendar_day(value: date) -> date:
    if not FIRST_DAY <= value <= LAST_DAY:
        raise ValueError(f"found {value}, expected a day from {FIRST_DAY} to {LAST_DAY}")
    return value


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"found {str(value).lower()}, expected a number")  # noqa: TRY004 - taken as a fault
    return value


_Told = TypeVar("_Told")


def _text(value: _Told) -> _Told:
    if isinstance(value, str) and _NO_TEXT.search(value):
        raise ValueError(f"found {value[:60]!r}, expected a text without zero characters and half ones")
    return value


_NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""A zero character, which no database holds, or half of a surrogate pair, which JSON can write."""
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
Number = BeforeValidator(_number)
Day = Annotated[date, BeforeValidator(_day)]
"""Any day, in JSON as "YYYY-MM-DD"."""
CalendarDay = Annotated[Day, AfterValidator(_calendar_day)]
"""A day on which a shop may work."""
Text = Annotated[str, AfterValidator(_text)]
"""Any text that can be stored, and written into a file."""
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_text)
]
"""Name of a part or an order, without surrounding blanks; upper and lower case differ."""
Units = Annotated[int, Number, Field(ge=0, le=1_000_000)]
"""Whole molds, parts or flasks."""
Hours = Annotated[float, Number, Field(ge=0, le=20_000)]
"""Hours of a process step, around the clock."""
Tons = Annotated[float, Number, Field(ge=0, le=100_000)]
"""Tons of metal; compared in whole kilograms."""
Weight = Annotated[int, Number, Field(ge=0, le=1_000_000_000)]
"""Weight of a cost in the objective."""
WorkdayIndex = Annotated[int, Number, Field(ge=0, le=LAST_WORKDAY)]
"""Working days since the planning Monday; 0 is the first workday on or after it."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Part(_Frozen):
    """What is molded: one mold makes one part."""

    part_id: Name
    flask_size: FlaskSize
    cool_hours: Hours = Field(description="Hours from pour to shakeout; rounded up to whole working days.")
    finish_hours: Hours = Field(description="Hours of finishing; rounded up to whole working days.")
    gross_weight_ton: Tons = Field(description="Metal poured into one mold, in tons.")
    alloy: Text | None = None


class Order(_Frozen):
    """Units of one part, wanted by a day."""

    order_id: Name
    part_id: Name
    qty: Units = Field(description="Units ordered, those already molded included.")
    due_date: Day = Field(description="Last day of delivery; any calendar day, also before asof_date.")
    priority: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=100,
        description="Lower is more urgent; a late unit weighs 100/priority, held within 0.1 and 10.",
    )


class Resources(_Frozen):
    """Capacities of the shop."""

    notes: Text | None = None
    flasks_S: Units = Field(description="Flasks of size S that the shop owns.")  # noqa: N815 - names of the tables
    flasks_M: Units = Field(description="Flasks of size M that the shop owns.")  # noqa: N815
    flasks_L: Units = Field(description="Flasks of size L that the shop owns.")  # noqa: N815
    molding_max_per_day: Units = Field(description="Molds per day, all patterns together.")
    molding_max_same_part_per_day: Units = Field(description="Molds per day of one pattern.")
    pour_max_ton_per_day: Tons = Field(description="Metal poured per day, in tons.")
    max_patterns: Units = Field(default=6, description="Patterns on the molding line at the same time.")

    def flasks(self, size: FlaskSize) -> int:
        """Flasks of one size that the shop owns."""
        owned: dict[FlaskSize, int] = {"S": self.flasks_S, "M": self.flasks_M, "L": self.flasks_L}
        return owned[size]


class Workday(_Frozen):
    """One working day of the calendar."""

    workday_index: WorkdayIndex
    date: CalendarDay
    week_index: Annotated[int, Field(ge=-10_000, le=10_000)] | None = Field(
        default=None, description="Groups days for weekly reports; counted from asof_date when left out."
    )


class OrderProgress(_Frozen):
    """Units of an order that were molded before the planning Monday."""

    asof_date: Day | None = None
    order_id: Name
    molded_qty_credit: Units = 0


class LoadedPattern(_Frozen):
    """Whether the pattern of an order is on the line when the planning Monday begins."""

    asof_date: Day | None = None
    order_id: Name
    is_loaded: Annotated[int, Field(ge=0, le=1)] = 1


class FlasksInUse(_Frozen):
    """Flasks that hold molds of earlier weeks until they are shaken out."""

    asof_date: Day | None = None
    flask_size: FlaskSize
    release_workday_index: Annotated[int, Field(ge=-LAST_WORKDAY, le=LAST_WORKDAY)] = Field(
        description="First workday on which they are free again; 0 or less: free from the start."
    )
    qty_inuse: Units


class PourCommitted(_Frozen):
    """Metal that is already promised to molds of earlier weeks."""

    asof_date: Day | None = None
    workday_index: Annotated[int, Field(ge=-LAST_WORKDAY, le=LAST_WORKDAY)]
    tons_committed: Tons


class ExpectedDelivery(_Frozen):
    """Units already molded, and the day on which they will be delivered."""

    asof_date: Day | None = None
    order_id: Name
    date: Day
    qty: Units


class PlannedMolds(_Frozen):
    """Molds of one order on one day."""

    order_id: Name
    workday_index: WorkdayIndex
    molds: Annotated[int, Field(gt=0, le=1_000_000)]


class PatternDay(_Frozen):
    """A day on which the pattern of an order is on the line."""

    order_id: Name
    workday_index: WorkdayIndex


class Pin(_Frozen):
    """A day's molds of an order that the planner has decided; 0 forbids the day."""

    order_id: Name
    workday_index: WorkdayIndex
    molds: Units


class Settings(_Frozen):
    """How the plan is judged; the defaults are explained in docs/replan.md."""

    policy: Policy = "WEIGHTED"
    pattern_unit: PatternUnit = "ORDER"
    charge_day0_stops: bool = Field(
        default=True,
        description="Whether a loaded pattern that day 0 takes off costs a stop; the specification: no.",
    )
    use_priority: bool = Field(
        default=True, description="Whether a late unit weighs 100/priority; if not, all weigh the same."
    )
    late_weight: Weight = 1_000_000
    switch_weight: Weight = 100_000
    restart_weight: Weight = Field(
        default=0, description="Cost of each start of a pattern beyond its first in the plan."
    )
    tardiness: bool = Field(
        default=True, description="Whether late units are pulled forward, below late units and changes."
    )
    congestion_threshold: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=0.85, description="Share of the flasks of a size above which use is congestion; null: off."
    )
    stability_weight: Annotated[float, Field(ge=0, le=1_000_000_000)] = Field(
        default=0, description="Above 0: molds moved against previous_plan are kept few, as the last tier."
    )


class FoundryProblem(_Frozen):
    """Everything that a replan is computed from."""

    name: Text | None = None
    meta: dict[str, Any] | None = Field(default=None, description="Anything; ignored.")
    scenario_id: Annotated[int | str | None, AfterValidator(_text)] = None
    asof_date: CalendarDay = Field(description="The planning Monday; the plan starts on it.")
    parts: tuple[Part, ...]
    orders: tuple[Order, ...]
    resources: Resources
    calendar_workdays: tuple[Workday, ...] | None = Field(
        default=None,
        description="Working days from asof_date on; left out or too short: Monday to Friday less holidays.",
    )
    holidays: tuple[CalendarDay, ...] = Field(
        default=(), description="No working days beyond calendar_workdays."
    )
    initial_order_progress: tuple[OrderProgress, ...] = ()
    initial_patterns_loaded: tuple[LoadedPattern, ...] = ()
    initial_flask_inuse: tuple[FlasksInUse, ...] = ()
    initial_pour_load: tuple[PourCommitted, ...] = ()
    expected_deliveries: tuple[ExpectedDelivery, ...] = ()
    settings: Settings = Settings()
    previous_plan: tuple[PlannedMolds, ...] | None = Field(
        default=None, description="An earlier plan, its workday indices counted from this asof_date."
    )
    pins: tuple[Pin, ...] = ()
    frozen_days: Annotated[int, Field(ge=0, le=LAST_WORKDAY)] = Field(
        default=0, description="Days 0 to frozen_days - 1 equal previous_plan, which is then required."
    )


class PlanSummary(_Frozen):
    """The plan in figures; docs/replan.md says how each is counted.

    A plan of another program may leave out those with a default; they are verified where they are told.
    """

    late: int = Field(ge=0, description="Planned units that are delivered after their due date.")
    late_orders: int = Field(default=0, ge=0, description="Orders with late units.")
    starts: int = Field(ge=0, description="Patterns put on the line; day 0 counts unless it was loaded.")
    stops: int = Field(ge=0, description="Patterns taken off the line after day 0.")
    day0_stops: int = Field(ge=0, description="Loaded patterns that are not on the line on day 0.")
    changes: int = Field(ge=0, description="starts + stops, and day0_stops where they are charged.")
    restarts: int = Field(default=0, ge=0, description="Starts of a pattern beyond its first.")
    wip: int = Field(ge=0, description="Flask-days in use within the horizon, initial ones included.")
    spec_objective: int = Field(ge=0, description="1,000,000 late + 100,000 (starts + stops) + wip.")
    late_weight: int = Field(
        default=1_000_000, ge=0, description="Weight of a late unit of priority 100 in objective."
    )
    objective: int = Field(ge=0, description="What is minimised first.")
    bound: float = Field(description="No plan within calendar_workdays has a smaller objective.")
    gap: float = Field(ge=0, description="(objective - bound) / max(1, objective).")
    tardiness: float = Field(ge=0, description="Working days late, summed over late units x priority factor.")
    congestion: float = Field(ge=0, description="Flask-days in use above the threshold.")
    stability: float = Field(ge=0, description="Molds moved against previous_plan.")
    peak_flasks: dict[FlaskSize, int] = Field(
        default_factory=dict, description="Most flasks in use on a day, by size, initial ones included."
    )
    peak_pour_ton: float = Field(
        default=0, ge=0, description="Most metal poured on a day, committed included."
    )
    solve_seconds: float = Field(default=0, ge=0)
    stopped_early: bool = Field(default=False, description="Whether somebody ended the search.")


class OrderStatus(_Frozen):
    """What becomes of an order."""

    order_id: Name
    part_id: Name
    qty: int
    molded_qty_credit: int
    remaining_qty: int = Field(description="Units left to mold: quantity less credit, not below zero.")
    due_date: date
    delivered_by_due: int = Field(description="Planned units that are delivered by the due date.")
    late_qty: int = Field(description="Planned units that are delivered later.")
    credit_late_qty: int = Field(
        default=0, description="Units already molded that are expected after the due date."
    )
    completion_workday_index: int | None = Field(
        default=None,
        description="Workday on which the last planned unit is delivered; null: none is planned.",
    )
    completion_date: date | None = Field(
        default=None,
        description="Day on which the last unit is delivered, planned or expected; null: unknown.",
    )
    reason: str | None = Field(default=None, description="Late orders: why, in a planner's words.")


Resource = Literal[
    "PATTERN_PLACES",
    "MOLDING",
    "METAL",
    "FLASKS_S",
    "FLASKS_M",
    "FLASKS_L",
    "PART_CAP",
    "LAGS",
    "PINS",
    "CHANGES",
]
"""What can make an order late. PART_CAP: molds of one pattern a day; LAGS: days from mold to delivery;
PINS: pins and frozen days; CHANGES: room was left, but a late unit weighs less than the pattern changes."""


class Claim(_Frozen):
    """What another order took of a resource on the days that would have helped."""

    order_id: Name
    amount: float = Field(description="Pattern days, molds, kilograms, or flask-days.")


class LateCause(_Frozen):
    """One reason for late units."""

    resource: Resource
    units: int = Field(ge=0, description="Late units that are put down to it; others share the blame with 0.")
    from_date: date | None = Field(default=None, description="First day on which it was in the way.")
    to_date: date | None = Field(default=None, description="Last day on which it was in the way.")
    days: int = Field(default=0, ge=0, description="Working days on which it was in the way.")
    taken_by: tuple[Claim, ...] = Field(default=(), description="Who took it, the largest first.")


class LateOrder(_Frozen):
    """Why an order is late."""

    order_id: Name
    late_qty: int
    reason: str
    causes: tuple[LateCause, ...] = Field(description="The main one first.")


class Bottleneck(_Frozen):
    """How scarce a resource is in the plan."""

    resource: Resource
    late_units: int = Field(description="Late units that are put down to it.")
    full_days: int = Field(
        description="Working days, to the last molding day, on which nothing was left of it."
    )
    use: float = Field(
        description="Share in use, to the last molding day; above 1 where it was overfull before."
    )


class Peak(_Frozen):
    """The day on which most of a resource is in use."""

    resource: Resource
    date: date
    used: float = Field(description="Patterns, molds, tons, or flasks; earlier commitments included.")
    capacity: float


class ObjectivePart(_Frozen):
    """A term of the objective."""

    name: str
    count: int
    weight: int
    cost: int


class OtherPatternUnit(_Frozen):
    """The same plan, counted with the other pattern_unit."""

    pattern_unit: PatternUnit
    changes: int = Field(description="Pattern changes, counted that way.")
    saved: int = Field(description="Changes fewer than now; negative: more.")
    above_cap: int = Field(description="Part days that would be above the daily cap of a part.")


class Explanation(_Frozen):
    """The plan in a planner's words and figures."""

    late: tuple[LateOrder, ...] = Field(description="Most late units first.")
    bottlenecks: tuple[Bottleneck, ...] = Field(description="The tightest first.")
    peaks: tuple[Peak, ...]
    objective: tuple[ObjectivePart, ...] = Field(description="Terms that add up to the objective.")
    other_pattern_unit: OtherPatternUnit
    sentences: tuple[str, ...]


class FoundryPlan(_Frozen):
    """The answer: molds per order and day, patterns on the line, and what comes of it."""

    name: str | None = None
    meta: dict[str, Any] | None = None
    scenario_id: int | str | None = None
    asof_date: date | None = None
    x: tuple[PlannedMolds, ...]
    y: tuple[PatternDay, ...]
    status: PlanStatus
    summary: PlanSummary
    order_status: tuple[OrderStatus, ...]
    calendar_workdays: tuple[Workday, ...] = Field(
        description="The calendar as used, extended where the given one was too short."
    )
    explanation: Explanation | None = None
    warnings: tuple[str, ...] = ()


def read_problem(content: str | bytes | Mapping[str, Any]) -> FoundryProblem:
    """Read a problem from JSON, or from what JSON was read into.

    Raises
    ------
    JobError
        ``PROBLEM_INVALID``: no JSON, or not of the problem's form; `details` names every fault.
    """
    return _read(FoundryProblem, content, "PROBLEM_INVALID", "foundry problem")


def read_plan(content: str | bytes | Mapping[str, Any]) -> FoundryPlan:
    """Read a plan from JSON, or from what JSON was read into.

    Raises
    ------
    JobError
        ``PLAN_INVALID``: no JSON, or not of the plan's form; `details` names every fault.
    """
    return _read(FoundryPlan, content, "PLAN_INVALID", "foundry plan")


_Form = TypeVar("_Form", FoundryProblem, FoundryPlan)


class _StandsTwice(Exception):
    """A key of an object stands twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice, of which all but the last would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _StandsTwice(repr(twice))
    return found


def _read(form: type[_Form], content: str | bytes | Mapping[str, Any], code: str, what: str) -> _Form:
    try:
        if isinstance(content, str | bytes):
            content = json.loads(content, object_pairs_hook=_object)
        return form.model_validate(content)
    except ValidationError as error:
        faults = describe_faults(error)
        raise JobError(
            code,
            f"This is no {what}: {len(faults)} {'entry is' if len(faults) == 1 else 'entries are'} wrong.",
            "Correct the entries that are named; the JSON Schema lists all keys.",
            faults,
        ) from error
    except _StandsTwice as error:
        raise JobError(
            code, f"This is no {what}: the key {error} stands twice in one object.", "Leave one of them."
        ) from error
    except RecursionError as error:
        raise JobError(
            code,
            f"This is no {what}: its lists and objects stand within each other without an end.",
            "Hand in one JSON object as the JSON Schema has it.",
        ) from error
    except ValueError as error:
        raise JobError(
            code, f"This is no {what}, not even JSON: {error}.", "Hand in one JSON object in UTF-8."
        ) from error
