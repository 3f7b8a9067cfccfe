"""A selection in, one SQL statement out, whose only value is the finished JSON.

Pure: what is compiled depends on the schema, the declarations and the selection alone, and values are always
parameters. Raises `NotCompiled` for whatever it does not know.
"""
# Only names and templates of declarations, and the names that GraphQL's grammar allows, become text of SQL.
# ruff: noqa: S608

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from graphql import GraphQLField, GraphQLObjectType, get_named_type

from api.reads.asking import ByKey, ByKeys, Matching, Wanted
from api.reads.mapping import Column, Document, First, Inside, Json, Many, One, OrderKey, Page
from api.reads.model import Model, StoredField, StoredType
from api.reads.pages import PageAsk, casts, cursor_sql, order_sql
from api.reads.parameters import Parameters, Scope, Values, nested_scope
from api.reads.selection import Details, Selection
from api.reads.sql import Place, conditions, fill, order_of, page_conditions, where

ROOT = 0
MOST_PAIRS = 50
"""Postgres takes a hundred arguments."""


LONGEST_KEY = 63
"""A response key is a column's name in SQL, and Postgres cuts longer ones."""


class NotCompiled(Exception):
    """Raised for a selection that has to be read the normal way."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A compiled selection: its text, and what stands at which of its places."""

    text: str
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class Root:
    """Where a statement begins: the rows wanted, the field that wants them, and its own values."""

    wanted: Wanted
    field: GraphQLField
    values: Values


def compile_selection(model: Model, selection: Selection, root: Root, details: Details) -> Statement:
    """Compile what is selected below a field into one statement.

    Raises
    ------
    NotCompiled
        Something in it has to be read the normal way.
    """
    compiler = _Compiler(model, selection)
    value = compiler.root(root, details)
    return Statement(f"select convert_to(({value})::text, 'UTF8')", compiler.parameters)


@dataclass(slots=True)
class _Rows:
    """Rows that a list or a page is made of, while its parts are compiled."""

    target: StoredType
    row: str
    conditions: list[str]
    joins: list[str]


