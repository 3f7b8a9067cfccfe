"""Each rule kept and broken; counts against counts made by hand, and against the solver's side."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver_jobs.foundry.corners import CORNERS
from solver_jobs.foundry.generate import generate
from solver_jobs.foundry.instance import compile_problem
from solver_jobs.foundry.problem import (
    FoundryPlan,
    FoundryProblem,
    OrderStatus,
    PatternDay,
    PlannedMolds,
    Workday,
    read_plan,
)
from solver_jobs.foundry.report import make_plan
from solver_jobs.foundry.score import Layout
from solver_jobs.foundry.verify import count, verify
from tests.solver_jobs.foundry.monday import MOLDS, Molds, greedy, plan_of, shop
from tests.solver_jobs.foundry.shops import problems
from tests.tier import tier


def broken(problem: FoundryProblem, plan: FoundryPlan, *words: str) -> str:
    """The only violation, which must have all the words."""
    found = verify(problem, plan)
    assert len(found) == 1, found
    assert all(word in found[0] for word in words), found[0]
    return found[0]


def summary(plan: FoundryPlan, **changes: Any) -> FoundryPlan:
    return plan.model_copy(update={"summary": plan.summary.model_copy(update=changes)})


class TestCounts:
    def test_plan_counted_by_hand(self) -> None:
        problem = shop()
        plan = plan_of(problem)
        assert verify(problem, plan) == []
        told = plan.summary
        assert (told.late, told.late_orders) == (3, 1)
        assert (told.starts, told.stops, told.day0_stops, told.changes, told.restarts) == (2, 3, 0, 5, 0)
        # size S: 2 4 6 5 3 1; size M: 1 2 1
        assert told.wip == 25
        assert told.spec_objective == 3_500_025
        assert told.objective == 3_500_000
        # O2 is due on day 4, two units come on day 7, one on day 8
        assert told.tardiness == pytest.approx(2 * 3 + 4)
        # 6 flasks S on day 2 are 0.9 above 0.85 x 6
        assert told.congestion == pytest.approx(0.9)
        assert told.stability == 0
        assert told.peak_flasks == {"S": 6, "M": 2, "L": 0}
        assert told.peak_pour_ton == pytest.approx(0.4)
        status = {row.order_id: row for row in plan.order_status}
        assert (status["O1"].remaining_qty, status["O1"].delivered_by_due, status["O1"].late_qty) == (4, 4, 0)
        assert (status["O2"].remaining_qty, status["O2"].delivered_by_due, status["O2"].late_qty) == (3, 0, 3)
        assert [status[o].completion_workday_index for o in ("O1", "O2", "O3")] == [6, 8, 4]
        assert str(status["O2"].completion_date) == "2026-01-15"

    def test_one_pattern_per_part(self) -> None:
        problem = shop(settings={"pattern_unit": "PART"})
        plan = plan_of(problem)
        assert verify(problem, plan) == []
        # part A starts once and stops once, part B is loaded and stops once
        assert (plan.summary.starts, plan.summary.stops, plan.summary.changes) == (1, 2, 3)

    def test_idle_day_joins_two_runs(self) -> None:
        problem = shop()
        molds = {**MOLDS, ("O1", 1): 1, ("O1", 3): 1, ("O2", 2): 2}
        apart = plan_of(problem, molds)
        joined = plan_of(problem, molds, [("O1", 2)])
        assert verify(problem, apart) == []
        assert verify(problem, joined) == []
        assert (apart.summary.starts, apart.summary.restarts, apart.summary.changes) == (3, 1, 7)
        assert (joined.summary.starts, joined.summary.restarts, joined.summary.changes) == (2, 0, 5)

    def test_loaded_pattern_taken_off_on_day_0(self) -> None:
        molds = {("O1", 0): 2, ("O1", 1): 2, ("O3", 2): 2, ("O2", 3): 2, ("O2", 4): 1}
        charged, free = shop(), shop(settings={"charge_day0_stops": False})
        plan = plan_of(charged, molds)
        assert verify(charged, plan) == []
        assert (plan.summary.starts, plan.summary.day0_stops, plan.summary.changes) == (3, 1, 7)
        plan = plan_of(free, molds)
        assert verify(free, plan) == []
        assert (plan.summary.day0_stops, plan.summary.changes) == (1, 6)

    def test_pattern_left_on_the_line_to_the_end_pays_no_stop(self) -> None:
        problem = shop()
        plan = plan_of(problem, MOLDS, [("O2", day) for day in range(4, 15)])
        assert verify(problem, plan) == []
        assert plan.summary.stops == 2

    def test_priority_weighs_late_units(self) -> None:
        orders = [{**order, "priority": 40} for order in (o.model_dump() for o in shop().orders)]
        problem = shop(orders=orders)
        plan = plan_of(problem)
        assert verify(problem, plan) == []
        assert plan.summary.objective == 3 * 2_500_000 + 500_000
        assert plan.summary.tardiness == pytest.approx(2.5 * 10)
        ignored = shop(orders=orders, settings={"use_priority": False})
        assert plan_of(ignored).summary.objective == 3_500_000

    @pytest.mark.parametrize(("priority", "factor"), [(0, 10), (1, 10), (10, 10), (1000, 0.1), (9999, 0.1)])
    def test_priority_factor_is_bounded(self, priority: int, factor: float) -> None:
        orders = [{**order, "priority": priority} for order in (o.model_dump() for o in shop().orders)]
        problem = shop(orders=orders)
        plan = plan_of(problem)
        assert verify(problem, plan) == []
        assert plan.summary.objective == round(3_000_000 * factor) + 500_000

    def test_past_due_counts_tardiness_from_day_0(self) -> None:
        orders = [o.model_dump() for o in shop().orders]
        orders[1]["due_date"] = "2025-12-01"
        problem = shop(orders=orders)
        plan = plan_of(problem)
        assert verify(problem, plan) == []
        assert plan.summary.tardiness == pytest.approx(2 * 7 + 8)

    def test_initial_flasks_count_in_wip_and_congestion(self) -> None:
        rows = [{"flask_size": "L", "release_workday_index": 20, "qty_inuse": 1}]
        problem = shop(initial_flask_inuse=rows)
        plan = plan_of(problem)
        assert verify(problem, plan) == []
        assert plan.summary.wip == 25 + 15
        # 0.15 above the threshold on 20 days, five of them after the horizon
        assert plan.summary.congestion == pytest.approx(0.9 + 20 * 0.15)

    def test_occupancies_are_cut_for_wip_and_not_for_congestion(self) -> None:
        problem = shop(resources={"flasks_S": 2})
        molds: Molds = {("O1", 0): 2, ("O1", 3): 2, ("O2", 6): 2, ("O2", 14): 1, ("O3", 0): 1, ("O3", 1): 1}
        plan = plan_of(problem, molds, days=15)
        assert verify(problem, plan) == []
        assert plan.summary.wip == 3 * 6 + 1 + 4
        assert plan.summary.congestion == pytest.approx(9 * 0.3)
        molds = {("O1", 0): 2, ("O1", 3): 2, ("O2", 6): 1, ("O2", 14): 2, ("O3", 0): 1, ("O3", 1): 1}
        plan = plan_of(problem, molds, days=15)
        assert verify(problem, plan) == []
        assert plan.summary.wip == 3 * 5 + 2 + 4
        assert plan.summary.congestion == pytest.approx(9 * 0.3)

    def test_stability_counts_molds_moved(self) -> None:
        previous = [{"order_id": o, "workday_index": d, "molds": m} for (o, d), m in MOLDS.items()]
        previous[0]["molds"] = 1
        previous += [
            {"order_id": "O1", "workday_index": 30, "molds": 1},
            {"order_id": "gone", "workday_index": 1, "molds": 9},
        ]
        problem = shop(previous_plan=previous)
        plan = plan_of(problem)
        assert verify(problem, plan) == []
        assert plan.summary.stability == 1

    def test_expected_deliveries_count_in_the_status_only(self) -> None:
        rows = [
            {"order_id": "O1", "date": "2026-01-13", "qty": 1},
            {"order_id": "O3", "date": "2026-01-20", "qty": 2},
        ]
        problem = shop(expected_deliveries=rows)
        plan = plan_of(problem)
        assert verify(problem, plan) == []
        status = {row.order_id: row for row in plan.order_status}
        assert (status["O1"].credit_late_qty, status["O3"].credit_late_qty) == (0, 2)
        assert str(status["O3"].completion_date) == "2026-01-20"
        assert status["O3"].completion_workday_index == 4
        assert plan.summary.late == 3

    def test_nothing_remaining_has_no_completion(self) -> None:
        problem = CORNERS["nothing_remaining"](shop())
        plan = plan_of(problem, {}, [("O3", day) for day in range(15)])
        assert verify(problem, plan) == []
        assert plan.summary.objective == 0
        assert {row.completion_workday_index for row in plan.order_status} == {None}


class TestCapacities:
    """Each capacity at exactly what the plan uses is kept; one less is broken."""

    @pytest.mark.parametrize(
        ("resource", "used", "less", "words"),
        [
            ("molding_max_same_part_per_day", 2, 1, ["order", "2 molds", "cap a day is 1", "(8.2)"]),
            ("molding_max_per_day", 3, 2, ["3 molds", "at most 2", "(9.2)"]),
            ("max_patterns", 2, 1, ["2 patterns", "1 places", "(9.3)"]),
            ("pour_max_ton_per_day", 0.4, 0.399, ["400 kg", "399 kg", "(9.4)"]),
            ("flasks_S", 6, 5, ["6 flasks S", "has 5", "(9.5)", "day 2 (Wed 2026-01-07)"]),
            ("flasks_M", 2, 1, ["2 flasks M", "has 1", "(9.5)"]),
        ],
    )
    def test_kept_and_broken(self, resource: str, used: float, less: float, words: list[str]) -> None:
        kept = shop(resources={resource: used})
        assert verify(kept, plan_of(kept, days=15)) == []
        problem = shop(resources={resource: less})
        found = verify(problem, plan_of(problem, days=15))
        assert found
        assert any(all(word in sentence for word in words) for sentence in found), found

    def test_flasks_in_use_from_before(self) -> None:
        rows = [{"flask_size": "M", "release_workday_index": 2, "qty_inuse": 1}]
        kept = shop(initial_flask_inuse=rows)
        assert verify(kept, plan_of(kept)) == []
        rows[0]["qty_inuse"] = 2
        problem = shop(initial_flask_inuse=rows)
        broken(problem, plan_of(problem, days=15), "day 1", "2 flasks M", "beside 2 in use", "has 3", "(9.5)")

    def test_overfull_from_before_leaves_zero_not_less(self) -> None:
        rows = [{"flask_size": "L", "release_workday_index": 3, "qty_inuse": 9}]
        problem = shop(initial_flask_inuse=rows)
        assert verify(problem, plan_of(problem)) == []

    def test_metal_committed(self) -> None:
        rows = [{"workday_index": 1, "tons_committed": 0.1}]
        kept = shop(initial_pour_load=rows)
        assert verify(kept, plan_of(kept)) == []
        problem = shop(initial_pour_load=[*rows, {"workday_index": 1, "tons_committed": 0.001}])
        broken(problem, plan_of(problem, days=15), "day 1", "400 kg", "101 kg committed", "500 kg", "(9.4)")

    def test_metal_overcommitted_leaves_zero_not_less(self) -> None:
        problem = shop(initial_pour_load=[{"workday_index": 0, "tons_committed": 3}])
        assert verify(problem, plan_of(problem)) == []

    def test_orders_of_one_part_share_its_cap_only_by_part(self) -> None:
        molds: Molds = {("O1", 0): 2, ("O1", 1): 2, ("O2", 1): 1, ("O2", 3): 2, ("O3", 4): 2}
        by_order = shop()
        assert verify(by_order, plan_of(by_order, molds)) == []
        by_part = shop(settings={"pattern_unit": "PART"})
        broken(by_part, plan_of(by_part, molds), "day 1", "part A", "3 molds", "(8.2)")

    def test_one_pattern_per_part_takes_one_place(self) -> None:
        molds: Molds = {("O1", 0): 1, ("O2", 0): 1, ("O1", 1): 2, ("O2", 2): 2, ("O1", 3): 1, ("O3", 4): 2}
        by_part = shop(settings={"pattern_unit": "PART"}, resources={"max_patterns": 1})
        assert verify(by_part, plan_of(by_part, molds)) == []
        by_order = shop(resources={"max_patterns": 1})
        broken(by_order, plan_of(by_order, molds, days=15), "day 0", "2 patterns", "(9.3)")


class TestRules:
    @pytest.mark.parametrize("change", [-1, 1])
    def test_quantity(self, change: int) -> None:
        problem = shop()
        plan = plan_of(problem, {**MOLDS, ("O2", 3): 1 + change} if change > 0 else {**MOLDS, ("O2", 2): 1})
        found = verify(problem, plan)
        assert f"Order O2: {3 + change} molds are planned, 3 remain to be molded (9.1)." in found

    def test_pattern_on_the_line(self) -> None:
        problem = shop()
        plan = plan_of(problem)
        bare = plan.model_copy(
            update={"y": tuple(r for r in plan.y if r.workday_index or r.order_id != "O1")}
        )
        found = verify(problem, bare)
        assert "Order O1, day 0 (Mon 2026-01-05): 2 molds, but its pattern is not on the line (8.2)." in found

    def test_pins(self) -> None:
        pins = [
            {"order_id": "O1", "workday_index": 0, "molds": 2},
            {"order_id": "O1", "workday_index": 4, "molds": 0},
        ]
        kept = shop(pins=pins)
        assert verify(kept, plan_of(kept)) == []
        problem = shop(pins=[*pins, {"order_id": "O2", "workday_index": 2, "molds": 1}])
        broken(problem, plan_of(problem), "Order O2, day 2", "2 molds, pinned are 1")
        problem = shop(pins=[*pins, {"order_id": "O2", "workday_index": 3, "molds": 0}])
        broken(problem, plan_of(problem), "Order O2, day 3", "1 molds, pinned are 0")

    def test_frozen_days(self) -> None:
        previous = [{"order_id": o, "workday_index": d, "molds": m} for (o, d), m in MOLDS.items()]
        kept = shop(previous_plan=previous, frozen_days=4)
        assert verify(kept, plan_of(kept)) == []
        moved = {**MOLDS, ("O2", 3): 0, ("O2", 4): 1}
        moved = {key: molds for key, molds in moved.items() if molds}
        broken(kept, plan_of(kept, moved), "Order O2, day 3", "0 molds, frozen are 1")
        three = shop(previous_plan=previous, frozen_days=3)
        assert verify(three, plan_of(three, moved)) == []
        extra = shop(previous_plan=previous[:-1], frozen_days=4)
        broken(extra, plan_of(extra), "Order O2, day 3", "1 molds, frozen are 0")

    def test_frozen_days_without_previous_plan(self) -> None:
        problem = shop(frozen_days=2)
        plan = plan_of(shop())
        broken(problem, plan, "2 days are frozen", "no previous plan")


class TestRows:
    @pytest.mark.parametrize("table", ["x", "y"])
    def test_unknown_order(self, table: str) -> None:
        problem, plan = shop(), plan_of(shop())
        row = (
            PlannedMolds(order_id="O9", workday_index=0, molds=1)
            if table == "x"
            else PatternDay(order_id="O9", workday_index=0)
        )
        broken(
            problem, plan.model_copy(update={table: (*getattr(plan, table), row)}), f"{table} has order O9"
        )

    def test_day_after_the_calendar(self) -> None:
        problem, plan = shop(), plan_of(shop())
        rows = (*plan.x, PlannedMolds(order_id="O1", workday_index=15, molds=1))
        broken(problem, plan.model_copy(update={"x": rows}), "O1 on day 15", "ends with day 14")

    def test_row_twice(self) -> None:
        problem, plan = shop(), plan_of(shop())
        broken(problem, plan.model_copy(update={"x": (*plan.x, plan.x[0])}), "O1 on day 0 twice")

    def test_problem_without_the_part(self) -> None:
        problem, plan = shop(), plan_of(shop())
        bare = problem.model_copy(update={"parts": problem.parts[:1]})
        broken(bare, plan, "Order O3 is of part B")


class TestCalendar:
    def changed(self, position: int, **changes: Any) -> FoundryPlan:
        plan = plan_of(shop())
        rows = list(plan.calendar_workdays)
        rows[position] = rows[position].model_copy(update=changes)
        return plan.model_copy(update={"calendar_workdays": tuple(rows)})

    def test_other_date_than_given(self) -> None:
        plan = self.changed(4, date=shop().asof_date.replace(day=10))
        assert "Workday 4 of the plan's calendar is 2026-01-10, expected 2026-01-09." in verify(shop(), plan)

    def test_other_week_than_given(self) -> None:
        broken(shop(), self.changed(4, week_index=7), "Workday 4", "week 7", "given is week 0")

    def test_index_out_of_step(self) -> None:
        broken(shop(), self.changed(4, workday_index=40), "Row 4", "index 40")

    def test_shorter_than_given(self) -> None:
        plan = plan_of(shop())
        short = plan.model_copy(update={"calendar_workdays": plan.calendar_workdays[:9]})
        broken(shop(), short, "9 workdays", "given one 15")

    def test_none_at_all(self) -> None:
        broken(shop(), plan_of(shop()).model_copy(update={"calendar_workdays": ()}), "no calendar")

    def test_extended_by_monday_to_friday_less_holidays(self) -> None:
        problem = shop(calendar_workdays=None, holidays=["2026-01-05", "2026-01-12"])
        plan = plan_of(problem)
        assert [str(day.date) for day in plan.calendar_workdays[:5]] == [
            f"2026-01-{day:02}" for day in (6, 7, 8, 9, 13)
        ]
        assert verify(problem, plan) == []
        rows = list(plan.calendar_workdays)
        rows[4] = Workday(workday_index=4, date=problem.asof_date.replace(day=12), week_index=1)
        holiday = plan.model_copy(update={"calendar_workdays": tuple(rows)})
        assert "Workday 4 of the plan's calendar is 2026-01-12, expected 2026-01-13." in verify(
            problem, holiday
        )


class TestSummary:
    @pytest.mark.parametrize(
        "name",
        [
            "late",
            "late_orders",
            "starts",
            "stops",
            "day0_stops",
            "changes",
            "restarts",
            "wip",
            "spec_objective",
            "tardiness",
            "congestion",
            "stability",
            "peak_pour_ton",
        ],
    )
    def test_every_count_is_compared(self, name: str) -> None:
        problem, plan = shop(), plan_of(shop())
        told = getattr(plan.summary, name)
        broken(problem, summary(plan, **{name: told + 1}), f"{name} = {told + 1}", f"counted are {told}")

    def test_objective_is_compared(self) -> None:
        problem, plan = shop(), plan_of(shop())
        found = verify(problem, summary(plan, objective=3_400_000, gap=1.0))
        assert found == ["The summary tells objective = 3400000, counted are 3500000."]

    def test_peak_of_each_size_is_compared(self) -> None:
        problem, plan = shop(), plan_of(shop())
        broken(problem, summary(plan, peak_flasks={"S": 6, "M": 3, "L": 0}), "size M", "= 3", "are 2")
        broken(problem, summary(plan, peak_flasks={"S": 6, "M": 2}), "size L", "None")

    def test_plan_of_another_program_tells_less(self) -> None:
        problem = shop(settings={"late_weight": 500_000})
        data = json.loads(plan_of(problem).model_dump_json())
        for name in ("late_orders", "restarts", "late_weight", "peak_flasks", "peak_pour_ton"):
            del data["summary"][name]
        for name in ("solve_seconds", "stopped_early"):
            del data["summary"][name]
        for row in data["order_status"]:
            for name in ("completion_date", "credit_late_qty", "reason"):
                del row[name]
        for name in ("name", "meta", "scenario_id", "asof_date", "explanation", "warnings"):
            del data[name]
        plan = read_plan(data)
        assert verify(problem, plan) == []
        data["summary"]["late"] = 2
        broken(problem, read_plan(data), "late = 2", "counted are 3")
        data["order_status"][0]["late_qty"] = 1
        assert len(verify(problem, read_plan(data))) == 2

    def test_late_weight_as_set(self) -> None:
        problem, plan = shop(), plan_of(shop())
        found = verify(problem, summary(plan, late_weight=2_000_000))
        assert found[0] == "The summary weighs a late unit with 2000000; expected was 1000000."

    def test_lexicographic_raises_the_late_weight_by_a_power_of_ten(self) -> None:
        problem = shop(settings={"policy": "LEXICOGRAPHIC"})
        instance = compile_problem(problem)
        layout = Layout(*(np.zeros((3, 15), np.int64) for _ in range(2)))
        for (order_id, day), molds in MOLDS.items():
            layout.molds[int(order_id[1]) - 1, day] = molds
            layout.on[int(order_id[1]) - 1, day] = 1
        assert verify(problem, make_plan(instance.weighing_late(100_000_000), layout, 0.0)) == []
        broken(
            problem, make_plan(instance.weighing_late(20_000_000), layout, 0.0), "20000000", "power of ten"
        )
        broken(problem, make_plan(instance.weighing_late(100_000), layout, 0.0), "100000;", "1000000 times")

    def test_bound_gap_and_status(self) -> None:
        problem = shop()
        proven = plan_of(problem, bound=3_500_000)
        assert (proven.status, proven.summary.gap) == ("OPTIMAL", 0)
        assert verify(problem, proven) == []
        below = plan_of(problem, bound=2_800_000)
        assert below.status == "FEASIBLE"
        assert below.summary.gap == pytest.approx(0.2)
        assert verify(problem, below) == []
        broken(problem, below.model_copy(update={"status": "OPTIMAL"}), "called OPTIMAL", "2800000")
        broken(problem, summary(below, gap=0.1), "gap of 0.1", "0.2")
        broken(problem, summary(below, bound=3_600_000.0, gap=-0.1 / 3.5), "above the objective")


class TestStatuses:
    @pytest.mark.parametrize(
        ("name", "wrong"),
        [
            ("part_id", "B"),
            ("qty", 6),
            ("molded_qty_credit", 0),
            ("remaining_qty", 5),
            ("due_date", shop().asof_date),
            ("delivered_by_due", 3),
            ("late_qty", 1),
            ("credit_late_qty", 1),
            ("completion_workday_index", 7),
            ("completion_workday_index", None),
            ("completion_date", shop().asof_date),
        ],
    )
    def test_every_figure_is_compared(self, name: str, wrong: object) -> None:
        problem, plan = shop(), plan_of(shop())
        first = plan.order_status[0].model_copy(update={name: wrong})
        rows = (first, *plan.order_status[1:])
        broken(problem, plan.model_copy(update={"order_status": rows}), "order O1", name, str(wrong))

    def test_each_order_once(self) -> None:
        problem, plan = shop(), plan_of(shop())
        rows = plan.order_status
        broken(problem, plan.model_copy(update={"order_status": rows[1:]}), "0 rows for order O1")
        broken(problem, plan.model_copy(update={"order_status": (*rows, rows[0])}), "2 rows for order O1")
        stranger = OrderStatus.model_validate({**rows[0].model_dump(), "order_id": "O9"})
        broken(problem, plan.model_copy(update={"order_status": (*rows, stranger)}), "has order O9")


def figures(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Places of all figures in a plan's JSON form."""
    rows = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in rows:
        yield from figures(value, (*path, key))
    if isinstance(data, int | float) and not isinstance(data, bool):
        yield path


