"""What a client is told when an operation fails: the caller's mistakes with a code, ours with a reference.

The details of our own faults are in the log alone, under that reference.
"""

from __future__ import annotations

import traceback
import uuid

import asyncpg
import structlog
from graphql import FieldNode, GraphQLError, GraphQLSyntaxError
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from api.http.limits import DEPTH_LIMIT, TOKEN_LIMIT
from api.payloads import as_mistake
from api.relay import UserMistake

INTERNAL = "INTERNAL"
TIMEOUT = "TIMEOUT"
BAD_REQUEST = "BAD_REQUEST"
BAD_USER_INPUT = "BAD_USER_INPUT"
_LONGEST_REASON = 300

log = structlog.get_logger(__name__)


def code_of(error: GraphQLError, *, executed: bool) -> str:
    """Classify an error by who can do something about it.

    Parameters
    ----------
    executed
        Whether the document was sound and its execution had begun.

    Returns
    -------
    str
        A stable name; `INTERNAL` where it is our own fault.
    """
    if error.extensions and "code" in error.extensions:
        return str(error.extensions["code"])
    cause = _cause(error)
    if isinstance(cause, UserMistake):
        return cause.code
    if isinstance(cause, TimeoutError | asyncpg.QueryCanceledError):
        return TIMEOUT
    if isinstance(cause, asyncpg.PostgresError):
        mistake = as_mistake(cause)
        return mistake.code if mistake else INTERNAL
    return _code_in_execution(error, cause) if executed else _code_before_execution(error, cause)


def tell(error: GraphQLError, *, executed: bool) -> GraphQLError:
    """Make an error fit to be told: with a code in any case, masked and logged where it is our fault."""
    code = code_of(error, executed=executed)
    cause = _cause(error)
    if code == INTERNAL:
        return _masked(error, cause or error)
    if code == TIMEOUT:
        return _told(error, code, "This took too long and was given up. Ask for less at once.")
    mistake = as_mistake(cause) if isinstance(cause, asyncpg.PostgresError) else cause
    if isinstance(mistake, UserMistake):
        return _told(error, code, mistake.message, path=list(mistake.path), hint=mistake.hint)
    error.extensions = {**(error.extensions or {}), "code": code}
    return error


def reference() -> str:
    """Make a reference under which the log tells what a client is not told."""
    return uuid.uuid4().hex[:12]


def internal_message(under: str) -> str:
    """Say that something is our fault."""
    return f"Something went wrong in the service. Its log tells what, under the reference {under}."


def account(error: BaseException) -> str:
    """Tell where an exception came from; what values it may name is cut short, and no variable is shown."""
    lines = []
    for one in _chain(error):
        lines += [
            f"  {frame.filename}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(one.__traceback__)
        ]
        lines.append(f"{type(one).__module__}.{type(one).__qualname__}: {str(one)[:_LONGEST_REASON]}")
    return "\n".join(lines)


def _chain(error: BaseException) -> list[BaseException]:
    found = [error]
    while (before := found[-1].__cause__ or found[-1].__context__) and before not in found:
        found.append(before)
    return found[::-1]


def _cause(error: GraphQLError) -> BaseException | None:
    """Find what was raised in the first place; None where that was a GraphQLError."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _code_before_execution(error: GraphQLError, cause: BaseException | None) -> str:
    if isinstance(error, GraphQLSyntaxError):
        return _syntax_code(error)
    if isinstance(cause, MissingQueryError | CannotGetOperationTypeError | InvalidOperationTypeError):
        return BAD_REQUEST
    if isinstance(cause, RecursionError):
        return DEPTH_LIMIT
    # A rule of validation points at what it is about; an exception that nobody expected does not.
    return "GRAPHQL_VALIDATION_FAILED" if error.nodes or cause is None else INTERNAL


def _syntax_code(error: GraphQLSyntaxError) -> str:
    if "tokens. Parsing aborted" in error.message:
        return TOKEN_LIMIT
    return DEPTH_LIMIT if "nested too deeply" in error.message else "GRAPHQL_PARSE_FAILED"


def _code_in_execution(error: GraphQLError, cause: BaseException | None) -> str:
    """Tell an error about variables and arguments from one of a resolver, or of what it answered.

    Variables are read before there is any path, and their errors point at them; what a subscription's stream
    raises has no path either, and points at nothing. An argument's error points at the argument or its value;
    what points at a field is an answer that does not fit the schema.
    """
    if error.path is None:
        return INTERNAL if cause is not None and not error.nodes else BAD_USER_INPUT
    about_field = any(isinstance(node, FieldNode) for node in error.nodes or ())
    return INTERNAL if cause is not None or about_field else BAD_USER_INPUT


def _told(
    error: GraphQLError, code: str, message: str, *, path: list[str] | None = None, hint: str | None = None
) -> GraphQLError:
    more = {"path": path or None, "hint": hint}
    extensions = {"code": code} | {name: value for name, value in more.items() if value is not None}
    return GraphQLError(message, error.nodes, path=error.path, extensions=extensions)


def _masked(error: GraphQLError, cause: BaseException) -> GraphQLError:
    under = reference()
    place = ".".join(map(str, error.path or ()))
    log.error("internal_error", reference=under, path=place, error=account(cause))
    extensions = {"code": INTERNAL, "reference": under}
    return GraphQLError(internal_message(under), error.nodes, path=error.path, extensions=extensions)
