"""A run's problem, or a scenario's, as a file: what is told where there is none."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from api.cli.failure import CommandFailed
from api.cli.problem_export import export_problem
from tests.api.cli.answering import Answering

RUN = str(UUID(int=1))


async def test_a_run_that_could_not_be_prepared_has_no_problem_and_names_its_scenario(tmp_path: Path) -> None:
    def answer(_: str, __: dict[str, Any]) -> dict[str, Any]:
        scenario = {"name": "KW 33"}
        return {"planRun": {"kind": "REPLAN", "scenario": scenario, "whatIf": None, "problem": {}}}

    target = tmp_path / "problem.json"
    with pytest.raises(CommandFailed) as failed:
        await export_problem(Answering(answer), RUN, None, target)
    assert str(failed.value) == f"The run {RUN} has no problem: it could not be prepared."
    assert (failed.value.hint or "").endswith("pourplan export problem --scenario 'KW 33'")
    assert not target.exists()
