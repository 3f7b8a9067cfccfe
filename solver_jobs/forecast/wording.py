"""How counts are put into words, in all sentences of the forecast."""

from __future__ import annotations


def plural(count: int, noun: str) -> str:
    """Write the count with its noun, such as "1 heat" or "12 heats"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
