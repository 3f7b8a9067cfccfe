"""The forms: round trips, refusals, sentences."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from solver_jobs.errors import JobError
from solver_jobs.foundry.corners import CORNERS
from solver_jobs.foundry.generate import generate
from solver_jobs.foundry.problem import FoundryPlan, FoundryProblem, read_plan, read_problem
from tests.solver_jobs.foundry.monday import SHOP, greedy, plan_of, shop


def refused(content: Any) -> JobError:
    with pytest.raises(JobError) as caught:
        read_problem(content)
    assert caught.value.code == "PROBLEM_INVALID"
    return caught.value


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in SHOP.items() if name != key}


class TestRoundTrip:
    @pytest.mark.parametrize("name", sorted(CORNERS))
    def test_problem_and_plan_survive_json(self, name: str) -> None:
        problem = CORNERS[name](generate("S", 0.9, 2))
        assert read_problem(problem.model_dump_json()) == problem
        plan = greedy(problem)
        assert read_plan(plan.model_dump_json()) == plan

    def test_text_bytes_and_objects_are_read_alike(self) -> None:
        text = json.dumps(SHOP)
        assert read_problem(text) == read_problem(text.encode()) == read_problem(SHOP) == shop()

    def test_defaults_are_the_documented_ones(self) -> None:
        problem = read_problem({key: SHOP[key] for key in ("asof_date", "parts", "orders", "resources")})
        assert problem.calendar_workdays is None
        assert problem.resources.max_patterns == 2
        assert problem.orders[0].priority == 100
        assert problem.settings.model_dump() == {
            "policy": "WEIGHTED",
            "pattern_unit": "ORDER",
            "charge_day0_stops": True,
            "use_priority": True,
            "late_weight": 1_000_000,
            "switch_weight": 100_000,
            "restart_weight": 0,
            "tardiness": True,
            "congestion_threshold": 0.85,
            "stability_weight": 0,
        }

    def test_max_patterns_is_six_unless_told(self) -> None:
        resources = {key: value for key, value in SHOP["resources"].items() if key != "max_patterns"}
        assert read_problem({**SHOP, "resources": resources}).resources.max_patterns == 6

    def test_problems_are_immutable(self) -> None:
        with pytest.raises(ValidationError, match="frozen"):
            shop().asof_date = shop().asof_date

    def test_names_and_remarks_are_allowed(self) -> None:
        problem = read_problem({**SHOP, "name": "week 2", "meta": {"by": [1, 2]}, "scenario_id": 7})
        assert (problem.name, problem.scenario_id) == ("week 2", 7)

    @pytest.mark.parametrize("form", [FoundryProblem, FoundryPlan])
    def test_schema_describes_every_key(self, form: type[FoundryProblem] | type[FoundryPlan]) -> None:
        schema = form.model_json_schema()
        assert schema["additionalProperties"] is False
        assert set(schema["properties"]) == set(form.model_fields)
        json.dumps(schema)


class TestRefusals:
    @pytest.mark.parametrize("key", ["asof_date", "parts", "orders", "resources"])
    def test_what_is_missing(self, key: str) -> None:
        assert refused(without(key)).details == [f"{key}: missing, but required"]

    def test_unknown_key(self) -> None:
        assert refused({**SHOP, "order": []}).details == [
            "order: unknown key; remove it, or correct its spelling"
        ]

    def test_unknown_key_deep_inside(self) -> None:
        orders = [{**SHOP["orders"][0], "prio": 3}]
        assert refused({**SHOP, "orders": orders}).details == [
            "orders[0].prio: unknown key; remove it, or correct its spelling"
        ]

    @pytest.mark.parametrize(
        ("table", "key", "value", "sentence"),
        [
            ("parts", "flask_size", "XL", "parts[0].flask_size: found 'XL', expected 'S', 'M' or 'L'"),
            (
                "parts",
                "cool_hours",
                -1,
                "parts[0].cool_hours: found -1, expected 0 or more",
            ),
            (
                "parts",
                "cool_hours",
                float("nan"),
                "parts[0].cool_hours: found nan, expected a finite number",
            ),
            ("parts", "part_id", " ", "parts[0].part_id: found ' ', expected a text of 1 or more characters"),
            (
                "orders",
                "qty",
                2.5,
                "orders[0].qty: found 2.5, expected a whole number",
            ),
            ("orders", "qty", "many", "orders[0].qty: found 'many', expected a whole number"),
            (
                "orders",
                "due_date",
                "9 January",
                "orders[0].due_date: found '9 January', expected a date written",
            ),
        ],
    )
    def test_wrong_value(self, table: str, key: str, value: object, sentence: str) -> None:
        rows = [{**SHOP[table][0], key: value}, *SHOP[table][1:]]
        (told,) = refused({**SHOP, table: rows}).details
        assert told.startswith(sentence)

    @pytest.mark.parametrize("day", [0, 1767571200, "1767571200", "2026-1-13", "2026-01-13T00:00", True])
    def test_a_day_is_written_one_way_alone(self, day: object) -> None:
        fault = refused({**SHOP, "orders": [{**SHOP["orders"][0], "due_date": day}]})
        assert fault.details == [
            f'orders[0].due_date: found {day!r}, expected a date written "YYYY-MM-DD", such as "2024-09-30"'
        ]

    @pytest.mark.parametrize("year", ["0001", "1969", "2300", "9026"])
    def test_a_calendar_lies_in_our_times(self, year: str) -> None:
        (fault,) = refused({**SHOP, "asof_date": f"{year}-01-05"}).details
        assert fault == f"asof_date: found {year}-01-05, expected a day from 1970-01-01 to 2299-12-31"
        (fault,) = refused(
            {**SHOP, "calendar_workdays": [{"workday_index": 0, "date": f"{year}-01-05"}]}
        ).details
        assert fault.startswith(f"calendar_workdays[0].date: found {year}-01-05")

    def test_a_truth_is_no_quantity(self) -> None:
        fault = refused({**SHOP, "orders": [{**SHOP["orders"][0], "qty": True}]})
        assert fault.details == ["orders[0].qty: found true, expected a number"]

    def test_a_key_that_stands_twice_is_refused(self) -> None:
        text = json.dumps(SHOP)[:-1] + ', "orders": []}'
        assert "the key 'orders' stands twice in one object" in refused(text).message

    def test_endless_nesting_is_refused(self) -> None:
        assert "stand within each other" in refused('{"parts": ' + "[" * 100_000).message

    def test_all_faults_are_told_at_once(self) -> None:
        error = refused({"asof_date": 7, "parts": {}, "orders": [1], "resources": {}})
        assert error.message == "This is no foundry problem: 9 entries are wrong."
        assert len(error.details) == 9
        assert error.hint

    @pytest.mark.parametrize("content", ["", "{", "[1", b"\xff\xfe", "no"])
    def test_no_json(self, content: str | bytes) -> None:
        assert "not even JSON" in refused(content).message

    @pytest.mark.parametrize("content", ["[]", "null", "3", '"text"'])
    def test_json_but_no_object(self, content: str) -> None:
        assert refused(content).details[0].startswith("the whole: ")

    def test_plan(self) -> None:
        with pytest.raises(JobError) as caught:
            read_plan({"x": [], "y": [{"order_id": "O1"}]})
        assert caught.value.code == "PLAN_INVALID"
        assert "y[0].workday_index: missing, but required" in caught.value.details

    def test_molds_of_a_plan_are_positive(self) -> None:
        plan = json.loads(plan_of(shop()).model_dump_json())
        plan["x"][0]["molds"] = 0
        with pytest.raises(JobError) as caught:
            read_plan(plan)
        assert caught.value.details == ["x[0].molds: found 0, expected more than 0"]
