"""Iterations of ruin and recreate, accepted by simulated annealing."""

import math

from solver_jobs.foundry.compiled import compiled, inlined

from .arrays import (
    BEST,
    BLINK,
    CROWD,
    CURRENT,
    FLASK,
    GONE,
    ITERATIONS,
    MINE,
    REMOVED,
    RUNS,
    SEQUENCE,
    W_CONGESTION,
    Bits,
    Floats,
    Ints,
    copy_unit,
    u,
)
from .costs import count_moved
from .random_bits import chance
from .recreate import NO_LIMIT, arrange, insert
from .ruin import choose, put_back, take_out
from .runs import book_unit
from .shared import gather_runs, settle_shared


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
