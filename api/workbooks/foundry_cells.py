"""The cells of a foundry's tables: what a value is taken as, and what to say about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from api.workbooks.cells import Fault, Value, clean, day_in_words, describe, plain_number
from api.workbooks.content import Scalar
from api.workbooks.days import read_day
from api.workbooks.figures import AMBIGUOUS, LARGEST, PLAIN, Remark, fault_remark
from api.workbooks.foundry_tables import Form
from api.workbooks.messages import Code, Severity

MAX_TEXT = 200

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# Day, month and year: with points, nobody writes the month first.
_DOTTED = re.compile(r"(\d{1,2})\. ?(\d{1,2})\. ?(\d{4})", re.ASCII)
_AS_DATE = "Clear the cell, give it the format of a date, and type the date"


@dataclass(frozen=True, slots=True)
class Read:
    """A cell's value, None where it has none that is allowed; and what the cell is said to be."""

    value: Scalar | None
    remark: Remark | None = None


def read_cell(found: Value, form: Form) -> Read:
    """Take a cell as what its column holds."""
    if isinstance(found, Fault) and found.number is None:
        hint = fault_remark(found, form.value).hint
        return Read(None, Remark(Severity.ERROR, found.code, describe(found), hint))
    if form is Form.DAY:
        return _day(found)
    if form in (Form.WHOLE, Form.NUMBER):
        return _number(found, form)
    if form is Form.ANY and isinstance(found, bool | float):
        return Read(found)
    text = plain_number(found) if isinstance(found, float) else clean(found) if isinstance(found, str) else ""
    return Read(text) if 0 < len(text) <= MAX_TEXT else _refused(found, form, "Correct the cell.")


def _refused(found: Value, form: Form, hint: str, code: Code = Code.FOUNDRY_CELL) -> Read:
    return Read(None, Remark(Severity.ERROR, code, f"{describe(found)}; expected {form.value}", hint))


def _day(found: Value) -> Read:
    if isinstance(found, datetime):
        return Read(found.date().isoformat())
    if not isinstance(found, str):
        return _refused(found, Form.DAY, _way_to_date(found.number if isinstance(found, Fault) else found))
    text = clean(found)
    day = _day_of_text(text)
    if day is None:
        return _refused(found, Form.DAY, f"The cell holds text. {_AS_DATE}, or write it as 2026-01-31.")
    if _ISO.fullmatch(text):
        return Read(day.isoformat())
    told = f"{describe(found)}, read as {day_in_words(day)}"
    hint = "Make the cell a date, so that its day and month can't be mistaken."
    return Read(day.isoformat(), Remark(Severity.WARNING, Code.DATE_AS_TEXT, told, hint))


def _way_to_date(found: object) -> str:
    """Tell what to do about a value that is no date; 20260131 is told as the date that is meant."""
    try:
        meant = date.fromisoformat(f"{found:.0f}") if isinstance(found, float) else None
    except ValueError:
        meant = None
    return f"{_AS_DATE}, perhaps {meant}." if meant else f"{_AS_DATE}."


def _day_of_text(text: str) -> date | None:
    """Read a day from text, where it can be one day only."""
    try:
        if dotted := _DOTTED.fullmatch(text):
            return date(int(dotted[3]), int(dotted[2]), int(dotted[1]))
        return date.fromisoformat(text) if _ISO.fullmatch(text) else read_day(text)
    except ValueError:
        return None


def _number(found: Value, form: Form) -> Read:
    text = clean(found) if isinstance(found, str) else None
    if text is not None and AMBIGUOUS.fullmatch(text):
        hint = f"Make the cell a number: it may mean {text.replace('.', '')} or {text}."
        return _refused(found, form, hint, Code.NUMBER_AMBIGUOUS)
    number = float(text) if text is not None and PLAIN.fullmatch(text) else found
    if not isinstance(number, float) or not abs(number) <= LARGEST:
        is_text = "The cell holds text. Clear it, and type the number alone."
        return _refused(found, form, is_text if text is not None else "Correct the cell.")
    if form is Form.WHOLE and not number.is_integer():
        return _refused(found, form, "Correct the cell.")
    value = int(number) if form is Form.WHOLE else number
    if text is None:
        return Read(value)
    told = f"{describe(found)}, read as {plain_number(number)}"
    hint = "Make the cell a number (Data, Text to Columns)."
    return Read(value, Remark(Severity.WARNING, Code.NUMBER_AS_TEXT, told, hint))
