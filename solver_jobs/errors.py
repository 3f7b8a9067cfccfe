"""What all jobs say when they cannot answer: one shape, so that every door can show it. Knows nobody."""

from __future__ import annotations

from collections.abc import Sequence


class JobError(Exception):
    """A run that cannot be answered, told so that a planner can act on it.

    Parameters
    ----------
    code
        Stable name of the fact in capitals, such as ``NOTHING_TO_FORECAST``; programs branch on it.
    message
        One sentence: what was found, where, and what was expected.
    hint
        The next step, or None where there is none to take.
    details
        Further sentences, such as every violated constraint.
    """

    def __init__(self, code: str, message: str, hint: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.details = list(details)

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message} {self.hint}"
