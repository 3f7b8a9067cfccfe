"""The next Monday: what was molded, held, poured, delivered and planned."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver_jobs.errors import JobError
from solver_jobs.foundry.calendar import WorkCalendar
from solver_jobs.foundry.checks import check
from solver_jobs.foundry.corners import CORNERS
from solver_jobs.foundry.generate import generate
from solver_jobs.foundry.instance import delivery_lag, kilograms
from solver_jobs.foundry.problem import FoundryPlan, FoundryProblem
from solver_jobs.foundry.roll import roll
from solver_jobs.foundry.verify import verify
from tests.solver_jobs.foundry.monday import SHOP, greedy, plan_of, shop
from tests.solver_jobs.foundry.shops import problems
from tests.tier import tier

MOLDS = {
    ("O1", 0): 2,
    ("O1", 4): 2,
    ("O3", 0): 1,
    ("O3", 4): 1,
    ("O2", 5): 2,
    ("O2", 6): 1,
}
"""A plan of SHOP that goes on into the second week; order O3 stays loaded over the weekend."""


def rolled(weeks: int = 1, **changes: Any) -> FoundryProblem:
    problem = shop(**changes)
    return roll(problem, plan_of(problem, MOLDS, [("O3", day) for day in (1, 2, 3, 5)]), weeks)


SHOP_DAYS: list[dict[str, Any]] = SHOP["calendar_workdays"]


def numbered(days: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Workdays in their order, without week numbers."""
    return [{"workday_index": index, "date": day["date"]} for index, day in enumerate(days)]


