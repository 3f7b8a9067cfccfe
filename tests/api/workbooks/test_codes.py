# ruff: noqa: DTZ001 - the dates of workbooks know no time zone
"""Each message that there is: the smallest workbook that calls it forth, and where it points."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import pytest
from openpyxl.worksheet.worksheet import Worksheet

from api.workbooks.catalogue import Grade, Group
from api.workbooks.changes import Stored, compare
from api.workbooks.kinds import WorkbookKind
from api.workbooks.messages import LIMIT_PER_CODE, CellMessage, Code, Severity
from api.workbooks.read import read_workbook
from tests.api.workbooks import test_foundry, test_hostile, test_sandbox, test_store
from tests.api.workbooks.sheets import AUGUST, ORDERS, PRODUCTION, ROOT, SCHEDULE, Rows, book, with_cells

INFO, WARNING, ERROR = Severity.INFO, Severity.WARNING, Severity.ERROR


@dataclass(frozen=True)
class Case:
    """A message and the workbook that calls it forth."""

    code: Code
    severity: Severity
    cell: str | None
    rows: Rows | dict[str, Rows]
    kind: WorkbookKind | None = None
    change: Callable[[Worksheet], None] | None = None
    mentions: Sequence[str] = ()


def hide(sheet: Worksheet) -> None:
    if sheet.title == "hidden":
        sheet.sheet_state = "hidden"


def many_rows(count: int) -> Rows:
    return [*PRODUCTION[:2], ["Rebar"], *([None, f"G{i}", "x", "y"] for i in range(count))]


READING = [
    # Which kind it is
    Case(Code.NOT_RECOGNISED, ERROR, None, [["Shopping list"], ["milk", 2]], mentions=["Sheet"]),
    Case(Code.SHEET_NOT_RECOGNISED, INFO, None, {"a": PRODUCTION, "b": [["Shopping list"]]}),
    Case(Code.SHEET_NOT_RECOGNISED, INFO, None, {"a": [["About the production history"]], "b": PRODUCTION}),
    Case(Code.HIDDEN_SHEET, WARNING, None, {"a": PRODUCTION, "hidden": ORDERS}, change=hide),
    Case(Code.KIND_MISMATCH, ERROR, None, ORDERS, kind=WorkbookKind.DAILY_CHARGE_SCHEDULE),
    Case(Code.KIND_NOT_SUPPORTED, ERROR, None, ORDERS, kind=WorkbookKind.MULTISITE),
    # Cells
    Case(Code.FORMULA_WITHOUT_VALUE, ERROR, "C3", with_cells(PRODUCTION, C3="=1+1")),
    Case(Code.FORMULA_WITHOUT_VALUE, ERROR, "B4", with_cells(SCHEDULE, B4="=B5")),
    Case(Code.FORMULA_WITHOUT_VALUE, ERROR, "A2", with_cells(SCHEDULE, A2="=TODAY()")),
    Case(Code.FORMULA_WITHOUT_VALUE, ERROR, "A4", with_cells(SCHEDULE, A4="=1/6")),
    Case(Code.FORMULA_WITHOUT_VALUE, ERROR, "E2", with_cells(PRODUCTION, E2="=EDATE(D2,1)", E3=1)),
    Case(Code.CELL_ERROR, ERROR, "D4", with_cells(PRODUCTION, D4="#REF!"), mentions=["#REF!"]),
    Case(Code.CELL_ERROR, ERROR, "C4", with_cells(SCHEDULE, C4="#N/A"), mentions=["#N/A"]),
    Case(Code.NOT_A_NUMBER, ERROR, "C3", with_cells(PRODUCTION, C3="many"), mentions=["many"]),
    Case(
        Code.NOT_A_NUMBER, ERROR, "B3", with_cells(ORDERS, B3=datetime(2024, 6, 1)), mentions=["1 June 2024"]
    ),
    Case(Code.NOT_A_NUMBER, ERROR, "B3", with_cells(ORDERS, B3=True)),
    Case(Code.NUMBER_AS_TEXT, WARNING, "C3", with_cells(PRODUCTION, C3="8,724"), mentions=["8,724"]),
    Case(Code.NUMBER_AMBIGUOUS, ERROR, "C3", with_cells(PRODUCTION, C3="8.724")),
    Case(Code.NUMBER_NEGATIVE, ERROR, "C3", with_cells(PRODUCTION, C3=-5), mentions=["-5 tons"]),
    Case(Code.NUMBER_NEGATIVE, ERROR, "B3", with_cells(ORDERS, B3=-1), mentions=["-1 heats"]),
    Case(Code.NUMBER_TOO_LARGE, ERROR, "C3", with_cells(PRODUCTION, C3=1e12)),
    Case(Code.HEATS_NOT_WHOLE, ERROR, "C4", with_cells(ORDERS, C4=67.5), mentions=["67.5"]),
    Case(Code.FIGURE_BLANK, INFO, "C3", with_cells(PRODUCTION, C3=None), mentions=["B500A", "June 2024"]),
    Case(Code.FIGURE_BLANK, INFO, "C3", with_cells(PRODUCTION, C3="-"), mentions=["dash"]),
    Case(Code.NAME_NOT_TEXT, ERROR, "B3", with_cells(PRODUCTION, B3=datetime(2024, 10, 18))),
    Case(Code.NAME_NOT_TEXT, ERROR, "B4", with_cells(SCHEDULE, B4=True)),
    Case(Code.NAME_NOT_TEXT, ERROR, "C4", with_cells(SCHEDULE, C4=datetime(2024, 6, 4))),
    Case(Code.NAME_TOO_LONG, ERROR, "B3", with_cells(PRODUCTION, B3="B" * 101)),
    Case(Code.NAME_TOO_LONG, ERROR, "C4", with_cells(SCHEDULE, C4="5" * 101)),
    # Month headers
    Case(Code.MONTH_DAY_IGNORED, INFO, "C2", with_cells(PRODUCTION, C2=datetime(2024, 6, 24))),
    Case(Code.MONTH_YEAR_DOUBTFUL, WARNING, "C2", with_cells(PRODUCTION, C2=datetime(2025, 6, 24))),
    Case(Code.MONTH_NOT_READ, ERROR, "C2", with_cells(PRODUCTION, C2="June")),
    Case(Code.MONTH_DUPLICATE, ERROR, "D2", with_cells(PRODUCTION, D2="Jun 24"), mentions=["C2"]),
    Case(Code.MONTH_WITHOUT_DATA, WARNING, "Z2", with_cells(PRODUCTION, Z2=AUGUST), mentions=["August 2024"]),
    # Tables of months
    Case(Code.NO_DATA, ERROR, None, PRODUCTION[:2]),
    Case(Code.NO_DATA, ERROR, None, [["Production history"], ["a", "b"]]),
    Case(Code.GROUP_MISSING, ERROR, "A3", with_cells(PRODUCTION, A3=None)),
    Case(Code.GROUP_MISSING, ERROR, "A4", with_cells(ORDERS, A4=None)),
    Case(Code.GRADE_MISSING, ERROR, "B4", with_cells(PRODUCTION, B4=None)),
    Case(Code.GRADE_MISSING, ERROR, "B4", with_cells(SCHEDULE, B4=None)),
    Case(Code.GRADE_DUPLICATE, ERROR, "B5", with_cells(PRODUCTION, B5="b500a"), mentions=["B3"]),
    Case(Code.GROUP_DUPLICATE, ERROR, "A4", with_cells(ORDERS, A4="REBAR"), mentions=["A3"]),
    Case(Code.ROW_WITHOUT_FIGURES, WARNING, "B5", with_cells(PRODUCTION, C5=None, D5=None), mentions=["A36"]),
    Case(Code.ROW_WITHOUT_FIGURES, WARNING, "A4", with_cells(ORDERS, B4=None, C4=None), mentions=["MBQ"]),
    Case(Code.TOTAL_IGNORED, INFO, "A6", with_cells(PRODUCTION, A6="Total", C6=19604, D6=20462)),
    Case(Code.TOTAL_IGNORED, INFO, "E2", with_cells(PRODUCTION, E2="Total", E3=17954)),
    Case(Code.TOTAL_DISAGREES, WARNING, "C6", with_cells(PRODUCTION, A6="Total", C6=19605)),
    Case(Code.NOTE_IGNORED, INFO, "A6", with_cells(PRODUCTION, A6="* preliminary")),
    Case(Code.NOTE_IGNORED, INFO, "F4", with_cells(PRODUCTION, F4="see mail of Monday")),
    Case(Code.NOTE_IGNORED, INFO, "A7", with_cells(SCHEDULE, A7="Caster down until noon.")),
    Case(Code.COLUMN_IGNORED, WARNING, "E3", with_cells(PRODUCTION, E2="Yield", E3=0.93), mentions=["Yield"]),
    Case(Code.UNIT_NOT_NAMED, INFO, None, with_cells(PRODUCTION, A1="Production history")),
    Case(Code.UNIT_NOT_HEATS, ERROR, None, with_cells(ORDERS, A1="Order forecast (short tons)")),
    # Charge schedules
    Case(Code.DAY_MISSING, ERROR, "A2", with_cells(SCHEDULE, A2=None)),
    Case(Code.DAY_NOT_READ, ERROR, "A2", with_cells(SCHEDULE, A2="30.8."), mentions=["30.8."]),
    Case(Code.DAY_DUPLICATE, ERROR, "D2", with_cells(SCHEDULE, D2=datetime(2024, 8, 30)), mentions=["A2"]),
    Case(Code.DAY_EMPTY, INFO, "D2", [row[:3] if i > 2 else row for i, row in enumerate(SCHEDULE)]),
    Case(Code.DAY_IDLE, INFO, "A2", with_cells(SCHEDULE, B4="-", C4="-"), mentions=["30 August 2024"]),
    Case(Code.TIME_MISSING, ERROR, "A4", with_cells(SCHEDULE, A4=None)),
    Case(Code.TIME_NOT_READ, ERROR, "A4", with_cells(SCHEDULE, A4="24:00"), mentions=["24:00"]),
    Case(Code.TIME_NOT_READ, ERROR, "A5", with_cells(SCHEDULE, A5="soon")),
    Case(Code.TIME_DUPLICATE, ERROR, "D5", with_cells(SCHEDULE, D5="05:00"), mentions=["D4", "05:00"]),
    Case(Code.TIME_OUT_OF_ORDER, WARNING, "D5", with_cells(SCHEDULE, D5="00:10"), mentions=["05:00"]),
    Case(Code.TIME_OF_ANOTHER_DAY, WARNING, "A4", with_cells(SCHEDULE, A4=datetime(2024, 8, 31, 4))),
    Case(Code.MOULD_MISSING, WARNING, "C4", with_cells(SCHEDULE, C4="-")),
    Case(Code.IDLE_IGNORED, INFO, None, SCHEDULE, mentions=["grade: 1."]),
    Case(Code.MORE_OF_THE_SAME, ERROR, None, many_rows(60), mentions=["70", "NOT_A_NUMBER"]),
]

REBAR, MBQ = Group(uuid4(), "Rebar", 0), Group(uuid4(), "MBQ", 1)
B500A, B500B = Grade(uuid4(), "B500A", REBAR.id, 0), Grade(uuid4(), "B500B", REBAR.id, 1)
MERGED = Grade(uuid4(), "B500b alt", None, 2, merged_into_id=B500B.id)
SUSPECT = Grade(uuid4(), "B500A", None, 1_000_000, suspect=True)
PLANT = Stored(groups=(REBAR, MBQ), grades=(B500A, B500B, MERGED))

SPELLED = Code.NAME_SPELLED_DIFFERENTLY
LOWER_CASE = Stored(grades=(Grade(uuid4(), "b500a", None, 1_000_000, suspect=True),))

DRAGGED = with_cells(SCHEDULE, B4="C591", B5="C592", E4="C593", E5="C594")


@dataclass(frozen=True)
class Compared:
    """A message that comes of comparing a workbook with what is stored."""

    code: Code
    severity: Severity
    cell: str | None
    rows: Rows | dict[str, Rows]
    stored: Stored = PLANT
    mentions: Sequence[str] = ()


COMPARING = [
    Compared(Code.UNKNOWN_GRADE, WARNING, "B4", with_cells(SCHEDULE, B4="B500 B"), mentions=["B500B"]),
    Compared(Code.UNKNOWN_GRADE, WARNING, "B4", with_cells(SCHEDULE, B4="X70"), mentions=["X70"]),
    Compared(Code.FILL_HANDLE, WARNING, "E5", DRAGGED, mentions=["C594", "C591"]),
    Compared(Code.NO_KNOWN_GRADES, WARNING, None, SCHEDULE, Stored()),
    Compared(Code.MERGED_GRADE, INFO, "B4", with_cells(SCHEDULE, B4="B500b alt"), mentions=["B500B"]),
    Compared(Code.MERGED_GRADE, INFO, "B5", with_cells(PRODUCTION, B5="B500b alt"), mentions=["B500B"]),
    Compared(Code.GROUP_ASSIGNED, INFO, "B3", PRODUCTION, Stored(grades=(SUSPECT,)), mentions=["Rebar"]),
    Compared(Code.GROUP_CHANGED, WARNING, "B4", with_cells(PRODUCTION, A4="MBQ"), mentions=["Rebar", "MBQ"]),
    Compared(Code.GROUP_SIMILAR, WARNING, "A3", with_cells(ORDERS, A3="Rebars"), mentions=["'Rebar'"]),
    Compared(Code.GROUP_SIMILAR, WARNING, "B3", with_cells(PRODUCTION, A3="Re-bar"), mentions=["'Rebar'"]),
    Compared(Code.GRADE_SIMILAR, WARNING, "B4", with_cells(PRODUCTION, B4="B500 B"), mentions=["'B500B'"]),
    Compared(Code.GRADE_SIMILAR, WARNING, "B4", with_cells(PRODUCTION, B4="B5OOB"), mentions=["'B500B'"]),
    Compared(SPELLED, WARNING, "B4", with_cells(PRODUCTION, B4="b500b"), mentions=["'b500b'", "'B500B'"]),
    Compared(SPELLED, WARNING, "B4", with_cells(SCHEDULE, B4="b500b"), mentions=["'b500b'", "'B500B'"]),
    Compared(SPELLED, WARNING, "B4", with_cells(SCHEDULE, B4="B500B  ALT"), mentions=["merged into 'B500B'"]),
    Compared(SPELLED, WARNING, "B3", with_cells(PRODUCTION, A3="rebar"), mentions=["'rebar'", "'Rebar'"]),
    Compared(SPELLED, WARNING, "A3", with_cells(ORDERS, A3="REBAR"), mentions=["group", "'Rebar'"]),
    Compared(SPELLED, WARNING, "B3", PRODUCTION, LOWER_CASE, mentions=["'b500a'", "named so now"]),
    Compared(Code.UNIT_CHANGED, WARNING, None, PRODUCTION, Stored(units=frozenset({"TONNE"}))),
    Compared(Code.CONTRADICTION, ERROR, "B3", {"a": PRODUCTION, "b": with_cells(PRODUCTION, C3=1)}),
    Compared(Code.CONTRADICTION, ERROR, "B4", {"a": SCHEDULE, "b": with_cells(SCHEDULE, B4="A36")}),
]

ELSEWHERE = test_hostile.CODES | test_sandbox.CODES | test_store.CODES | test_foundry.CODES
"""Codes that other modules prove."""


def name_of(case: Case | Compared) -> str:
    return f"{case.code}-{case.cell}"


@pytest.mark.parametrize("case", READING, ids=name_of)
def test_reading_says(case: Case) -> None:
    reading = read_workbook(book(case.rows, case.change), case.kind)
    check(case, reading.messages)


@pytest.mark.parametrize("case", COMPARING, ids=name_of)
def test_comparing_says(case: Compared) -> None:
    reading = read_workbook(book(case.rows))
    assert not reading.refused
    check(case, compare(reading.content, case.stored).messages)


def check(case: Case | Compared, messages: Sequence[CellMessage]) -> None:
    found = [m for m in messages if m.code is case.code and m.cell == case.cell]
    assert found, messages
    assert found[0].severity is case.severity
    for word in case.mentions:
        assert word in f"{found[0].message} {found[0].hint}"
    assert found[0].message.endswith(".")
    if case.severity is not INFO:
        assert found[0].hint


@pytest.mark.parametrize("rows", [PRODUCTION, ORDERS, SCHEDULE], ids=["production", "orders", "schedule"])
def test_plain_workbooks_call_forth_nothing_to_look_at(rows: Rows) -> None:
    assert {m.severity for m in read_workbook(book(rows)).messages} <= {INFO}


def test_messages_of_a_code_are_bounded() -> None:
    messages = read_workbook(book(many_rows(500))).messages
    assert len([m for m in messages if m.code is Code.NOT_A_NUMBER]) == LIMIT_PER_CODE


def test_every_code_is_proven() -> None:
    proven = {case.code for case in READING} | {case.code for case in COMPARING} | ELSEWHERE
    assert set(Code) - proven == set()


def test_every_code_is_documented() -> None:
    text = (ROOT / "docs" / "workbooks.md").read_text(encoding="utf-8")
    assert {code for code in Code if f"`{code}`" not in text} == set()
