"""What a client selected, as the compiler sees it: fields by response key, in the executor's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    Visitor,
    visit,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_subfields
from graphql.execution.values import VariableValues, get_argument_values

Details: TypeAlias = list[FieldDetails]


@dataclass(frozen=True, slots=True)
class Selection:
    """An operation with the values of its variables."""

    schema: GraphQLSchema
    fragments: dict[str, FragmentDetails]
    variables: VariableValues
    operation: OperationDefinitionNode

    def fields(self, kind: GraphQLObjectType, details: Details) -> Mapping[str, Details]:
        """Collect the fields below, by response key, as the executor does for an object of this type."""
        return collect_subfields(
            self.schema, self.fragments, self.variables, self.operation, kind, details
        ).grouped_field_set

    def arguments(self, field: GraphQLField, details: Details) -> dict[str, Any]:
        """Coerce the arguments of a field."""
        if not field.args:
            return {}
        first = details[0]
        return get_argument_values(field, first.node, self.variables, first.fragment_variable_values)

    def size(self) -> tuple[Any, ...]:
        """Tell what the size of an answer depends on: the operation, by identity, numbers, conditions."""
        values = self.variables.coerced
        return (id(self.operation), *((name, _measure(value)) for name, value in values.items()))

    def shape(self, details: Details) -> tuple[Any, ...]:
        """Tell what a statement depends on, beside the values of its parameters.

        The nodes are told by identity: whoever keeps a shape has to keep them too. Of a variable it matters
        whether it is null, or missing; of a Boolean, which one it is, for it may include or skip.
        """
        values = self.variables.coerced
        states = tuple(
            _state(values, definition.variable.name.value)
            for definition in self.operation.variable_definitions or ()
        )
        return (id(self.operation), *(id(detail.node) for detail in details), *states)


def _state(values: Mapping[str, Any], name: str) -> object:
    if name not in values:
        return "missing"
    value = values[name]
    return value if value is None or isinstance(value, bool) else "told"


def _measure(value: Any) -> object:
    if isinstance(value, list):
        return len(value)
    return value if value is None or isinstance(value, int) else "told"


def has_variables(nodes: Sequence[FieldNode]) -> bool:
    """Whether any argument of these fields is, or holds, a variable."""
    seeker = _SeekVariables()
    for node in nodes:
        for argument in node.arguments or ():
            visit(argument.value, seeker)
    return seeker.found


class _SeekVariables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def enter_variable(self, *_: Any) -> None:
        self.found = True
