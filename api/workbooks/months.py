"""Headers that stand for a month, in all the forms that people and spreadsheets give them.

`Jun 24` typed into a cell becomes 24 June of the year in which it was typed. A date header therefore counts
as its month and its day is ignored; a day that could be a two-digit year other than the date's own is a
reason to look.
"""

from __future__ import annotations

import calendar
import difflib
import re
from dataclasses import dataclass
from datetime import date, datetime

from api.workbooks.cells import MONTH_NAMES, Value, clean, day_in_words, month_in_words
from api.workbooks.figures import Remark
from api.workbooks.messages import Code, Severity
from api.workbooks.serials import Epoch, plausible_day

FIRST_YEAR, LAST_YEAR = 1990, 2099

_NAMES = {
    **{name.lower(): number for number, name in enumerate(MONTH_NAMES, start=1)},
    **{name[:3].lower(): number for number, name in enumerate(MONTH_NAMES, start=1)},
    "sept": 9,
}
_NAME = r"(?P<name>[a-z]{3,9})\.?"
_FORMS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        rf"{_NAME}[ \-/.,]*'?(?P<year>\d{{4}}|\d{{2}})",
        rf"(?P<year>\d{{4}})[ \-/.]*{_NAME}",
        r"(?P<year>\d{4})[\-/.](?P<month>\d{1,2})(?:[\-/.](?P<day>\d{1,2})(?:[ t]00:00(?::00)?)?)?",
        r"(?P<month>\d{1,2})[\-/.](?P<year>\d{4})",
        rf"(?P<day>\d{{1,2}})[ \-/.]{_NAME}[ \-/.,]*(?P<year>\d{{4}})",
        rf"{_NAME} (?P<day>\d{{1,2}}),? (?P<year>\d{{4}})",
        r"(?P<year>(?:19|20)\d{2})(?P<month>0[1-9]|1[0-2])",
    )
)
_DIGITS = re.compile(r"\d{1,4}[\-/.]\d{1,4}(?:[\-/.]\d{1,4})?", re.ASCII)
_WORD = re.compile(r"(?:\d{1,2}[ \-/.])?([a-z]{3,10})(?:[ \-/.,]*'?\d{1,4})*\.?", re.ASCII)
_EXPECTED = "expected a month such as `Sep 2024`, `2024-09` or a date in that month"
_HINT = "Type the month with four digits of the year, such as `Sep 2024` or `2024-09`."


@dataclass(frozen=True, slots=True)
class MonthHeader:
    """A header meant as a month: its first day, None where it can't be read; what is to be said of it."""

    month: date | None
    remark: Remark | None = None


def read_month(value: Value | None, epoch: Epoch = Epoch.OF_1900) -> MonthHeader | None:
    """Read a header as a month.

    Returns
    -------
    MonthHeader or None
        None where the header was never meant as a month.
    """
    match value:
        case datetime():
            return _from_day(value)
        case bool():
            return None
        case float():
            day = plausible_day(value, epoch)
            return _from_day(day) if day else _from_digits(value)
        case str():
            return _from_text(clean(value).casefold(), value)
        case _:
            return None


def _from_day(day: datetime) -> MonthHeader:
    month = day.date().replace(day=1)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        return _not_read(
            f"The header is {day_in_words(day)}; expected a month of {FIRST_YEAR} to {LAST_YEAR}."
        )
    if day.day == 1:
        return MonthHeader(month)
    if day.day != day.year % 100 and day.day != calendar.monthrange(day.year, day.month)[1]:
        other = f"{MONTH_NAMES[day.month - 1]} {2000 + day.day}"
        return MonthHeader(
            month,
            Remark(
                Severity.WARNING,
                Code.MONTH_YEAR_DOUBTFUL,
                f"The header is the date {day_in_words(day)}, read as {month_in_words(month)}; "
                f"`{MONTH_NAMES[day.month - 1][:3]} {day.day}` typed in {day.year} would have meant {other}.",
                f"If {other} is meant, type `{other}`; if not, type `{month_in_words(month)}`.",
            ),
        )
    return MonthHeader(
        month,
        Remark(
            Severity.INFO,
            Code.MONTH_DAY_IGNORED,
            f"The header is the date {day_in_words(day)}, read as {month_in_words(month)}; the day is "
            "ignored.",
            f"Nothing to do; `{month_in_words(month)}` can't be mistaken.",
        ),
    )


def _from_digits(value: float) -> MonthHeader | None:
    text = str(int(value)) if value.is_integer() and 0 < value < 1e9 else ""
    found = _FORMS[-1].fullmatch(text)
    return MonthHeader(date(int(found["year"]), int(found["month"]), 1)) if found else None


def _from_text(text: str, original: str) -> MonthHeader | None:
    for form in _FORMS:
        found = form.fullmatch(text)
        parts = found.groupdict() if found else {}
        if not parts or ("name" in parts and parts["name"] not in _NAMES):
            continue
        month = _NAMES[parts["name"]] if "name" in parts else int(parts["month"])
        try:
            day = datetime(_full_year(parts["year"]), month, int(parts.get("day") or 1))  # noqa: DTZ001
        except ValueError:
            return _not_read(f"The header {original!r} is no month that there is; {_EXPECTED}.")
        return _from_day(day)
    return _explain(text, original)


def _full_year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (1900 if year >= FIRST_YEAR % 100 else 2000)


def _explain(text: str, original: str) -> MonthHeader | None:
    found = _WORD.fullmatch(text)
    if not _DIGITS.fullmatch(text) and not (
        found and difflib.get_close_matches(found[1], _NAMES, cutoff=0.8)
    ):
        return None
    if text.rstrip(".") in _NAMES:
        return _not_read(f"The header {original!r} names a month without its year; {_EXPECTED}.")
    return _not_read(f"The header {original!r} can't be told to be one month; {_EXPECTED}.")


def _not_read(message: str) -> MonthHeader:
    return MonthHeader(None, Remark(Severity.ERROR, Code.MONTH_NOT_READ, message, _HINT))
