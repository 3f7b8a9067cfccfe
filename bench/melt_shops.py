"""Melt shops that never were: months of heats per grade, with the troubles that real ones have.

Every kind is a path of log shares, an on/off pattern, and noise: the month's mix is drawn from a Dirichlet
around the path, the heats of the month from a multinomial.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Path = tuple[FloatArray, FloatArray]
"""(months, grades) log shares, and (months, grades) one where the grade may be made."""


@dataclass(frozen=True)
class MeltShop:
    """Heats of a plant: (months, grades), and the group of each grade."""

    heats: FloatArray
    group_of: IntArray


def _still(rng: np.random.Generator, months: int, grades: int) -> Path:
    return np.tile(rng.normal(0, 1.3, grades), (months, 1)), np.ones((months, grades))


def _drift(rng: np.random.Generator, path: Path, step: float) -> Path:
    return path[0] + np.cumsum(rng.normal(0, step, path[0].shape), axis=0), path[1]


def _season(rng: np.random.Generator, path: Path, strength: float) -> Path:
    months, grades = path[0].shape
    phase, swing = rng.uniform(0, 2 * np.pi, grades), rng.gamma(2, strength / 2, grades)
    return path[0] + swing * np.cos(2 * np.pi * np.arange(months)[:, None] / 12 + phase), path[1]


def _regimes(rng: np.random.Generator, path: Path, at_least: int) -> Path:
    """Change two grades in five for good, and drop one in ten, at random months."""
    shares, on = path[0].copy(), path[1].copy()
    months, grades = len(shares), int(shares.shape[1])
    for month in rng.integers(0, months, at_least + rng.poisson(months / 24)):
        changed = rng.random(grades) < 0.4
        shares[month:, changed] += rng.normal(0, 1.3, grades)[changed] - shares[month, changed]
        on[month:] = rng.random(grades) >= 0.1
    return shares, on


def _slow_grades(rng: np.random.Generator, path: Path, part: float) -> Path:
    """Make some grades only now and then, with some of them in spells."""
    on = path[1].copy()
    months, grades = len(on), int(on.shape[1])
    slow, chance, stay = rng.random(grades) < part, rng.uniform(0.1, 0.6, grades), rng.uniform(0, 0.6, grades)
    state = rng.random(grades) < chance
    for month in range(months):
        state = np.where(rng.random(grades) < stay, state, rng.random(grades) < chance)
        on[month, slow] *= state[slow]
    return path[0], on


def _campaigns(rng: np.random.Generator, path: Path) -> Path:
    """Make some grades every second to fifth month, one time in ten against the rule."""
    months, grades = len(path[1]), int(path[1].shape[1])
    rolled = rng.random(grades) < 0.6
    every, first = rng.integers(2, 6, grades), rng.integers(0, 6, grades)
    due = np.equal((np.arange(months)[:, None] + first) % every, 0)
    runs = due ^ (rng.random((months, grades)) < 0.1)
    return path[0], np.where(rolled, runs, path[1])


def _mixed(rng: np.random.Generator, path: Path) -> Path:
    path = _season(rng, _drift(rng, path, 0.08), 0.4)
    return _slow_grades(rng, _regimes(rng, path, 0), 0.35)


KINDS: dict[str, Callable[[np.random.Generator, Path], Path]] = {
    "steady": lambda _rng, path: path,
    "drift": lambda rng, path: _drift(rng, path, 0.15),
    "slow grades": lambda rng, path: _slow_grades(rng, path, 0.6),
    "campaigns": _campaigns,
    "seasonal": lambda rng, path: _season(rng, path, 0.8),
    "regimes": lambda rng, path: _regimes(rng, path, 1),
    "mixed": _mixed,
}
"""What may happen to a plant, by name."""


PATCHWORK = "patchwork"
"""A plant whose groups are each of another kind."""


def melt_shop(kind: str, seed: int, months: int) -> MeltShop:
    """Make a plant of 3 to 6 groups with 2 to 17 grades each and 6 to 250 heats a month in each group."""
    rng = np.random.default_rng([seed, *kind.encode()])
    parts = []
    for _ in range(rng.integers(3, 7)):
        grades = int(rng.integers(2, 18))
        size, concentration = np.exp(rng.uniform(np.log([6, 8]), np.log([250, 150])))
        part_kind = str(rng.choice(list(KINDS))) if kind == PATCHWORK else kind
        path = KINDS[part_kind](rng, _still(rng, months, grades))
        parts.append(_tapped(rng, path, size, concentration))
    group_of = np.repeat(np.arange(len(parts)), [part.shape[1] for part in parts])
    return MeltShop(np.concatenate(parts, axis=1).astype(np.float64), group_of)


def _tapped(rng: np.random.Generator, path: Path, size: float, concentration: float) -> IntArray:
    weight = np.exp(path[0]) * path[1]
    idle = weight.sum(axis=1) == 0
    weight[idle] = np.exp(path[0][idle])
    mix = weight / weight.sum(axis=1, keepdims=True)
    drawn = np.where(mix > 0, rng.gamma(np.maximum(mix * concentration, 1e-9)), 0.0)
    empty = drawn.sum(axis=1) == 0
    drawn[empty] = mix[empty]
    drawn /= drawn.sum(axis=1, keepdims=True)
    heats = np.maximum(rng.poisson(size * np.exp(rng.normal(0, 0.2, len(mix)))), 1)
    return rng.multinomial(heats, drawn)
