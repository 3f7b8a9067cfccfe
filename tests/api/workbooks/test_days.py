from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.workbooks.days import read_day, read_start
from api.workbooks.serials import Epoch
from tests.api.workbooks.properties import prove

times = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))
days = st.dates(date(1990, 1, 1), date(2099, 12, 31))


@prove()
@given(start=times)
def test_start_time_in_all_its_forms(start: time) -> None:
    since_midnight = timedelta(hours=start.hour, minutes=start.minute)
    fraction = since_midnight / timedelta(days=1)
    forms = (
        start,
        datetime.combine(date(1900, 1, 1), start),
        datetime.combine(date(2024, 8, 30), start),
        since_midnight,
        fraction,
        1 + fraction,
        f"{start:%H:%M}",
        f"{start:%H:%M:%S}",
        f"{start.hour}:{start:%M}",
        f"{start:%H.%M}",
        f"{start:%H}h{start:%M}",
        f"{start:%I:%M %p}",
        f"{start:%I:%M%p}".lower(),
    )
    assert {read_start(form) for form in forms} == {start}


@pytest.mark.parametrize(
    "value",
    ["24:00", "4", "noon", "", "13:00 PM", "0:00 am", 2.0, -0.5, 45467.25, True, timedelta(days=1), None],
)
def test_what_is_no_start_time(value: str | float | timedelta | None) -> None:
    assert read_start(value) is None


@prove()
@given(day=days)
def test_day_in_all_its_forms(day: date) -> None:
    midnight = datetime.combine(day, time())
    forms = (
        midnight,
        float((midnight - Epoch.OF_1900.value).days),
        day.isoformat(),
        f"{day:%Y/%m/%d}",
        f"{day.isoformat()} 00:00:00",
        f"{day:%A} {day.isoformat()}",
        f"{day:%d %B %Y}",
        f"{day:%d-%b-%Y}",
        f"{day:%B %d, %Y}",
        f"{day:%a}, {day:%d %b %Y}",
        f"{day:%A %m/%d/%Y}" if day.weekday() != _swapped(day) else midnight,
    )
    assert {read_day(form) for form in forms} == {day}


def _swapped(day: date) -> int | None:
    """The weekday of the day that one gets by taking the month for the day, if that is another."""
    try:
        other = date(day.year, day.day, day.month)
    except ValueError:
        return None
    return other.weekday() if other != day else None


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("8/30/2024", date(2024, 8, 30)),
        ("30/8/2024", date(2024, 8, 30)),
        ("30.08.2024", date(2024, 8, 30)),
        ("Sunday 9/1/2024", date(2024, 9, 1)),
        ("1/9/2024 (Sun)", date(2024, 9, 1)),
        ("5/5/2024", date(2024, 5, 5)),
        ("1st September 2024", date(2024, 9, 1)),
        ("9/1/2024", None),
        ("Monday 2024-09-01", None),
        ("31 June 2024", None),
        ("August 2024", None),
        ("30.8.", None),
        ("soon", None),
    ],
)
def test_day_as_text(text: str, day: date | None) -> None:
    assert read_day(text) == day


@prove()
@given(text=st.text(max_size=40))
def test_any_text_is_a_day_or_none(text: str) -> None:
    assert isinstance(read_day(text), date | None)
    assert isinstance(read_start(text), time | None)
