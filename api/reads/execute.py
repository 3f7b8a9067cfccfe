"""GraphQL's executor, which reads what a field asks for in one statement and lets the finished JSON pass."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, ClassVar

import orjson
import strawberry
from graphql import GraphQLError, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from api.reads.asking import Ask, ByKey, ByKeys
from api.reads.compile import NotCompiled, Root, Statement, compile_selection
from api.reads.cost import estimate_rows, refuse_above
from api.reads.model import Model, bind
from api.reads.parameters import Values, relation_values
from api.reads.resolve import Caller, NormalWay, attach
from api.reads.selection import Details, Selection
from api.reads.sql import order_of

KEPT = 512


class Kept:
    """What was found out about operations, the most recently used of it.

    Keys tell nodes by identity; so each value has to hold the nodes that its key tells.
    """

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._found: OrderedDict[Any, tuple[Any, Any]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._found)

    def get(self, key: Any) -> tuple[Any, Any] | None:
        """Give what is known, with the nodes that the key tells."""
        found = self._found.get(key)
        if found:
            self._found.move_to_end(key)
        return found

    def keep(self, key: Any, value: tuple[Any, Any]) -> None:
        """Remember something, and forget what was not asked for the longest."""
        self._found[key] = value
        if len(self._found) > self._most:
            self._found.popitem(last=False)


class Reads:
    """All that is needed to read what a schema's fields ask for.

    Attributes
    ----------
    compiles
        False sends everything the normal way.
    compiled
        How many statements were ever compiled.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.statements = Kept()
        self._estimates = Kept()
        self.normal = NormalWay(model)
        self.compiles = True
        self.compiled = 0
        attach(model, self.normal)

    def statement(self, selection: Selection, root: Root, details: Details) -> Statement | None:
        """Compile a selection, or find it compiled; None where it must be read the normal way."""
        shape = (*selection.shape(details), *_extra(root))
        found = self.statements.get(shape)
        if found:
            known: Statement | None = found[0]
            return known
        try:
            statement: Statement | None = compile_selection(self.model, selection, root, details)
            self.compiled += 1
        except NotCompiled:
            statement = None
        except GraphQLError:
            # A field further down has senseless arguments; the normal way tells which, and where.
            return None
        self.statements.keep(shape, (statement, (selection.operation, details)))
        return statement

    def estimate(self, selection: Selection, root_type: GraphQLObjectType, fields: dict[str, Details]) -> int:
        """Estimate the rows that an operation reads, once for the same operation with the same sizes."""
        key = selection.size()
        known = self._estimates.get(key)
        if known is None:
            rows = estimate_rows(self.model, selection, root_type, fields)
            self._estimates.keep(key, (rows, selection.operation))
            return rows
        return int(known[0])

    def values(self, ask: Ask) -> Values:
        """Make the values that the asking field gives a statement.

        Raises
        ------
        GraphQLError
            An argument makes no sense.
        """
        wanted = ask.wanted
        if isinstance(wanted, ByKey):
            return {"key": wanted.key}
        if isinstance(wanted, ByKeys):
            return {"types": wanted.types, "keys": wanted.keys}
        target = self.model.types[wanted.type_name]
        return relation_values(wanted.how, order_of(wanted.how, target), wanted.arguments)


def _extra(root: Root) -> tuple[Any, ...]:
    wanted = root.wanted
    if isinstance(wanted, ByKeys):
        return tuple(sorted(set(wanted.types)))
    return (wanted.type_name,)


class ReadingExecutor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's executor for a schema whose fields may answer an `Ask`."""

    reads: ClassVar[Reads]

    @property
    def selection(self) -> Selection:
        """The operation, as the compiler sees it."""
        return Selection(self.schema, self.fragments, self.variable_values, self.operation)

    def execute_collected_root_fields(
        self, root_type: GraphQLObjectType, root_value: Any, grouped_field_set: Any, *args: Any
    ) -> Any:
        """Refuse what would read too much, before anything is done."""
        rows = self.reads.estimate(self.selection, root_type, grouped_field_set)
        refuse_above(self.context_value.max_rows, rows)
        return super().execute_collected_root_fields(root_type, root_value, grouped_field_set, *args)

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: Details,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Complete a value as GraphQL does; what is asked for is read first."""
        if type(result) is not Ask:
            return super().complete_value(
                return_type, field_details_list, info, path, result, position_context
            )
        return self._complete_ask(return_type, field_details_list, info, path, result, position_context)

    async def _complete_ask(
        self,
        return_type: GraphQLOutputType,
        details: Details,
        info: GraphQLResolveInfo[Any],
        path: Path,
        ask: Ask,
        position_context: Any,
    ) -> Any:
        root = Root(ask.wanted, info.parent_type.fields[info.field_name], self.reads.values(ask))
        selection = self.selection
        finished = await self._read_at_once(selection, root, details)
        if finished is not None:
            if finished:
                return orjson.Fragment(finished)
            value = None
        else:
            value = await self.reads.normal.read(root.wanted, root.field, root.values, self.context_value)
        completed = super().complete_value(return_type, details, info, path, value, position_context)
        return await completed if self.is_awaitable(completed) else completed

    async def _read_at_once(self, selection: Selection, root: Root, details: Details) -> bytes | None:
        """Read everything in one statement: its JSON, empty for null; None where that can't be done."""
        reads = self.reads
        statement = reads.statement(selection, root, details) if reads.compiles else None
        if statement is None:
            return None
        try:
            parameters = statement.parameters.fill(selection, root.values)
        except GraphQLError:
            # As above, in a statement that was compiled for better arguments.
            return None
        return await run_statement(self.context_value, statement.text, parameters)


async def run_statement(caller: Caller, text: str, parameters: Sequence[Any]) -> bytes:
    """Run a compiled statement; gives its JSON, empty for null."""
    found: bytes | None = await caller.read(text, parameters)
    return found or b""


def read_by_statements(schema: strawberry.Schema) -> Reads:
    """Let a schema, made with a `ReadingExecutor` of its own, read what its types declare."""
    executor = schema.execution_context_class
    if not issubclass(executor, ReadingExecutor):
        raise TypeError("a schema that reads by statements is made with a ReadingExecutor")
    reads = Reads(bind(schema))
    schema.execution_context_class = type("Executor", (ReadingExecutor,), {"reads": reads})
    return reads


def unpacked(data: Any) -> dict[str, Any]:
    """Give an answer's data as plain values, for who asks the schema in this process."""
    found: dict[str, Any] = orjson.loads(orjson.dumps(data))
    return found
