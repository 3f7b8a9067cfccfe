"""Plain rows: what a statement selects so that an object of a stored type can be made of each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from api.reads.mapping import Column, Inside, Json, Kinds, Many, One, Page
from api.reads.model import Model, StoredField, StoredType
from api.reads.sql import fill

Build: TypeAlias = Callable[[Any], Any]
"""Makes an object of the values of a row, told by number."""


@dataclass
class Form:
    """The columns that a type's objects are made of, as templates, and how."""

    columns: list[str] = field(default_factory=list)

    def column(self, template: str) -> int:
        """Select a value, and give its number."""
        self.columns.append(template)
        return len(self.columns) - 1

    def select(self, row: str) -> str:
        """Write the columns of a row."""
        return ", ".join(column.replace("{row}", row) for column in self.columns)


def link(column: str) -> str:
    """Name the attribute under which an object keeps the value that leads from it to other rows."""
    return f"_stored_{column}"


def objects_of(model: Model, target: StoredType, form: Form) -> Build:
    """Add what objects of a type are made of to a form; gives what makes them, without `__init__`."""
    if isinstance(target.source, Kinds):
        by = form.column(f"{{row}}.{target.source.by}")
        builds = {kind: objects_of(model, member, form) for kind, member in model.members(target).items()}
        return lambda values: builds[values[by]](values)
    attributes: dict[str, Build] = {}
    for one in target.fields.values():
        _add_field(model, one, form, attributes)
    if target.has_table and "id" in target.fields:
        attributes["key"] = _taking(form.column(f"{{row}}.{target.key}"))

    def build(values: Any) -> Any:
        made: Any = object.__new__(target.cls)
        for name, make in attributes.items():
            setattr(made, name, make(values))
        return made

    return build


def _add_field(model: Model, one: StoredField, form: Form, attributes: dict[str, Build]) -> None:
    how = one.how
    if isinstance(how, (One, Many, Page)):
        here = cast("str", how.here)
        attributes[link(here)] = _taking(form.column(f"{{row}}.{here}"))
    elif isinstance(how, Column) and one.leaf:
        stored = fill(how.sql, "{row}")
        number = form.column(stored if one.is_list else one.leaf.row.replace("{sql}", stored))
        attributes[one.name] = _taking(number) if one.is_list else _parsing(number, one.leaf.parse)
    elif isinstance(how, Inside):
        attributes[one.name] = _inside(model, one, how, form)
    elif isinstance(how, Json):
        make = _documents(model, one)
        number = form.column(fill(how.sql, "{row}"))
        attributes[one.name] = lambda values: make(values[number])


def _taking(number: int) -> Build:
    return lambda values: values[number]


def _parsing(number: int, parse: Callable[[Any], Any]) -> Build:
    def take(values: Any) -> Any:
        value = values[number]
        return None if value is None else parse(value)

    return take


def _inside(model: Model, one: StoredField, how: Inside, form: Form) -> Build:
    there = form.column(f"({fill(how.when, '{row}')})")
    build = objects_of(model, model.types[one.target], form)
    return lambda values: build(values) if values[there] else None


# ---------------------------------------------------------------- documents


def _documents(model: Model, one: StoredField) -> Callable[[Any], Any]:
    make = _document(model, model.types[one.target])
    if one.is_list:
        return lambda documents: [make(document) for document in documents or ()]
    return lambda document: make(document) if isinstance(document, Mapping) else None


def _document(model: Model, target: StoredType) -> Callable[[Mapping[str, Any]], Any]:
    makers = {one.name: _document_field(model, one) for one in target.fields.values()}

    def make(document: Mapping[str, Any]) -> Any:
        made: Any = object.__new__(target.cls)
        for name, take in makers.items():
            setattr(made, name, take(document.get(name)))
        return made

    return make


def _document_field(model: Model, one: StoredField) -> Callable[[Any], Any]:
    if isinstance(one.how, Json):
        return _documents(model, one)
    if one.is_list:
        return lambda value: value or []
    parse = one.leaf.parse_json if one.leaf else str
    return lambda value: None if value is None else parse(value)
