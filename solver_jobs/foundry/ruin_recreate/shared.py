"""Best insertion of a unit of several orders or with pins."""

from solver_jobs.foundry.compiled import compiled, inlined

from .arrays import (
    CHANGE,
    COST,
    FIRST,
    FLASK,
    FORWARD,
    KG,
    L_BASE,
    L_DUE,
    L_FACTOR,
    L_QTY,
    L_WEIGHT,
    LATE,
    LEFT,
    LINES,
    LOADED,
    MINE,
    MOLDS,
    OWN,
    PATTERNS,
    POUR,
    RUN,
    RUNS,
    SCALE,
    SIZE,
    STAY,
    TARDY,
    TOP,
    TRY,
    UNITS_LATE,
    UNPLACED,
    Bits,
    Floats,
    Ints,
    u,
)
from .costs import charge_changes
from .random_bits import below, chance
from .runs import IDLE, fits


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
