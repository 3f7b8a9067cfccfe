"""A query that was asked before is answered without the executor, and nobody can tell from outside."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from api.database import Database
from tests.api.http.serving import Service, serving
from tests.api.http.test_metrics import read, value
from tests.database import Connection, TemporaryDatabase

QUERY = "query Mine { tenant { name slug } }"
GRAPHQL = {"Accept": "application/graphql-response+json"}


async def counted(service: Service, outcome: str) -> float | None:
    samples = read((await service.http.get("/metrics")).text)
    return value(samples, "pourplan_operations_total", operation="Mine", type="query", outcome=outcome)


async def test_the_second_answer_is_the_first(database: TemporaryDatabase, tmp_path: Path) -> None:
    async with serving(database, tmp_path) as service:
        answers = [await service.post(QUERY) for _ in range(2)]
        answers.append(await service.http.get("/graphql", params={"query": QUERY}, headers=GRAPHQL))
        assert answers[0].json()["data"]["tenant"]["slug"] == "default"
        for answer in answers:
            assert (answer.status_code, answer.content) == (200, answers[0].content)
            assert answer.headers["content-type"] == answers[0].headers["content-type"]
            assert answer.headers["cache-control"] == "no-store"
        assert await counted(service, "ok") == 3


async def test_what_goes_wrong_the_second_time_is_told_and_counted(
    database: TemporaryDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(*_: Any) -> None:
        raise ConnectionRefusedError

    async def slow(*_: Any) -> None:
        await asyncio.sleep(60)

    async with serving(database, tmp_path, request_seconds=0.5) as service:
        assert (await service.post(QUERY)).status_code == 200
        monkeypatch.setattr(Database, "read", unreachable)
        (error,) = (await service.ask(QUERY))["errors"]
        assert (error["extensions"]["code"], error["path"]) == ("INTERNAL", ["tenant"])
        assert await counted(service, "internal") == 1
        monkeypatch.setattr(Database, "read", slow)
        (error,) = (await service.ask(QUERY))["errors"]
        assert error["extensions"]["code"] == "TIMEOUT"
        assert await counted(service, "timeout") == 1


async def test_a_statement_that_takes_too_long_is_not_asked_again(
    database: TemporaryDatabase, admin: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query, asked = "query Mine { steelGrades { nodes { name } } }", []
    read_once = Database.read

    async def noted(self: Database, *args: Any) -> Any:
        asked.append(args)
        return await read_once(self, *args)

    async with serving(database, tmp_path, statement_seconds=1) as service:
        assert (await service.post(query)).status_code == 200
        monkeypatch.setattr(Database, "read", noted)
        async with admin.transaction():
            await admin.execute("lock table steel_grades in access exclusive mode")
            (error,) = (await service.ask(query))["errors"]
        assert error["extensions"]["code"] == "TIMEOUT"
        assert len(asked) == 1
        assert await counted(service, "timeout") == 1
