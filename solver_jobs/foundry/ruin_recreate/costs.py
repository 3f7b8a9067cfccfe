"""What a unit of one order costs, by its runs."""

from solver_jobs.foundry.compiled import inlined

from .arrays import (
    CHANGES,
    CHARGE_DAY0,
    COST,
    DUE,
    LATE,
    LOADED,
    MINE,
    MOVED,
    PRICE_CHANGE,
    PRICE_RESTART,
    QTY,
    RUN,
    RUNS,
    TARDY,
    TARDY_BASE,
    TARDY_FACTOR,
    UNPLACED,
    W_COST,
    W_MOVED,
    W_TARDY,
    W_UNPLACED,
    WEIGHT,
    Floats,
    Ints,
    u,
)
from .runs import forget_own_days


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
