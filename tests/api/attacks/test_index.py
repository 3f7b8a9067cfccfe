"""The list of what is refused names tests that are there."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.api.attacks import REFUSED

ROOT = Path(__file__).parents[3]


@cache
def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, functions)}


@pytest.mark.parametrize("attack", sorted(REFUSED))
def test_the_test_of_an_attack_is_there(attack: str) -> None:
    path, _, name = REFUSED[attack].partition("::")
    assert name in functions_of(path)
