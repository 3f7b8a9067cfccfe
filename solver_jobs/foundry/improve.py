"""Ruin and recreate with simulated annealing on pattern runs, compiled by numba.

A *unit* is what shares one pattern: an order, or all orders of a part.  Its *lines* are the orders in it.
A *run* is a unit on consecutive days.  One iteration takes out a few units, near a late one or near each
other in time, puts each back by best insertion of runs, and accepts the outcome by annealing.

All state lives in a few int64 arrays, so that `steps` is called again and again for some milliseconds of
work: between two calls Python looks at the clock, the stop signal and the progress.  The same seed and the
same calls give the same plan.  For speed there is one integer type everywhere, helpers are inlined, and the
hot loops index with ``u(i)``, which spares the test for negative indices.

Capacities stand in `free`, a row per resource and a column per day.  Columns beyond the horizon only carry
flasks: they are never scarce there, but the congestion that a plan causes is counted to its end.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .compiled import compiled, inlined

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bits = npt.NDArray[np.uint64]

PATTERNS, MOLDS, POUR, FLASK = range(4)
"""Rows of ``free``: pattern places, molds, kilograms poured a day later, then flasks, a row for each size."""
SIZE, KG, STAY, QTY, DUE, LOADED, CAP, WEIGHT, TARDY_BASE, TARDY_FACTOR, FIRST, LINES, HELD = range(13)
"""Columns of ``unit``. DUE: last molding day on time, negative if none; from WEIGHT to TARDY_FACTOR those of
the only line; FIRST, LINES: its rows in ``line``; HELD: 1 if pins hold molds or forbid days."""
L_QTY, L_DUE, L_WEIGHT, L_BASE, L_FACTOR = range(5)
"""Columns of ``line``, heaviest first within a unit. L_QTY: molds that no pin has placed."""
LATE, COST, UNPLACED, TARDY, MOVED, CHANGES, RUNS, RUN = range(8)
"""Columns of ``plan``; from RUN on the first and last day of each run, then the molds of each day."""
TRY, TOP, OWN, MINE = range(4)
"""Rows of ``tmp``: molds of a run tried, of the best one so far, own flasks, own days."""
REMOVED, SEQUENCE, KEY, NEAR, GONE, LEFT, UNITS_LATE = range(7)
"""Rows of ``work``."""
(
    BLINK,
    TOWARDS_LATE,
    FORWARD,
    SCALE,
    CHANGE,
    W_COST,
    W_UNPLACED,
    W_TARDY,
    W_MOVED,
    W_CONGESTION,
    CURRENT,
    BEST,
    CROWD,
) = range(13)
"""Entries of ``par``: chances of the moves; SCALE makes the objective's weights comparable with CHANGE, the
cost of a start or stop there; weights of the tiers; cost of the current and of the best plan, congestion
of the current one."""
PRICE_CHANGE, PRICE_RESTART, CHARGE_DAY0 = range(3)
"""Entries of ``price``, in units of the objective."""
ITERATIONS = 0
"""Entry of ``count``."""

NEVER = 1 << 20
FACTOR_SCALE = 1000
"""Tardiness is counted in thousandths, so that priorities keep it whole."""
NO_LIMIT = 1e300
"""A cost that no unit reaches."""
MOST_REMOVED = 40
FEW, MANY = 7, 14
"""Most units that are taken out beside the first one, in four iterations of ten and in six."""
WIDEST = 4
"""Most days on either side of the middle of what is taken out: units that can take each other's places."""
LONG_RUN, IDLE = 40, 12
"""A run ends at a gap of so many days without room, one of a single order only when it is long: such a gap
would hold a place for little, and trying it takes time."""
ON_TIME = 0.995
"""Share of insertions that look for days on time: now and then a unit leaves its room to others."""
LATE_RUNS = 10
"""Most runs into which molds without a place on time are split; what is left then has no place at all."""
TRIES = 30
"""Units drawn in search of one whose cost can perhaps be lowered; on a plan that has none any will do."""
S11, S17, S23, S26, S33 = (np.uint64(i) for i in (11, 17, 23, 26, 33))


@inlined
def u(i: int) -> int:
    """Index without a sign."""
    return np.uint64(i)  # type: ignore[return-value]


@inlined
def draw(rng: Bits) -> np.uint64:
    """Next 64 random bits (xorshift128+, Vigna 2017)."""
    x, y = rng[0], rng[1]
    rng[0] = y
    x ^= x << S23
    x = x ^ y ^ (x >> S17) ^ (y >> S26)
    rng[1] = x
    return x + y  # type: ignore[no-any-return]


@inlined
def below(rng: Bits, n: int) -> int:
    """Whole number from 0 to n - 1."""
    return np.int64((draw(rng) >> S33) % np.uint64(n))  # type: ignore[return-value]


@inlined
def chance(rng: Bits) -> float:
    """Uniform number in [0, 1)."""
    return np.int64(draw(rng) >> S11) * (1.0 / 9007199254740992.0)


@inlined
def weigh(plan: Ints, par: Floats, o: int) -> float:
    """Cost of one unit, congestion apart."""
    return (  # type: ignore[no-any-return]
        par[W_COST] * plan[o, COST]
        + par[W_UNPLACED] * plan[o, UNPLACED]
        + par[W_TARDY] * plan[o, TARDY]
        + par[W_MOVED] * plan[o, MOVED]
    )