PLAN = json.loads(plan_of(shop(), bound=2_800_000).model_dump_json(exclude={"explanation"}))
"""The plan that was counted by hand, as JSON."""
UNJUDGED = {"solve_seconds"}
"""What nobody but the planner can know."""
MOVED = {("x", "workday_index"), ("y", "workday_index")}
"""Another day may be as good."""


class TestEveryRule:
    """Each rule of the specification, by its number, broken by hand in a plan that keeps all."""

    @pytest.mark.parametrize(
        ("rule", "molds", "words"),
        [
            ("9.1", {("O2", 3): 0}, "Order O2: 2 molds are planned, 3 remain to be molded"),
            ("8.2", {("O1", 0): 3, ("O1", 1): 1}, "order O1: 3 molds, its cap a day is 2"),
            (
                "9.2",
                {("O1", 1): 1, ("O1", 0): 3, ("O3", 0): 2, ("O3", 1): 0},
                "5 molds, molding makes at most 4",
            ),
            ("9.3", {("O2", 2): 1, ("O2", 1): 1}, "3 patterns are on the line, it has 2 places"),
            ("9.4", {("O3", 0): 2, ("O3", 1): 0}, "600 kg to pour beside 0 kg committed"),
            ("9.5", {("O2", 2): 3, ("O2", 3): 0}, "7 flasks S are needed beside 0"),
        ],
    )
    def test_of_capacities(self, rule: str, molds: Molds, words: str) -> None:
        problem = shop()
        changed = {key: made for key, made in {**MOLDS, **molds}.items() if made}
        found = verify(problem, plan_of(problem, changed, days=15))
        assert any(words in sentence and f"({rule})" in sentence for sentence in found), found

    @pytest.mark.parametrize(
        ("rule", "changes", "name"),
        [
            ("7, 12.3: lags and completion", {"order_status": {"completion_workday_index": 5}}, "completion"),
            ("9.6: late units of an order", {"order_status": {"late_qty": 1}}, "late_qty"),
            ("9.6: delivered by the due date", {"order_status": {"delivered_by_due": 3}}, "delivered_by_due"),
            ("9.1: what remains", {"order_status": {"remaining_qty": 5}}, "remaining_qty"),
            ("9.6: late units of all orders", {"summary": {"late": 2}}, "late"),
            ("10: starts", {"summary": {"starts": 1}}, "starts"),
            ("10: stops", {"summary": {"stops": 2}}, "stops"),
            ("11: objective", {"summary": {"spec_objective": 3_500_024}}, "spec_objective"),
            ("11: work in process", {"summary": {"wip": 24}}, "wip"),
            ("14: peak of the flasks", {"summary": {"peak_flasks": {"S": 5, "M": 2, "L": 0}}}, "peak_flasks"),
            ("14: peak of the metal", {"summary": {"peak_pour_ton": 0.3}}, "peak_pour_ton"),
        ],
    )
    def test_of_counts(self, rule: str, changes: dict[str, Any], name: str) -> None:
        data = json.loads(json.dumps(PLAN))
        data["summary"] |= changes.get("summary", {})
        data["order_status"][0] |= changes.get("order_status", {})
        assert any(name in sentence for sentence in verify(shop(), read_plan(data))), rule

    def test_a_pattern_that_molds_is_on_the_line(self) -> None:
        """8.2: x > 0 only where y = 1."""
        data = {**PLAN, "y": [row for row in PLAN["y"] if row["order_id"] != "O2"]}
        assert any("its pattern is not on the line (8.2)" in s for s in verify(shop(), read_plan(data)))

    def test_the_plan_is_kept_as_it_is(self) -> None:
        assert verify(shop(), read_plan(PLAN)) == []

    @pytest.mark.parametrize(
        "place",
        [
            place
            for place in figures(PLAN)
            if place[-1] not in UNJUDGED and (place[0], place[-1]) not in MOVED
        ],
        ids=lambda place: ".".join(map(str, place)),
    )
    def test_no_figure_is_changed_unnoticed(self, place: tuple[str | int, ...]) -> None:
        data = json.loads(json.dumps(PLAN))
        rows = data
        for key in place[:-1]:
            rows = rows[key]
        rows[place[-1]] += 1 if isinstance(rows[place[-1]], int) else 0.5 + abs(rows[place[-1]])
        assert verify(shop(), read_plan(data)) != []


