"""Pages from either end, between cursors, while rows come and go."""

import base64
from typing import Any
from uuid import UUID

import orjson
import pytest

from api.reads.mapping import falling, rising
from api.reads.pages import beyond_sql, order_sql, total_order
from tests.api.desk import Desk, add_grade
from tests.api.reads.comparing import answered_alike
from tests.database import Connection, Plant

PAGE = """query ($first: Int, $after: String, $last: Int, $before: String) {
  steelGrades(first: $first, after: $after, last: $last, before: $before) {
    nodes { name } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
ALL = ["B500A", "B500B", "A36", "A53/C591", "A53/C592"]


async def page(desk: Desk, **variables: Any) -> tuple[list[str], dict[str, Any]]:
    found = (await answered_alike(desk, PAGE, **variables))["steelGrades"]
    return [node["name"] for node in found["nodes"]], found["pageInfo"]


async def test_pages_from_the_end_are_in_the_same_order(viewer: Desk) -> None:
    names, info = await page(viewer, last=2)
    assert names == ALL[3:]
    assert (info["hasPreviousPage"], info["hasNextPage"]) == (True, False)
    names, info = await page(viewer, last=2, before=info["startCursor"])
    assert names == ALL[1:3]
    assert (info["hasPreviousPage"], info["hasNextPage"]) == (True, True)
    names, info = await page(viewer, last=2, before=info["startCursor"])
    assert names == ALL[:1]
    assert (info["hasPreviousPage"], info["hasNextPage"]) == (False, True)


async def test_a_page_between_two_cursors(viewer: Desk) -> None:
    _, first = await page(viewer, first=1)
    _, last = await page(viewer, last=1)
    names, info = await page(viewer, after=first["endCursor"], before=last["startCursor"])
    assert names == ALL[1:4]
    assert (info["hasPreviousPage"], info["hasNextPage"]) == (True, True)


async def test_a_cursor_stays_where_it_is_whatever_comes_before_it(
    viewer: Desk, admin: Connection, plant: Plant
) -> None:
    _, info = await page(viewer, first=2)
    await add_grade(admin, plant, "new first", -5)
    await admin.execute("delete from steel_grade_production")
    names, _ = await page(viewer, first=2, after=info["endCursor"])
    assert names == ALL[2:4]


async def test_rows_that_share_a_place_are_told_once_each(
    viewer: Desk, admin: Connection, plant: Plant
) -> None:
    for number in range(6):
        await add_grade(admin, plant, f"twin {number}", 7)
    seen, cursor = [], None
    while True:
        names, info = await page(viewer, first=2, after=cursor)
        seen += names
        cursor = info["endCursor"]
        if not info["hasNextPage"]:
            break
    assert len(seen) == len(set(seen)) == len(ALL) + 6


def test_columns_that_go_the_same_way_are_compared_as_a_row() -> None:
    order = total_order((falling("requested_at", int),), "id")
    assert [key.column for key in order] == ["requested_at", "id"]
    assert beyond_sql(order, "r", ["$1", "$2"], before=False) == "(r.requested_at, r.id) < ($1, $2)"
    assert beyond_sql(order, "r", ["$1", "$2"], before=True) == "(r.requested_at, r.id) > ($1, $2)"
    assert order_sql(order, "r", backward=True) == "r.requested_at, r.id"


async def test_columns_that_go_different_ways_are_compared_one_by_one(admin: Connection) -> None:
    order = (rising("a", int), falling("b", str), rising("c", UUID))
    ordered = order_sql(order, "r", backward=False)
    rows = "(values (1, 'x', 1), (1, 'x', 2), (1, 'a', 1), (2, 'z', 1), (2, 'b', 9)) as r (a, b, c)"
    everything = [tuple(row) for row in await admin.fetch(f"select * from {rows} order by {ordered}")]
    assert everything == [(1, "x", 1), (1, "x", 2), (1, "a", 1), (2, "z", 1), (2, "b", 9)]
    for place, (a, b, c) in enumerate(everything):
        values = [str(a), f"'{b}'", str(c)]
        for before in (False, True):
            condition = beyond_sql(order, "r", values, before=before)
            found = await admin.fetch(f"select * from {rows} where {condition} order by {ordered}")
            expected = everything[:place] if before else everything[place + 1 :]
            assert [tuple(row) for row in found] == expected


@pytest.mark.parametrize("wrong", [{"first": -1}, {"last": 1001}, {"last": -1}, {"before": "x"}])
async def test_senseless_pages_are_the_callers_mistake(viewer: Desk, wrong: dict[str, Any]) -> None:
    error = await viewer.refusal(PAGE, **wrong)
    assert error.extensions == {"code": "BAD_USER_INPUT", "path": list(wrong)}


@pytest.mark.parametrize("instant", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
async def test_a_cursor_beyond_the_calendar_is_the_callers_mistake(viewer: Desk, instant: str) -> None:
    cursor = base64.b64encode(orjson.dumps([instant, str(UUID(int=7))])).decode()
    query = "query ($after: String) { planRuns(after: $after) { nodes { id } } }"
    error = await viewer.refusal(query, after=cursor)
    assert error.extensions == {"code": "BAD_USER_INPUT", "path": ["after"]}
