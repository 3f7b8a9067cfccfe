"""Which known grade was probably meant by one that only the schedule knows."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection

_NUMBERED = re.compile(r"(.*?)([0-9]+)", re.DOTALL | re.ASCII)
_MAX_DIGITS = 9
_SIMILARITY = 0.6


def suggest(unknown: Collection[str], known: Collection[str]) -> dict[str, str | None]:
    """For each unknown grade the known one that was probably meant, or None.

    A cell dragged with the fill handle counts on: a run of consecutive suffixes (A53/C592, A53/C593, ...)
    that follows a known grade (A53/C591) stands for that grade. Any other name is compared as a string.
    """
    by_number = {key: name for name in sorted(known) if (key := _prefix_and_number(name)) is not None}
    strange = {key for name in unknown if (key := _prefix_and_number(name)) is not None}
    spelled = {_plain(name): name for name in sorted(known, reverse=True)}
    return {
        name: _dragged_from(name, by_number, strange) or _nearest(name, spelled) for name in sorted(unknown)
    }


def _prefix_and_number(name: str) -> tuple[str, int] | None:
    match = _NUMBERED.fullmatch(name)
    if match is None or len(match[2]) > _MAX_DIGITS:
        return None
    return match[1], int(match[2])


def _dragged_from(
    name: str, by_number: dict[tuple[str, int], str], strange: set[tuple[str, int]]
) -> str | None:
    key = _prefix_and_number(name)
    if key is None:
        return None
    prefix, number = key
    while (prefix, number) in strange:
        number -= 1
    return by_number.get((prefix, number))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _nearest(name: str, spelled: dict[str, str]) -> str | None:
    matches = difflib.get_close_matches(_plain(name), spelled, n=1, cutoff=_SIMILARITY)
    return spelled[matches[0]] if matches else None
