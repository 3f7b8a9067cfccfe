"""What reads too much is refused before anything is read, and told with its estimate and the bound."""

from dataclasses import replace

import pytest

from api.settings import Settings
from tests.api.desk import Desk
from tests.api.reads.counting import counting_statements


def within(desk: Desk, rows: int) -> Desk:
    """The desk of a service with another bound."""
    settings = Settings(data=desk.services.settings.data, max_rows=rows)
    return Desk(replace(desk.services, settings=settings), desk.identity)


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("{ tenant { name } }", 1),
        ("{ steelGrades { nodes { name } } }", 50),
        ("{ steelGrades(first: 7) { nodes { name } } }", 7),
        ("{ steelGrades(last: 7) { totalCount nodes { name productGroup { name } } } }", 14),
        ("{ productGroups(first: 2) { nodes { grades { name } } } }", 2 + 2 * 30),
        ("{ productGroups(first: 2) { nodes { name } edges { node { grades { name } } } } }", 2 + 2 * 30),
        ("{ a: tenant { name } b: steelGrades(first: 3) { nodes { name } } }", 4),
        ('{ nodes(ids: ["a", "b"]) { ... on ProductGroup { grades { name } } ... on Tenant { name } } }', 62),
        ("{ __schema { types { name } } }", 0),
    ],
)
async def test_page_sizes_multiply_down_the_selection(viewer: Desk, query: str, rows: int) -> None:
    answer = await within(viewer, max(1, rows)).execute(query)
    assert "COST_LIMIT" not in [(error.extensions or {}).get("code") for error in answer.errors or ()]
    if rows > 1:
        error = await within(viewer, rows - 1).refusal(query)
        assert error.extensions == {"code": "COST_LIMIT", "rows": rows, "bound": rows - 1}
        assert f"reads {rows:,} rows" in error.message
        assert f"{rows - 1:,} are allowed" in error.message


async def test_sizes_come_from_variables(viewer: Desk) -> None:
    query = "query ($first: Int) { steelGrades(first: $first) { nodes { name } } }"
    desk = within(viewer, 10)
    for _ in range(2):
        assert await desk.ask(query, first=10)
        error = await desk.refusal(query, first=11)
        assert error.extensions is not None
        assert error.extensions["rows"] == 11


async def test_nothing_is_read_of_what_is_refused(viewer: Desk) -> None:
    async with counting_statements(viewer) as counted:
        await within(viewer, 10).refusal("{ tenant { name } steelGrades { nodes { name } } }")
    assert counted.texts == []
