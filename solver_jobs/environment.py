"""What a worker is told by its environment, read in this one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from solver_jobs.kinds import SOLVER_THREADS, Kind, kind_of
from solver_jobs.store import DirectStore

_LEASE_SECONDS = 60
_MAX_ATTEMPTS = 3


class EnvironmentWrong(Exception):
    """A worker cannot start; the message names the variable, what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class JobEnvironment:
    """The settings of one worker.

    Attributes
    ----------
    database_url
        Postgres, as the login ``pourplan_jobs`` (``DATABASE_JOBS_URL``).
    lease_seconds
        A worker that says nothing for so long is given up (``POURPLAN_LEASE_SECONDS``).
    max_attempts
        How often a run is claimed at most (``POURPLAN_MAX_ATTEMPTS``).
    solver_threads
        On how many threads a search runs (``POURPLAN_SOLVER_THREADS``).
    """

    database_url: str = field(repr=False)
    lease_seconds: int = _LEASE_SECONDS
    max_attempts: int = _MAX_ATTEMPTS
    solver_threads: int = SOLVER_THREADS

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Read the variables.

        Raises
        ------
        EnvironmentWrong
            One is missing or is not what it should be.
        """
        url = environment.get("DATABASE_JOBS_URL")
        if not url:
            raise EnvironmentWrong(
                "DATABASE_JOBS_URL is not set: a worker reads its run from Postgres as the login "
                "pourplan_jobs. Set it to postgresql://pourplan_jobs:...@host/database."
            )
        return cls(
            database_url=url,
            lease_seconds=_whole(environment, "POURPLAN_LEASE_SECONDS", _LEASE_SECONDS),
            max_attempts=_whole(environment, "POURPLAN_MAX_ATTEMPTS", _MAX_ATTEMPTS),
            solver_threads=_whole(environment, "POURPLAN_SOLVER_THREADS", SOLVER_THREADS),
        )

    def store(self, call_id: str | None) -> DirectStore:
        """Give the door to the runs for the worker that `call_id` names."""
        return DirectStore(
            self.database_url,
            call_id=call_id,
            lease_seconds=self.lease_seconds,
            max_attempts=self.max_attempts,
        )

    def kind_of(self, name: str) -> Kind[Any, Any]:
        """Load what works on runs of a kind, on as many threads as are set."""
        return kind_of(name, self.solver_threads)


def _whole(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise EnvironmentWrong(f"{name} is {text!r}: expected a whole number of at least 1.")
    return int(text)
