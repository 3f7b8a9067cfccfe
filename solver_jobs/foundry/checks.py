"""Sanity checks before solving (specification, section 14): all findings at once, as data.

First what the rows refer to: names, days, doubles. Only when these hold can it be asked whether the orders
can be on time, whether the capacities suffice at all, and whether pins and frozen days can be kept.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise

from solver_jobs.errors import JobError
from solver_jobs.foundry.calendar import WorkCalendar, is_workday, monday_of
from solver_jobs.foundry.capacity import days_needed, most_in_days, most_per_day
from solver_jobs.foundry.commitments import check_commitments
from solver_jobs.foundry.findings import Finding, error, warning
from solver_jobs.foundry.instance import (
    LONGEST_DUE_HORIZON,
    LONGEST_HORIZON,
    compile_problem,
    delivery_lag,
    flask_stay,
    kilograms,
)
from solver_jobs.foundry.problem import FLASK_SIZES, FoundryProblem, Order, Part, Resources
from solver_jobs.foundry.wording import say_count, say_some

LONG_AGO = timedelta(days=365)
"""An order that was due so long ago is rather a slip of the pen."""
_DATED_TABLES = (
    "initial_order_progress",
    "initial_patterns_loaded",
    "initial_flask_inuse",
    "initial_pour_load",
    "expected_deliveries",
)
_ORDER_TABLES = ("initial_order_progress", "initial_patterns_loaded", "expected_deliveries", "pins")


def check(problem: FoundryProblem) -> list[Finding]:
    """List everything wrong or odd about a problem, errors first."""
    findings = [
        *_monday(problem),
        *_doubles(problem),
        *_references(problem),
        *_asof_dates(problem),
        *_calendar(problem),
        *_settings(problem),
        *_frozen(problem),
    ]
    if not any(finding.severity == "ERROR" for finding in findings):
        shop = _Shop(problem)
        findings += [
            *_nothing_to_plan(shop),
            *_credits(shop),
            *_capacities(shop),
            *_initial_state(shop),
            *_due_dates(shop),
            *_far_pins(shop),
            *_pattern_places(shop),
            *check_commitments(problem),
        ]
    if not any(finding.severity == "ERROR" for finding in findings):
        findings += _beyond_all_horizons(_Shop(problem))
    return sorted(findings, key=lambda finding: finding.severity != "ERROR")


def require_sound(problem: FoundryProblem) -> list[Finding]:
    """Check a problem and give the warnings.

    Raises
    ------
    JobError
        ``PROBLEM_UNSOUND``: there are errors; `details` has each with its place and a hint.
    """
    findings = check(problem)
    errors = [finding for finding in findings if finding.severity == "ERROR"]
    if errors:
        many = f"{len(errors)} errors, of which the first is: " if len(errors) > 1 else ""
        raise JobError(
            "PROBLEM_UNSOUND",
            f"This problem can't be planned: {many}{errors[0].message}",
            errors[0].hint,
            [str(finding) for finding in errors],
        )
    return findings


# What the rows refer to


def _monday(problem: FoundryProblem) -> Iterator[Finding]:
    asof = problem.asof_date
    if asof != monday_of(asof):
        yield error(
            "ASOF_NOT_MONDAY",
            f"The plan is to start on {asof:%A} {asof}, expected a Monday.",
            ("asof_date",),
            f"Take {monday_of(asof)} or a later Monday; where it is a holiday, the calendar starts after it.",
        )


def _twice(keys: Iterable[Hashable]) -> Iterator[tuple[int, Hashable]]:
    seen: set[Hashable] = set()
    for position, key in enumerate(keys):
        if key in seen:
            yield position, key
        seen.add(key)


def _doubles(problem: FoundryProblem) -> Iterator[Finding]:
    keyed: tuple[tuple[str, str, list[Hashable]], ...] = (
        ("parts", "part", [row.part_id for row in problem.parts]),
        ("orders", "order", [row.order_id for row in problem.orders]),
        ("initial_order_progress", "order", [row.order_id for row in problem.initial_order_progress]),
        ("initial_patterns_loaded", "order", [row.order_id for row in problem.initial_patterns_loaded]),
        ("pins", "order and day", [f"{r.order_id} on day {r.workday_index}" for r in problem.pins]),
        (
            "previous_plan",
            "order and day",
            [f"{r.order_id} on day {r.workday_index}" for r in problem.previous_plan or ()],
        ),
    )
    for table, what, keys in keyed:
        for position, key in _twice(keys):
            yield error(
                "DUPLICATE_ROW",
                f"{table} has {key} a second time, expected one row for each {what}.",
                (table, position),
                "Remove one of the rows, or correct its name.",
            )


def _references(problem: FoundryProblem) -> Iterator[Finding]:
    parts = {part.part_id for part in problem.parts}
    for position, order in enumerate(problem.orders):
        if order.part_id not in parts:
            yield error(
                "UNKNOWN_PART",
                f"Order {order.order_id} is of part {order.part_id}, which is not among the parts.",
                ("orders", position, "part_id"),
                "Add the part, or correct the order's part.",
            )
    orders = {order.order_id for order in problem.orders}
    for table in _ORDER_TABLES:
        for position, row in enumerate(getattr(problem, table)):
            if row.order_id not in orders:
                yield error(
                    "UNKNOWN_ORDER",
                    f"{table} has order {row.order_id}, which is not among the orders.",
                    (table, position, "order_id"),
                    "Add the order, or remove the row.",
                )
    gone = {row.order_id for row in problem.previous_plan or ()} - orders
    if gone:
        yield warning(
            "PREVIOUS_PLAN_OF_OTHER_ORDERS",
            f"The previous plan has {len(gone)} orders that are not among the orders: "
            f"{say_some(sorted(gone))}.",
            ("previous_plan",),
            "They are left out of the comparison.",
        )


def _asof_dates(problem: FoundryProblem) -> Iterator[Finding]:
    for table in _DATED_TABLES:
        for position, row in enumerate(getattr(problem, table)):
            if row.asof_date not in (None, problem.asof_date):
                yield error(
                    "ASOF_MISMATCH",
                    f"{table} has a state of {row.asof_date}, the plan starts on {problem.asof_date}.",
                    (table, position, "asof_date"),
                    "Hand in the state of the planning Monday, or correct its date.",
                )


def _calendar(problem: FoundryProblem) -> Iterator[Finding]:
    rows = sorted(problem.calendar_workdays or (), key=lambda row: row.workday_index)
    if not rows:
        return
    indices = [row.workday_index for row in rows]
    if indices != list(range(len(rows))):
        wrong = next(i for i, index in enumerate(indices) if index != i)
        yield error(
            "CALENDAR_GAP",
            f"The calendar's workday indices don't count 0, 1, 2 and so on: at place {wrong} stands "
            f"{indices[wrong]}.",
            ("calendar_workdays",),
            "Number the workdays from 0 without gaps.",
        )
    for before, after in pairwise(rows):
        if after.date <= before.date:
            yield error(
                "CALENDAR_NOT_ASCENDING",
                f"Workday {after.workday_index} is {after.date}, not after workday {before.workday_index}, "
                f"{before.date}.",
                ("calendar_workdays",),
                "Give each workday a later date than the one before.",
            )
    if rows[0].date < problem.asof_date:
        yield error(
            "CALENDAR_BEFORE_ASOF",
            f"The calendar begins on {rows[0].date}, before {problem.asof_date}, on which the plan starts.",
            ("calendar_workdays",),
            "Begin the calendar with the planning Monday or the first workday after it.",
        )
    yield from _odd_days(problem, [row.date for row in rows])


def _odd_days(problem: FoundryProblem, dates: Sequence[date]) -> Iterator[Finding]:
    clash = sorted(set(dates) & set(problem.holidays))
    if clash:
        yield warning(
            "HOLIDAY_IN_CALENDAR",
            f"{say_some([str(day) for day in clash])} stand both in the calendar and among the holidays.",
            ("calendar_workdays",),
            "The calendar counts: they are working days.",
        )
    first = WorkCalendar(problem.asof_date, (), problem.holidays).date_of(0)
    if dates[0] > first and is_workday(first):
        yield warning(
            "CALENDAR_STARTS_LATE",
            f"The calendar begins on {dates[0]}; {first} would be a working day.",
            ("calendar_workdays",),
            "Nothing is planned before the calendar's first day; add the days if the shop works.",
        )


def _settings(problem: FoundryProblem) -> Iterator[Finding]:
    settings = problem.settings
    if settings.policy == "LEXICOGRAPHIC" and settings.late_weight == 0:
        yield error(
            "LATE_WEIGHT_ZERO",
            "Late units come first under LEXICOGRAPHIC, but late_weight is 0.",
            ("settings", "late_weight"),
            "Give late_weight a value above 0.",
        )
    elif settings.policy == "WEIGHTED" and settings.late_weight < settings.switch_weight:
        yield warning(
            "LATE_CHEAPER_THAN_CHANGE",
            f"A late unit weighs {settings.late_weight}, less than a pattern change with "
            f"{settings.switch_weight}.",
            ("settings", "late_weight"),
            "Orders will be late to spare changes; raise late_weight if that is not meant.",
        )
    if settings.stability_weight > 0 and problem.previous_plan is None:
        yield warning(
            "NOTHING_TO_STAY_CLOSE_TO",
            "stability_weight is above 0, but there is no previous plan.",
            ("settings", "stability_weight"),
            "The setting is ignored; hand in previous_plan to keep the plan stable.",
        )


def _frozen(problem: FoundryProblem) -> Iterator[Finding]:
    if problem.frozen_days and problem.previous_plan is None:
        yield error(
            "FROZEN_WITHOUT_PREVIOUS_PLAN",
            f"{problem.frozen_days} days are frozen, but there is no previous plan that they could equal.",
            ("frozen_days",),
            "Hand in previous_plan, or set frozen_days to 0.",
        )


# Whether it can be planned


class _Shop:
    """The problem with what several checks ask for."""

    def __init__(self, problem: FoundryProblem) -> None:
        self.problem = problem
        self.calendar = WorkCalendar.of(problem)
        self.parts = {part.part_id: part for part in problem.parts}
        self.credit = {row.order_id: row.molded_qty_credit for row in problem.initial_order_progress}
        self.due = {o.order_id: self.calendar.index_on_or_before(o.due_date) for o in problem.orders}

    def part(self, order: Order) -> Part:
        """Part of an order."""
        return self.parts[order.part_id]

    def remaining(self, order: Order) -> int:
        """Units left to mold."""
        return max(0, order.qty - self.credit.get(order.order_id, 0))

    def open_orders(self) -> Iterator[tuple[int, Order]]:
        """Orders with units left to mold, with their positions."""
        for position, order in enumerate(self.problem.orders):
            if self.remaining(order):
                yield position, order

    def last_on_time(self, order: Order) -> int:
        """Last molding day that is on time; negative if none."""
        return self.due[order.order_id] - delivery_lag(self.part(order))


def _nothing_to_plan(shop: _Shop) -> Iterator[Finding]:
    if not any(shop.open_orders()):
        many = len(shop.problem.orders)
        found = f"all units of {say_count(many, 'order')} are molded" if many else "there are no orders"
        yield warning(
            "NOTHING_TO_PLAN",
            f"Nothing is left to mold: {found}.",
            ("orders",),
            "The plan will be empty; hand in the orders that are missing, if any are.",
        )


def _credits(shop: _Shop) -> Iterator[Finding]:
    orders = {order.order_id: order for order in shop.problem.orders}
    for position, row in enumerate(shop.problem.initial_order_progress):
        qty = orders[row.order_id].qty
        if row.molded_qty_credit > qty:
            yield warning(
                "CREDIT_ABOVE_QTY",
                f"Order {row.order_id} has {row.molded_qty_credit} units molded, of {qty} ordered.",
                ("initial_order_progress", position, "molded_qty_credit"),
                "Nothing more is planned for it; correct the credit if it is wrong.",
            )
    expected: Counter[str] = Counter()
    for delivery in shop.problem.expected_deliveries:
        expected[delivery.order_id] += delivery.qty
    for order_id, qty in expected.items():
        if qty > shop.credit.get(order_id, 0):
            yield warning(
                "EXPECTED_ABOVE_CREDIT",
                f"Order {order_id} expects {qty} units, but only {shop.credit.get(order_id, 0)} are molded.",
                ("expected_deliveries",),
                "Correct its credit or its expected deliveries; the plan goes by the credit.",
            )


def _capacities(shop: _Shop) -> Iterator[Finding]:
    needed = [shop.part(order) for _, order in shop.open_orders()]
    resources = shop.problem.resources
    zero = {
        "max_patterns": bool(needed),
        "molding_max_per_day": bool(needed),
        "molding_max_same_part_per_day": bool(needed),
        "pour_max_ton_per_day": any(kilograms(part.gross_weight_ton) for part in needed),
        **{f"flasks_{size}": any(part.flask_size == size for part in needed) for size in FLASK_SIZES},
    }
    found = False
    for name, is_needed in zero.items():
        if getattr(resources, name) == 0:
            found = found or is_needed
            yield (error if is_needed else warning)(
                "ZERO_CAPACITY",
                f"{name} is 0" + (", but open orders need it." if is_needed else "; no open order needs it."),
                ("resources", name),
                "Give the capacity of a usual day."
                if is_needed
                else "Correct it before such an order comes.",
            )
    if not found:
        yield from _too_heavy(shop)


def _too_heavy(shop: _Shop) -> Iterator[Finding]:
    most = kilograms(shop.problem.resources.pour_max_ton_per_day)
    open_parts = {order.part_id for _, order in shop.open_orders()}
    for position, part in enumerate(shop.problem.parts):
        kg = kilograms(part.gross_weight_ton)
        if part.part_id in open_parts and kg > most:
            yield error(
                "PART_TOO_HEAVY",
                f"Part {part.part_id} takes {kg} kg a mold, the shop pours at most {most} kg a day.",
                ("parts", position, "gross_weight_ton"),
                "Correct the weight or pour_max_ton_per_day; is one of them in kilograms?",
            )


def _initial_state(shop: _Shop) -> Iterator[Finding]:
    problem = shop.problem
    for size in FLASK_SIZES:
        rows = [row for row in problem.initial_flask_inuse if row.flask_size == size]
        owned, held = (
            problem.resources.flasks(size),
            sum(r.qty_inuse for r in rows if r.release_workday_index > 0),
        )
        if held > owned:
            free = min(
                r.release_workday_index
                for r in rows
                if sum(q.qty_inuse for q in rows if q.release_workday_index > r.release_workday_index)
                < max(1, owned)
            )
            yield warning(
                "FLASKS_OVERFULL",
                f"{held} flasks {size} are in use on day 0, the shop has {owned}.",
                ("initial_flask_inuse",),
                f"No mold of size {size} is planned before day {free}; correct the count if it is wrong.",
            )
    committed: Counter[int] = Counter()
    for position, load in enumerate(problem.initial_pour_load):
        committed[load.workday_index] += kilograms(load.tons_committed)
        if load.workday_index < 0:
            yield warning(
                "POUR_BEFORE_PLAN",
                f"Metal is committed on workday {load.workday_index}, before the plan starts.",
                ("initial_pour_load", position, "workday_index"),
                "The row is ignored.",
            )
    most = kilograms(problem.resources.pour_max_ton_per_day)
    for day, kg in sorted(committed.items()):
        if kg > most and day >= 0:
            yield warning(
                "METAL_OVERCOMMITTED",
                f"{kg} kg are committed on workday {day}, the shop pours at most {most} kg.",
                ("initial_pour_load",),
                "No other metal is planned on that day; correct the tons if they are wrong.",
            )
    yield from _loaded(shop)


def _loaded(shop: _Shop) -> Iterator[Finding]:
    orders = {order.order_id: order for order in shop.problem.orders}
    loaded = [row.order_id for row in shop.problem.initial_patterns_loaded if row.is_loaded]
    by_part = shop.problem.settings.pattern_unit == "PART"
    units = {orders[order_id].part_id if by_part else order_id for order_id in loaded}
    if len(units) > shop.problem.resources.max_patterns:
        yield warning(
            "MORE_LOADED_THAN_PLACES",
            f"{len(units)} patterns are loaded, the line has {shop.problem.resources.max_patterns} places.",
            ("initial_patterns_loaded",),
            "Some come off on day 0; correct the table if it is wrong.",
        )
    done = [order_id for order_id in loaded if not shop.remaining(orders[order_id])]
    if done:
        yield warning(
            "LOADED_BUT_DONE",
            f"Of orders whose patterns are loaded nothing is left to mold: {say_some(done)}.",
            ("initial_patterns_loaded",),
            "A pattern like that comes off the line, or stays where that spares a change and the place is "
            "not needed.",
        )


def _due_dates(shop: _Shop) -> Iterator[Finding]:
    given = len(shop.problem.calendar_workdays or ())
    last = shop.calendar.date_of(given - 1) if given else None
    for position, order in shop.open_orders():
        path = ("orders", position, "due_date")
        if shop.due[order.order_id] > LONGEST_DUE_HORIZON:
            yield warning(
                "DUE_FAR_AWAY",
                f"Order {order.order_id} is due on {order.due_date}, more than two years ahead.",
                path,
                "Correct the date if it is wrong; the plan is made as if it were due later than all others.",
            )
        elif last is not None and order.due_date > last and shop.due[order.order_id] >= given:
            yield warning(
                "DUE_OUTSIDE_CALENDAR",
                f"Order {order.order_id} is due on {order.due_date}, the calendar ends on {last}.",
                path,
                "The calendar is extended by Monday to Friday less the holidays.",
            )
        yield from _earliest(shop, order, path)


def _far_pins(shop: _Shop) -> Iterator[Finding]:
    for position, pin in enumerate(shop.problem.pins):
        day = pin.workday_index
        if pin.molds and day > LONGEST_DUE_HORIZON:
            yield warning(
                "PIN_FAR_AWAY",
                f"Order {pin.order_id} is pinned to {say_count(pin.molds, 'mold')} on workday {day}, "
                f"{shop.calendar.date_of(day)}, more than two years ahead.",
                ("pins", position, "workday_index"),
                "Correct the day if it is wrong, counted from 0, the first; the calendar is extended to it, "
                "and a plan of so many days takes long to be proven best.",
            )


def _earliest(shop: _Shop, order: Order, path: tuple[str | int, ...]) -> Iterator[Finding]:
    part, resources = shop.part(order), shop.problem.resources
    lag = delivery_lag(part)
    first, left = shop.last_on_time(order), shop.remaining(order)
    if first < 0:
        yield warning(
            "LATE_BY_LAG",
            f"Order {order.order_id} is due on {order.due_date}; molded on "
            f"{shop.calendar.date_of(0):%A %Y-%m-%d} it is delivered on {shop.calendar.date_of(lag)} at the "
            f"earliest ({lag} working days). {_units(left, 'is', 'are')} late.",
            path,
            "Correct the date if it is wrong: it lies more than a year back."
            if shop.problem.asof_date - order.due_date > LONG_AGO
            else "Agree on a later date with the customer.",
        )
        return
    most = most_in_days(part, resources, first + 1)
    if most_per_day(part, resources) and left > most:
        days = days_needed(part, resources, left)
        if days > LONGEST_HORIZON:  # which is an error of its own
            return
        end = shop.calendar.date_of(days - 1 + lag)
        yield warning(
            "LATE_BY_QUANTITY",
            f"Order {order.order_id} is due on {order.due_date}; {_limit_of_one_part(part, resources, left)} "
            f"its {_units(left, 'is', 'are')} delivered on {end} at the earliest, "
            f"{_units(left - most, 'is', 'are')} late.",
            path,
            "Agree on a part delivery, or raise what limits one part: its cap a day, or its flasks.",
        )


def _limit_of_one_part(part: Part, resources: Resources, molds: int) -> str:
    """Say what sets the days that so many molds take: a day's most, and maybe flasks that come back late."""
    per_day = most_per_day(part, resources)
    if days_needed(part, resources, molds) > math.ceil(molds / per_day):
        flasks = say_count(resources.flasks(part.flask_size), f"{part.flask_size} flask")
        stay = say_count(flask_stay(part), "working day")
        return f"at {say_count(per_day, 'mold')} a day, and with {flasks} that a mold holds for {stay},"
    return f"at {say_count(per_day, 'mold')} a day"


