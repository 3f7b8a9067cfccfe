"""How a command ends that can't do what was asked: a sentence, a hint, an exit status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from solver_jobs.errors import JobError

UNSOUND = "PROBLEM_UNSOUND"
"""The code of a job's error whose details are findings, each with its own hint."""


class CommandFailed(Exception):
    """What went wrong, for the person at the terminal.

    Parameters
    ----------
    hint
        What to do next.
    code
        The stable name that the service gives the error, for commands that go on after some of them.
    """

    def __init__(self, message: str, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


class CommandInterrupted(CommandFailed):
    """Ctrl-C ended the command: what is left of it."""


@contextmanager
def told_if_interrupted(left: str | None = None) -> Iterator[None]:
    """Tell by Ctrl-C that the command has ended, and what is left of what it began.

    Raises
    ------
    CommandInterrupted
    """
    try:
        yield
    except KeyboardInterrupt:
        raise CommandInterrupted(f"Interrupted: {left}." if left else "Interrupted.") from None


class AnswerLost(CommandFailed):
    """No answer came: whether what was asked for has been done, is not known."""


def job_failure(told: JobError | Mapping[str, Any], source: object = None) -> CommandFailed:
    """Tell why a job can't answer, each fact once, with the file that it read."""
    error = told if isinstance(told, JobError) else _job_error(told)
    message, hint = error.message, error.hint
    if error.code == UNSOUND and error.details:
        message, hint = "This problem can't be planned:", None
    if source is not None:
        message = f"{source}: {message}"
    return CommandFailed("\n".join([message, *error.details]), hint)


def run_failure(run: Mapping[str, Any], wanted: str) -> CommandFailed:
    """Tell why a run has ended without what was wanted of it."""
    if run["error"]:
        return job_failure(run["error"])
    return CommandFailed(f"The run was {run['status'].lower()}: no {wanted} was made yet.")


def _job_error(told: Mapping[str, Any]) -> JobError:
    return JobError(told["code"], told["message"], told["hint"], told["details"])


def mistakes_failure(mistakes: Sequence[Mapping[str, Any]]) -> CommandFailed:
    """Tell a user's mistakes: a hint that all share once, others each with its mistake."""
    hints = {mistake.get("hint") for mistake in mistakes}
    if len(hints) == 1:
        return CommandFailed("\n".join(mistake["message"] for mistake in mistakes), hints.pop())
    lines = (" ".join(filter(None, (one["message"], one.get("hint")))) for one in mistakes)
    return CommandFailed("\n".join(lines))
