"""`pourplan` with the packages of the image alone: others that are installed here can't be imported.

python tests/deploy/fence.py EXTRAS CODE [ARGUMENT...]
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def installed(extras: Iterable[str]) -> set[str]:
    """The distributions that `pip install .[extras]` brings, by the metadata of those that are here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"]]
    wanted += [line for extra in extras for line in project["optional-dependencies"][extra]]
    found: set[str] = set()
    seen: set[tuple[str, str]] = set()
    while wanted:
        requirement = Requirement(wanted.pop())
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            found.add(name)
            wanted += [line for line in _requires(name) if _applies(line, extra)]
    return found


def _requires(name: str) -> list[str]:
    try:
        return requires(name) or []
    except PackageNotFoundError:
        return []


def _applies(line: str, extra: str) -> bool:
    marker = Requirement(line).marker
    return marker is None or marker.evaluate({"extra": extra})


class Fence(MetaPathFinder):
    """Finds nothing of what the image lacks."""

    def __init__(self, extras: Iterable[str]) -> None:
        inside = installed(extras) | {"pourplan"}
        self.outside = {
            module
            for module, owners in packages_distributions().items()
            if not {canonicalize_name(owner) for owner in owners} & inside
        }

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Refuse, or leave it to those who find."""
        if fullname.partition(".")[0] in self.outside:
            raise ModuleNotFoundError(f"No module named {fullname!r} in the image", name=fullname)
        return None


def main() -> None:
    """Put up the fence, and run what is asked for behind it."""
    _, extras, code, *arguments = sys.argv
    fence = Fence(extras.split(","))
    for name in list(sys.modules):
        if name.partition(".")[0] in fence.outside:
            del sys.modules[name]
    sys.meta_path.insert(0, fence)
    sys.path.pop(0)
    sys.argv = ["pourplan", *arguments]
    exec(code, {"__name__": "__main__"})  # noqa: S102 - the tests' own code


if __name__ == "__main__":
    main()
