"""Runs docs/graphql.md from top to bottom against the sample plant, and compares the answers it shows."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphql import OperationDefinitionNode, parse

from api.context import Services
from tests.api.desk import Desk, desk_of
from tests.api.planning.test_forecast import carry_out
from tests.api.workbooks.test_graphql import SAMPLE, Uploaded
from tests.database import Connection, Plant

COOKBOOK = Path(__file__).parents[2] / "docs" / "graphql.md"
FENCE = re.compile(r"^```(graphql|json variables|json answer)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Recipe:
    """An operation of the cookbook."""

    text: str
    variables: str = "{}"
    answer: Any = None

    @property
    def operation(self) -> OperationDefinitionNode:
        (definition,) = parse(self.text).definitions
        assert isinstance(definition, OperationDefinitionNode)
        return definition

    @property
    def name(self) -> str:
        assert self.operation.name
        return self.operation.name.value


@dataclass
class Cook:
    """Follows the recipes, and remembers what `<run>` and `<grade …>` stand for."""

    desk: Desk
    jobs: Connection
    ids: dict[str, str] = field(default_factory=dict)

    async def follow(self, recipe: Recipe) -> None:
        if recipe.name == "BringWorkbook":
            for path in sorted(SAMPLE.glob("*.xlsx")):
                file = Uploaded(path.name, path.read_bytes())
                answer = await self.desk.ask(recipe.text, file=file)
                assert answer["importWorkbook"]["report"]["stored"]
            await self.learn_grades()
            return
        variables = json.loads(re.sub(r"<([^>]+)>", lambda found: self.ids[found[1]], recipe.variables))
        if recipe.operation.operation.value == "subscription":
            await carry_out(self.jobs, variables["run"])
            answer = await self.last_event(recipe, variables)
        else:
            answer = await self.desk.ask(recipe.text, **variables)
        if recipe.name == "RunForecast":
            self.ids["run"] = answer["runForecast"]["run"]["id"]
        if recipe.answer is not None:
            assert answer == recipe.answer, recipe.name
        else:
            assert_something_found(recipe.name, answer)

    async def learn_grades(self) -> None:
        grades = (await self.desk.ask("{ steelGrades(first: 1000) { nodes { id name } } }"))["steelGrades"]
        self.ids |= {f"grade {grade['name']}": grade["id"] for grade in grades["nodes"]}

    async def last_event(self, recipe: Recipe, variables: dict[str, Any]) -> Any:
        told = [event async for event in self.desk.follow(recipe.text, **variables)]
        assert told[-1].errors is None
        return told[-1].data


def assert_something_found(name: str, answer: dict[str, Any]) -> None:
    """A recipe that finds nothing, or is refused, would teach nothing."""
    for root, found in answer.items():
        assert found not in (None, []), f"{name}: {root} is {found}"
        if isinstance(found, dict):
            assert found.get("userErrors", []) == [], name
            assert found.get("nodes", [None]) != [], name


def recipes() -> list[Recipe]:
    found: list[Recipe] = []
    for kind, body in FENCE.findall(COOKBOOK.read_text()):
        if kind == "graphql":
            found.append(Recipe(body))
        elif kind == "json variables":
            found[-1].variables = body
        else:
            found[-1].answer = json.loads(body)
    return found


async def test_each_recipe_does_what_it_says(
    services: Services, other_plant: Plant, jobs: Connection
) -> None:
    cook = Cook(desk_of(services, other_plant, "planner"), jobs)
    followed = []
    for recipe in recipes():
        await cook.follow(recipe)
        followed.append(recipe.name)
    assert len(followed) == len(set(followed)) >= 15


def test_no_operation_of_the_cookbook_is_passed_over() -> None:
    text = COOKBOOK.read_text()
    assert text.count("```graphql") == len(recipes())
    assert text.count("```json") == sum((r.variables != "{}") + (r.answer is not None) for r in recipes())
