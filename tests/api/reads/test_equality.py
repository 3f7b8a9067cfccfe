"""Whatever is asked, the compiled answer is the normal one: values, order of keys, errors, for each role."""

import os

import pytest
from graphql import parse, validate

from api.schema import reads, schema
from tests.api.reads.comparing import both
from tests.api.reads.conftest import Shop
from tests.api.reads.queries import random_query
from tests.tier import tier


@pytest.mark.timeout(tier(300, 3_600))
async def test_random_queries_are_answered_alike(shop: Shop) -> None:
    first = int(os.environ.get("POURPLAN_SEED", "1"))
    asked = tier(200, 5_000)
    errors = compiled = 0
    for seed in range(first, first + asked):
        query = random_query(schema._schema, shop.known, seed)
        desk = shop.desks[seed % len(shop.desks)]
        mistakes = validate(schema._schema, parse(query.text))
        assert mistakes == [], f"seed {seed}: {query.text}"
        before = reads.compiled
        answer = await both(desk, query.text, **query.variables)
        errors += bool(answer.errors)
        compiled += reads.compiled > before
    # Most are answered, and by statements, or the comparison would say little.
    assert errors < asked / 2
    assert compiled > asked / 2
