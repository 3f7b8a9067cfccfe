"""A plan leaves as a workbook that shows each working day and pattern change, as CSV with idle ones."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

import openpyxl

from api.reports.formats import ExportFormat
from api.reports.plans import PlanReport, render_plan
from tests.solver_jobs.foundry.monday import SHOP, plan_of, shop

MOLDS = {("O3", 0): 1, ("O3", 3): 1, ("O1", 0): 2, ("O1", 1): 2, ("O2", 7): 2, ("O2", 8): 1}
IDLE = [("O3", 1), ("O3", 2)]


def sheet(name: str, problem: Any = None, molds: Any = MOLDS, idle: Any = IDLE) -> list[tuple[Any, ...]]:
    problem = problem or shop()
    report = PlanReport(problem, plan_of(problem, molds, idle), scenario="Harbour", run_id="7b0c")
    book = openpyxl.load_workbook(io.BytesIO(render_plan(report, ExportFormat.XLSX)))
    return list(book[name].iter_rows(values_only=True))


def test_the_calendar_has_each_working_day_to_the_last_that_molds() -> None:
    header, *_ = sheet("Calendar")
    week = [
        f"{day} 2026-01-{5 + number:02}" for number, day in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri"))
    ]
    assert header[5:] == (*week, "Mon 2026-01-12", "Tue 2026-01-13", "Wed 2026-01-14", "Thu 2026-01-15")[:14]


def test_idle_patterns_are_marked_and_the_shop_is_told_below_the_orders() -> None:
    rows = {row[0]: row[5:9] for row in sheet("Calendar")}
    assert rows["O3"] == (1, "·", "·", 1)
    assert rows["O1"] == (2, 2, None, None)
    assert rows["molds"] == (3, 2, 0, 1)
    assert rows["patterns"] == (2, 2, 1, 1)
    assert rows["tons poured"] == (0, 0.4, 0.2, 0)
    assert rows["flasks S, of 6"] == (2, 4, 4, 2)
    assert [name for name in rows if str(name).startswith("flasks")] == [
        "flasks S, of 6",
        "flasks M, of 3",
        "flasks L, of 1",
    ]


def test_changes_tell_day_by_day_which_pattern_goes_on_or_off() -> None:
    loaded = [{"order_id": "O3", "is_loaded": 1}, {"order_id": "O2", "is_loaded": 1}]
    header, *rows = sheet("Changes", shop(initial_patterns_loaded=loaded))
    assert header == ("date", "pattern on", "pattern off")
    assert [(row[0].date(), *row[1:]) for row in rows] == [
        (date(2026, 1, 5), None, "O2"),
        (date(2026, 1, 5), "O1", None),
        (date(2026, 1, 7), None, "O1"),
        (date(2026, 1, 9), None, "O3"),
        (date(2026, 1, 14), "O2", None),
        (date(2026, 1, 16), None, "O2"),
    ]


def test_where_orders_of_a_part_share_a_pattern_changes_name_the_part() -> None:
    molds = {("O1", 0): 2, ("O2", 1): 2, ("O2", 2): 1}
    rows = sheet("Changes", shop(settings={"pattern_unit": "PART"}, initial_patterns_loaded=[]), molds, [])
    assert [row[1:] for row in rows[1:]] == [("A", None), (None, "A")]


def test_a_plan_without_changes_has_the_header_alone() -> None:
    problem = shop(orders=[{**SHOP["orders"][0], "qty": 1}], initial_patterns_loaded=[])
    assert sheet("Changes", problem, {}, []) == [("date", "pattern on", "pattern off")]


def test_the_summary_says_what_was_planned_in_words() -> None:
    figures = {row[0]: row[1] for row in sheet("Summary")[1:]}
    assert figures["scenario"] == "Harbour"
    assert figures["Monday"].date() == date(2026, 1, 5)
    assert figures["run"] == "7b0c"
    assert figures["status"] == "the best that was found in time"
    assert figures["most flasks S in use on a day"] == 4
    assert not [name for name in figures if name and "_" in name]


def rows_of(problem: Any = None, molds: Any = MOLDS, idle: Any = IDLE) -> list[dict[str, str]]:
    problem = problem or shop()
    content = render_plan(PlanReport(problem, plan_of(problem, molds, idle)), ExportFormat.CSV)
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_the_csv_has_a_row_for_each_day_of_a_pattern_and_0_molds_where_it_is_idle() -> None:
    rows = rows_of()
    assert list(rows[0]) == [
        "asof_date",
        "workday_index",
        "date",
        "week_index",
        "order_id",
        "part_id",
        "molds",
    ]
    told = [(row["order_id"], int(row["workday_index"]), int(row["molds"])) for row in rows]
    assert told == sorted(
        [(order_id, day, molds) for (order_id, day), molds in MOLDS.items()]
        + [(order_id, day, 0) for order_id, day in IDLE],
        key=lambda row: (row[1], row[0]),
    )
    assert [row["date"] for row in rows if row["molds"] == "0"] == ["2026-01-06", "2026-01-07"]


def test_a_pattern_that_is_left_on_the_line_after_the_last_mold_is_no_row() -> None:
    assert rows_of(idle=[*IDLE, ("O2", 9)]) == rows_of()
    assert rows_of(shop(orders=[{**SHOP["orders"][0], "qty": 1}], initial_patterns_loaded=[]), {}, []) == []