@inlined
def fits(free: Ints, tmp: Ints, d: int, m: int, kg: int, flask: int, out: int) -> int:
    """Molds, at most `m`, that molding, metal and flasks allow on day `d`; flasks come back on day `out`."""
    if free[MOLDS, u(d)] < m:
        m = free[MOLDS, u(d)]
    if m > 0 and kg > 0:
        m = min(m, np.int64(np.uint64(free[POUR, u(d)]) // np.uint64(kg)))  # type: ignore[assignment]
    if m > 0:
        for t in range(u(d), u(out)):
            fit = free[flask, t] - tmp[OWN, t]
            if fit < m:
                m = fit
                if m <= 0:
                    break
    return max(m, 0)


@inlined
def try_run(
    unit: Ints, free: Ints, tmp: Ints, o: int, first: int, qty: int, last: int, idle_head: bool
) -> tuple[int, int]:
    """Mold what fits from day `first` on without a break, into tmp[TRY]: (molds placed, their last day)."""
    stay, kg, flask, cap = unit[o, STAY], unit[o, KG], u(FLASK + unit[o, SIZE]), unit[o, CAP]
    left, end, clear, d = qty, -1, first, first
    while d <= last and left > 0 and free[PATTERNS, u(d)] > 0 and not tmp[MINE, u(d)]:
        out = d + stay
        while clear < out:
            tmp[OWN, u(clear)] = 0
            clear += 1
        m = fits(free, tmp, d, min(left, cap), kg, flask, out)
        if d == first and m == 0 and not idle_head:
            break
        tmp[TRY, u(d)] = m
        if m:
            end = d
            left -= m
            for t in range(u(d), u(out)):
                tmp[OWN, t] += m
        if d - first > LONG_RUN and end < d - IDLE and not idle_head:
            break
        d += 1
    return qty - left, end


@inlined
def book(unit: Ints, free: Ints, plan: Ints, held: Ints, o: int, first: int, end: int, sign: int) -> None:
    """Take (-1) or give back (+1) what the run first..end uses, beyond what pins hold for it anyway."""
    stay, kg, flask = unit[o, STAY], unit[o, KG], u(FLASK + unit[o, SIZE])
    x = plan.shape[1] - held.shape[1]
    for d in range(first, end + 1):
        free[PATTERNS, u(d)] += sign * (1 - held[o, u(d)])
        m = sign * plan[o, u(x + d)]
        if m:
            free[MOLDS, u(d)] += m
            free[POUR, u(d)] += m * kg
            for t in range(u(d), u(d + stay)):
                free[flask, t] += m


@inlined
def book_unit(unit: Ints, free: Ints, plan: Ints, held: Ints, o: int, sign: int) -> None:
    """Take or give back all that unit `o` uses."""
    for r in range(RUN, RUN + 2 * plan[o, RUNS], 2):
        book(unit, free, plan, held, o, plan[o, u(r)], plan[o, u(r + 1)], sign)


@inlined
def keep(
    unit: Ints, free: Ints, tmp: Ints, plan: Ints, held: Ints, o: int, first: int, end: int, row: int
) -> None:
    """Make the run in tmp[row] part of the plan."""
    x = plan.shape[1] - held.shape[1]
    r = RUN + 2 * plan[o, RUNS]
    plan[o, RUNS] += 1
    plan[o, r], plan[o, r + 1] = first, end
    for d in range(first, end + 1):
        plan[o, u(x + d)] = tmp[row, u(d)]
        tmp[MINE, u(d)] = 1
    book(unit, free, plan, held, o, first, end, -1)


@inlined
def score_run(
    rng: Bits, mode: int, q: int, left: int, a: int, b: int, due: int, cap: int, weight: float, length: float
) -> float:
    """How good a run of q molds on days a..b is; less is better. The mode breaks ties in four ways."""
    score = -weight * q + length * (b - a + 1)
    if q < left or mode == 2:
        score += 0.3 * chance(rng)
    elif mode == 0:
        score += 1e-3 * (due - b)
    elif mode == 1:
        score += 1e-3 * a
    else:
        score += 0.03 * (min(cap, left) * (b - a + 1) - q) + 1e-4 * a
    return score


@inlined
def best_run(
    unit: Ints, free: Ints, tmp: Ints, rng: Bits, par: Floats, o: int, due: int, left: int, blink: float,
    mode: int, length: float,
) -> tuple[int, int, int]:  # fmt: skip
    """Best run on time for `left` molds, into tmp[TOP]: (molds, first day, last day)."""
    weight, loaded, cap = par[SCALE] * unit[o, WEIGHT], unit[o, LOADED] != 0, unit[o, CAP]
    best, best_q, best_a, best_b = 1e18, 0, 0, 0
    for a in range(due + 1):
        if free[PATTERNS, u(a)] <= 0 or free[MOLDS, u(a)] <= 0 or chance(rng) < blink:
            continue
        head = a == 0 and loaded
        q, b = try_run(unit, free, tmp, o, a, left, due, head)
        if not q:
            continue
        score = score_run(rng, mode, q, left, a, b, due, cap, weight, length) - (par[CHANGE] if head else 0.0)
        if score < best:
            best, best_q, best_a, best_b = score, q, a, b
            for d in range(u(a), u(b + 1)):
                tmp[TOP, d] = tmp[TRY, d]
    return best_q, best_a, best_b


@inlined
def on_time_runs(
    unit: Ints,
    free: Ints,
    tmp: Ints,
    plan: Ints,
    held: Ints,
    rng: Bits,
    par: Floats,
    o: int,
    due: int,
    blink: float,
) -> int:
    """Up to three runs on time, the last one perhaps across the due date; what is left."""
    days, left = held.shape[1], unit[o, QTY]
    mode, length = below(rng, 4), 0.05 * chance(rng)
    weight = par[SCALE] * unit[o, WEIGHT]
    if due < 0 or chance(rng) >= ON_TIME:
        return left  # type: ignore[no-any-return]
    for rounds in range(3):
        q, a, b = best_run(unit, free, tmp, rng, par, o, due, left, blink, mode, length)
        if q == 0 or (q < left and rounds > 0 and weight * q <= par[CHANGE] * (2 + chance(rng))):
            break
        if q < left and chance(rng) < 0.5:
            whole, end = try_run(unit, free, tmp, o, a, left, days - 1, False)
            if whole == left:
                keep(unit, free, tmp, plan, held, o, a, end, TRY)
                return 0
        keep(unit, free, tmp, plan, held, o, a, b, TOP)
        left -= q
        if left == 0:
            break
    return left  # type: ignore[no-any-return]


@inlined
def largest_run(
    unit: Ints, free: Ints, tmp: Ints, o: int, left: int, days: int, forward: bool
) -> tuple[int, int, int]:
    """First run that holds all `left` molds, else the one that holds most, into tmp[TOP]."""
    best_q, best_a, best_b = 0, 0, 0
    for i in range(days):
        a = i if forward else days - 1 - i
        if free[PATTERNS, u(a)] <= 0 or free[MOLDS, u(a)] <= 0:
            continue
        q, b = try_run(unit, free, tmp, o, a, left, days - 1, False)
        if q > best_q:
            best_q, best_a, best_b = q, a, b
            for d in range(u(a), u(b + 1)):
                tmp[TOP, d] = tmp[TRY, d]
            if q == left:
                break
    return best_q, best_a, best_b


@inlined
def late_runs(
    unit: Ints, free: Ints, tmp: Ints, plan: Ints, held: Ints, rng: Bits, par: Floats, o: int, left: int
) -> int:
    """Put what is left anywhere: one whole run, else the largest again and again; what then is left."""
    days = held.shape[1]
    forward = chance(rng) < par[FORWARD]
    start = -1
    if unit[o, LOADED] and plan[o, RUNS] == 0 and chance(rng) < 0.7:
        start = 0
    elif chance(rng) < 0.05:
        start = below(rng, days)
    if start >= 0:
        q, b = try_run(unit, free, tmp, o, start, left, days - 1, start == 0 and unit[o, LOADED] != 0)
        if q == left:
            keep(unit, free, tmp, plan, held, o, start, b, TRY)
            return 0
    for _ in range(LATE_RUNS):
        q, a, b = largest_run(unit, free, tmp, o, left, days, forward)
        if q == 0:
            break
        keep(unit, free, tmp, plan, held, o, a, b, TOP)
        left -= q
        if left == 0:
            break
    return left


@inlined
def charge_changes(unit: Ints, plan: Ints, price: Ints, o: int, joined: int) -> None:
    """Count starts and stops of the runs of `o`, of which `joined` only continue another one.

    A run counts a start and a stop; a loaded pattern spares the start on day 0, and pays a stop when it is
    not there (or nothing, as the specification has it).  Patterns that may stay to the end are dealt with
    by `construct`.
    """
    starts = plan[o, RUNS] - joined
    loaded_first = 0
    if unit[o, LOADED]:
        for r in range(RUN, RUN + 2 * plan[o, RUNS], 2):
            if plan[o, u(r)] == 0:
                loaded_first = 1
        starts -= loaded_first
    changes = 2 * starts + (unit[o, LOADED] if price[CHARGE_DAY0] else loaded_first)
    plan[o, CHANGES] = changes
    plan[o, COST] += price[PRICE_CHANGE] * changes
    if starts > 1:
        plan[o, COST] += price[PRICE_RESTART] * (starts - 1)


@inlined
def count_moved(plan: Ints, before: Ints, held: Ints, o: int) -> None:
    """Sum of differences to the previous plan, which is twice the molds moved."""
    x = plan.shape[1] - held.shape[1]
    moved = 0
    for d in range(before.shape[1]):
        moved += abs(before[o, u(d)])
    for r in range(RUN, RUN + 2 * plan[o, RUNS], 2):
        for d in range(plan[o, u(r)], plan[o, u(r + 1)] + 1):
            moved += abs(plan[o, u(x + d)] - before[o, u(d)]) - abs(before[o, u(d)])
    plan[o, MOVED] = moved


@inlined
def forget_own_days(tmp: Ints, plan: Ints, o: int) -> None:
    """Clear the days of the runs of a unit from tmp[MINE]."""
    for r in range(RUN, RUN + 2 * plan[o, RUNS], 2):
        for d in range(plan[o, u(r)], plan[o, u(r + 1)] + 1):
            tmp[MINE, u(d)] = 0


@inlined
def settle(unit: Ints, tmp: Ints, plan: Ints, held: Ints, price: Ints, o: int) -> None:
    """Count late units, tardiness and changes of a unit of one order without pins."""
    days, due, x = held.shape[1], unit[o, DUE], plan.shape[1] - held.shape[1]
    on_time = tardy = joined = 0
    for r in range(RUN, RUN + 2 * plan[o, RUNS], 2):
        a, b = plan[o, u(r)], plan[o, u(r + 1)]
        if b + 1 < days and tmp[MINE, u(b + 1)]:
            joined += 1
        for d in range(a, b + 1):
            m = plan[o, u(x + d)]
            if d <= due:
                on_time += m
            else:
                tardy += m * (d + unit[o, TARDY_BASE])
    forget_own_days(tmp, plan, o)
    late = unit[o, QTY] - on_time
    plan[o, LATE] = late
    plan[o, TARDY] = tardy * unit[o, TARDY_FACTOR]
    plan[o, COST] = late * unit[o, WEIGHT]
    charge_changes(unit, plan, price, o, joined)


@inlined
def try_shared_run(
    unit: Ints, free: Ints, tmp: Ints, plan: Ints, cap: Ints, o: int, first: int, qty: int, last: int
) -> tuple[int, int, int]:
    """As `try_run`, for a unit with lines or pins: own days cost no place, and a day has a cap of its own.

    (molds placed, last day with molds, days that are not the unit's own yet)
    """
    stay, kg, flask = unit[o, STAY], unit[o, KG], u(FLASK + unit[o, SIZE])
    x = plan.shape[1] - cap.shape[1]
    left, end, clear, d, idle, new, taken = qty, -1, first, first, 0, 0, 0
    while d <= last and left > 0 and (free[PATTERNS, u(d)] > 0 or tmp[MINE, u(d)]) and idle < IDLE:
        out = d + stay
        while clear < out:
            tmp[OWN, u(clear)] = 0
            clear += 1
        m = fits(free, tmp, d, min(left, cap[o, u(d)] - plan[o, u(x + d)]), kg, flask, out)
        if d == first and m == 0:
            break
        tmp[TRY, u(d)] = m
        idle += 1
        new += 1 - tmp[MINE, u(d)]
        if m:
            idle, end, taken = 0, d, new
            left -= m
            for t in range(u(d), u(out)):
                tmp[OWN, t] += m
        d += 1
    return qty - left, end, taken


@inlined
def keep_shared(
    unit: Ints, free: Ints, tmp: Ints, plan: Ints, held: Ints, o: int, first: int, end: int
) -> None:
    """Add the run in tmp[TOP] to what the unit has on these days."""
    stay, kg, flask = unit[o, STAY], unit[o, KG], u(FLASK + unit[o, SIZE])
    x = plan.shape[1] - held.shape[1]
    for d in range(first, end + 1):
        if not tmp[MINE, u(d)]:
            tmp[MINE, u(d)] = 1
            free[PATTERNS, u(d)] -= 1
        m = tmp[TOP, u(d)]
        plan[o, u(x + d)] += m
        free[MOLDS, u(d)] -= m
        free[POUR, u(d)] -= m * kg
        for t in range(u(d), u(d + stay)):
            free[flask, t] -= m


@inlined
def joins(unit: Ints, tmp: Ints, o: int, a: int, b: int, days: int) -> float:
    """Count the changes that the run a..b spares because the pattern is on the line beside it anyway."""
    spared = 0.0
    if tmp[MINE, u(a)] or (a == 0 and unit[o, LOADED] != 0) or (a > 0 and tmp[MINE, u(max(a, 1) - 1)]):
        spared += 1.0
    if tmp[MINE, u(b)] or (b + 1 < days and tmp[MINE, u(min(b + 1, days - 1))]):
        spared += 1.0
    return spared


@inlined
def best_shared_run(
    unit: Ints, free: Ints, tmp: Ints, plan: Ints, cap: Ints, rng: Bits, par: Floats, o: int, last: int,
    left: int, blink: float, weight: float, length: float, slope: float,
) -> tuple[int, int, int, float]:  # fmt: skip
    """Best run for `left` molds of one line by day `last`, into tmp[TOP]: (molds, first, last day, score)."""
    days = cap.shape[1]
    best, best_q, best_a, best_b = 1e18, 0, 0, 0
    for a in range(last + 1):
        if (
            (free[PATTERNS, u(a)] <= 0 and not tmp[MINE, u(a)])
            or free[MOLDS, u(a)] <= 0
            or chance(rng) < blink
        ):
            continue
        q, b, new = try_shared_run(unit, free, tmp, plan, cap, o, a, left, last)
        if not q:
            continue
        score = par[CHANGE] * (2.0 - joins(unit, tmp, o, a, b, days)) - weight * q + length * new + slope * a
        if score < best:
            best, best_q, best_a, best_b = score, q, a, b
            for d in range(u(a), u(b + 1)):
                tmp[TOP, d] = tmp[TRY, d]
    return best_q, best_a, best_b, best


@inlined
def insert_line(
    unit: Ints, line: Ints, free: Ints, tmp: Ints, plan: Ints, held: Ints, cap: Ints, rng: Bits,
    par: Floats, o: int, k: int, left: int, blink: float,
) -> int:  # fmt: skip
    """Put the `left` molds of line `k` in place, on time as far as that pays; what finds no place at all."""
    days = held.shape[1]
    due, weight = min(line[k, L_DUE], days - 1), par[SCALE] * line[k, L_WEIGHT]
    length, slope = 0.05 * chance(rng), 1e-3 * (2.0 * chance(rng) - 1.0)
    for rounds in range(4):
        if due < 0 or left == 0:
            break
        q, a, b, score = best_shared_run(
            unit, free, tmp, plan, cap, rng, par, o, due, left, blink, weight, length, slope
        )
        if q == 0 or (rounds > 0 and score > 0.0):
            break
        keep_shared(unit, free, tmp, plan, held, o, a, b)
        left -= q
    backward = -1e-3 if chance(rng) >= par[FORWARD] else 1e-3
    for _ in range(2 * days):
        if left == 0:
            break
        q, a, b, score = best_shared_run(
            unit, free, tmp, plan, cap, rng, par, o, days - 1, left, 0.0, 1.0, length, backward
        )
        if q == 0:
            break
        keep_shared(unit, free, tmp, plan, held, o, a, b)
        left -= q
    return left


@inlined
def gather_runs(tmp: Ints, plan: Ints, days: int, o: int) -> None:
    """Write the runs of a unit down from its own days, and clear these."""
    r = RUN
    for d in range(days):
        if tmp[MINE, u(d)]:
            if d == 0 or not tmp[MINE, u(max(d, 1) - 1)]:
                plan[o, u(r)] = d
                r += 2
            plan[o, u(r - 1)] = d
    plan[o, RUNS] = (r - RUN) // 2
    for d in range(days):
        tmp[MINE, u(d)] = 0


@inlined
def serve_lines(unit: Ints, line: Ints, work: Ints, o: int, d: int, m: int) -> int:
    """Hand m molds of day d to the heaviest lines that they still serve on time; what is left."""
    for k in range(unit[o, FIRST], unit[o, FIRST] + unit[o, LINES]):
        if m > 0 and line[k, L_DUE] >= d and work[LEFT, k] > 0:
            served = min(m, work[LEFT, k])
            work[LEFT, k] -= served
            m -= served
    return m


@inlined
def settle_shared(unit: Ints, line: Ints, plan: Ints, held: Ints, work: Ints, price: Ints, o: int) -> None:
    """Count late units, tardiness and changes of a unit with lines or pins.

    From the last day back, each mold goes to the heaviest line that is not yet due: that makes the weight
    on time the largest possible (jobs of one length with deadlines; Lawler).  What no line takes is late.
    """
    days, x = held.shape[1], plan.shape[1] - held.shape[1]
    first, last = unit[o, FIRST], unit[o, FIRST] + unit[o, LINES]
    for k in range(first, last):
        work[LEFT, k] = line[k, L_QTY]
    for d in range(days):
        day = days - 1 - d
        m = plan[o, u(x + day)]
        work[UNITS_LATE, day] = serve_lines(unit, line, work, o, day, m) if m > 0 else 0
    late = cost = tardy = 0
    d = 0
    for k in range(first, last):
        left = work[LEFT, k]
        late += left
        cost += left * line[k, L_WEIGHT]
        while left > 0 and d < days:
            m = min(left, work[UNITS_LATE, d])
            tardy += m * (d + line[k, L_BASE]) * line[k, L_FACTOR]
            work[UNITS_LATE, d] -= m
            left -= m
            if left > 0:
                d += 1
    plan[o, LATE], plan[o, COST], plan[o, TARDY] = late, cost, tardy
    charge_changes(unit, plan, price, o, 0)


@compiled
def insert_shared(
    unit: Ints, line: Ints, free: Ints, tmp: Ints, plan: Ints, held: Ints, cap: Ints, work: Ints,
    rng: Bits, par: Floats, price: Ints, o: int, blink: float,
) -> None:  # fmt: skip
    """Best insertion of a unit with lines or pins, line by line."""
    days, x = held.shape[1], plan.shape[1] - held.shape[1]
    for d in range(days):
        tmp[MINE, u(d)] = held[o, u(d)]
        plan[o, u(x + d)] = 0
    first, lines = unit[o, FIRST], unit[o, LINES]
    turn = below(rng, lines) if chance(rng) < 0.3 else 0
    for i in range(lines):
        k = first + (i + turn) % lines
        plan[o, UNPLACED] += insert_line(
            unit, line, free, tmp, plan, held, cap, rng, par, o, k, line[k, L_QTY], blink
        )
    gather_runs(tmp, plan, days, o)
    settle_shared(unit, line, plan, held, work, price, o)


@inlined
def insert(
    unit: Ints, line: Ints, free: Ints, tmp: Ints, plan: Ints, held: Ints, cap: Ints, before: Ints,
    work: Ints, rng: Bits, par: Floats, price: Ints, o: int, blink: float, limit: float,
) -> float:  # fmt: skip
    """Best insertion of unit o, which has no runs now; its cost, or what it is at least, above `limit`."""
    for k in range(RUNS + 1):
        plan[o, k] = 0
    if unit[o, LINES] > 1 or unit[o, HELD]:
        insert_shared(unit, line, free, tmp, plan, held, cap, work, rng, par, price, o, blink)
    else:
        due = min(unit[o, DUE], held.shape[1] - 1)
        left = on_time_runs(unit, free, tmp, plan, held, rng, par, o, due, blink)
        if left > 0:
            late = par[W_COST] * (unit[o, WEIGHT] * left)
            if late > limit:
                forget_own_days(tmp, plan, o)
                return late  # type: ignore[no-any-return]
            plan[o, UNPLACED] = late_runs(unit, free, tmp, plan, held, rng, par, o, left)
        settle(unit, tmp, plan, held, price, o)
    if par[W_MOVED] > 0:
        count_moved(plan, before, held, o)
    return weigh(plan, par, o)


@inlined
def near_day(
    unit: Ints, plan: Ints, rng: Bits, par: Floats, move: int, first: int, window: int, days: int
) -> int:
    """Around which day units are taken out: before the first one's due date, or where it is now."""
    if move < par[TOWARDS_LATE]:
        return max(0, min(days - 1, unit[first, DUE])) - below(rng, window + 1)  # type: ignore[no-any-return]
    if plan[first, RUNS]:
        return plan[first, RUN]  # type: ignore[no-any-return]
    return below(rng, days)


@inlined
def find_near(plan: Ints, work: Ints, early: int, late: int) -> int:
    """Units with a run that touches the days early..late, into work[NEAR]; how many."""
    many = 0
    for o in range(len(plan)):
        if not work[GONE, u(o)]:
            for r in range(RUN, RUN + 2 * plan[u(o), RUNS], 2):
                if plan[u(o), u(r)] <= late and plan[u(o), u(r + 1)] >= early:
                    work[NEAR, u(many)] = o
                    many += 1
                    break
    return many


@inlined
def pick_first(unit: Ints, plan: Ints, rng: Bits, search: bool) -> int:
    """Any unit, or one whose cost can perhaps be lowered."""
    n = len(plan)
    first = below(rng, n)
    if search:
        for _ in range(TRIES):
            if (
                (plan[first, LATE] > 0 and unit[first, DUE] >= 0)
                or plan[first, CHANGES] > 2
                or plan[first, UNPLACED]
            ):
                break
            first = below(rng, n)
    return first


@inlined
def choose(unit: Ints, plan: Ints, work: Ints, rng: Bits, par: Floats, days: int) -> int:
    """Units to take out, into work[REMOVED]: near a late one, near each other in time, or any; how many."""
    n = len(plan)
    k, move = 1 + below(rng, MANY if chance(rng) < 0.6 else FEW), below(rng, 10)
    first, size = pick_first(unit, plan, rng, move < par[TOWARDS_LATE]), 1
    work[REMOVED, 0], work[GONE, first] = first, 1
    if move == 9:
        for _ in range(k):
            o = below(rng, n)
            if not work[GONE, o]:
                work[REMOVED, size], work[GONE, o] = o, 1
                size += 1
        return size
    window = 1 + below(rng, WIDEST)
    middle = near_day(unit, plan, rng, par, move, first, window, days)
    many = find_near(plan, work, max(0, middle) - window, max(0, middle) + window)
    same = chance(rng) < 0.3
    for _ in range(min(k, many)):
        j = below(rng, many)
        o = work[NEAR, j]
        many -= 1
        work[NEAR, j] = work[NEAR, many]
        if not (same and unit[o, SIZE] != unit[first, SIZE] and chance(rng) < 0.7):
            work[REMOVED, size], work[GONE, o] = o, 1
            size += 1
    return size


@inlined
def arrange(unit: Ints, work: Ints, rng: Bits, size: int) -> None:
    """Order of their way back, into work[SEQUENCE]: by due day, flask days, metal, chance, or as drawn."""
    how = below(rng, 5)
    for i in range(size):
        o = work[REMOVED, i]
        if how == 0:
            k = unit[o, DUE] if unit[o, DUE] >= 0 else NEVER
        else:
            k = -unit[o, QTY] * (unit[o, STAY] if how == 1 else unit[o, KG]) if how < 3 else 0
        j = i
        while j > 0 and work[KEY, j - 1] > k:
            work[KEY, j], work[SEQUENCE, j] = work[KEY, j - 1], work[SEQUENCE, j - 1]
            j -= 1
        work[KEY, j], work[SEQUENCE, j] = k, o
    if how == 3:
        for i in range(size - 1, 0, -1):
            j = below(rng, i + 1)
            work[SEQUENCE, i], work[SEQUENCE, j] = work[SEQUENCE, j], work[SEQUENCE, i]


@inlined
def copy_unit(source: Ints, i: int, target: Ints, j: int, x: int) -> None:
    """Copy what is known of one unit; molds only where it has runs."""
    for k in range(RUN + 2 * source[i, RUNS]):
        target[j, u(k)] = source[i, u(k)]
    for r in range(RUN, RUN + 2 * source[i, RUNS], 2):
        for d in range(u(x + source[i, r]), u(x + source[i, r + 1] + 1)):
            target[j, d] = source[i, d]


@inlined
def crowding(free: Ints, level: Floats) -> float:
    """Flasks in use above the threshold, summed over sizes and days: what `free` falls short of `level`."""
    total = 0.0
    for s in range(level.shape[0]):
        for d in range(level.shape[1]):
            over = level[s, d] - free[FLASK + s, d]
            if over > 0.0:
                total += over
    return total


@inlined
def take_out(
    unit: Ints, free: Ints, plan: Ints, old: Ints, held: Ints, work: Ints, par: Floats, size: int
) -> float:
    """Take the chosen units out of the plan, remember them, and say what they cost."""
    x, was = plan.shape[1] - held.shape[1], 0.0
    for i in range(size):
        o = work[REMOVED, i]
        book_unit(unit, free, plan, held, o, 1)
        was += weigh(plan, par, o)
        copy_unit(plan, o, old, i, x)
    return was


@inlined
def put_back(
    unit: Ints, free: Ints, plan: Ints, old: Ints, held: Ints, work: Ints, size: int, placed: int
) -> None:
    """Undo an iteration that had put `placed` of its units in place again."""
    x = plan.shape[1] - held.shape[1]
    for i in range(placed):
        book_unit(unit, free, plan, held, work[SEQUENCE, i], 1)
    for i in range(size):
        copy_unit(old, i, plan, work[REMOVED, i], x)
        book_unit(unit, free, plan, held, work[REMOVED, i], -1)


@inlined
def remember(plan: Ints, best: Ints, par: Floats, x: int) -> None:
    """Keep the current plan when it is the best so far."""
    if par[CURRENT] < par[BEST] - 1e-7:
        par[BEST] = par[CURRENT]
        for o in range(len(plan)):
            copy_unit(plan, o, best, o, x)


@compiled
def steps(
    unit: Ints, line: Ints, held: Ints, cap: Ints, before: Ints, level: Floats, price: Ints, free: Ints,
    plan: Ints, old: Ints, best: Ints, tmp: Ints, work: Ints, par: Floats, floor: Floats, count: Ints,
    rng: Bits, number: int, hot: float, cold: float,
) -> None:  # fmt: skip
    """Take `number` iterations while the temperature falls from hot to cold; best is the best plan so far.

    How much worse a plan may become is drawn before units are put back.  Those that wait cost their `floor`
    at least, so that most plans are known to be rejected long before they are whole.
    """
    temperature = hot
    days, x = held.shape[1], plan.shape[1] - held.shape[1]
    for it in range(number):
        if it & 31 == 0:
            temperature = hot * (cold / hot) ** (it / number)
        size = choose(unit, plan, work, rng, par, days)
        change, crowd = -take_out(unit, free, plan, old, held, work, par, size), 0.0
        arrange(unit, work, rng, size)
        worst, placed = -temperature * math.log(1.0 - chance(rng)), 0
        whole = par[W_CONGESTION] > 0  # congestion may fall: only whole plans tell it
        for i in range(size):
            change += floor[work[REMOVED, i]]
        while placed < size and (change <= worst or whole):
            o = work[SEQUENCE, placed]
            change -= floor[o]
            limit = NO_LIMIT if whole else worst - change
            change += insert(
                unit, line, free, tmp, plan, held, cap, before, work, rng, par, price, o, par[BLINK], limit
            )
            placed += 1
        if whole:
            crowd = crowding(free, level)
            change += par[W_CONGESTION] * (crowd - par[CROWD])
        if placed == size and change <= worst:
            par[CURRENT] += change
            par[CROWD] = crowd
            remember(plan, best, par, x)
        else:
            put_back(unit, free, plan, old, held, work, size, placed)
        for i in range(size):
            work[GONE, work[REMOVED, i]] = 0
    count[ITERATIONS] += number


@compiled
def insert_all(
    unit: Ints, line: Ints, held: Ints, cap: Ints, before: Ints, price: Ints, free: Ints, plan: Ints,
    tmp: Ints, work: Ints, par: Floats, rng: Bits, sequence: Ints,
) -> None:  # fmt: skip
    """Put all units in place, one after the other as `sequence` says."""
    for o in sequence:
        insert(unit, line, free, tmp, plan, held, cap, before, work, rng, par, price, o, 0.0, NO_LIMIT)


@compiled
def load(
    unit: Ints, line: Ints, held: Ints, before: Ints, price: Ints, free: Ints, plan: Ints, tmp: Ints,
    work: Ints, molds: Ints, on: Ints,
) -> None:  # fmt: skip
    """Make `molds` and pattern days `on`, a row per unit, the plan, and book it."""
    days, x = held.shape[1], plan.shape[1] - held.shape[1]
    for o in range(len(plan)):
        for k in range(RUNS + 1):
            plan[o, k] = 0
        for d in range(days):
            tmp[MINE, u(d)] = on[o, u(d)]
            plan[o, u(x + d)] = molds[o, u(d)]
        gather_runs(tmp, plan, days, o)
        book_unit(unit, free, plan, held, o, -1)
        settle_shared(unit, line, plan, held, work, price, o)
        count_moved(plan, before, held, o)


@dataclass(frozen=True, slots=True)
class Shop:
    """The arrays that a search reads and never changes; a row per unit, a column per day.

    Attributes
    ----------
    unit, line
        See the columns above.
    held
        1 where pins hold the pattern on the line.
    cap
        Molds that may be added on a day; 0 where pins forbid it.
    before
        Molds of the previous plan.
    free
        Capacities left for what is not pinned; columns beyond the horizon for flasks alone.
    level
        What must stay free, a row per flask size, for the congestion threshold to be kept.
    price
        Objective of a change and of a restart, and whether day 0 charges for patterns that are taken off.
    """

    unit: Ints
    line: Ints
    held: Ints
    cap: Ints
    before: Ints
    free: Ints
    level: Floats
    price: Ints


@dataclass(frozen=True, slots=True)
class Aim:
    """What a phase of the search minimises, and how it moves.

    Attributes
    ----------
    cost, tardiness, moved, congestion
        Weights of the objective and of the tiers below it.
    change
        Share of the price of a change that counts; less than 1 lets the search split runs freely at first.
    towards_late
        Moves out of ten that start from a late unit.
    forward
        Share of the late units that go to the first place rather than to the last.
    """

    cost: float
    tardiness: float = 0.0
    moved: float = 0.0
    congestion: float = 0.0
    change: float = 1.0
    towards_late: float = 6.0
    forward: float = 0.0


class Search:
    """One annealing search on a shop; deterministic for a seed and a sequence of calls."""

    def __init__(self, shop: Shop, seed: int) -> None:
        n, days = shop.held.shape
        columns = RUN + days + 1 + days
        self._shop = shop
        self._rng = np.array([88172645463325252, 1234567 + 7919 * seed], np.uint64)
        for _ in range(20):
            draw(self._rng)
        self._par = np.zeros(CROWD + 1)
        self._floor = np.zeros(n)
        self._count = np.zeros(1, np.int64)
        self._plan, self._best = np.zeros((n, columns), np.int64), np.zeros((n, columns), np.int64)
        self._old = np.zeros((MOST_REMOVED, columns), np.int64)
        self._tmp = np.zeros((4, shop.free.shape[1]), np.int64)
        self._work = np.zeros((UNITS_LATE + 1, max(n, days, len(shop.line), MOST_REMOVED)), np.int64)
        self._free = shop.free.copy()
        self._price = shop.price.copy()
        self.aim(Aim(cost=1.0))

    @property
    def iterations(self) -> int:
        """Iterations done so far."""
        return int(self._count[ITERATIONS])

    @property
    def complete(self) -> bool:
        """Whether the best plan has a place for each mold."""
        return not self._best[:, UNPLACED].any()

    @property
    def best(self) -> float:
        """Weighted cost of the best plan under the present aim."""
        return float(self._par[BEST])

    @property
    def objective(self) -> int:
        """Late units and changes of the best plan by their weights; idle patterns are not laid yet."""
        return int(self.costs.sum())

    @property
    def costs(self) -> Ints:
        """Late units and changes of each unit of the best plan, by their weights."""
        return self._best[:, COST].copy()

    @property
    def floors(self) -> Ints:
        """What each unit costs in any plan: its changes, and its quantity where all of it is late."""
        unit, price = self._shop.unit, self._price
        changes = np.where(unit[:, LOADED] > 0, price[CHARGE_DAY0], 2)
        late = np.where(unit[:, DUE] < 0, unit[:, QTY] * unit[:, WEIGHT], 0)
        alone = (unit[:, LINES] == 1) & (unit[:, HELD] == 0) & (unit[:, QTY] > 0)
        return np.where(alone, price[PRICE_CHANGE] * changes + late, 0)

    def aim(self, aim: Aim) -> None:
        """Set what is minimised; `begin` or `restart` must follow."""
        par, price = self._par, self._shop.price
        change = int(price[PRICE_CHANGE])
        dearest = max(1, int(self._shop.line[:, L_WEIGHT].max(initial=1)))
        par[SCALE] = 1.0 / change if change else 10.0 / dearest
        par[CHANGE] = aim.change if change else 0.0
        self._price[PRICE_CHANGE] = round(aim.change * change)
        par[BLINK], par[TOWARDS_LATE], par[FORWARD] = 0.1, aim.towards_late, aim.forward
        par[W_COST] = aim.cost * par[SCALE]
        par[W_UNPLACED] = par[W_COST] * 20.0 * max(dearest, change)
        par[W_TARDY], par[W_MOVED] = aim.tardiness / FACTOR_SCALE, aim.moved / 2.0
        par[W_CONGESTION] = aim.congestion
        # With congestion only whole plans are judged, and floors would but cost digits of its large weights.
        self._floor[:] = 0.0 if aim.congestion > 0 else par[W_COST] * self.floors

    def begin(self) -> None:
        """Put all units in place by due date, the larger first."""
        shop = self._shop
        due = np.where(shop.unit[:, DUE] >= 0, shop.unit[:, DUE], NEVER)
        sequence = np.lexsort((-shop.unit[:, QTY], due)).astype(np.int64)
        self._free[:] = shop.free
        self._plan[:] = 0
        insert_all(
            shop.unit, shop.line, shop.held, shop.cap, shop.before, self._price, self._free, self._plan,
            self._tmp, self._work, self._par, self._rng, sequence,
        )  # fmt: skip
        self._weigh()

    def restart(self, molds: Ints, on: Ints) -> None:
        """Continue from a complete plan: molds and pattern days, a row per unit."""
        shop = self._shop
        self._free[:] = shop.free
        self._plan[:] = 0
        load(
            shop.unit, shop.line, shop.held, shop.before, self._price, self._free, self._plan, self._tmp,
            self._work, molds, on,
        )  # fmt: skip
        self._weigh()

    def _weigh(self) -> None:
        """Make the current plan the best one, under the present aim."""
        par = self._par
        par[CROWD] = crowding(self._free, self._shop.level) if par[W_CONGESTION] > 0 else 0.0
        par[CURRENT] = par[W_CONGESTION] * par[CROWD] + sum(
            weigh(self._plan, par, o) for o in range(len(self._plan))
        )
        par[BEST] = par[CURRENT]
        self._best[:] = self._plan

    def run(self, number: int, hot: float, cold: float) -> None:
        """Take `number` iterations while the temperature falls from `hot` to `cold`."""
        shop = self._shop
        steps(
            shop.unit, shop.line, shop.held, shop.cap, shop.before, shop.level, self._price, self._free,
            self._plan, self._old, self._best, self._tmp, self._work, self._par, self._floor, self._count,
            self._rng, number, hot, cold,
        )  # fmt: skip

    def plan(self) -> tuple[Ints, Ints]:
        """Molds that no pin placed and days with the pattern on the line, of the best plan, by unit."""
        n, days = self._shop.held.shape
        x = self._best.shape[1] - days
        molds, on = np.zeros((n, days), np.int64), self._shop.held.copy()
        for o, row in enumerate(self._best):
            for r in range(RUN, RUN + 2 * int(row[RUNS]), 2):
                a, b = row[r], row[r + 1] + 1
                molds[o, a:b] = row[x + a : x + b]
                on[o, a:b] = 1
        return molds, on
