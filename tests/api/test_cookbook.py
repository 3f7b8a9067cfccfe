"""Runs docs/graphql.md from top to bottom against the sample plant, and compares the answers it shows."""

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

from graphql import OperationDefinitionNode, parse

from api.context import Services
from api.relay import parse_node_id
from solver_jobs.kinds import kind_of
from tests.api.desk import Desk, desk_of
from tests.api.workbooks.test_graphql import SAMPLE, Uploaded
from tests.database import Connection, Plant

COOKBOOK = Path(__file__).parents[2] / "docs" / "graphql.md"
FENCE = re.compile(r"^```(graphql|json variables|json answer)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


LEARNT: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "run": ("RunForecast", ("runForecast", "run", "id")),
    "scenario": ("ImportFoundry", ("importScenario", "scenario", "id")),
    "monday": ("ReplanMonday", ("replanMonday", "run", "id")),
    "next": ("NextMonday", ("replanMonday", "run", "id")),
    "batch": ("TryOut", ("replanMany", "batch", "id")),
}
"""Ids that later recipes name: of which recipe, and where in its answer."""


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
    """Follows the recipes, and remembers what `<run>`, `<scenario>`, `<grade …>` and the like stand for."""

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
        if recipe.name == "ImportFoundry":
            variables["problem"] = json.loads((SAMPLE / "foundry.json").read_text())
        answer = await self.answer(recipe, variables)
        for name, (learnt_of, place) in LEARNT.items():
            if recipe.name == learnt_of:
                self.ids[name] = reduce(lambda found, key: found[key], place, answer)
        if recipe.answer is not None:
            assert answer == recipe.answer, recipe.name
        else:
            assert_something_found(recipe.name, answer)

    async def answer(self, recipe: Recipe, variables: dict[str, Any]) -> Any:
        """Ask; a run is worked on while it is followed, and when it is told to end."""
        if recipe.name == "FollowBatch":
            return await self.first_event(recipe, variables)
        if recipe.operation.operation.value == "subscription":
            await self.carry_out(await self.claim(variables["run"]))
            return await self.last_event(recipe, variables)
        if recipe.name == "EndWithBest":
            claimed = await self.claim(variables["run"])
            answer = await self.desk.ask(recipe.text, **variables)
            await self.carry_out(claimed)
            return answer
        return await self.desk.ask(recipe.text, **variables)

    async def claim(self, run_id: str) -> dict[str, Any]:
        """Take a run as a worker does."""
        key = parse_node_id(run_id)[1]
        return {"id": key, **(await self.jobs.fetchval("select claim_run($1)", key))}

    async def carry_out(self, claimed: dict[str, Any]) -> None:
        """Do what a worker does, and end as soon as there is a plan."""
        kind, stop = kind_of(claimed["kind"], 1), Event()
        stop.set()
        problem = kind.parse(claimed["problem"])
        result = await asyncio.to_thread(kind.solve, problem, stop=stop, progress=lambda *_: None)
        assert kind.verify(problem, result) == []
        written = result.model_dump(mode="json")
        await self.jobs.execute(
            "select finish_run($1, $2, $3)", claimed["id"], UUID(claimed["lease_token"]), written
        )

    async def learn_grades(self) -> None:
        grades = (await self.desk.ask("{ steelGrades(first: 1000) { nodes { id name } } }"))["steelGrades"]
        self.ids |= {f"grade {grade['name']}": grade["id"] for grade in grades["nodes"]}

    async def first_event(self, recipe: Recipe, variables: dict[str, Any]) -> Any:
        async with aclosing(self.desk.follow(recipe.text, **variables)) as events:
            event = await anext(events)
        assert event.errors is None
        return event.data

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
    assert len(followed) == len(set(followed)) >= 29


def test_no_operation_of_the_cookbook_is_passed_over() -> None:
    text = COOKBOOK.read_text()
    assert text.count("```graphql") == len(recipes())
    assert text.count("```json") == sum((r.variables != "{}") + (r.answer is not None) for r in recipes())
