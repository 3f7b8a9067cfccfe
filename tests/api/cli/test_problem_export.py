"""A run's problem, or a scenario's, as a file: what is told where there is none."""

from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from api.cli import runs, scenarios
from api.cli.failure import CommandFailed
from api.cli.problem_export import export_problem
from api.cli.scenarios import find_scenario
from api.relay import node_id, parse_node_id
from tests.api.cli.answering import Answering, listed

RUN = str(UUID(int=1))
BASE = {"id": node_id("Scenario", UUID(int=2)), "name": "Foundry"}
FIRST, LAST = (
    {
        "id": node_id("Scenario", UUID(int=key)),
        "name": "KW 33",
        "archivedAt": f"2026-08-1{key}T06:00:00+00:00",
    }
    for key in (3, 4)
)
PLANS = listed({"id": node_id("ReplanRun", UUID(int=1)), "asofDate": "2026-08-10", "whatIf": None})


def plant(*deleted: dict[str, Any], plans: dict[str, Any] = PLANS) -> Answering:
    """A service with a base scenario, and others that were deleted."""

    def answer(query: str, variables: dict[str, Any]) -> dict[str, Any]:
        if query == runs.PLANS:
            return {"planRuns": plans if variables["scenario"] == LAST["id"] else listed()}
        if query == scenarios.BASE:
            return {"baseScenario": BASE}
        if query == scenarios.DELETED:
            return {"scenarios": listed(*deleted)}
        if query == scenarios.SCENARIOS:
            return {"scenarios": listed(BASE)}
        (found,) = [one for one in deleted if one["id"] == variables["id"]]
        return {"node": {**found, "problem": {"asof_date": "2026-08-10", "key": found["id"]}}}

    return Answering(answer)


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


async def test_a_deleted_scenario_is_told_with_what_is_kept_of_it() -> None:
    with pytest.raises(CommandFailed) as failed:
        await find_scenario(plant(LAST), "KW 33")
    assert str(failed.value) == "The scenario 'KW 33' was deleted."
    assert (failed.value.hint or "").splitlines() == [
        "Its data are kept: pourplan export problem --scenario 'KW 33'",
        f"Its newest plan, too: pourplan export plan {RUN}",
        "There are: Foundry",
    ]


async def test_of_several_that_were_deleted_the_last_one_is_meant_and_without_a_plan_none_is_named() -> None:
    with pytest.raises(CommandFailed) as failed:
        await find_scenario(plant(FIRST, LAST, plans=listed()), "KW 33")
    assert (failed.value.hint or "").splitlines() == [
        f"Its data are kept: pourplan export problem --scenario {UUID(int=4)}",
        "There are: Foundry",
    ]


@pytest.mark.parametrize("named", ["KW 33", " KW  33", str(UUID(int=4))])
async def test_the_data_of_a_deleted_scenario_leave_under_its_former_name(tmp_path: Path, named: str) -> None:
    target = tmp_path / "problem.json"
    await export_problem(plant(LAST), None, named, target)
    written = orjson.loads(target.read_bytes())
    assert (written["name"], written["key"]) == ("KW 33", LAST["id"])


async def test_where_several_had_the_name_the_ids_are_told_and_choose(tmp_path: Path) -> None:
    target = tmp_path / "problem.json"
    with pytest.raises(CommandFailed) as failed:
        await export_problem(plant(FIRST, LAST), None, "KW 33", target)
    assert str(failed.value) == "2 scenarios named 'KW 33' were deleted."
    for one in (FIRST, LAST):
        key = parse_node_id(one["id"])[1]
        assert f"{key} (deleted on {one['archivedAt'][:10]})" in (failed.value.hint or "")
        await export_problem(plant(FIRST, LAST), None, str(key), target)
        assert orjson.loads(target.read_bytes())["key"] == one["id"]
