"""Compiled code is kept beside its module, and read from there where nothing can be written."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tier import tier

MODULE = """
from solver_jobs.foundry.compiled import compiled, inlined

@inlined
def twice(a):
    return a + a

@compiled
def add(a, b):
    return twice(a) + b

@compiled
def entry(a, i):
    return a[i]
"""
CALL = "import hot; print(hot.add({arguments}), sum(hot.add.stats.cache_hits.values()))"


def without_root() -> list[str]:
    """What takes from a program the right to write where the permissions say no."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root writes everywhere, and there is no setpriv to prevent it")
    return [setpriv, "--bounding-set=-dac_override", "--inh-caps=-dac_override"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a module, writable again in the end."""
    (tmp_path / "hot.py").write_text(MODULE)
    yield tmp_path
    tmp_path.chmod(stat.S_IRWXU)
    for path in tmp_path.rglob("*"):
        path.chmod(stat.S_IRWXU)


def program(
    folder: Path, text: str, home: Path, *before: str, **more: str
) -> subprocess.CompletedProcess[str]:
    """What a program says, in a new process."""
    return subprocess.run(
        [*before, sys.executable, "-B", "-c", text],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(home), **more},
        capture_output=True,
        text=True,
        check=False,
    )


def called(folder: Path, arguments: str, home: Path, *before: str) -> tuple[str, str]:
    """Result of a call in a new process, and how many functions came from the cache."""
    done = program(folder, CALL.format(arguments=arguments), home, *before)
    assert done.returncode == 0, done.stderr
    result, hits = done.stdout.split()
    return result, hits


def lock(folder: Path) -> None:
    """Let nobody write into a folder, nor into those in it."""
    for path in (*(path for path in folder.rglob("*") if path.is_dir()), folder):
        path.chmod(stat.S_IRUSR | stat.S_IXUSR)


def test_what_is_compiled_is_read_where_nothing_can_be_written(folder: Path) -> None:
    assert called(folder, "1, 2", folder / "home") == ("4", "0")
    lock(folder)
    assert called(folder, "1, 2", folder / "home", *without_root()) == ("4", "1")
    # What is not there is compiled and not kept; nothing breaks.
    assert called(folder, "1.5, 2.0", folder / "home", *without_root()) == ("5.0", "0")
    assert called(folder, "1.5, 2.0", folder / "home", *without_root()) == ("5.0", "0")


def test_what_is_not_there_is_kept_at_home(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")
    called(folder, "1, 2", home)
    lock(folder)
    assert called(folder, "1.5, 2.0", home, *without_root()) == ("5.0", "0")
    assert called(folder, "1.5, 2.0", home, *without_root()) == ("5.0", "1")
    assert called(folder, "1, 2", home, *without_root()) == ("4", "1")


def test_what_is_compiled_in_from_another_module_is_compiled_anew_with_it(folder: Path) -> None:
    parts = folder / "parts.py"
    parts.write_text(MODULE)
    (folder / "hot.py").write_text(
        "from parts import compiled, twice\n\n@compiled\ndef add(a, b):\n    return twice(a) + b\n"
    )
    assert called(folder, "1, 2", folder / "home") == ("4", "0")
    assert called(folder, "1, 2", folder / "home") == ("4", "1")
    parts.write_text(MODULE.replace("a + a", "a * 5"))
    assert called(folder, "1, 2", folder / "home") == ("7", "0")


CHECKED = ("test_improve.py", "test_bound.py", "test_construct.py")
"""Tests of this folder that run all compiled code."""


def test_code_that_checks_its_bounds_is_kept_apart(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In full on the long tier: everything compiled stays within its arrays."""
    text = "import numpy, hot; hot.entry(numpy.arange(3), {index})"
    cache = str(tmp_path_factory.mktemp("checked"))
    assert program(folder, text.format(index=2), folder).returncode == 0
    checked = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": cache}
    assert "IndexError" in program(folder, text.format(index=3), folder, **checked).stderr
    for tests in CHECKED[: tier(0, len(CHECKED))]:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", str(Path(__file__).parent / tests)],
            env={**os.environ, **checked, "POURPLAN_TEST_TIER": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
