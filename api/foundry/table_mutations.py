"""Changing single tables of a scenario: rows are merged into its problem, which is checked whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum
from typing import Any

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON
from strawberry.utils.str_converters import to_camel_case

from api.context import Info
from api.foundry import store
from api.foundry.calendars import MOST_WEEKS, USUAL_WEEKS, Weekday, WorkPattern
from api.foundry.mutations import ProblemWarning
from api.foundry.new_calendar import put_calendar
from api.foundry.places import Place, among_rows, among_tables
from api.foundry.present import SCENARIO, held, no_scenario
from api.foundry.problem import first_ones, sound_problem, stored_form
from api.foundry.types import FlaskSize, Scenario
from api.payloads import UserMistakes, answers_mistakes
from api.reads.asking import stored_one
from api.relay import UserError, UserMistake, described_enum, key_of
from api.roles import Role, require
from solver_jobs.foundry.findings import Finding
from solver_jobs.foundry.problem import FoundryProblem

Problem = dict[str, Any]

described_enum("A day of the week.", {day.name: f"{day.name.title()}." for day in Weekday})(Weekday)


@strawberry.type(description="The scenario with the changed table.")
class ChangeScenarioPayload:
    """Answer of the mutations that change a table."""

    scenario: Scenario | None = strawberry.field(
        default=None, description="The scenario; null if nothing was changed."
    )
    warnings: list[ProblemWarning] | None = strawberry.field(
        default=None, description="What is odd about its data now; null if nothing was changed."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list,
        description="Everything that would be wrong about the scenario; empty if all went well.",
    )


@strawberry.input(description="A part.")
class PartInput:
    """A row of parts."""

    part_id: str = strawberry.field(description="Its name.")
    flask_size: FlaskSize = strawberry.field(description="Size of its flasks.")
    cool_hours: float = strawberry.field(description="Hours from pour to shakeout.")
    finish_hours: float = strawberry.field(description="Hours of finishing.")
    gross_weight_ton: float = strawberry.field(description="Metal poured into one mold, in tons.")
    alloy: str | None = strawberry.field(default=None, description="Its alloy.")


@strawberry.input(description="Parts that come in or change.")
class UpsertPartsInput:
    """Parts of a scenario."""

    scenario_id: strawberry.ID = strawberry.field(description="Id of the scenario.")
    parts: list[PartInput] = strawberry.field(
        description="The parts; one that is there is replaced whole. Others stay as they are."
    )


@strawberry.input(description="An order.")
class OrderInput:
    """A row of orders."""

    order_id: str = strawberry.field(description="Its name.")
    part_id: str = strawberry.field(description="Name of its part.")
    qty: int = strawberry.field(description="Units ordered, those already molded included.")
    due_date: date = strawberry.field(description="Last day of delivery.")
    priority: int | None = strawberry.field(
        default=100, description="Lower is more urgent; 100 unless told, also for an order that had another."
    )


@strawberry.input(description="Orders that come in, change, or are cancelled.")
class UpsertOrdersInput:
    """Orders of a scenario."""

    scenario_id: strawberry.ID = strawberry.field(description="Id of the scenario.")
    orders: list[OrderInput] = strawberry.field(
        default_factory=list,
        description="The orders; one that is there is replaced whole, a priority that is left out included. "
        "Others stay as they are.",
    )
    remove: list[str] = strawberry.field(
        default_factory=list,
        description="Names of orders that leave the scenario, with all that its initial state says of them.",
    )


@strawberry.input(description="The capacities of a foundry; what is left out stays as it is.")
class UpsertResourcesInput:
    """Capacities of a scenario."""

    scenario_id: strawberry.ID = strawberry.field(description="Id of the scenario.")
    flasks_s: int | None = strawberry.field(name="flasksS", default=None, description="Flasks of size S.")
    flasks_m: int | None = strawberry.field(name="flasksM", default=None, description="Flasks of size M.")
    flasks_l: int | None = strawberry.field(name="flasksL", default=None, description="Flasks of size L.")
    molding_max_per_day: int | None = strawberry.field(default=None, description="Molds per day.")
    molding_max_same_part_per_day: int | None = strawberry.field(
        default=None, description="Molds per day of one pattern."
    )
    pour_max_ton_per_day: float | None = strawberry.field(
        default=None, description="Metal poured per day, in tons."
    )
    max_patterns: int | None = strawberry.field(
        default=None, description="Patterns on the line at the same time."
    )
    notes: str | None = strawberry.field(default=UNSET, description="Notes; null removes them.")


@strawberry.input(description="Units of an order that were molded before the Monday.")
class OrderProgressInput:
    """A row of initial_order_progress."""

    order_id: str = strawberry.field(description="Name of the order.")
    molded_qty_credit: int = strawberry.field(description="Units molded.")


@strawberry.input(description="Flasks that hold molds of earlier weeks.")
class FlasksInUseInput:
    """A row of initial_flask_inuse."""

    flask_size: FlaskSize = strawberry.field(description="Their size.")
    release_workday_index: int = strawberry.field(description="First workday on which they are free again.")
    qty_inuse: int = strawberry.field(description="How many.")


@strawberry.input(description="Metal that is already promised to molds of earlier weeks.")
class PourLoadInput:
    """A row of initial_pour_load."""

    workday_index: int = strawberry.field(description="The workday.")
    tons_committed: float = strawberry.field(description="Tons.")


@strawberry.input(description="Units already molded, and the day on which they will be delivered.")
class ExpectedDeliveryInput:
    """A row of expected_deliveries."""

    order_id: str = strawberry.field(description="Name of the order.")
    date: date = strawberry.field(description="The day.")
    qty: int = strawberry.field(description="Units.")


@strawberry.input(
    description="The state of the shop on a Monday morning. A table that is given replaces the one that was "
    "there; a table that is left out stays, unless the Monday is another one: then it is emptied. With it go "
    "the pins, the previous plan and the frozen days, which counted from the old one."
)
class SetInitialStateInput:
    """Initial state of a scenario."""

    scenario_id: strawberry.ID = strawberry.field(description="Id of the scenario.")
    asof_date: date | None = strawberry.field(
        default=None, description="The Monday; the scenario's unless told."
    )
    order_progress: list[OrderProgressInput] | None = strawberry.field(
        default=None, description="Units molded, by order."
    )
    patterns_loaded: list[str] | None = strawberry.field(
        default=None, description="Names of the orders whose patterns are on the line."
    )
    flasks_in_use: list[FlasksInUseInput] | None = strawberry.field(
        default=None, description="Flasks in use."
    )
    pour_load: list[PourLoadInput] | None = strawberry.field(default=None, description="Metal committed.")
    expected_deliveries: list[ExpectedDeliveryInput] | None = strawberry.field(
        default=None, description="Deliveries of what is molded."
    )


@strawberry.input(description="Days from one to another, both included.")
class DaySpanInput:
    """A closure."""

    first: date = strawberry.field(description="First day.")
    last: date = strawberry.field(description="Last day.")


_FREEZE_HINT = (
    "Roll the scenario on by a plan with rollScenario, or import it with its previous plan, and freeze days "
    "then; until then send frozenDays: 0."
)
WORKWEEK = (Weekday.MONDAY, Weekday.TUESDAY, Weekday.WEDNESDAY, Weekday.THURSDAY, Weekday.FRIDAY)


@strawberry.input(description="When the foundry works, from the scenario's Monday on.")
class SetCalendarInput:
    """Calendar of a scenario."""

    scenario_id: strawberry.ID = strawberry.field(description="Id of the scenario.")
    weekdays: list[Weekday] | None = strawberry.field(
        default=None, description="Days of the week on which it works; Monday to Friday unless told."
    )
    country: str | None = strawberry.field(
        default=None, description="ISO 3166 code of the country whose public holidays are free, such as DE."
    )
    region: str | None = strawberry.field(
        default=None, description="Code of the region in that country, such as BY; not without a country."
    )
    closures: list[DaySpanInput] = strawberry.field(
        default_factory=list, description="Days on which it is closed besides."
    )
    extra_days: list[date] = strawberry.field(
        default_factory=list, description="Days on which it works all the same."
    )
    weeks: int | None = strawberry.field(
        default=USUAL_WEEKS,
        description=f"Weeks of the calendar, 1 to {MOST_WEEKS}; beyond it, Monday to Friday less holidays.",
    )


@strawberry.input(description="A day's molds of an order that the planner has decided.")
class PinInput:
    """A row of pins."""

    order_id: str = strawberry.field(description="Name of the order.")
    workday_index: int = strawberry.field(description="The workday, counted from the scenario's Monday.")
    molds: int = strawberry.field(description="Molds to make; 0 forbids the day.")


@strawberry.input(description="What the next plan has to keep; what is left out stays as it is.")
class SetPinsInput:
    """Pins and frozen days of a scenario."""

    scenario_id: strawberry.ID = strawberry.field(description="Id of the scenario.")
    pins: list[PinInput] | None = strawberry.field(
        default=None, description="The pins, instead of those that were there."
    )
    frozen_days: int | None = strawberry.field(
        default=None,
        description="So many first workdays stay as in the previous plan, which `rollScenario` or an import "
        "brings; 0: none.",
    )


@strawberry.input(description="How plans are judged.")
class SetSettingsInput:
    """Settings of a scenario."""

    scenario_id: strawberry.ID = strawberry.field(description="Id of the scenario.")
    settings: JSON = strawberry.field(
        description="The settings of a foundry problem; those that are left out have their defaults."
    )


@strawberry.type
class FoundryTableMutations:
    """Changes of single tables."""

    @strawberry.mutation(description="Add parts to a scenario, or change them. For planners.")
    @answers_mistakes(ChangeScenarioPayload)
    async def upsert_parts(
        self,
        info: Info,
        input: UpsertPartsInput,  # noqa: A002 - the argument's name in the schema
    ) -> ChangeScenarioPayload:
        """Merge parts by their names."""

        def change(problem: Problem) -> Change:
            return _merge(problem, "parts", input.parts, "part_id")

        return await _change(info, input.scenario_id, change)

    @strawberry.mutation(description="Add orders to a scenario, change or remove them. For planners.")
    @answers_mistakes(ChangeScenarioPayload)
    async def upsert_orders(
        self,
        info: Info,
        input: UpsertOrdersInput,  # noqa: A002 - the argument's name in the schema
    ) -> ChangeScenarioPayload:
        """Merge orders by their names."""

        def change(problem: Problem) -> Change:
            removed = {name.strip() for name in input.remove}
            unknown = list(_unknown(input.remove, problem["orders"]))
            for table, rows in problem.items():
                if isinstance(rows, list) and table not in ("parts", "holidays", "calendar_workdays"):
                    problem[table] = [row for row in rows if row.get("order_id") not in removed]
            merged = _merge(problem, "orders", input.orders, "order_id")
            return replace(merged, mistakes=[*merged.mistakes, *unknown])

        return await _change(info, input.scenario_id, change)

    @strawberry.mutation(description="Change the capacities of a scenario. For planners.")
    @answers_mistakes(ChangeScenarioPayload)
    async def upsert_resources(
        self,
        info: Info,
        input: UpsertResourcesInput,  # noqa: A002 - the argument's name in the schema
    ) -> ChangeScenarioPayload:
        """Change what is told."""
        told = {
            f"flasks_{name[-1].upper()}" if name.startswith("flasks_") else name: value
            for name, value in row_of(input).items()
            if name != "scenario_id" and value is not (UNSET if name == "notes" else None)
        }

        def change(problem: Problem) -> Change:
            problem["resources"] = {**problem.get("resources", {}), **told}
            place = among_tables({name: to_camel_case(name) for name in told})
            return Change(lambda path: place(path[1:]) if path[:1] == ("resources",) else ())

        return await _change(info, input.scenario_id, change)

    @strawberry.mutation(
        description="Tell the state of the shop on the Monday from which is planned next. For planners."
    )
    @answers_mistakes(ChangeScenarioPayload)
    async def set_initial_state(
        self,
        info: Info,
        input: SetInitialStateInput,  # noqa: A002 - the argument's name in the schema
    ) -> ChangeScenarioPayload:
        """Replace the tables that are told."""

        def change(problem: Problem) -> Change:
            return _set_state(problem, input)

        return await _change(info, input.scenario_id, change)

    @strawberry.mutation(
        description="Make a scenario's calendar from a weekly pattern, public holidays, closures and extra "
        "shifts. What stands on a workday keeps its date: pins, flasks, metal, the previous plan and its "
        "frozen days. A pin whose day would be none is refused; the rest goes to the next workday, with a "
        "warning. For planners."
    )
    @answers_mistakes(ChangeScenarioPayload)
    async def set_calendar(
        self,
        info: Info,
        input: SetCalendarInput,  # noqa: A002 - the argument's name in the schema
    ) -> ChangeScenarioPayload:
        """Replace the working days."""
        weeks = USUAL_WEEKS if input.weeks is None else input.weeks
        pattern = WorkPattern(
            weekdays=WORKWEEK if input.weekdays is None else input.weekdays,
            country=input.country,
            region=input.region,
            closures=[(span.first, span.last) for span in input.closures],
            extra_days=input.extra_days,
        )

        def change(problem: Problem) -> Change:
            return Change(among_tables({}), put_calendar(problem, pattern, weeks))

        return await _change(info, input.scenario_id, change)

    @strawberry.mutation(
        description="Decide molds of orders and days before the scenario is planned next: pins and frozen "
        "days. For planners."
    )
    @answers_mistakes(ChangeScenarioPayload)
    async def set_pins(
        self,
        info: Info,
        input: SetPinsInput,  # noqa: A002 - the argument's name in the schema
    ) -> ChangeScenarioPayload:
        """Replace what is told."""

        def change(problem: Problem) -> Change:
            if input.pins is not None:
                problem["pins"] = [row_of(pin) for pin in input.pins]
            if input.frozen_days is not None:
                problem["frozen_days"] = input.frozen_days
            fields = {"pins": input.pins, "frozen_days": input.frozen_days}
            given = {name: to_camel_case(name) for name, told in fields.items() if told is not None}
            return Change(among_tables(given), hints={"FROZEN_WITHOUT_PREVIOUS_PLAN": _FREEZE_HINT})

        return await _change(info, input.scenario_id, change)

    @strawberry.mutation(description="Set how a scenario's plans are judged. For planners.")
    @answers_mistakes(ChangeScenarioPayload)
    async def set_settings(
        self,
        info: Info,
        input: SetSettingsInput,  # noqa: A002 - the argument's name in the schema
    ) -> ChangeScenarioPayload:
        """Replace the settings."""

        def change(problem: Problem) -> Change:
            problem["settings"] = input.settings
            return Change(lambda path: path if path[:1] == ("settings",) else ())

        return await _change(info, input.scenario_id, change)


@dataclass(frozen=True, slots=True)
class Change:
    """What was changed of a problem.

    Attributes
    ----------
    place
        Where in the input a finding lies.
    findings
        What is odd about the input itself.
    hints
        What to do about a finding where its own hint speaks of keys that the input doesn't have, by its code.
    mistakes
        What is wrong about the input itself: told together with what is wrong about the problem without it.
    """

    place: Place
    findings: Sequence[Finding] = ()
    hints: Mapping[str, str] = field(default_factory=dict)
    mistakes: Sequence[UserMistake] = ()

    async def sound(self, content: Problem) -> tuple[FoundryProblem, list[Finding]]:
        """Read the changed problem, sound, and with what is odd about it.

        Raises
        ------
        UserMistakes
            All that is wrong about the input itself, and about the problem.
        """
        own = first_ones(list(self.mistakes), ("input",))
        try:
            sound = await sound_problem(content, ("input",), self.place)
        except UserMistake as mistake:
            raise UserMistakes([*own, mistake]) from mistake
        except UserMistakes as several:
            raise UserMistakes([*own, *map(self._hinted, several.mistakes)]) from several
        if own:
            raise UserMistakes(own)
        return sound

    def _hinted(self, mistake: UserMistake) -> UserMistake:
        hint = self.hints.get(mistake.code, mistake.hint)
        return UserMistake(mistake.code, mistake.message, path=mistake.path, hint=hint)


async def _change(info: Info, scenario_id: str, change: Callable[[Problem], Change]) -> ChangeScenarioPayload:
    """Change a scenario's problem, and store it if it is sound; nobody else changes it meanwhile."""
    key = key_of(scenario_id, "Scenario", path=SCENARIO)
    async with info.context.transaction() as connection:
        await require(connection, Role.PLANNER, "changing a scenario")
        locked = await held(connection, key)
        content = await store.problem(connection, key)
        if content is None:
            raise no_scenario()
        # Thousands of rows may be counted anew, while others ask.
        changed = await asyncio.to_thread(change, content)
        problem, findings = await changed.sound(content)
        await store.put_scenario(connection, locked["name"], stored_form(problem))
    return ChangeScenarioPayload(
        scenario=stored_one(Scenario, key),
        warnings=[ProblemWarning.of(found) for found in (*changed.findings, *findings)],
    )


