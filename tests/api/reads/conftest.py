"""Two generated plants, a desk for each member of either, and what there is to ask for."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLObjectType

from api.reads.mapping import Page
from api.relay import parse_node_id
from api.schema import reads, schema
from bench.plant import Sizes, generate
from tests.api.desk import Desk, desk_of, open_services
from tests.api.reads.queries import Known
from tests.database import ROLES, TemporaryDatabase, add_plant, connected

SMALL = {
    "north": Sizes(
        groups=4, grades=30, months=4, parts=9, orders=40, runs=12, daily_rows=240, forecast_grades=9
    ),
    "south": Sizes(
        groups=3, grades=11, months=2, parts=4, orders=12, runs=5, daily_rows=30, forecast_grades=5
    ),
}


@dataclass(frozen=True)
class Shop:
    """Two tenants, and a desk for each member of either."""

    desks: list[Desk]
    known: Known


@pytest.fixture(scope="module")
async def shop(
    module_database: TemporaryDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    async with connected(module_database.admin_url) as admin:
        plants = [await add_plant(admin, name) for name in SMALL]
        for plant in plants:
            await generate(admin, plant.id, plant.planner, SMALL[plant.slug])
    folder: Path = tmp_path_factory.mktemp("shop")
    async with open_services(module_database, folder) as services:
        desks = [desk_of(services, plant, role) for plant in plants for role in ROLES]
        known = Known({}, {})
        for desk in (desks[0], desks[-1]):
            known = learn(known, await desk.ask(exploring()))
        yield Shop(desks, known)


def exploring() -> str:
    """A query for the first rows of every connection, each under the names of its type and its field."""
    root = schema._schema.query_type
    assert root is not None
    return f"{{ tenant {{ id }} {' '.join(_pages_of(root))} }}"


def _pages_of(kind: GraphQLObjectType) -> Iterator[str]:
    for name in kind.fields:
        stored = reads.model.relations.get((kind.name, name))
        if stored is None or not isinstance(stored.how, Page):
            continue
        target = reads.model.types[stored.target]
        types = reads.model.members(target).values() or [target]
        below = " ".join(
            f"... on {one.name} {{ {'id' if 'id' in one.fields else ''} {inner} __typename }}"
            for one in types
            for inner in [" ".join(_pages_of(_object(one.name)))]
        )
        yield f"{kind.name}_{name}: {name}(first: 9) {{ edges {{ cursor node {{ {below} }} }} }}"


def _object(name: str) -> GraphQLObjectType:
    kind = schema._schema.type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    return kind


def learn(known: Known, answer: Any) -> Known:
    """Note the ids and cursors of an answer."""
    ids = {name: list(found) for name, found in known.ids.items()}
    cursors = {name: list(found) for name, found in known.cursors.items()}
    _gather(answer, "", ids, cursors)
    return Known(ids, cursors)


def _gather(value: Any, place: str, ids: dict[str, list[str]], cursors: dict[str, list[str]]) -> None:
    if isinstance(value, list):
        for one in value:
            _gather(one, place, ids, cursors)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key == "id":
                ids.setdefault(parse_node_id(one)[0], []).append(one)
            elif key == "cursor":
                cursors.setdefault(place, []).append(one)
            else:
                # __typename has no dot to be.
                _gather(one, key.replace("_", ".", 1) if "_" in key else place, ids, cursors)
