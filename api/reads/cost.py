"""What a query would cost at the worst, told before anything is read: rows, multiplied down the selection."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError, GraphQLObjectType, get_named_type, is_abstract_type

from api.reads.mapping import AnyNode, First, Many, One, Page
from api.reads.model import Composite, Model, StoredField
from api.reads.pages import page_size
from api.reads.selection import Details, Selection
from api.relay import bad_request


def refuse_above(bound: int, rows: int) -> None:
    """Refuse an operation whose estimate is above the bound.

    Raises
    ------
    GraphQLError
        `COST_LIMIT`
    """
    if rows > bound:
        raise bad_request(
            f"By estimate this reads {rows:,} rows, page sizes multiplied down the selection; "
            f"{bound:,} are allowed at once. Ask for smaller pages, or for fewer lists below lists.",
            "COST_LIMIT",
            rows=rows,
            bound=bound,
        )


def estimate_rows(
    model: Model, selection: Selection, root: GraphQLObjectType, fields: dict[str, Details]
) -> int:
    """Estimate the rows that an operation reads.

    A page counts with its size, a list with the length that its declaration expects, both times what is
    selected below; of an interface the dearest type counts.
    """
    estimate = _Estimate(model, selection)
    return sum(estimate.field(root, details) for details in fields.values())


class _Estimate:
    def __init__(self, model: Model, selection: Selection) -> None:
        self.model = model
        self.selection = selection

    def field(self, owner: Composite, details: Details) -> int:
        name = details[0].node.name.value
        field_def = owner.fields.get(name)
        if field_def is None or not details[0].node.selection_set:
            return 0
        stored = self.model.relations.get((owner.name, name))
        each = self.below(get_named_type(field_def.type), details)
        if stored is None:
            return each
        try:
            arguments = self.selection.arguments(field_def, details)
        except GraphQLError:
            # It will be told at its place when the field is executed.
            return 0
        return _rows(stored, arguments) * (1 + each)

    def below(self, kind: Any, details: Details) -> int:
        if is_abstract_type(kind):
            possible = self.model.schema.get_possible_types(kind)
            return max((self.below(one, details) for one in possible), default=0)
        if not isinstance(kind, GraphQLObjectType):
            return 0
        fields = self.selection.fields(kind, details).values()
        return sum(self.field(kind, below) for below in fields)


def _rows(stored: StoredField, arguments: dict[str, Any]) -> int:
    how = stored.how
    if isinstance(how, Page):
        # A wrong size is refused where it is read.
        return max(0, page_size(arguments))
    if isinstance(how, Many):
        return how.expected
    if isinstance(how, AnyNode) and how.many:
        return len(arguments["ids"])
    return 1 if isinstance(how, (One, First, AnyNode)) else 0