def _pattern_places(shop: _Shop) -> Iterator[Finding]:
    """Find the day up to which the patterns need most places beyond those that there are (trap 8)."""
    resources = shop.problem.resources
    by_part = shop.problem.settings.pattern_unit == "PART"
    wanted: defaultdict[int, list[Order]] = defaultdict(list)
    for _, order in shop.open_orders():
        if shop.last_on_time(order) >= 0 and most_per_day(shop.part(order), resources):
            wanted[shop.last_on_time(order)].append(order)
    units: Counter[str] = Counter()
    days: Counter[str] = Counter()
    worst: tuple[int, int, int, int] = 0, 0, 0, 0
    for day in sorted(wanted):
        for order in wanted[day]:
            unit = order.part_id if by_part else order.order_id
            units[unit] += shop.remaining(order)
            per_day = most_per_day(shop.part(order), resources)
            days[unit] = min(math.ceil(units[unit] / per_day), day + 1)
        needed = days.total()
        worst = max(worst, (needed - resources.max_patterns * (day + 1), needed, day, len(units)))
    over, needed, day, many = worst
    if over > 0:
        yield warning(
            "MORE_ORDERS_THAN_PLACES",
            f"To be on time, {many} {'parts' if by_part else 'orders'} must be molded by "
            f"{shop.calendar.date_of(day)} and need at least {needed} pattern days; by then there are "
            f"{needed - over} on {say_count(resources.max_patterns, 'place')}.",
            ("resources", "max_patterns"),
            "The pattern places are the bottleneck: some of these orders will be late.",
        )


