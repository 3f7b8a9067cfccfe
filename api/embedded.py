"""Postgres from a pip package, for one machine.

A data folder holds one cluster. Whoever needs it, the service or a command beside it, enters `embedded()`:
the first one starts the server, the last one stops it, and what a crash leaves behind is cleared by the next.
The server listens on a unix socket in a folder of mode 0700 and nowhere else; who may enter that folder may
do everything, and nobody else reaches it. It must not know what the database holds.

Three lock files in the data folder say who is there; the system frees them when their holder dies:
`service.lock` (one service at a time), `users.lock` (shared by all who use the server) and `start.lock`
(held while the server is started or stopped).
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import structlog

from api.cluster import (
    DATABASE,
    PORT,
    Cluster,
    DataFolderInUse,
    DataFolderNotUsable,
    EmbeddedPostgresError,
    PostgresDidNotStart,
    PostgresNotInstalled,
)

if sys.platform != "win32":
    import fcntl

_START_SECONDS = 90
_WATCH_SECONDS = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A running embedded server.

    Attributes
    ----------
    folder
        The data folder.
    version
        Major version of the server.
    socket_folder
        Where its socket is.
    """

    folder: Path
    version: int
    socket_folder: Path

    @property
    def admin_url(self) -> str:
        """URL of the superuser: migrations, and nothing else."""
        return self.url("postgres")

    @property
    def api_url(self) -> str:
        """URL of the service's login, which has no rights of its own."""
        return self.url("pourplan_api")

    @property
    def jobs_url(self) -> str:
        """URL of the login of housekeeping and of the workers."""
        return self.url("pourplan_jobs")

    def url(self, login: str, database: str = DATABASE) -> str:
        """URL of a login and a database of this server."""
        place = urlencode({"host": str(self.socket_folder), "port": PORT})
        return f"postgresql://{quote(login)}@/{quote(database)}?{place}"


@asynccontextmanager
async def embedded(
    folder: Path, *, exclusive: bool = False, version: int | None = None, durable: bool = True
) -> AsyncIterator[EmbeddedPostgres]:
    """Use the embedded Postgres of a data folder; start it where it doesn't run.

    On leaving, the last user stops the server. Whoever finds it running leaves it running as long as anybody
    else uses it; a server that a killed service left behind ends with its next user.

    Parameters
    ----------
    folder
        The data folder; made where it is missing.
    exclusive
        True for the service: at most one at a time, and it starts the server again should it die.
        False for commands, of which any number may work beside the service.
    version
        Major version for a new cluster; an existing one must be of this version. Without it, an existing
        cluster keeps its own, and a new one gets the newest that the package brings.
    durable
        False for tests only: much faster, and a power failure may destroy the data.

    Raises
    ------
    PostgresNotInstalled, DataFolderInUse, DataFolderNotUsable, OtherPostgresVersion, PostgresDidNotStart
        All are `EmbeddedPostgresError`.
    """
    if sys.platform == "win32":
        raise PostgresNotInstalled(
            "The embedded Postgres does not run on Windows. Set DATABASE_URL to a Postgres of your own, or"
            " run Pourplan under WSL."
        )
    folder = _usable_folder(folder)
    with _service_lock(folder, wanted=exclusive), _lock_file(folder / "users.lock") as users:
        starting = asyncio.ensure_future(asyncio.to_thread(_enter, folder, version, durable, users))
        try:
            cluster, server = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread goes on and would leave a server behind that nobody uses.
            cluster, _ = await starting
            await _left(cluster, users)
            raise
        keeper = asyncio.create_task(_keep_running(cluster)) if exclusive else None
        try:
            yield server
        finally:
            if keeper is not None:
                keeper.cancel()
                await asyncio.gather(keeper, return_exceptions=True)
            await _left(cluster, users)


async def _left(cluster: Cluster, users: int) -> None:
    """Leave, and wait for the end of it even when cancelled meanwhile."""
    leaving = asyncio.ensure_future(asyncio.to_thread(_leave, cluster, users))
    try:
        await asyncio.shield(leaving)
    except asyncio.CancelledError:
        await leaving
        raise


# The next three hold the start lock in the thread that works: a cancelled task can't drop it half-way.


def _enter(folder: Path, version: int | None, durable: bool, users: int) -> tuple[Cluster, EmbeddedPostgres]:
    with _start_lock(folder):
        cluster = Cluster.at(folder, version=version, durable=durable)
        socket_folder = cluster.start()
        fcntl.flock(users, fcntl.LOCK_SH)
    return cluster, EmbeddedPostgres(folder, cluster.version, socket_folder)


def _start_again(cluster: Cluster) -> None:
    with _start_lock(cluster.folder):
        cluster.start()


def _leave(cluster: Cluster, users: int) -> None:
    with _start_lock(cluster.folder):
        fcntl.flock(users, fcntl.LOCK_UN)
        if _try_lock(users):
            cluster.stop()


async def _keep_running(cluster: Cluster) -> None:
    """Start the server again whenever it dies under the service."""
    pause = _WATCH_SECONDS
    while True:
        await asyncio.sleep(pause)
        if cluster.postmaster() is not None:
            continue
        _log.warning("postgres_died", folder=str(cluster.folder))
        try:
            await asyncio.to_thread(_start_again, cluster)
            pause = _WATCH_SECONDS
        except (EmbeddedPostgresError, OSError) as error:
            pause = min(2 * pause, 30.0)
            _log.error("postgres_not_started_again", reason=str(error), next_try_seconds=pause)


def _usable_folder(folder: Path) -> Path:
    """Make the data folder where it is missing; its full path."""
    folder = folder.expanduser().resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _lock_file(folder / "start.lock"):
            pass
    except OSError as error:
        raise DataFolderNotUsable(
            f"The data folder {folder} can't be written: {error.strerror or error}. Set POURPLAN_DATA to a"
            " folder that you may write, or ask its owner for the permission."
        ) from error
    return folder


@contextmanager
def _lock_file(path: Path) -> Iterator[int]:
    """Open a lock file without locking it; closing it frees the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _service_lock(folder: Path, *, wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return
    with _lock_file(folder / "service.lock") as descriptor:
        if not _try_lock(descriptor):
            raise DataFolderInUse(
                f"Another Pourplan service ({_holder(descriptor)}) works on the data folder {folder}. Stop it"
                " first, or set POURPLAN_DATA to another folder. Commands such as `pourplan import` may work"
                " beside it."
            )
        _sign(descriptor)
        yield


@contextmanager
def _start_lock(folder: Path) -> Iterator[None]:
    """Hold the lock under which the server is started and stopped; wait for whoever does so now."""
    with _lock_file(folder / "start.lock") as descriptor:
        deadline = time.monotonic() + _START_SECONDS
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                raise PostgresDidNotStart(
                    f"Another Pourplan ({_holder(descriptor)}) has been starting or stopping the database in"
                    f" {folder} for more than {_START_SECONDS} seconds. Look at that process, end it if it"
                    " hangs, and try again."
                )
            time.sleep(0.05)
        _sign(descriptor)
        yield


def _sign(descriptor: int) -> None:
    """Write our process id into a lock file, for the message of whoever finds it held."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)


def _holder(descriptor: int) -> str:
    return f"process {os.pread(descriptor, 20, 0).decode() or 'unknown'}"
