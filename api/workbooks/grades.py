"""Grades that nobody knows: which known one is probably meant, and which come of a dragged cell.

Pulling a cell by its fill handle counts its last number up: A53/C591 becomes A53/C592, A53/C593 and so on.
Names that differ by consecutive numbers at their end, and of which several are unknown, are taken for that.
"""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from api.workbooks.names import bare

SHORTEST_RUN = 3
"""So many consecutive names make a run."""
SIMILAR = 0.6
"""From this ratio of `difflib.SequenceMatcher` on, a name is near another."""
MOST_COMPARED = 500
"""So many unknown grades are compared with the known ones; a file with more has another problem."""

_NUMBERED = re.compile(r"(.*?)([1-9]\d*)", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The grade that an unknown one probably means, and whether its name comes of the fill handle."""

    grade: str
    dragged: bool


def suggest(unknown: Collection[str], known: Mapping[str, str]) -> dict[str, Suggestion]:
    """Find what unknown grades are meant to be: from names alone, in whatever order they were met.

    Parameters
    ----------
    unknown
        Names that no catalogue has.
    known
        Names that the catalogue has, each with the grade that it stands for: itself, or the one it was
        merged into.

    Returns
    -------
    dict
        For each unknown name for which there is one, the suggestion.
    """
    found: dict[str, Suggestion] = {}
    for run in _runs({*unknown, *known}):
        strangers = [name for name in run if name not in known]
        if len(run) >= SHORTEST_RUN and len(strangers) >= SHORTEST_RUN - 1:
            found |= _dragged(run, known)
    compared = sorted(name for name in unknown if name not in found and name not in known)[:MOST_COMPARED]
    for name in compared:
        near = nearest(name, known)
        if near:
            found[name] = Suggestion(known[near], dragged=False)
    return found


def nearest(name: str, known: Collection[str]) -> str | None:
    """Give the known name most like this one, None where none is near; case and separators don't count."""
    wanted = bare(name)
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(wanted)
    best: tuple[float, str] | None = None
    for candidate in sorted(known):
        matcher.set_seq1(bare(candidate))
        least = best[0] if best else SIMILAR
        if matcher.real_quick_ratio() < least or matcher.quick_ratio() < least:
            continue
        ratio = matcher.ratio()
        if ratio >= SIMILAR and (best is None or ratio > best[0]):
            best = ratio, candidate
    return best[1] if best else None


def _runs(names: Collection[str]) -> Iterator[list[str]]:
    """Split names into runs that share their beginning and end in consecutive numbers."""
    numbered: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for name in names:
        found = _NUMBERED.fullmatch(name)
        if found:
            numbered[found[1]][int(found[2])] = name
    for prefix in sorted(numbered):
        run: list[str] = []
        before = None
        for number, name in sorted(numbered[prefix].items()):
            if before is not None and number != before + 1:
                yield run
                run = []
            run.append(name)
            before = number
        yield run


def _dragged(run: list[str], known: Mapping[str, str]) -> dict[str, Suggestion]:
    """Lead each unknown name of a run back to where the dragging began.

    That is the last known name before it, or the first name of all.
    """
    origin = known.get(run[0], run[0])
    found = {}
    for name in run:
        if name in known:
            origin = known[name]
        elif name != origin:
            found[name] = Suggestion(origin, dragged=True)
    return found
