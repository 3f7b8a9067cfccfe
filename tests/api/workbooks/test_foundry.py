# ruff: noqa: DTZ001 - the dates of workbooks know no time zone
"""A foundry's workbook: written, read, checked cell by cell, stored as a scenario."""

import io
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import openpyxl
import pytest
from openpyxl import Workbook

from api.foundry.problem import same_data
from api.workbooks.foundry_form import problem_of
from api.workbooks.foundry_judge import judged
from api.workbooks.foundry_scenario import Target
from api.workbooks.foundry_template import EXAMPLE, foundry_workbook
from api.workbooks.kinds import WorkbookKind
from api.workbooks.messages import Code, Severity
from api.workbooks.read import read_workbook
from solver_jobs.foundry.generate import generate
from solver_jobs.foundry.problem import Settings, read_problem
from tests.api.desk import Desk
from tests.api.foundry.test_scenarios import FULL, stored
from tests.api.workbooks.sheets import PRODUCTION, book
from tests.api.workbooks.test_graphql import IMPORT, Uploaded

CODES = {
    Code.DATE_AS_TEXT,
    Code.FOUNDRY_TABLE_MISSING,
    Code.FOUNDRY_TABLE_TWICE,
    Code.FOUNDRY_COLUMN_MISSING,
    Code.FOUNDRY_COLUMN_TWICE,
    Code.FOUNDRY_CELL,
    Code.FOUNDRY_UNSOUND,
    Code.FOUNDRY_ODD,
    Code.FOUNDRY_SCENARIO,
    Code.FOUNDRY_UNNAMED,
}
SCENARIOS = "{ scenarios { nodes { id name asofDate orders { totalCount } } } }"


def changed(change: Callable[[Workbook], None], problem: Mapping[str, Any] = FULL) -> bytes:
    """The workbook of a problem, with something done to it."""
    workbook = openpyxl.load_workbook(io.BytesIO(foundry_workbook(problem)))
    change(workbook)
    saved = io.BytesIO()
    workbook.save(saved)
    return saved.getvalue()


def put(sheet: str, cell: str, value: Any) -> Callable[[Workbook], None]:
    def change(workbook: Workbook) -> None:
        workbook[sheet][cell] = value

    return change


@pytest.mark.parametrize(
    "problem",
    [EXAMPLE, FULL, generate("S", seed=5).model_dump(mode="json", exclude_none=True)],
    ids=["template", "every table", "generated"],
)
def test_a_problem_comes_back_from_its_workbook(problem: Mapping[str, Any]) -> None:
    reading = read_workbook(foundry_workbook(problem))
    assert reading.kind is WorkbookKind.FOUNDRY
    assert reading.messages == ()
    assert same_data(read_problem(problem_of(reading.content)), read_problem(problem))


def test_sheets_are_told_by_their_headers_whatever_they_are_called() -> None:
    def rename(workbook: Workbook) -> None:
        for name in ("parts", "orders", "resources", "initial_flask_inuse", "expected_deliveries"):
            workbook[name].title = f"Blatt {name[:1]}{len(name)}"
        workbook["previous_plan"].title = "Previous plan"
        orders = workbook["Blatt o6"]
        orders.insert_rows(1)
        orders["A1"] = "Order book of the harbour"
        orders["D2"] = "Due date"

    reading = read_workbook(changed(rename))
    assert reading.messages == ()
    assert same_data(read_problem(problem_of(reading.content)), read_problem(FULL))


def test_other_sheets_are_left_alone() -> None:
    def add(workbook: Workbook) -> None:
        workbook.create_sheet("Notes")["A1"] = "Call the pattern shop"

    (message,) = read_workbook(changed(add)).messages
    assert (message.code, message.severity, message.sheet) == (
        Code.SHEET_NOT_RECOGNISED,
        Severity.INFO,
        "Notes",
    )


