"""Candidate methods: each estimates every grade's share of its group, as seen from several origins at once.

A method is a function of the evidence alone and answers an (origins, grades) matrix whose rows add up to one
in every group. No method sees a month that its origin could not know. docs/forecast.md holds the mathematics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from solver_jobs.forecast.panel import FloatArray, IntArray, Panel

OVERDISPERSION = 0.05
"""Correlation between heats of one month: what a month tells levels off at 1/0.05 = 20 heats."""
PRIOR_HEATS = 4.0
"""Weight of the long-run mix in the discounted methods, in effective heats."""
SEASON_PRIOR_HEATS = 6.0
"""Weight of the recent mix in the seasonal method, in effective heats."""
SMOOTH_SEASON_PRIOR_HEATS = 15.0
"""The same where neighbouring months count too, which makes the evidence larger."""
SEASON_MONTHS = 13
"""History from which a seasonal method can be tested at all: a month and the same month a year before."""


@dataclass(frozen=True)
class Origins:
    """Points in time from which a month is forecast.

    Attributes
    ----------
    known
        (origins,) how many of the panel's months, from its first, were known.
    target
        (origins,) the month to forecast.
    """

    known: IntArray
    target: IntArray


@dataclass(frozen=True)
class Evidence:
    """A panel as seen from some origins, with what several methods need."""

    panel: Panel
    origins: Origins

    @cached_property
    def membership(self) -> FloatArray:
        """(grades, groups) as in the panel."""
        return self.panel.membership

    @cached_property
    def group_heats(self) -> FloatArray:
        """(months, groups) heats of the group."""
        return self.panel.heats @ self.membership

    @cached_property
    def shares(self) -> FloatArray:
        """(months, grades) share of the group's heats; all zero in a month in which the group stood still."""
        totals = self.group_heats[:, self.panel.group_of]
        return np.divide(self.panel.heats, totals, out=np.zeros_like(totals), where=totals > 0)

    @cached_property
    def made(self) -> FloatArray:
        """(months, grades) one where the grade's group made any heat."""
        return (self.group_heats > 0).astype(np.float64)[:, self.panel.group_of]

    @cached_property
    def effective(self) -> FloatArray:
        """(months, groups) effective heats: n / (1 + rho (n - 1)), the design effect of clustered counts."""
        heats = self.group_heats
        return heats / (1.0 + OVERDISPERSION * (np.maximum(heats, 1.0) - 1.0))

    @cached_property
    def counts(self) -> FloatArray:
        """(months, grades) effective heats of the grade."""
        return self.effective[:, self.panel.group_of] * self.shares

    @cached_property
    def ages(self) -> IntArray:
        """(origins, months) age of a month, in months before the target; -1 where not yet known."""
        age = self.origins.target[:, None] - self.panel.months[None, :]
        return np.where(np.arange(self.panel.months.size)[None, :] < self.origins.known[:, None], age, -1)

    @cached_property
    def long_run(self) -> FloatArray:
        """(origins, grades) mix over all known months; uniform in a group without any."""
        return self.mix((self.ages > 0).astype(np.float64) @ self.counts)

    def normalised(self, weights: FloatArray) -> FloatArray:
        """Scale weights to add up to one in each group; the long-run mix where all are zero."""
        return self._scaled(weights, self.long_run)

    def mix(self, weights: FloatArray) -> FloatArray:
        """Scale weights to add up to one in each group; all grades alike where all are zero."""
        size = np.maximum(self.membership.sum(axis=0), 1.0)[self.panel.group_of]
        return self._scaled(weights, np.broadcast_to(1.0 / size, weights.shape))

    def discount(self, decay: float) -> FloatArray:
        """(origins, months) weight decay**(age - 1) of a known month, zero of an unknown one."""
        return np.where(self.ages > 0, decay ** (np.maximum(self.ages, 1) - 1.0), 0.0)

    def _scaled(self, weights: FloatArray, otherwise: FloatArray) -> FloatArray:
        totals = (weights @ self.membership)[:, self.panel.group_of]
        return np.where(totals > 0, weights / np.where(totals > 0, totals, 1.0), otherwise)


Method = Callable[[Evidence], FloatArray]


