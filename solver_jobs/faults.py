"""What is wrong about data of a form, in plain words: where, what was found, what was expected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_LONGEST = 60
"""Characters of a wrong value that are shown."""

_EXPECTED: Mapping[str, str] = {
    "int_parsing_size": "a smaller whole number",
    "finite_number": "a finite number",
    "literal_error": "{expected}",
    "string_unicode": "a text without zero characters and half ones",
    "string_too_short": "a text of {min_length} or more characters",
    "string_too_long": "a text of {max_length} or fewer characters",
    "string_pattern_mismatch": "a text of the form {pattern}",
    "too_short": "{min_length} or more entries",
    "too_long": "{max_length} or fewer entries",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
}
"""What was expected, by the type of pydantic's error; filled in with what the error knows."""

_EXPECTED_OF: Mapping[str, str] = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text",
    "date": 'a date written "YYYY-MM-DD", such as "2024-09-30"',
    "tuple": "a list",
    "list": "a list",
    "model": "an object",
    "dict": "an object",
}
"""What was expected, by the first word of the type of pydantic's error."""


def describe_faults(error: ValidationError, whole: str = "the whole", most: int | None = None) -> list[str]:
    """Tell each fault in a sentence.

    Parameters
    ----------
    error
        What pydantic found.
    whole
        Name of all of it, for a fault that has no place within.
    most
        Sentences at most; then one tells how many faults more there are. All unless told.
    """
    faults = faults_of(error)
    told = [f"{place_of(fault.path) or whole}: {fault.said}" for fault in faults[:most]]
    if (more := len(faults) - len(told)) > 0:
        told.append(f"and {more} more")
    return told


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes
    ----------
    path
        Where in the data, from the outside in, such as ``("orders", "3", "qty")``.
    said
        What was found, and what was expected.
    of_key
        Whether a key is missing or unknown, and no value is wrong.
    """

    path: tuple[str, ...]
    said: str
    of_key: bool


def faults_of(error: ValidationError) -> list[Fault]:
    """Tell each fault with its place."""
    return [
        Fault(
            tuple(str(step) for step in fault["loc"]),
            _sentence(fault),
            fault["type"] in ("missing", "extra_forbidden"),
        )
        for fault in error.errors(include_url=False)
    ]


def place_of(path: Sequence[str]) -> str:
    """Write a path as text, such as ``orders[3].qty``."""
    return "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in path).lstrip(".")


def _sentence(fault: ErrorDetails) -> str:
    kind = fault["type"]
    if kind == "missing":
        return "missing, but required"
    if kind == "extra_forbidden":
        return "unknown key; remove it, or correct its spelling"
    if kind == "value_error":
        # Our own rules say themselves what was found.
        return str(fault["ctx"]["error"])
    return f"found {_found(fault['input'])}, expected {_expected(fault)}"


def _expected(fault: ErrorDetails) -> str:
    kind = fault["type"]
    if kind in _EXPECTED:
        known = fault.get("ctx", {})
        return _EXPECTED[kind].format(**{name: _whole(value) for name, value in known.items()})
    plain = _EXPECTED_OF.get(kind.partition("_")[0])
    message = fault["msg"]
    return plain or f"another value ({message[:1].lower()}{message[1:]})"


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _found(value: Any) -> str:
    shown: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
        (type(None), lambda _: "null"),
        (bool, lambda truth: str(truth).lower()),
        (Mapping, lambda _: "an object"),
        ((list, tuple), lambda rows: f"a list of {len(rows)}"),
        (int, _digits),
    )
    text = next((show(value) for of, show in shown if isinstance(value, of)), None) or repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _digits(number: int) -> str:
    # Python writes no number of thousands of digits.
    return str(number) if abs(number) < 10**_LONGEST else f"a number of more than {_LONGEST} digits"