def row_of(row: object) -> dict[str, Any]:
    """Give an input's fields as the problem's JSON form has them."""
    return {name: _plain(value) for name, value in vars(row).items()}


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, date) else value


def _merge(problem: Problem, table: str, changes: Sequence[object], key: str) -> Change:
    """Put changed rows in the places of those with their name, and new ones at the end."""
    rows = [
        {name: value for name, value in row_of(change).items() if value is not None} for change in changes
    ]
    names = [row[key].strip() for row in rows]
    found = {row[key]: row for row in problem[table]}
    problem[table] = list({**found, **dict(zip(names, rows, strict=True))}.values())
    place = among_rows(problem, table, key, names)
    return Change(place, mistakes=list(_doubles(names, table, to_camel_case(key))))


def _doubles(names: Sequence[str], table: str, key: str) -> Iterator[UserMistake]:
    seen: set[str] = set()
    for position, name in enumerate(names):
        if name in seen:
            yield UserMistake(
                "DUPLICATE_ROW",
                f"{table} has {name} a second time, expected one row for each.",
                path=("input", table, str(position), key),
                hint="Remove one of the rows, or correct its name.",
            )
        seen.add(name)


def _unknown(names: Sequence[str], orders: Sequence[Mapping[str, Any]]) -> Iterator[UserMistake]:
    """Find the names to remove that are of no order of the scenario."""
    known = {order["order_id"] for order in orders}
    for position, name in enumerate(names):
        if name.strip() not in known:
            yield UserMistake(
                "UNKNOWN_ORDER",
                f"The scenario has no order {name.strip()}, which is to be removed.",
                path=("input", "remove", str(position)),
                hint="Remove orders under the names that the scenario has.",
            )


