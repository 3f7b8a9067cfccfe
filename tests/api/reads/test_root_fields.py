"""Each root field with everything below it: one statement, which sets the claims as well."""

from collections.abc import Iterator
from typing import cast

import pytest
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from api.reads.model import InPython
from api.schema import reads, schema
from tests.api.reads.comparing import both
from tests.api.reads.conftest import Shop
from tests.api.reads.counting import counting_statements

DEEPEST = 3
ROOT = cast("GraphQLObjectType", schema._schema.query_type)


def everything(kind: GraphQLObjectType | GraphQLInterfaceType, depth: int) -> str:
    """All fields of a type that SQL can tell, with what lies below them."""
    if isinstance(kind, GraphQLInterfaceType):
        possible = schema._schema.get_possible_types(kind)
        return " ".join(
            ["__typename", *(f"... on {one.name} {{ {everything(one, depth)} }}" for one in possible)]
        )
    return " ".join(_parts(kind, depth))


def _parts(kind: GraphQLObjectType, depth: int) -> Iterator[str]:
    yield "__typename"
    stored = reads.model.types.get(kind.name)
    for name, field in kind.fields.items():
        if stored and isinstance(stored.fields[name].how, InPython):
            continue
        named = get_named_type(field.type)
        # Types differ in what they call by the same name.
        key = f"{kind.name}_{name}: {name}"
        if is_leaf_type(named):
            yield key
        elif isinstance(named, (GraphQLObjectType, GraphQLInterfaceType)) and depth < DEEPEST:
            yield f"{key} {{ {everything(named, depth + 1)} }}"


def arguments_of(name: str, field: GraphQLField, shop: Shop) -> str:
    """Values for the arguments that a field must have."""
    ids = shop.known.ids
    values = {
        "month": '"2024-09"',
        "id": f'"{ids["RunBatch" if name == "runBatch" else "ForecastRun"][0]}"',
        "ids": f'["{ids["ReplanRun"][0]}", "{ids["SteelGrade"][0]}", "{ids["Tenant"][0]}"]',
    }
    given = [
        f"{one}: {values[one]}" for one, definition in field.args.items() if is_required_argument(definition)
    ]
    if "first" in field.args:
        given.append("first: 3")
    return f"({', '.join(given)})" if given else ""


@pytest.mark.parametrize("name", ROOT.fields)
async def test_a_root_field_takes_one_statement_whatever_lies_below(shop: Shop, name: str) -> None:
    field = ROOT.fields[name]
    named = get_named_type(field.type)
    assert isinstance(named, (GraphQLObjectType, GraphQLInterfaceType))
    query = f"{{ {name}{arguments_of(name, field, shop)} {{ {everything(named, 1)} }} }}"
    desk = shop.desks[0]
    async with counting_statements(desk) as counted:
        data = await desk.ask(query)
    assert data[name]
    assert len(counted.texts) == 1, query
    await both(desk, query)


async def test_a_root_field_with_links_is_read_level_by_level(shop: Shop) -> None:
    query = "{ imports(first: 9) { nodes { fileName original { url } report { messages { code } } } } }"
    async with counting_statements(shop.desks[0]) as counted:
        await shop.desks[0].ask(query)
    assert sum("set_config" not in text for text in counted.texts) == 1
