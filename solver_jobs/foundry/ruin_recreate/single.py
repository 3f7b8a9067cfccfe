"""Best insertion of a unit of one order without pins."""

from solver_jobs.foundry.compiled import inlined

from .arrays import (
    CAP,
    CHANGE,
    FORWARD,
    LOADED,
    MOLDS,
    PATTERNS,
    QTY,
    RUNS,
    SCALE,
    TOP,
    TRY,
    WEIGHT,
    Bits,
    Floats,
    Ints,
    u,
)
from .random_bits import below, chance
from .runs import keep, try_run

ON_TIME = 0.995
"""Share of insertions that look for days on time: now and then a unit leaves its room to others."""
LATE_RUNS = 10
"""Most runs into which molds without a place on time are split; what is left then has no place at all."""


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
