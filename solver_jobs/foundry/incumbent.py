"""The best plan and the best bound so far, shared by all that search and prove."""

import math
import threading
from enum import StrEnum

import numpy as np

from .bound import round_up
from .construct import lay_patterns
from .head import objective_lattice
from .instance import Instance
from .score import Layout, Score, score

NOISE, LAST_DIGITS = 1e-6, 1e-15
"""How far a bound told as a float may lie above the whole number meant, and as a share of large ones."""


class Source(StrEnum):
    """Who says that no plan has a smaller objective."""

    FLOORS = "the floors"
    CP_SAT = "CP-SAT"


class Incumbent:
    """The best plan and the best bound so far; safe to use from all threads.

    A plan that keeps every rule is evidence, a bound is a claim: whoever says a bound above the objective of
    such a plan is wrong, and none of its bounds counts any more.
    """

    def __init__(self, instance: Instance, layout: Layout, bound: int) -> None:
        self._lock = threading.Lock()
        self._instance = instance
        self._step, self._offset = objective_lattice(instance)
        self.layout, self.score = layout, score(instance, layout)
        self._bounds: dict[Source, float] = {}
        self.refuted: tuple[Source, ...] = ()
        self.raise_bound(Source.FLOORS, bound)

    @property
    def bound(self) -> int:
        """No plan has a smaller objective."""
        return int(max(self._bounds.values(), default=0))

    @property
    def proven(self) -> bool:
        """Whether the objective of the best plan is its bound."""
        return self.bound >= self.score.objective

    def known(self) -> tuple[Layout, Score, int, tuple[Source, ...]]:
        """Give the best plan, its tiers, the bound and whose bounds are refuted, as of one moment."""
        with self._lock:
            return self.layout, self.score, self.bound, self.refuted

    def offer(self, layout: Layout) -> None:
        """Take a plan if it is whole and better, with the idle pattern days that suit it best."""
        if not np.array_equal(layout.molds.sum(axis=1), self._instance.remaining):
            return
        for candidate in (lay_patterns(self._instance, layout.molds), layout):
            value = score(self._instance, candidate)
            with self._lock:
                if value < self.score:
                    self.layout, self.score = candidate, value
                    self._judge()

    def raise_bound(self, source: Source, value: float) -> None:
        """Take a bound if it is higher; rounded up to what the objective of a best plan can be."""
        with self._lock:
            if source not in self.refuted and value > self._bounds.get(source, 0):
                self._bounds = {**self._bounds, source: self._rounded(value)}
                self._judge()

    def _rounded(self, value: float) -> float:
        if not math.isfinite(value):
            return value
        noise = max(NOISE, LAST_DIGITS * abs(value))
        return round_up(value - noise - self._offset, self._step) + self._offset

    def _judge(self) -> None:
        """Drop the bounds of whoever is refuted by the best plan."""
        held = {source: bound for source, bound in self._bounds.items() if bound <= self.score.objective}
        self.refuted += tuple(source for source in self._bounds if source not in held)
        self._bounds = held
