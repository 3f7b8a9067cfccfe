"""A Monday at six as a simulation: runs, the dispatcher, Modal's containers, the database's cores.

Nothing here waits: time is simulated by discrete events, and the same seed gives the same Monday.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import simpy

from solver_jobs.handing_over import ASKED_AT_ONCE

Steps: TypeAlias = Generator[simpy.Event, Any, None]


@dataclass(frozen=True, slots=True)
class Effort:
    """What runs of one kind of plant take, as measured.

    Attributes
    ----------
    prepare
        Seconds in which the service reads the plant, checks it and queues the run.
    seconds
        From the claim to the result, one figure a measured run.
    beat_seconds
        Between two signs of life.
    claim, beat, finish
        Seconds that Postgres works for each of these calls.
    """

    prepare: float
    seconds: Sequence[float]
    beat_seconds: float
    claim: float
    beat: float
    finish: float


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is not measured here, with the bounds that are settings.

    Attributes
    ----------
    instances
        Instances of the service, which prepare runs side by side; one of them hands over.
    max_containers
        As `solver_jobs.app` sets it for replans.
    boot_seconds
        Least and most seconds until Modal has a new container up.
    start_seconds
        Seconds until the worker in it is ready to claim.
    idle_seconds
        How long a container without work is kept.
    hand_over_seconds, hand_overs_at_once
        What it takes to hand a run to Modal, and how many are handed over side by side.
    ask_seconds, asked_at_once
        What it takes to ask Modal whether a call has ended, and how many calls are asked for side by side.
    look_seconds
        Between two thorough looks of the dispatcher (POURPLAN_REAP_SECONDS).
    lease_seconds
        After which a silent worker is given up (POURPLAN_LEASE_SECONDS).
    database_cores
        Calls on which Postgres works at the same time.
    """

    instances: int = 1
    max_containers: int = 10
    boot_seconds: tuple[float, float] = (2.0, 8.0)
    start_seconds: float = 2.0
    idle_seconds: float = 60.0
    hand_over_seconds: float = 0.1
    hand_overs_at_once: int = 1
    ask_seconds: float = 0.05
    asked_at_once: int = ASKED_AT_ONCE
    look_seconds: float = 30.0
    lease_seconds: float = 60.0
    database_cores: int = 2


@dataclass(slots=True)
class Run:
    """One run, and when what happened to it, in seconds from six."""

    number: int
    kind: str
    requested: float
    queued: float | None = None
    handed_over: float | None = None
    claimed: float | None = None
    finished: float | None = None
    claims: int = 0
    longest_silence: float = 0.0


@dataclass(slots=True)
class Database:
    """What was asked of Postgres."""

    calls: Counter[str] = field(default_factory=Counter)
    busy_seconds: float = 0.0
    longest_wait: float = 0.0
    by_second: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class Containers:
    """What was had of Modal."""

    started: int = 0
    now: int = 0
    most: int = 0
    seconds: float = 0.0
    """From boot to end, all together: what is paid for."""
    working_seconds: float = 0.0


