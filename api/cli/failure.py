"""How a command ends that can't do what was asked: a sentence, a hint, an exit status."""

from __future__ import annotations


class CommandFailed(Exception):
    """What went wrong, for the person at the terminal."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class AnswerLost(CommandFailed):
    """No answer came: whether what was asked for has been done, is not known."""
