"""The parameters of a compiled statement: which value of which field's arguments stands at which place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLField, GraphQLList, get_named_type, get_nullable_type, is_leaf_type

from api.reads.leaves import leaf_of
from api.reads.mapping import Argument, First, Many, OrderKey, Page
from api.reads.pages import page_ask
from api.reads.selection import Details, Selection, has_variables
from api.relay import asked_key, bad_request, is_storable

Values = Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """The arguments of one field, and the values that they give a statement.

    Attributes
    ----------
    give
        Makes the values of coerced arguments; raises a GraphQLError where they make no sense.
    """

    give: Callable[[Mapping[str, Any]], Values]
    field: GraphQLField | None = None
    details: Details | None = None
    fixed: Values | None = None
    """The values themselves, where no variable changes them."""

    def values(self, selection: Selection) -> Values:
        """Tell the values of this request."""
        if self.fixed is not None:
            return self.fixed
        if self.field is None or self.details is None:
            raise LookupError("the values of the root are told by its field")
        return self.give(selection.arguments(self.field, self.details))


@dataclass(slots=True)
class Parameters:
    """Places for values, filled while a statement is compiled."""

    scopes: list[Scope] = field(default_factory=list)
    places: dict[tuple[int, Any], int] = field(default_factory=dict)

    def scope(self, one: Scope) -> int:
        """Add a scope, and give its number."""
        self.scopes.append(one)
        return len(self.scopes) - 1

    def place(self, scope: int, name: Any, cast: str) -> str:
        """Give the place of a value, the same each time, with the type that it has in Postgres."""
        number = self.places.setdefault((scope, name), len(self.places) + 1)
        return f"${number}::{cast}"

    def fill(self, selection: Selection, root: Values) -> list[Any]:
        """Tell the values of this request, place by place; `root` are those of the first scope."""
        found = [root, *(scope.values(selection) for scope in self.scopes[1:])]
        return [found[scope][name] for scope, name in self.places]


def nested_scope(
    how: Many | Page,
    order: Sequence[OrderKey],
    field_def: GraphQLField,
    details: Details,
    selection: Selection,
) -> tuple[Scope, Values]:
    """Make the scope of a field below the root, with its values in this request."""

    def give(arguments: Mapping[str, Any]) -> Values:
        return relation_values(how, order, arguments)

    values = give(selection.arguments(field_def, details))
    fixed = None if has_variables([details[0].node]) else values
    return Scope(give, field_def, details, fixed), values


def relation_values(
    how: Many | Page | First, order: Sequence[OrderKey], arguments: Mapping[str, Any]
) -> Values:
    """Make the values that arguments give a statement; null ones are left out.

    Raises
    ------
    GraphQLError
        An argument makes no sense.
    """
    if not isinstance(how, First) and how.check:
        how.check(arguments)
    values: dict[Any, Any] = {
        one.name: _sql_value(one, arguments[one.name])
        for one in how.arguments
        if arguments.get(one.name) is not None
    }
    if isinstance(how, Page):
        page = page_ask(arguments, order)
        values.update(page=page, size=page.size, more=page.size + 1)
        for end in ("after", "before"):
            for number, part in enumerate(getattr(page, end) or ()):
                values[end, number] = part
    return values


def _sql_value(argument: Argument, value: Any) -> Any:
    if argument.of:
        return asked_key(value, *argument.of, path=[argument.name])
    if isinstance(value, list):
        return [_sql_value(argument, one) for one in value]
    if isinstance(value, str) and not is_storable(value):
        raise bad_request(
            f"{argument.name} holds a character that no text here can hold.", path=[argument.name]
        )
    return getattr(value, "value", value)


def argument_cast(argument: Argument, field_def: GraphQLField) -> str:
    """Tell Postgres' type of an argument's value."""
    kind = field_def.args[argument.name].type
    named = get_named_type(kind)
    leaf = leaf_of(named) if is_leaf_type(named) else None
    cast = "uuid" if argument.of else leaf.cast if leaf else "text"
    return f"{cast}[]" if isinstance(get_nullable_type(kind), GraphQLList) else cast
