"""Every operation that docs/foundry.md shows is one of the schema, and what it decides can be decided."""

import json
import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from api.schema import schema
from tests.api.desk import Desk
from tests.api.foundry.test_scenarios import put, stored

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "foundry.md").read_text()
OPERATIONS = re.findall(r"^```graphql\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda text: text.split("(")[0])
def test_the_operation_is_one_of_the_schema(operation: str) -> None:
    assert validate(build_schema(schema.as_str()), parse(operation)) == []


async def test_the_pins_can_be_set_on_the_sample_foundry_as_it_is_imported(planner: Desk) -> None:
    problem = json.loads((ROOT / "data" / "sample" / "foundry.json").read_text())
    scenario = await put(planner, problem)
    (decide,) = [operation for operation in OPERATIONS if "setPins" in operation]
    payload = (await planner.ask(decide, scenario=scenario))["setPins"]
    assert payload["userErrors"] == []
    assert len(payload["scenario"]["problem"]["pins"]) == 2


async def test_the_calendar_is_one_of_the_sample_foundry(planner: Desk) -> None:
    problem = json.loads((ROOT / "data" / "sample" / "foundry.json").read_text())
    scenario = await put(planner, problem)
    (calendar,) = [operation for operation in OPERATIONS if "setCalendar" in operation]
    payload = (await planner.ask(calendar, scenario=scenario))["setCalendar"]
    assert payload["userErrors"] == []
    assert [found["message"] for found in payload["warnings"] if "outside" in found["message"]] == []
    days = {str(row.date) for row in (await stored(planner, scenario)).calendar_workdays or ()}
    assert "2024-10-05" in days
    assert days.isdisjoint({"2024-12-23", "2025-01-03"})


def test_there_are_operations() -> None:
    assert len(OPERATIONS) == 9
