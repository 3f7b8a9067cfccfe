"""What one request may ask for: depth, aliases, tokens, time; and that the check itself is cheap."""

import asyncio
from collections.abc import AsyncIterator

import httpx
from graphql import get_introspection_query, parse, validate

from api.http.documents import _KEPT, Documents
from api.http.limits import limit_rules
from tests.api.http.serving import LIMITS, Service
from tests.api.http.shop import schema


def nested(levels: int) -> str:
    return "{ " + "again { " * (levels - 1) + "hello" + " }" * levels


async def refusal(service: Service, query: str) -> str:
    answer = await service.post(query)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["message"]
    return str(error["extensions"]["code"])


async def test_depth(service: Service) -> None:
    deepest = LIMITS["max_depth"]
    assert (await service.post(nested(deepest))).status_code == 200
    assert await refusal(service, nested(deepest + 1)) == "DEPTH_LIMIT"


async def test_depth_counts_through_fragments(service: Service) -> None:
    query = """
        query { again { ...A } }
        fragment A on Query { again { again { ... on Query { again { ...B } } } } }
        fragment B on Query { hello }
    """
    assert (await service.post(query)).status_code == 200
    assert await refusal(service, query.replace("{ hello }", "{ again { hello } }")) == "DEPTH_LIMIT"


async def test_aliases(service: Service) -> None:
    assert (await service.post("{ a: hello b: hello c: hello }")).status_code == 200
    assert await refusal(service, "{ a: hello b: hello c: hello d: hello }") == "ALIAS_LIMIT"


async def test_aliases_count_wherever_a_fragment_is_spread(service: Service) -> None:
    query = "{ a: again { ...F } again { ...F } } fragment F on Query { b: hello }"
    assert (await service.post(query)).status_code == 200
    assert await refusal(service, query.replace("b: hello", "b: hello c: hello")) == "ALIAS_LIMIT"


async def test_tokens(service: Service) -> None:
    assert (await service.post("{" + " hello" * 490 + "}")).status_code == 200
    assert await refusal(service, "{" + " hello" * 500 + "}") == "TOKEN_LIMIT"


async def test_nesting_beyond_what_can_be_parsed_is_a_depth(service: Service) -> None:
    assert await refusal(service, "{ echo(number: " + "[" * 480) == "DEPTH_LIMIT"


async def test_introspection_is_allowed_and_bounded(service: Service) -> None:
    answer = await service.post(get_introspection_query(descriptions=True, input_value_deprecation=True))
    assert answer.json()["data"]["__schema"]["queryType"]["name"] == "Query"
    circular = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
    assert await refusal(service, circular) == "GRAPHQL_VALIDATION_FAILED"


async def test_a_request_that_takes_too_long_is_given_up(service: Service) -> None:
    answer = await service.post("{ wait(seconds: 3600) }")
    assert answer.status_code == 504
    assert answer.json()["errors"][0]["extensions"]["code"] == "TIMEOUT"
    assert "data" not in answer.json()


async def test_a_statement_that_takes_too_long_is_given_up_and_its_connection_goes_on(
    service: Service,
) -> None:
    for _ in range(LIMITS["pool_size"] + 1):
        answer = await service.ask("{ waitInDatabase(seconds: 30) }")
        assert answer["errors"][0]["extensions"]["code"] == "TIMEOUT"
    assert await service.ask("{ tenant }") == {"data": {"tenant": "default"}}


async def test_a_body_that_does_not_come_is_given_up(service: Service) -> None:
    async def trickle() -> AsyncIterator[bytes]:
        yield b'{"query": '
        await asyncio.sleep(3)
        yield b'"{ hello }"}'

    headers = {"Content-Type": "application/json"}
    refused = await service.http.post("/graphql", content=trickle(), headers=headers)
    assert refused.status_code == 408
    assert refused.json()["errors"][0]["extensions"]["code"] == "BODY_TOO_SLOW"