class TestOneWeekOn:
    def test_planning_monday(self) -> None:
        assert rolled().asof_date == date(2026, 1, 12)
        assert rolled(2).asof_date == date(2026, 1, 19)

    def test_credits(self) -> None:
        assert {r.order_id: r.molded_qty_credit for r in rolled().initial_order_progress} == {
            "O1": 5,
            "O3": 2,
        }

    def test_patterns_on_the_line_on_friday_are_loaded(self) -> None:
        assert [r.order_id for r in rolled().initial_patterns_loaded] == ["O1", "O3"]
        assert rolled(2).initial_patterns_loaded == ()

    def test_flasks_that_are_still_held(self) -> None:
        before = [
            {"flask_size": "M", "release_workday_index": 5, "qty_inuse": 1},
            {"flask_size": "M", "release_workday_index": 7, "qty_inuse": 1},
        ]
        held = [
            (r.flask_size, r.release_workday_index, r.qty_inuse)
            for r in rolled(initial_flask_inuse=before).initial_flask_inuse
        ]
        # O1 of Friday until Tuesday (S = 3), O3 of Friday until Monday (S = 2)
        assert held == [("S", 2, 2), ("M", 1, 1), ("M", 2, 1)]

    def test_metal_of_fridays_molds_is_poured_on_monday(self) -> None:
        before = [
            {"workday_index": 4, "tons_committed": 0.3},
            {"workday_index": 5, "tons_committed": 0.03},
            {"workday_index": 8, "tons_committed": 0.1},
        ]
        committed = rolled(initial_pour_load=before).initial_pour_load
        assert [(r.workday_index, r.tons_committed) for r in committed] == [(0, 0.43), (3, 0.1)]

    def test_deliveries_to_come(self) -> None:
        before = [
            {"order_id": "O1", "date": "2026-01-09", "qty": 1},
            {"order_id": "O3", "date": "2026-01-14", "qty": 3},
        ]
        expected = [
            (r.order_id, str(r.date), r.qty) for r in rolled(expected_deliveries=before).expected_deliveries
        ]
        # O1 of day 0 comes on Monday, of day 4 on Friday; O3 of day 0 came on Thursday
        assert expected == [("O1", "2026-01-12", 2), ("O1", "2026-01-16", 2), ("O3", "2026-01-14", 4)]

    def test_calendar_keeps_its_length(self) -> None:
        rows = rolled().calendar_workdays
        assert rows is not None
        assert len(rows) == 15
        assert [r.workday_index for r in rows] == list(range(15))
        assert (str(rows[0].date), rows[0].week_index) == ("2026-01-12", 0)
        assert (str(rows[14].date), rows[14].week_index) == ("2026-01-30", 2)

    def test_week_numbers_of_the_year_go_on(self) -> None:
        numbered = [{**row, "week_index": 2 + row["week_index"]} for row in SHOP["calendar_workdays"]]
        rows = rolled(calendar_workdays=numbered).calendar_workdays
        assert rows is not None
        assert (rows[0].week_index, rows[14].week_index) == (3, 5)

    def test_open_calendar_stays_open(self) -> None:
        next_monday = rolled(calendar_workdays=None, holidays=["2026-01-14"])
        assert next_monday.calendar_workdays is None
        assert next_monday.holidays == (date(2026, 1, 14),)

    def test_holidays_shorten_the_week(self) -> None:
        # Monday and Tuesday off: day 4 is Monday 12 January, and not yet molded
        problem = rolled(calendar_workdays=None, holidays=["2026-01-05", "2026-01-06"])
        assert {r.order_id: r.molded_qty_credit for r in problem.initial_order_progress} == {"O1": 3, "O3": 1}

    def test_week_off_changes_nothing_but_the_date(self) -> None:
        off = [f"2026-01-{day:02}" for day in range(5, 10)]
        problem = rolled(calendar_workdays=None, holidays=off)
        before = shop()
        assert problem.asof_date == date(2026, 1, 12)
        assert [r.molded_qty_credit for r in problem.initial_order_progress] == [1]
        assert [r.order_id for r in problem.initial_patterns_loaded] == ["O3"]
        assert problem.initial_flask_inuse == before.initial_flask_inuse == ()

    def test_rest_of_the_plan_is_the_previous_one(self) -> None:
        previous = rolled().previous_plan
        assert previous is not None
        assert [(r.order_id, r.workday_index, r.molds) for r in previous] == [("O2", 0, 2), ("O2", 1, 1)]

    def test_pins_and_frozen_days_move_on(self) -> None:
        problem = rolled(
            pins=[
                {"order_id": "O1", "workday_index": 0, "molds": 2},
                {"order_id": "O2", "workday_index": 6, "molds": 1},
            ],
            previous_plan=[{"order_id": o, "workday_index": d, "molds": m} for (o, d), m in MOLDS.items()],
            frozen_days=6,
        )
        assert [(p.order_id, p.workday_index, p.molds) for p in problem.pins] == [("O2", 1, 1)]
        assert problem.frozen_days == 1
        assert {found.severity for found in check(problem)} <= {"WARNING"}

    def test_rows_are_of_the_new_monday(self) -> None:
        problem = rolled()
        for table in (
            problem.initial_order_progress,
            problem.initial_patterns_loaded,
            problem.initial_flask_inuse,
            problem.initial_pour_load,
            problem.expected_deliveries,
        ):
            assert {row.asof_date for row in table} <= {problem.asof_date}

    def test_orders_parts_and_settings_stay(self) -> None:
        before, after = shop(), rolled()
        for name in ("parts", "orders", "resources", "settings", "name", "scenario_id"):
            assert getattr(before, name) == getattr(after, name)


CLOSED = {
    # Wednesday of the week that passes, and the next Monday
    "calendar_workdays": None,
    "holidays": ["2026-01-07", "2026-01-12"],
}