class _Compiler:
    def __init__(self, model: Model, selection: Selection) -> None:
        self.model = model
        self.selection = selection
        self.parameters = Parameters()
        self._aliases = itertools.count(1)

    def _alias(self) -> str:
        # A row as a whole is called by its alias, which Postgres takes for a column of that name if there is
        # one: so it is a name that no response key can have.
        return f"t${next(self._aliases)}"

    def _fields(self, kind: GraphQLObjectType, details: Details) -> Mapping[str, Details]:
        fields = self.selection.fields(kind, details)
        if any(len(key) > LONGEST_KEY for key in fields):
            raise NotCompiled
        return fields

    def _place(self, scope: int) -> Place:
        return lambda name, cast_: self.parameters.place(scope, name, cast_)

    # ------------------------------------------------------------ where it begins

    def root(self, root: Root, details: Details) -> str:
        self.parameters.scope(Scope(lambda _: root.values))
        wanted = root.wanted
        if isinstance(wanted, ByKey):
            return self._by_key(wanted.type_name, self.parameters.place(ROOT, "key", "uuid"), details)
        if isinstance(wanted, ByKeys):
            return self._by_keys(wanted, details)
        return self._matching(wanted, root, details)

    def _matching(self, wanted: Matching, root: Root, details: Details) -> str:
        how, target = wanted.how, self.model.types[wanted.type_name]
        row = self._alias()
        found = conditions(how, target, root.field, root.values, self._place(ROOT), row)
        rows = _Rows(target, row, found, [])
        if isinstance(how, First):
            return self._first(rows, fill(how.order, row) if how.order else "", details)
        if isinstance(how, Many):
            return self._list(rows, fill(how.order, row), details)
        return self._page(rows, order_of(how, target), root.values, ROOT, root.field, details)

    def _by_key(self, type_name: str, key: str, details: Details) -> str:
        target = self.model.types[type_name]
        row = self._alias()
        found = [f"{row}.{target.key} = {key}"]
        if condition := target.condition():
            found.append(fill(condition, row))
        return self._first(_Rows(target, row, found, []), "", details)

    def _by_keys(self, wanted: ByKeys, details: Details) -> str:
        asked = self._alias()
        cases = " ".join(
            f"when '{name}' then ({self._by_key(name, f'{asked}.key', details)})"
            for name in sorted(set(wanted.types))
            if name in self.model.types
        )
        types = self.parameters.place(ROOT, "types", "text[]")
        keys = self.parameters.place(ROOT, "keys", "uuid[]")
        value = f"case {asked}.type {cases} end" if cases else "null::json"
        return (
            f"select coalesce(json_agg({value} order by {asked}.place), '[]')"
            f" from unnest({types}, {keys}) with ordinality as {asked} (type, key, place)"
        )

    # ------------------------------------------------------------ rows

    def _first(self, rows: _Rows, order: str, details: Details) -> str:
        value = self._value(rows.target, rows.row, details, rows.joins)
        ordered = f" order by {order} limit 1" if order else ""
        return f"select {value} from {self._from(rows)}{ordered}"

    def _list(self, rows: _Rows, order: str, details: Details) -> str:
        source = rows.target.table
        return self._aggregate(rows, source, where(rows.conditions), order, details)

    def _from(self, rows: _Rows) -> str:
        return f"{rows.target.table} as {rows.row}{''.join(rows.joins)}{where(rows.conditions)}"

    def _aggregate(self, rows: _Rows, source: str, condition: str, order: str, details: Details) -> str:
        """Make a JSON array of rows, each written by `row_to_json` as a whole where its type is certain."""
        each = self._alias()
        if self.model.members(rows.target):
            items, value = [f"{self._value(rows.target, rows.row, details, rows.joins)} as value"], ".value"
        else:
            items, value = self._items(rows.target, rows.row, details, rows.joins), ""
        return (
            f"select coalesce(json_agg({each}{value}), '[]') from (select {', '.join(items)}"
            f" from {source} as {rows.row}{''.join(rows.joins)}{condition} order by {order}) as {each}"
        )

    # ------------------------------------------------------------ objects

    def _value(self, target: StoredType, row: str, details: Details, joins: list[str]) -> str:
        """Write the JSON of one row; what it needs beside is joined."""
        members = self.model.members(target)
        if not members:
            return self._object(self._items(target, row, details, joins))
        by = cast("str", getattr(target.source, "by", ""))
        cases = " ".join(
            f"when '{kind}' then {self._value(member, row, details, joins)}"
            for kind, member in members.items()
        )
        return f"(case {row}.{by} {cases} end)"

    def _object(self, items: list[str]) -> str:
        each = self._alias()
        return f"(select row_to_json({each}) from (select {', '.join(items)}) as {each})"

    def _items(self, target: StoredType, row: str, details: Details, joins: list[str]) -> list[str]:
        kind = self._object_type(target.name)
        items = []
        for key, below in self._fields(kind, details).items():
            name = below[0].node.name.value
            if name == "__typename":
                value = f"'{target.name}'::text"
            elif isinstance(target.source, Document):
                value = self._in_document(target.fields[name], row, below)
            else:
                value = self._field(target.fields[name], kind.fields[name], row, below, joins)
            items.append(f'{value} as "{key}"')
        return items

    def _object_type(self, name: str) -> GraphQLObjectType:
        kind = self.model.schema.type_map[name]
        if not isinstance(kind, GraphQLObjectType):
            raise NotCompiled
        return kind

    def _field(
        self, field: StoredField, field_def: GraphQLField, row: str, details: Details, joins: list[str]
    ) -> str:
        how = field.how
        if isinstance(how, Column) and field.leaf:
            stored = fill(how.sql, row)
            return stored if field.is_list else field.leaf.json.replace("{sql}", stored)
        if isinstance(how, Inside):
            value = self._value(self.model.types[field.target], row, details, joins)
            return f"(case when {fill(how.when, row)} then {value} end)"
        if isinstance(how, Json):
            return self._document(field, fill(how.sql, row), details)
        if isinstance(how, One):
            return self._one(how, self.model.types[field.target], row, details, joins)
        if isinstance(how, (Many, Page)):
            return self._belonging(how, field, field_def, row, details)
        raise NotCompiled

    def _one(self, how: One, target: StoredType, row: str, details: Details, joins: list[str]) -> str:
        other = self._alias()
        condition = target.condition()
        more = f" and ({fill(condition, other)})" if condition else ""
        joins.append(f" left join {target.table} as {other} on {other}.{how.there} = {row}.{how.here}{more}")
        value = self._value(target, other, details, joins)
        return f"(case when {other}.{how.there} is not null then {value} end)"

    def _belonging(
        self, how: Many | Page, field: StoredField, field_def: GraphQLField, owner: str, details: Details
    ) -> str:
        target = self.model.types[field.target]
        order = order_of(how, target)
        scope, values = nested_scope(how, order, field_def, details, self.selection)
        number = self.parameters.scope(scope)
        row = self._alias()
        found = [f"{row}.{how.there} = {owner}.{how.here}"]
        found += conditions(how, target, field_def, values, self._place(number), row)
        rows = _Rows(target, row, found, [])
        if isinstance(how, Many):
            return f"({self._list(rows, fill(how.order, row), details)})"
        return f"({self._page(rows, order, values, number, field_def, details)})"

    # ------------------------------------------------------------ documents

    def _document(self, field: StoredField, document: str, details: Details) -> str:
        target = self.model.types[field.target]
        if not field.is_list:
            value = self._object(self._items(target, f"({document})", details, []))
            return f"(case when jsonb_typeof({document}) = 'object' then {value} end)"
        one, each = self._alias(), self._alias()
        items = self._items(target, f"{one}.document", details, [])
        return (
            f"(select coalesce(json_agg({each}), '[]') from (select {', '.join(items)}"
            f" from jsonb_array_elements({document}) with ordinality as {one} (document, place)"
            f" order by {one}.place) as {each})"
        )

    def _in_document(self, field: StoredField, document: str, details: Details) -> str:
        if isinstance(field.how, Json):
            return self._document(field, f"{document} -> '{field.name}'", details)
        if field.leaf is None:
            raise NotCompiled
        if field.is_list:
            return f"coalesce({document} -> '{field.name}', '[]')"
        return field.leaf.json.replace("{sql}", f"({document} ->> '{field.name}')::{field.leaf.cast}")

    # ------------------------------------------------------------ pages

    def _page(
        self,
        rows: _Rows,
        order: tuple[OrderKey, ...],
        values: Values,
        scope: int,
        field_def: GraphQLField,
        details: Details,
    ) -> str:
        kind = cast("GraphQLObjectType", get_named_type(field_def.type))
        page = _Page(self, rows, order, values["page"], self._place(scope), kind)
        return page.compile(self._fields(kind, details))


