"""Every query, nested field and subscription that takes an id, with another tenant's ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
)

from api.context import Services
from api.relay import parse_node_id
from api.schema import schema
from tests.api.attacks.plants import MARK, Victim, attackers, forgetting, made_up
from tests.api.desk import Desk

SCHEMA = schema._schema
NODE = SCHEMA.type_map["Node"]
TYPES = [
    kind.name
    for kind in SCHEMA.get_possible_types(NODE)  # type: ignore[arg-type]
]

# How to come to a nested field that takes an id: a query of the attacker's own id and the stolen one.
NESTED = {
    ("ReplanRun", "comparedTo"): (
        "ReplanRun",
        "query ($own: ID!, $id: ID!) { planRun(id: $own) { ... on ReplanRun {"
        " comparedTo(runId: $id) { moldsMoved newlyLate { orderId } } } } }",
    ),
}


def taking_ids(kind: Any) -> Iterator[tuple[str, str, GraphQLArgument, GraphQLField]]:
    """Fields of a type with an argument that is an id."""
    for name, field in kind.fields.items():
        for argument, declared in field.args.items():
            if get_named_type(declared.type).name == "ID":
                yield name, argument, declared, field


ROOTS = [(name, argument) for name, argument, _, _ in taking_ids(SCHEMA.query_type)]
STREAMS = [(name, argument) for name, argument, _, _ in taking_ids(SCHEMA.subscription_type)]


def document(kind: str, root: Any, name: str, argument: str) -> str:
    field = root.fields[name]
    found = get_named_type(field.type)
    asked = "__typename"
    if "nodes" in getattr(found, "fields", {}):
        asked = "totalCount nodes { __typename id }"
    elif "id" in getattr(found, "fields", {}):
        asked = "__typename id"
    return f"{kind} ($id: {field.args[argument].type}) {{ {name}({argument}: $id) {{ {asked} }} }}"


def given(root: Any, name: str, argument: str, value: str) -> Any:
    listed = isinstance(get_nullable_type(root.fields[name].args[argument].type), GraphQLList)
    return [value] if listed else value


async def heard(desk: Desk, query: str, **variables: Any) -> str:
    answer = await desk.execute(query, **variables)
    return repr((answer.data, [(one.message, one.extensions) for one in answer.errors or []]))


def test_every_type_of_node_is_tried(sides: tuple[Victim, Victim]) -> None:
    assert set(TYPES) == {parse_node_id(value)[0] for value in sides[0].ids.values()}


def test_every_nested_field_that_takes_an_id_is_tried() -> None:
    roots = (SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type)
    found = {
        (kind.name, name)
        for kind in SCHEMA.type_map.values()
        if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)) and kind not in roots
        for name, _, _, _ in taking_ids(kind)
    }
    assert found == set(NESTED)


@pytest.mark.parametrize(("name", "argument"), ROOTS)
async def test_a_query_tells_nothing_of_another_tenants_id(
    name: str, argument: str, sides: tuple[Victim, Victim], services: Services
) -> None:
    north, south = sides
    query, root = document("query", SCHEMA.query_type, name, argument), SCHEMA.query_type
    for stolen in north.ids.values():
        nothing = made_up(stolen)
        for desk in attackers(services, south).values():
            answer = await heard(desk, query, id=given(root, name, argument, stolen))
            assert MARK not in answer
            told = await heard(desk, query, id=given(root, name, argument, nothing))
            assert forgetting(answer, stolen) == forgetting(told, nothing)


@pytest.mark.parametrize("type_name", TYPES)
async def test_a_node_is_there_for_its_own_plant(
    type_name: str, sides: tuple[Victim, Victim], services: Services
) -> None:
    own = sides[0].id_of(type_name)
    for query, path in (
        ("query ($id: ID!) { node(id: $id) { id } }", "node"),
        ("query ($id: ID!) { nodes(ids: [$id]) { id } }", "nodes"),
    ):
        found = (await sides[0].desk(services, "admin").ask(query, id=own))[path]
        assert found in ({"id": own}, [{"id": own}])


@pytest.mark.parametrize(("kind", "name"), NESTED)
async def test_a_nested_field_tells_nothing_of_another_tenants_id(
    kind: str, name: str, sides: tuple[Victim, Victim], services: Services
) -> None:
    north, south = sides
    type_name, query = NESTED[kind, name]
    stolen, own = north.id_of(type_name), south.id_of(type_name)
    nothing = made_up(stolen)
    desk = south.desk(services, "admin")
    answer = await heard(desk, query, own=own, id=stolen)
    assert forgetting(answer, stolen) == forgetting(await heard(desk, query, own=own, id=nothing), nothing)
    assert "errors" not in await heard(desk, query, own=own, id=own)
    assert MARK not in answer


@pytest.mark.parametrize(("name", "argument"), STREAMS)
async def test_a_subscription_tells_nothing_of_another_tenants_id(
    name: str, argument: str, sides: tuple[Victim, Victim], services: Services
) -> None:
    north, south = sides
    query = document("subscription", SCHEMA.subscription_type, name, argument)
    for stolen in north.ids.values():
        nothing = made_up(stolen)
        for desk in attackers(services, south).values():
            answer = await first(desk, query, stolen)
            assert "errors=[GraphQLError" in answer
            assert MARK not in answer
            assert forgetting(answer, stolen) == forgetting(await first(desk, query, nothing), nothing)


async def first(desk: Desk, query: str, value: str) -> str:
    """The first thing that a subscription tells."""
    async for event in desk.follow(query, id=value):
        return repr(event)
    return "ended"
