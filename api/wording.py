"""How counts are put into words and names on one line, for whoever reads and types them."""

from __future__ import annotations


def counted(count: int, one: str, many: str | None = None) -> str:
    """Write a count with what is counted: "1 heat", "1,200 heats"; `many` where an s does not make a plural.

    Verbs may come along: ``counted(n, "row is new", "rows are new")``.
    """
    return f"1 {one}" if count == 1 else f"{count:,} {many or f'{one}s'}"


def one_line(text: str) -> str:
    """Read a name as workbooks do: no white space around it, and one blank between two words.

    Who types it again then finds what it names.
    """
    return " ".join(text.split())
