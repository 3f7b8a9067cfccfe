"""The foundry planner's Monday at a terminal: the real program, database and worker process."""

import csv
import io
import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from api.embedded import embedded
from tests.api.cli.test_commands import PROGRAM, kept_exports, pourplan
from tests.api.cli.test_foundry_files import PROBLEM
from tests.api.foundry.shop import big_problem
from tests.database import connected, short_folder
from tests.solver_jobs.shop import eventually

NOWHERE = "0B0E3D5C6F0A4B7E9D435C1F7A2E8B90"
"""An id that no run has, as a person may write it."""
A_PLAN_FOUND = "select exists (select from plan_runs where status = 'RUNNING' and best_objective is not null)"


async def test_an_interrupt_ends_a_replan_with_its_best_plan() -> None:
    with short_folder() as folder:
        (folder / "big.json").write_text(json.dumps(big_problem()))
        imported = pourplan(folder, "import", "big.json")
        assert imported.returncode == 0, imported.stderr
        command = subprocess.Popen(
            [PROGRAM, "replan", "--time-limit", "300", "--weeks", "1"],
            env={**os.environ, "POURPLAN_DATA": str(folder), "COLUMNS": "200"},
            cwd=folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        async with embedded(folder) as server, connected(server.url("postgres")) as admin:
            await eventually(lambda: admin.fetchval(A_PLAN_FOUND), "a plan", seconds=60)
        command.send_signal(signal.SIGINT)
        told, complaints = command.communicate(timeout=60)
    assert command.returncode == 0, complaints
    assert "stopped early" in told
    assert "Week of 5 January 2026" in told


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A folder of a foundry, whose problem and plan lie in it."""
    with short_folder() as folder:
        (folder / "foundry.json").write_text(json.dumps(PROBLEM))
        yield folder


class TestAMonday:
    """The tests of this class follow one another in one foundry."""

    def test_without_a_scenario_it_says_what_to_import(self, data: Path) -> None:
        done = pourplan(data, "replan")
        assert done.returncode == 1
        assert done.stderr.startswith("error: There is no foundry scenario yet.")
        assert "pourplan import" in done.stderr
        exported = pourplan(data, "export", "plan")
        assert exported.returncode == 1
        assert "There is no foundry scenario yet." in exported.stderr

    def test_a_dry_run_checks_and_stores_nothing(self, data: Path) -> None:
        done = pourplan(data, "import", "--dry-run", "foundry.json")
        assert done.returncode == 0, done.stderr
        assert "3 orders of 2 parts; nothing is stored" in done.stdout
        assert pourplan(data, "replan").returncode == 1

    def test_a_problem_becomes_a_scenario(self, data: Path) -> None:
        done = pourplan(data, "import", "foundry.json")
        assert done.returncode == 0, done.stderr
        assert "foundry scenario 'Harbour foundry', the base scenario, as of 2026-01-05" in done.stdout
        assert "Order A-3 is due on 2026-01-06" in done.stdout
        exported = pourplan(data, "export", "plan")
        assert exported.returncode == 1
        assert "There is no plan of Harbour foundry yet." in exported.stderr

    def test_the_plan_is_printed_as_a_calendar_with_reasons_and_peaks(self, data: Path) -> None:
        done = pourplan(data, "replan", "--time-limit", "5")
        assert done.returncode == 0, done.stderr
        assert "Harbour foundry, from Monday 05 January 2026" in done.stdout
        assert "Week of 5 January 2026" in done.stdout
        (reason,) = [line for line in done.stdout.splitlines() if line.startswith("A-3 (LID): ")]
        assert "late: due 6 January" in reason
        assert "Peaks" in done.stdout
        assert "pourplan export plan" in done.stdout

    def test_the_rows_of_the_plan_leave_as_csv(self, data: Path) -> None:
        done = pourplan(data, "export", "plan", "--format", "csv", "-o", "-")
        assert done.returncode == 0, done.stderr
        molds: Counter[str] = Counter()
        for row in csv.DictReader(io.StringIO(done.stdout)):
            molds[row["order_id"]] += int(row["molds"])
        assert molds == {"A-1": 9, "A-2": 20, "A-3": 2}

    def test_the_plan_leaves_as_a_workbook(self, data: Path) -> None:
        done = pourplan(data, "export", "plan")
        assert done.returncode == 0, done.stderr
        assert "31 molds of Harbour foundry from 2026-01-05." in done.stderr
        written = data / "pourplan-plan-2026-01-05.xlsx"
        assert kept_exports(data, "xlsx") == [written.read_bytes()]
        book = openpyxl.load_workbook(written)
        assert book.sheetnames == ["Calendar", "Changes", "Weeks", "Orders", "Days", "Rows", "Summary"]
        header, *rows = book["Calendar"].iter_rows(values_only=True)
        assert header[:5] == ("order_id", "part_id", "due_date", "to mold", "late")
        assert {row[0]: sum(cell for cell in row[5:] if isinstance(cell, int)) for row in rows[:-6]} == {
            "A-1": 9,
            "A-2": 20,
            "A-3": 2,
        }

    def test_the_plan_leaves_as_json_and_is_sound(self, data: Path) -> None:
        done = pourplan(data, "export", "plan", "--format", "json", "-o", "plan.json")
        assert done.returncode == 0, done.stderr
        judged = pourplan(data, "verify", "foundry.json", "plan.json")
        assert judged.returncode == 0, judged.stderr

    def test_what_a_run_planned_leaves_as_a_problem_that_its_plan_is_judged_by(self, data: Path) -> None:
        run = pourplan(data, "export", "plan", "--format", "json", "-o", "plan.json").stderr.split()[-1]
        done = pourplan(data, "export", "problem", run.rstrip("."), "-o", "planned.json")
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith("Wrote planned.json: what the run planned of Harbour foundry,")
        judged = pourplan(data, "verify", "planned.json", "plan.json")
        assert judged.returncode == 0, judged.stderr

    def test_a_scenario_leaves_as_the_problem_that_it_came_from(self, data: Path) -> None:
        done = pourplan(data, "export", "problem")
        assert done.returncode == 0, done.stderr
        written = (data / "pourplan-problem-2026-01-05.json").read_text()
        assert [order["order_id"] for order in json.loads(written)["orders"]] == ["A-1", "A-2", "A-3"]
        again = pourplan(data, "import", "--dry-run", "pourplan-problem-2026-01-05.json")
        assert "3 orders of 2 parts" in again.stdout, again.stderr
        assert json.loads(written)["name"] == "Harbour foundry"

    def test_another_scenario_leaves_by_its_name(self, data: Path) -> None:
        orders = [{**order, "qty": 2} for order in PROBLEM["orders"]]
        (data / "trial.json").write_text(json.dumps({**PROBLEM, "name": "Trial", "orders": orders}))
        assert pourplan(data, "import", "trial.json").returncode == 0
        done = pourplan(data, "export", "problem", "--scenario", "Trial", "-o", "-")
        assert done.returncode == 0, done.stderr
        assert {order["qty"] for order in json.loads(done.stdout)["orders"]} == {2}

    def test_a_scenario_or_run_that_is_not_there_is_named(self, data: Path) -> None:
        done = pourplan(data, "replan", "--scenario", "Inland")
        assert done.returncode == 1
        assert "There is no scenario 'Inland'." in done.stderr
        assert "Harbour foundry" in done.stderr
        for command in ("plan", "problem"):
            exported = pourplan(data, "export", command, NOWHERE)
            assert exported.returncode == 1
            assert f"error: The run {NOWHERE} is not there.\nLeave it out" in exported.stderr
            exported = pourplan(data, "export", command, "deadbeef")
            assert exported.returncode == 1
            assert exported.stderr.startswith("error: 'deadbeef' is not the id of a run.\n`pourplan replan`")

    def test_a_template_filled_from_a_problem_says_the_same_as_the_problem(self, data: Path) -> None:
        done = pourplan(data, "template", "foundry", "--from", "foundry.json", "-o", "foundry.xlsx")
        assert done.returncode == 0, done.stderr
        again = pourplan(data, "import", "foundry.xlsx")
        assert again.returncode == 0, again.stderr
        assert "foundry, 17 rows read, none new or changed" in again.stdout

    def test_a_template_can_be_imported_as_it_is(self, data: Path) -> None:
        assert pourplan(data, "template", "foundry").returncode == 0
        done = pourplan(data, "import", "pourplan-foundry.xlsx")
        assert done.returncode == 0, done.stderr
        assert "foundry, 14 of 14 rows are new or changed" in done.stdout

    def test_what_cannot_be_planned_is_refused_with_every_reason(self, data: Path) -> None:
        orders = [{**order, "part_id": "LADLE"} for order in PROBLEM["orders"]]
        (data / "wrong.json").write_text(json.dumps({**PROBLEM, "orders": orders}))
        for options in ((), ("--dry-run",)):
            done = pourplan(data, "import", "wrong.json", *options)
            assert done.returncode == 1
            assert done.stderr.startswith("error: wrong.json:")
            assert done.stderr.count("LADLE, which is not among the parts") == 3

    def test_what_is_no_problem_is_told_with_its_file(self, data: Path) -> None:
        (data / "empty.json").write_text("{}")
        for options in ((), ("--dry-run",)):
            done = pourplan(data, "import", "empty.json", *options)
            assert done.returncode == 1
            assert done.stderr.startswith("error: empty.json:")
            assert "asof_date: missing, but required" in done.stderr

    def test_a_replan_says_what_changes_against_the_plan_before(self, data: Path) -> None:
        orders = [dict(order) for order in PROBLEM["orders"] if order["order_id"] != "A-2"]
        orders[0]["due_date"] = "2026-01-12"
        (data / "changed.json").write_text(json.dumps({**PROBLEM, "orders": orders}))
        assert pourplan(data, "import", "changed.json").returncode == 0
        done = pourplan(data, "replan", "--time-limit", "2")
        assert done.returncode == 0, done.stderr
        (head,) = [line for line in done.stdout.splitlines() if line.startswith("Against the plan before")]
        assert "of 2026-01-05 (run " in head
        assert head.endswith(" molds moved on the days that both plan.")
        assert "  late that were not: A-1" in done.stdout
        assert "  no longer molded: A-2" in done.stdout
        # Of a scenario's first plan there is nothing to compare.
        first = pourplan(data, "replan", "--scenario", "Trial", "--time-limit", "1")
        assert first.returncode == 0, first.stderr
        assert "Against the plan before" not in first.stdout

    def test_a_plan_before_that_shares_no_day_is_told_and_fails_nothing(self, data: Path) -> None:
        for monday, due in (("2024-09-02", "2024-09-30"), ("2026-01-05", "2026-01-30")):
            orders = [{**PROBLEM["orders"][0], "due_date": due}]
            problem = {**PROBLEM, "name": "Long since", "asof_date": monday, "orders": orders}
            (data / "since.json").write_text(json.dumps(problem))
            assert pourplan(data, "import", "since.json").returncode == 0
            done = pourplan(data, "replan", "--scenario", "Long since", "--time-limit", "1")
            assert done.returncode == 0, done.stderr
            assert "As a file: pourplan export plan" in done.stdout
        assert "The plan before, of 2024-09-02 (run " in done.stdout
        assert "shares no working day with this one." in done.stdout

    def test_the_stored_scenario_is_rolled_by_its_newest_plan(self, data: Path) -> None:
        refused = pourplan(data, "roll", "-o", "next.json")
        assert refused.returncode == 1
        assert "pourplan export problem" in refused.stderr
        done = pourplan(data, "roll")
        assert done.returncode == 0, done.stderr
        assert "Harbour foundry: carried on from 2026-01-05 to 2026-01-12" in done.stdout
        assert "To plan it: pourplan replan\n" in done.stderr
        exported = pourplan(data, "export", "problem", "-o", "-")
        later = json.loads(exported.stdout)
        assert later["asof_date"] == "2026-01-12"
        assert sum(row["molded_qty_credit"] for row in later["initial_order_progress"]) > 0
        again = pourplan(data, "roll")
        assert again.returncode == 1
        assert "the scenario's initial state is that of 2026-01-12" in " ".join(again.stderr.split())
