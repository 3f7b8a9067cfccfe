"""Asks a service elsewhere by HTTP: as the machine of an API key, or as who signed in at this terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import orjson

from api.cli.failure import AnswerLost, CommandFailed
from api.cli.session import ATTEMPTS, Session, pause
from api.http.hosts import LOOPBACK
from api.settings import Settings
from api.workbooks.kinds import WorkbookKind
from api.workbooks.messages import CellMessage, Code, Severity
from api.workbooks.report import WorkbookReport

AWAY = {502, 503, 504}
"""What is answered in the place of a service that starts anew, or has too much to do."""
_SECONDS = 120.0
_GRAPHQL = "application/graphql-response+json"

IMPORT = """
mutation ($file: Upload!, $dryRun: Boolean!) {
  importWorkbook(input: {file: $file, dryRun: $dryRun}) {
    report {
      kind sha256 stored rowsRead rowsStored messages { severity sheet cell code message hint }
    }
    userErrors { code message hint }
  }
}
"""


class RemoteSession(Session):
    """Somebody at a terminal, and a service elsewhere.

    Parameters
    ----------
    url
        The service, such as ``https://plan.example.com``.
    http
        Asks it.
    """

    def __init__(self, settings: Settings, url: str, http: httpx.AsyncClient) -> None:
        self.place = url.rstrip("/")
        self._settings = settings
        self._http = http

    async def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Post an operation."""
        headers = await self._headers() | {"Accept": _GRAPHQL}
        return self._data(await self._post(headers, json={"query": query, "variables": variables}))

    async def follow(self, subscription: str, **variables: Any) -> AsyncIterator[dict[str, Any]]:
        """Yield what a subscription tells by server-sent events, taking it up again should it break off.

        Whoever asks anew is told the state of now first: nothing is missed.
        """
        body = {"query": subscription, "variables": variables}
        broken_off = 0
        while True:
            try:
                async for data in self._stream(body):
                    broken_off = 0
                    yield data
            except httpx.TransportError as error:
                lost = self._unreachable(error)
            except AnswerLost as error:
                lost = error
            else:
                return
            broken_off += 1
            if broken_off >= ATTEMPTS:
                raise lost
            await asyncio.sleep(pause(broken_off))

    async def import_workbooks(
        self, files: Sequence[tuple[str, bytes]], *, dry_run: bool
    ) -> list[WorkbookReport]:
        """Upload each by itself; of several, histories first, so that schedules meet the grades they name."""
        order = list(range(len(files)))
        if len(files) > 1:
            kinds = [(await self._import(*file, dry_run=True)).kind for file in files]
            order.sort(key=lambda at: _place(kinds[at]))
        reports = {at: await self._import(*files[at], dry_run=dry_run) for at in order}
        return [reports[at] for at in range(len(files))]

    async def fetch(self, url: str) -> bytes:
        """Fetch a file by its download link."""
        # Told by how the service was reached, the link leads back there, whatever stands before it.
        path = urlsplit(url)._replace(scheme="", netloc="").geturl()
        try:
            answer = await self._http.get(f"{self.place}{path}")
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        if answer.status_code != 200:
            raise CommandFailed(f"{self.place} did not give the file: HTTP {answer.status_code}.")
        return answer.content

    # ------------------------------------------------------------------ by HTTP

    @property
    def _endpoint(self) -> str:
        return f"{self.place}/graphql"

    async def _stream(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        headers = await self._headers() | {"Accept": "text/event-stream"}
        # Between two events there may be any time.
        patience = httpx.Timeout(_SECONDS, read=None)
        asked = self._http.stream("POST", self._endpoint, json=body, headers=headers, timeout=patience)
        async with asked as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                await response.aread()
                self._data(response)
                return
            async for data in _events(response):
                yield self._told(data)

    async def _import(self, name: str, content: bytes, *, dry_run: bool) -> WorkbookReport:
        operations = {"query": IMPORT, "variables": {"file": None, "dryRun": dry_run}}
        form = {"operations": orjson.dumps(operations).decode(), "map": '{"file": ["variables.file"]}'}
        headers = await self._headers() | {"Accept": _GRAPHQL, "GraphQL-Preflight": "1"}
        answer = await self._post(headers, data=form, files={"file": (name, content)})
        payload = self._data(answer)["importWorkbook"]
        return _report(payload, sha256(content).hexdigest())

    async def _post(self, headers: dict[str, str], **body: Any) -> httpx.Response:
        try:
            return await self._http.post(self._endpoint, headers=headers, **body)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    async def _headers(self) -> dict[str, str]:
        headers = {"X-Pourplan-Tenant": self._settings.tenant} if self._settings.tenant else {}
        if self._settings.api_key is not None:
            return headers | {"Authorization": f"Bearer {self._settings.api_key.get_secret_value()}"}
        if self._settings.supabase_url is not None:
            from api.cli.signing_in import access_token

            return headers | {"Authorization": f"Bearer {await access_token(self._settings)}"}
        return headers

    def _data(self, response: httpx.Response) -> dict[str, Any]:
        try:
            return self._told(orjson.loads(response.content))
        except orjson.JSONDecodeError:
            failure = CommandFailed(
                f"{self.place} answers HTTP {response.status_code}, and not as Pourplan does.",
                "Look at POURPLAN_URL.",
            )
        except CommandFailed as error:
            failure = error
        if response.status_code in AWAY:
            raise AnswerLost(str(failure), "The service may be starting anew: ask again in a moment.")
        raise failure

    def _told(self, told: Any) -> dict[str, Any]:
        data = told.get("data") if isinstance(told, dict) else None
        if isinstance(told, dict) and told.get("errors"):
            error = told["errors"][0]
            message = error.get("message", "The service gave no reason.")
            raise CommandFailed(message, code=(error.get("extensions") or {}).get("code"))
        if not isinstance(data, dict):
            raise CommandFailed(f"{self.place} gave no answer.", "Look at POURPLAN_URL.")
        return data

    def _unreachable(self, error: httpx.TransportError) -> AnswerLost:
        reason = str(error) or type(error).__name__
        return AnswerLost(
            f"{self.place} can't be reached: {reason}.", "Look at POURPLAN_URL and at the network."
        )


async def _events(response: httpx.Response) -> AsyncIterator[Any]:
    """Read GraphQL over server-sent events: `next` with an answer each, then `complete`."""
    event, data = "", ""
    async for line in response.aiter_lines():
        field, _, value = line.partition(":")
        if field == "event":
            event = value.strip()
        elif field == "data":
            data += value.strip()
        elif not line:
            if event == "complete":
                return
            if event == "next" and data:
                yield orjson.loads(data)
            event, data = "", ""
    raise httpx.RemoteProtocolError("the stream ended before the subscription did")


def _place(kind: WorkbookKind | None) -> int:
    kinds = list(WorkbookKind)
    return kinds.index(kind) if kind else len(kinds)


def _report(payload: dict[str, Any], digest: str) -> WorkbookReport:
    told = payload["report"] or {
        "kind": None,
        "sha256": digest,
        "stored": False,
        "rowsRead": 0,
        "rowsStored": 0,
        "messages": [
            {"severity": "ERROR", "sheet": "", "cell": None, **mistake} for mistake in payload["userErrors"]
        ],
    }
    return WorkbookReport(
        kind=WorkbookKind(told["kind"]) if told["kind"] else None,
        sha256=told["sha256"],
        stored=told["stored"],
        rows_read=told["rowsRead"],
        rows_stored=told["rowsStored"],
        messages=tuple(_message(message) for message in told["messages"]),
    )


def _message(told: dict[str, Any]) -> CellMessage:
    return CellMessage(
        Severity(told["severity"]),
        told["sheet"],
        told["cell"],
        _code(told["code"]),
        told["message"],
        told["hint"],
    )


def _code(told: str) -> Code:
    """Take a code for one of ours; a service that is newer may know more of them."""
    return Code(told) if told in set(Code) else cast("Code", told)


@asynccontextmanager
async def open_remote_session(settings: Settings, url: str) -> AsyncIterator[RemoteSession]:
    """Open a session with the service at an address.

    Raises
    ------
    CommandFailed
        What proves who asks would travel unencrypted.
    """
    proves = settings.api_key is not None or settings.supabase_url is not None
    if proves and url.startswith("http://") and (urlsplit(url).hostname or "") not in LOOPBACK | {"::1"}:
        raise CommandFailed(
            f"POURPLAN_URL is {url!r}: your key or token would travel unencrypted.", "Write https://."
        )
    async with httpx.AsyncClient(timeout=_SECONDS) as http:
        yield RemoteSession(settings, url, http)
