"""A plan on paper: what a planner reads of it, in terminals of any width."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from api.cli.plan_sheet import PlanSheet
from solver_jobs.foundry.explain import explained
from solver_jobs.foundry.problem import FoundryPlan, FoundryProblem
from tests.solver_jobs.foundry.monday import SHOP, plan_of, shop

LONG = "Gearbox housing G7, upper half, drilled"


def printed(problem: FoundryProblem, plan: FoundryPlan, width: int, weeks: int = 1) -> list[str]:
    page = StringIO()
    console = Console(file=page, width=width, color_system=None)
    console.print(PlanSheet.of(problem, explained(problem, plan)).render(weeks))
    return [line.rstrip() for line in page.getvalue().splitlines()]


def with_saturdays(**changes: Any) -> FoundryProblem:
    """SHOP with a part of a long name, and work on Saturdays."""
    parts = [{**part, "part_id": LONG if part["part_id"] == "A" else "B"} for part in SHOP["parts"]]
    orders = [{**order, "part_id": LONG if order["part_id"] == "A" else "B"} for order in SHOP["orders"]]
    days = [
        {"workday_index": 6 * week + day, "date": f"2026-01-{5 + 7 * week + day:02}", "week_index": week}
        for week in range(3)
        for day in range(6)
    ]
    return shop(parts=parts, orders=orders, calendar_workdays=days, **changes)


@pytest.mark.parametrize("width", [80, 100, 200])
def test_a_week_of_six_days_is_whole_on_any_terminal(width: int) -> None:
    problem = with_saturdays()
    page = printed(problem, plan_of(problem), width)
    heading = next(line for line in page if line.startswith("order"))
    assert " ".join(heading.split()) == "order part Mon 05 Tue 06 Wed 07 Thu 08 Fri 09 Sat 10 week"
    first = next(line for line in page if line.startswith("O1"))
    assert first.split()[-3:] == ["2", "2", "4"]
    assert max(len(line) for line in page) <= width


def test_narrow_terminals_cut_the_names_of_parts_alone() -> None:
    problem = with_saturdays()
    page = printed(problem, plan_of(problem), 72)
    heading = next(line for line in page if line.startswith("order"))
    assert heading.endswith("Sat 10  week")
    assert "Gea" in next(line for line in page if line.startswith("O1"))


def test_days_weeks_late_orders_and_peaks_are_told() -> None:
    problem = shop()
    page = printed(
        problem, plan_of(problem, {("O1", 0): 2, ("O1", 5): 2, ("O3", 1): 2, ("O2", 2): 2, ("O2", 3): 1}), 100
    )
    assert page[0] == "Foundry plan"
    assert page[1].startswith(
        "9 molds, 5 of them late; 9 pattern changes; objective 5,900,000, bound 0: at most"
    )
    assert "Week of 5 January 2026" in page
    assert "Later weeks" in page
    assert any(line.split()[:4] == ["12", "January", "2026", "2"] for line in page)
    assert any(line.startswith("O2 (A): All 3 units are late") for line in page)
    peaks = page[page.index("Peaks") :]
    assert [line.split()[-6:-3] for line in peaks if line.startswith(("flasks", "molds"))] == [
        ["S", "4", "6"],
        ["M", "2", "3"],
        ["L", "0", "1"],
        ["molds", "2", "4"],
    ]


def test_nothing_is_said_of_late_orders_where_there_are_none() -> None:
    orders = [{**order, "due_date": "2026-01-20"} for order in SHOP["orders"]]
    problem = shop(orders=orders)
    page = printed(problem, plan_of(problem), 80)
    assert "Late orders" not in page
    assert "Every planned unit is delivered by its due date." in page


def test_a_pattern_that_stands_idle_is_marked_on_each_of_its_days() -> None:
    problem = shop()
    molds = {("O3", 0): 1, ("O3", 3): 1, ("O1", 0): 2, ("O1", 1): 2, ("O2", 10): 2, ("O2", 11): 1}
    idle = [("O3", 1), ("O3", 2), ("O3", 5), ("O3", 6)]
    page = printed(problem, plan_of(problem, molds, idle), 80, weeks=2)
    first, second, *_ = [" ".join(line.split()) for line in page if line.startswith("O3")]
    assert first == "O3 B 1 · · 1 2"
    assert second == "O3 B · ·"
    assert "· the pattern is on the line and molds nothing." in page
    # Every pattern of a day stands in the day's column: those that mold, and those that idle.
    assert "patterns 2 2 1 1" in [" ".join(line.split()) for line in page]
    later = page[page.index("Later weeks") :]
    assert next(line for line in later if line.startswith("19 January")).split()[3:5] == ["3", "1"]


def test_nothing_is_said_of_idle_patterns_where_there_are_none() -> None:
    problem = shop()
    assert not [line for line in printed(problem, plan_of(problem), 80) if "·" in line]
