# ruff: noqa: DTZ001 - the dates of workbooks know no time zone
import calendar
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.workbooks.messages import Code, Severity
from api.workbooks.months import FIRST_YEAR, LAST_YEAR, read_month
from api.workbooks.serials import Epoch
from tests.api.workbooks.properties import prove

months = st.builds(date, st.integers(FIRST_YEAR, LAST_YEAR), st.integers(1, 12), st.just(1))
two_digit_months = st.builds(date, st.integers(FIRST_YEAR, FIRST_YEAR + 99), st.integers(1, 12), st.just(1))
LONG, SHORT = calendar.month_name, calendar.month_abbr


@prove()
@given(month=months, form=st.sampled_from(range(20)), upper=st.booleans())
def test_text_with_a_full_year_is_its_month(month: date, form: int, upper: bool) -> None:
    year, number = month.year, month.month
    text = (
        f"{SHORT[number]} {year}", f"{LONG[number]} {year}", f"{SHORT[number]}-{year}",
        f"{SHORT[number]}. {year}", f"{LONG[number]}, {year}", f"{SHORT[number]}/{year}",
        f"{year} {SHORT[number]}", f"{year}-{SHORT[number]}", f"{year}-{number:02}", f"{year}-{number}",
        f"{year}/{number:02}", f"{year}.{number:02}", f"{year}-{number:02}-01",
        f"{number:02}/{year}", f"{number}/{year}", f"{number:02}-{year}", f"{number:02}.{year}",
        f"1 {LONG[number]} {year}", f"{LONG[number]} 1, {year}", f"  {SHORT[number]}  {year} ",
    )[form]  # fmt: skip
    header = read_month(text.upper() if upper else text)
    assert header is not None
    assert (header.month, header.remark) == (month, None)


@prove()
@given(month=two_digit_months, form=st.sampled_from(range(6)))
def test_text_with_two_digits_of_the_year_is_its_month(month: date, form: int) -> None:
    year, number = f"{month.year % 100:02}", month.month
    text = (
        f"{SHORT[number]} {year}", f"{LONG[number]} {year}", f"{SHORT[number]}-{year}",
        f"{SHORT[number]} '{year}", f"{SHORT[number]}{year}", f"{SHORT[number]}/{year}",
    )[form]  # fmt: skip
    header = read_month(text)
    assert header is not None
    assert header.month == month


@prove()
@given(day=st.datetimes(datetime(FIRST_YEAR, 1, 1), datetime(LAST_YEAR, 12, 31)))
def test_date_is_its_month_whatever_its_day(day: datetime) -> None:
    header = read_month(day)
    assert header is not None
    assert header.month == day.date().replace(day=1)
    last = calendar.monthrange(day.year, day.month)[1]
    if day.day == 1:
        assert header.remark is None
    else:
        assert header.remark is not None
        agrees = day.day in (day.year % 100, last)
        assert header.remark.code is (Code.MONTH_DAY_IGNORED if agrees else Code.MONTH_YEAR_DOUBTFUL)


@prove()
@given(day=st.datetimes(datetime(FIRST_YEAR, 1, 1), datetime(LAST_YEAR, 12, 31)))
def test_bare_number_is_the_day_that_excel_counts(day: datetime) -> None:
    day = day.replace(hour=0, minute=0, second=0, microsecond=0)
    assert read_month(float((day - Epoch.OF_1900.value).days)) == read_month(day)
    assert read_month(float((day - Epoch.OF_1904.value).days), Epoch.OF_1904) == read_month(day)


def test_typed_a_year_later_is_doubted_and_both_months_are_named() -> None:
    header = read_month(datetime(2025, 6, 24))
    assert header is not None
    assert header.month == date(2025, 6, 1)
    assert header.remark is not None
    assert header.remark.severity is Severity.WARNING
    assert "June 2025" in header.remark.message
    assert "June 2024" in header.remark.hint


@pytest.mark.parametrize("day", [datetime(2024, 6, 30), datetime(2024, 2, 29), datetime(2025, 2, 28)])
def test_last_of_a_month_is_a_custom_not_an_accident(day: datetime) -> None:
    header = read_month(day)
    assert header is not None
    assert header.remark is not None
    assert header.remark.code is Code.MONTH_DAY_IGNORED


@pytest.mark.parametrize(
    "text",
    [
        "June",
        "Sept.",
        "01/09/2024",
        "9/24",
        "24-Jun",
        "13/2024",
        "2024-13",
        "Jun 1024",
        "Augst 2024",
        "30 Feb 2024",
    ],
)
def test_what_could_be_a_month_but_is_not_told_which_is_an_error(text: str) -> None:
    header = read_month(text)
    assert header is not None
    assert header.month is None
    assert header.remark is not None
    assert (header.remark.code, header.remark.severity) == (Code.MONTH_NOT_READ, Severity.ERROR)


@pytest.mark.parametrize(
    "value", ["Total", "Comment", "Share %", "Q3 2024", "Yield", "", 12.0, 2024.0, True, None]
)
def test_what_was_never_meant_as_a_month_is_none(value: str | float | bool | None) -> None:
    assert read_month(value) is None


def test_number_of_year_and_month() -> None:
    header = read_month(202409.0)
    assert header is not None
    assert header.month == date(2024, 9, 1)
    assert read_month("202409") == header


@prove()
@given(text=st.text(max_size=60))
def test_any_text_is_read_or_not_but_never_breaks(text: str) -> None:
    header = read_month(text)
    assert header is None or (header.month is None) == (
        header.remark is not None and header.remark.severity is Severity.ERROR
    )