_STATE = {
    "order_progress": "initial_order_progress",
    "flasks_in_use": "initial_flask_inuse",
    "pour_load": "initial_pour_load",
    "expected_deliveries": "expected_deliveries",
}


def _set_state(problem: Problem, state: SetInitialStateInput) -> Change:
    monday = date.fromisoformat(problem["asof_date"])
    if state.asof_date not in (None, monday):
        problem["asof_date"] = str(state.asof_date)
        # Counted from another Monday, they would mean other days.
        for table in (*_STATE.values(), "initial_patterns_loaded", "pins", "previous_plan", "frozen_days"):
            problem.pop(table, None)
        _move_calendar(problem, state.asof_date or monday)
    for name, table in _STATE.items():
        if (rows := getattr(state, name)) is not None:
            problem[table] = [row_of(row) for row in rows]
    if state.patterns_loaded is not None:
        problem["initial_patterns_loaded"] = [
            {"order_id": name, "is_loaded": 1} for name in state.patterns_loaded
        ]
    fields = {**_STATE, "patterns_loaded": "initial_patterns_loaded", "asof_date": "asof_date"}
    given = {table: to_camel_case(name) for name, table in fields.items() if getattr(state, name) is not None}
    place = among_tables(given)
    # Of a loaded pattern, the input says the name alone.
    return Change(lambda path: place(path[:2] if path[:1] == ("initial_patterns_loaded",) else path))


def _move_calendar(problem: Problem, monday: date) -> None:
    """Let the calendar begin on another Monday; weeks that count from the Monday go on doing so."""
    rows = problem.get("calendar_workdays") or []
    counted = bool(rows) and rows[0].get("week_index") == 0
    days = [row for row in rows if row["date"] >= str(monday)]
    problem["calendar_workdays"] = [
        {
            "workday_index": index,
            "date": row["date"],
            "week_index": (date.fromisoformat(row["date"]) - monday).days // 7
            if counted
            else row.get("week_index"),
        }
        for index, row in enumerate(days)
    ]
