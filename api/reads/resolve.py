"""The normal way: plain rows through GraphQL's own executor, one statement a level however long lists are.

It is made of the same declarations, and comes to the same answer as the compiler; it is slower, and knows
everything: fields computed in Python, and errors that belong to a place further down.
"""
# Only names and templates of declarations become text of SQL.
# ruff: noqa: S608

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeAlias, cast
from uuid import UUID

from graphql import GraphQLField, GraphQLResolveInfo

from api.database import Connection as DatabaseConnection
from api.reads.asking import Ask, ByKey, ByKeys, Matching
from api.reads.mapping import AnyNode, First, Many, One, OrderKey, Page
from api.reads.model import Model, StoredField, StoredType
from api.reads.pages import PageAsk, casts, cursor_sql, order_sql
from api.reads.parameters import Values, relation_values
from api.reads.rows import Build, Form, link, objects_of
from api.reads.sql import conditions, fill, order_of, page_conditions, where
from api.relay import MAX_PAGE, Connection, Edge, PageInfo, UserMistake, bad_request, parse_node_id

Frozen: TypeAlias = tuple[tuple[Any, Any], ...]
Reader: TypeAlias = Callable[[DatabaseConnection, Sequence[Any]], Awaitable[Mapping[Any, Any]]]


class Caller(Protocol):
    """Who asks, with whose rights is read: one request's context."""

    def transaction(self) -> AbstractAsyncContextManager[DatabaseConnection]:
        """Open a transaction in which row-level security sees the caller."""

    async def read(self, statement: str, parameters: Sequence[Any]) -> Any:
        """Give the only value of one statement that only reads."""

    async def load(self, read: Reader, key: Hashable) -> Any:
        """Read one together with all others that the same answer asks of `read`."""


class Places:
    """Places of values in one statement."""

    def __init__(self, values: Values, *before: Any) -> None:
        self._values = values
        self.filled = list(before)

    def __call__(self, name: object, cast_: str) -> str:
        """Take the next place for a named value."""
        self.filled.append(self._values[name])
        return f"${len(self.filled)}::{cast_}"


class Rows:
    """The rows of one stored type."""

    def __init__(self, model: Model, target: StoredType) -> None:
        self.target = target
        self._form = Form()
        self.build: Build = objects_of(model, target, self._form)

    def select(self, *more: str) -> str:
        """Write the columns of row `r`, more of them behind."""
        return ", ".join([self._form.select("r"), *more])

    def own(self) -> list[str]:
        """Tell what each row of the type fulfils."""
        condition = self.target.condition()
        return [fill(condition, "r")] if condition else []


