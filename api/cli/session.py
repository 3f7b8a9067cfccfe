"""Asks the schema in this process: commands see what any client sees, checks and errors included."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from graphql import GraphQLError

from api.auth import LOCAL_IDENTITY
from api.cli.failure import CommandFailed
from api.context import Context, Services
from api.reads.execute import unpacked
from api.schema import schema
from api.services import open_services
from api.settings import Settings


class Session:
    """One person at one terminal."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.context = Context(services=services, identity=LOCAL_IDENTITY, base_url="http://127.0.0.1:8000")

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Execute a query or a mutation.

        Raises
        ------
        CommandFailed
            The service answered an error, or the only mutation a user error.
        """
        result = await schema.execute(query, variable_values=variables, context_value=self.context)
        if result.errors or result.data is None:
            raise _failure(result.errors or [])
        data = unpacked(result.data)
        for payload in data.values():
            if isinstance(payload, dict) and payload.get("userErrors"):
                mistakes = payload["userErrors"]
                raise CommandFailed(
                    "\n".join(mistake["message"] for mistake in mistakes), mistakes[0].get("hint")
                )
        return data

    async def follow(self, subscription: str, **variables: Any) -> AsyncIterator[dict[str, Any]]:
        """Yield what a subscription tells."""
        events = await schema.subscribe(subscription, variable_values=variables, context_value=self.context)
        async for event in events:
            if event.errors or event.data is None:
                raise _failure(event.errors or [])
            yield unpacked(event.data)


def _failure(errors: list[GraphQLError]) -> CommandFailed:
    if not errors:
        return CommandFailed("The service gave no answer.")
    error = errors[0]
    if error.original_error and not isinstance(error.original_error, GraphQLError):
        raise error.original_error
    return CommandFailed(error.message)


@asynccontextmanager
async def open_session(settings: Settings) -> AsyncIterator[Session]:
    """Open the services beside one that may be running on the same data folder.

    Raises
    ------
    CommandFailed
        The database is not on this machine: there one signs in.
    """
    if not settings.embedded:
        raise CommandFailed(
            "DATABASE_URL is set: this command works on the database of this machine, where nobody signs in.",
            "Unset DATABASE_URL, or use the GraphQL service of that database.",
        )
    async with open_services(settings, exclusive=False) as services:
        yield Session(services)
