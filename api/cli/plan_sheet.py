"""A foundry plan as a planner reads it: a calendar by weeks, late orders with their reasons, peaks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from solver_jobs.foundry.days import DayLoad, day_loads
from solver_jobs.foundry.problem import FLASK_SIZES, FoundryPlan, FoundryProblem, PlanSummary, Resources

IDLE = "·"
"""A day on which a pattern is on the line and molds nothing."""
PEAKS_SAID = "Most on one day: "
"""How the sentence begins that the table of peaks tells, too."""


@dataclass(frozen=True, slots=True)
class LateOrder:
    """An order that is not delivered in full by its due date; `late` counts units already molded, too."""

    order_id: str
    part_id: str
    late: int
    qty: int
    due: date
    reason: str | None


@dataclass(frozen=True, slots=True)
class PlanSheet:
    """What is printed of a plan.

    Attributes
    ----------
    title
        What was planned.
    proven
        Whether no plan is better.
    parts
        Part by order.
    molds
        Molds by workday index and order, 0 where the pattern is on the line and molds nothing.
    """

    title: str
    late_molds: int
    changes: int
    objective: float
    bound: float
    gap: float
    proven: bool
    stopped_early: bool
    seconds: float
    days: tuple[DayLoad, ...]
    resources: Resources
    parts: dict[str, str]
    molds: dict[tuple[int, str], int]
    late: tuple[LateOrder, ...]
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]

    @classmethod
    def of(
        cls,
        problem: FoundryProblem,
        plan: FoundryPlan,
        title: str | None = None,
        warnings: tuple[str, ...] | None = None,
    ) -> PlanSheet:
        """Lay a plan out; its own warnings are told unless others are given."""
        summary: PlanSummary = plan.summary
        return cls(
            title=title or problem.name or "Foundry plan",
            late_molds=summary.late,
            changes=summary.changes,
            objective=summary.objective,
            bound=summary.bound,
            gap=summary.gap,
            proven=plan.status == "OPTIMAL",
            stopped_early=summary.stopped_early,
            seconds=summary.solve_seconds,
            days=day_loads(problem, plan),
            resources=problem.resources,
            parts={order.order_id: order.part_id for order in problem.orders},
            molds={(row.workday_index, row.order_id): 0 for row in plan.y}
            | {(row.workday_index, row.order_id): row.molds for row in plan.x},
            late=tuple(
                LateOrder(
                    row.order_id,
                    row.part_id,
                    row.late_qty + row.credit_late_qty,
                    row.qty,
                    row.due_date,
                    row.reason,
                )
                for row in plan.order_status
                if row.late_qty or row.credit_late_qty
            ),
            sentences=plan.explanation.sentences if plan.explanation else (),
            warnings=plan.warnings if warnings is None else warnings,
        )

    def render(self, weeks: int) -> RenderableType:
        """Draw the first weeks day by day, the rest in a line each, and what there is to know."""
        worked = [(week, list(days)) for week, days in groupby(self.days, key=lambda day: day.week_index)]
        while worked and not any(day.molds for day in worked[-1][1]):
            worked.pop()
        shown: list[RenderableType] = [Text(self.title, style="bold"), self._summary(), Text()]
        for _, days in worked[:weeks]:
            shown += [self._week(days), Text()]
        if later := [days for _, days in worked[weeks:]]:
            shown += [self._later(later), Text()]
        if self.late:
            shown += [*self._late(), Text()]
        if any(self._idles(days) for _, days in worked[:weeks]):
            shown += [Text(f"{IDLE} the pattern is on the line and molds nothing.", style="dim"), Text()]
        shown += [self._peaks(), Text()]
        shown += [Text(said) for said in self.sentences if not said.startswith(PEAKS_SAID)]
        shown += [Text(f"! {warning}", style="yellow") for warning in self.warnings]
        return Group(*shown)

    def _summary(self) -> Text:
        gap = "proven optimal" if self.proven else f"at most {self.gap:.2%} can be saved"
        early = ", stopped early" if self.stopped_early else ""
        molds = sum(self.molds.values())
        return Text(
            f"{molds:,} molds, {self.late_molds:,} of them late; {self.changes:,} pattern "
            f"{'change' if self.changes == 1 else 'changes'}; "
            f"objective {self.objective:,.0f}, bound {self.bound:,.0f}: {gap}; "
            f"{self.seconds:.1f} s{early}."
        )

    def _week(self, days: list[DayLoad]) -> Table:
        table = _table(f"Week of {_date(days[0].date)}")
        table.add_column("order", no_wrap=True, max_width=16)
        table.add_column("part", max_width=20)
        for day in days:
            table.add_column(f"{day.date:%a %d}", justify="right", no_wrap=True)
        table.add_column("week", justify="right", style="bold", no_wrap=True)
        for order_id, molds in self._orders_of(days).items():
            cells = [_cell(molds.get(day.workday_index)) for day in days]
            table.add_row(order_id, _cut(self.parts[order_id]), *cells, str(sum(molds.values()) or ""))
        totals = [str(day.molds or "") for day in days]
        table.add_section()
        table.add_row("molds", "", *totals, str(sum(day.molds for day in days)), style="bold")
        table.add_row("patterns", "", *(str(day.patterns or "") for day in days), "")
        table.add_row("tons poured", "", *(f"{day.pour_ton:.1f}" for day in days), "")
        for row, size in enumerate(FLASK_SIZES):
            used = [f"{day.flasks[row].in_use}/{day.flasks[row].capacity}" for day in days]
            table.add_row(f"flasks {size}", "", *used, "")
        return table

    def _orders_of(self, days: list[DayLoad]) -> dict[str, dict[int, int]]:
        """Molds by order and day on the line, orders in the order in which they come on it."""
        orders: dict[str, dict[int, int]] = {}
        indices = {day.workday_index for day in days}
        for (index, order_id), molds in sorted(self.molds.items()):
            if index in indices:
                orders.setdefault(order_id, {})[index] = molds
        return orders

    def _idles(self, days: list[DayLoad]) -> bool:
        return any(0 in molds.values() for molds in self._orders_of(days).values())

    def _later(self, weeks: Iterable[list[DayLoad]]) -> Table:
        table = _table("Later weeks")
        table.add_column("week of")
        for name in ("molds", "orders", "tons poured"):
            table.add_column(name, justify="right")
        for days in weeks:
            table.add_row(
                _date(days[0].date),
                str(sum(day.molds for day in days)),
                str(sum(any(molds.values()) for molds in self._orders_of(days).values())),
                f"{sum(day.pour_ton for day in days):,.1f}",
            )
        return table

    def _late(self) -> Iterator[Text]:
        yield Text("Late orders", style="bold")
        for row in sorted(self.late, key=lambda row: (-row.late, row.order_id)):
            facts = f"{row.late} of {row.qty} units are late, due {row.due}."
            yield Text.assemble((row.order_id, "bold"), f" ({row.part_id}): ", row.reason or facts)

    def _peaks(self) -> Table:
        table = _table("Peaks")
        table.add_column("")
        for name in ("most on a day", "of"):
            table.add_column(name, justify="right")
        table.add_column("on")
        shop, days = self.resources, self.days
        for row, size in enumerate(FLASK_SIZES):
            day = max(days, key=lambda day: day.flasks[row].in_use)
            use = day.flasks[row]
            table.add_row(f"flasks {size}", str(use.in_use), str(use.capacity), _date(day.date))
        day = max(days, key=lambda day: day.pour_ton)
        table.add_row("tons poured", f"{day.pour_ton:.2f}", f"{shop.pour_max_ton_per_day:g}", _date(day.date))
        day = max(days, key=lambda day: day.molds)
        table.add_row("molds", str(day.molds), str(shop.molding_max_per_day), _date(day.date))
        day = max(days, key=lambda day: day.patterns)
        table.add_row("patterns", str(day.patterns), str(shop.max_patterns), _date(day.date))
        return table


def _table(title: str) -> Table:
    """Draw no lines between columns: so a week of six days fits into 80 characters."""
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )


def _cell(molds: int | None) -> str:
    return "" if molds is None else str(molds or IDLE)


def _cut(name: str) -> Text:
    """Let a name give way where the terminal is narrow."""
    return Text(name, no_wrap=True, overflow="ellipsis")


def _date(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
