"""Reasons of late orders, each made on purpose; and what must hold of every explanation."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from solver_jobs.foundry.checks import check
from solver_jobs.foundry.corners import CORNERS
from solver_jobs.foundry.explain import explain, explained
from solver_jobs.foundry.generate import generate
from solver_jobs.foundry.problem import Explanation, FoundryPlan, FoundryProblem, LateOrder
from solver_jobs.foundry.verify import verify
from solver_jobs.foundry.wording import say_days
from tests.solver_jobs.foundry.monday import MOLDS, SHOP, Molds, greedy, plan_of, shop
from tests.solver_jobs.foundry.shops import problems
from tests.tier import tier

ON_TIME = [{**SHOP["orders"][0]}, {**SHOP["orders"][1], "due_date": "2026-01-15"}, {**SHOP["orders"][2]}]


def why(problem: FoundryProblem, molds: Molds, order_id: str, **how: Any) -> LateOrder:
    plan = plan_of(problem, molds, **how)
    assert verify(problem, plan) == []
    (found,) = [late for late in explain(problem, plan).late if late.order_id == order_id]
    return found


def orders(*rows: tuple[str, str, int, str]) -> list[dict[str, Any]]:
    return [{"order_id": o, "part_id": p, "qty": q, "due_date": d} for o, p, q, d in rows]


def bare(booked: list[dict[str, Any]], **changes: Any) -> FoundryProblem:
    """SHOP with other orders and nothing from before."""
    return shop(orders=booked, **({"initial_order_progress": [], "initial_patterns_loaded": []} | changes))


class TestReasons:
    def test_too_late_by_its_lags_alone(self) -> None:
        late = why(shop(), MOLDS, "O2")
        assert [(c.resource, c.units) for c in late.causes] == [("LAGS", 3)]
        assert late.reason == (
            "All 3 units are late: due 10 January, but a mold of 5 January is delivered on 12 January at "
            "the earliest (5 working days: pour 1, cooling 1, shakeout 1, finishing 1, delivery 1). What "
            "keeps it from being made sooner: All 6 flasks S are in use on 7 January (a mold holds its flask "
            "for 3 working days), by O1 (4 flask-days). The last unit is delivered on 15 January."
        )

    def test_too_late_by_its_lags_and_made_as_soon_as_can_be(self) -> None:
        late = why(bare(orders(("O2", "A", 3, "2026-01-10"))), {("O2", 0): 2, ("O2", 1): 1}, "O2")
        assert "sooner" not in late.reason
        assert late.reason.endswith("The last unit is delivered on 13 January.")

    def test_too_late_by_its_lags_and_left_waiting_beside_free_room(self) -> None:
        late = why(bare(orders(("O2", "A", 1, "2026-01-10"))), {("O2", 2): 1}, "O2")
        assert "sooner: Room is left on 5 and 6 January, but how late it is counts less than" in late.reason

    def test_its_own_daily_cap(self) -> None:
        problem = bare(orders(("O1", "A", 6, "2026-01-13")))
        late = why(problem, {("O1", 0): 2, ("O1", 1): 2, ("O1", 2): 2}, "O1")
        assert [(c.resource, c.units) for c in late.causes] == [("PART_CAP", 2)]
        assert late.reason == (
            "2 of 6 units are late: due 13 January, and it takes 5 working days from mold to delivery, so "
            "molds after 6 January are too late. Even alone in the shop it gets no more than 4 molds by then "
            "(2 working days): the cap of 2 molds of one part a day leaves 2 units late. The last unit is "
            "delivered on 14 January."
        )

    def test_its_own_flasks(self) -> None:
        problem = bare(orders(("O1", "A", 4, "2026-01-13")), resources={"flasks_S": 3})
        late = why(problem, {("O1", 0): 2, ("O1", 1): 1, ("O1", 3): 1}, "O1")
        assert [(c.resource, c.units) for c in late.causes] == [("FLASKS_S", 1)]
        assert "3 flasks S, each held for 3 working days, leave 1 unit late" in late.reason

    def test_its_own_flasks_where_its_cap_alone_would_not_do_either(self) -> None:
        problem = bare(orders(("O1", "A", 5, "2026-01-13")), resources={"flasks_S": 2})
        late = why(problem, {("O1", 0): 2, ("O1", 3): 2, ("O1", 6): 1}, "O1")
        assert [(c.resource, c.units) for c in late.causes] == [("FLASKS_S", 3)]
        assert "2 flasks S, each held for 3 working days, leave 3 units late" in late.reason

    @pytest.mark.parametrize(
        ("resources", "resource", "words"),
        [
            ({"molding_max_per_day": 1}, "MOLDING", "molding with 1 a day leaves 2 units late"),
            ({"pour_max_ton_per_day": 0.15}, "METAL", "the metal for 1 mold a day leaves 2 units late"),
            ({"flasks_S": 1}, "FLASKS_S", "1 flask S, each held for 3 working days, leaves 3 units late"),
        ],
    )
    def test_other_limits_of_one_part(self, resources: dict[str, Any], resource: str, words: str) -> None:
        problem = bare(orders(("O1", "A", 4, "2026-01-13")), resources=resources)
        molds = {("O1", 3 * k if resource == "FLASKS_S" else k): 1 for k in range(4)}
        late = why(problem, molds, "O1")
        assert late.causes[0].resource == resource
        assert words in late.reason

    def test_flasks_that_others_have(self) -> None:
        problem = bare(
            orders(("O1", "A", 2, "2026-01-12"), ("O2", "A", 4, "2026-01-13")),
            resources={"flasks_S": 4},
            initial_flask_inuse=[{"flask_size": "S", "release_workday_index": 2, "qty_inuse": 1}],
        )
        late = why(problem, {("O2", 0): 2, ("O2", 1): 1, ("O2", 3): 1, ("O1", 4): 2}, "O1")
        (cause,) = late.causes
        assert (cause.resource, cause.units, cause.days) == ("FLASKS_S", 2, 1)
        assert [(claim.order_id, claim.amount) for claim in cause.taken_by] == [("O2", 3.0)]
        assert (
            "All 4 flasks S are in use on 6 January (a mold holds its flask for 3 working days), by O2 "
            "(3 flask-days) and earlier molds (1 flask-day)." in late.reason
        )

    def test_pattern_places(self) -> None:
        problem = bare(
            orders(("O1", "A", 1, "2026-01-13"), ("O2", "A", 2, "2026-01-13")), resources={"max_patterns": 1}
        )
        late = why(problem, {("O2", 0): 1, ("O2", 1): 1, ("O1", 2): 1}, "O1")
        (cause,) = late.causes
        assert (cause.resource, cause.units, cause.days) == ("PATTERN_PLACES", 1, 2)
        assert "The only pattern place is taken on 5 and 6 January, by O2 (2 days)." in late.reason

    def test_molding(self) -> None:
        problem = bare(
            orders(("O1", "A", 1, "2026-01-12"), ("O2", "A", 2, "2026-01-12")),
            resources={"molding_max_per_day": 2},
        )
        late = why(problem, {("O2", 0): 2, ("O1", 1): 1}, "O1")
        (cause,) = late.causes
        assert (cause.resource, cause.days) == ("MOLDING", 1)
        assert "Molding is at its 2 molds on 5 January, taken by O2 (2 molds)." in late.reason

    def test_metal(self) -> None:
        problem = bare(
            orders(("O1", "A", 1, "2026-01-12"), ("O3", "B", 2, "2026-01-12")),
            initial_pour_load=[{"workday_index": 1, "tons_committed": 0.05}],
        )
        late = why(problem, {("O3", 0): 2, ("O1", 1): 1}, "O1")
        (cause,) = late.causes
        assert cause.resource == "METAL"
        assert (
            "Less than the 100 kg of a mold is left of the metal for molds made on 5 January" in late.reason
        )
        assert "taken by O3 (400 kg) and earlier molds (50 kg)." in late.reason

    def test_cap_of_a_part_that_orders_share(self) -> None:
        problem = bare(
            orders(("O1", "A", 1, "2026-01-12"), ("O2", "A", 2, "2026-01-12")),
            settings={"pattern_unit": "PART"},
        )
        late = why(problem, {("O2", 0): 2, ("O1", 1): 1}, "O1")
        (cause,) = late.causes
        assert cause.resource == "PART_CAP"
        assert (
            "The cap of 2 molds of one part a day is reached on 5 January, taken by O2 (2 molds)."
            in late.reason
        )

    def test_one_resource_after_the_other(self) -> None:
        problem = bare(
            orders(("O1", "A", 1, "2026-01-13"), ("O2", "A", 2, "2026-01-12"), ("O3", "B", 1, "2026-01-09")),
            resources={"molding_max_per_day": 3, "max_patterns": 3},
            initial_pour_load=[{"workday_index": 2, "tons_committed": 0.45}],
        )
        late = why(problem, {("O2", 0): 2, ("O3", 0): 1, ("O1", 2): 1}, "O1")
        assert [(c.resource, c.units, c.days) for c in late.causes] == [("METAL", 1, 1), ("MOLDING", 0, 1)]
        assert "for molds made on 6 January, taken by earlier molds (450 kg)." in late.reason
        assert "Molding is at its 3 molds on 5 January, taken by O2 (2 molds) and O3 (1 mold)." in late.reason

    def test_pins(self) -> None:
        pins = [{"order_id": "O1", "workday_index": day, "molds": 0} for day in range(2)]
        problem = bare(orders(("O1", "A", 1, "2026-01-13")), pins=pins)
        late = why(problem, {("O1", 2): 1}, "O1")
        assert [(c.resource, c.units) for c in late.causes] == [("PINS", 1)]
        assert "Pins or frozen days decide its molds on 5 and 6 January." in late.reason

    def test_pins_on_days_that_are_too_late(self) -> None:
        pins = [{"order_id": "O1", "workday_index": 4, "molds": 2}]
        problem = bare(orders(("O1", "A", 3, "2026-01-13")), pins=pins)
        late = why(problem, {("O1", 4): 2, ("O1", 5): 1}, "O1")
        assert [(c.resource, c.units) for c in late.causes] == [("PINS", 2), ("CHANGES", 1)]
        assert "Pins or frozen days decide its molds on 9 January. There is room on 5 and 6" in late.reason

    def test_room_that_costs_more_than_it_saves(self) -> None:
        problem = bare(orders(("O1", "A", 1, "2026-01-13")), settings={"late_weight": 0})
        late = why(problem, {("O1", 9): 1}, "O1", bound=200_000.0)
        assert late.causes[0].resource == "CHANGES"
        assert (
            "There is room on 5 and 6 January, but using it would cost more in pattern changes."
            in late.reason
        )
        late = why(problem, {("O1", 9): 1}, "O1", bound=0.0)
        assert "the search found no plan in which using it would cost less" in late.reason

    def test_only_one_and_both(self) -> None:
        problem = bare(orders(("O1", "A", 1, "2026-01-02"), ("O2", "A", 2, "2026-01-02")))
        molds = {("O1", 0): 1, ("O2", 0): 2}
        assert why(problem, molds, "O1").reason.startswith("Its only unit is late: due 2 January")
        assert why(problem, molds, "O2").reason.startswith("Both units are late: due 2 January")

    def test_year_is_said_where_it_is_another(self) -> None:
        problem = bare(orders(("O1", "A", 1, "2025-12-30")))
        assert "due 30 December 2025" in why(problem, {("O1", 0): 1}, "O1").reason

    def test_credit_that_comes_late(self) -> None:
        problem = shop(expected_deliveries=[{"order_id": "O3", "date": "2026-01-12", "qty": 1}])
        plan = explained(problem, plan_of(problem))
        reasons = {row.order_id: row.reason for row in plan.order_status}
        assert reasons["O3"] == "1 unit already molded will be delivered after the due date, 9 January."
        assert reasons["O1"] is None
        assert reasons["O2"] is not None


class TestDays:
    @pytest.mark.parametrize(
        ("indices", "said"),
        [
            ([0], "5 January"),
            ([0, 1], "5 and 6 January"),
            ([0, 1, 2], "5 to 7 January"),
            ([1, 2, 4], "6, 7 and 9 January"),
            ([0, 1, 2, 4, 5], "5 to 7, 9 and 12 January"),
            ([0, 2, 3, 4, 20], "5, 7 to 9 January and 2 February"),
            ([0, 18, 19, 20], "5 January and 29 January to 2 February"),
            ([18, 19, 20, 23, 24], "29 January to 2 February, 5 and 6 February"),
            ([0, 2, 4, 6], "4 of the days from 5 to 13 January"),
        ],
    )
    def test_months_are_named_once(self, indices: list[int], said: str) -> None:
        dates = [date(2026, 1, 5) + timedelta(days=d + 2 * (d // 5)) for d in range(40)]
        assert say_days(indices, dates, 2026) == said


class TestPlan:
    def test_the_objective_is_said_as_a_sum(self) -> None:
        problem = shop()
        (said,) = [s for s in explain(problem, plan_of(problem)).sentences if s.startswith("Objective")]
        assert said.startswith(
            "Objective 3,500,000 = 3 late units at 1,000,000 + 5 pattern changes at 100,000;"
        )

    def test_units_that_pins_and_changes_make_late_are_told(self) -> None:
        pins = [{"order_id": "O1", "workday_index": day, "molds": 0} for day in range(2)]
        problem = bare(orders(("O1", "A", 1, "2026-01-13")), pins=pins)
        sentences = explain(problem, plan_of(problem, {("O1", 2): 1})).sentences
        assert "1 unit is late by pins and frozen days." in sentences
        problem = bare(orders(("O1", "A", 1, "2026-01-13")), settings={"late_weight": 0})
        sentences = explain(problem, plan_of(problem, {("O1", 9): 1}, bound=200_000.0)).sentences
        assert (
            "1 unit is late although there is room: using it would cost more in pattern changes." in sentences
        )

    @pytest.mark.parametrize(
        ("due", "said"),
        [
            ("2026-01-02", "2 units of 2 orders are late; by the lags alone none of them could be on time"),
            ("2026-01-13", "1 unit of 1 order is late; by the lags alone it could not be on time"),
        ],
    )
    def test_units_that_no_plan_has_on_time_are_told(self, due: str, said: str) -> None:
        problem = bare(orders(("O1", "A", 1, "2026-01-02"), ("O2", "A", 1, due)))
        sentences = explain(problem, plan_of(problem, {("O1", 0): 1, ("O2", 0): 1})).sentences
        assert sentences[0] == f"{said} in any plan."

    def test_credits_that_come_late_are_told(self) -> None:
        problem = shop(
            orders=ON_TIME, expected_deliveries=[{"order_id": "O3", "date": "2026-01-12", "qty": 2}]
        )
        sentences = explain(problem, plan_of(problem)).sentences
        assert sentences[1] == (
            "2 units of 1 order are molded already and will be delivered after the due date, whatever is "
            "planned."
        )

    def test_objective_is_composed(self) -> None:
        booked = [{**row, "priority": p} for row, p in zip(SHOP["orders"], (100, 50, 100), strict=True)]
        problem = shop(orders=booked, settings={"restart_weight": 7})
        explanation = explain(problem, plan_of(problem))
        assert [(t.name, t.count, t.weight, t.cost) for t in explanation.objective] == [
            ("late units of priority factor 2", 3, 2_000_000, 6_000_000),
            ("pattern changes", 5, 100_000, 500_000),
            ("restarts", 0, 7, 0),
        ]

    def test_restarts_are_part_of_it(self) -> None:
        problem = shop(settings={"restart_weight": 7})
        plan = plan_of(problem, {**MOLDS, ("O1", 1): 1, ("O1", 3): 1})
        assert explain(problem, plan).objective[-1].model_dump() == {
            "name": "restarts",
            "count": 1,
            "weight": 7,
            "cost": 7,
        }

    def test_other_pattern_unit(self) -> None:
        problem = shop()
        other = explain(problem, plan_of(problem)).other_pattern_unit
        assert (other.pattern_unit, other.changes, other.saved, other.above_cap) == ("PART", 3, 2, 0)
        by_part = shop(settings={"pattern_unit": "PART"})
        other = explain(by_part, plan_of(by_part)).other_pattern_unit
        assert (other.pattern_unit, other.changes, other.saved) == ("ORDER", 5, -2)

    def test_other_pattern_unit_above_the_cap(self) -> None:
        problem = shop()
        molds: Molds = {("O1", 0): 2, ("O1", 1): 2, ("O2", 1): 1, ("O2", 3): 2, ("O3", 4): 2}
        other = explain(problem, plan_of(problem, molds)).other_pattern_unit
        assert other.above_cap == 1

    def test_peaks(self) -> None:
        problem = shop()
        peaks = {
            p.resource: (str(p.date), p.used, p.capacity) for p in explain(problem, plan_of(problem)).peaks
        }
        assert peaks == {
            "PATTERN_PLACES": ("2026-01-05", 2, 2),
            "MOLDING": ("2026-01-05", 3, 4),
            "METAL": ("2026-01-06", 0.4, 0.5),
            "FLASKS_S": ("2026-01-07", 6, 6),
            "FLASKS_M": ("2026-01-06", 2, 3),
            "FLASKS_L": ("2026-01-05", 0, 1),
        }

    def test_bottlenecks_are_ranked(self) -> None:
        problem = bare(
            orders(("O1", "A", 1, "2026-01-13"), ("O2", "A", 2, "2026-01-13")), resources={"max_patterns": 1}
        )
        plan = plan_of(problem, {("O2", 0): 1, ("O2", 1): 1, ("O1", 2): 1})
        first = explain(problem, plan).bottlenecks[0]
        assert (first.resource, first.late_units, first.full_days, first.use) == ("PATTERN_PLACES", 1, 3, 1.0)

    def test_metal_is_gone_when_no_mold_gets_any(self) -> None:
        problem = bare(orders(("O1", "A", 4, "2026-01-30")), resources={"pour_max_ton_per_day": 0.25})
        plan = plan_of(problem, {("O1", 0): 2, ("O1", 1): 2})
        (metal,) = [row for row in explain(problem, plan).bottlenecks if row.resource == "METAL"]
        assert metal.full_days == 2

    def test_flasks_that_nobody_needs_are_no_bottleneck(self) -> None:
        problem = bare(orders(("O1", "A", 1, "2026-01-30")), resources={"flasks_M": 0, "flasks_L": 0})
        found = explain(problem, plan_of(problem, {("O1", 0): 1}))
        assert {row.resource for row in found.bottlenecks} == {
            "PATTERN_PLACES", "MOLDING", "METAL", "FLASKS_S"
        }  # fmt: skip
        assert not any("Flasks M:" in sentence or "Flasks L:" in sentence for sentence in found.sentences)

    def test_the_most_patterns_on_a_day_are_those_on_the_line(self) -> None:
        problem = bare(orders(("O1", "A", 1, "2026-01-30"), ("O2", "B", 1, "2026-01-30")))
        plan = plan_of(problem, {("O1", 0): 1, ("O2", 1): 1}, [("O1", 1)])
        (places,) = [peak for peak in explain(problem, plan).peaks if peak.resource == "PATTERN_PLACES"]
        assert (str(places.date), places.used) == ("2026-01-06", 2)

    def test_a_finished_pattern_that_stays_on_the_line_takes_nobodys_place(self) -> None:
        problem = bare(
            orders(("O1", "A", 2, "2026-01-13"), ("O2", "B", 2, "2026-01-13")), resources={"max_patterns": 2}
        )
        idle = [("O2", day) for day in (1, 2, 3)]
        plan = plan_of(problem, {("O2", 0): 2, ("O1", 1): 1, ("O1", 3): 1}, [*idle, ("O1", 2)])
        (places,) = [row for row in explain(problem, plan).bottlenecks if row.resource == "PATTERN_PLACES"]
        # O2 on day 0; O1 on days 1 to 3, one of them idle between two that mold: 4 of 8 place days
        assert (places.full_days, places.use) == (0, 0.5)

    def test_everything_on_time(self) -> None:
        problem = shop(orders=ON_TIME)
        assert (
            explain(problem, plan_of(problem)).sentences[0]
            == "Every planned unit is delivered by its due date."
        )

    def test_proof_is_said(self) -> None:
        problem = shop()
        proven = explain(problem, plan_of(problem, bound=3_500_000)).sentences
        assert any("no plan within its calendar has less, by proof" in sentence for sentence in proven)
        open_gap = explain(problem, plan_of(problem, bound=2_800_000)).sentences
        assert any(
            "no plan within its calendar has less than 2,800,000, so at most 20.00% of it can be saved" in s
            for s in open_gap
        )


def holds(problem: FoundryProblem, plan: FoundryPlan) -> None:
    """What must hold of every explanation."""
    plan = explained(problem, plan)
    explanation = plan.explanation
    assert explanation is not None
    late = {row.order_id: row.late_qty for row in plan.order_status if row.late_qty}
    assert {order.order_id: order.late_qty for order in explanation.late} == late
    for order in explanation.late:
        assert order.causes
        assert sum(cause.units for cause in order.causes) == order.late_qty
        assert order.reason.endswith(".")
        assert all(claim.order_id != order.order_id for cause in order.causes for claim in cause.taken_by)
        assert all((cause.from_date is None) == (cause.days == 0) for cause in order.causes)
    for row in plan.order_status:
        assert (row.reason is not None) == bool(row.late_qty or row.credit_late_qty)
    assert sum(term.cost for term in explanation.objective) == plan.summary.objective
    assert {peak.resource for peak in explanation.peaks} >= {"METAL", "MOLDING", "FLASKS_L"}
    assert all(sentence.endswith(".") for sentence in explanation.sentences)
    assert Explanation.model_validate_json(explanation.model_dump_json()) == explanation
    assert verify(problem, plan) == []


class TestEveryExplanation:
    @pytest.mark.parametrize("name", sorted(CORNERS))
    def test_corner_cases(self, name: str) -> None:
        for seed in range(tier(1, 10)):
            problem = CORNERS[name](generate("S", 1.05, seed))
            holds(problem, greedy(problem))

    @pytest.mark.parametrize("size", ["M", "L"])
    def test_ordinary_foundries(self, size: str) -> None:
        problem = generate(size, 1.05, 2, mixed_priorities=True)
        holds(problem, greedy(problem))

    @settings(max_examples=tier(60, 3000), deadline=None)
    @given(problem=problems())
    def test_small_foundries(self, problem: FoundryProblem) -> None:
        if not any(found.severity == "ERROR" for found in check(problem)):
            holds(problem, greedy(problem))
