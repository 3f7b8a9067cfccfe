"""A service that answers a command as a test tells it to."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from api.cli.session import Session
from api.workbooks.report import WorkbookReport

Answer = Callable[[str, dict[str, Any]], dict[str, Any]]
"""From an operation and its variables to its data; it may raise as a session does."""


class Answering(Session):
    """Somebody at a terminal, before such a service."""

    def __init__(self, answer: Answer) -> None:
        self.place = "a test"
        self._answer = answer

    async def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        return self._answer(query, variables)

    def follow(self, subscription: str, **variables: Any) -> AsyncIterator[dict[str, Any]]:
        raise NotImplementedError

    async def import_workbooks(
        self, files: Sequence[tuple[str, bytes]], *, dry_run: bool
    ) -> list[WorkbookReport]:
        raise NotImplementedError

    async def fetch(self, url: str) -> bytes:
        raise NotImplementedError


def listed(*nodes: dict[str, Any]) -> dict[str, Any]:
    """A list that one page holds."""
    return {"nodes": list(nodes), "pageInfo": {"hasNextPage": False, "endCursor": None}}
