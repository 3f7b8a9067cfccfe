"""Documents that were parsed and validated before, so that a client's usual queries skip both."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from graphql import DocumentNode, OperationDefinitionNode, ValidationRule
from strawberry.extensions import SchemaExtension

from api.relay import bad_request

_KEPT = 256
_LONGEST_KEPT = 20_000


class Documents:
    """Valid documents by their text, the most recently used ones, and what holds for all documents.

    Parameters
    ----------
    max_tokens
        A longer document is not parsed to its end.
    rules
        Validation rules beside GraphQL's own.
    """

    def __init__(self, max_tokens: int, rules: tuple[type[ValidationRule], ...]) -> None:
        self.max_tokens = max_tokens
        self.rules = rules
        self._valid: OrderedDict[str, DocumentNode] = OrderedDict()

    def find(self, text: str | None) -> DocumentNode | None:
        """Give a document that is known to be valid."""
        document = self._valid.get(text) if text else None
        if text and document:
            self._valid.move_to_end(text)
        return document

    def keep(self, text: str | None, document: DocumentNode | None) -> None:
        """Remember a valid document, and forget the one that was not asked for the longest."""
        if text and document and len(text) <= _LONGEST_KEPT:
            self._valid[text] = document
            if len(self._valid) > _KEPT:
                self._valid.popitem(last=False)


class PrepareDocument(SchemaExtension):
    """Parses and validates a document under the limits, unless it is known to be valid."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._known: DocumentNode | None = None

    def on_operation(self) -> Iterator[None]:
        """Set the limits."""
        self.execution_context.parse_options["max_tokens"] = self._documents.max_tokens
        self.execution_context.validation_rules += self._documents.rules
        yield

    def on_parse(self) -> Iterator[None]:
        """Hand over the known document instead of having it parsed."""
        self._known = self._documents.find(self.execution_context.query)
        if self._known:
            self.execution_context.graphql_document = self._known
        yield

    def on_validate(self) -> Iterator[None]:
        """Skip the validation of a known document; remember one that was found valid."""
        context = self.execution_context
        if self._is_ambiguous():
            context.pre_execution_errors = [
                bad_request(
                    "The document has several operations; expected operationName to say which one to run.",
                    "BAD_REQUEST",
                )
            ]
        elif self._known:
            # No errors: Strawberry takes it that the validation was done.
            context.pre_execution_errors = []
        yield
        if not self._known and not context.pre_execution_errors:
            self._documents.keep(context.query, context.graphql_document)

    def _is_ambiguous(self) -> bool:
        """Whether the document leaves open what to execute; Strawberry would take the first operation."""
        document = self.execution_context.graphql_document
        named = self.execution_context._provided_operation_name
        if document is None or named is not None:
            return False
        return sum(isinstance(one, OperationDefinitionNode) for one in document.definitions) > 1