class TestWhatChangedSinceThePlan:
    def roll(self, **changes: Any) -> FoundryProblem:
        """The plan of the shop as it was, carried out in the shop as it is."""
        return roll(shop(**changes), plan_of(shop(calendar_workdays=None), MOLDS, [("O3", 1), ("O3", 3)]))

    def test_days_closed_since_are_no_workdays(self) -> None:
        days = [date(2026, 1, day) for day in (12, 13)]
        after = self.roll(calendar_workdays=numbered([r for r in SHOP_DAYS if r["date"] != "2026-01-12"]))
        assert after.calendar_workdays is not None
        assert [day in {r.date for r in after.calendar_workdays} for day in days] == [False, True]

    def test_days_opened_since_are_workdays(self) -> None:
        saturday = {"date": "2026-01-17"}
        after = self.roll(calendar_workdays=numbered([*SHOP_DAYS[:10], saturday, *SHOP_DAYS[10:]]))
        assert after.calendar_workdays is not None
        assert date(2026, 1, 17) in {r.date for r in after.calendar_workdays}

    def test_nothing_was_molded_on_a_day_closed_since(self) -> None:
        closed = roll(
            shop(**CLOSED), plan_of(shop(calendar_workdays=None), {("O1", 1): 2, ("O1", 2): 2, ("O3", 3): 2})
        )
        assert {r.order_id: r.molded_qty_credit for r in closed.initial_order_progress} == {"O1": 3, "O3": 2}

    def test_what_was_molded_cools_while_the_shop_is_closed(self) -> None:
        # O1 of Friday: in its flask for two workdays more, Monday and Tuesday, or Tuesday and Wednesday
        def held(**changes: Any) -> list[tuple[date, int]]:
            after = roll(shop(**changes), plan_of(shop(calendar_workdays=None), {("O1", 4): 2}))
            calendar = WorkCalendar.of(after)
            return [
                (calendar.date_of(r.release_workday_index), r.qty_inuse) for r in after.initial_flask_inuse
            ]

        assert held(calendar_workdays=None) == [(date(2026, 1, 14), 2)]
        assert held(calendar_workdays=None, holidays=["2026-01-12"]) == [(date(2026, 1, 15), 2)]

    def test_the_line_is_as_the_last_day_worked_left_it(self) -> None:
        friday_off = self.roll(calendar_workdays=None, holidays=["2026-01-09"])
        assert [r.order_id for r in friday_off.initial_patterns_loaded] == ["O3"]
        saturday = numbered([*SHOP_DAYS[:5], {"date": "2026-01-10"}, *SHOP_DAYS[5:]])
        assert [r.order_id for r in self.roll(calendar_workdays=saturday).initial_patterns_loaded] == [
            "O1",
            "O3",
        ]

    def test_what_was_planned_for_a_closed_day_is_planned_for_the_next(self) -> None:
        previous = self.roll(**CLOSED).previous_plan
        assert previous is not None
        assert [(r.order_id, r.workday_index, r.molds) for r in previous] == [("O2", 0, 3)]

    def test_of_a_retired_order_flasks_and_metal_are_left(self) -> None:
        whole, without_o1 = shop(), shop(orders=[o for o in SHOP["orders"] if o["order_id"] != "O1"])
        plan = plan_of(whole, MOLDS | {("O1", 6): 1})
        parts = {part.part_id: part for part in whole.parts}
        before, after = roll(whole, plan), roll(without_o1, plan, retired={"O1": parts["A"]})
        assert after.initial_flask_inuse == before.initial_flask_inuse
        assert after.initial_pour_load == before.initial_pour_load
        assert [r.order_id for r in after.initial_order_progress] == ["O3"]
        assert [r.order_id for r in after.initial_patterns_loaded] == ["O3"]
        assert {r.order_id for r in after.expected_deliveries} == {"O3"}
        assert {r.order_id for r in after.previous_plan or ()} == {"O2"}


class TestRefusals:
    @pytest.mark.parametrize("weeks", [0, -1])
    def test_time_goes_forward(self, weeks: int) -> None:
        with pytest.raises(JobError) as caught:
            rolled(weeks)
        assert caught.value.code == "ROLL_WEEKS"

    def test_plan_of_another_problem(self) -> None:
        with pytest.raises(JobError, match="such as O1") as caught:
            roll(generate("S", 0.9, 1), plan_of(shop()))
        assert caught.value.code == "ROLL_FOREIGN_PLAN"


