"""Which units an iteration takes out of the plan."""

from solver_jobs.foundry.compiled import inlined

from .arrays import (
    CHANGES,
    DUE,
    GONE,
    LATE,
    NEAR,
    REMOVED,
    RUN,
    RUNS,
    SEQUENCE,
    SIZE,
    TOWARDS_LATE,
    UNPLACED,
    Bits,
    Floats,
    Ints,
    copy_unit,
    u,
)
from .costs import weigh
from .random_bits import below, chance
from .runs import book_unit

MOST_REMOVED = 40
FEW, MANY = 7, 14
"""Most units that are taken out beside the first one, in four iterations of ten and in six."""
WIDEST = 4
"""Most days on either side of the middle of what is taken out: units that can take each other's places."""
TRIES = 30
"""Units drawn in search of one whose cost can perhaps be lowered; on a plan that has none any will do."""


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
