# ruff: noqa: DTZ001 - the dates of workbooks know no time zone
"""Tables of months: what is a row of figures, what is not, and that nothing is lost between."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from api.workbooks.content import TonUnit
from api.workbooks.kinds import WorkbookKind
from api.workbooks.messages import Code
from api.workbooks.production import read_unit
from api.workbooks.read import read_workbook
from tests.api.workbooks.properties import prove
from tests.api.workbooks.sheets import ORDERS, PRODUCTION, Rows, book, errors, read, said, with_cells


def figures(rows: Rows) -> dict[tuple[str, str, date], int]:
    """Tons by group, grade and month; the workbook must be without errors."""
    reading = read(rows)
    assert not errors(reading), reading.messages
    return {
        (row.group, row.grade, month): int(tons)
        for table in reading.content.production
        for row in table.rows
        for month, tons in zip(table.months, row.tons, strict=True)
        if tons is not None
    }


PLAIN = figures(PRODUCTION)


def test_blank_rows_and_columns_are_passed_over() -> None:
    wide = [[None, *row[:2], None, *row[2:]] for row in PRODUCTION]
    spaced = [[], *(line for row in wide for line in (row, []))]
    assert figures(spaced) == PLAIN


def test_merged_groups_read_like_blank_ones() -> None:
    def merge(sheet: Worksheet) -> None:
        sheet.merge_cells("A3:A4")

    assert read_workbook(book(PRODUCTION, merge)) == read(PRODUCTION)


def test_group_on_a_line_of_its_own() -> None:
    rows = [
        *PRODUCTION[:2],
        ["Rebar"],
        [None, *PRODUCTION[2][1:]],
        PRODUCTION[3],
        ["MBQ"],
        [None, *PRODUCTION[4][1:]],
    ]
    assert figures(rows) == PLAIN


def test_totals_are_never_grades() -> None:
    rows = [
        *PRODUCTION[:4],
        [None, "Subtotal", 19604, 20260],
        PRODUCTION[4],
        ["MBQ total", None, 0, 202],
        ["Grand total", None, 19604, 20462],
        ["Average", None, 6534.7, 6820.7],
    ]
    assert figures(rows) == PLAIN
    reading = read(rows)
    assert len(said(reading, Code.TOTAL_IGNORED)) == 4
    assert not said(reading, Code.TOTAL_DISAGREES)


def test_total_that_disagrees_names_both_sums() -> None:
    reading = read([*PRODUCTION, ["Total", None, 19604, 20000]])
    (message,) = said(reading, Code.TOTAL_DISAGREES)
    assert message.cell == "D6"
    assert "20,000" in message.message
    assert "20,462" in message.message


def test_totals_may_be_formulas_that_were_never_calculated() -> None:
    assert figures([*PRODUCTION, ["Total", None, "=SUM(C3:C5)", "=SUM(D3:D5)"]]) == PLAIN


def test_notes_are_never_grades() -> None:
    rows = [
        *PRODUCTION,
        [],
        ["* figures for July are preliminary"],
        [None, "Source: melt shop log"],
        ["checked by the shift foreman"],
        ["Notes"],
    ]
    assert figures(rows) == PLAIN
    assert [m.cell for m in said(read(rows), Code.NOTE_IGNORED)] == ["A7", "B8", "A9", "A10"]


def test_headers_repeated_for_printing_begin_a_new_table() -> None:
    assert figures([*PRODUCTION[:4], [], *PRODUCTION[1:2], PRODUCTION[4]]) == PLAIN


def test_tables_below_one_another_may_be_of_other_months() -> None:
    second = with_cells(PRODUCTION[1:], C1=datetime(2024, 8, 1), D1=datetime(2024, 9, 1))
    assert len(figures([*PRODUCTION, [], *second])) == 2 * len(PLAIN)


def test_same_month_of_a_grade_in_two_tables_is_a_duplicate() -> None:
    assert errors(read([*PRODUCTION, [], *PRODUCTION[1:]])) == [Code.GRADE_DUPLICATE] * 3


def test_stray_header_may_name_a_month_again() -> None:
    rows = with_cells(PRODUCTION, H2=datetime(2024, 6, 24))
    assert figures(rows) == PLAIN
    assert [m.cell for m in said(read(rows), Code.MONTH_WITHOUT_DATA)] == ["H2"]


def test_stray_header_that_is_no_month_is_no_error() -> None:
    assert figures(with_cells(PRODUCTION, H2="June")) == PLAIN


def test_numbers_as_names() -> None:
    found = figures(with_cells(PRODUCTION, B3=1018, B4="1020"))
    assert {grade for _, grade, _ in found} == {"1018", "1020", "A36"}


def test_names_are_freed_of_surplus_blanks() -> None:
    found = figures(with_cells(PRODUCTION, B3=" B500A\n", A3="Re\u00a0bar "))
    assert ("Re bar", "B500A", date(2024, 6, 1)) in found


def test_units_of_titles() -> None:
    units = {
        "Production history (short tons)": TonUnit.SHORT_TON,
        "Production in US tons": TonUnit.SHORT_TON,
        "Production, long tons": TonUnit.LONG_TON,
        "Production (tonnes)": TonUnit.TONNE,
        "Production in metric tons": TonUnit.TONNE,
        "Production (t)": TonUnit.TONNE,
        "Production (tons)": TonUnit.TON,
        "Production of Boston": None,
    }
    assert {title: read_unit(title) for title in units} == units


def test_kind_is_told_by_headers_whatever_the_title() -> None:
    assert (
        read(with_cells(PRODUCTION, A1="Order forecast in short tons")).kind
        is WorkbookKind.STEEL_GRADE_PRODUCTION
    )
    assert read(with_cells(ORDERS, A1=None)).kind is WorkbookKind.PRODUCT_GROUPS_MONTHLY


def test_sheet_about_a_history_keeps_nothing_out() -> None:
    reading = read({"About": [["This workbook holds the production history."]], "2024": PRODUCTION})
    assert reading.kind is WorkbookKind.STEEL_GRADE_PRODUCTION
    assert not reading.refused


@dataclass(frozen=True)
class Panel:
    """What a workbook says."""

    grades: list[tuple[str, str]]
    months: list[date]
    tons: list[list[int | None]]


names = st.text("ABCS0123456789/", min_size=1, max_size=8).filter(lambda name: name.strip("/") == name)
months = st.lists(
    st.builds(date, st.integers(2020, 2026), st.integers(1, 12), st.just(1)),
    min_size=1,
    max_size=5,
    unique=True,
)


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    groups = draw(
        st.lists(st.sampled_from(["Rebar", "MBQ", "SBQ", "CHQ"]), min_size=1, max_size=4, unique=True)
    )
    grades = draw(st.lists(names, min_size=len(groups), max_size=8, unique_by=str.casefold))
    cuts = sorted(draw(st.integers(0, len(groups) - 1)) for _ in grades)
    told = draw(months)
    tons = [[draw(st.none() | st.integers(0, 99_999)) for _ in told] for _ in grades]
    return Panel([(groups[cut], grade) for cut, grade in zip(cuts, grades, strict=True)], told, tons)


def header_forms(month: date) -> list[Any]:
    midnight = datetime(month.year, month.month, 1)
    return [
        midnight,
        midnight.replace(day=month.year % 100),
        f"{midnight:%b %y}",
        f"{midnight:%B %Y}",
        f"{midnight:%Y-%m}",
        f"{midnight:%m/%Y}",
    ]


@prove(60)
@given(panel=panels(), data=st.data())
def test_panel_is_read_back_whatever_the_plant_adds(panel: Panel, data: st.DataObject) -> None:
    rows: list[list[Any]] = [["Production history (tonnes)"], []]
    rows.append(
        ["Quality group", "Grade", *(data.draw(st.sampled_from(header_forms(m))) for m in panel.months)]
    )
    last = ""
    for (group, grade), tons in zip(panel.grades, panel.tons, strict=True):
        if group != last and data.draw(st.booleans()):
            rows.append([group])
            last = group
        rows.append([group if group != last or data.draw(st.booleans()) else None, grade, *tons])
        last = group
        noise = data.draw(st.sampled_from(["", "", "", "blank", "note"]))
        if noise == "note" and any(t is not None for t in tons):
            rows.append([None, "* corrected after stocktaking"])
        elif noise:
            rows.append([])
    sums = [sum(row[i] or 0 for row in panel.tons) for i in range(len(panel.months))]
    rows.append(["Total", None, *sums])
    reading = read(rows)
    assert [c for c in errors(reading) if c is not Code.NO_DATA] == []
    assert not said(reading, Code.TOTAL_DISAGREES)
    found = {
        (row.group, row.grade, month): tons
        for table in reading.content.production
        for row in table.rows
        for month, tons in zip(table.months, row.tons, strict=True)
        if tons is not None
    }
    assert found == {
        (*names, month): Decimal(tons)
        for names, row in zip(panel.grades, panel.tons, strict=True)
        for month, tons in zip(panel.months, row, strict=True)
        if tons is not None
    }
