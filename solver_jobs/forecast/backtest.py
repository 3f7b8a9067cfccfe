"""Which method would have done best on this plant's own past: rolling-origin backtest and choice.

From every origin of the past, each candidate forecasts the month that lay as far ahead as the wanted month
does now, from nothing but what was known then. The misallocated share decides; recent origins weigh more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver_jobs.forecast.panel import FloatArray, IntArray, Panel
from solver_jobs.forecast.shares import DEFAULT_METHOD, Evidence, Origins, candidates

MIN_ORIGINS = 6
"""Origins from which the method is chosen by backtest; with fewer, the default is used."""
MAX_ORIGINS = 24
"""Only the newest origins are tested: older ones would hardly weigh."""
MIN_MONTHS = 2
"""Months that an origin must know."""
SCORE_DECAY = 0.9
"""Weight of an origin, per origin that followed it."""
AVERAGE = "average of all"
WEIGHTED = "weighted by past error"
GROUP_PART = 0.6
"""How much of a method's vote in a group goes by its errors in that group, the rest by those on the plant."""
MARGIN = 0.05
"""By how much of its score another candidate must beat the weighted combination to replace it.

The best of a dozen scores is low by luck too; a combination that learns is the safer of two near equals.
"""
SHARPNESS = 16.0
"""How fast the combination turns to the better candidates, per square root of an origin."""


@dataclass(frozen=True)
class Trials:
    """Forecasts whose outcome is known.

    Attributes
    ----------
    shares, long_run
        (trials, grades) what was forecast, and the mix over all that was known to it.
    rows
        (trials,) the panel's rows that came true.
    """

    shares: FloatArray
    long_run: FloatArray
    rows: IntArray


@dataclass(frozen=True)
class Choice:
    """The method chosen, what it forecasts, and how all candidates did.

    Attributes
    ----------
    method
        Name of the method.
    scores
        Misallocated share of every candidate; empty where the default was taken.
    shares
        (grades,) forecast shares; they add up to one in every group.
    alternatives
        The same of every candidate that was tested, the chosen one included.
    origins
        How many past origins there are to test on.
    long_run
        (grades,) the mix over the whole history.
    trials
        Forecasts whose outcome is known, to learn from how far months stray.
    """

    method: str
    scores: dict[str, float]
    shares: FloatArray
    alternatives: dict[str, FloatArray]
    origins: int
    long_run: FloatArray
    trials: Trials


def choose(panel: Panel, target: int) -> Choice:
    """Choose a method for `target`, a month after all of the panel's."""
    origins, rows = rolling_origins(panel, target)
    evidence = Evidence(panel, origins)
    methods = candidates(panel)
    if rows.size < MIN_ORIGINS:
        shares = methods[DEFAULT_METHOD](evidence)
        return Choice(
            method=DEFAULT_METHOD,
            scores={},
            shares=shares[-1],
            alternatives={DEFAULT_METHOD: shares[-1]},
            origins=rows.size,
            long_run=evidence.long_run[-1],
            trials=_each_month_by_the_others(evidence),
        )
    single = np.stack([method(evidence) for method in methods.values()])
    lost = misallocated_heats(evidence, single[:, :-1], rows)
    combined = np.stack([single.mean(axis=0), _weighted_by_past_error(evidence, single, lost, rows)])
    shares = np.concatenate([single, combined])
    lost = np.concatenate([lost, misallocated_heats(evidence, combined[:, :-1], rows)])
    weight = SCORE_DECAY ** np.arange(rows.size)[::-1]
    total = float(panel.heats[rows].sum(axis=1) @ weight)
    score = np.clip(lost.sum(axis=2) @ weight / total, 0.0, 1.0) if total > 0 else np.zeros(len(shares))
    names = [*methods, AVERAGE, WEIGHTED]
    best, standing = int(np.argmin(score)), names.index(WEIGHTED)
    if score[best] >= (1 - MARGIN) * score[standing]:
        best = standing
    return Choice(
        method=names[best],
        scores=dict(zip(names, score.tolist(), strict=True)),
        shares=shares[best, -1],
        alternatives=dict(zip(names, shares[:, -1], strict=True)),
        origins=rows.size,
        long_run=evidence.long_run[-1],
        trials=Trials(shares[best, :-1], evidence.long_run[:-1], rows),
    )


def _each_month_by_the_others(evidence: Evidence) -> Trials:
    """Forecast every month by the mean of all others: how far months stray in a short history."""
    months = evidence.panel.months.size
    if months <= 1:
        nothing = np.zeros((0, evidence.panel.group_of.size))
        return Trials(nothing, nothing, np.zeros(0, dtype=np.int64))
    others = evidence.mix((np.ones((months, months)) - np.eye(months)) @ evidence.counts)
    return Trials(others, others, np.arange(months))


def rolling_origins(panel: Panel, target: int) -> tuple[Origins, IntArray]:
    """List the past origins, oldest first, then the present one, and the panel's rows to test on."""
    months = panel.months
    ahead = target - int(months[-1]) if months.size else 1
    known = np.searchsorted(months, months - ahead, side="right")
    rows = np.flatnonzero(known >= MIN_MONTHS)[-MAX_ORIGINS:]
    return (
        Origins(known=np.append(known[rows], months.size), target=np.append(months[rows], target)),
        rows,
    )


def misallocated_heats(evidence: Evidence, shares: FloatArray, rows: IntArray) -> FloatArray:
    """Count half the sum of |forecast - actual| (methods, origins, groups), the groups' totals given."""
    actual = evidence.panel.heats[rows]
    totals = evidence.group_heats[rows][:, evidence.panel.group_of]
    lost: FloatArray = np.abs(shares * totals - actual) @ evidence.membership / 2
    return lost


def _weighted_by_past_error(
    evidence: Evidence, single: FloatArray, lost: FloatArray, rows: IntArray
) -> FloatArray:
    """Mix the methods (origins, grades), weighted by exp(-error) as it was known at each origin.

    The exponentially weighted forecaster of prediction with expert advice (Cesa-Bianchi and Lugosi 2006). A
    method's error is partly that on the whole plant and partly that on the group, each relative to the mean
    error of all methods and fading with age.
    """
    totals = evidence.group_heats[rows]
    later = np.maximum(np.arange(rows.size + 1)[:, None] - 1 - np.arange(rows.size)[None, :], 0)
    seen = rows[None, :] < evidence.origins.known[:, None]
    weight = np.where(seen, SCORE_DECAY**later, 0.0)
    of_group = _relative_error(_part(lost, totals), weight)
    of_plant = _relative_error(
        _part(lost.sum(axis=2, keepdims=True), totals.sum(axis=1, keepdims=True)), weight
    )
    error = GROUP_PART * of_group + (1 - GROUP_PART) * of_plant
    vote = np.exp(-SHARPNESS * np.sqrt(seen.sum(axis=1))[:, None] * error)
    vote /= vote.sum(axis=0)
    combined: FloatArray = np.einsum("mog,mog->og", vote[:, :, evidence.panel.group_of], single)
    return combined


def _part(lost: FloatArray, total: FloatArray) -> FloatArray:
    return lost / np.where(total > 0, total, 1.0)


def _relative_error(error: FloatArray, weight: FloatArray) -> FloatArray:
    """Average errors (methods, origins, groups) over earlier origins, as excess over the best method's."""
    mean = np.einsum("mpg,op->mog", error, weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-9))
    level = mean.mean(axis=0)
    relative: FloatArray = (mean - mean.min(axis=0)) / np.where(level > 0, level, 1.0)
    return relative
