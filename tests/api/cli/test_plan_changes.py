"""What a plan changes against the one before it: told in a few lines, and never the end of a command."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from api.cli.failure import AnswerLost, CommandFailed
from api.cli.plan_changes import COMPARED, told_changes
from api.cli.remote_session import RemoteSession
from api.relay import node_id
from api.settings import Settings
from tests.api.cli.answering import Answering, listed

NOW, BEFORE = (node_id("ReplanRun", UUID(int=number)) for number in (1, 2))
PLANS = listed(
    {"id": NOW, "asofDate": "2026-01-05", "whatIf": None},
    {"id": BEFORE, "asofDate": "2024-09-02", "whatIf": None},
)


def comparing(failure: CommandFailed) -> Answering:
    """A service with two plans, whose comparison fails."""

    def answer(query: str, _: dict[str, Any]) -> dict[str, Any]:
        if query == COMPARED:
            raise failure
        return {"planRuns": PLANS}

    return Answering(answer)


@pytest.mark.parametrize("code", ["NO_COMMON_DAYS", "NO_PLAN"])
async def test_a_plan_before_without_a_common_day_is_told_as_such(code: str) -> None:
    (line,) = await told_changes(comparing(CommandFailed("No.", code=code)), "scenario", NOW)
    run = UUID(int=2)
    assert line == f"The plan before, of 2024-09-02 (run {run}), shares no working day with this one."


async def test_whatever_else_goes_wrong_is_told_and_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.cli.session.pause", lambda lost: 0.0)
    for failure in (CommandFailed("It took too long.", code="TIMEOUT"), AnswerLost("The service is away.")):
        (line,) = await told_changes(comparing(failure), "scenario", NOW)
        assert line == f"What changes against the plan before can't be told: {failure}"


async def test_of_a_first_plan_nothing_is_told() -> None:
    assert await told_changes(comparing(CommandFailed("No.")), "scenario", BEFORE) == []


async def test_a_service_elsewhere_tells_the_code_of_an_error() -> None:
    error = {"message": "No.", "extensions": {"code": "NO_COMMON_DAYS"}}
    answers = httpx.MockTransport(lambda _: httpx.Response(200, json={"data": None, "errors": [error]}))
    async with httpx.AsyncClient(transport=answers) as http:
        with pytest.raises(CommandFailed) as failed:
            await RemoteSession(Settings(), "http://127.0.0.1", http).answer(COMPARED, {})
    assert failed.value.code == "NO_COMMON_DAYS"
