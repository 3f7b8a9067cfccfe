"""The arrays in which a search keeps its state, by their rows and columns.

All state lives in a few int64 arrays, so that compiled code is called again and again for some milliseconds
of work.  For speed there is one integer type everywhere, and the hot loops index with ``u(i)``, which spares
the test for negative indices.

Capacities stand in `free`, a row per resource and a column per day.  Columns beyond the horizon only carry
flasks: they are never scarce there, but the congestion that a plan causes is counted to its end.
"""

import numpy as np
import numpy.typing as npt

from solver_jobs.foundry.compiled import inlined

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


@inlined
def u(i: int) -> int:
    """Index without a sign."""
    return np.uint64(i)  # type: ignore[return-value]


@inlined
def copy_unit(source: Ints, i: int, target: Ints, j: int, x: int) -> None:
    """Copy what is known of one unit; molds only where it has runs."""
    for k in range(RUN + 2 * source[i, RUNS]):
        target[j, u(k)] = source[i, u(k)]
    for r in range(RUN, RUN + 2 * source[i, RUNS], 2):
        for d in range(u(x + source[i, r]), u(x + source[i, r + 1] + 1)):
            target[j, d] = source[i, d]
