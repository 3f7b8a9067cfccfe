"""From shares of a group to whole heats: floors, largest remainder, rounding up."""

from __future__ import annotations

import numpy as np

from solver_jobs.forecast.panel import FloatArray, IntArray

TIE = 1e-9
"""Heats below which remainders are equal and a fraction is none: what binary fractions blur."""


def quotas_above_floors(shares: FloatArray, total: int, floors: IntArray) -> FloatArray:
    """Find fractional heats that add up to `total`, none below its floor, by share elsewhere.

    Solves ``sum(max(floor, level * share)) == total`` for the level: grades whose proportional part falls
    short of what is scheduled get what is scheduled, and the others give way in proportion.

    Parameters
    ----------
    shares
        (grades,) not negative, adding up to one.
    total
        Heats to distribute, at least ``floors.sum()``.
    floors
        (grades,) heats that are scheduled.

    Raises
    ------
    ValueError
        The floors exceed the total.
    """
    if floors.sum() > total:
        raise ValueError(f"floors of {floors.sum()} heats do not fit into a total of {total}")
    held = np.zeros(shares.size, dtype=np.bool_)
    quotas = shares * float(total)
    while True:
        short = ~held & (quotas < floors)
        if not short.any():
            return quotas
        held |= short
        free = shares[~held].sum()
        level = (total - floors[held].sum()) / free if free > 0 else 0.0
        quotas = np.where(held, floors, shares * level)


def largest_remainder(quotas: FloatArray, total: int) -> IntArray:
    """Choose whole heats that add up to `total`, each within one heat of its quota.

    Every quota is rounded down; the heats left over go to the largest remainders. Ties (remainders
    within 1e-9 of each other) go to the larger quota, then to the one that comes first.

    Parameters
    ----------
    quotas
        (grades,) fractional heats, not negative, adding up to `total`.
    total
        Heats to distribute.
    """
    heats = np.floor(quotas + TIE)
    remainders = np.maximum(quotas - heats, 0.0)
    order = np.lexsort((np.arange(quotas.size), -quotas, -np.round(remainders / TIE)))
    left = total - int(heats.sum())
    heats[order[:left]] += 1
    return heats.astype(np.int64)


def round_up(quotas: FloatArray) -> IntArray:
    """Round every quota up to the next whole heat; a quota of none stays none."""
    return np.ceil(quotas - TIE).astype(np.int64)
