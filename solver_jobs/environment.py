"""What a worker is told by its environment, read in this one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from solver_jobs.kinds import SOLVER_THREADS, Kind, kind_of
from solver_jobs.store import DirectStore

if TYPE_CHECKING:
    from solver_jobs.rpc_store import RpcStore

_LEASE_SECONDS = 60
_MAX_ATTEMPTS = 3


class EnvironmentWrong(Exception):
    """A worker cannot start; the message names the variable, what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class DatabaseDoor:
    """Postgres, as the login ``pourplan_jobs``."""

    url: str = field(repr=False)

    def store(self, call_id: str | None, lease_seconds: int, max_attempts: int) -> DirectStore:
        """Give the door to the runs."""
        return DirectStore(self.url, call_id=call_id, lease_seconds=lease_seconds, max_attempts=max_attempts)


@dataclass(frozen=True, slots=True)
class SupabaseDoor:
    """A Supabase project and its secret key, by HTTP."""

    url: str
    key: str = field(repr=False)

    def store(self, call_id: str | None, lease_seconds: int, max_attempts: int) -> RpcStore:
        """Give the door to the runs."""
        from solver_jobs.rpc_store import RpcStore

        return RpcStore(
            self.url, self.key, call_id=call_id, lease_seconds=lease_seconds, max_attempts=max_attempts
        )


@dataclass(frozen=True, slots=True)
class JobEnvironment:
    """The settings of one worker.

    Attributes
    ----------
    door
        Where the runs stand: Postgres itself (``DATABASE_JOBS_URL``) where that is set, else a Supabase
        project (``SUPABASE_URL`` and ``SUPABASE_SECRET_KEY``).
    lease_seconds
        A worker that says nothing for so long is given up (``POURPLAN_LEASE_SECONDS``).
    max_attempts
        How often a run is claimed at most (``POURPLAN_MAX_ATTEMPTS``).
    solver_threads
        On how many threads a search runs (``POURPLAN_SOLVER_THREADS``).
    """

    door: DatabaseDoor | SupabaseDoor
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
        return cls(
            door=_door(environment),
            lease_seconds=_whole(environment, "POURPLAN_LEASE_SECONDS", _LEASE_SECONDS),
            max_attempts=_whole(environment, "POURPLAN_MAX_ATTEMPTS", _MAX_ATTEMPTS),
            solver_threads=_whole(environment, "POURPLAN_SOLVER_THREADS", SOLVER_THREADS),
        )

    def store(self, call_id: str | None) -> DirectStore | RpcStore:
        """Give the door to the runs for the worker that `call_id` names."""
        return self.door.store(call_id, self.lease_seconds, self.max_attempts)

    def kind_of(self, name: str) -> Kind[Any, Any]:
        """Load what works on runs of a kind, on as many threads as are set."""
        return kind_of(name, self.solver_threads)


def _door(environment: Mapping[str, str]) -> DatabaseDoor | SupabaseDoor:
    if database := environment.get("DATABASE_JOBS_URL"):
        return DatabaseDoor(database)
    url, key = environment.get("SUPABASE_URL"), environment.get("SUPABASE_SECRET_KEY")
    if not url:
        raise EnvironmentWrong(
            "DATABASE_JOBS_URL is not set, nor is SUPABASE_URL: a worker reads its run from Postgres as the "
            "login pourplan_jobs, or through a Supabase project. Set DATABASE_JOBS_URL to "
            "postgresql://pourplan_jobs:...@host/database, or SUPABASE_URL and SUPABASE_SECRET_KEY."
        )
    if not url.startswith(("https://", "http://")):
        raise EnvironmentWrong(f"SUPABASE_URL is {url!r}: expected https://<project>.supabase.co.")
    if not key:
        raise EnvironmentWrong(
            "SUPABASE_URL is set but SUPABASE_SECRET_KEY is not: only the secret key (sb_secret_...) opens "
            "the jobs' functions. Copy it from the project's API settings."
        )
    if key.startswith("sb_publishable_"):
        raise EnvironmentWrong(
            "SUPABASE_SECRET_KEY holds a publishable key, which everybody may have and which opens no run. "
            "Set it to the project's secret key (sb_secret_...)."
        )
    return SupabaseDoor(url, key)


def _whole(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise EnvironmentWrong(f"{name} is {text!r}: expected a whole number of at least 1.")
    return int(text)
