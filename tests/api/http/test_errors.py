"""What clients are told: the caller's mistakes with a code, ours with a reference and nothing else."""

import re

import asyncpg
import pytest
import structlog
from graphql import GraphQLError

from api.http.errors import account, code_of
from tests.api.http.serving import Service
from tests.api.http.shop import SECRET


@pytest.mark.parametrize("query", ["{ fail }", "{ forget }", "{ overflow }"])
async def test_our_own_faults_are_masked(service: Service, query: str) -> None:
    with structlog.testing.capture_logs() as logged:
        answer = await service.post(query)
    (error,) = answer.json()["errors"]
    assert answer.status_code == 200
    assert error["extensions"]["code"] == "INTERNAL"
    assert SECRET not in answer.text
    assert error["extensions"]["reference"] in error["message"]
    (line,) = [one for one in logged if one["event"] == "internal_error"]
    assert line["reference"] == error["extensions"]["reference"]
    assert line["path"] == query.strip("{} ")
    assert next(one for one in logged if one["event"] == "operation")["outcome"] == "internal"


async def test_the_log_tells_what_the_client_is_not_told(service: Service) -> None:
    with structlog.testing.capture_logs() as logged:
        await service.post("{ fail }")
    (line,) = [one for one in logged if one["event"] == "internal_error"]
    assert f"RuntimeError: {SECRET}" in line["error"]
    assert re.search(r"shop\.py:\d+ in fail", line["error"])


async def test_one_failed_field_leaves_the_others(service: Service) -> None:
    answer = (await service.post("{ fail hello }")).json()
    assert answer["data"] == {"fail": None, "hello": "hi"}


async def test_a_deliberate_error_passes_with_its_code(service: Service) -> None:
    answer = await service.ask("{ refuse }")
    (error,) = answer["errors"]
    assert error["message"] == "No such thing."
    assert error["extensions"] == {"code": "NO_SUCH_THING", "hint": "Ask for another."}


async def test_a_users_mistake_in_a_query_is_told_with_its_hint(service: Service) -> None:
    (error,) = (await service.ask("{ mistake }"))["errors"]
    assert error["message"] == "The number is odd."
    assert error["extensions"] == {"code": "ODD", "path": ["number"], "hint": "Take an even one."}
    assert error["path"] == ["mistake"]


async def test_what_the_database_forbids_is_forbidden(service: Service) -> None:
    (error,) = (await service.ask("{ peek }"))["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert "plan_run_leases" not in error["message"]


async def test_a_null_for_an_argument_that_has_a_default_is_the_callers(service: Service) -> None:
    query = "query ($n: Int = null) { echo(number: $n) }"
    (error,) = (await service.ask(query))["errors"]
    assert error["extensions"]["code"] in ("BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (TimeoutError(), "TIMEOUT"),
        (asyncpg.QueryCanceledError("statement timeout"), "TIMEOUT"),
        (asyncpg.InsufficientPrivilegeError("no"), "FORBIDDEN"),
        (asyncpg.UndefinedTableError("no"), "INTERNAL"),
        (ConnectionRefusedError(), "INTERNAL"),
        (RecursionError(), "INTERNAL"),
    ],
)
def test_what_is_raised_in_a_resolver_has_a_code(raised: Exception, code: str) -> None:
    error = GraphQLError("?", path=["field"], original_error=raised)
    assert code_of(error, executed=True) == code


def test_nesting_that_breaks_the_validation_is_a_depth() -> None:
    assert code_of(GraphQLError("?", original_error=RecursionError()), executed=False) == "DEPTH_LIMIT"


def test_an_account_names_causes_and_places_and_cuts_values_short() -> None:
    try:
        try:
            dict[str, int]()["first"]
        except KeyError as error:
            raise ValueError("x" * 10_000) from error
    except ValueError as error:
        told = account(error)
    assert "builtins.KeyError: 'first'" in told
    assert "in test_an_account_names_causes" in told
    assert len(told) < 1_000
