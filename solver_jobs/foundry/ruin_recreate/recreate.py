"""How units come back into the plan, one after the other."""

from solver_jobs.foundry.compiled import compiled, inlined

from .arrays import (
    DUE,
    HELD,
    KEY,
    KG,
    LINES,
    QTY,
    REMOVED,
    RUNS,
    SEQUENCE,
    STAY,
    UNPLACED,
    W_COST,
    W_MOVED,
    WEIGHT,
    Bits,
    Floats,
    Ints,
)
from .costs import count_moved, settle, weigh
from .random_bits import below
from .runs import forget_own_days
from .shared import insert_shared
from .single import late_runs, on_time_runs

NEVER = 1 << 20
"""Due day of what is late anyway."""
NO_LIMIT = 1e300
"""A cost that no unit reaches."""


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


@compiled
def insert_all(
    unit: Ints, line: Ints, held: Ints, cap: Ints, before: Ints, price: Ints, free: Ints, plan: Ints,
    tmp: Ints, work: Ints, par: Floats, rng: Bits, sequence: Ints,
) -> None:  # fmt: skip
    """Put all units in place, one after the other as `sequence` says."""
    for o in sequence:
        insert(unit, line, free, tmp, plan, held, cap, before, work, rng, par, price, o, 0.0, NO_LIMIT)