class TestAgreement:
    """The solver's side and the verifier count the same, whatever the plan."""

    @pytest.mark.parametrize("name", sorted(CORNERS))
    def test_greedy_plans_of_corner_cases_keep_every_rule(self, name: str) -> None:
        problem = CORNERS[name](generate("S", 0.9, 3))
        assert verify(problem, greedy(problem)) == []

    @settings(max_examples=tier(60, 3000), deadline=None)
    @given(problem=problems(), data=st.data())
    def test_any_plan_is_counted_alike(self, problem: FoundryProblem, data: st.DataObject) -> None:
        instance = compile_problem(problem)
        molds = np.zeros((instance.n_orders, instance.horizon), np.int64)
        on = np.zeros((instance.n_units, instance.horizon), np.int64)
        days = st.integers(0, instance.horizon - 1)
        for o, left in enumerate(instance.remaining):
            for day in data.draw(st.lists(days, min_size=int(left), max_size=int(left))):
                molds[o, day] += 1
                on[instance.unit[o], day] = 1
        for unit in range(instance.n_units):
            for day in data.draw(st.lists(days, max_size=5)):
                on[unit, day] = 1
        plan = make_plan(instance, Layout(molds, on), 0.0)
        found = verify(problem, plan)
        assert not [s for s in found if s.startswith(("The summary", "The status", "order_status", "x has"))]
        assert not [s for s in found if "(9.1)" in s or "its pattern is not" in s]

    @settings(max_examples=tier(60, 3000), deadline=None)
    @given(problem=problems())
    def test_greedy_plans_keep_every_rule(self, problem: FoundryProblem) -> None:
        plan = greedy(problem)
        assert verify(problem, plan) == []
        assert count(problem, plan).late == plan.summary.late