class _Page:
    """One connection: the rows of its page are read once, for all that is selected of them."""

    def __init__(
        self,
        compiler: _Compiler,
        rows: _Rows,
        order: tuple[OrderKey, ...],
        ask: PageAsk,
        place: Place,
        kind: GraphQLObjectType,
    ) -> None:
        self.compiler = compiler
        self.rows = rows
        self.order = order
        self.ask = ask
        self.place = place
        self.kind = kind
        self._columns: list[str] = []
        self._is_numbered = False
        self._page = compiler._alias()

    def compile(self, fields: Mapping[str, Details]) -> str:
        names = [below[0].node.name.value for below in fields.values()]
        lists = sum(name in ("nodes", "edges") for name in names)
        # A single list needs no numbers: it is gathered as any other list is.
        alone = lists == 1 and "pageInfo" not in names
        items = [
            f'{self._part(below[0].node.name.value, below, alone=alone)} as "{key}"'
            for key, below in fields.items()
        ]
        each = self.compiler._alias()
        if not (alone or self._is_numbered or "totalCount" in names):
            # No row is asked for, and parameters without a place in the text are an error.
            raise NotCompiled
        numbered = f" from {self._numbered()}" if self._is_numbered else ""
        return f"select row_to_json({each}) from (select {', '.join(items)}{numbered}) as {each}"

    def _part(self, name: str, details: Details, *, alone: bool) -> str:
        if name == "__typename":
            return f"'{self.kind.name}'::text"
        if name == "totalCount":
            rows = self.rows
            return f"(select count(*) from {rows.target.table} as {rows.row}{where(rows.conditions)})"
        if name == "pageInfo":
            return self._page_info(details)
        if alone:
            return f"({self._only_list(name, details)})"
        if name == "nodes":
            return self._gathered(self._node(details))
        return self._gathered(self.compiler._object(self._edge(details)))

    def _node(self, details: Details) -> str:
        return self.compiler._value(self.rows.target, self.rows.row, details, self.rows.joins)

    def _edge(self, details: Details) -> list[str]:
        kind = cast("GraphQLObjectType", get_named_type(self.kind.fields["edges"].type))
        items = []
        for key, below in self.compiler._fields(kind, details).items():
            name = below[0].node.name.value
            if name == "__typename":
                value = f"'{kind.name}'::text"
            else:
                value = self._cursor() if name == "cursor" else self._node(below)
            items.append(f'{value} as "{key}"')
        return items

    def _cursor(self) -> str:
        return cursor_sql(self.order, self.rows.row)

    def _conditions(self) -> str:
        between = page_conditions(self.ask, self.order, casts(self.order), self.place, self.rows.row)
        return where([*self.rows.conditions, *between])

    def _only_list(self, name: str, details: Details) -> str:
        rows = self.rows
        backward = order_sql(self.order, rows.row, backward=self.ask.backward)
        limit = self.place("size", "integer")
        page = (
            f"(select * from {rows.target.table} as {rows.row}{self._conditions()}"
            f" order by {backward} limit {limit})"
        )
        order = order_sql(self.order, rows.row, backward=False)
        if name == "nodes":
            return self.compiler._aggregate(rows, page, "", order, details)
        each = self.compiler._alias()
        items = self._edge(details)
        return (
            f"select coalesce(json_agg({each}), '[]') from (select {', '.join(items)}"
            f" from {page} as {rows.row}{''.join(rows.joins)} order by {order}) as {each}"
        )

    # ------------------------------------------------------------ several parts

    def _numbered(self) -> str:
        """Read the rows of the page, and one more, each with its place as seen from where the page begins."""
        rows = self.rows
        order = order_sql(self.order, rows.row, backward=self.ask.backward)
        limit = self.place("more", "integer")
        inner = (
            f"(select {rows.row}.*, row_number() over (order by {order}) as page_place"
            f" from {rows.target.table} as {rows.row}{self._conditions()} order by {order} limit {limit})"
        )
        columns = ", ".join([f"{rows.row}.page_place as place", *self._columns])
        return f"(select {columns} from {inner} as {rows.row}{''.join(rows.joins)}) as {self._page}"

    def _column(self, value: str) -> str:
        self._is_numbered = True
        name = f"c{len(self._columns) + 1}"
        self._columns.append(f"{value} as {name}")
        return f"{self._page}.{name}"

    def _within(self) -> str:
        order = f"{self._page}.place{' desc' if self.ask.backward else ''}"
        size = self.place("size", "integer")
        return f"order by {order}) filter (where {self._page}.place <= {size})"

    def _gathered(self, value: str) -> str:
        return f"coalesce(json_agg({self._column(value)} {self._within()}, '[]')"

    def _page_info(self, details: Details) -> str:
        kind = cast("GraphQLObjectType", get_named_type(self.kind.fields["pageInfo"].type))
        fields = self.compiler._fields(kind, details)
        if len(fields) > MOST_PAIRS:
            raise NotCompiled
        pairs = [
            f"'{key}', {self._page_fact(below[0].node.name.value, kind)}" for key, below in fields.items()
        ]
        # Aggregates may not stand in a select of their own, from which a row could be made.
        return f"json_build_object({', '.join(pairs)})"

    def _page_fact(self, name: str, kind: GraphQLObjectType) -> str:
        if name == "__typename":
            return f"'{kind.name}'::text"
        if name in ("startCursor", "endCursor"):
            last = f"least(count(*), {self.place('size', 'integer')})"
            number = "1" if name == "startCursor" else last
            return f"(array_agg({self._column(self._cursor())} {self._within()})[{number}]"
        is_further_end = (name == "hasNextPage") != self.ask.backward
        is_cut = (self.ask.before if name == "hasNextPage" else self.ask.after) is not None
        if is_further_end and not is_cut:
            self._is_numbered = True
            return f"(count(*) > {self.place('size', 'integer')})"
        return str(is_cut).lower()
