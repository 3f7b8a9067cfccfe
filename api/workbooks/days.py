"""Days and times of day in charge schedules, in all the forms that people and spreadsheets give them."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from api.workbooks.cells import MONTH_NAMES, Value, clean
from api.workbooks.serials import Epoch, from_serial, plausible_day

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = {name[:3].lower(): number for number, name in enumerate(MONTH_NAMES, start=1)}
_WEEKDAY = re.compile(
    r"^(mon|tue|wed|thu|fri|sat|sun)[a-z]*[.,]*\s+|\s+\(?(mon|tue|wed|thu|fri|sat|sun)[a-z]*\)?$"
)
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ t]00:00(?::00)?)?", re.ASCII)
_NUMBERS = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})", re.ASCII)
_DAY_NAME = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[ \-.]+([a-z]{3})[a-z]*[ \-.,]+(\d{4})", re.ASCII)
_NAME_DAY = re.compile(r"([a-z]{3})[a-z]*[ .]+(\d{1,2})(?:st|nd|rd|th)?,? +(\d{4})", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2})[:.h](\d{2})(?:[:.](\d{2}))?\s*([ap])?\.?m?\.?", re.ASCII)
_SECONDS_PER_DAY = 86_400


def read_day(value: Value | None, epoch: Epoch = Epoch.OF_1900) -> date | None:
    """Read the day above a block of a schedule; None where it is none, or could be two."""
    match value:
        case datetime():
            return value.date() if value.year >= 1990 else None
        case bool():
            return None
        case float():
            day = plausible_day(value, epoch)
            return day.date() if day else None
        case str():
            return _day_from_text(clean(value).casefold())
        case _:
            return None


def read_start(value: Value | None) -> time | None:
    """Read a start time, to the second; None where it is none.

    Times come as times, as datetimes of any day (1 January 1900 above all), as durations, as fractions of a
    day, with or without that odd day before the point, and as text such as `04:00` or `4:00 PM`.
    """
    match value:
        case datetime():
            return value.time()
        case time():
            return value
        case timedelta():
            return _from_seconds(value.total_seconds())
        case bool():
            return None
        case float():
            moment = from_serial(value, Epoch.OF_1900) if 0 <= value < 2 else None
            return moment.time() if isinstance(moment, datetime) else moment
        case str():
            return _start_from_text(clean(value).casefold())
        case _:
            return None


def day_of_start(value: Value | None) -> date | None:
    """Give the day that a start time carries along, where that is a real one and not the first of all."""
    return value.date() if isinstance(value, datetime) and value.year >= 1990 else None


def _day_from_text(text: str) -> date | None:
    weekday = _WEEKDAY.search(text)
    name = (weekday[1] or weekday[2]) if weekday else None
    text = _WEEKDAY.sub("", text)
    days = {day for parts in _readings(text) if (day := _date(*parts))}
    if name:
        days = {day for day in days if _WEEKDAYS[day.weekday()] == name}
    return days.pop() if len(days) == 1 else None


def _readings(text: str) -> list[tuple[int, int, int]]:
    """Year, month and day: all that a text can mean."""
    if found := _ISO.fullmatch(text):
        return [(int(found[1]), int(found[2]), int(found[3]))]
    if found := _NUMBERS.fullmatch(text):
        first, second, year = int(found[1]), int(found[2]), int(found[3])
        return [(year, first, second), (year, second, first)]
    if found := _DAY_NAME.fullmatch(text):
        return [(int(found[3]), _MONTHS.get(found[2], 0), int(found[1]))]
    if found := _NAME_DAY.fullmatch(text):
        return [(int(found[3]), _MONTHS.get(found[1], 0), int(found[2]))]
    return []


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if 1990 <= year <= 2099 else None
    except ValueError:
        return None


def _start_from_text(text: str) -> time | None:
    found = _CLOCK.fullmatch(text)
    if not found:
        return None
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    if found[4]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[4] == "p" else 0)
    return time(hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


def _from_seconds(seconds: float) -> time | None:
    return from_seconds(round(seconds)) if 0 <= seconds < _SECONDS_PER_DAY else None


def from_seconds(seconds: int) -> time:
    """Give the time of day so many seconds after midnight."""
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60)