def last_share(evidence: Evidence) -> FloatArray:
    """Take the shares of the newest known month in which the group made anything."""
    shares, made = evidence.shares, evidence.made
    months = np.where(made > 0, np.arange(1, len(shares) + 1)[:, None], 0)
    newest = np.vstack(
        [np.zeros((1, shares.shape[1]), dtype=np.int64), np.maximum.accumulate(months, axis=0)]
    )
    padded = np.vstack([np.zeros((1, shares.shape[1])), shares])
    rows = newest[evidence.origins.known].astype(np.int64)
    return evidence.normalised(np.take_along_axis(padded, rows, axis=0))


def mean_share(evidence: Evidence) -> FloatArray:
    """Take the plain mean of the shares of all known months, months of zero included."""
    return evidence.normalised(evidence.discount(1.0) @ evidence.shares)


def discounted(evidence: Evidence, decay: float) -> FloatArray:
    """Take the posterior mean of a Dirichlet: counts that fade by `decay` a month, long-run mix as prior."""
    counts = evidence.discount(decay) @ evidence.counts
    return evidence.normalised(counts + PRIOR_HEATS * evidence.long_run)


def seasonal(evidence: Evidence) -> FloatArray:
    """Take the same month of earlier years, shrunk to the recent mix, which stands in where none is known."""
    same = ((evidence.ages > 0) & (evidence.ages % 12 == 0)).astype(np.float64)
    return evidence.normalised(same @ evidence.counts + SEASON_PRIOR_HEATS * discounted(evidence, 0.8))


def smooth_seasonal(evidence: Evidence) -> FloatArray:
    """As `seasonal`, with the months before and after counting half."""
    ages = evidence.ages
    phase = ages % 12
    weight = np.where(phase == 0, 1.0, np.where((phase == 1) | (phase == 11), 0.5, 0.0))
    weight[ages < 11] = 0.0
    return evidence.normalised(
        weight @ evidence.counts + SMOOTH_SEASON_PRIOR_HEATS * discounted(evidence, 0.8)
    )


def tsb(evidence: Evidence, occurrence: float, size: float) -> FloatArray:
    """Probability that the grade is made times its share when made, each smoothed by its own rate.

    The probability is updated in every month, the share only when the grade is made, as in Teunter, Syntetos
    and Babai, "Intermittent demand: linking forecasting to inventory obsolescence", EJOR 214 (2011).
    """
    shares, made = evidence.shares, evidence.made
    probability = np.zeros((len(shares) + 1, shares.shape[1]))
    level = np.zeros_like(probability)
    started = np.zeros(shares.shape[1], dtype=np.bool_)
    for month, share in enumerate(shares):
        is_made = share > 0
        rate = np.where(started, occurrence, 1.0) * made[month]
        probability[month + 1] = probability[month] + rate * (is_made - probability[month])
        rate = np.where(level[month] > 0, size, 1.0) * is_made
        level[month + 1] = level[month] + rate * (share - level[month])
        started |= made[month] > 0
    known = evidence.origins.known
    return evidence.normalised(probability[known] * level[known])


def switching(evidence: Evidence, decay: float, size: float) -> FloatArray:
    """As `tsb`, with the probability that follows from whether the grade was made last month.

    A two-state Markov chain per grade, its transition counts fading by `decay`, shrunk by one observation to
    the grade's overall frequency: it tells campaigns that persist from campaigns that alternate.
    """
    chain = _transition_probabilities(evidence, decay)
    shares = evidence.shares
    level = np.zeros((len(shares) + 1, shares.shape[1]))
    for month, share in enumerate(shares):
        rate = np.where(level[month] > 0, size, 1.0) * (share > 0)
        level[month + 1] = level[month] + rate * (share - level[month])
    known, target = evidence.origins.known, evidence.origins.target
    newest = evidence.panel.months[np.maximum(known - 1, 0)]
    from_idle, from_made, state = (values[known] for values in chain)
    probability = np.where(state > 0, from_made, from_idle)
    for step in range(1, int((target - newest).max(initial=1))):
        onwards = from_idle + (from_made - from_idle) * probability
        probability = np.where((target - newest > step)[:, None], onwards, probability)
    return evidence.normalised(probability * level[known])


