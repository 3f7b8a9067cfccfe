"""Whom commands ask: the schema in this process or a service elsewhere, both alike."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from api.cli.failure import AnswerLost, mistakes_failure
from api.reports.formats import ExportFormat
from api.workbooks.report import WorkbookReport

FORECAST = """
query ($month: Month!, $form: ExportFormat!) {
  forecast(month: $month) {
    totalHeats finishedAt scrapChef { grade } download(format: $form) { url }
  }
}
"""

ATTEMPTS = 5
"""How often something is asked before no answer is taken for an answer."""


def pause(lost: int) -> float:
    """Give the seconds to wait after so many lost answers in a row: a service may be starting anew."""
    return float(2 ** (lost - 1))


def file_name_of(url: str) -> str:
    """Give the name of the file that a download link leads to."""
    return unquote(urlsplit(url).path.rpartition("/")[2])


@dataclass(frozen=True, slots=True)
class ForecastFile:
    """A forecast as a file, and what to say about it."""

    content: bytes
    name: str
    total_heats: int
    grades: int
    finished_at: datetime | None
    rounding: str | None = None
    """How its heats were rounded, where that is told."""


class Session(ABC):
    """One person at one terminal."""

    place: str
    """Where the data are, for messages."""

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Execute a query or a mutation.

        Raises
        ------
        CommandFailed
            The service answered an error, or the only mutation a user error.
        """
        data = await self.answer(query, variables)
        for payload in data.values():
            if isinstance(payload, dict) and payload.get("userErrors"):
                raise mistakes_failure(payload["userErrors"])
        return data

    async def insist(self, query: str, **variables: Any) -> dict[str, Any]:
        """Ask again where the answer was lost: for what is done once, however often it is asked.

        Raises
        ------
        CommandFailed
            As `ask`; of several lost answers the last.
        """
        for lost in range(1, ATTEMPTS):
            try:
                return await self.ask(query, **variables)
            except AnswerLost:
                await asyncio.sleep(pause(lost))
        return await self.ask(query, **variables)

    async def each(self, query: str, **variables: Any) -> AsyncIterator[dict[str, Any]]:
        """Yield all of a list, page by page: `query` asks for one list, from `$after` on.

        Raises
        ------
        CommandFailed
            As `ask`.
        """
        after = None
        while True:
            (page,) = (await self.ask(query, **variables, after=after)).values()
            for node in page["nodes"]:
                yield node
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]

    async def newest_forecast(self, month: str, form: ExportFormat) -> ForecastFile | None:
        """Give the newest forecast of a month as a file; None where there is none yet."""
        found = (await self.ask(FORECAST, month=month, form=form.name))["forecast"]
        if found is None:
            return None
        url = found["download"]["url"]
        finished = found["finishedAt"]
        return ForecastFile(
            content=await self.fetch(url),
            name=file_name_of(url),
            total_heats=found["totalHeats"],
            grades=len(found["scrapChef"]),
            finished_at=datetime.fromisoformat(finished) if finished else None,
        )

    @abstractmethod
    async def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Execute an operation; user errors are part of the answer."""

    @abstractmethod
    def follow(self, subscription: str, **variables: Any) -> AsyncIterator[dict[str, Any]]:
        """Yield what a subscription tells."""

    @abstractmethod
    async def import_workbooks(
        self, files: Sequence[tuple[str, bytes]], *, dry_run: bool
    ) -> list[WorkbookReport]:
        """Import workbooks by name and content, and give a report of each."""

    @abstractmethod
    async def fetch(self, url: str) -> bytes:
        """Fetch a file by its download link; what is handed out so is kept, as the service keeps it."""
