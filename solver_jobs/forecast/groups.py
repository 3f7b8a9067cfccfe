"""One group's heats: how many in all, and how many of each grade, in whole heats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver_jobs.forecast.apportion import largest_remainder, quotas_above_floors, round_up
from solver_jobs.forecast.intervals import bounds
from solver_jobs.forecast.panel import FloatArray, IntArray
from solver_jobs.forecast.problem import Rounding

_EQUALLY_LIKELY = np.array([-1.2816, -0.5244, 0.0, 0.5244, 1.2816])
"""Standard normal at 10, 30, 50, 70 and 90%: five totals stand for an uncertain one."""


@dataclass(frozen=True)
class GroupTotal:
    """How many heats a group makes in the month, and why.

    Attributes
    ----------
    ordered
        The order forecast, or None where there is none.
    scheduled
        Heats that the charge schedule holds.
    open
        Equally likely numbers of heats beyond the schedule where there is no order forecast; the middle one
        counts.
    """

    ordered: int | None
    scheduled: int
    open: IntArray

    @property
    def heats(self) -> int:
        """The larger of order forecast and schedule; without order forecast, scheduled and open heats."""
        if self.ordered is not None:
            return max(self.ordered, self.scheduled)
        return self.scheduled + int(self.open[self.open.size // 2])


@dataclass(frozen=True)
class GroupHeats:
    """Heats of a group's grades, all (grades,)."""

    heats: IntArray
    share: FloatArray
    low: IntArray
    high: IntArray


def group_total(
    ordered: int | None, scheduled: int, expected: float, error: float, open_part: float
) -> GroupTotal:
    """Say how many heats the group makes in the month.

    Parameters
    ----------
    ordered
        Order forecast, heats, or None.
    scheduled
        Heats in the charge schedule.
    expected, error
        Heats of a whole month by the group's history, and the relative standard error of that.
    open_part
        Part of the month that the schedule does not cover, 0 to 1.
    """
    possible = np.maximum(expected * open_part * (1 + error * _EQUALLY_LIKELY), 0.0)
    return GroupTotal(ordered, scheduled, np.floor(possible + 0.5).astype(np.int64))


def distribute(
    total: GroupTotal,
    shares: FloatArray,
    committed: IntArray,
    correlation: FloatArray,
    long_run: FloatArray,
    rounding: Rounding,
) -> GroupHeats:
    """Find whole heats of each grade, with their intervals.

    With an order forecast the month's mix is known in all and the scheduled heats are part of it: a floor.
    Without one the schedule is counted, and the shares tell what the days make that it leaves open.
    """
    heats = total.heats
    if total.ordered is not None:
        quotas = quotas_above_floors(shares, heats, committed)
    else:
        quotas = committed + shares * (heats - total.scheduled)
    share = quotas / quotas.sum() if heats > 0 else shares
    whole = round_up(quotas) if rounding == "ROUND_UP" else largest_remainder(quotas, heats)
    if total.ordered is not None:
        low, high = bounds(share, long_run, correlation, np.array([heats]), committed)
    else:
        low, high = bounds(shares, long_run, correlation, total.open, np.zeros_like(committed))
        low, high = low + committed, high + committed
    return GroupHeats(whole, share, np.minimum(low, whole), np.maximum(high, whole))