def _transition_probabilities(evidence: Evidence, decay: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Three (months + 1, grades) matrices: P(made | idle before), P(made | made before), newest state.

    Months in which the whole group stood still tell nothing about its grades and are stepped over.
    """
    shares, made = evidence.shares, evidence.made
    shape = (len(shares) + 1, shares.shape[1])
    from_idle, from_made, states = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    ups = np.zeros((2, shape[1]))
    stays = np.zeros((2, shape[1]))
    hits, seen = np.zeros(shape[1]), np.zeros(shape[1])
    for month in range(shape[0]):
        frequency = (hits + 0.5) / (seen + 1.0)
        from_idle[month], from_made[month] = (ups + frequency) / (ups + stays + 1.0)
        if month == len(shares):
            break
        now = (shares[month] > 0).astype(np.float64)
        run = made[month]
        before = np.stack([1.0 - states[month], states[month]]) * (seen > 0) * run
        fade = np.where(run > 0, decay, 1.0)
        ups, stays = ups * fade + before * now, stays * fade + before * (1.0 - now)
        hits, seen = hits * fade + now * run, seen * fade + run
        states[month + 1] = np.where(run > 0, now, states[month])
    return from_idle, from_made, states


def balanced(evidence: Evidence, decay: float, steps: int = 9) -> FloatArray:
    """Find the shares that misallocate least: the same quantile of every grade's discounted past shares.

    Minimising the expected sum of |share - forecast| under a fixed sum asks for one probability level at
    which all grades of a group are cut (the Lagrange condition of the constrained newsvendor). Bisection
    finds it, and the two neighbouring steps are mixed so that the shares add up to one.
    """
    panel = evidence.panel
    if panel.months.size == 0:
        return evidence.long_run
    order = np.argsort(evidence.shares, axis=0, kind="stable")
    rising = np.take_along_axis(evidence.shares, order, axis=0)
    mass = evidence.discount(decay)[:, :, None] * evidence.effective[None]
    total = mass.sum(axis=1, keepdims=True)
    mass = (mass / np.where(total > 0, total, 1.0)).astype(np.float32)
    level = np.cumsum(mass[:, order, panel.group_of[None, :]], axis=1)
    column = np.arange(panel.group_of.size)[None, :]

    def cut(probability: FloatArray) -> FloatArray:
        threshold = (probability[:, panel.group_of] - 1e-6).astype(np.float32)
        index = np.count_nonzero(level < threshold[:, None, :], axis=1)
        chosen: FloatArray = rising[np.minimum(index, len(rising) - 1), column]
        return chosen

    low = np.zeros((level.shape[0], len(panel.groups)))
    high = np.ones_like(low)
    under, over = np.zeros((level.shape[0], panel.group_of.size)), cut(high)
    for _ in range(steps):
        middle = (low + high) / 2
        shares = cut(middle)
        short = shares @ evidence.membership < 1
        low, high = np.where(short, middle, low), np.where(short, high, middle)
        is_short = short[:, panel.group_of]
        under, over = np.where(is_short, shares, under), np.where(is_short, over, shares)
    below, above = under @ evidence.membership, over @ evidence.membership
    mix = np.divide(1 - below, above - below, out=np.ones_like(below), where=above > below)
    return evidence.normalised(under + np.clip(mix, 0, 1)[:, panel.group_of] * (over - under))


DEFAULT_METHOD = "discounted 0.75"
"""Used where there are too few origins to choose by; bench/forecast.py compares it with the others."""

_ALWAYS: dict[str, Method] = {
    "last share": last_share,
    "mean share": mean_share,
    "discounted 0.50": lambda evidence: discounted(evidence, 0.50),
    "discounted 0.65": lambda evidence: discounted(evidence, 0.65),
    "discounted 0.75": lambda evidence: discounted(evidence, 0.75),
    "discounted 0.85": lambda evidence: discounted(evidence, 0.85),
    "discounted 0.95": lambda evidence: discounted(evidence, 0.95),
    "TSB 0.2": lambda evidence: tsb(evidence, 0.2, 0.1),
    "TSB 0.5": lambda evidence: tsb(evidence, 0.5, 0.3),
    "switching": lambda evidence: switching(evidence, 0.95, 0.2),
    "balanced 0.80": lambda evidence: balanced(evidence, 0.80),
    "balanced 0.92": lambda evidence: balanced(evidence, 0.92),
}
_WITH_A_YEAR: dict[str, Method] = {"seasonal": seasonal, "smooth seasonal": smooth_seasonal}


def candidates(panel: Panel) -> dict[str, Method]:
    """Name the single methods that the panel's history allows."""
    months = panel.months
    spans_a_year = months.size > 0 and int(months[-1] - months[0]) + 1 >= SEASON_MONTHS
    return _ALWAYS | _WITH_A_YEAR if spans_a_year else _ALWAYS