class Monday:
    """A Monday: `play` lets it pass.

    Parameters
    ----------
    requested
        The second at which each run is asked for, and the kind of its plant.
    efforts
        What each kind takes.
    """

    def __init__(
        self,
        requested: Sequence[tuple[float, str]],
        efforts: Mapping[str, Effort],
        assumptions: Assumptions,
        seed: int = 1,
    ) -> None:
        self._world = simpy.Environment()
        self._random = random.Random(seed)
        self._efforts = efforts
        self._given = assumptions
        self._wake = self._world.event()
        self._instances = simpy.Resource(self._world, capacity=assumptions.instances)
        self._at_modal = simpy.Store(self._world)
        self._free = 0
        self._cores = simpy.Resource(self._world, capacity=assumptions.database_cores)
        self.cores = assumptions.database_cores
        self.runs = [Run(n, kind, at) for n, (at, kind) in enumerate(sorted(requested))]
        self.database = Database()
        self.containers = Containers()

    def play(self) -> None:
        """Let it pass until the last container is gone."""
        for run in self.runs:
            self._world.process(self._prepare(run))
        self._world.process(self._dispatch())
        self._world.run()

    # ------------------------------------------------------------------ the service

    def _prepare(self, run: Run) -> Steps:
        yield self._world.timeout(run.requested)
        with self._instances.request() as instance:
            yield instance
            yield self._world.timeout(self._efforts[run.kind].prepare)
        run.queued = self._world.now
        if not self._wake.triggered:
            self._wake.succeed()

    def _dispatch(self) -> Steps:
        """As `solver_jobs.handing_over`: now and then ask for all calls; then start what is new."""
        next_look = 0.0
        while any(run.claimed is None for run in self.runs):
            thorough = self._world.now >= next_look
            if thorough:
                next_look = self._world.now + self._given.look_seconds
            waiting = [run for run in self.runs if run.queued is not None and run.claimed is None]
            called = [run for run in waiting if run.handed_over is not None]
            for _ in _groups(called if thorough else [], self._given.asked_at_once):
                yield self._world.timeout(self._given.ask_seconds)
            new = [run for run in waiting if run.handed_over is None]
            for group in _groups(new, self._given.hand_overs_at_once):
                yield self._world.all_of([self._world.process(self._hand_over(run)) for run in group])
            yield self._wake | self._world.timeout(max(0.0, next_look - self._world.now))
            self._wake = self._world.event()

    def _hand_over(self, run: Run) -> Steps:
        yield self._world.timeout(self._given.hand_over_seconds)
        run.handed_over = self._world.now
        yield self._at_modal.put(run)
        self._scale_up()
        yield from self._ask_database("hand over", self._efforts[run.kind].beat)

    # ------------------------------------------------------------------ Modal

    def _scale_up(self) -> None:
        waiting = len(self._at_modal.items)
        if waiting > self._free and self.containers.now < self._given.max_containers:
            self._world.process(self._container())

    def _container(self) -> Steps:
        began = self._world.now
        self.containers.started += 1
        self.containers.now += 1
        self.containers.most = max(self.containers.most, self.containers.now)
        self._free += 1
        yield self._world.timeout(self._random.uniform(*self._given.boot_seconds) + self._given.start_seconds)
        while True:
            got = self._at_modal.get()
            yield got | self._world.timeout(self._given.idle_seconds)
            if not got.triggered:
                got.cancel()
                break
            assert isinstance(got.value, Run)
            self._free -= 1
            yield from self._work(got.value)
            self._free += 1
        self._free -= 1
        self.containers.now -= 1
        self.containers.seconds += self._world.now - began

    def _work(self, run: Run) -> Steps:
        effort = self._efforts[run.kind]
        began = self._world.now
        yield from self._ask_database("claim", effort.claim)
        run.claims += 1
        run.claimed = self._world.now
        heart = self._world.process(self._beat(run, effort))
        yield self._world.timeout(self._random.choice(effort.seconds))
        if heart.is_alive:
            heart.interrupt()
        yield from self._ask_database("finish", effort.finish)
        run.finished = self._world.now
        self.containers.working_seconds += self._world.now - began

    def _beat(self, run: Run, effort: Effort) -> Steps:
        try:
            renewed = self._world.now
            while True:
                yield self._world.timeout(effort.beat_seconds)
                yield from self._ask_database("sign of life", effort.beat)
                run.longest_silence = max(run.longest_silence, self._world.now - renewed)
                renewed = self._world.now
        except simpy.Interrupt:
            return

    # ------------------------------------------------------------------ Postgres

    def _ask_database(self, call: str, seconds: float) -> Steps:
        asked = self._world.now
        with self._cores.request() as core:
            yield core
            self.database.longest_wait = max(self.database.longest_wait, self._world.now - asked)
            self.database.calls[call] += 1
            self.database.by_second[int(self._world.now)] += 1
            self.database.busy_seconds += seconds
            yield self._world.timeout(seconds)


def _groups(runs: Sequence[Run], size: int) -> list[Sequence[Run]]:
    return [runs[at : at + size] for at in range(0, len(runs), size)]
