"""Heats of a group for which nobody forecast orders: from its own history."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver_jobs.forecast.panel import FloatArray, IntArray

DECAY = 0.8
"""Weight of a month, per month of age: the last three months have half of all weight."""
UNTESTED_ERROR = 0.25
"""Relative error assumed while too few months are there to measure it, worth four months of evidence."""
UNTESTED_MONTHS = 4.0


@dataclass(frozen=True)
class TotalsForecast:
    """Expected heats of each group and their relative standard error, both (groups,)."""

    heats: FloatArray
    error: FloatArray


def forecast_totals(group_heats: FloatArray, months: IntArray, target: int) -> TotalsForecast:
    """Discounted mean of past months, with the error that the same mean made in the past.

    Parameters
    ----------
    group_heats
        (months, groups) heats made; months in which a group stood still count as zero.
    months
        (months,) recorded months, rising.
    target
        The month to forecast, later than all of them.
    """
    groups = group_heats.shape[1]
    if months.size == 0:
        return TotalsForecast(np.zeros(groups), np.full(groups, UNTESTED_ERROR))
    ahead = target - int(months[-1])
    age = np.append(months, target)[:, None] - months[None, :]
    weight = np.where(age >= ahead, DECAY ** (np.maximum(age, 1) - 1.0), 0.0)
    has_past = weight.sum(axis=1) > 0
    means = weight @ group_heats / np.where(has_past, weight.sum(axis=1), 1.0)[:, None]
    tested = np.flatnonzero(has_past[:-1])
    squared = ((group_heats[tested] - means[tested]) ** 2).sum(axis=0)
    expected = np.maximum(means[-1], 1.0)
    prior = UNTESTED_MONTHS * (UNTESTED_ERROR * expected) ** 2
    deviation = np.sqrt((squared + prior) / (tested.size + UNTESTED_MONTHS))
    return TotalsForecast(means[-1], deviation / expected)
