"""Numbers in cells: real ones, and those that somebody typed as text."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from api.workbooks.cells import Fault, Value, clean, describe, shorten
from api.workbooks.messages import Code, Severity

LARGEST = 1_000_000_000
"""More tons or heats than any plant makes in a month."""

DASHES = frozenset({"-", "–", "—", "−", "--", "n/a", "na"})
"""How people say that there is no figure, or no heat."""

AMBIGUOUS = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}", re.ASCII)
"""A point before three digits: of thousands, or of decimals."""
PLAIN = re.compile(r"[+-]?\d+(?:\.\d*)?|[+-]?\.\d+", re.ASCII)
"""A number without separators of thousands."""

_THOUSANDTH = Decimal("0.001")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|[+-]?\d{1,3}(?:[ '’]\d{3})+(?:[.,]\d+)?", re.ASCII)
_EUROPEAN = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+,\d+|[+-]?\d{1,3}(?:\.\d{3}){2,}", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d{1,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be said about a cell."""

    severity: Severity
    code: Code
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A number to three decimals, None where the cell says none; and what is to be said of it."""

    number: Decimal | None
    remark: Remark | None = None


def read_tons(value: Value | None) -> Figure:
    """Read tons: zero or more, to three decimals."""
    return _read(value, "tons")


def read_heats(value: Value | None) -> Figure:
    """Read a number of heats: zero or more, whole."""
    figure = _read(value, "heats")
    if figure.number is None or figure.number == figure.number.to_integral_value():
        return figure
    return _refuse(
        Code.HEATS_NOT_WHOLE,
        f"{figure.number.normalize():f} heats; expected a whole number.",
        "A heat is made whole or not at all: round it in the workbook.",
    )


def _read(value: Value | None, what: str) -> Figure:
    number: Decimal | None
    remark = None
    match value:
        case None:
            return Figure(None)
        case bool():
            number = None
        case float() if math.isnan(value):
            number = None
        case float() if abs(value) > LARGEST:
            number = Decimal(2 * LARGEST).copy_sign(Decimal(value))
        case float():
            number = Decimal(repr(value))
        case str() if value.casefold() in DASHES:
            return Figure(None)
        case str():
            number, remark = _from_text(value, what)
        case Fault():
            return Figure(None, fault_remark(value, f"{what}, a number"))
        case _:
            number = None
    if number is None:
        return Figure(None, remark or _not_a_number(value, what))
    return _within_bounds(number, remark, what)


def _within_bounds(number: Decimal, remark: Remark | None, what: str) -> Figure:
    if number > LARGEST:
        return _refuse(
            Code.NUMBER_TOO_LARGE,
            f"More than {LARGEST:,} {what} in a month; no plant makes that.",
            "Correct the figure; perhaps two cells have run together.",
        )
    number = number.quantize(_THOUSANDTH, rounding=ROUND_HALF_EVEN)
    if number < 0:
        return _refuse(
            Code.NUMBER_NEGATIVE,
            f"{number.normalize():f} {what}; expected zero or more.",
            "Correct the figure; book corrections into the month that they belong to.",
        )
    return Figure(abs(number), remark)


def fault_remark(fault: Fault, expected: str) -> Remark:
    """Say that a cell has no value, and what was expected in it."""
    if fault.code is Code.FORMULA_WITHOUT_VALUE:
        return Remark(
            Severity.ERROR,
            fault.code,
            f"A formula that was never calculated; expected {expected}.",
            "Open the workbook in a spreadsheet program, let it calculate, and save it; or paste values.",
        )
    return Remark(
        Severity.ERROR,
        Code.CELL_ERROR,
        f"The error {fault.text}; expected {expected}.",
        "Mend the formula or type the value.",
    )


def _refuse(code: Code, message: str, hint: str) -> Figure:
    return Figure(None, Remark(Severity.ERROR, code, message, hint))


def _not_a_number(value: Value, what: str) -> Remark:
    return Remark(
        Severity.ERROR,
        Code.NOT_A_NUMBER,
        f"Found {describe(value)}; expected {what}, a number.",
        "Type a number, or clear the cell where there is none.",
    )


def _from_text(text: str, what: str) -> tuple[Decimal | None, Remark | None]:
    text = clean(text)
    if len(text) > 40:
        return None, None
    if AMBIGUOUS.fullmatch(text):
        return None, Remark(
            Severity.ERROR,
            Code.NUMBER_AMBIGUOUS,
            f"The text {text!r} may mean {text.replace('.', ',')} or {text} {what}.",
            "Make the cell a number, so that its point can't be mistaken.",
        )
    plain = _plain(text)
    if plain is None:
        return None, None
    return Decimal(plain), Remark(
        Severity.WARNING,
        Code.NUMBER_AS_TEXT,
        f"The text {shorten(text)!r} stands where a number should; read as {Decimal(plain):,f} {what}.",
        "Make the cell a number (Data, Text to Columns), so that totals count it.",
    )


def _plain(text: str) -> str | None:
    if _GROUPED.fullmatch(text):
        joined = re.sub(r"[ '’]|,(?=\d{3})", "", text) if "," in text else re.sub(r"[ '’]", "", text)
        return joined.replace(",", ".")
    if _EUROPEAN.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    if PLAIN.fullmatch(text):
        return text
    if _DECIMAL_COMMA.fullmatch(text):
        return text.replace(",", ".")
    return None
