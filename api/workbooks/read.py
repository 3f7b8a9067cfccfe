"""A workbook's bytes in, its content and messages out; and the same as a child process.

`python -m api.workbooks.read` reads bytes from standard input and writes the reading as JSON to standard
output, under limits on memory and processor time. It imports little, so that it starts fast.
"""

from __future__ import annotations

import sys

from api.workbooks.cells import Sheet
from api.workbooks.content import Content, OrderTable, ProductionTable, Reading, ScheduleTable
from api.workbooks.foundry import read_foundry
from api.workbooks.kinds import LAYOUTS, WorkbookKind
from api.workbooks.messages import CellMessage, Code, Findings, Severity, WorkbookRefused
from api.workbooks.orders import read_orders
from api.workbooks.package import MAX_BYTES
from api.workbooks.production import read_production
from api.workbooks.recognise import Recognised, recognise
from api.workbooks.schedule import read_schedule
from api.workbooks.spreadsheet import read_sheets


def read_workbook(content: bytes, kind: WorkbookKind | None = None) -> Reading:
    """Read a workbook of any kind. Never raises for what is in the file: that becomes messages.

    Parameters
    ----------
    content
        The file.
    kind
        What it has to be; None where its content is to tell.
    """
    if kind is not None and kind not in LAYOUTS:
        message = f"Workbooks of the kind {kind} can't be read yet."
        return _refusal(Code.KIND_NOT_SUPPORTED, message, f"These can: {', '.join(LAYOUTS)}.")
    try:
        sheets = read_sheets(content)
        foundry = read_foundry(sheets) if kind in (None, WorkbookKind.FOUNDRY) else None
        return foundry or _Reader(kind).read(sheets)
    except WorkbookRefused as refused:
        return Reading(None, Content(), (refused.finding,))
    except MemoryError:
        return _refusal(
            Code.OUT_OF_MEMORY,
            "Reading the workbook took more memory than is allowed.",
            "Import fewer months or days at a time.",
        )