def is_refused_for_its_size(response: httpx.Response) -> bool:
    return (
        response.status_code == 413 and response.json()["errors"][0]["extensions"]["code"] == "BODY_TOO_LARGE"
    )


async def test_a_body_above_the_limit_is_refused_by_what_it_announces(service: Service) -> None:
    headers = {"Content-Type": "application/json"}
    limit = LIMITS["max_body_bytes"]
    query = b'{"query": "{ hello }"}'
    fits = await service.http.post("/graphql", content=query.ljust(limit), headers=headers)
    assert fits.status_code == 200
    refused = await service.http.post("/graphql", content=query.ljust(limit + 1), headers=headers)
    assert is_refused_for_its_size(refused)


async def test_a_body_above_the_limit_is_refused_though_it_announces_nothing(service: Service) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b" " * 10_000

    headers = {"Content-Type": "application/json"}
    refused = await service.http.post("/graphql", content=pieces(), headers=headers)
    assert is_refused_for_its_size(refused)
    assert (await service.post("{ hello }")).status_code == 200


async def test_a_query_string_above_the_limit_is_refused(service: Service) -> None:
    params = {"query": "{ hello }" + " " * LIMITS["max_body_bytes"]}
    assert (await service.http.get("/graphql", params=params)).status_code == 414


def doubling_fragments(count: int) -> str:
    """A short document whose fragments, spread out, hold 2 to the power of `count` aliases."""
    doubled = "".join(
        f"fragment F{n} on Query {{ again {{ ...F{n + 1} ...F{n + 1} }} }}\n" for n in range(count)
    )
    return f"{{ ...F0 }}\n{doubled}fragment F{count} on Query {{ a: hello }}"


def test_fragments_that_double_at_each_level_are_measured_without_spreading_them_out() -> None:
    """Spread out, these would be there for ever."""
    document = parse(doubling_fragments(60))
    errors = validate(schema._schema, document, limit_rules(max_depth=15, max_aliases=30))
    assert [error.extensions["code"] for error in errors if error.extensions] == [
        "DEPTH_LIMIT",
        "ALIAS_LIMIT",
    ]
    assert f"has {2**60} aliases" in errors[1].message


def test_fragments_that_hold_themselves_or_are_missing_are_left_to_the_other_rules() -> None:
    rules = limit_rules(max_depth=5, max_aliases=3)
    cyclic = "{ ...A } fragment A on Query { again { ...B } } fragment B on Query { again { ...A } }"
    assert validate(schema._schema, parse(cyclic), rules) == []
    assert validate(schema._schema, parse("{ ...Missing }"), rules) == []
    assert validate(schema._schema, parse(cyclic)) != []


def test_only_the_latest_valid_documents_are_kept() -> None:
    documents = Documents(100, ())
    document = parse("{ hello }")
    for number in range(_KEPT + 10):
        documents.keep(f"query Q{number} {{ hello }}", document)
        assert documents.find("query Q0 { hello }") is document
    assert len(documents._valid) == _KEPT
    assert documents.find("query Q1 { hello }") is None
    documents.keep("{ hello }".ljust(100_000), document)
    assert documents.find("{ hello }".ljust(100_000)) is None


async def test_a_known_document_is_checked_again_for_what_is_not_in_its_text(service: Service) -> None:
    query = "query A { hello } query B { tenant }"
    for _ in range(2):
        body = {"query": query, "operationName": "A"}
        assert (await service.http.post("/graphql", json=body)).json() == {"data": {"hello": "hi"}}
        assert await refusal(service, query) == "BAD_REQUEST"


async def test_a_mutation_by_get_is_refused_though_its_document_is_known(service: Service) -> None:
    query = 'mutation { note(text: "x") }'
    assert (await service.post(query)).status_code == 200
    assert (await service.http.get("/graphql", params={"query": query})).status_code == 405
