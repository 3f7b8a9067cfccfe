"""Asks the same twice: by statements, and the normal way."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from graphql import parse
from strawberry.types.execution import ExecutionResult

from api.reads.at_once import AtOnce
from api.reads.execute import unpacked
from api.schema import reads
from tests.api.desk import Desk


@contextmanager
def the_normal_way() -> Iterator[None]:
    """Nothing is compiled meanwhile."""
    reads.compiles = False
    try:
        yield
    finally:
        reads.compiles = True


async def both(desk: Desk, query: str, **variables: Any) -> ExecutionResult:
    """The compiled answer, after all ways were found to come to the same, to the order of keys."""
    compiled = await desk.execute(query, **variables)
    with the_normal_way():
        normal = await desk.execute(query, **variables)
    assert written(compiled.data) == written(normal.data), query
    known = await AtOnce(reads).answer(parse(query), None, variables, desk.context)
    if known is not None:
        assert not normal.errors, query
        assert written(unpacked(known)) == written(normal.data), query
    if told(compiled) != told(normal):
        # Of several mistakes that null the same place, GraphQL tells one, and which is a matter of moments.
        assert mistakes(compiled), f"{told(compiled)} != {told(normal)}: {query}"
        assert mistakes(normal), f"{told(compiled)} != {told(normal)}: {query}"
    return compiled


async def answered_alike(desk: Desk, query: str, **variables: Any) -> Any:
    """The data of such an answer."""
    return (await both(desk, query, **variables)).data


def told(answer: ExecutionResult) -> list[str]:
    """The errors of an answer, in any order."""
    return sorted(f"{error.path} {error.message} {error.extensions}" for error in answer.errors or ())


def mistakes(answer: ExecutionResult) -> bool:
    """Whether there are errors, all of them the caller's mistakes."""
    codes = [(error.extensions or {}).get("code") for error in answer.errors or ()]
    return bool(codes) and set(codes) <= {"BAD_USER_INPUT", "INVALID_ID"}


def written(data: Any) -> str:
    """JSON in which 1 and 1.0 are the same number."""
    return repr(_numbers(data))


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _numbers(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_numbers(one) for one in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