class NormalWay:
    """Reads plain rows, as declared."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._rows = {name: Rows(model, one) for name, one in model.types.items() if one.has_table}

    async def read(
        self, wanted: ByKey | ByKeys | Matching, field: GraphQLField, values: Values, caller: Caller
    ) -> Any:
        """Read what a root field asks for, as objects."""
        if isinstance(wanted, ByKey):
            found = await self._by_key(wanted.type_name, [wanted.key], caller)
            return found.get(wanted.key)
        if isinstance(wanted, ByKeys):
            return await self._by_keys(wanted, caller)
        rows = self._rows[wanted.type_name]
        if isinstance(wanted.how, Page):
            return await self._root_page(wanted.how, rows, field, values, caller)
        return await self._root_rows(wanted.how, rows, field, values, caller)

    # ------------------------------------------------------------ at the root

    async def _by_key(self, type_name: str, keys: Sequence[UUID], caller: Caller) -> dict[UUID, Any]:
        rows = self._rows[type_name]
        key = f"r.{rows.target.key}"
        text = (
            f"select {rows.select(key)} from {rows.target.table} as r"
            f"{where([f'{key} = any($1::uuid[])', *rows.own()])}"
        )
        async with caller.transaction() as connection:
            return {row[-1]: rows.build(row) for row in await connection.fetch(text, keys)}

    async def _by_keys(self, wanted: ByKeys, caller: Caller) -> list[Any]:
        by_type: defaultdict[str, list[UUID]] = defaultdict(list)
        for name, key in zip(wanted.types, wanted.keys, strict=True):
            by_type[name].append(key)
        found = {
            (name, key): one
            for name, keys in by_type.items()
            if name in self._rows
            for key, one in (await self._by_key(name, keys, caller)).items()
        }
        return [found.get(asked) for asked in zip(wanted.types, wanted.keys, strict=True)]

    async def _root_rows(
        self, how: First | Many, rows: Rows, field: GraphQLField, values: Values, caller: Caller
    ) -> Any:
        places = Places(values)
        found = where(conditions(how, rows.target, field, values, places, "r"))
        order = f" order by {fill(how.order, 'r')}" if how.order else ""
        limit = " limit 1" if isinstance(how, First) else ""
        text = f"select {rows.select()} from {rows.target.table} as r{found}{order}{limit}"
        async with caller.transaction() as connection:
            made = [rows.build(row) for row in await connection.fetch(text, *places.filled)]
        return next(iter(made), None) if isinstance(how, First) else made

    async def _root_page(
        self, how: Page, rows: Rows, field: GraphQLField, values: Values, caller: Caller
    ) -> Connection[Any]:
        page, order = _page(values), order_of(how, rows.target)
        places = Places(values)
        found = conditions(how, rows.target, field, values, places, "r")
        text = _page_text(rows, page, order, found, places, cursor_sql(order, "r"))
        async with caller.transaction() as connection:
            read = await connection.fetch(text, *places.filled)

        async def count() -> int:
            counted = Places(values)
            found = where(conditions(how, rows.target, field, values, counted, "r"))
            async with caller.transaction() as connection:
                return int(
                    await connection.fetchval(
                        f"select count(*) from {rows.target.table} as r{found}", *counted.filled
                    )
                )

        return _connection([(row[-1], rows.build(row)) for row in read], page, count)

    # ------------------------------------------------------------ below other rows

    def one_reader(self, how: One, target: str) -> Reader:
        """Make a reader of the rows that other rows point at."""
        rows = self._rows[target]
        text = (
            f"select {rows.select(f'r.{how.there}')} from {rows.target.table} as r"
            f"{where([f'r.{how.there} = any($1::uuid[])', *rows.own()])}"
        )

        async def read(connection: DatabaseConnection, keys: Sequence[Any]) -> Mapping[Any, Any]:
            return {row[-1]: rows.build(row) for row in await connection.fetch(text, keys)}

        return read

    def many_reader(self, how: Many, target: str, field: GraphQLField) -> Reader:
        """Make a reader of the rows that belong to other rows."""
        rows = self._rows[target]

        def text(values: Values, places: Places) -> str:
            found = [f"r.{how.there} = o.key", *conditions(how, rows.target, field, values, places, "r")]
            order = fill(how.order, "r")
            inner = f"select * from {rows.target.table} as r{where(found)}"
            return _of_each(rows.select("o.key"), inner, order)

        async def read(connection: DatabaseConnection, asked: Sequence[Any]) -> Mapping[Any, Any]:
            made: defaultdict[Any, list[Any]] = defaultdict(list)
            for frozen, keys in _by_arguments(asked).items():
                places = Places(dict(frozen), keys)
                for row in await connection.fetch(text(dict(frozen), places), *places.filled):
                    made[row[-1], frozen].append(rows.build(row))
            return made

        return read

    def page_reader(self, how: Page, target: str, field: GraphQLField) -> Reader:
        """Make a reader of the pages that belong to other rows."""
        rows = self._rows[target]
        order = order_of(how, rows.target)

        def text(values: Values, places: Places) -> str:
            found = [f"r.{how.there} = o.key", *conditions(how, rows.target, field, values, places, "r")]
            page = _page(values)
            inner = _page_text(rows, page, order, found, places, columns="*")
            outer = rows.select(cursor_sql(order, "r"), "o.key")
            return _of_each(outer, inner, order_sql(order, "r", backward=page.backward))

        async def read(connection: DatabaseConnection, asked: Sequence[Any]) -> Mapping[Any, Any]:
            made: defaultdict[Any, list[Any]] = defaultdict(list)
            for frozen, keys in _by_arguments(asked).items():
                places = Places(dict(frozen), keys)
                for row in await connection.fetch(text(dict(frozen), places), *places.filled):
                    made[row[-1], frozen].append((row[-2], rows.build(row)))
            return made

        return read

    def count_reader(self, how: Page, target: str, field: GraphQLField) -> Reader:
        """Make a reader that counts the rows that belong to other rows."""
        rows = self._rows[target]

        async def read(connection: DatabaseConnection, asked: Sequence[Any]) -> Mapping[Any, Any]:
            made: dict[Any, int] = {}
            for frozen, keys in _by_arguments(asked).items():
                places = Places(dict(frozen), keys)
                found = [f"r.{how.there} = any($1::uuid[])"]
                found += conditions(how, rows.target, field, dict(frozen), places, "r")
                text = (
                    f"select r.{how.there}, count(*) from {rows.target.table} as r{where(found)} group by 1"
                )
                for key, number in await connection.fetch(text, *places.filled):
                    made[key, frozen] = number
            return made

        return read


def _page(values: Values) -> PageAsk:
    return cast("PageAsk", values["page"])


def _page_text(
    rows: Rows,
    page: PageAsk,
    order: Sequence[OrderKey],
    found: Sequence[str],
    places: Places,
    cursor: str = "",
    columns: str = "",
) -> str:
    between = page_conditions(page, order, casts(order), places, "r")
    return (
        f"select {columns or rows.select(cursor)} from {rows.target.table} as r{where([*found, *between])}"
        f" order by {order_sql(order, 'r', backward=page.backward)} limit {places('more', 'integer')}"
    )


def _of_each(columns: str, inner: str, order: str) -> str:
    return (
        f"select {columns} from unnest($1::uuid[]) with ordinality as o (key, place)"
        f" cross join lateral ({inner}) as r order by o.place, {order}"
    )


def _by_arguments(asked: Sequence[tuple[Any, Frozen]]) -> Mapping[Frozen, list[Any]]:
    grouped: defaultdict[Frozen, list[Any]] = defaultdict(list)
    for key, frozen in asked:
        grouped[frozen].append(key)
    return grouped


def _connection(
    read: Sequence[tuple[str, Any]], page: PageAsk, count: Callable[[], Awaitable[int]]
) -> Connection[Any]:
    """Make a connection of the rows of a page, and of one more that tells that others follow."""
    is_more = len(read) > page.size
    kept = list(read[: page.size])
    if page.backward:
        kept.reverse()
    edges = [Edge(cursor=cursor, node=node) for cursor, node in kept]
    cut_after, cut_before = page.after is not None, page.before is not None
    return Connection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=PageInfo(
            has_next_page=cut_before or (is_more and not page.backward),
            has_previous_page=cut_after or (is_more and page.backward),
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
        count=count,
    )


# ---------------------------------------------------------------- resolvers


def attach(model: Model, normal: NormalWay) -> None:
    """Give all fields that read their resolvers."""
    for (owner, name), one in model.relations.items():
        field = cast("Any", model.schema.type_map[owner]).fields[name]
        is_root = owner not in model.types
        field.resolve = _root_resolver(model, one) if is_root else _nested_resolver(normal, one, field)


def _root_resolver(model: Model, one: StoredField) -> Callable[..., Any]:
    how = one.how
    if isinstance(how, AnyNode):
        return _nodes_resolver(model) if how.many else _node_resolver(model)
    if not isinstance(how, (First, Many, Page)):
        raise TypeError(f"{one.name} is at the root, and declared as {type(how).__name__}.")

    def ask(_source: object, _info: GraphQLResolveInfo[Any], **arguments: Any) -> Ask:
        return Ask(Matching(how, one.target, arguments))

    return ask


def _node_resolver(model: Model) -> Callable[..., Any]:
    names = model.nodes()

    def ask(_source: object, _info: GraphQLResolveInfo[Any], id: str) -> Ask | None:  # noqa: A002 - the schema's name
        type_name, key = _node_key(id)
        return Ask(ByKey(type_name, key)) if type_name in names else None

    return ask


def _nodes_resolver(model: Model) -> Callable[..., Any]:
    names = model.nodes()

    def ask(_source: object, _info: GraphQLResolveInfo[Any], ids: list[str]) -> Ask:
        if len(ids) > MAX_PAGE:
            raise bad_request(f"ids has {len(ids)} ids; expected {MAX_PAGE} at most.", path=["ids"])
        asked = [_node_key(one) for one in ids]
        types = tuple(name if name in names else "" for name, _ in asked)
        return Ask(ByKeys(types, tuple(key for _, key in asked)))

    return ask


def _node_key(node_id: str) -> tuple[str, UUID]:
    try:
        return parse_node_id(node_id)
    except UserMistake as mistake:
        raise bad_request(mistake.message, mistake.code, hint=mistake.hint) from None


def _nested_resolver(normal: NormalWay, one: StoredField, field: GraphQLField) -> Callable[..., Any]:
    how = one.how
    if isinstance(how, One):
        return _one_resolver(how, normal.one_reader(how, one.target))
    if isinstance(how, Many):
        return _many_resolver(how, normal.many_reader(how, one.target, field))
    if isinstance(how, Page):
        return _page_resolver(how, normal, one.target, field)
    raise TypeError(f"{one.name} belongs to a row, and is declared as {type(how).__name__}.")


def _one_resolver(how: One, reader: Reader) -> Callable[..., Any]:
    here = link(how.here)

    async def resolve(source: Any, info: GraphQLResolveInfo[Any]) -> Any:
        key = getattr(source, here)
        return None if key is None else await info.context.load(reader, key)

    return resolve


def _many_resolver(how: Many, reader: Reader) -> Callable[..., Any]:
    here = link(cast("str", how.here))

    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        values = relation_values(how, (), arguments)
        return await info.context.load(reader, (getattr(source, here), _freeze(values))) or []

    return resolve


def _page_resolver(how: Page, normal: NormalWay, target: str, field: GraphQLField) -> Callable[..., Any]:
    here = link(cast("str", how.here))
    reader, counter = normal.page_reader(how, target, field), normal.count_reader(how, target, field)
    order = order_of(how, normal.model.types[target])

    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Connection[Any]:
        values = relation_values(how, order, arguments)
        asked = (getattr(source, here), _freeze(values))

        async def count() -> int:
            return await info.context.load(counter, asked) or 0

        return _connection(await info.context.load(reader, asked) or [], _page(values), count)

    return resolve


def _freeze(values: Values) -> Frozen:
    return tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in values.items())