class _Reader:
    """Reads the sheets of one workbook into one content."""

    def __init__(self, asked: WorkbookKind | None) -> None:
        self._asked = asked
        self._kinds: list[WorkbookKind] = []
        self._findings: list[Findings] = []
        self._production: list[ProductionTable] = []
        self._orders: list[OrderTable] = []
        self._schedules: list[ScheduleTable] = []
        self._not_recognised: list[Findings] = []
        self._titled: list[tuple[Recognised, Findings]] = []
        self._other_kinds: list[WorkbookKind] = []

    def read(self, sheets: list[Sheet]) -> Reading:
        for sheet in sheets:
            findings = Findings(sheet.name)
            self._findings.append(findings)
            self._read_sheet(sheet, findings)
        content = Content(tuple(self._production), tuple(self._orders), tuple(self._schedules))
        whole = self._judge_whole(sheets)
        self._judge_the_rest()
        messages = tuple(message for findings in self._findings for message in findings.messages())
        return Reading(self._kinds[0] if self._kinds else None, content, (*whole, *messages))

    def _read_sheet(self, sheet: Sheet, findings: Findings) -> None:
        if not sheet.rows:
            return
        found = recognise(sheet)
        if found is None:
            self._not_recognised.append(findings)
        elif not found.layouts:
            self._titled.append((found, findings))
        elif sheet.hidden:
            findings.warn(
                Code.HIDDEN_SHEET,
                None,
                f"The sheet is hidden and is not read, though it looks like {_in_words(found.kind)}.",
                "Show the sheet if it is meant, or delete it.",
            )
        elif self._asked and found.kind is not self._asked:
            self._other_kinds.append(found.kind)
            findings.warn(
                Code.KIND_MISMATCH,
                None,
                f"The sheet is {_in_words(found.kind)}, but {_in_words(self._asked)} was asked for; "
                "it is not read.",
                "Import the file without naming a kind.",
            )
        else:
            self._read_tables(sheet, found, findings)

    def _read_tables(self, sheet: Sheet, found: Recognised, findings: Findings) -> None:
        self._kinds.append(found.kind)
        before = len(self._production) + len(self._orders) + len(self._schedules)
        match found.kind:
            case WorkbookKind.STEEL_GRADE_PRODUCTION:
                self._production += [
                    t for t in read_production(sheet, found, findings) if t.rows and t.months
                ]
            case WorkbookKind.PRODUCT_GROUPS_MONTHLY:
                self._orders += [t for t in read_orders(sheet, found, findings) if t.rows and t.months]
            case _:
                self._schedules += read_schedule(sheet, found, findings)
        after = len(self._production) + len(self._orders) + len(self._schedules)
        if after == before and not findings.refused:
            self._report_no_data(found.kind, findings)

    @staticmethod
    def _report_no_data(kind: WorkbookKind, findings: Findings) -> None:
        findings.error(
            Code.NO_DATA,
            None,
            f"The sheet looks like {_in_words(kind)}, but there is nothing in it to store; {LAYOUTS[kind]}.",
            "Compare it with the sample workbook of its kind in data/sample.",
        )

    def _judge_the_rest(self) -> None:
        """Say what sheets beside those that were read are."""
        others = [*self._not_recognised, *(findings for _, findings in self._titled)]
        for findings in others if self._kinds else ():
            if not findings.refused:
                findings.info(
                    Code.SHEET_NOT_RECOGNISED,
                    None,
                    "The sheet is of no kind that can be read; nothing of it is stored.",
                    "Nothing to do if it holds notes or calculations.",
                )

    def _judge_whole(self, sheets: list[Sheet]) -> tuple[CellMessage, ...]:
        """Say why nothing of the file could be read, if that is so."""
        if not self._kinds and not self._other_kinds:
            # A title alone tells what a sheet is meant to be only where no other sheet is.
            for found, findings in self._titled:
                if self._asked in (None, found.kind):
                    self._kinds.append(found.kind)
                    self._report_no_data(found.kind, findings)
        if self._kinds:
            return ()
        if self._other_kinds and self._asked:
            return (
                _error(
                    Code.KIND_MISMATCH,
                    f"The workbook is {_in_words(self._other_kinds[0])}, not {_in_words(self._asked)}.",
                    "Import it without naming a kind, or choose the other file.",
                ),
            )
        expected = [LAYOUTS[self._asked]] if self._asked else list(LAYOUTS.values())
        names = ", ".join(f"`{sheet.name}`" for sheet in sheets[:10]) or "none"
        return (
            _error(
                Code.NOT_RECOGNISED,
                f"No sheet of the workbook (found {names}) is of a kind that can be read.",
                f"Expected: {'; '.join(expected)}.",
            ),
        )


def _in_words(kind: WorkbookKind) -> str:
    return {
        WorkbookKind.STEEL_GRADE_PRODUCTION: "a production history",
        WorkbookKind.PRODUCT_GROUPS_MONTHLY: "an order forecast",
        WorkbookKind.FOUNDRY: "a foundry's data",
    }.get(kind, "a charge schedule")


def _error(code: Code, message: str, hint: str) -> CellMessage:
    return CellMessage(Severity.ERROR, "", None, code, message, hint)


def _refusal(code: Code, message: str, hint: str) -> Reading:
    return Reading(None, Content(), (_error(code, message, hint),))


def limit_this_process(memory_bytes: int, seconds: int) -> None:
    """Bound what this process may take, where the system can: memory, processor time, no files, no cores."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    # macOS refuses a limit on address space; the time limit still holds there.
    if sys.platform != "darwin":
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def main(arguments: list[str]) -> None:
    """Run as a child: memory in bytes, seconds and the kind asked for (or `-`) are the arguments."""
    import orjson

    memory, seconds, kind = int(arguments[0]), int(arguments[1]), arguments[2]
    limit_this_process(memory, seconds)
    content = sys.stdin.buffer.read(MAX_BYTES + 1)
    reading = read_workbook(content, None if kind == "-" else WorkbookKind(kind))
    sys.stdout.buffer.write(orjson.dumps(reading, default=str))


if __name__ == "__main__":
    main(sys.argv[1:])
