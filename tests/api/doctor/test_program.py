"""`pourplan doctor` as a person or a program runs it."""

from pathlib import Path

import orjson
import pytest

from api.doctor import Finding, Verdict, examine
from tests.api.http.process import run
from tests.api.http.serving import settings_for
from tests.database import TemporaryDatabase, short_folder
from tests.ports import free_port


async def test_on_one_machine_with_nothing_configured_all_is_well() -> None:
    with short_folder() as data:
        code, told = await run(data, "doctor")
        assert code == 0, told
        assert told.rstrip().endswith("All is well.")
        for area in ("settings", "database", "migrations", "rights", "clock", "worker", "storage", "disk"):
            assert f"ok           {area} " in told
        assert "not checked  sign-in      Nobody signs in" in told
        assert "not checked  modal" in told

        code, told = await run(data, "doctor", "--json")
        findings = orjson.loads(told)
        assert code == 0
        assert {finding["verdict"] for finding in findings} == {"ok", "not checked"}
        assert set(findings[0]) == {"area", "verdict", "message", "todo"}


@pytest.mark.parametrize("form", [(), ("--json",)])
async def test_a_setting_that_can_not_be_read_is_wrong_and_the_exit_status_tells(
    tmp_path: Path, form: tuple[str, ...]
) -> None:
    code, told = await run(tmp_path, "doctor", *form, POURPLAN_WORKERS="many")
    assert code == 1
    assert "POURPLAN_WORKERS" in told
    assert "Traceback" not in told


async def test_a_data_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, told = await run(tmp_path, "doctor", POURPLAN_DATA=str(tmp_path / "file"))
    assert code == 1
    assert "wrong        database" in told
    assert "POURPLAN_DATA" in told
    assert "not checked  rights       The database is not open." in told
    assert "Traceback" not in told


async def test_a_database_out_of_reach_leaves_the_rest_looked_at(
    database: TemporaryDatabase, tmp_path: Path
) -> None:
    nowhere = f"postgresql://pourplan_api:a-password@127.0.0.1:{free_port()}/postgres"
    settings = settings_for(database, tmp_path).model_copy(update={"database_url": nowhere})
    told: list[Finding] = []
    findings = await examine(settings, told.append)
    assert findings == told
    by_area = {finding.area: finding.verdict for finding in findings}
    assert by_area["database"] is Verdict.OK  # the other login gets in
    assert any(finding.is_wrong and "DATABASE_URL" in finding.message for finding in findings)
    assert by_area["migrations"] is by_area["rights"] is by_area["clock"] is Verdict.UNCHECKED
    assert by_area["storage"] is by_area["worker"] is Verdict.OK
    assert not any("a-password" in finding.message for finding in findings)
