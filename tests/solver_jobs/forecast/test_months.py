"""A month is written YYYY-MM and counted in months."""

from __future__ import annotations

import calendar

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from solver_jobs.forecast.months import days_in_month, format_month, parse_month

years, months = st.integers(1, 9999), st.integers(1, 12)


@given(years, months)
def test_a_written_month_is_read_back(year: int, month: int) -> None:
    assert format_month(parse_month(f"{year:04d}-{month:02d}")) == f"{year:04d}-{month:02d}"


@given(st.integers(1, 9998), months)
def test_the_same_month_a_year_later_is_twelve_months_later(year: int, month: int) -> None:
    assert parse_month(f"{year + 1:04d}-{month:02d}") - parse_month(f"{year:04d}-{month:02d}") == 12


@given(years, months)
def test_the_days_are_those_of_the_calendar(year: int, month: int) -> None:
    assert days_in_month(parse_month(f"{year:04d}-{month:02d}")) == calendar.monthrange(year, month)[1]


WRITTEN = {f"{year:04d}-{month:02d}" for year in range(1, 10_000) for month in range(1, 13)}


@given(st.text(max_size=10) | st.from_regex(r"[0-9]{4}[-/ ][0-9]{1,2}\n?", fullmatch=True))
def test_nothing_else_is_a_month(text: str) -> None:
    assume(text not in WRITTEN)
    with pytest.raises(ValueError, match=r"found .*, expected a month"):
        parse_month(text)


@pytest.mark.parametrize(
    "text", ["2024-9", "2024-13", "2024-00", "0000-01", "Sep 24", "２０２４-09", "2024-09\n"]
)
def test_a_near_miss_is_named(text: str) -> None:
    with pytest.raises(ValueError, match='expected a month written "YYYY-MM"'):
        parse_month(text)
