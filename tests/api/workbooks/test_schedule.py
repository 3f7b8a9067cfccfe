# ruff: noqa: DTZ001 - the dates of workbooks know no time zone
from datetime import date, datetime, time

from api.workbooks.messages import Code
from tests.api.workbooks.sheets import SCHEDULE, Rows, errors, read, said, with_cells


def heats(rows: Rows) -> list[tuple[int, str, str, str | None]]:
    reading = read(rows)
    assert not errors(reading), reading.messages
    return [
        (heat.day.day, f"{heat.start:%H:%M}", heat.grade, heat.mould_size)
        for table in reading.content.schedules
        for heat in table.heats
    ]


PLAIN = [(30, "04:00", "B500B", '5"'), (31, "05:00", "B500A", '5"'), (31, "06:11", "B500B", '6 1/4"')]


def test_days_side_by_side() -> None:
    assert heats(SCHEDULE) == PLAIN


def test_days_below_one_another() -> None:
    left, right = [row[:3] for row in SCHEDULE], [row[3:] for row in SCHEDULE[1:]]
    assert heats([*left, [], *right]) == PLAIN
    assert heats([*left, *right]) == PLAIN


def test_american_spelling_and_other_words() -> None:
    assert heats(with_cells(SCHEDULE, C3="Mold size", D3="Start:", E3="Steel grade", F3="SECTION")) == PLAIN


def test_date_may_stand_over_any_of_its_columns() -> None:
    assert heats(with_cells(SCHEDULE, A2=None, B2=datetime(2024, 8, 30))) == PLAIN
    assert heats(with_cells(SCHEDULE, A2="Friday 8/30/2024")) == PLAIN


def test_idle_in_all_its_forms() -> None:
    for dash in ("-", "–", "—", "idle", "Idle", "n/a", None):
        assert heats(with_cells(SCHEDULE, B5=dash, C5=dash)) == PLAIN


def test_idle_times_may_repeat_a_start() -> None:
    assert heats(with_cells(SCHEDULE, A5="04:00")) == PLAIN


def test_notes_and_totals_below_a_day() -> None:
    rows = with_cells(SCHEDULE, A6="Total heats", A7="Furnace relined until 12:00.")
    assert heats(rows) == PLAIN
    assert [m.cell for m in said(read(rows), Code.NOTE_IGNORED)] == ["A6", "A7"]


def test_missing_mould_is_stored_as_none() -> None:
    assert heats(with_cells(SCHEDULE, C4=None))[0] == (30, "04:00", "B500B", None)


def test_sizes_as_numbers() -> None:
    assert heats(with_cells(SCHEDULE, C4=6.25, F4=5))[:2] == [
        (30, "04:00", "B500B", "6.25"),
        (31, "05:00", "B500A", "5"),
    ]


def test_whole_idle_day_is_covered_and_a_blank_one_is_not() -> None:
    reading = read(with_cells(SCHEDULE, B4="-", C4="-"))
    assert reading.content.schedules[0].days == (date(2024, 8, 30), date(2024, 8, 31))
    reading = read([row if i < 3 else [None] * 3 + list(row[3:]) for i, row in enumerate(SCHEDULE)])
    assert reading.content.schedules[0].days == (date(2024, 8, 31),)


def test_all_errors_of_a_sheet_are_told_at_once() -> None:
    rows = with_cells(SCHEDULE, A4="soon", B4=True, C4=datetime(2024, 6, 4), D5="05:00")
    assert set(errors(read(rows))) == {Code.TIME_NOT_READ, Code.NAME_NOT_TEXT, Code.TIME_DUPLICATE}


def test_seconds_are_kept() -> None:
    reading = read(with_cells(SCHEDULE, A4=time(4, 0, 30)))
    assert reading.content.schedules[0].heats[0].start == time(4, 0, 30)
