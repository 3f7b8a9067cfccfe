"""Problems as arrays: lags, due days, capacities, the horizon."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver_jobs.errors import JobError
from solver_jobs.foundry.calendar import WorkCalendar
from solver_jobs.foundry.capacity import days_needed, most_in_days, most_per_day
from solver_jobs.foundry.corners import CORNERS
from solver_jobs.foundry.generate import generate
from solver_jobs.foundry.instance import (
    LONGEST_DUE_HORIZON,
    compile_problem,
    delivery_lag,
    flask_stay,
    kilograms,
)
from solver_jobs.foundry.problem import Part
from tests.solver_jobs.foundry.monday import SHOP, shop
from tests.tier import tier


def part(cool: float, finish: float) -> Part:
    return Part(part_id="A", flask_size="S", cool_hours=cool, finish_hours=finish, gross_weight_ton=0.1)


def orders(**changes: Any) -> list[dict[str, Any]]:
    return [{**order, **changes} for order in SHOP["orders"]]


class TestLags:
    @pytest.mark.parametrize(
        ("cool", "finish", "lag", "stay"),
        [(0, 0, 3, 2), (0.1, 0, 4, 3), (24, 24, 5, 3), (24.1, 24, 6, 4), (72, 48, 8, 5), (120, 72, 11, 7)],
    )
    def test_hours_round_up_to_working_days(self, cool: float, finish: float, lag: int, stay: int) -> None:
        assert (delivery_lag(part(cool, finish)), flask_stay(part(cool, finish))) == (lag, stay)

    def test_kilograms(self) -> None:
        assert [kilograms(tons) for tons in (0, 0.0004, 0.0006, 0.25, 3.7699)] == [0, 0, 1, 250, 3770]


class TestRows:
    def test_due_index_and_last_day_on_time(self) -> None:
        instance = compile_problem(shop())
        assert instance.due.tolist() == [6, 4, 4]
        assert instance.last_on_time.tolist() == [1, -1, 1]

    @pytest.mark.parametrize(
        ("due", "index"), [("2025-12-31", -1), ("2026-01-04", -1), ("2026-01-05", 0), ("2026-01-11", 4)]
    )
    def test_due_on_any_calendar_day(self, due: str, index: int) -> None:
        assert compile_problem(shop(orders=orders(due_date=due))).due.tolist() == [index] * 3

    def test_credit_above_quantity_leaves_zero(self) -> None:
        progress = [{"order_id": "O1", "molded_qty_credit": 99}]
        assert compile_problem(shop(initial_order_progress=progress)).remaining.tolist() == [0, 3, 2]

    def test_weights(self) -> None:
        booked = [{**row, "priority": p} for row, p in zip(SHOP["orders"], (30, 0, 5000), strict=True)]
        instance = compile_problem(shop(orders=booked))
        assert instance.weight.tolist() == [3_333_333, 10_000_000, 100_000]
        raised = instance.weighing_late(100)
        assert (raised.weight.tolist(), raised.late_weight) == ([333, 1000, 10], 100)
        assert (
            compile_problem(shop(orders=booked, settings={"use_priority": False})).weight.tolist()
            == [1_000_000] * 3
        )

    def test_units_are_orders_or_parts(self) -> None:
        by_order, by_part = shop(), shop(settings={"pattern_unit": "PART"})
        assert compile_problem(by_order).unit_names == ("O1", "O2", "O3")
        instance = compile_problem(by_part)
        assert instance.unit_names == ("A", "B")
        assert instance.unit.tolist() == [0, 0, 1]
        assert instance.loaded.tolist() == [False, True]

    def test_not_loaded_is_not_loaded(self) -> None:
        rows = [{"order_id": "O3", "is_loaded": 0}]
        assert not compile_problem(shop(initial_patterns_loaded=rows)).loaded.any()


class TestCapacities:
    def test_what_is_in_use_is_not_free(self) -> None:
        instance = compile_problem(
            shop(
                initial_flask_inuse=[
                    {"flask_size": "S", "release_workday_index": 2, "qty_inuse": 4},
                    {"flask_size": "S", "release_workday_index": 1, "qty_inuse": 4},
                    {"flask_size": "M", "release_workday_index": -3, "qty_inuse": 4},
                    {"flask_size": "L", "release_workday_index": 0, "qty_inuse": 1},
                ],
                initial_pour_load=[
                    {"workday_index": 1, "tons_committed": 0.2},
                    {"workday_index": 1, "tons_committed": 0.2004},
                    {"workday_index": 2, "tons_committed": 7},
                    {"workday_index": -1, "tons_committed": 7},
                ],
            )
        )
        assert instance.flasks_initial[0, :3].tolist() == [8, 4, 0]
        assert instance.flasks_free[:, :3].tolist() == [[0, 2, 6], [3, 3, 3], [1, 1, 1]]
        assert instance.pour_free[:4].tolist() == [500, 100, 0, 500]

    def test_pins_and_frozen_days(self) -> None:
        instance = compile_problem(
            shop(
                pins=[
                    {"order_id": "O1", "workday_index": 3, "molds": 1},
                    {"order_id": "O2", "workday_index": 99, "molds": 0},
                ],
                previous_plan=[
                    {"order_id": "O1", "workday_index": 0, "molds": 2},
                    {"order_id": "O1", "workday_index": 2, "molds": 1},
                    {"order_id": "O9", "workday_index": 0, "molds": 1},
                    {"order_id": "O3", "workday_index": 80, "molds": 1},
                ],
                frozen_days=1,
            )
        )
        assert instance.pinned[:, :4].tolist() == [[2, -1, -1, 1], [0, -1, -1, -1], [0, -1, -1, -1]]
        assert instance.previous[0, :3].tolist() == [2, 0, 1]
        assert instance.previous_outside == 1


class TestHorizon:
    def test_given_calendar_that_is_long_enough_stays(self) -> None:
        instance = compile_problem(shop())
        assert (instance.horizon, instance.extended) == (15, 0)

    def test_open_calendar_reaches_past_due_dates_by_lag_and_buffer(self) -> None:
        instance = compile_problem(shop(calendar_workdays=None))
        assert (instance.horizon, instance.extended) == (6 + 1 + 5 + 10, 0)

    def test_short_calendar_is_extended_to_what_a_greedy_plan_needs_and_the_longest_lag(self) -> None:
        instance = compile_problem(shop(calendar_workdays=SHOP["calendar_workdays"][:2]))
        last = int(np.flatnonzero(instance.fitting.any(axis=0)).max())
        assert instance.horizon == max(7, last + 1 + 5)
        assert instance.extended == instance.horizon - 2

    def test_calendar_reaches_the_latest_due_date_of_open_orders(self) -> None:
        instance = compile_problem(shop(orders=orders(due_date="2026-03-02")))
        assert instance.horizon == instance.due[0] + 1 == 41
        done = [{"order_id": row["order_id"], "molded_qty_credit": row["qty"]} for row in SHOP["orders"]]
        closed = compile_problem(shop(orders=orders(due_date="2026-03-02"), initial_order_progress=done))
        assert closed.horizon == 15

    @pytest.mark.parametrize("given", [SHOP["calendar_workdays"], None])
    def test_a_due_date_years_away_does_not_stretch_it(self, given: list[dict[str, Any]] | None) -> None:
        right = compile_problem(shop(calendar_workdays=given))
        rows = [SHOP["orders"][0] | {"due_date": "2036-01-13"}, *SHOP["orders"][1:]]
        mistyped = compile_problem(shop(calendar_workdays=given, orders=rows))
        assert mistyped.due[0] > LONGEST_DUE_HORIZON
        assert mistyped.horizon <= right.horizon

    def test_the_furthest_due_date_that_counts(self) -> None:
        last = WorkCalendar.of(shop()).date_of(LONGEST_DUE_HORIZON)
        instance = compile_problem(shop(orders=orders(due_date=str(last))))
        assert instance.horizon == LONGEST_DUE_HORIZON + 1

    def test_late_pins_are_inside(self) -> None:
        instance = compile_problem(shop(pins=[{"order_id": "O3", "workday_index": 40, "molds": 1}]))
        assert instance.horizon == 41 + 5
        assert instance.fitting[2, 40] == 1

    def test_horizon_of_a_plan_is_taken_as_it_is(self) -> None:
        instance = compile_problem(shop(), 18)
        assert (instance.horizon, instance.extended) == (18, 3)

    def test_endless_backlog_is_named(self) -> None:
        with pytest.raises(
            JobError, match="After 2000 working days 293999 molds would still be open"
        ) as caught:
            compile_problem(shop(orders=orders(qty=100_000), resources={"molding_max_per_day": 54}))
        assert caught.value.code == "HORIZON_TOO_LONG"

    @pytest.mark.parametrize(
        ("changes", "hint"),
        [
            (
                {"frozen_days": 10_000, "previous_plan": []},
                "frozen_days is 10,000: freeze the days of a week",
            ),
            (
                {
                    "initial_flask_inuse": [
                        {"flask_size": "M", "release_workday_index": 10_000, "qty_inuse": 3}
                    ]
                },
                "held until workday 10,000: correct their release",
            ),
            (
                {"pins": [{"order_id": "O2", "workday_index": day, "molds": 0} for day in range(2_001)]},
                "Pins of 0 molds leave O2 too few days: remove some",
            ),
        ],
    )
    def test_what_closes_all_days_is_named_and_no_quantity(self, changes: dict[str, Any], hint: str) -> None:
        with pytest.raises(JobError) as caught:
            compile_problem(shop(**changes))
        assert caught.value.code == "HORIZON_TOO_LONG"
        assert hint in (caught.value.hint or "")

    @pytest.mark.parametrize("size", ["S", "M", "L"])
    @pytest.mark.parametrize("utilisation", [0.7, 0.9, 1.05])
    def test_benchmark_calendars_hold_a_greedy_plan_nearly(self, size: str, utilisation: float) -> None:
        for seed in range(tier(2, 20)):
            assert compile_problem(generate(size, utilisation, seed)).extended <= 5

    @pytest.mark.parametrize("name", sorted(CORNERS))
    def test_fitting_plan_molds_everything(self, name: str) -> None:
        instance = compile_problem(CORNERS[name](generate("S", 1.05, 4)))
        assert (instance.fitting.sum(axis=1) == instance.remaining).all()
        assert instance.horizon == len(instance.calendar)


class TestOnePartAlone:
    @settings(max_examples=200, deadline=None)
    @given(
        cap=st.integers(1, 6),
        flasks=st.integers(1, 9),
        cool=st.integers(0, 3),
        molds=st.integers(1, 40),
    )
    def test_days_and_molds_agree_with_a_simulation(
        self, cap: int, flasks: int, cool: int, molds: int
    ) -> None:
        piece = part(24 * cool, 0)
        resources = shop(
            resources={
                "flasks_S": flasks,
                "molding_max_same_part_per_day": cap,
                "molding_max_per_day": 100,
                "pour_max_ton_per_day": 99,
            }
        ).resources
        made: list[int] = []
        while sum(made) < molds:
            held = sum(made[-(flask_stay(piece) - 1) :])
            made.append(min(cap, flasks - held))
            assert most_in_days(piece, resources, len(made)) == sum(made)
        assert days_needed(piece, resources, molds) == len(made)
        assert most_per_day(piece, resources) == made[0]
