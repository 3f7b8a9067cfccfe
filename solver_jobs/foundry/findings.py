"""What is wrong or odd about a problem, as data: where, what was found, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["ERROR", "WARNING"]
"""ERROR: no plan can be made; WARNING: a plan can be made, and says how the oddity was dealt with."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes
    ----------
    severity
        Whether it prevents a plan.
    code
        Stable name of the fact, such as ``UNKNOWN_PART``.
    message
        What was found, and what was expected.
    path
        Where in the problem, such as ``("orders", "3", "part_id")``.
    hint
        The next step.
    """

    severity: Severity
    code: str
    message: str
    path: tuple[str, ...]
    hint: str

    @property
    def place(self) -> str:
        """The path as text, such as ``orders[3].part_id``."""
        return "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in self.path).lstrip(".")

    def __str__(self) -> str:
        return f"{self.place}: {self.message} {self.hint}"


def error(code: str, message: str, path: tuple[str | int, ...], hint: str) -> Finding:
    """Build a finding that prevents a plan."""
    return Finding("ERROR", code, message, tuple(str(step) for step in path), hint)


def warning(code: str, message: str, path: tuple[str | int, ...], hint: str) -> Finding:
    """Build a finding that the plan can live with."""
    return Finding("WARNING", code, message, tuple(str(step) for step in path), hint)
