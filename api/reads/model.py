"""The declarations, bound to a schema: what each field of each stored type is, looked up by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import strawberry
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from api.reads.leaves import Leaf, leaf_of, node_leaf
from api.reads.mapping import (
    READ,
    STORED,
    AnyNode,
    Column,
    Document,
    First,
    Inside,
    Json,
    Kinds,
    Many,
    One,
    Owned,
    Page,
    Reading,
    Relation,
    Source,
    Table,
)

Composite: TypeAlias = GraphQLObjectType | GraphQLInterfaceType
RELATIONS = (One, Many, Page, First, AnyNode)


@dataclass(frozen=True, slots=True)
class InPython:
    """A field that a resolver computes: what selects it is read the normal way."""


@dataclass(frozen=True)
class StoredField:
    """One field of a stored type.

    Attributes
    ----------
    name
        Its name in Python.
    how
        What it is made of.
    leaf
        How its scalar or enum is written; None for objects.
    target
        Name of the stored type that it leads to; empty for leaves.
    is_list
        Whether it is a list, of leaves or of objects.
    """

    name: str
    how: Reading | InPython
    leaf: Leaf | None = None
    target: str = ""
    is_list: bool = False


@dataclass(frozen=True)
class StoredType:
    """A stored GraphQL type."""

    name: str
    cls: type
    source: Source
    fields: Mapping[str, StoredField]
    """By their names in the schema."""

    @property
    def table(self) -> str:
        """Its table."""
        return cast("Table | Kinds", self.source).name

    @property
    def key(self) -> str:
        """The column of the table by which one row is read."""
        return cast("Table | Kinds", self.source).key

    @property
    def has_table(self) -> bool:
        """Whether its values are rows of their own."""
        return isinstance(self.source, (Table, Kinds))

    def condition(self) -> str | None:
        """Condition that each row of the table fulfils that is of this type, as a template."""
        if isinstance(self.source, Kinds):
            kinds = ", ".join(f"'{kind}'" for kind in self.source.types)
            return f"{{row}}.{self.source.by} in ({kinds})"
        return self.source.where if isinstance(self.source, Table) else None


@dataclass(frozen=True)
class Model:
    """All that is stored, and the fields that read it."""

    schema: GraphQLSchema
    types: Mapping[str, StoredType]
    relations: Mapping[tuple[str, str], StoredField]
    """Fields that lead to rows, by the names of their type and their own: of the roots too."""

    def of_class(self, cls: type) -> StoredType:
        """Find the stored type of a class."""
        return next(one for one in self.types.values() if one.cls is cls)

    def members(self, stored_type: StoredType) -> Mapping[str, StoredType]:
        """Tell the types that a row of an interface may be, by the value of the column that tells."""
        if not isinstance(stored_type.source, Kinds):
            return {}
        return {kind: self.types[name] for kind, name in stored_type.source.types.items()}

    def nodes(self) -> Mapping[str, StoredType]:
        """Tell the types that have ids, by their names."""
        return {
            name: one
            for name, one in self.types.items()
            if isinstance(one.source, Table) and "id" in one.fields
        }


def bind(schema: strawberry.Schema) -> Model:
    """Bind the declarations of all features to the schema that shows them.

    Raises
    ------
    TypeError
        A declaration does not fit its field.
    """
    core: GraphQLSchema = schema._schema
    types: dict[str, StoredType] = {}
    relations: dict[tuple[str, str], StoredField] = {}
    for kind, definition in _composites(core):
        source = vars(definition.origin).get(STORED)
        fields = dict(_fields(kind, is_stored=source is not None))
        if source is not None:
            types[kind.name] = StoredType(kind.name, definition.origin, source, fields)
        for name, one in fields.items():
            if isinstance(one.how, RELATIONS):
                relations[kind.name, name] = one
    model = Model(core, types, relations)
    _check(model)
    return model


def _composites(schema: GraphQLSchema) -> Iterator[tuple[Composite, StrawberryObjectDefinition]]:
    for kind in schema.type_map.values():
        if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
            definition = kind.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
            if isinstance(definition, StrawberryObjectDefinition):
                yield kind, definition


def _fields(kind: Composite, *, is_stored: bool) -> Iterator[tuple[str, StoredField]]:
    for name, field in kind.fields.items():
        shown = cast("StrawberryField", field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF])
        how = shown.metadata.get(READ)
        if how is not None or is_stored:
            yield name, _field(kind, name, field, shown, how)


def _field(
    kind: Composite, name: str, field: GraphQLField, shown: StrawberryField, how: Reading | None
) -> StoredField:
    python_name = str(shown.python_name)
    if shown.base_resolver is not None:
        return StoredField(python_name, InPython())
    named = get_named_type(field.type)
    is_list = is_list_type(get_nullable_type(field.type))
    if is_leaf_type(named):
        leaf = node_leaf(kind.name) if name == "id" and how is None else leaf_of(named)
        column = how or Column(f"{{row}}.{python_name}")
        return StoredField(python_name, column if leaf else InPython(), leaf, is_list=is_list)
    # An object without a declaration is a document within a document.
    return StoredField(
        python_name, how or Json(python_name), target=_target(field.type, how), is_list=is_list
    )


def _target(kind: GraphQLOutputType, how: Reading | None) -> str:
    named = get_named_type(kind)
    if isinstance(how, Page):
        named = get_named_type(cast("GraphQLObjectType", named).fields["nodes"].type)
    return named.name


def _check(model: Model) -> None:
    for one in model.types.values():
        for name, field in one.fields.items():
            _check_field(model, f"{one.name}.{name}", one, field)
    for (owner, name), field in model.relations.items():
        if not isinstance(field.how, AnyNode) and field.target not in model.types:
            raise TypeError(f"{owner}.{name} reads {field.target}, which is not declared as stored.")


def _check_field(model: Model, place: str, owner: StoredType, field: StoredField) -> None:
    if isinstance(field.how, (Inside, Json)):
        wanted = Owned if isinstance(field.how, Inside) else Document
        source: Any = model.types[field.target].source if field.target in model.types else None
        if not isinstance(source, wanted):
            raise TypeError(f"{place} is declared as {type(field.how).__name__}, and {field.target} is not.")
    if isinstance(field.how, Relation.__args__) and not owner.has_table:
        raise TypeError(f"{place} leads to other rows, and {owner.name} has no table.")
