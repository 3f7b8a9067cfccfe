"""The schema as it is served: under limits, with its errors told or masked, and each operation observed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import strawberry
import structlog
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import StreamResult
from strawberry.types.execution import ExecutionContext, ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType
from strawberry.utils.aio import aclosing

from api.http.documents import Documents, PrepareDocument
from api.http.errors import INTERNAL, TIMEOUT, code_of, tell
from api.http.limits import limit_rules
from api.reads.at_once import AtOnce
from api.settings import Settings

Observe: TypeAlias = Callable[[str | None, str, str, float], None]
"""Told of each operation that ended: its name (empty: anonymous; None where the document was not sound), its
type (empty where the document told none), how it went (ok, error, timeout or internal), and its seconds."""

OK, TIMED_OUT = "ok", "timeout"

log = structlog.get_logger(__name__)


class ServedSchema(strawberry.Schema):
    """The types of a schema, executed for clients that are not trusted.

    Parameters
    ----------
    schema
        Whose types these are.
    settings
        The limits.
    observe
        Called when an operation has ended.
    """

    def __init__(self, schema: strawberry.Schema, settings: Settings, observe: Observe) -> None:
        # Not built once more: the same types, served under other conditions.
        vars(self).update(vars(schema))
        documents = Documents(settings.max_tokens, limit_rules(settings.max_depth, settings.max_aliases))
        self._documents = documents
        self._observe = observe
        self._seconds = settings.request_seconds
        reads = getattr(schema.execution_context_class, "reads", None)
        self._at_once = AtOnce(reads) if reads else None
        self.extensions = (
            *schema.extensions,
            lambda: _ObserveOperation(observe),
            lambda: PrepareDocument(documents),
            lambda: _LimitTime(settings.request_seconds),
        )

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Leave the errors to where they are told: Strawberry would log the query's text with them."""

    async def execute(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """Execute a query or a mutation."""
        answer = await super().execute(
            query,
            variable_values,
            context_value,
            root_value,
            operation_name,
            allowed_operation_types,
            operation_extensions,
        )
        _tell(answer)
        return answer

    async def answer_at_once(
        self, query: str | None, name: str | None, variables: Mapping[str, Any] | None, context: Any
    ) -> ExecutionResult | None:
        """Answer a known query from its statements alone; None where it has to be executed.

        It does what the extensions do, without them: keeps the time, observes how it went.
        """
        document = self._documents.find(query)
        if document is None or self._at_once is None:
            return None
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._seconds):
                data = await self._at_once.answer(document, name, variables, context)
        except TimeoutError as error:
            answer = PreExecutionError(data=None, errors=[GraphQLError(str(error), original_error=error)])
            _tell(answer)
            _note(self._observe, name or _only_name(document), "query", TIMED_OUT, began)
            return answer
        if data is None:
            return None
        _note(self._observe, name or _only_name(document), "query", OK, began)
        return ExecutionResult(data=data, errors=None)

    async def stream(self, *args: Any, **options: Any) -> StreamResult:
        """Execute any operation; its answers come one by one."""
        return _tell_each(await super().stream(*args, **options))


async def _tell_each(answers: StreamResult) -> StreamResult:
    async with aclosing(answers):
        async for answer in answers:
            _tell(answer)
            yield answer


def _tell(answer: Any) -> None:
    if answer.errors:
        executed = not isinstance(answer, PreExecutionError)
        answer.errors = [tell(error, executed=executed) for error in answer.errors]


def _only_name(document: DocumentNode) -> str:
    """Name the only operation of a document; empty for an anonymous one."""
    names = (one.name for one in document.definitions if isinstance(one, OperationDefinitionNode))
    return next((name.value for name in names if name), "")


def _note(observe: Observe, name: str | None, kind: str, outcome: str, began: float) -> None:
    seconds = time.perf_counter() - began
    observe(name, kind, outcome, seconds)
    log.info("operation", name=name, type=kind, outcome=outcome, ms=round(seconds * 1000, 1))


class _ObserveOperation(SchemaExtension):
    """Tells and logs how each operation went; never with its variables or its text."""

    def __init__(self, observe: Observe) -> None:
        self._observe = observe
        self._executed = False

    def on_execute(self) -> Iterator[None]:
        """Note that the document was sound."""
        self._executed = True
        yield

    def on_operation(self) -> Iterator[None]:
        """Measure the operation; a subscription until it has ended."""
        began = time.perf_counter()
        failure: Exception | None = None
        try:
            yield
        except Exception as error:
            failure = error
            raise
        finally:
            _note(self._observe, *self._identity(), self._outcome(failure), began)

    def _identity(self) -> tuple[str | None, str]:
        context = self.execution_context
        try:
            kind = context.operation_type.value
        except RuntimeError:
            return None, ""
        return (context.operation_name or "") if self._executed else None, kind

    def _outcome(self, failure: Exception | None) -> str:
        if failure is not None:
            codes = {code_of(GraphQLError(str(failure), original_error=failure), executed=False)}
        else:
            answer = self.execution_context.result
            executed = not isinstance(answer, PreExecutionError)
            codes = {code_of(error, executed=executed) for error in getattr(answer, "errors", None) or ()}
        if INTERNAL in codes:
            return "internal"
        if TIMEOUT in codes:
            return TIMED_OUT
        return "error" if codes else OK


class _LimitTime(SchemaExtension):
    """Gives up a query or a mutation that takes too long; a subscription may last."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def on_execute(self) -> AsyncIterator[None]:
        """Cancel the execution when its time is up."""
        if self.execution_context.operation_type is OperationType.SUBSCRIPTION:
            yield
            return
        async with asyncio.timeout(self._seconds):
            yield
