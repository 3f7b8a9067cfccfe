"""The best plan and the best bound so far, shared by all that search and prove."""

import threading

import numpy as np

from .bound import round_up
from .construct import lay_patterns
from .head import objective_lattice
from .instance import Instance
from .score import Layout, Score, score


class Incumbent:
    """The best plan and the best bound so far; safe to use from all threads."""

    def __init__(self, instance: Instance, layout: Layout, bound: int) -> None:
        self._lock = threading.Lock()
        self._instance = instance
        self._step, self._offset = objective_lattice(instance)
        self.layout, self.score = layout, score(instance, layout)
        self.bound = self._rounded(bound)

    @property
    def proven(self) -> bool:
        """Whether the objective of the best plan is its bound."""
        return self.bound >= self.score.objective

    def known(self) -> tuple[Layout, Score, int]:
        """Give the best plan, its tiers and the bound, as of one moment."""
        with self._lock:
            return self.layout, self.score, self.bound

    def offer(self, layout: Layout) -> None:
        """Take a plan if it is whole and better, with the idle pattern days that suit it best."""
        if not np.array_equal(layout.molds.sum(axis=1), self._instance.remaining):
            return
        for candidate in (lay_patterns(self._instance, layout.molds), layout):
            value = score(self._instance, candidate)
            with self._lock:
                if value < self.score:
                    self.layout, self.score = candidate, value

    def raise_bound(self, value: float) -> None:
        """Take a bound if it is higher; rounded up to what the objective of a best plan can be."""
        with self._lock:
            if value > self.bound:
                self.bound = self._rounded(value)

    def _rounded(self, value: float) -> int:
        return min(round_up(value - self._offset, self._step) + self._offset, self.score.objective)