def _beyond_all_horizons(shop: _Shop) -> Iterator[Finding]:
    """Find out by a greedy plan whether all orders are done some day, where that is in doubt."""
    resources = shop.problem.resources
    orders = [(shop.part(order), shop.remaining(order)) for _, order in shop.open_orders()]
    days = [days_needed(part, resources, left) for part, left in orders]
    molds = sum(left for _, left in orders)
    metal = sum(left * kilograms(part.gross_weight_ton) for part, left in orders)
    held: Counter[str] = Counter()
    for part, left in orders:
        held[part.flask_size] += left * flask_stay(part)
    least = max(
        max(days, default=0),
        *(held[size] // max(1, resources.flasks(size)) for size in FLASK_SIZES),
        sum(days) // max(1, resources.max_patterns),
        molds // max(1, resources.molding_max_per_day),
        metal // max(1, kilograms(resources.pour_max_ton_per_day)),
    )
    taken = max(
        shop.problem.frozen_days,
        *(row.release_workday_index for row in shop.problem.initial_flask_inuse),
        *(pin.workday_index for pin in shop.problem.pins),
        0,
    )
    if least + taken <= LONGEST_HORIZON // 2:
        return
    try:
        compile_problem(shop.problem)
    except JobError as fault:
        hint = fault.hint or "Compare the orders with the capacities."
        yield error(fault.code, fault.message, ("orders",), hint)


def _units(many: int, one_verb: str, verb: str) -> str:
    return f"1 unit {one_verb}" if many == 1 else f"{many} units {verb}"
