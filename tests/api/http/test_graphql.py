"""GraphQL over HTTP: media types, statuses, and what is said about requests that are none."""

from typing import Any

import orjson
import pytest

from api.http import negotiation
from tests.api.http.serving import Service

GRAPHQL_RESPONSE = "application/graphql-response+json"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE}; charset=utf-8, application/json; charset=utf-8", GRAPHQL_RESPONSE),
        (f"application/json, {GRAPHQL_RESPONSE}", "application/json"),
        (f"application/json;q=0.5, {GRAPHQL_RESPONSE}", GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE};q=0, */*", "application/json"),
        ("text/event-stream", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("Application/JSON", "application/json"),
        ("application/json;q=much", "application/json"),
        ("text/html", None),
        ("application/json;charset=latin-1", None),
    ],
)
def test_the_media_type_is_the_one_that_the_client_weighs_most(
    accept: str | None, chosen: str | None
) -> None:
    assert negotiation.media_type(accept) == chosen


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("{", None, "GRAPHQL_PARSE_FAILED"),
        ("{ helo }", None, "GRAPHQL_VALIDATION_FAILED"),
        ('{ month(month: "2024-13") }', None, "GRAPHQL_VALIDATION_FAILED"),
        ("query ($n: Int!) { echo(number: $n) }", {"n": "x"}, "BAD_USER_INPUT"),
        ("query ($n: Int!) { echo(number: $n) }", {}, "BAD_USER_INPUT"),
        ("query ($m: Month!) { month(month: $m) }", {"m": "September"}, "BAD_USER_INPUT"),
    ],
)
async def test_a_request_that_can_not_be_executed_has_no_data(
    service: Service, query: str, variables: Any, code: str
) -> None:
    answer = await service.post(query, variables)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == f"{GRAPHQL_RESPONSE}; charset=utf-8"
    assert "data" not in answer.json()
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == [code]
    legacy = await service.post(query, variables, Accept="application/json")
    assert legacy.status_code == 200
    assert legacy.headers["content-type"] == "application/json; charset=utf-8"


async def test_an_answer_is_never_stored_by_caches(service: Service) -> None:
    answer = await service.post("{ hello }")
    assert answer.json() == {"data": {"hello": "hi"}}
    assert answer.headers["cache-control"] == "no-store"


async def test_the_request_runs_as_the_person_at_this_machine(service: Service) -> None:
    assert await service.ask("{ tenant }") == {"data": {"tenant": "default"}}


async def test_queries_go_by_get_and_mutations_do_not(service: Service) -> None:
    query = {"query": "query ($n: Int!) { echo(number: $n) }", "variables": '{"n": 7}'}
    assert (await service.http.get("/graphql", params=query)).json() == {"data": {"echo": 7}}
    refused = await service.http.get("/graphql", params={"query": 'mutation { note(text: "x") }'})
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_refused(service: Service, method: str) -> None:
    refused = await service.http.request(method, "/graphql")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST")


async def test_a_person_is_led_to_the_playground(service: Service) -> None:
    led = await service.http.get("/graphql", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (led.status_code, led.headers["location"]) == (303, "/")


async def test_a_client_that_understands_no_json_is_told_so(service: Service) -> None:
    refused = await service.post("{ hello }", Accept="text/csv")
    assert refused.status_code == 406
    assert "text/csv" in refused.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not valid JSON"),
        (b'{"query": ', "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b'"{ hello }"', "is a string"),
        (b"null", "is null"),
        (b'[{"query": "{ hello }"}]', "one at a time"),
        (b"{}", "has no query"),
        (b'{"query": ""}', "has no query"),
        (b'{"query": 1}', "query is a number"),
        (b'{"query": "{ hello }", "variables": [1]}', "variables is a list"),
        (b'{"query": "{ hello }", "operationName": {}}', "operationName is an object"),
        (b'{"query": "{ hello }", "extensions": true}', "extensions is a boolean"),
        (b'{"query": "{ hello }", "operationName": "Other"}', "'Other'"),
        (b'{"query": "query A { hello } query B { hello }"}', "several operations"),
        (b'{"query": "fragment F on Query { hello }"}', "has no operation"),
    ],
)
async def test_a_wrong_request_is_told_what_is_wrong(service: Service, body: bytes, said: str) -> None:
    headers = {"Content-Type": "application/json", "Accept": GRAPHQL_RESPONSE}
    refused = await service.http.post("/graphql", content=body, headers=headers)
    assert refused.status_code == 400
    error = refused.json()["errors"][0]
    assert said in error["message"]
    assert error["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/json; charset=utf-16"])
async def test_a_body_of_another_kind_is_refused(service: Service, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    refused = await service.http.post("/graphql", content=b'{"query": "{ hello }"}', headers=headers)
    assert refused.status_code == 415


async def test_a_path_that_is_none_says_where_things_are(service: Service) -> None:
    missing = await service.http.get("/api")
    assert missing.status_code == 404
    assert "/graphql" in missing.json()["errors"][0]["message"]
    assert (await service.http.post("/health")).status_code == 405


def test_unknown_codes_are_the_callers_fault() -> None:
    answer = {"errors": [{"message": "?"}]}
    assert negotiation.status(answer, GRAPHQL_RESPONSE) == 400
    answer = orjson.loads(b'{"errors": [{"message": "?", "extensions": {"code": "INTERNAL"}}]}')
    assert negotiation.status(answer, GRAPHQL_RESPONSE) == 500
    assert negotiation.status(answer, "application/json") == 200
