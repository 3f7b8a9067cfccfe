"""What a plan costs, from its arrays: the objective and the tiers below it, as the solver compares plans.

The verifier counts by other code; this one is for the many comparisons while a plan is being made.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .instance import Instance

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Layout:
    """A plan as arrays.

    Attributes
    ----------
    molds
        Molds by order and day.
    on
        1 where the pattern is on the line, by unit (an order, or the orders of a part) and day.
    """

    molds: Ints
    on: Ints


@dataclass(frozen=True, slots=True, order=True)
class Score:
    """Tiers in the order in which plans are compared; the less the better.

    Attributes
    ----------
    objective
        Late units and changes by their weights.
    tardiness
        Working days late x units x priority factor.
    congestion
        Flasks in use above the threshold, summed over sizes and days.
    stability
        Molds moved against the previous plan.
    """

    objective: int
    tardiness: float
    congestion: float
    stability: float


def late_molds(instance: Instance, molds: Ints) -> Ints:
    """Late units of each order."""
    days = np.arange(instance.horizon)
    on_time = molds * (days[None, :] <= instance.last_on_time[:, None])
    return instance.remaining - on_time.sum(axis=1)  # type: ignore[no-any-return]


def changes_of(instance: Instance, on: Ints) -> tuple[Ints, Ints, Ints]:
    """Count starts, stops after day 0, and stops on day 0, of each unit."""
    before = np.hstack([instance.loaded[:, None].astype(np.int64), on[:, :-1]])
    starts = ((on == 1) & (before == 0)).sum(axis=1)
    gone = (on == 0) & (before == 1)
    return starts, gone[:, 1:].sum(axis=1), gone[:, 0].astype(np.int64)


def objective_of(instance: Instance, layout: Layout) -> int:
    """Late units by their weights, changes and restarts."""
    starts, stops, day0 = changes_of(instance, layout.on)
    changes = int(starts.sum() + stops.sum() + (day0.sum() if instance.charge_day0_stops else 0))
    restarts = int(np.maximum(starts - 1, 0).sum())
    late = int((instance.weight * late_molds(instance, layout.molds)).sum())
    return late + instance.switch_weight * changes + instance.restart_weight * restarts


def tardiness_of(instance: Instance, molds: Ints) -> float:
    """Sum over late units of factor x working days from the due day (day 0 if that is past) to delivery."""
    days = np.arange(instance.horizon)[None, :]
    by = days + (instance.lag - np.maximum(instance.due, 0))[:, None]
    late = days > instance.last_on_time[:, None]
    return float((instance.factor * (molds * late * by).sum(axis=1)).sum())


def flask_use(instance: Instance, molds: Ints) -> Ints:
    """Flasks in use by size and day, to the day on which the last one comes back."""
    days = instance.horizon
    width = instance.flasks_initial.shape[1]
    change = np.zeros((len(instance.flasks), width + 1), np.int64)
    for d in range(days):
        made = np.flatnonzero(molds[:, d])
        np.add.at(change, (instance.size[made], np.full(len(made), d)), molds[made, d])
        np.add.at(change, (instance.size[made], d + instance.stay[made]), -molds[made, d])
    use = np.cumsum(change, axis=1)[:, :width]
    return use + instance.flasks_initial


def congestion_of(instance: Instance, molds: Ints) -> float:
    """Flasks in use above the threshold, summed over sizes and days."""
    if instance.congestion_threshold is None:
        return 0.0
    level = instance.congestion_threshold * instance.flasks[:, None]
    return float(np.maximum(flask_use(instance, molds) - level, 0.0).sum())


def stability_of(instance: Instance, molds: Ints) -> float:
    """Molds moved against the previous plan: half the sum of all differences."""
    if not instance.stability:
        return 0.0
    return float(np.abs(molds - instance.previous).sum() + instance.previous_outside) / 2.0


def score(instance: Instance, layout: Layout) -> Score:
    """All tiers of a plan; those that are switched off count nothing."""
    return Score(
        objective_of(instance, layout),
        round(tardiness_of(instance, layout.molds), 6) if instance.tardiness else 0.0,
        round(congestion_of(instance, layout.molds), 6),
        stability_of(instance, layout.molds),
    )
