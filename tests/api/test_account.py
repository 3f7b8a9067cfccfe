"""The system account of the embedded server, made where it is missing."""

import os
import pwd
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from api import account
from api.account import Account, AccountNotMade

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such accounts")

# Like the real one, it looks before it locks, and replaces what was made in between.
USERADD = """#!/bin/sh
[ -e accounts ] && exit 9
sleep 0.5
echo $$ > accounts
echo made >> log
"""


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of a system's accounts, with no account yet."""
    useradd = tmp_path / "bin" / "useradd"
    useradd.parent.mkdir()
    useradd.write_text(USERADD)
    useradd.chmod(0o755)

    def known(name: str) -> pwd.struct_passwd:
        try:
            uid = int((tmp_path / "accounts").read_text())
        except FileNotFoundError:
            raise KeyError(name) from None
        return pwd.struct_passwd((name, "x", uid, uid, "", "/nonexistent", "/usr/sbin/nologin"))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{useradd.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(pwd, "getpwnam", known)
    monkeypatch.setattr(account, "_MAKING", tmp_path / "account.lock")
    return tmp_path


def test_those_who_make_the_account_at_once_make_one(system: Path) -> None:
    together = Barrier(3)

    def make() -> Account:
        together.wait()
        return account._system_account()

    with ThreadPoolExecutor(3) as pool:
        made = [one.result() for one in [pool.submit(make) for _ in range(3)]]
    assert len(set(made)) == 1
    assert (system / "log").read_text() == "made\n"


def test_an_account_that_is_there_needs_no_lock(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (system / "accounts").write_text("990")
    monkeypatch.setattr(account, "_MAKING", system / "missing" / "account.lock")
    assert account._system_account() == Account(990, 990)


def test_without_the_lock_none_is_made_and_the_way_out_is_told(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "_MAKING", system / "missing" / "account.lock")
    with pytest.raises(AccountNotMade, match=r"missing/account\.lock.*No such file.*DATABASE_URL"):
        account._system_account()
    assert not (system / "log").exists()


def test_what_useradd_complains_of_is_told(system: Path) -> None:
    (system / "bin" / "useradd").write_text("#!/bin/sh\necho cannot lock the accounts >&2\nexit 1\n")
    with pytest.raises(AccountNotMade, match=r"cannot lock the accounts\. .*DATABASE_URL"):
        account._system_account()
