"""Calendar months as plain numbers, so that ages, gaps and seasons are subtractions."""

from __future__ import annotations

import calendar
import re

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)


def parse_month(text: str) -> int:
    """Count the months from January of year 0 to a month written ``YYYY-MM``.

    Raises
    ------
    ValueError
        The text is not a month of the years 0001 to 9999 in that form.
    """
    match = _MONTH.fullmatch(text)
    if match is None or match[1] == "0000":
        raise ValueError(f'found {text!r}, expected a month written "YYYY-MM", such as "2024-09"')
    return int(match[1]) * 12 + int(match[2]) - 1


def format_month(index: int) -> str:
    """Write the month ``YYYY-MM`` that `parse_month` turned into `index`."""
    year, month = divmod(index, 12)
    return f"{year:04d}-{month + 1:02d}"


def days_in_month(index: int) -> int:
    """Count the days of the month, by the Gregorian calendar."""
    year, month = divmod(index, 12)
    return calendar.monthrange(year, month + 1)[1]
