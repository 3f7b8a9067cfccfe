"""Whole queries whose root fields are all compiled: answered without GraphQL's executor, from what is known.

A client asks the same documents again and again. What remains of one that was answered before is to coerce
its variables, to run its statements, and to hand on their bytes. Whatever is not plain sailing is left to the
executor: mutations, introspection, errors, what costs too much, and what has to be read the normal way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    OperationDefinitionNode,
    OperationType,
    is_non_null_type,
)
from graphql.execution.collect_fields import FragmentDetails, collect_fields
from graphql.execution.values import get_variable_values

from api.reads.asking import Ask
from api.reads.compile import Root
from api.reads.execute import Kept, Reads, run_statement
from api.reads.selection import Details, Selection

MOST_VARIABLES = 1_000
"""Longer variables, in bytes of JSON, are coerced anew each time."""


class _LeftToTheExecutor(Exception):
    """Raised where an operation is not plain sailing."""


@dataclass(frozen=True, slots=True)
class _Operation:
    """A query of a document."""

    node: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]


@dataclass(frozen=True, slots=True)
class _RootField:
    """A root field that asks for rows."""

    key: str
    field: GraphQLField
    details: Details


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A root field's statement with its parameters."""

    key: str
    text: str
    parameters: list[Any]
    may_be_null: bool


class AtOnce:
    """Answers queries from compiled statements alone."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._operations = Kept()
        self._roots = Kept()
        self._prepared = Kept()

    async def answer(
        self, document: DocumentNode, name: str | None, variables: Mapping[str, Any] | None, context: Any
    ) -> dict[str, Any] | None:
        """Answer a query with its data; None where it has to be executed.

        Parameters
        ----------
        document
            Found valid before.
        name
            Of the operation; None where the document has one only.
        """
        if not self._reads.compiles:
            return None
        try:
            return await _run(self._find(document, name, variables, context), context)
        except TimeoutError:
            raise
        except asyncpg.QueryCanceledError as error:
            # The executor would wait for the same statement as long again.
            raise TimeoutError from error
        except (_LeftToTheExecutor, GraphQLError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            # The executor comes upon the same, and tells it at its place.
            return None

    def _find(
        self, document: DocumentNode, name: str | None, variables: Mapping[str, Any] | None, context: Any
    ) -> list[_Prepared]:
        """Give a statement for each root field; it depends on nothing but what is asked."""
        written = _written(variables)
        if written is None:
            return self._prepare(document, name, variables, context)
        key = (id(document), name, written, context.max_rows)
        known = self._prepared.get(key)
        if known is None:
            known = (self._prepare(document, name, variables, context), document)
            self._prepared.keep(key, known)
        prepared: list[_Prepared] = known[0]
        return prepared

    def _prepare(
        self, document: DocumentNode, name: str | None, variables: Mapping[str, Any] | None, context: Any
    ) -> list[_Prepared]:
        selection = self._selection(self._operation(document, name), variables)
        roots = self._root_fields(selection)
        self._check_cost(selection, roots, context)
        return [self._prepare_field(selection, root) for root in roots]

    def _operation(self, document: DocumentNode, name: str | None) -> _Operation:
        known = self._operations.get((id(document), name))
        if known is None:
            known = (_find_query(document, name), document)
            self._operations.keep((id(document), name), known)
        operation = known[0]
        if not isinstance(operation, _Operation):
            raise _LeftToTheExecutor
        return operation

    def _selection(self, operation: _Operation, variables: Mapping[str, Any] | None) -> Selection:
        schema = self._reads.model.schema
        definitions = operation.node.variable_definitions or ()
        values = get_variable_values(schema, definitions, dict(variables or {}))
        if isinstance(values, list):
            raise _LeftToTheExecutor
        return Selection(schema, operation.fragments, values, operation.node)

    def _root_fields(self, selection: Selection) -> list[_RootField]:
        shape = selection.shape([])
        known = self._roots.get(shape)
        if known is None:
            known = (self._collect(selection), selection.operation)
            self._roots.keep(shape, known)
        roots: list[_RootField] | None = known[0]
        if roots is None:
            raise _LeftToTheExecutor
        return roots

    def _collect(self, selection: Selection) -> list[_RootField] | None:
        """Collect the root fields; None unless all of them ask for rows."""
        root_type = selection.schema.query_type
        if root_type is None:
            return None
        grouped = collect_fields(
            selection.schema, selection.fragments, selection.variables, root_type, selection.operation
        ).grouped_field_set
        names = {key: details[0].node.name.value for key, details in grouped.items()}
        if any((root_type.name, name) not in self._reads.model.relations for name in names.values()):
            return None
        return [_RootField(key, root_type.fields[names[key]], details) for key, details in grouped.items()]

    def _check_cost(self, selection: Selection, roots: list[_RootField], context: Any) -> None:
        root_type = selection.schema.query_type
        if root_type is None:
            raise _LeftToTheExecutor
        fields = {root.key: root.details for root in roots}
        if self._reads.estimate(selection, root_type, fields) > context.max_rows:
            raise _LeftToTheExecutor

    def _prepare_field(self, selection: Selection, one: _RootField) -> _Prepared:
        resolve = one.field.resolve
        arguments = selection.arguments(one.field, one.details)
        ask = resolve(None, None, **arguments) if resolve else None
        if not isinstance(ask, Ask):
            raise _LeftToTheExecutor
        root = Root(ask.wanted, one.field, self._reads.values(ask))
        statement = self._reads.statement(selection, root, one.details)
        if statement is None:
            raise _LeftToTheExecutor
        parameters = statement.parameters.fill(selection, root.values)
        return _Prepared(one.key, statement.text, parameters, not is_non_null_type(one.field.type))


async def _run(prepared: list[_Prepared], context: Any) -> dict[str, Any]:
    if len(prepared) == 1:
        found = [await run_statement(context, prepared[0].text, prepared[0].parameters)]
    else:
        found = await asyncio.gather(*(run_statement(context, one.text, one.parameters) for one in prepared))
    data: dict[str, Any] = {}
    for one, finished in zip(prepared, found, strict=True):
        if not finished and not one.may_be_null:
            raise _LeftToTheExecutor
        data[one.key] = orjson.Fragment(finished) if finished else None
    return data


def _written(variables: Mapping[str, Any] | None) -> bytes | None:
    """Write variables as a key; None where they are too long, or hold files."""
    try:
        written = orjson.dumps(variables)
    except TypeError:
        return None
    return written if len(written) <= MOST_VARIABLES else None


def _find_query(document: DocumentNode, name: str | None) -> _Operation | None:
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if name is not None:
        operations = [one for one in operations if one.name and one.name.value == name]
    if len(operations) != 1 or operations[0].operation is not OperationType.QUERY:
        return None
    fragments = {
        one.name.value: FragmentDetails(one)
        for one in document.definitions
        if isinstance(one, FragmentDefinitionNode)
    }
    return _Operation(operations[0], fragments)
