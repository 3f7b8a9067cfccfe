"""Postgres from a pip package, for one machine.

A data folder holds one cluster. Whoever needs it, the service or a command beside it, enters `embedded()`:
the first one starts the server, the last one stops it, and what a crash leaves behind is cleared by the next.
The server listens on a unix socket in a folder of mode 0700 and nowhere else; who may enter that folder may do
everything, and nobody else reaches it. It must not know what the database holds.

Three lock files in the data folder say who is there; the system frees them when their holder dies:
`service.lock` (one service at a time), `users.lock` (shared by all who use the server) and `start.lock`
(held while the server is started or stopped).
"""

import asyncio
import hashlib
import os
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import asyncpg
import psutil
import structlog

from api.account import Account, AccountNotMade, server_account

if sys.platform != "win32":
    import fcntl

DATABASE = "pourplan"
DEFAULT_VERSION = 18

_PORT = 5432  # names the socket; nothing listens on a port
_SOCKET_PATH_BYTES = 103  # what every system takes: 107 on Linux, 103 on macOS and the BSDs
_START_SECONDS = 60
_LOG_BYTES = 10_000_000

_log = structlog.get_logger(__name__)


class EmbeddedPostgresError(Exception):
    """The embedded Postgres can't be used; the message says why and what to do."""


class PostgresNotInstalled(EmbeddedPostgresError):
    """The package that brings Postgres is not installed, or has no such version."""


class DataFolderInUse(EmbeddedPostgresError):
    """Another service works on the data folder."""


class DataFolderNotUsable(EmbeddedPostgresError):
    """The data folder can't be written, or belongs to somebody else."""


class OtherPostgresVersion(EmbeddedPostgresError):
    """The data folder is of a major version of Postgres that is not at hand."""


class PostgresDidNotStart(EmbeddedPostgresError):
    """The server did not come up; the message ends with what it said."""


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
        place = urlencode({"host": str(self.socket_folder), "port": _PORT})
        return f"postgresql://{quote(login)}@/{quote(database)}?{place}"


@asynccontextmanager
async def embedded(
    folder: Path, *, exclusive: bool = False, version: int | None = None, durable: bool = True
) -> AsyncIterator[EmbeddedPostgres]:
    """Use the embedded Postgres of a data folder; start it where it doesn't run.

    On leaving, the last user stops the server. Whoever finds it running therefore leaves it running as long as
    anybody else uses it, and a server that a killed service left behind ends with the next user.

    Parameters
    ----------
    folder
        The data folder; made where it is missing.
    exclusive
        True for the service: at most one at a time, and it starts the server again should it die.
        False for commands, of which any number may work beside the service.
    version
        Major version for a new cluster; an existing one must be of this version. Without it, an existing
        cluster keeps its own, and a new one gets `DEFAULT_VERSION`.
    durable
        False for tests only: much faster, and a power failure may destroy the data.

    Raises
    ------
    PostgresNotInstalled, DataFolderInUse, DataFolderNotUsable, OtherPostgresVersion, PostgresDidNotStart
        All are `EmbeddedPostgresError`.
    """
    if sys.platform == "win32":
        raise PostgresNotInstalled(
            "The embedded Postgres does not run on Windows. Set DATABASE_URL to a Postgres of your own, or run"
            " Pourplan under WSL."
        )
    folder = _usable_folder(folder)
    with _service_lock(folder, wanted=exclusive), _lock_file(folder / "users.lock") as users:
        async with _start_lock(folder):
            cluster = await asyncio.to_thread(_Cluster.at, folder, version, durable)
            server = await _running(cluster)
            fcntl.flock(users, fcntl.LOCK_SH)
        keeper = asyncio.create_task(_keep_running(cluster)) if exclusive else None
        try:
            yield server
        finally:
            if keeper is not None:
                keeper.cancel()
                await asyncio.gather(keeper, return_exceptions=True)
            async with _start_lock(folder):
                if _alone(users):
                    await asyncio.to_thread(cluster.stop)


async def _running(cluster: "_Cluster") -> EmbeddedPostgres:
    socket_folder = await asyncio.to_thread(cluster.start)
    server = EmbeddedPostgres(cluster.folder, cluster.version, socket_folder)
    await _make_database(server)
    return server


async def _make_database(server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(server.url("postgres", "postgres"), timeout=_START_SECONDS)
    try:
        known = await connection.fetchval("select true from pg_database where datname = $1", DATABASE)
        if not known:
            await connection.execute(f'create database "{DATABASE}"')
    finally:
        await connection.close()


async def _keep_running(cluster: "_Cluster") -> None:
    """Start the server again whenever it dies under the service."""
    pause = 1.0
    while True:
        await asyncio.to_thread(cluster.start) if cluster.postmaster() is None else None
        await _ended(cluster)
        _log.warning("postgres_died", folder=str(cluster.folder))
        try:
            async with _start_lock(cluster.folder):
                await asyncio.to_thread(cluster.start)
            pause = 1.0
        except EmbeddedPostgresError as error:
            _log.error("postgres_not_restarted", reason=str(error), next_try_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, 30.0)
