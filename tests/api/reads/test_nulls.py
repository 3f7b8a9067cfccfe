"""Where the schema promises a value there is one: nobody looks through a compiled answer for nulls."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

from graphql import GraphQLInterfaceType, GraphQLObjectType, is_non_null_type

from api.reads.mapping import Column, One, Page
from api.reads.model import StoredField
from api.reads.sql import order_of
from api.schema import reads
from tests.database import Connection

COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, null) as type, a.attnotnull as filled
from pg_attribute as a join pg_class as c on c.oid = a.attrelid
where c.relnamespace = 'public'::regnamespace and a.attnum > 0 and not a.attisdropped
"""
FILLED_BY_A_CHECK = {
    "plan_runs.month",
    "plan_runs.scenario_id",
    "plan_runs.asof_date",
    "plan_runs.batch_place",
}
"""Null in runs of other kinds, or outside of batches, alone."""
TYPES = {int: "integer", str: "text", UUID: "uuid", date: "date", datetime: "timestamp with time zone"}


def column_of(field: StoredField) -> str | None:
    """The column that tells a field; None where it takes more than that."""
    if isinstance(field.how, One):
        return field.how.here
    plain = re.fullmatch(r'\{row\}\."?(\w+)"?', field.how.sql) if isinstance(field.how, Column) else None
    return plain[1] if plain else None


async def columns(admin: Connection) -> dict[str, Any]:
    return {f"{row['relname']}.{row['attname']}": row for row in await admin.fetch(COLUMNS)}


def promised() -> Iterator[str]:
    """The columns of all fields that are never null."""
    for one in reads.model.types.values():
        kind = reads.model.schema.type_map[one.name]
        assert isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType))
        for name, field in one.fields.items():
            column = column_of(field)
            if one.has_table and column and is_non_null_type(kind.fields[name].type):
                yield f"{one.table}.{column}"


async def test_what_is_promised_is_there(admin: Connection) -> None:
    known = await columns(admin)
    names = set(promised())
    assert len(names) > 50
    assert {name for name in names if not known[name]["filled"]} <= FILLED_BY_A_CHECK


async def test_columns_that_order_are_filled_and_of_their_type(admin: Connection) -> None:
    known = await columns(admin)
    for place, field in reads.model.relations.items():
        if isinstance(field.how, Page):
            target = reads.model.types[field.target]
            for key in order_of(field.how, target):
                name = f"{target.table}.{key.column}"
                assert known[name]["filled"] or name in FILLED_BY_A_CHECK, place
                assert known[name]["type"] == TYPES[key.type], place
