"""Compares a schema with the contract that clients rely on: what it lacks, renames or loosens."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLType,
    build_schema,
    is_specified_scalar_type,
    print_ast,
)

TEXT = (Path(__file__).parent / "contract.graphql").read_text()

Arguments: TypeAlias = Mapping[str, GraphQLArgument] | Mapping[str, GraphQLInputField]


def contract_schema(text: str = TEXT) -> GraphQLSchema:
    """The contract as a schema; its connections, which it describes in a comment, are spelled out."""
    nodes = sorted(set(re.findall(r"\b(\w+)Connection\b", text)) - {"X"})
    connections = "".join(
        f"type {node}Connection {{ edges: [{node}Edge!]! nodes: [{node}!]! pageInfo: PageInfo!"
        f" totalCount: Int! }}\ntype {node}Edge {{ cursor: String! node: {node}! }}\n"
        for node in nodes
    )
    return build_schema(text + connections)


def breaches(contract: GraphQLSchema, schema: GraphQLSchema) -> Iterator[str]:
    """Each place where a client of the contract would fail on the schema, as `Type`, `Type.field: why`."""
    for name, expected in contract.type_map.items():
        if name.startswith("__") or is_specified_scalar_type(expected):
            continue
        found = schema.type_map.get(name)
        if found is None:
            yield name
        elif type(found) is not type(expected):
            yield f"{name}: is {type(found).__name__}, expected {type(expected).__name__}"
        else:
            yield from _breaches_of_type(expected, found)


def _breaches_of_type(expected: GraphQLNamedType, found: GraphQLNamedType) -> Iterator[str]:
    if isinstance(expected, GraphQLEnumType) and isinstance(found, GraphQLEnumType):
        yield from (f"{expected.name}.{value}" for value in expected.values if value not in found.values)
    elif isinstance(expected, GraphQLInputObjectType) and isinstance(found, GraphQLInputObjectType):
        yield from _breaches_of_inputs(expected.name, expected.fields, found.fields)
    elif isinstance(expected, (GraphQLObjectType, GraphQLInterfaceType)) and isinstance(
        found, (GraphQLObjectType, GraphQLInterfaceType)
    ):
        implemented = {interface.name for interface in found.interfaces}
        yield from (
            f"{expected.name}: does not implement {interface.name}"
            for interface in expected.interfaces
            if interface.name not in implemented
        )
        yield from _breaches_of_fields(expected.name, expected.fields, found.fields)


def _breaches_of_fields(
    owner: str, expected: Mapping[str, GraphQLField], found: Mapping[str, GraphQLField]
) -> Iterator[str]:
    for name, field in expected.items():
        place = f"{owner}.{name}"
        if name not in found:
            yield place
            continue
        if not _is_as_strict(found[name].type, field.type):
            yield f"{place}: is {found[name].type}, expected {field.type}"
        yield from _breaches_of_inputs(place, field.args, found[name].args)


def _breaches_of_inputs(owner: str, expected: Arguments, found: Arguments) -> Iterator[str]:
    for name, argument in expected.items():
        place = f"{owner}({name})"
        if name not in found:
            yield place
            continue
        if not _is_as_strict(argument.type, found[name].type):
            yield f"{place}: is {found[name].type}, expected {argument.type}"
        if _default(argument) not in (None, _default(found[name])):
            yield f"{place}: another default than {_default(argument)}"
    for name, argument in found.items():
        required = isinstance(argument.type, GraphQLNonNull) and _default(argument) is None
        if required and name not in expected:
            yield f"{owner}({name}): required, and not in the contract"


def _default(argument: GraphQLArgument | GraphQLInputField) -> str | None:
    default = argument.default
    return print_ast(default.literal) if default and default.literal else None


def _is_as_strict(strict: GraphQLType, loose: GraphQLType) -> bool:
    """Whether each value of the first type is one of the second, by the names of the types."""
    match strict, loose:
        case GraphQLNonNull(), GraphQLNonNull():
            return _is_as_strict(strict.of_type, loose.of_type)
        case GraphQLNonNull(), _:
            return _is_as_strict(strict.of_type, loose)
        case GraphQLList(), GraphQLList():
            return _is_as_strict(strict.of_type, loose.of_type)
        case ((GraphQLObjectType() | GraphQLInterfaceType()), GraphQLInterfaceType()):
            return loose.name in (strict.name, *(interface.name for interface in strict.interfaces))
        case GraphQLNamedType(), GraphQLNamedType():
            return strict.name == loose.name
    return False
