"""Working days: given, continued, without an end."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver_jobs.foundry.calendar import WorkCalendar, is_workday, monday_of
from solver_jobs.foundry.problem import LAST_WORKDAY, Workday

MONDAY = date(2026, 1, 5)


def given_days(*days: int, week: int | None = None) -> list[Workday]:
    return [Workday(workday_index=i, date=date(2026, 1, d), week_index=week) for i, d in enumerate(days)]


class TestWorkCalendar:
    def test_monday_to_friday(self) -> None:
        rows = WorkCalendar(MONDAY).workdays(6)
        assert [row.date.day for row in rows] == [5, 6, 7, 8, 9, 12]
        assert [row.week_index for row in rows] == [0, 0, 0, 0, 0, 1]

    def test_holidays_are_left_out(self) -> None:
        rows = WorkCalendar(MONDAY, (), [MONDAY, date(2026, 1, 7)]).workdays(3)
        assert [row.date.day for row in rows] == [6, 8, 9]

    def test_given_days_stand_as_they_are(self) -> None:
        rows = WorkCalendar(MONDAY, given_days(5, 10, 11), [date(2026, 1, 10)]).workdays(5)
        assert [row.date.day for row in rows] == [5, 10, 11, 12, 13]
        assert [row.week_index for row in rows] == [0, 0, 0, 1, 1]

    def test_given_week_numbers_go_on(self) -> None:
        rows = WorkCalendar(MONDAY, given_days(8, 9, week=52)).workdays(8)
        assert [row.week_index for row in rows] == [52, 52, 53, 53, 53, 53, 53, 54]

    @pytest.mark.parametrize(
        ("day", "before", "after"),
        [(4, -1, 0), (5, 0, 0), (9, 4, 4), (10, 4, 5), (11, 4, 5), (12, 5, 5), (19, 10, 10)],
    )
    def test_index_of_a_day(self, day: int, before: int, after: int) -> None:
        calendar = WorkCalendar(MONDAY)
        assert calendar.index_on_or_before(date(2026, 1, day)) == before
        assert calendar.index_on_or_after(date(2026, 1, day)) == after

    def test_monday_off_is_before_the_first_workday(self) -> None:
        assert WorkCalendar(MONDAY, (), [MONDAY]).index_on_or_before(MONDAY) == -1

    def test_far_days_end_somewhere(self) -> None:
        assert WorkCalendar(MONDAY).index_on_or_before(date(9999, 12, 31)) == LAST_WORKDAY

    @given(
        day=st.dates(MONDAY, date(2028, 1, 1)), off=st.sets(st.dates(MONDAY, date(2028, 1, 1)), max_size=20)
    )
    def test_indices_and_dates_belong_together(self, day: date, off: set[date]) -> None:
        calendar = WorkCalendar(MONDAY, (), off)
        index = calendar.index_on_or_before(day)
        if index >= 0:
            assert calendar.date_of(index) <= day
        following = calendar.date_of(index + 1)
        assert following > day
        assert is_workday(following, off)
        assert not any(is_workday(day + timedelta(k), off) for k in range(1, (following - day).days))

    def test_monday_of(self) -> None:
        assert [monday_of(MONDAY + timedelta(k)) for k in (0, 6, 7)] == [
            MONDAY,
            MONDAY,
            MONDAY + timedelta(7),
        ]
