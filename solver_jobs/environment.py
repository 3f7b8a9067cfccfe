"""What a worker is told by its environment, read in this one place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Self

from solver_jobs.kinds import SOLVER_THREADS, Kind, kind_of
from solver_jobs.store import DirectStore

if TYPE_CHECKING:
    from solver_jobs.queue import RunQueue
    from solver_jobs.rpc_store import RpcStore
    from solver_jobs.run_tokens import RunTokens

DATABASE = "DATABASE_JOBS_URL"
PROJECT = "SUPABASE_URL"
SECRET_KEY = "SUPABASE_SECRET_KEY"  # noqa: S105 - a name, as are those that follow
PUBLISHABLE_KEY = "SUPABASE_PUBLISHABLE_KEY"
SIGNING_KEY = "SUPABASE_SIGNING_KEY"
LEGACY_SECRET = "SUPABASE_JWT_SECRET"  # noqa: S105
DOOR = "POURPLAN_JOBS_DOOR"

_LEASE_SECONDS = 60
_MAX_ATTEMPTS = 3
_ANSWER_SECONDS = 30.0


class EnvironmentWrong(Exception):
    """A worker cannot start; the message names the variable, what was found and what was expected."""


class Door(Enum):
    """How containers reach the runs, chosen when the app is deployed (``POURPLAN_JOBS_DOOR``)."""

    SECRET_KEY = "secret-key"  # noqa: S105
    """By REST, with the project's secret key."""
    RUN_TOKEN = "run-token"  # noqa: S105
    """By REST, with a token that opens the one run, signed by a key that was imported into the project; only
    the sweep has keys."""
    LEGACY_TOKEN = "legacy-token"  # noqa: S105
    """The same in a project that still signs by its legacy secret."""
    DATABASE = "database"
    """Postgres itself."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Door:
        """Read which one is chosen.

        Raises
        ------
        EnvironmentWrong
            It is none.
        """
        text = environment.get(DOOR) or cls.SECRET_KEY.value
        try:
            return cls(text)
        except ValueError:
            known = ", ".join(door.value for door in cls)
            raise EnvironmentWrong(f"{DOOR} is {text!r}: expected one of {known}.") from None

    @property
    def job_keys(self) -> list[str]:
        """What the secret of those who solve must hold."""
        return {
            Door.SECRET_KEY: [PROJECT, SECRET_KEY],
            Door.RUN_TOKEN: [PROJECT, PUBLISHABLE_KEY],
            Door.LEGACY_TOKEN: [PROJECT, PUBLISHABLE_KEY],
            Door.DATABASE: [DATABASE],
        }[self]

    @property
    def housekeeping_keys(self) -> list[str]:
        """What the secret of those who look after the queue must hold."""
        return {
            Door.RUN_TOKEN: [PROJECT, SECRET_KEY, SIGNING_KEY],
            Door.LEGACY_TOKEN: [PROJECT, SECRET_KEY, LEGACY_SECRET],
        }.get(self, self.job_keys)

    @property
    def by_token(self) -> bool:
        """Whether those who solve get a token, and who looks after the queue has a secret of its own."""
        return self.housekeeping_keys != self.job_keys


@dataclass(frozen=True, slots=True)
class DatabaseDoor:
    """Postgres, as the login ``pourplan_jobs``."""

    url: str = field(repr=False)

    def store(self, call_id: str | None, lease_seconds: int, max_attempts: int) -> DirectStore:
        """Give the door to the runs."""
        return DirectStore(self.url, call_id=call_id, lease_seconds=lease_seconds, max_attempts=max_attempts)

    @asynccontextmanager
    async def queue(self) -> AsyncIterator[RunQueue]:
        """Open the door to all that wait."""
        import asyncpg

        from solver_jobs.queue import DirectQueue

        connection = await asyncpg.connect(
            self.url,
            timeout=_ANSWER_SECONDS,
            command_timeout=_ANSWER_SECONDS,
            server_settings={"application_name": "pourplan-sweep", "jit": "off"},
        )
        try:
            yield DirectQueue(connection)
        finally:
            connection.terminate()


@dataclass(frozen=True, slots=True)
class SupabaseDoor:
    """A Supabase project by HTTP: its secret key, or its publishable one and a token of one run."""

    url: str
    key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)

    def store(self, call_id: str | None, lease_seconds: int, max_attempts: int) -> RpcStore:
        """Give the door to the runs."""
        from solver_jobs.rpc_store import RpcStore

        return RpcStore(
            self.url,
            self.key,
            self.token,
            call_id=call_id,
            lease_seconds=lease_seconds,
            max_attempts=max_attempts,
        )

    @asynccontextmanager
    async def queue(self) -> AsyncIterator[RunQueue]:
        """Open the door to all that wait."""
        from solver_jobs.queue import RpcQueue
        from solver_jobs.rpc import Rpc

        async with Rpc(self.url, self.key, self.token, seconds=_ANSWER_SECONDS) as rpc:
            yield RpcQueue(rpc)


@dataclass(frozen=True, slots=True)
class JobEnvironment:
    """The settings of one worker.

    Attributes
    ----------
    door
        Where the runs stand: Postgres itself (``DATABASE_JOBS_URL``) where that is set, else a Supabase
        project (``SUPABASE_URL``): by the token that the worker was called with and
        ``SUPABASE_PUBLISHABLE_KEY``, or by ``SUPABASE_SECRET_KEY``.
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
    def read(cls, environment: Mapping[str, str], token: str | None = None) -> Self:
        """Read the variables.

        Parameters
        ----------
        environment
            The variables.
        token
            What opens the run, where the worker was called with it.

        Raises
        ------
        EnvironmentWrong
            One is missing or is not what it should be.
        """
        return cls(
            door=_door(environment, token),
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


@dataclass(frozen=True, slots=True)
class HousekeepingEnvironment:
    """The settings of those who look after the queue.

    Attributes
    ----------
    door
        Where the runs stand; it has to open them all.
    tokens
        Signs what opens a single one, for those who solve (``SUPABASE_SIGNING_KEY``, else
        ``SUPABASE_JWT_SECRET``); None where they have a key of their own.
    max_attempts
        A run whose workers were lost so often fails (``POURPLAN_MAX_ATTEMPTS``).
    service_url
        Where the service is woken for what it has to do (``POURPLAN_URL``); None where it never sleeps.
    """

    door: DatabaseDoor | SupabaseDoor
    tokens: RunTokens | None = None
    max_attempts: int = _MAX_ATTEMPTS
    service_url: str | None = None

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Read the variables.

        Raises
        ------
        EnvironmentWrong
            One is missing or is not what it should be.
        """
        from solver_jobs.run_tokens import RunTokens, SigningKeyWrong

        try:
            tokens = RunTokens.by(environment.get(SIGNING_KEY), environment.get(LEGACY_SECRET))
        except SigningKeyWrong as error:
            raise EnvironmentWrong(f"{SIGNING_KEY}: {error}") from None
        return cls(
            door=_door(environment),
            tokens=tokens,
            max_attempts=_whole(environment, "POURPLAN_MAX_ATTEMPTS", _MAX_ATTEMPTS),
            service_url=environment.get("POURPLAN_URL") or None,
        )


def _door(environment: Mapping[str, str], token: str | None = None) -> DatabaseDoor | SupabaseDoor:
    if database := environment.get(DATABASE):
        return DatabaseDoor(database)
    url = environment.get(PROJECT)
    if not url:
        raise EnvironmentWrong(
            "DATABASE_JOBS_URL is not set, nor is SUPABASE_URL: a worker reads its run from Postgres as the "
            "login pourplan_jobs, or through a Supabase project. Set DATABASE_JOBS_URL to "
            "postgresql://pourplan_jobs:...@host/database, or SUPABASE_URL and SUPABASE_SECRET_KEY."
        )
    if not url.startswith(("https://", "http://")):
        raise EnvironmentWrong(f"SUPABASE_URL is {url!r}: expected https://<project>.supabase.co.")
    if token and (publishable := environment.get(PUBLISHABLE_KEY)):
        return SupabaseDoor(url, publishable, token)
    return SupabaseDoor(url, _secret_key(environment, token))


def _secret_key(environment: Mapping[str, str], token: str | None) -> str:
    key = environment.get(SECRET_KEY)
    if not key and token:
        raise EnvironmentWrong(
            "The run came with its token, but SUPABASE_PUBLISHABLE_KEY is not set, which the project's "
            "gateway asks for beside it. Copy it from the project's API settings."
        )
    if not key and environment.get(PUBLISHABLE_KEY):
        raise EnvironmentWrong(
            "SUPABASE_SECRET_KEY is not set, and the run came without a token. Set SUPABASE_SIGNING_KEY for "
            "the service, so that it signs one, or SUPABASE_SECRET_KEY here."
        )
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
    return key


def _whole(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise EnvironmentWrong(f"{name} is {text!r}: expected a whole number of at least 1.")
    return int(text)
