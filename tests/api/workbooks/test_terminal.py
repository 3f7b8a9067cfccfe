from uuid import uuid4

import pytest
from rich.console import Console

from api.workbooks.catalogue import Grade, Group
from api.workbooks.changes import Stored, compare
from api.workbooks.kinds import WorkbookKind
from api.workbooks.messages import CellMessage, Code, Severity
from api.workbooks.read import read_workbook
from api.workbooks.report import WorkbookReport
from api.workbooks.terminal import render_report
from tests.api.workbooks.sheets import NAMES, SAMPLE, SCHEDULE, book, with_cells

PLANT = Stored(groups=(CHQ := Group(uuid4(), "CHQ", 0),), grades=(Grade(uuid4(), "A53/C591", CHQ.id, 0),))


def shown(report: WorkbookReport, *, dry_run: bool = False, width: int = 300) -> list[str]:
    console = Console(width=width, no_color=True)
    with console.capture() as capture:
        console.print(render_report("plant.xlsx", report, dry_run=dry_run))
    return [line.rstrip() for line in capture.get().splitlines()]


def report_of(name: str, *, rows_stored: int = 0) -> WorkbookReport:
    reading = read_workbook((SAMPLE / name).read_bytes())
    messages = (*reading.messages, *compare(reading.content, PLANT).messages)
    return WorkbookReport(reading.kind, "0" * 64, True, reading.content.rows, rows_stored, messages)


def test_history_that_is_stored() -> None:
    lines = shown(report_of(NAMES[0], rows_stored=48))
    assert lines[0] == "plant.xlsx: production history, 48 of 48 figures are new or changed"
    assert lines[1].startswith("  ! 2024 production!Z2  A stray header for April 2024")
    assert lines[2].startswith("    → Remove the header")
    assert lines[3].startswith("  · 2024 production!C2  The header is the date 24 June 2024")
    assert lines[3].endswith("And 2 more like it: D2, E2.")


def test_dragged_grades_are_one_line_with_one_hint() -> None:
    report = report_of(NAMES[2], rows_stored=37)
    assert len([message for message in report.messages if message.code is Code.FILL_HANDLE]) == 9
    lines = shown(report)
    (dragged,) = [line for line in lines if "fill handle" in line]
    assert "schedule!B10  A53/C592 to A53/C600, 9 cells, are no known grades" in dragged
    assert sum("→ Probably A53/C591 is meant" in line for line in lines) == 1


def test_each_drag_is_a_line_of_its_own_and_counts_all_its_cells() -> None:
    names = ["X9", "X10", "X11", "X11", "Y4", "Y5", "Y6"]
    rows = [["04:00", name, '5"'] for name in names]
    schedule = [*SCHEDULE[:2], SCHEDULE[2][:3], *([f"0{i}:00", *row[1:]] for i, row in enumerate(rows))]
    grades = tuple(Grade(uuid4(), name, CHQ.id, 0) for name in ("X8", "Y3"))
    reading = read_workbook(book([schedule[0], schedule[1][:1], *schedule[2:]]))
    messages = compare(reading.content, Stored(groups=(CHQ,), grades=grades)).messages
    lines = shown(WorkbookReport(reading.kind, "0" * 64, True, 7, 7, messages))
    dragged = [line.split("  ")[2] for line in lines if "fill handle" in line]
    assert [line.split(", are")[0] for line in dragged] == ["X9 to X11, 4 cells", "Y4 to Y6, 3 cells"]


def test_one_dragged_cell_is_told_by_its_name() -> None:
    rows = with_cells(SCHEDULE, B4="X9", E4="X9", E5="X9")
    grades = tuple(Grade(uuid4(), name, CHQ.id, 0) for name in ("X7", "X8", "X10"))
    reading = read_workbook(book(rows))
    messages = compare(reading.content, Stored(groups=(CHQ,), grades=grades)).messages
    lines = shown(WorkbookReport(reading.kind, "0" * 64, True, 3, 3, messages))
    assert [line for line in lines if "X9 (3 heats)" in line]


@pytest.mark.parametrize(
    ("read", "stored", "told"),
    [
        (1, 1, "1 of 1 heat is new or changed"),
        (37, 1, "1 of 37 heats is new or changed"),
        (1200, 37, "37 of 1,200 heats are new or changed"),
        (1, 0, "1 heat read, none new or changed"),
    ],
)
def test_counts_are_good_grammar(read: int, stored: int, told: str) -> None:
    report = WorkbookReport(WorkbookKind.DAILY_CHARGE_SCHEDULE, "0" * 64, True, read, stored, ())
    assert shown(report) == [f"plant.xlsx: charge schedule, {told}"]


def test_nothing_new_and_dry_run() -> None:
    assert shown(report_of(NAMES[1]))[0] == "plant.xlsx: order forecast, 16 figures read, none new or changed"
    dry = shown(report_of(NAMES[1]), dry_run=True)[0]
    assert dry == "plant.xlsx: order forecast, 16 figures read; a dry run, nothing is stored"


def test_refused_file() -> None:
    reading = read_workbook(b"%PDF")
    lines = shown(WorkbookReport(None, "0" * 64, False, 0, 0, reading.messages))
    assert lines == [
        "plant.xlsx: not read, nothing is stored",
        "  ✗ The file is not an Excel workbook: it looks like a PDF.",
        "    → Open it in a spreadsheet program and save it as .xlsx.",
    ]


def test_what_stands_in_a_workbook_is_never_taken_for_markup() -> None:
    message = CellMessage(Severity.ERROR, "[red]", "A1", Code.NOT_A_NUMBER, "Found [bold]x[/].", "[/oops]")
    lines = shown(WorkbookReport(WorkbookKind.DAILY_CHARGE_SCHEDULE, "0" * 64, False, 1, 0, (message,)))
    assert lines[1:] == ["  ✗ [red]!A1  Found [bold]x[/].", "    → [/oops]"]


def test_the_scenario_of_a_foundry_stands_below_the_headline() -> None:
    told = CellMessage(
        Severity.INFO,
        "",
        None,
        Code.FOUNDRY_SCENARIO,
        "Scenario 'KW 33': new.",
        "To plan it: pourplan replan",
    )
    unread = CellMessage(
        Severity.INFO, "notes", None, Code.SHEET_NOT_RECOGNISED, "No table.", "Nothing to do."
    )
    report = WorkbookReport(WorkbookKind.FOUNDRY, "0" * 64, True, 58, 58, (unread, told))
    assert shown(report) == [
        "plant.xlsx: foundry, 58 of 58 rows are new or changed",
        "  Scenario 'KW 33': new.",
        "  → To plan it: pourplan replan",
        "  · notes  No table.",
    ]
    narrow = shown(report, width=20)
    assert narrow[narrow.index("  Scenario 'KW 33':") + 1] == "  new."
