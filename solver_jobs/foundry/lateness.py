"""Why an order is late, read off the finished plan.

An order is late because of its lags alone, because of what one part can get at most, or because on the days
that would have helped something is full: for each of those days, what stands in the way of one more mold of
the order, and which orders took it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from solver_jobs.foundry.board import FLASKS, Board
from solver_jobs.foundry.capacity import days_needed, most_in_days, most_per_day
from solver_jobs.foundry.instance import delivery_lag, flask_stay, hours_to_days
from solver_jobs.foundry.problem import FLASK_SIZES, Claim, LateCause, LateOrder, Resource
from solver_jobs.foundry.wording import say_count, say_day, say_days, say_some

_SHARED: tuple[Resource, ...] = (*FLASKS, "PATTERN_PLACES", "METAL", "MOLDING")
"""Resources for which orders compete; of two that are in the way equally often, the first is named first."""
_MOST_CLAIMS = 10
A_WEEK = 5
"""Working days after which whoever asks why an order is late asks why it is so late."""


@dataclass(frozen=True, slots=True)
class _Blame:
    """A resource in the way of an order: on which days, for how many late units, and if even alone."""

    resource: Resource
    days: tuple[int, ...]
    units: int = 0
    alone: bool = False


def late_orders(board: Board) -> Iterator[LateOrder]:
    """Give the late orders with their reasons."""
    for o in range(board.instance.n_orders):
        late = board.late_molds(o)
        if late:
            blames = _blames(board, o, late)
            yield LateOrder(
                order_id=board.problem.orders[o].order_id,
                late_qty=late,
                reason=_reason(board, o, late, blames),
                causes=tuple(_cause(board, o, blame) for blame in blames),
            )


def _blames(board: Board, o: int, late: int) -> list[_Blame]:
    """Split the late units: too late by lags, pinned late, above what the part allows alone, and the rest.

    What others took is the reason for the rest.
    """
    until = int(board.instance.last_on_time[o])
    if until < 0:
        return [_Blame("LAGS", (), late)]
    until = min(until, board.days - 1)
    blames = []
    pins = np.maximum(board.instance.pinned[o], 0)
    pins[: until + 1] = 0
    pinned = min(late, int(pins.sum()))
    if pinned:
        blames.append(_Blame("PINS", tuple(int(d) for d in np.flatnonzero(pins)), pinned))
    left = int(board.instance.remaining[o]) - pinned
    own = left - most_in_days(board.parts[o], board.problem.resources, until + 1)
    own = min(late - pinned, max(0, own))
    if own:
        blames.append(_Blame(_own_limit(board, o, until), tuple(range(until + 1)), own, alone=True))
    rest = late - pinned - own
    return blames + (_shared_blames(board, o, until, rest) if rest else [])


def _own_limit(board: Board, o: int, until: int) -> Resource:
    """Name what keeps an order late even alone in the shop: its cap, its flasks, metal or molding."""
    part, resources = board.parts[o], board.problem.resources
    per_day, days = most_per_day(part, resources), until + 1
    flasks = FLASKS[int(board.instance.size[o])]
    if most_in_days(part, resources, days) < per_day * days:
        return flasks
    if per_day == resources.molding_max_same_part_per_day:
        return "PART_CAP"
    if per_day == resources.flasks(part.flask_size):
        return flasks
    return "MOLDING" if per_day == resources.molding_max_per_day else "METAL"


def _shared_blames(board: Board, o: int, until: int, units: int, since: int = 0) -> list[_Blame]:
    """Name what is full on the days that would have helped, the most frequent first."""
    wanted = np.arange(until + 1) >= since
    full = board.in_the_way(o, until)
    pinned = full.pop("PINS") & wanted
    if (pinned == wanted).all():
        return [_Blame("PINS", tuple(range(since, until + 1)), units)]
    open_days = wanted & ~pinned
    days = {name: tuple(int(d) for d in np.flatnonzero(rows & open_days)) for name, rows in full.items()}
    blocked = np.any(list(full.values()), axis=0)
    if (open_days & ~blocked).any():
        free = tuple(int(d) for d in np.flatnonzero(open_days & ~blocked))
        return [_Blame("CHANGES", free, units)]
    ranked = sorted(
        (name for name in days if days[name]),
        key=lambda name: (-len(days[name]), [*_SHARED, "PART_CAP"].index(name)),
    )
    blames = [_Blame(name, days[name], units if not k else 0) for k, name in enumerate(_needed(ranked, days))]
    if pinned.any():
        blames.append(_Blame("PINS", tuple(int(d) for d in np.flatnonzero(pinned)), 0))
    return blames


def _needed(ranked: list[Resource], days: dict[Resource, tuple[int, ...]]) -> Iterator[Resource]:
    """Leave out resources whose days others before them explain already."""
    seen: set[int] = set()
    for name in ranked:
        if not seen.issuperset(days[name]):
            seen.update(days[name])
            yield name


def _cause(board: Board, o: int, blame: _Blame) -> LateCause:
    dates = board.dates
    return LateCause(
        resource=blame.resource,
        units=blame.units,
        from_date=dates[blame.days[0]] if blame.days else None,
        to_date=dates[blame.days[-1]] if blame.days else None,
        days=len(blame.days),
        taken_by=tuple(_claims(board, o, blame)),
    )


def _claims(board: Board, o: int, blame: _Blame) -> list[Claim]:
    """Tell how much other orders took of a resource on the days on which it is full, the largest first."""
    days = np.array(_full_days(board, o, blame), np.int64)
    if blame.alone or not len(days):
        return []
    i = board.instance
    if blame.resource == "PATTERN_PLACES":
        taken = board.on[:, days].sum(axis=1)
    elif blame.resource in FLASKS:
        taken = np.where(i.size == i.size[o], board.held_by[:, days].sum(axis=1), 0)
    elif blame.resource == "PART_CAP":
        taken = np.where(i.unit == i.unit[o], board.molds[:, days].sum(axis=1), 0)
    elif blame.resource in _SHARED:
        taken = board.molds[:, days].sum(axis=1) * (i.kg if blame.resource == "METAL" else 1)
    else:
        return []
    taken[o] = 0
    order = [int(k) for k in np.argsort(-taken, kind="stable")[:_MOST_CLAIMS] if taken[k] > 0]
    return [Claim(order_id=i.order_ids[k], amount=float(taken[k])) for k in order]


def _from_before(board: Board, o: int, blame: _Blame) -> int:
    """Tell how much earlier weeks took of a resource on the days on which it is full."""
    days = np.array(_full_days(board, o, blame), np.int64)
    i = board.instance
    if blame.resource in FLASKS:
        return int(i.flasks_initial[i.size[o], days].sum())
    if blame.resource == "METAL":
        return int(i.pour_committed[days + 1].sum())
    return 0


def _full_days(board: Board, o: int, blame: _Blame) -> list[int]:
    """Days on which the resource itself is full; for flasks these may come after the molding days."""
    if blame.resource not in FLASKS:
        return list(blame.days)
    full = board.flasks_left[board.instance.size[o]] < 1
    last = min(board.days, blame.days[-1] + int(board.instance.stay[o]))
    return [day for day in range(blame.days[0], last) if full[day]]


# The sentences of a late order


def _reason(board: Board, o: int, late: int, blames: list[_Blame]) -> str:
    i, order = board.instance, board.problem.orders[o]
    left, lag = int(i.remaining[o]), int(i.lag[o])
    many = {1: "Its only", 2: "Both"}.get(left, f"All {left}") if late == left else f"{late} of {left}"
    verb = "is" if late == 1 else "are"
    begin = (
        f"{many} {'unit' if left == 1 else 'units'} {verb} late: due {say_day(order.due_date, board.year)}"
    )
    until = int(i.last_on_time[o])
    if until < 0:
        return f"{begin}, but {_say_lags(board, o)}{_say_wait(board, o)}{_last_delivery(board, o)}"
    begin += (
        f", and it takes {lag} working days from mold to delivery, so molds after "
        f"{say_day(board.dates[until], board.year)} are too late."
    )
    sentences = [_say_blame(board, o, blame) for blame in blames]
    return " ".join([begin, *sentences]) + _say_wait(board, o) + _last_delivery(board, o)


def _say_wait(board: Board, o: int) -> str:
    """Say why an order that is late is not made as soon as it could be.

    One that is late in any plan could be made as soon as alone in the shop; of others it is said only where
    the last unit comes more than a week after the last day on which it would have been on time.
    """
    last, until = int(np.flatnonzero(board.molds[o]).max()), int(board.instance.last_on_time[o])
    alone = days_needed(board.parts[o], board.problem.resources, int(board.instance.remaining[o]))
    since = max(0, until + 1)
    if last < alone or last - since < (A_WEEK if since else 1):
        return ""
    blames = _shared_blames(board, o, last - 1, 0, since)
    if any(blame.resource == "CHANGES" for blame in blames):
        free = say_days(blames[0].days, board.dates, board.year)
        reason = f"Room is left on {free}, but how late it is counts less than pattern changes."
    else:
        reason = " ".join(_say_blame(board, o, blame) for blame in blames)
    return f" {'On the days after' if since else 'What keeps it from being made sooner'}: {reason}"


def _last_delivery(board: Board, o: int) -> str:
    last = int(np.flatnonzero(board.molds[o]).max()) + int(board.instance.lag[o])
    return f" The last unit is delivered on {say_day(board.dates[last], board.year)}."


def _say_lags(board: Board, o: int) -> str:
    part = board.parts[o]
    lag = delivery_lag(part)
    cool, finish = hours_to_days(part.cool_hours), hours_to_days(part.finish_hours)
    return (
        f"a mold of {say_day(board.dates[0], board.year)} is delivered on "
        f"{say_day(board.dates[lag], board.year)} at the earliest ({lag} working days: pour 1, "
        f"cooling {cool}, shakeout 1, finishing {finish}, delivery 1)."
    )


def _say_blame(board: Board, o: int, blame: _Blame) -> str:
    if blame.resource == "CHANGES":
        days = say_days(blame.days, board.dates, board.year)
        proof = "but using it would cost more in pattern changes"
        if board.plan.status != "OPTIMAL":
            proof = "but the search found no plan in which using it would cost less"
        return f"There is room on {days}, {proof}."
    if blame.resource == "PINS":
        days = say_days(blame.days, board.dates, board.year)
        return f"Pins or frozen days decide its molds on {days}."
    if blame.alone:
        return _say_own_limit(board, o, blame)
    full = _full_days(board, o, blame) or list(blame.days)
    days = say_days(full, board.dates, board.year)
    stay = int(board.instance.stay[o])
    held = f" (a mold holds its flask for {stay} working days)" if full != list(blame.days) else ""
    return f"{_say_resource(board, o, blame.resource)} on {days}{held}{_say_claims(board, o, blame)}."


def _say_own_limit(board: Board, o: int, blame: _Blame) -> str:
    part, resources = board.parts[o], board.problem.resources
    days = len(blame.days)
    most = most_in_days(part, resources, days)
    per_day = most_per_day(part, resources)
    limit = {
        "PART_CAP": f"the cap of {say_count(per_day, 'mold')} of one part a day",
        "MOLDING": f"molding with {per_day} a day",
        "METAL": f"the metal for {say_count(per_day, 'mold')} a day",
    }.get(
        blame.resource,
        f"{say_count(resources.flasks(part.flask_size), 'flask')} {part.flask_size}, "
        f"each held for {flask_stay(part)} working days,",
    )
    leave = "leave" if blame.resource in FLASKS and resources.flasks(part.flask_size) != 1 else "leaves"
    return (
        f"Even alone in the shop it gets no more than {say_count(most, 'mold')} by then "
        f"({say_count(days, 'working day')}): {limit} {leave} {say_count(blame.units, 'unit')} late."
    )


def _say_resource(board: Board, o: int, resource: Resource) -> str:
    i = board.instance
    if resource in FLASKS:
        size, owned = FLASK_SIZES[int(i.size[o])], int(i.flasks[i.size[o]])
        return f"All {owned} flasks {size} are in use" if owned != 1 else f"The only flask {size} is in use"
    places = "The only pattern place is taken"
    return {
        "PATTERN_PLACES": places if i.max_patterns == 1 else f"All {i.max_patterns} pattern places are taken",
        "METAL": f"Less than the {int(i.kg[o]):,} kg of a mold is left of the metal for molds made",
        "MOLDING": f"Molding is at its {say_count(i.molding_max, 'mold')}",
        "PART_CAP": f"The cap of {say_count(i.same_part_max, 'mold')} of one part a day is reached",
    }[resource]


def _say_claims(board: Board, o: int, blame: _Blame) -> str:
    amounts = [(claim.amount, claim.order_id) for claim in _claims(board, o, blame)]
    before = _from_before(board, o, blame)
    if before:
        amounts.append((float(before), "earlier molds"))
    amounts.sort(key=lambda pair: -pair[0])
    unit = {"PATTERN_PLACES": "day", "METAL": "kg", "MOLDING": "mold", "PART_CAP": "mold"}
    named = [
        f"{who} ({_say_amount(amount, unit.get(blame.resource, 'flask-day'))})" for amount, who in amounts
    ]
    taken = "by" if blame.resource == "PATTERN_PLACES" or blame.resource in FLASKS else "taken by"
    return f", {taken} {say_some(named)}" if named else ""


def _say_amount(amount: float, unit: str) -> str:
    return f"{amount:,.0f} kg" if unit == "kg" else say_count(amount, unit)
