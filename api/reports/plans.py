"""The forms in which a foundry plan leaves: CSV of its rows, a workbook for people, JSON for programs."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from api.reports.formats import ExportFormat, finish_sheet, harmless
from solver_jobs.foundry.problem import FoundryPlan, FoundryProblem

DAILY = ("asof_date", "workday_index", "date", "week_index", "order_id", "part_id", "molds")
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PlanReport:
    """A plan, and the problem that it was made for."""

    problem: FoundryProblem
    plan: FoundryPlan
    warnings: tuple[str, ...] = ()

    def file_name(self, form: ExportFormat) -> str:
        """Name the exported file."""
        return plan_file_name(self.problem.asof_date, form)

    def daily(self) -> Rows:
        """Tell molds by day and order, rising."""
        part = {order.order_id: order.part_id for order in self.problem.orders}
        day = {row.workday_index: row for row in self.plan.calendar_workdays}
        return [
            {
                "asof_date": self.problem.asof_date,
                "workday_index": row.workday_index,
                "date": day[row.workday_index].date,
                "week_index": day[row.workday_index].week_index,
                "order_id": row.order_id,
                "part_id": part[row.order_id],
                "molds": row.molds,
            }
            for row in sorted(self.plan.x, key=lambda row: (row.workday_index, row.order_id))
        ]

    def calendar(self) -> Rows:
        """Tell a row for each order, in the foundry's own order, with a column for each day that molds."""
        molds = {(row.order_id, row.workday_index): row.molds for row in self.plan.x}
        worked = {row.workday_index for row in self.plan.x}
        days = [row for row in self.plan.calendar_workdays if row.workday_index in worked]
        return self._by_order(
            lambda order_id: {
                f"{day.date:%a %Y-%m-%d}": molds.get((order_id, day.workday_index)) for day in days
            }
        )

    def weeks(self) -> Rows:
        """Tell a row for each order, with a column for each week that molds."""
        week_of = {row.workday_index: row.week_index or 0 for row in self.plan.calendar_workdays}
        begins: dict[int, date] = {}
        for row in self.plan.calendar_workdays:
            begins.setdefault(row.week_index or 0, row.date)
        molds: Counter[tuple[str, int]] = Counter()
        for made in self.plan.x:
            molds[made.order_id, week_of[made.workday_index]] += made.molds
        weeks = sorted({week for _, week in molds})
        return self._by_order(
            lambda order_id: {f"week of {begins[week]}": molds.get((order_id, week)) for week in weeks}
        )

    def _by_order(self, cells: Callable[[str], dict[str, int | None]]) -> Rows:
        return [
            {
                "order_id": row.order_id,
                "part_id": row.part_id,
                "due_date": row.due_date,
                "to mold": row.remaining_qty,
                "late": row.late_qty or None,
                **cells(row.order_id),
            }
            for row in self.plan.order_status
            if row.remaining_qty
        ]

    def statuses(self) -> Rows:
        """Tell what becomes of each order."""
        return [row.model_dump() for row in self.plan.order_status]

    def days(self) -> Rows:
        """Tell what the shop does on each day."""
        from solver_jobs.foundry.days import day_loads  # with numpy's tables, which the start can do without

        return [
            {
                **load.model_dump(exclude={"flasks"}),
                **{f"flasks {use.size}": use.in_use for use in load.flasks},
                **{f"of {use.size}": use.capacity for use in load.flasks},
            }
            for load in day_loads(self.problem, self.plan)
        ]

    def figures(self) -> Rows:
        """Tell the figures of the summary, then all sentences."""
        summary = self.plan.summary.model_dump(exclude={"peak_flasks"})
        peaks = {f"peak flasks {size}": count for size, count in self.plan.summary.peak_flasks.items()}
        sentences = (*(self.plan.explanation.sentences if self.plan.explanation else ()), *self.warnings)
        return [
            *({"what": name, "value": value} for name, value in {**summary, **peaks}.items()),
            *({"what": sentence, "value": None} for sentence in sentences),
        ]


def plan_file_name(asof: date, form: ExportFormat) -> str:
    """Name the file of a Monday's plan."""
    return f"pourplan-plan-{asof}.{form.value}"


def render_plan(report: PlanReport, form: ExportFormat) -> bytes:
    """Write a plan in one of the formats."""
    writers: dict[ExportFormat, Callable[[PlanReport], bytes]] = {
        ExportFormat.CSV: _csv,
        ExportFormat.XLSX: _xlsx,
        ExportFormat.JSON: _json,
    }
    return writers[form](report)


def _csv(report: PlanReport) -> bytes:
    import pandas as pd

    table = pd.DataFrame(report.daily(), columns=list(DAILY))
    for column in ("order_id", "part_id"):
        table[column] = table[column].map(harmless)
    return table.to_csv(index=False, lineterminator="\r\n").encode()


def _json(report: PlanReport) -> bytes:
    return (report.plan.model_dump_json(indent=2) + "\n").encode()


def _xlsx(report: PlanReport) -> bytes:
    import pandas as pd

    sheets = {
        "Calendar": report.calendar(),
        "Weeks": report.weeks(),
        "Orders": report.statuses(),
        "Days": report.days(),
        "Rows": report.daily(),
        "Summary": report.figures(),
    }
    out = io.BytesIO()
    with pd.ExcelWriter(out, engine="openpyxl") as writer:
        for name, rows in sheets.items():
            # Numbers stay whole beside empty cells.
            table = pd.DataFrame(rows, dtype=object)
            table.to_excel(writer, sheet_name=name, index=False)
            finish_sheet(writer.sheets[name])
        writer.sheets["Calendar"].freeze_panes = writer.sheets["Weeks"].freeze_panes = "F2"
    return out.getvalue()
