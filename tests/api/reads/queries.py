"""Random valid queries over the whole schema, with arguments that find something, and some senseless ones."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

Composite: TypeAlias = GraphQLObjectType | GraphQLInterfaceType

DEEPEST = 6
LINKS = "DownloadLink"
"""Each link is another one; that there is one can be told."""


@dataclass(frozen=True)
class Known:
    """What there is to ask for: ids by type, and cursors by the field that answers them."""

    ids: Mapping[str, Sequence[str]]
    cursors: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Query:
    """A document and the values of its variables."""

    text: str
    variables: Mapping[str, Any]


@dataclass
class Document:
    """A document while it is made."""

    draws: random.Random
    schema: GraphQLSchema
    known: Known
    definitions: list[str] = field(default_factory=list)
    fragments: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    names: int = 0

    def name(self) -> str:
        self.names += 1
        return f"a{self.names}"

    def chance(self, one_in: int) -> bool:
        return self.draws.randrange(one_in) == 0

    def pick(self, values: Sequence[Any]) -> Any:
        return self.draws.choice(values)

    def query(self, kind: str, root: GraphQLObjectType) -> Query:
        """Make the whole document, an operation of a kind on its root type."""
        names = self.draws.choices(list(root.fields), k=self.draws.randint(1, 3))
        roots = " ".join(self.field(root, name, 0, alone=False) for name in names)
        definitions = f" ({', '.join(self.definitions)})" if self.definitions else ""
        return Query("\n".join([f"{kind}{definitions} {{ {roots} }}", *self.fragments]), self.variables)

    # ------------------------------------------------------------ selections

    def selection_set(
        self, kind: GraphQLObjectType | GraphQLInterfaceType, depth: int, *, alone: bool
    ) -> str:
        """Select something of a type; `alone` where no other type may answer the same keys."""
        if kind.name == LINKS:
            return "{ __typename }"
        names = [name for name in kind.fields if depth < DEEPEST or self.is_leaf(kind.fields[name])]
        chosen = self.draws.choices([*names, "__typename"], k=self.draws.randint(1, 5))
        parts = [self.field(kind, name, depth, alone=alone) for name in chosen]
        if isinstance(kind, GraphQLInterfaceType):
            possible = self.schema.get_possible_types(kind)
            for _ in range(self.draws.randint(0, 3)):
                parts.append(self.fragment(self.pick(possible), depth, alone=False))
        elif self.chance(4):
            parts.append(self.fragment(kind, depth, alone=alone))
        return "{ " + " ".join(parts) + " }"

    def is_leaf(self, one: GraphQLField) -> bool:
        return is_leaf_type(get_named_type(one.type)) and not one.args

    def fragment(self, kind: GraphQLObjectType, depth: int, *, alone: bool) -> str:
        below = self.selection_set(kind, depth + 1, alone=alone)
        if self.chance(2):
            return f"... on {kind.name}{self.directive()} {below}"
        name = f"f{len(self.fragments)}"
        self.fragments.append(f"fragment {name} on {kind.name} {below}")
        return f"...{name}{self.directive()}"

    def field(self, kind: Composite, name: str, depth: int, *, alone: bool) -> str:
        if name == "__typename":
            return f"{self.name()}: __typename" if self.chance(3) else "__typename"
        one = kind.fields[name]
        arguments = self.arguments(kind.name, name, one)
        # One key may stand for one field with one set of arguments.
        aliased = arguments or not alone or self.chance(5)
        alias = f"{self.name()}: " if aliased else ""
        named = get_named_type(one.type)
        below = ""
        if isinstance(named, (GraphQLObjectType, GraphQLInterfaceType)):
            below = " " + self.selection_set(named, depth + 1, alone=True)
        return f"{alias}{name}{arguments}{self.directive()}{below}"

    def directive(self) -> str:
        if not self.chance(8):
            return ""
        value = self.pick([True, False, True])
        given = self.variable("Boolean!", value) if self.chance(2) else str(value).lower()
        return f" @{self.pick(['include', 'skip'])}(if: {given})"

    # ------------------------------------------------------------ arguments

    def arguments(self, owner: str, name: str, one: GraphQLField) -> str:
        given = []
        for argument, definition in one.args.items():
            if not is_required_argument(definition) and self.chance(2):
                continue
            value = self.value(f"{owner}.{name}", argument, definition)
            given.append(f"{argument}: {self.written(definition, value)}")
        return f"({', '.join(given)})" if given else ""

    def value(self, place: str, argument: str, definition: GraphQLArgument) -> Any:
        kind = get_named_type(definition.type)
        if not is_required_argument(definition) and self.chance(6):
            return None
        if isinstance(kind, GraphQLEnumType):
            return Bare(self.pick(list(kind.values)))
        if argument == "ids":
            return [self.node_id("node") for _ in range(self.draws.randint(0, 6))]
        if kind.name == "ID":
            type_name = {"Query.runBatch": "RunBatch"}.get(place, "node")
            return self.node_id({"scenarioId": "Scenario"}.get(argument, type_name))
        if argument in ("after", "before"):
            return self.pick([*self.known.cursors.get(place, ()), "nonsense"])
        return self.pick(SENSIBLE[argument] if argument in SENSIBLE else SENSIBLE[kind.name])

    def node_id(self, type_name: str) -> str:
        ids = self.known.ids
        names = [type_name] if type_name in ids else sorted(ids)
        return str(self.pick([*ids[self.pick(names)][:6], *(["nonsense"] if self.chance(20) else [])]))

    def written(self, definition: GraphQLArgument, value: Any) -> str:
        """Write a value into the document, or into a variable of its own."""
        if self.chance(2):
            return self.variable(str(definition.type), value)
        return _literal(value)

    def variable(self, kind: str, value: Any) -> str:
        name = f"v{len(self.definitions)}"
        plain = value.name if isinstance(value, Bare) else value
        if self.chance(4) and not isinstance(value, list):
            self.definitions.append(f"${name}: {kind.rstrip('!')} = {_literal(value)}")
            if kind.endswith("!") or self.chance(2):
                # A variable that may be null is allowed here only with its default.
                return f"${name}" if value is not None or not kind.endswith("!") else _literal(value)
        else:
            self.definitions.append(f"${name}: {kind}")
        self.variables[name] = plain
        return f"${name}"


@dataclass(frozen=True)
class Bare:
    """The name of an enum's value, which stands without quotes."""

    name: str


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, Bare):
        return value.name
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return json.dumps(value)


SENSIBLE: Mapping[str, Sequence[Any]] = {
    "first": [0, 1, 2, 3, 5, 40, 3, 2, 1001],
    "last": [0, 1, 2, 4, 40, 2, -1],
    "groupName": ["Group 1", "Group 2", "no such"],
    "orderId": ["O1", "O7", "no such"],
    "Month": ["2024-03", "2024-06", "2024-09", "1950-01"],
    "Date": ["2024-09-01", "2024-09-04", "2024-09-08"],
    "Boolean": [True, False],
}


def random_query(schema: GraphQLSchema, known: Known, seed: int) -> Query:
    """Make a query, the same for the same seed."""
    root = schema.query_type
    assert root is not None
    return Document(random.Random(seed), schema, known).query("query", root)
