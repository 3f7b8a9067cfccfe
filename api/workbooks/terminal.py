"""The report of an import for a terminal: what it was, what was stored, what to look at, and where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from api.wording import counted
from api.workbooks.kinds import WorkbookKind
from api.workbooks.messages import CellMessage, Code, Severity
from api.workbooks.report import WorkbookReport

_KINDS = {
    WorkbookKind.STEEL_GRADE_PRODUCTION: ("production history", "figure"),
    WorkbookKind.PRODUCT_GROUPS_MONTHLY: ("order forecast", "figure"),
    WorkbookKind.DAILY_CHARGE_SCHEDULE: ("charge schedule", "heat"),
    WorkbookKind.FOUNDRY: ("foundry", "row"),
}
_LOOKS = {
    Severity.ERROR: ("✗", "red"),
    Severity.WARNING: ("!", "yellow"),
    Severity.INFO: ("·", "dim"),
}
_CELLS_SHOWN = 8


def render_report(file_name: str, report: WorkbookReport, *, dry_run: bool = False) -> RenderableType:
    """Show a report: one line on the file, then errors, warnings and remarks, each with its cell and a hint.

    Where the data of a foundry went stands right below the first line.

    Messages of one kind with the same hint stand together, and the hint is given once; those on one dragged
    cell are a single line.
    """
    parts: list[RenderableType] = [_headline(file_name, report, dry_run=dry_run)]
    first = [message for message in report.messages if message.code == Code.FOUNDRY_SCENARIO]
    parts += [Padding(Text(f"{message.message}\n→ {message.hint}"), (0, 0, 0, 2)) for message in first]
    rest = [message for message in report.messages if message not in first]
    for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO):
        some = [message for message in rest if message.severity is severity]
        parts += [Padding(_block(severity, alike), (0, 0, 0, 2)) for alike in _alike(some)]
    return Group(*parts)


def _headline(file_name: str, report: WorkbookReport, *, dry_run: bool) -> Text:
    kind, what = _KINDS.get(report.kind, ("not read", "row")) if report.kind else ("not read", "row")
    read = counted(report.rows_read, what)
    line = Text.assemble((file_name, "bold"), f": {kind}, ")
    if report.refused:
        return line.append("nothing is stored", "bold red")
    if dry_run:
        return line.append(f"{read} read; a dry run, nothing is stored")
    if report.rows_stored:
        new = counted(report.rows_stored, f"of {read} is", f"of {read} are")
        return line.append(f"{new} new or changed", "green")
    return line.append(f"{read} read, none new or changed", "green")


def _alike(messages: Iterable[CellMessage]) -> Iterable[list[CellMessage]]:
    def kind(message: CellMessage) -> tuple[str, str]:
        return message.code, message.hint or "" if message.severity is not Severity.INFO else ""

    order = {key: number for number, key in enumerate(dict.fromkeys(map(kind, messages)))}
    for _, group in groupby(sorted(messages, key=lambda m: order[kind(m)]), key=kind):
        yield list(group)


def _block(severity: Severity, messages: Sequence[CellMessage]) -> RenderableType:
    mark, style = _LOOKS[severity]
    if severity is Severity.INFO:
        first, *more = messages
        places = ", ".join(m.cell for m in more[:_CELLS_SHOWN] if m.cell)
        rest = f" And {len(more):,} more like it{f': {places}' if places else ''}." if more else ""
        return _line(mark, style, first, rest)
    told = [_dragged(messages)] if _is_dragged(messages) else messages
    lines: list[RenderableType] = [_line(mark, style, message) for message in told]
    if messages[0].hint:
        lines.append(Padding(Text(f"→ {messages[0].hint}"), (0, 0, 0, 2)))
    return Group(*lines)


def _is_dragged(messages: Sequence[CellMessage]) -> bool:
    """Whether several names come of one drag; where a service told it, the names are not told apart."""
    return messages[0].code is Code.FILL_HANDLE and len(messages) > 1 and messages[0].about is not None


def _dragged(messages: Sequence[CellMessage]) -> CellMessage:
    """Tell the names that come of one drag as one: they count on, so that the shorter is the lower one."""
    names = sorted((message.about or "" for message in messages), key=lambda name: (len(name), name))
    cells = counted(sum(message.cells for message in messages), "cell")
    told = (
        f"{names[0]} to {names[-1]}, {cells}, are no known grades: each counts on from the one before, like "
        "a cell dragged by its fill handle."
    )
    return replace(messages[0], message=told)


def _line(mark: str, style: str, message: CellMessage, rest: str = "") -> Text:
    place = f"{message.sheet}!{message.cell}" if message.cell else message.sheet
    line = Text(f"{mark} ", style=style)
    if place:
        line.append(f"{place}  ", style="bold" if style != "dim" else "")
    return line.append(f"{message.message}{rest}")
