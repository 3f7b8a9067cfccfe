"""A forecast leaves as ScrapChef reads it, and no spreadsheet runs what a grade is called."""

import csv
import io
import json
from dataclasses import replace

import openpyxl
import pytest

from api.reports.formats import HEATS, Breakdown, ExportFormat, harmless, render


def row(grade: str, heats: int, group: str = "Rebar") -> dict[str, object]:
    return {
        "group": group,
        "grade": grade,
        "heats": heats,
        "tons": heats * 100.0,
        "committed_heats": 0,
        "share": 0.5,
        "low": heats,
        "high": heats + 2,
    }


@pytest.fixture
def breakdown() -> Breakdown:
    return Breakdown(
        run_id="7b0c",
        month="2024-09",
        method="DISCOUNTED",
        heats=[row("B500B", 3), row('=HYPERLINK("http://x")', 2), row("60W", 0, "MBQ")],
        groups=[
            {"group": "Rebar", "ordered_heats": 5, "forecast_heats": 5},
            {"group": "MBQ", "ordered_heats": None, "forecast_heats": 0},
        ],
        unassigned=[{"grade": "A53/C592", "heats": 1, "suggestion": "A53/C591"}],
        warnings=["One grade has no group."],
    )


def test_csv_is_what_scrapchef_reads_grades_that_are_made_with_their_heats(breakdown: Breakdown) -> None:
    rows = list(csv.reader(io.StringIO(render(breakdown, ExportFormat.CSV).decode())))
    assert rows == [["grade", "heats"], ["B500B", "3"], ['\'=HYPERLINK("http://x")', "2"]]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_that_a_spreadsheet_would_run_is_escaped(start: str) -> None:
    assert harmless(f"{start}1+1") == f"'{start}1+1"


def test_an_ordinary_grade_is_left_as_it_is() -> None:
    assert harmless("A53/C591") == "A53/C591"


def test_json_tells_everything(breakdown: Breakdown) -> None:
    # Rows come from the database with their keys in any order.
    shuffled = replace(breakdown, heats=[dict(sorted(row.items())) for row in breakdown.heats])
    content = json.loads(render(shuffled, ExportFormat.JSON))
    assert content["total_heats"] == 5
    assert content["scrap_chef"][0] == {"grade": "B500B", "heats": 3}
    assert [r["grade"] for r in content["heats"]] == ["B500B", '=HYPERLINK("http://x")', "60W"]
    assert list(content["heats"][0]) == list(HEATS)
    assert content["unassigned"] == [{"grade": "A53/C592", "heats": 1, "suggestion": "A53/C591"}]
    assert content["warnings"] == ["One grade has no group."]


def test_the_workbook_has_a_sheet_for_each_question_and_no_formula(breakdown: Breakdown) -> None:
    book = openpyxl.load_workbook(io.BytesIO(render(breakdown, ExportFormat.XLSX)))
    assert book.sheetnames == ["ScrapChef", "Grades", "Groups", "Unassigned", "Notes"]
    assert [[c.value for c in r] for r in book["ScrapChef"].rows] == [
        ["grade", "heats"],
        ["B500B", 3],
        ['=HYPERLINK("http://x")', 2],
    ]
    assert "f" not in {cell.data_type for sheet in book for cells in sheet.rows for cell in cells}
    assert [[c.value for c in r] for r in book["Groups"].rows] == [
        ["group", "ordered heats", "forecast heats"],
        ["Rebar", 5, 5],
        ["MBQ", None, 0],
        ["all groups", 5, 5],
    ]
    grades = list(book["Grades"].rows)
    assert [cell.value for cell in grades[0]] == [
        *("group", "grade", "heats", "tons", "scheduled heats", "share", "low (80%)", "high (80%)")
    ]
    assert grades[1][5].number_format == "0.0%"


def test_an_empty_forecast_is_a_file_with_headers_only() -> None:
    empty = Breakdown(run_id="7b0c", month="2024-09", method="NONE")
    assert render(empty, ExportFormat.CSV) == b"grade,heats\r\n"
    assert openpyxl.load_workbook(io.BytesIO(render(empty, ExportFormat.XLSX)))["Grades"].max_row == 1
