"""What one document may ask for: depth and aliases as validation rules, tokens while it is parsed.

Strawberry's own limiters walk every fragment again at each place where it is spread, which a short document
can make take for ever; here each fragment is measured once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
)

DEPTH_LIMIT = "DEPTH_LIMIT"
ALIAS_LIMIT = "ALIAS_LIMIT"
TOKEN_LIMIT = "TOKEN_LIMIT"  # noqa: S105 - a token of a language


@dataclass(frozen=True, slots=True)
class _Size:
    """Levels of fields below, and aliases, as they stand after all fragments are spread out."""

    depth: int = 0
    aliases: int = 0

    def beside(self, other: _Size) -> _Size:
        return _Size(max(self.depth, other.depth), self.aliases + other.aliases)


class _Measure:
    """Measures the operations of one document, each fragment once."""

    def __init__(self, context: ValidationContext) -> None:
        self._context = context
        self._fragments: dict[str, _Size] = {}

    def of(self, selection_set: SelectionSetNode | None) -> _Size:
        size = _Size()
        for selection in selection_set.selections if selection_set else ():
            if isinstance(selection, FieldNode):
                size = size.beside(self._field(selection))
            elif isinstance(selection, FragmentSpreadNode):
                size = size.beside(self._fragment(selection.name.value))
            else:
                size = size.beside(self.of(getattr(selection, "selection_set", None)))
        return size

    def _field(self, field: FieldNode) -> _Size:
        below = self.of(field.selection_set)
        # Introspection has a depth limit of its own among GraphQL's rules.
        depth = 0 if field.name.value.startswith("__") else below.depth + 1
        return _Size(depth, below.aliases + (field.alias is not None))

    def _fragment(self, name: str) -> _Size:
        if name not in self._fragments:
            # A fragment within itself, and an unknown one, are refused by other rules.
            self._fragments[name] = _Size()
            if fragment := self._context.get_fragment(name):
                self._fragments[name] = self.of(fragment.selection_set)
        return self._fragments[name]


def limit_rules(max_depth: int, max_aliases: int) -> tuple[type[ValidationRule], ...]:
    """Make the validation rules for documents.

    Parameters
    ----------
    max_depth
        Levels of fields.
    max_aliases
        Aliased fields of an operation, a fragment's counted at each place where it is spread.
    """

    class DocumentLimits(ValidationRule):
        """Refuses operations above the limits."""

        def __init__(self, context: ValidationContext) -> None:
            super().__init__(context)
            self._measure = _Measure(context)

        def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
            size = self._measure.of(node.selection_set)
            name = f"operation {node.name.value}" if node.name else "operation"
            if size.depth > max_depth:
                self._refuse(
                    node, DEPTH_LIMIT, f"The {name} is {size.depth} levels deep; {max_depth} are allowed."
                )
            if size.aliases > max_aliases:
                self._refuse(
                    node, ALIAS_LIMIT, f"The {name} has {size.aliases} aliases; {max_aliases} are allowed."
                )

        def _refuse(self, node: OperationDefinitionNode, code: str, message: str) -> None:
            advice = " Ask for less at once, or in several requests."
            self.report_error(GraphQLError(message + advice, node, extensions={"code": code}))

    return (DocumentLimits,)
