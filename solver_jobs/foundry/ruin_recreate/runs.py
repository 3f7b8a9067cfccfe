"""What a run takes of the capacities, mold by mold."""

import numpy as np

from solver_jobs.foundry.compiled import inlined

from .arrays import CAP, FLASK, KG, MINE, MOLDS, OWN, PATTERNS, POUR, RUN, RUNS, SIZE, STAY, TRY, Ints, u

LONG_RUN, IDLE = 40, 12
"""A run ends at a gap of so many days without room, one of a single order only when it is long: such a gap
would hold a place for little, and trying it takes time."""


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
def forget_own_days(tmp: Ints, plan: Ints, o: int) -> None:
    """Clear the days of the runs of a unit from tmp[MINE]."""
    for r in range(RUN, RUN + 2 * plan[o, RUNS], 2):
        for d in range(plan[o, u(r)], plan[o, u(r + 1)] + 1):
            tmp[MINE, u(d)] = 0
