"""Asks the schema in this process: commands see what any client sees, checks and errors included."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
from graphql import GraphQLError
from starlette.applications import Starlette

from api.auth import LOCAL_IDENTITY
from api.cli.failure import CommandFailed
from api.cli.session import ForecastFile, Session
from api.context import Context, Services
from api.reads.execute import unpacked
from api.reports import store
from api.reports.formats import ExportFormat
from api.reports.routes import ROUTES
from api.scalars import parse_month
from api.schema import schema
from api.services import open_services
from api.settings import Settings
from api.workbooks.report import WorkbookReport
from api.workbooks.store import import_workbooks


class LocalSession(Session):
    """The person at this machine."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.place = str(services.settings.data)
        self.context = Context(services=services, identity=LOCAL_IDENTITY, base_url="http://127.0.0.1:8000")

    async def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Execute an operation."""
        result = await schema.execute(query, variable_values=variables, context_value=self.context)
        if result.errors or result.data is None:
            raise _failure(result.errors or [])
        return unpacked(result.data)

    async def follow(self, subscription: str, **variables: Any) -> AsyncIterator[dict[str, Any]]:
        """Yield what a subscription tells."""
        events = await schema.subscribe(subscription, variable_values=variables, context_value=self.context)
        async for event in events:
            if event.errors or event.data is None:
                raise _failure(event.errors or [])
            yield unpacked(event.data)

    async def import_workbooks(
        self, files: Sequence[tuple[str, bytes]], *, dry_run: bool
    ) -> list[WorkbookReport]:
        """Import all in one transaction."""
        async with self.services.database.transaction(self.context.identity) as connection:
            return await import_workbooks(connection, files, dry_run=dry_run, files=self.services.originals)

    async def newest_forecast(self, month: str, form: ExportFormat) -> ForecastFile | None:
        """Give the newest forecast of a month, and tell how it was rounded."""
        file = await super().newest_forecast(month, form)
        async with self.services.database.transaction(self.context.identity) as connection:
            found = await store.newest_forecast(connection, parse_month(month))
        return replace(file, rounding=found.rounding) if file and found else file

    async def fetch(self, url: str) -> bytes:
        """Fetch a file by its download link from the service's own routes, in this process."""
        downloads = Starlette(routes=ROUTES)
        downloads.state.services = self.services
        async with httpx.AsyncClient(transport=httpx.ASGITransport(downloads)) as http:
            answer = await http.get(url)
        if answer.status_code != 200:
            raise CommandFailed(f"The file was not given: {answer.json()['error']['message']}")
        return answer.content


def _failure(errors: list[GraphQLError]) -> CommandFailed:
    if not errors:
        return CommandFailed("The service gave no answer.")
    error = errors[0]
    if error.original_error and not isinstance(error.original_error, GraphQLError):
        raise error.original_error
    return CommandFailed(error.message, code=(error.extensions or {}).get("code"))


@asynccontextmanager
async def open_local_session(settings: Settings) -> AsyncIterator[LocalSession]:
    """Open the services beside one that may be running on the same data folder."""
    async with open_services(settings, exclusive=False) as services:
        yield LocalSession(services)
