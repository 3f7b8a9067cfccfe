"""The forms in which a foundry plan leaves: CSV of its rows, a workbook for people, JSON for programs."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from api.reports.formats import ExportFormat, finish_sheet, harmless
from solver_jobs.foundry.problem import FLASK_SIZES, FoundryPlan, FoundryProblem

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

TOTALS = 3 + len(FLASK_SIZES)
"""Rows of the calendar below the orders: molds, patterns, metal, flasks of each size."""
CHANGES = ["date", "pattern on", "pattern off"]
DAILY = ("asof_date", "workday_index", "date", "week_index", "order_id", "part_id", "molds")
IDLE = "·"
"""A day on which a pattern is on the line and molds nothing."""
FIGURES = {
    "late": "late units",
    "late_orders": "late orders",
    "starts": "patterns put on the line",
    "stops": "patterns taken off the line",
    "day0_stops": "loaded patterns that come off on the first day",
    "changes": "pattern changes",
    "restarts": "patterns put on the line again",
    "wip": "flask-days in use",
    "spec_objective": "objective by the specification's weights",
    "late_weight": "weight of a late unit",
    "objective": "objective",
    "bound": "no plan has less than",
    "gap": "of the objective can be saved at most",
    "tardiness": "working days late, by priority",
    "congestion": "flask-days above the threshold",
    "stability": "molds moved against the previous plan",
    "peak_pour_ton": "most tons poured on a day",
    "solve_seconds": "seconds of search",
    "stopped_early": "search was stopped early",
}
"""What a figure of the summary is called for people."""
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PlanReport:
    """A plan, and the problem that it was made for."""

    problem: FoundryProblem
    plan: FoundryPlan
    warnings: tuple[str, ...] = ()
    scenario: str | None = None
    run_id: str | None = None

    def file_name(self, form: ExportFormat) -> str:
        """Name the exported file."""
        return plan_file_name(self.problem.asof_date, form)

    def daily(self) -> Rows:
        """Tell molds by day and order, rising: 0 where the pattern is on the line and molds nothing.

        To the last day that molds, as the calendar.
        """
        part = {order.order_id: order.part_id for order in self.problem.orders}
        day = {row.workday_index: row for row in self.plan.calendar_workdays}
        return [
            {
                "asof_date": self.problem.asof_date,
                "workday_index": index,
                "date": day[index].date,
                "week_index": day[index].week_index,
                "order_id": order_id,
                "part_id": part[order_id],
                "molds": molds,
            }
            for (index, order_id), molds in sorted(self._molds().items())
            if index <= self._last
        ]

    def _molds(self) -> dict[tuple[int, str], int]:
        """Give molds by day and order, 0 where the pattern is idle."""
        idle = {(row.workday_index, row.order_id): 0 for row in self.plan.y}
        return idle | {(row.workday_index, row.order_id): row.molds for row in self.plan.x}

    @property
    def _last(self) -> int:
        """The last day that molds; -1: none does."""
        return max((row.workday_index for row in self.plan.x), default=-1)

    def calendar(self) -> Rows:
        """Tell a row for each order, in the foundry's own order, then what the whole shop does.

        Each working day to the last one that molds has a column, whether it molds or not.
        """
        cells = {place: molds or IDLE for place, molds in self._molds().items()}
        days = [row for row in self.plan.calendar_workdays if row.workday_index <= self._last]
        orders = self._by_order(
            lambda order_id: {_column(day.date): cells.get((day.workday_index, order_id)) for day in days}
        )
        return orders + self._totals(self._last) if orders else []

    def _totals(self, last: int) -> Rows:
        """Tell molds, patterns, metal and flasks of each day, as the calendar at a terminal does."""
        from solver_jobs.foundry.days import day_loads  # with numpy's tables, which the start can do without

        totals: dict[str, dict[str, Any]] = defaultdict(dict)
        for load in day_loads(self.problem, self.plan)[: last + 1]:
            day = _column(load.date)
            totals["molds"][day] = load.molds
            totals["patterns"][day] = load.patterns
            totals["tons poured"][day] = load.pour_ton
            for use in load.flasks:
                totals[f"flasks {use.size}, of {use.capacity}"][day] = use.in_use
        return [{"order_id": name, **days} for name, days in totals.items()]

    def changes(self) -> Rows:
        """Tell each day's patterns that come on the line and that go off it, one in a row."""
        unit = {
            order.order_id: order.part_id if self._by_part else order.order_id
            for order in self.problem.orders
        }
        on_line: defaultdict[int, dict[str, None]] = defaultdict(dict)
        for row in sorted(self.plan.y, key=lambda row: (row.workday_index, row.order_id)):
            on_line[row.workday_index][unit[row.order_id]] = None
        before = {unit[row.order_id]: None for row in self.problem.initial_patterns_loaded if row.is_loaded}
        rows: Rows = []
        for day in self.plan.calendar_workdays:
            now = on_line[day.workday_index]
            rows += [
                {"date": day.date, "pattern on": None, "pattern off": name}
                for name in before
                if name not in now
            ]
            rows += [
                {"date": day.date, "pattern on": name, "pattern off": None}
                for name in now
                if name not in before
            ]
            before = now
        return rows

    @property
    def _by_part(self) -> bool:
        return self.problem.settings.pattern_unit == "PART"

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

    def _by_order(self, cells: Callable[[str], dict[str, Any]]) -> Rows:
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
        """Tell what was planned, the figures of the summary, then all sentences."""
        proven = "proven optimal" if self.plan.status == "OPTIMAL" else "the best that was found in time"
        facts = {
            "scenario": self.scenario or self.problem.name,
            "Monday": self.problem.asof_date,
            "run": self.run_id,
            "status": proven,
        }
        summary = self.plan.summary.model_dump(exclude={"peak_flasks"})
        figures = {FIGURES.get(name, name): value for name, value in summary.items()}
        peaks = {
            f"most flasks {size} in use on a day": count
            for size, count in self.plan.summary.peak_flasks.items()
        }
        sentences = (*(self.plan.explanation.sentences if self.plan.explanation else ()), *self.warnings)
        return [
            *({"what": name, "value": value} for name, value in {**facts, **figures, **peaks}.items()),
            *({"what": sentence, "value": None} for sentence in sentences),
        ]


def _column(day: date) -> str:
    return f"{day:%a %Y-%m-%d}"


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
        "Changes": report.changes(),
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
            table = pd.DataFrame(rows, columns=CHANGES if name == "Changes" else None, dtype=object)
            table.to_excel(writer, sheet_name=name, index=False)
            finish_sheet(writer.sheets[name])
        _embolden_totals(writer.sheets["Calendar"])
        writer.sheets["Calendar"].freeze_panes = writer.sheets["Weeks"].freeze_panes = "F2"
    return out.getvalue()


def _embolden_totals(calendar: Worksheet) -> None:
    from openpyxl.styles import Font

    for row in calendar.iter_rows(min_row=max(2, calendar.max_row - TOTALS + 1)):
        for cell in row:
            cell.font = Font(bold=True)
