from uuid import uuid4

from rich.console import Console

from api.workbooks.catalogue import Grade, Group
from api.workbooks.changes import Stored, compare
from api.workbooks.kinds import WorkbookKind
from api.workbooks.messages import CellMessage, Code, Severity
from api.workbooks.read import read_workbook
from api.workbooks.report import WorkbookReport
from api.workbooks.terminal import render_report
from tests.api.workbooks.sheets import NAMES, SAMPLE

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


def test_hint_of_dragged_grades_is_given_once() -> None:
    lines = shown(report_of(NAMES[2], rows_stored=37))
    dragged = [line for line in lines if "fill handle" in line]
    assert len(dragged) == 9
    assert sum("→ Probably A53/C591 is meant" in line for line in lines) == 1


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