def rest_of(plan: FoundryPlan, problem: FoundryProblem, done: int) -> FoundryPlan:
    """What the plan has after the rolled days, as a plan of the rolled problem."""
    molds = {
        (row.order_id, row.workday_index - done): row.molds for row in plan.x if row.workday_index >= done
    }
    lines = [(row.order_id, row.workday_index - done) for row in plan.y if row.workday_index >= done]
    return plan_of(problem, molds, lines, days=len(plan.calendar_workdays) - done + 5)


class TestNothingIsLost:
    @settings(max_examples=tier(60, 2000), deadline=None)
    @given(problem=problems(), weeks=st.integers(1, 3))
    def test_rest_of_a_plan_keeps_the_rules_of_the_rolled_problem(
        self, problem: FoundryProblem, weeks: int
    ) -> None:
        plan = greedy(problem)
        after = roll(problem, plan, weeks)
        assert not [found for found in check(after) if found.severity == "ERROR"]
        done = sum(1 for day in plan.calendar_workdays if day.date < after.asof_date)
        rest = rest_of(plan, after, done)
        broken = [s for s in verify(after, rest) if not s.startswith(("Workday", "The plan's calendar"))]
        assert broken == []

    @settings(max_examples=tier(60, 2000), deadline=None)
    @given(problem=problems())
    def test_two_weeks_are_twice_one_week(self, problem: FoundryProblem) -> None:
        plan = greedy(problem)
        once = roll(problem, plan)
        done = sum(1 for day in plan.calendar_workdays if day.date < once.asof_date)
        twice = roll(once, rest_of(plan, once, done))
        assert twice == roll(problem, plan, 2)

    @pytest.mark.parametrize("name", sorted(CORNERS))
    def test_corner_cases_roll_on(self, name: str) -> None:
        problem = CORNERS[name](generate("S", 0.9, 6))
        plan = greedy(problem)
        after = roll(problem, plan)
        done = sum(1 for day in plan.calendar_workdays if day.date < after.asof_date)
        assert not [found for found in check(after) if found.severity == "ERROR"]
        made = sum(row.molds for row in plan.x if row.workday_index < done)
        before = sum(row.molded_qty_credit for row in problem.initial_order_progress)
        assert sum(row.molded_qty_credit for row in after.initial_order_progress) == before + made


class TestManyMondays:
    def test_every_unit_is_molded_in_the_end_and_delivered_once(self) -> None:
        problem = generate("S", 1.05, 3)
        delivered = Counter[str]()
        known = {row.order_id: row.molded_qty_credit for row in problem.initial_order_progress}
        parts = {part.part_id: part for part in problem.parts}
        for _ in range(12):
            plan = greedy(problem)
            before = {row.order_id: row.molded_qty_credit for row in problem.initial_order_progress}
            after = roll(problem, plan)
            until = after.asof_date
            for row in problem.expected_deliveries:
                delivered[row.order_id] += row.qty if row.date < until else 0
            dates = [day.date for day in plan.calendar_workdays]
            part_of = {order.order_id: parts[order.part_id] for order in problem.orders}
            for made in plan.x:
                arrives = made.workday_index + delivery_lag(part_of[made.order_id])
                if arrives < len(dates) and dates[arrives] < until:
                    delivered[made.order_id] += made.molds
            assert all(
                row.molded_qty_credit >= before.get(row.order_id, 0) for row in after.initial_order_progress
            )
            problem = after
        for order in problem.orders:
            assert delivered[order.order_id] == order.qty - known.get(order.order_id, 0)
        assert not any(r.qty_inuse for r in problem.initial_flask_inuse)
        assert not any(kilograms(r.tons_committed) for r in problem.initial_pour_load)
        assert problem.asof_date == date(2026, 1, 5) + timedelta(weeks=12)
