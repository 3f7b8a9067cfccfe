"""80% intervals: how far a month of a grade strays from its share, learnt from how far it strayed before.

A grade's heats are beta-binomial around its share. The correlation rho of the heats of one month is estimated
from the errors of the chosen method at the past origins; where a grade has few of them it is shrunk to its
group's, the group's to the plant's, the plant's to a prior.
"""

from __future__ import annotations

import numpy as np

from solver_jobs.forecast.backtest import Choice
from solver_jobs.forecast.panel import FloatArray, IntArray, Panel

LOWER, UPPER = 0.1, 0.9
"""The interval's probability levels."""
PRIOR_CORRELATION = 0.1
"""Correlation assumed without any evidence."""
PRIOR_TRIALS = 4.0
"""Weight of the level above, in trials."""
LONG_RUN_WEIGHT = 0.15
"""Part of the interval's centre that is the long-run mix: a grade that rests may come back."""
MAX_TRIALS = 512
"""Larger totals are counted in lots, so that a group of any size costs the same."""


def estimate_correlation(panel: Panel, choice: Choice) -> FloatArray:
    """Estimate the correlation rho (grades,) of the heats of one month from the errors of the past.

    At an origin with n heats, a beta-binomial error has the variance p (1 - p) (rho + (1 - rho) / n); the sum
    of squared errors less its sampling part, over what it would be at rho = 1, is the estimate.
    """
    trials = choice.trials
    totals = (panel.heats @ panel.membership)[trials.rows][:, panel.group_of]
    ran = totals >= 1
    actual = np.divide(panel.heats[trials.rows], totals, out=np.zeros_like(totals), where=ran)
    past = _centre(trials.shares, trials.long_run)
    bernoulli = np.where(ran, past * (1 - past), 0.0)
    sampling = np.divide(bernoulli, totals, out=np.zeros_like(totals), where=ran)
    excess = (np.where(ran, (actual - past) ** 2, 0.0) - sampling).sum(axis=0)
    room = (bernoulli - sampling).sum(axis=0)

    count = max(trials.rows.size, 1)
    plant = _shrunk(excess.sum(keepdims=True), room.sum(keepdims=True), count, PRIOR_CORRELATION)
    by_group = panel.membership.T
    group = _shrunk(by_group @ excess, by_group @ room, count, plant)
    grade = _shrunk(excess, room, count, group[panel.group_of])
    correlation: FloatArray = np.clip(grade, 0.001, 0.95)
    return correlation


def _centre(shares: FloatArray, long_run: FloatArray) -> FloatArray:
    return (1 - LONG_RUN_WEIGHT) * shares + LONG_RUN_WEIGHT * long_run


def _shrunk(excess: FloatArray, room: FloatArray, count: int, prior: FloatArray | float) -> FloatArray:
    """Take the ratio of excess to room, as if `PRIOR_TRIALS` more trials had shown the prior."""
    extra = np.maximum(room, 1e-9) * PRIOR_TRIALS / count
    ratio: FloatArray = np.clip((excess + prior * extra) / (np.maximum(room, 1e-9) + extra), 0.0, 1.0)
    return ratio


def bounds(
    shares: FloatArray, long_run: FloatArray, correlation: FloatArray, totals: IntArray, at_least: IntArray
) -> tuple[IntArray, IntArray]:
    """Find the lower and upper heats of each grade, given that it makes `at_least` those.

    Parameters
    ----------
    shares, long_run, correlation
        (grades,) forecast share, share over the whole history, correlation of the heats of one month.
    totals
        (scenarios,) equally likely totals of the group.
    at_least
        (grades,) heats that are certain.
    """
    mean = _centre(shares, long_run)
    lot = max(1, -(-int(totals.max(initial=0)) // MAX_TRIALS))
    trials = -(-totals // lot)
    cumulative = np.zeros((mean.size, int(trials.max(initial=0)) + 1))
    for count in trials:
        cumulative[:, : count + 1] += _beta_binomial_cdf(mean, correlation, int(count))
        cumulative[:, count + 1 :] += 1.0
    cumulative /= trials.size
    floor = at_least // lot
    below = np.where(
        floor > 0, np.take_along_axis(cumulative, np.maximum(floor - 1, 0)[:, None], axis=1)[:, 0], 0.0
    )
    low, high = (
        np.count_nonzero(cumulative < (below + level * (1 - below) - 1e-9)[:, None], axis=1) * lot
        for level in (LOWER, UPPER)
    )
    most = totals.max(initial=0)
    return np.maximum(np.minimum(low, most), at_least), np.maximum(np.minimum(high, most), at_least)


def _beta_binomial_cdf(mean: FloatArray, correlation: FloatArray, trials: int) -> FloatArray:
    """Tabulate the distribution function (grades, trials + 1) by ratios of successive probabilities."""
    concentration = 1 / correlation - 1
    centre = np.clip(mean, 1e-9, 1 - 1e-9)
    alpha = (centre * concentration)[:, None]
    beta = ((1 - centre) * concentration)[:, None]
    k = np.arange(trials, dtype=np.float64)[None, :]
    steps = np.log((trials - k) * (alpha + k)) - np.log((k + 1) * (beta + trials - k - 1))
    logs = np.concatenate([np.zeros((mean.size, 1)), np.cumsum(steps, axis=1)], axis=1)
    mass = np.exp(logs - logs.max(axis=1, keepdims=True))
    cumulative: FloatArray = np.cumsum(mass, axis=1)
    return cumulative / cumulative[:, -1:]
