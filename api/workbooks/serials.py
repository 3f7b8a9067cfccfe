"""Days as spreadsheets count them."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from enum import Enum

_SECONDS_PER_DAY = 86_400
_FIRST_PLAUSIBLE, _LAST_PLAUSIBLE = 32_874, 73_415
"""1 January 1990 and 31 December 2100 in the 1900 system."""


class Epoch(Enum):
    """The day from which a workbook counts.

    The 1900 system has a 29 February 1900 that never was (serial 60), hence its odd start.
    """

    OF_1900 = datetime(1899, 12, 30)  # noqa: DTZ001
    OF_1904 = datetime(1904, 1, 1)  # noqa: DTZ001


def from_serial(serial: float, epoch: Epoch) -> datetime | time | None:
    """Convert a serial day to a datetime, or to a time where it is less than one day.

    Returns
    -------
    datetime or time or None
        To the second; None where spreadsheets themselves can't show it as a date.
    """
    seconds = round(serial * _SECONDS_PER_DAY) if abs(serial) < 3e6 else -1
    if seconds < 0:
        return None
    if seconds < _SECONDS_PER_DAY:
        return (Epoch.OF_1900.value + timedelta(seconds=seconds)).time()
    days, rest = divmod(seconds, _SECONDS_PER_DAY)
    if epoch is Epoch.OF_1900 and days < 60:
        days += 1
    try:
        return epoch.value + timedelta(days=days, seconds=rest)
    except OverflowError:
        return None


def plausible_day(serial: float, epoch: Epoch) -> datetime | None:
    """Take a bare number for a day, if that lies between 1990 and 2100: 45467 is 24 June 2024."""
    offset = (Epoch.OF_1904.value - Epoch.OF_1900.value).days if epoch is Epoch.OF_1904 else 0
    if serial.is_integer() and _FIRST_PLAUSIBLE <= serial + offset <= _LAST_PLAUSIBLE:
        day = from_serial(serial, epoch)
        return day if isinstance(day, datetime) else None
    return None
