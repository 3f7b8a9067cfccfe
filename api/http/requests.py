"""Reads a GraphQL request from what came over HTTP, and says precisely what is wrong with one that isn't."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from strawberry.file_uploads.utils import replace_placeholders_with_files
from strawberry.http import GraphQLRequestData
from strawberry.http.parse_content_type import parse_content_type

from api.http.errors import BAD_REQUEST
from api.http.refusal import Refusal

MAX_FILES = 20
PREFLIGHT_HEADERS = (
    "graphql-preflight",
    "graphql-require-preflight",
    "apollo-require-preflight",
    "x-apollo-operation-name",
    "x-requested-with",
)
"""Any of these on a request: the browser has asked first whether the page may send it."""
_FROM_A_BROWSER = ("cookie", "referer", "origin", "sec-fetch-site")


async def read_request(request: Request, seconds: float) -> GraphQLRequestData:
    """Read the operation, its variables and files.

    Parameters
    ----------
    seconds
        How long the body may take to come in.

    Raises
    ------
    Refusal
        It is no GraphQL request, and why.
    """
    try:
        async with asyncio.timeout(seconds):
            given = await _read(request)
    except TimeoutError:
        raise Refusal(
            408,
            "BODY_TOO_SLOW",
            f"The request's body had not come in after {seconds:g} seconds; it was given up.",
        ) from None
    return GraphQLRequestData(
        query=_query(given),
        variables=_part(given, "variables", dict, "an object"),
        operation_name=_part(given, "operationName", str, "a string"),
        extensions=_part(given, "extensions", dict, "an object"),
    )


async def _read(request: Request) -> Mapping[str, Any]:
    if request.method == "GET":
        return _from_address(request)
    content_type, charset = _content_type(request.headers.get("content-type", ""))
    if content_type == "multipart/form-data":
        return await _from_form(request)
    if content_type != "application/json" or charset not in ("utf-8", "utf8"):
        found = repr(request.headers["content-type"]) if content_type else "missing"
        raise Refusal(
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            f"The Content-Type is {found}; expected application/json in UTF-8, "
            "or multipart/form-data for an upload.",
        )
    return _mapping(_json(await request.body(), "The request's body"), "The request's body")


@functools.lru_cache(maxsize=64)
def _content_type(header: str) -> tuple[str, str]:
    """Tell the media type and the character set."""
    content_type, parameters = parse_content_type(header)
    return content_type, parameters.get("charset", "utf-8").lower()


def _from_address(request: Request) -> Mapping[str, Any]:
    given: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if name in given:
            given[name] = _json(given[name], name) if given[name] else None
    return given


async def _from_form(request: Request) -> Mapping[str, Any]:
    """Read an upload (https://github.com/jaydenseric/graphql-multipart-request-spec)."""
    check_preflight(request.headers)
    try:
        form = await request.form(max_files=MAX_FILES, max_fields=10)
    except HTTPException as error:
        raise _bad(f"The multipart body can't be read: {error.detail}") from None
    operations = _mapping(_json(_field(form, "operations"), "operations"), "operations")
    places = _mapping(_json(_field(form, "map"), "map"), "map")
    for name, paths in places.items():
        if not isinstance(form.get(name), UploadFile):
            raise _bad(f"map names the file {name!r}, which the form does not hold.")
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise _bad(f"map has {paths!r} for the file {name!r}; expected a list of paths.")
    try:
        placed: Mapping[str, Any] = replace_placeholders_with_files(dict(operations), places, form)
    except (KeyError, IndexError, TypeError, ValueError):
        raise _bad(
            'A path of map leads nowhere in operations; expected such as "variables.input.file".'
        ) from None
    return placed


def check_preflight(headers: Headers) -> None:
    """Check that no page elsewhere can have made a browser send this form.

    A form may be sent by any page without asking; the Origin, which today's browsers send with it, was
    checked before. What looks like a browser and tells no Origin must carry a header that a form can't.

    Raises
    ------
    Refusal
        `PREFLIGHT_REQUIRED`
    """
    if "origin" in headers or headers.get("sec-fetch-site") in ("same-origin", "none"):
        return
    if any(name in headers for name in PREFLIGHT_HEADERS):
        return
    if any(name in headers for name in _FROM_A_BROWSER):
        raise Refusal(
            403,
            "PREFLIGHT_REQUIRED",
            "This upload may come from a web page elsewhere. Send the header GraphQL-Preflight: 1 with it.",
        )


def _query(given: Mapping[str, Any]) -> str:
    query = _part(given, "query", str, "a string")
    if not query:
        raise _bad("The request has no query; expected a GraphQL document under that name.")
    return str(query)


def _part(given: Mapping[str, Any], name: str, expected: type, shown: str) -> Any:
    value = given.get(name)
    if value is not None and not isinstance(value, expected):
        raise _bad(f"{name} is {_json_type(value)}; expected {shown}, or nothing.")
    return value


def _field(form: FormData, name: str) -> str:
    value = form.get(name)
    if not isinstance(value, str):
        raise _bad(
            f"The form has no text field {name!r}; expected the fields operations, map, and the files."
        )
    return value


def _json(text: str | bytes, name: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _bad(
            f"{name} is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        ) from None


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if isinstance(value, list):
        raise _bad(
            f"{name} is a list; several operations in one request are not supported. Send one at a time."
        )
    if not isinstance(value, dict):
        raise _bad(f"{name} is {_json_type(value)}; expected an object.")
    return value


def _json_type(value: Any) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), "an object" if isinstance(value, dict) else "null")


def _bad(message: str) -> Refusal:
    return Refusal(400, BAD_REQUEST, message)
