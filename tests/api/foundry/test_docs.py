"""Every operation that docs/foundry.md shows is one of the schema."""

import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from api.schema import schema

TEXT = (Path(__file__).parents[3] / "docs" / "foundry.md").read_text()
OPERATIONS = re.findall(r"^```graphql\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda text: text.split("(")[0])
def test_the_operation_is_one_of_the_schema(operation: str) -> None:
    assert validate(build_schema(schema.as_str()), parse(operation)) == []


def test_there_are_operations() -> None:
    assert len(OPERATIONS) == 9
