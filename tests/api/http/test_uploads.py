"""Files by the multipart request specification."""

from typing import Any

import orjson
import pytest

from api.http.requests import MAX_FILES
from tests.api.http.serving import LIMITS, Service

WEIGH = "mutation ($files: [Upload!]!) { weigh(files: $files) }"


def operations(count: int) -> bytes:
    return orjson.dumps({"query": WEIGH, "variables": {"files": [None] * count}})


def places(count: int) -> bytes:
    return orjson.dumps({f"f{n}": [f"variables.files.{n}"] for n in range(count)})


def files(*contents: bytes) -> dict[str, Any]:
    return {f"f{n}": (f"{n}.xlsx", content) for n, content in enumerate(contents)}


async def upload(service: Service, form: dict[str, bytes], parts: dict[str, Any], **headers: str) -> Any:
    return await service.http.post("/graphql", data=form, files=parts, headers=headers)


async def test_files_arrive_byte_for_byte(service: Service) -> None:
    form = {"operations": operations(2), "map": places(2)}
    answer = await upload(service, form, files(b"\x00\xff" * 1000, b""))
    assert answer.json() == {"data": {"weigh": [2000, 0]}}


async def test_one_file_may_be_in_two_places(service: Service) -> None:
    form = {"operations": operations(2), "map": b'{"f0": ["variables.files.0", "variables.files.1"]}'}
    # The second reader finds the file read to its end: it is the same one.
    assert (await upload(service, form, files(b"abc"))).json() == {"data": {"weigh": [3, 0]}}


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"map": places(1)}, "'operations'"),
        ({"operations": operations(1)}, "'map'"),
        ({"operations": b"{", "map": places(1)}, "operations is not valid JSON"),
        ({"operations": operations(1), "map": b"[]"}, "map is a list"),
        ({"operations": b"[]", "map": places(1)}, "operations is a list"),
        ({"operations": operations(1), "map": b'{"f9": ["variables.files.0"]}'}, "'f9'"),
        ({"operations": operations(1), "map": b'{"f0": "variables.files.0"}'}, "list of paths"),
        ({"operations": operations(1), "map": b'{"f0": [1]}'}, "list of paths"),
        ({"operations": operations(1), "map": b'{"f0": ["variables.files.7"]}'}, "leads nowhere"),
        ({"operations": operations(1), "map": b'{"f0": ["variables.files.x"]}'}, "leads nowhere"),
        ({"operations": operations(1), "map": b'{"f0": ["query.x.y"]}'}, "leads nowhere"),
        ({"operations": operations(1), "map": b'{"operations": ["variables.files.0"]}'}, "'operations'"),
    ],
)
async def test_a_wrong_form_is_told_what_is_wrong(
    service: Service, form: dict[str, bytes], said: str
) -> None:
    refused = await upload(service, form, files(b"abc"))
    assert refused.status_code == 400
    assert said in refused.json()["errors"][0]["message"]


async def test_a_file_that_is_missing_is_null(service: Service) -> None:
    answer = await upload(service, {"operations": operations(1), "map": b"{}"}, files(b"abc"))
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_broken_multipart_body_is_told(service: Service) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    refused = await service.http.post("/graphql", content=b"abc", headers=headers)
    assert refused.status_code == 400
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    refused = await service.http.post("/graphql", content=b"--y\r\n", headers=headers)
    assert refused.status_code == 400


async def test_too_large_and_too_many_files_are_refused(service: Service) -> None:
    form = {"operations": operations(1), "map": places(1)}
    fits = await upload(service, form, files(b"x" * LIMITS["max_upload_bytes"]))
    assert fits.json() == {"data": {"weigh": [LIMITS["max_upload_bytes"]]}}
    beyond = LIMITS["max_upload_bytes"] + LIMITS["max_body_bytes"]
    assert (await upload(service, form, files(b"x" * beyond))).status_code == 413
    many = await upload(service, form, files(*[b"x"] * (MAX_FILES + 1)))
    assert many.status_code == 400
    assert str(MAX_FILES) in many.text


async def test_a_page_of_this_service_may_upload(service: Service) -> None:
    form = {"operations": operations(1), "map": places(1)}
    assert (await upload(service, form, files(b"abc"), Origin=service.url)).status_code == 200
    assert (await upload(service, form, files(b"abc"), Origin="http://evil.example")).status_code == 403
    assert (await upload(service, form, files(b"abc"), Cookie="a=b")).status_code == 403
    told = {"Cookie": "a=b", "GraphQL-Preflight": "1"}
    assert (await upload(service, form, files(b"abc"), **told)).status_code == 200
