"""What the commands print: tables of a forecast, a run's progress bar."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from api.wording import counted

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


async def show_progress(title: str, updates: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    """Draw a bar while a run goes on; give the run as it ended."""
    run: dict[str, Any] = {}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[phase]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task(title, total=100, phase="queued")
        async for update in updates:
            run = update["runUpdates"]
            told = run.get("progress") or {}
            progress.update(task, completed=told.get("percent") or 0, phase=_describe(told))
    return run


def _describe(told: dict[str, Any]) -> str:
    phase = told.get("phase") or "queued"
    objective, bound = told.get("bestObjective"), told.get("bestBound")
    if objective is None or bound is None:
        return str(phase)
    return describe_search(phase, objective, bound, told["gap"])


def describe_search(phase: str, objective: float, bound: float, gap: float) -> str:
    """Tell how far a search is, in a line."""
    return f"{phase}  best {objective:,.0f}  bound {bound:,.0f}  gap {gap:.2%}"


def print_forecast(run: dict[str, Any]) -> None:
    """Print heats per grade under their groups, then what there is to know."""
    table = Table(title=f"Heats in {run['month']}", title_justify="left", title_style="bold")
    table.add_column("group")
    table.add_column("grade")
    for name in ("heats", "scheduled", "80% interval", "tons"):
        table.add_column(name, justify="right", no_wrap=True)
    by_group: dict[str, list[dict[str, Any]]] = {}
    for row in run["heats"]:
        by_group.setdefault(row["productGroup"]["name"], []).append(row)
    for group in run["groups"]:
        name = group["productGroup"]["name"]
        for number, row in enumerate(by_group.get(name, [])):
            table.add_row(name if number == 0 else "", *_grade_cells(row))
        ordered = group["orderedHeats"]
        told = "no order forecast" if ordered is None else f"ordered {ordered}"
        table.add_row("", told, str(group["forecastHeats"]), "", "", "", style="bold", end_section=True)
    out.print(table)
    sums = ", ".join(f"{g['productGroup']['name']} {g['forecastHeats']}" for g in run["groups"])
    out.print(f"{sums}: in all {counted(run['totalHeats'], 'heat')}.")
    for row in run["unassigned"]:
        out.print(_unassigned(row))
    for warning in run["warnings"]:
        out.print(Text(f"! {warning}", style="yellow"))


def _grade_cells(row: dict[str, Any]) -> list[str]:
    committed = row["committedHeats"]
    return [
        row["grade"]["name"],
        str(row["heats"]),
        str(committed) if committed else "",
        f"{row['low']} to {row['high']}",
        f"{row['tons']:,.0f}",
    ]


def _unassigned(row: dict[str, Any]) -> Text:
    meant = f"; meant is probably {row['suggestion']}" if row["suggestion"] else ""
    return Text(
        f"! {row['grade']['name']}: {row['heats']} scheduled, outside the totals: it has no group{meant}",
        style="yellow",
    )
