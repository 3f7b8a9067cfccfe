"""The account under which an embedded server runs when the service itself is root.

Postgres refuses to run as root. Root therefore starts it under a system account without shell and
home, and without root's supplementary groups. It knows nothing of Postgres beyond that.
"""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

if sys.platform != "win32":
    import fcntl
    import pwd

NAME = "pourplan"

_MAKING = Path("/run/pourplan-account.lock")
_ADVICE = (
    f"Make an account named {NAME} with your system's own tool, run Pourplan as an ordinary user,"
    " or set DATABASE_URL to a Postgres of your own."
)


class AccountNotMade(Exception):
    """The system account for the embedded Postgres could not be made."""


class SpawnOptions(TypedDict, total=False):
    """What `subprocess.run` needs to run a child under another account."""

    user: int
    group: int
    extra_groups: tuple[int, ...]


@dataclass(frozen=True)
class Account:
    """Who runs the server: a user and its primary group."""

    uid: int
    gid: int

    def spawn_options(self) -> SpawnOptions:
        """Keyword arguments for `subprocess.run`: none where the child stays who we are."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": ()}

    def own(self, path: Path) -> None:
        """Hand a file or folder over to this account, unless it has it already."""
        status = path.stat()
        if (status.st_uid, status.st_gid) != (self.uid, self.gid) and os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)

    def let_through(self, folder: Path) -> list[Path]:
        """Let this account pass through a folder and all above it, as root.

        Only the permission to search is added, for others, and only where it is missing: nobody can list
        what the folders hold.

        Returns
        -------
        list[Path]
            The folders whose mode was changed.
        """
        opened = []
        for step in (folder, *folder.parents):
            mode = step.stat().st_mode
            if not self._may_search(step):
                step.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
                opened.append(step)
        return opened

    def let_read(self, folder: Path) -> None:
        """Let this account read, and run where its owner may, all that a folder holds, as root."""
        for path in (folder, *folder.rglob("*")):
            if path.is_symlink():
                continue
            mode = stat.S_IMODE(path.stat().st_mode)
            wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
            if wanted != mode:
                path.chmod(wanted)

    def _may_search(self, folder: Path) -> bool:
        status = folder.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def server_account(cluster: Path) -> Account:
    """Who runs the server of a cluster.

    Ourselves, unless we are root: then the owner of the cluster's folder where it exists, else a system
    account, which is made where it is missing.

    Raises
    ------
    AccountNotMade
        Root could not make the system account.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if cluster.exists() and (status := cluster.stat()).st_uid != 0:
        return Account(status.st_uid, status.st_gid)
    return _system_account()


def _system_account() -> Account:
    return _known_account() or _made_account()


def _known_account() -> Account | None:
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)


def _made_account() -> Account:
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if useradd is None:
        raise AccountNotMade(
            "Postgres refuses to run as root, and there is no `useradd` here to make an account for it. "
            + _ADVICE
        )
    with _making():
        if (made_meanwhile := _known_account()) is not None:
            return made_meanwhile
        made = subprocess.run(
            [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME],
            capture_output=True,
            text=True,
            check=False,
        )
    account = _known_account()
    if account is None:
        raise AccountNotMade(
            f"Postgres refuses to run as root, and `useradd {NAME}` failed: {made.stderr.strip()}. {_ADVICE}"
        )
    return account


@contextmanager
def _making() -> Iterator[None]:
    """Let one process at a time make the account.

    `useradd` looks for the name before it locks the accounts: of two at once, the second replaces what the
    first made by an account of the same name and another id, and the first one's server loses its user.
    """
    try:
        descriptor = os.open(_MAKING, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise AccountNotMade(
            f"Postgres refuses to run as root, and {_MAKING}, the lock for making an account for it, can't be"
            f" opened: {error.strerror}. {_ADVICE}"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
