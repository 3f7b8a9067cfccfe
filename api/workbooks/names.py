"""Names of grades and groups as people type them: which are one and the same, which only look alike."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

_SEPARATORS = re.compile(r"[\s/_.\-]+")
_MISTAKEN = str.maketrans("oil", "011")
"""Letters that are typed for digits, and the other way round."""


def folded(name: str) -> str:
    """Free a name from what does not tell names apart: case, and how many blanks stand in a row."""
    return unicodedata.normalize("NFC", " ".join(name.split()).casefold())


def bare(name: str) -> str:
    """Free a name from separators too."""
    return _SEPARATORS.sub("", folded(name))


def look(name: str) -> str:
    """Give what names have in common that are easily taken for one another: B500A, B-500 A, B5OOA."""
    return bare(name).translate(_MISTAKEN)


class Spellings:
    """Known names, found however they are spelled."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_fold: defaultdict[str, list[str]] = defaultdict(list)
        self._by_look: defaultdict[str, list[str]] = defaultdict(list)
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """Know a name; one that is known already stays once."""
        if name not in self._by_fold[folded(name)]:
            self._by_fold[folded(name)].append(name)
            self._by_look[look(name)].append(name)

    def replace(self, old: str, new: str) -> None:
        """Know a name by another spelling."""
        self._by_fold[folded(old)].remove(old)
        self._by_look[look(old)].remove(old)
        self.add(new)

    def same(self, name: str) -> list[str]:
        """List the known names that differ from this one by case and runs of blanks at most."""
        return self._by_fold.get(folded(name), [])

    def alike(self, name: str) -> list[str]:
        """List the other known names that are easily taken for this one."""
        return [known for known in self._by_look.get(look(name), []) if known != name]
