"""Ctrl-C at any moment of a command: one line about what is left, never a traceback."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.cli.test_foundry_files import PROBLEM

INTERRUPTED_AT = """
import signal, sys

moment, *sys.argv[1:] = sys.argv[1:]

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == moment:
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
# Of a process in the background, Ctrl-C would be ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
from api.cli import main
main()
"""
"""A command that Ctrl-C meets when it begins to load a module."""


@pytest.mark.parametrize(
    ("moment", "command", "told"),
    [
        ("typer", ("replan",), "Interrupted: nothing was begun."),
        ("api.cli.opening", ("replan",), "Interrupted: no plan was made yet."),
        ("api.cli.opening", ("export", "plan"), "Interrupted."),
        ("api.cli.foundry_files", ("solve", "foundry", "problem.json"), "Interrupted: no plan was made yet."),
        (
            "solver_jobs.foundry.planner",
            ("solve", "foundry", "problem.json"),
            "Interrupted: no plan was made yet.",
        ),
    ],
)
def test_a_command_that_is_interrupted_says_what_is_left(
    tmp_path: Path, moment: str, command: tuple[str, ...], told: str
) -> None:
    (tmp_path / "problem.json").write_text(json.dumps(PROBLEM))
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_AT, moment, *command],
        cwd=tmp_path,
        env={"POURPLAN_DATA": str(tmp_path), "PATH": "", "PYTHONPATH": str(Path(__file__).parents[3])},
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1] == told
    assert "Traceback" not in done.stderr