@pytest.mark.parametrize(
    ("change", "code", "sheet", "cell", "told"),
    [
        (put("orders", "C2", None), Code.FOUNDRY_CELL, "orders", "C2", "`qty` is blank"),
        (put("orders", "C2", 2.5), Code.FOUNDRY_CELL, "orders", "C2", "expected a whole number"),
        (put("orders", "C2", "many"), Code.FOUNDRY_CELL, "orders", "C2", "the text 'many'"),
        (put("orders", "D3", "soon"), Code.FOUNDRY_CELL, "orders", "D3", "expected a date"),
        (put("parts", "E2", "heavy"), Code.FOUNDRY_CELL, "parts", "E2", "expected a number"),
        (put("parts", "A2", "x" * 300), Code.FOUNDRY_CELL, "parts", "A2", "expected a text"),
        (put("parts", "C2", "=1+1"), Code.FORMULA_WITHOUT_VALUE, "parts", "C2", "a formula without a value"),
        (
            put("orders", "C1", "Qantity"),
            Code.FOUNDRY_COLUMN_MISSING,
            "orders",
            "A1",
            "lacks the column `qty`",
        ),
        (put("orders", "C1", "Qantity"), Code.COLUMN_IGNORED, "orders", "C1", "no column 'Qantity'"),
        (
            put("orders", "F1", "qty"),
            Code.FOUNDRY_COLUMN_TWICE,
            "orders",
            "F1",
            "`qty` stands in C1 and again in F1",
        ),
        (
            put("orders", "G1", "Due Date"),
            Code.FOUNDRY_COLUMN_TWICE,
            "orders",
            "G1",
            "`due_date` stands in D1 and again in G1",
        ),
        (lambda w: w["resources"].append([9] * 8), Code.FOUNDRY_CELL, "resources", "A3", "a second row"),
        (
            lambda w: w["settings"].append(["policy", "WEIGHTED"]),
            Code.FOUNDRY_CELL,
            "settings",
            "A12",
            "policy stands in A2 too",
        ),
        (lambda w: w.remove(w["resources"]), Code.FOUNDRY_TABLE_MISSING, "", None, "has no resources"),
        (
            lambda w: w["orders"].delete_rows(2, 99),
            Code.FOUNDRY_TABLE_MISSING,
            "orders",
            "A1",
            "no rows of orders below the headers",
        ),
        (
            lambda w: setattr(w.copy_worksheet(w["orders"]), "title", "more"),
            Code.FOUNDRY_TABLE_TWICE,
            "more",
            None,
            "orders is also in sheet 'orders'",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_cell(
    change: Callable[[Workbook], None], code: Code, sheet: str, cell: str | None, told: str
) -> None:
    reading = read_workbook(changed(change))
    found = [message for message in reading.messages if message.code is code]
    assert [(message.sheet, message.cell) for message in found] == [(sheet, cell)]
    assert told in found[0].message
    assert found[0].hint
    assert reading.refused


@pytest.mark.parametrize(
    ("sheet", "row"),
    [
        ("orders", ["Total", None, 159]),
        ("orders", ["TOTALS:", None, "=SUM(C2:C9)"]),
        ("orders", [None, "Sum", 159]),
        ("parts", ["Sub-total", None, 99, 12.5, 3]),
        ("calendar_workdays", ["total", None, None]),
        ("initial_order_progress", ["Total", 12]),
        ("initial_flask_inuse", ["Total", None, 12]),
        ("initial_pour_load", ["Total", 12.5]),
        ("expected_deliveries", ["Total", None, 7]),
        ("pins", ["Grand total", None, 7]),
        ("previous_plan", ["Σ", None, 7]),
    ],
    ids=str,
)
def test_a_row_that_adds_others_up_is_told_and_not_stored(sheet: str, row: list[Any]) -> None:
    reading = read_workbook(changed(lambda workbook: workbook[sheet].append(row)))
    (message,) = reading.messages
    assert (message.code, message.severity, message.sheet) == (Code.TOTAL_IGNORED, Severity.INFO, sheet)
    assert "adds others up and is not stored" in message.message
    assert same_data(read_problem(problem_of(reading.content)), read_problem(FULL))


@pytest.mark.parametrize(
    ("sheet", "row"),
    [
        ("orders", ["Total", None, 5, datetime(2026, 12, 1)]),
        ("orders", ["Total", "P", None]),
        ("orders", ["Total recall", None, 5]),
        ("resources", ["Total", 12, 6, 1, 8, 4, 4]),
        ("settings", ["Total", 3]),
    ],
    ids=str,
)
def test_a_row_that_may_be_meant_is_no_total(sheet: str, row: list[Any]) -> None:
    reading = read_workbook(changed(lambda workbook: workbook[sheet].append(row)))
    assert Code.TOTAL_IGNORED not in {message.code for message in reading.messages}


def test_a_remark_beside_a_whole_row_makes_no_total_of_it() -> None:
    def remark(workbook: Workbook) -> None:
        sheet = workbook["initial_pour_load"]
        sheet.insert_cols(1)
        sheet["A1"], sheet["A2"] = "Kind", "Total"

    reading = read_workbook(changed(remark))
    assert [message.code for message in reading.messages] == [Code.COLUMN_IGNORED]
    assert same_data(read_problem(problem_of(reading.content)), read_problem(FULL))


def test_an_order_called_like_a_total_keeps_its_rows() -> None:
    problem = json.loads(json.dumps(FULL).replace(json.dumps(FULL["orders"][0]["order_id"]), '"Total"'))
    reading = read_workbook(foundry_workbook(problem))
    assert reading.messages == ()
    assert same_data(read_problem(problem_of(reading.content)), read_problem(problem))


@pytest.mark.parametrize(
    ("change", "code", "cell", "told", "hint"),
    [
        (
            lambda w: w["orders"].merge_cells("D2:D4"),
            Code.FOUNDRY_CELL,
            "orders!D3",
            "`due_date` has no value of its own: the cells D2:D4 are merged; expected a date in each row.",
            "Unmerge the cells",
        ),
        (
            lambda w: w["orders"].merge_cells("E2:E3"),
            Code.FOUNDRY_CELL,
            "orders!E3",
            "`priority` has no value of its own: the cells E2:E3 are merged",
            "Unmerge the cells",
        ),
        (
            put("orders", "D2", "09/12/2026"),
            Code.FOUNDRY_CELL,
            "orders!D2",
            "`due_date` is the text '09/12/2026'; expected a date.",
            "The cell holds text.",
        ),
        (
            put("orders", "D2", "31.2.2026"),
            Code.FOUNDRY_CELL,
            "orders!D2",
            "`due_date` is the text '31.2.2026'; expected a date.",
            "The cell holds text.",
        ),
        (
            put("orders", "D2", 20260912),
            Code.FOUNDRY_CELL,
            "orders!D2",
            "`due_date` is the number 20260912 in a cell of dates, which shows ########; expected a date.",
            "Clear the cell, give it the format of a date, and type the date, perhaps 2026-09-12.",
        ),
        (
            put("orders", "C2", "=5+7"),
            Code.FORMULA_WITHOUT_VALUE,
            "orders!C2",
            "`qty` is a formula without a value.",
            "Open the workbook in a spreadsheet program, let it calculate, and save it",
        ),
        (
            put("orders", "C2", "#REF!"),
            Code.CELL_ERROR,
            "orders!C2",
            "`qty` is the error #REF!.",
            "Mend the formula",
        ),
        (
            put("orders", "C2", "1.200"),
            Code.NUMBER_AMBIGUOUS,
            "orders!C2",
            "`qty` is the text '1.200'; expected a whole number.",
            "Make the cell a number: it may mean 1200 or 1.200.",
        ),
        (
            put("parts", "E2", "0,125"),
            Code.FOUNDRY_CELL,
            "parts!E2",
            "`gross_weight_ton` is the text '0,125'; expected a number.",
            "The cell holds text. Clear it, and type the number alone.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "!" in value and " " not in value else "",
)
def test_a_hint_tells_the_way_out_of_this_cell(
    change: Callable[[Workbook], None], code: Code, cell: str, told: str, hint: str
) -> None:
    problem = {**FULL, "orders": [{**order, "priority": 50} for order in FULL["orders"]]}
    messages = read_workbook(changed(change, problem)).messages
    first = messages[0]
    assert {message.severity for message in messages} == {Severity.ERROR}
    assert (first.code, f"{first.sheet}!{first.cell}") == (code, cell)
    assert first.message.startswith(told)
    assert first.hint is not None
    assert first.hint.startswith(hint)


@pytest.mark.parametrize(
    ("sheet", "cell", "typed", "code", "told", "value"),
    [
        ("orders", "D2", "12.9.2026", Code.DATE_AS_TEXT, "read as 12 September 2026", "2026-09-12"),
        ("orders", "D2", "05.08.2026", Code.DATE_AS_TEXT, "read as 5 August 2026", "2026-08-05"),
        ("orders", "D2", "2026/09/12", Code.DATE_AS_TEXT, "read as 12 September 2026", "2026-09-12"),
        ("orders", "D2", "2026-09-12", None, "", "2026-09-12"),
        ("orders", "C2", "60", Code.NUMBER_AS_TEXT, "`qty` is the text '60', read as 60.", 60),
        ("parts", "E2", "0.125", Code.NUMBER_AS_TEXT, "read as 0.125", 0.125),
    ],
)
def test_what_is_typed_as_text_is_read_with_a_warning_where_it_means_one_thing(
    sheet: str, cell: str, typed: str, code: Code | None, told: str, value: object
) -> None:
    reading = read_workbook(changed(put(sheet, cell, typed)))
    column = {"C2": "qty", "D2": "due_date", "E2": "gross_weight_ton"}[cell]
    assert problem_of(reading.content)[sheet][0][column] == value
    assert [message.code for message in reading.messages] == ([code] if code else [])
    for message in reading.messages:
        assert (message.severity, message.cell) == (Severity.WARNING, cell)
        assert told in message.message


def hide(sheet: str) -> Callable[[Workbook], None]:
    return lambda workbook: setattr(workbook[sheet], "sheet_state", "hidden")


def test_a_hidden_sheet_is_told_as_hidden_and_not_read() -> None:
    messages = read_workbook(changed(hide("parts"))).messages
    missing, hidden = messages
    assert (missing.code, hidden.code) == (Code.FOUNDRY_TABLE_MISSING, Code.HIDDEN_SHEET)
    assert missing.message.startswith("The workbook has parts only in 'parts', a hidden sheet, not read;")
    assert (hidden.severity, hidden.sheet) == (Severity.WARNING, "parts")
    assert "looks like parts" in hidden.message
    for message in messages:
        assert message.hint is not None
        assert message.hint.startswith("Show the sheet")


def test_hidden_sheets_without_rows_or_beside_others_stop_nothing() -> None:
    def copy(workbook: Workbook) -> None:
        workbook.copy_worksheet(workbook["orders"]).title = "orders old"
        hide("orders old")(workbook)
        workbook["pins"].delete_rows(2, 9)
        hide("pins")(workbook)

    (message,) = read_workbook(changed(copy)).messages
    assert (message.code, message.sheet) == (Code.HIDDEN_SHEET, "orders old")


def test_a_sheet_of_a_tables_name_with_other_headers_is_told_its_headers() -> None:
    def translate(workbook: Workbook) -> None:
        for column, header in enumerate(["Auftrag", "Teil", "Menge", "Liefertermin", "Prio"], start=1):
            workbook["orders"].cell(1, column, header)

    (message,) = read_workbook(changed(translate)).messages
    assert (message.code, message.sheet, message.cell) == (Code.FOUNDRY_COLUMN_MISSING, "orders", "A1")
    assert "none of the headers of orders; expected `order_id`, `part_id`" in message.message


def test_a_workbook_of_a_melt_shop_is_not_taken_for_a_foundry() -> None:
    reading = read_workbook(book(PRODUCTION), WorkbookKind.FOUNDRY)
    assert [message.code for message in reading.messages] == [Code.KIND_MISMATCH, Code.KIND_MISMATCH]
    assert read_workbook(foundry_workbook(), WorkbookKind.DAILY_CHARGE_SCHEDULE).refused


async def imported(desk: Desk, content: bytes, **variables: Any) -> dict[str, Any]:
    payload = (await desk.ask(IMPORT, file=Uploaded("foundry.xlsx", content), **variables))["importWorkbook"]
    assert payload["userErrors"] == []
    report: dict[str, Any] = payload["report"]
    return report


def messages(report: dict[str, Any], code: Code) -> list[tuple[str, str | None]]:
    return [(one["sheet"], one["cell"]) for one in report["messages"] if one["code"] == code]


async def test_a_workbook_becomes_a_scenario_and_the_same_again_changes_nothing(planner: Desk) -> None:
    content = foundry_workbook({**FULL, "name": "Harbour"})
    report = await imported(planner, content)
    assert (report["kind"], report["stored"]) == ("FOUNDRY", True)
    assert report["rowsRead"] == report["rowsStored"] == 33
    # An order that can't be on time is named at its due date.
    assert ("orders", "D4") in messages(report, Code.FOUNDRY_ODD)
    (scenario,) = (await planner.ask(SCENARIOS))["scenarios"]["nodes"]
    assert (scenario["name"], scenario["asofDate"]) == ("Harbour", "2026-01-05")
    assert same_data(await stored(planner, scenario["id"]), read_problem(FULL))
    again = await imported(planner, content)
    assert (again["stored"], again["rowsStored"]) == (True, 0)
    assert messages(again, Code.NOTHING_CHANGED) == [("", None)]
    imports = "{ imports { totalCount nodes { kind } } }"
    assert (await planner.ask(imports))["imports"] == {"totalCount": 1, "nodes": [{"kind": "FOUNDRY"}]}


async def test_a_dry_run_tells_everything_and_stores_nothing(planner: Desk) -> None:
    report = await imported(planner, foundry_workbook(FULL), dryRun=True)
    assert (report["stored"], report["rowsStored"]) == (False, 0)
    assert messages(report, Code.FOUNDRY_ODD)
    assert (await planner.ask(SCENARIOS))["scenarios"]["nodes"] == []


async def test_data_that_cannot_be_planned_are_named_with_their_cells(planner: Desk) -> None:
    report = await imported(planner, changed(put("orders", "B3", "LADLE")))
    assert report["stored"] is False
    assert messages(report, Code.FOUNDRY_UNSOUND) == [("orders", "B3")]
    report = await imported(planner, changed(put("orders", "C3", -4)))
    assert report["stored"] is False
    assert messages(report, Code.FOUNDRY_CELL) == [("orders", "C3")]
    assert (await planner.ask(SCENARIOS))["scenarios"]["nodes"] == []


@pytest.mark.parametrize(
    ("change", "rows", "removed"),
    [
        (put("orders", "C3", 5), 1, None),
        (put("settings", "B7", 7), 1, None),
        (put("resources", "B2", 5), 1, None),
        (put("scenario", "C2", 0), 1, None),
        (lambda book: book["orders"].append(["A-9", "LID", 1, datetime(2026, 2, 2)]), 1, None),
        (lambda book: book["pins"].delete_rows(2), 0, "1 stored row is removed: 1 of pins."),
        (
            lambda book: [book["initial_pour_load"].delete_rows(2), put("orders", "C3", 7)(book)],
            1,
            "1 stored row is removed: 1 of initial_pour_load.",
        ),
    ],
)
async def test_only_rows_that_say_something_else_are_counted_as_stored(
    planner: Desk, change: Callable[[Workbook], None], rows: int, removed: str | None
) -> None:
    first = await imported(planner, changed(lambda _: None))
    assert first["rowsStored"] == first["rowsRead"] > 20
    again = await imported(planner, changed(change))
    assert (again["stored"], again["rowsStored"]) == (True, rows)
    told = [one["message"] for one in again["messages"] if one["code"] == Code.REPLACED]
    assert told == ([removed] if removed else [])
    assert Code.NOTHING_CHANGED not in {one["code"] for one in again["messages"]}


async def test_a_name_that_no_screen_shows_is_refused_at_its_cell(planner: Desk) -> None:
    report = await imported(planner, foundry_workbook({**FULL, "name": "KW\x9036"}))
    assert report["stored"] is False
    assert messages(report, Code.FOUNDRY_CELL) == [("scenario", "A2")]
    assert (await planner.ask(SCENARIOS))["scenarios"]["nodes"] == []


def row(sheet: str, *values: Any) -> Callable[[Workbook], None]:
    return lambda workbook: workbook[sheet].append(values)


@pytest.mark.parametrize(
    ("change", "place", "message", "hint"),
    [
        (
            put("parts", "C3", -5),
            "parts!C3",
            "`cool_hours` is the number -5; expected 0 or more.",
            "Correct the cell.",
        ),
        (
            put("parts", "B3", "m"),
            "parts!B3",
            "`flask_size` is the text 'm'; expected 'S', 'M' or 'L'.",
            "Write M.",
        ),
        (
            put("orders", "C4", -4),
            "orders!C4",
            "`qty` is the number -4; expected 0 or more.",
            "Correct the cell.",
        ),
        (
            put("resources", "B2", -1),
            "resources!B2",
            "`flasks_M` is the number -1; expected 0 or more.",
            "Correct the cell.",
        ),
        (
            put("scenario", "C2", -1),
            "scenario!C2",
            "`frozen_days` is the number -1; expected 0 or more.",
            "Correct the cell.",
        ),
        (
            put("settings", "A2", "Policy"),
            "settings!A2",
            "'Policy' is no setting; expected one of policy, pattern_unit, ",
            "Write policy, if that is meant.",
        ),
        (
            put("settings", "A4", "land"),
            "settings!A4",
            "'land' is no setting; ",
            "Delete the row, or write one of these.",
        ),
        (
            put("settings", "B2", "weighted"),
            "settings!B2",
            "`policy` is the text 'weighted'; expected 'WEIGHTED' or 'LEXICOGRAPHIC'.",
            "Write WEIGHTED.",
        ),
        (
            put("settings", "B6", None),
            "settings!B6",
            "`late_weight` is blank; expected a whole number.",
            "Correct the cell.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "!" in value else "",
)
async def test_what_no_problem_may_hold_is_named_with_its_cell(
    change: Callable[[Workbook], None], place: str, message: str, hint: str
) -> None:
    problem, found = await judged(read_workbook(changed(change)))
    assert problem is None
    assert [f"{one.sheet}!{one.cell}" for one in found] == [place]
    assert found[0].code is Code.FOUNDRY_CELL
    assert found[0].message.startswith(message)
    assert found[0].hint == hint


WEEK = [*enumerate(["2026-01-05", "2026-01-06", "2026-01-08", "2026-01-08", "2026-01-07"])]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            [row("calendar_workdays", i, datetime.fromisoformat(day)) for i, day in WEEK],
            ["calendar_workdays!B5 Workday 3", "calendar_workdays!B6 Workday 4"],
        ),
        (
            [row("calendar_workdays", i, datetime.fromisoformat(day)) for i, day in WEEK[:3] if i != 1],
            ["calendar_workdays!A3 The calendar's workday indices"],
        ),
        (
            [row("calendar_workdays", i, datetime(2026, 1, 3 + i)) for i in (1, 0)],
            ["calendar_workdays!B3 The calendar begins"],
        ),
        (
            [row("calendar_workdays", 0, datetime(2026, 1, 6)), row("holidays", datetime(2026, 1, 6))],
            [
                "calendar_workdays!B2 2026-01-06 stand",
                "calendar_workdays!B2 The calendar begins",
                "orders!D2 Order 26-0001 is due",
            ],
        ),
        ([put("scenario", "C2", 3)], ["scenario!C2 3 days are frozen"]),
        (
            [row("initial_pour_load", day, tons) for day, tons in ((0, 1), (1, 0.5), (1, 99))],
            ["initial_pour_load!B4 99500 kg"],
        ),
        (
            [row("initial_flask_inuse", size, 2, qty) for size, qty in (("M", 99), ("L", 3), ("L", 98))],
            ["initial_flask_inuse!C2 99 flasks M", "initial_flask_inuse!C4 101 flasks L"],
        ),
        (
            [row("orders", "26-0002", "Pump housing", 120_000, datetime(2026, 3, 2))],
            ["orders!C3 After 2000 working days"],
        ),
        (
            [
                row("orders", "26-0002", "Pump housing", 5, datetime(2026, 3, 2)),
                row("expected_deliveries", "26-0001", datetime(2026, 1, 8), 1),
                row("expected_deliveries", "26-0002", datetime(2026, 1, 8), 2),
                row("initial_order_progress", "26-0001", 1),
            ],
            ["expected_deliveries!C3 Order 26-0002 expects 2"],
        ),
        (
            [row("pins", "26-0001", 1, 2), row("pins", "26-0001", 2, 9)],
            ["pins!C3 On workday 2", "pins!C3 On workday 3"],
        ),
        (
            [row("initial_order_progress", "26-0001", 12)],
            ["orders Nothing is left to mold"],
        ),
    ],
    ids=lambda value: value[0].partition(" ")[0] if isinstance(value[0], str) else "",
)
async def test_a_finding_about_a_table_is_told_at_the_row_that_it_is_about(
    change: Sequence[Callable[[Workbook], None]], told: list[str]
) -> None:
    def all_of_it(workbook: Workbook) -> None:
        for one in change:
            one(workbook)

    _, found = await judged(read_workbook(changed(all_of_it, EXAMPLE)))
    places = [f"{one.sheet}!{one.cell}" if one.cell else one.sheet for one in found]
    assert len(found) == len(told), found
    for place, one, expected in zip(places, found, told, strict=True):
        assert f"{place} {one.message}".startswith(expected)


def several(*changes: Callable[[Workbook], None]) -> Callable[[Workbook], None]:
    def change(workbook: Workbook) -> None:
        for one in changes:
            one(workbook)

    return change


ONE_OF_EACH = several(
    put("orders", "C2", "many"),
    put("parts", "C3", -5),
    put("orders", "B4", "LADLE"),
    row("pins", "A-9", 0, 1),
    row("parts", "LID", "S", 1, 1, 1),
    put("scenario", "B2", datetime(2026, 1, 6)),
    put("calendar_workdays", "B3", datetime(2026, 1, 5)),
)
"""No number, out of bounds, unknown names, a double, a Monday that is none, wrong days."""


async def test_cells_bounds_names_and_days_are_told_at_once(planner: Desk) -> None:
    report = await imported(planner, changed(ONE_OF_EACH))
    assert report["stored"] is False
    errors = [one for one in report["messages"] if one["severity"] == "ERROR"]
    assert sorted(f"{one['sheet']}!{one['cell']}" for one in errors) == [
        "calendar_workdays!B2",
        "calendar_workdays!B3",
        "orders!B4",
        "orders!C2",
        "parts!A4",
        "parts!C3",
        "pins!A3",
        "scenario!B2",
    ]


@pytest.mark.parametrize(
    "change",
    [
        put("parts", "A2", None),
        put("orders", "A2", None),
        put("orders", "B2", None),
        put("scenario", "B2", "soon"),
        put("previous_plan", "C2", "many"),
        put("previous_plan", "C2", -1),
        put("calendar_workdays", "A2", "x"),
        put("settings", "A6", "weight of late units"),
        put("parts", "A1", "Teil"),
        put("orders", "A1", "Auftrag"),
        put("parts", "G1", "part_id"),
        lambda w: w.remove(w["parts"]),
        lambda w: w.remove(w["orders"]),
        lambda w: w.remove(w["scenario"]),
        lambda w: w.remove(w["resources"]),
        lambda w: setattr(w.copy_worksheet(w["parts"]), "title", "more"),
    ],
)
async def test_one_wrong_cell_calls_forth_no_other_error(change: Callable[[Workbook], None]) -> None:
    reading = read_workbook(changed(change))
    _, further = await judged(reading)
    errors = [one for one in (*reading.messages, *further) if one.severity is Severity.ERROR]
    assert len(errors) == 1, errors


def test_the_template_lists_all_settings_with_what_they_are_unless_told() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(foundry_workbook()))["settings"]
    rows = list(sheet.iter_rows(min_row=2, max_col=2))
    assert {name.value: value.value for name, value in rows} == Settings().model_dump(mode="json")
    notes = {name.value: name.comment.text for name, _ in rows if name.comment}
    assert notes["policy"] == "WEIGHTED or LEXICOGRAPHIC."
    assert "null: off" in notes["congestion_threshold"]


def told(report: dict[str, Any], code: Code) -> tuple[str, str]:
    """The one message of a code, and its hint."""
    (message,) = (one for one in report["messages"] if one["code"] == code)
    return message["message"], message["hint"]


async def test_the_report_tells_which_scenario_was_written_and_how_to_plan_it(planner: Desk) -> None:
    base = await imported(planner, foundry_workbook({**FULL, "name": "Harbour"}))
    message, hint = told(base, Code.FOUNDRY_SCENARIO)
    assert message.startswith("Scenario 'Harbour', as of Monday 5 January 2026: new; it is the base scenario")
    assert hint == "To plan it: pourplan replan"
    kw33 = {**EXAMPLE, "name": "KW 33", "asof_date": "2026-08-10"}
    for dry in (True, False):
        other = await imported(planner, foundry_workbook(kw33), dryRun=dry)
        message, hint = told(other, Code.FOUNDRY_SCENARIO)
        assert message.startswith("Scenario 'KW 33', as of Monday 10 August 2026: new; ")
        assert message.endswith("the base scenario 'Harbour' is planned.")
        assert hint == 'To plan it: pourplan replan --scenario "KW 33"'
    again = await imported(planner, foundry_workbook(kw33))
    assert "10 August 2026: unchanged; " in told(again, Code.FOUNDRY_SCENARIO)[0]
    later = await imported(planner, foundry_workbook({**kw33, "asof_date": "2026-08-17"}))
    assert "17 August 2026: replaces its data as of 10 August 2026; " in told(later, Code.FOUNDRY_SCENARIO)[0]


async def test_a_scenario_without_a_name_is_asked_about(planner: Desk) -> None:
    unnamed = foundry_workbook({**EXAMPLE, "name": None})
    report = await imported(planner, unnamed)
    assert messages(report, Code.FOUNDRY_UNNAMED) == [("scenario", "A2")]
    assert told(report, Code.FOUNDRY_UNNAMED)[0].endswith("the data are stored as 'Foundry'.")
    report = await imported(planner, foundry_workbook({**EXAMPLE, "name": None, "asof_date": "2026-01-12"}))
    message, hint = told(report, Code.FOUNDRY_UNNAMED)
    assert message.endswith("the data are stored as 'Foundry', and replace its data.")
    assert "below `name`" in hint


@pytest.mark.parametrize(
    ("name", "typed"), [("KW 33", '"KW 33"'), ("-33", '"-33"'), ('7"', "'7\"'"), ("a$b", "'a$b'")]
)
def test_a_scenarios_name_is_quoted_as_a_shell_reads_it(name: str, typed: str) -> None:
    target = Target(name, named=True, before=None, base="Harbour")
    assert target.command() == f"pourplan replan --scenario {typed}"
    assert shlex.split(target.command())[-1] == name
