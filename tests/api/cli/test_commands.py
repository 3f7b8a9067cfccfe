"""The command line as a person uses it: the real program, a data folder of its own, what it prints."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from tests.database import short_folder

PROGRAM = Path(sys.executable).with_name("pourplan")
SAMPLE = Path(__file__).parents[3] / "data" / "sample"
IN_THE_BACKGROUND = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")
"""As a script begins what it ends with `&`: out of the reach of Ctrl-C."""


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture
def new_data() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


def pourplan(
    data: Path, *args: str | Path, stdin: str = "", **env: str
) -> "subprocess.CompletedProcess[str]":
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("POURPLAN_", "DATABASE_"))}
    return subprocess.run(
        [PROGRAM, *map(str, args)],
        env={**inherited, "POURPLAN_DATA": str(data), "COLUMNS": "200", **env},
        cwd=data,
        input=stdin,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )


def kept_exports(data: Path, form: str) -> list[bytes]:
    """What is kept of the files that were handed out."""
    return [path.read_bytes() for path in data.glob(f"exports/*/*.{form}")]


def workbooks() -> list[Path]:
    return sorted(SAMPLE.glob("*.xlsx"))


class TestASamplePlant:
    """The tests of this class follow one another on one plant, as a planner's morning does."""

    def test_a_forecast_of_an_empty_plant_says_what_to_import_first(self, data: Path) -> None:
        done = pourplan(data, "forecast", "2024-09")
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert "import" in done.stderr.lower()
        assert "Traceback" not in done.stderr

    def test_a_dry_run_shows_everything_and_stores_nothing(self, data: Path) -> None:
        done = pourplan(data, "import", "--dry-run", *workbooks())
        assert done.returncode == 0, done.stderr
        assert "nothing is stored" in done.stdout
        assert "new or changed" in pourplan(data, "import", workbooks()[0]).stdout

    def test_the_demo_imports_forecasts_and_prints_september(self, data: Path) -> None:
        done = pourplan(data, "demo")
        assert done.returncode == 0, done.stderr
        assert "Rebar 232, MBQ 54, SBQ 10, CHQ 22: in all 318 heats." in done.stdout

    def test_the_same_files_again_in_another_order_change_nothing(self, data: Path) -> None:
        done = pourplan(data, "import", *reversed(workbooks()))
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("none new or changed") == 3

    def test_dragged_grades_and_the_stray_header_are_named(self, data: Path) -> None:
        told = " ".join(pourplan(data, "import", *workbooks()).stdout.split())
        assert "A53/C592 to A53/C600, 9 cells" in told
        assert "Probably A53/C591 is meant" in told
        assert "Z2" in told

    def test_the_csv_export_is_what_scrapchef_reads(self, data: Path) -> None:
        done = pourplan(data, "export", "forecast", "2024-09", "-o", "-")
        rows = {row["grade"]: int(row["heats"]) for row in csv.DictReader(io.StringIO(done.stdout))}
        assert sum(rows.values()) == 318
        assert rows["C35"] >= 1
        assert rows["C40"] >= 1
        assert rows["B500B"] >= 11

    def test_exports_are_written_where_the_planner_stands(self, data: Path) -> None:
        for form in ("csv", "xlsx", "json"):
            done = pourplan(data, "export", "forecast", "2024-09", "--format", form)
            assert done.returncode == 0, done.stderr
            written = (data / f"pourplan-forecast-2024-09.{form}").read_bytes()
            assert written
            assert kept_exports(data, form) == [written]
        assert json.loads((data / "pourplan-forecast-2024-09.json").read_text())["total_heats"] == 318

    def test_rounding_up_says_by_how_much_it_exceeds_the_order_book(self, data: Path) -> None:
        done = pourplan(data, "forecast", "2024-09", "--round-up")
        assert done.returncode == 0, done.stderr
        assert "above the order book of 318" in " ".join(done.stdout.split())

    def test_an_export_says_which_run_it_took(self, data: Path) -> None:
        done = pourplan(data, "export", "forecast", "2024-09", "-o", "-")
        assert done.stdout.startswith("grade,heats\n")
        told = " ".join(done.stderr.split())
        assert told.startswith("The newest forecast of 2024-09, finished 20")
        assert told.endswith("every grade rounded up to the next heat.")

    def test_the_demo_does_not_mix_the_sample_into_another_plant(self, data: Path) -> None:
        import openpyxl

        book = openpyxl.load_workbook(SAMPLE / "product_groups_monthly.xlsx")
        book.worksheets[0]["E3"] = 240
        book.save(data / "orders.xlsx")
        told = pourplan(data, "import", data / "orders.xlsx")
        assert told.returncode == 0
        assert "holds the sample plant; this comes on top of it" in told.stdout
        done = pourplan(data, "demo")
        assert done.returncode == 0, done.stderr
        assert "holds other workbooks" in done.stdout
        assert "Rebar 240" in done.stdout

    def test_a_month_without_a_forecast_is_not_exported(self, data: Path) -> None:
        done = pourplan(data, "export", "forecast", "2031-01")
        assert done.returncode == 1
        assert done.stderr.splitlines()[0] == "error: There is no forecast of 2031-01 yet."

    def test_an_id_that_is_none_ends_in_one_sentence(self, data: Path) -> None:
        ended = pourplan(data, "export", "plan", "nope")
        assert ended.returncode == 1
        assert ended.stderr.startswith("error: 'nope' is not the id of a run.\n")

    def test_nothing_is_left_to_migrate(self, data: Path) -> None:
        assert "Nothing to apply" in pourplan(data, "migrate").stdout


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("forecast", "September"), "'September' is not a month"),
        (("export", "forecast", "09/2024"), "'09/2024' is not a month"),
        (("import", "missing.xlsx"), "missing.xlsx can't be read: No such file or directory"),
        (("solve", "forecast", "missing.json"), "missing.json can't be read: No such file or directory"),
        (("template", "foundry", "-o", "no/book.xlsx"), "no/book.xlsx can't be written: No such file"),
    ],
)
def test_a_wrong_argument_ends_in_one_sentence(new_data: Path, args: tuple[str, ...], told: str) -> None:
    done = pourplan(new_data, *args)
    assert done.returncode == 1
    assert told in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_file_that_is_no_workbook_is_refused_and_the_others_are_stored(new_data: Path) -> None:
    (new_data / "notes.xlsx").write_text("melt more")
    done = pourplan(new_data, "import", new_data / "notes.xlsx", SAMPLE / "product_groups_monthly.xlsx")
    assert done.returncode == 1
    assert "16 of 16 figures are new or changed" in done.stdout
    assert "notes.xlsx" in done.stderr


def test_a_wrong_setting_is_named_in_one_sentence(tmp_path: Path) -> None:
    done = pourplan(tmp_path, "forecast", "2024-09", POURPLAN_WORKERS="many")
    assert done.returncode == 1
    assert "POURPLAN_WORKERS is 'many'" in done.stderr


def test_commands_keep_off_a_database_of_the_network(tmp_path: Path) -> None:
    url = "postgresql://x@127.0.0.1:1/x"
    done = pourplan(tmp_path, "forecast", "2024-09", DATABASE_URL=url, DATABASE_JOBS_URL=url)
    assert done.returncode == 1
    assert "DATABASE_URL is set" in done.stderr


@pytest.fixture(scope="module")
def imported() -> Iterator[Path]:
    """The folder of a plant that nobody uses."""
    with short_folder() as folder:
        assert pourplan(folder, "import", *workbooks()).returncode == 0
        yield folder


@pytest.mark.parametrize(
    ("told", "beginning"),
    [(signal.SIGTERM, ()), (signal.SIGINT, ()), (signal.SIGTERM, IN_THE_BACKGROUND)],
    ids=["SIGTERM", "SIGINT", "in the background"],
)
def test_a_command_that_is_told_to_end_leaves_no_database_behind(
    imported: Path, told: signal.Signals, beginning: tuple[str, ...]
) -> None:
    pid_file = imported / "postgres" / "postmaster.pid"
    assert not pid_file.exists()
    # A Modal that can't be reached: the run waits, and so does the command.
    waiting = {"POURPLAN_MODAL_APP": "pourplan", "MODAL_SERVER_URL": "http://127.0.0.1:1"}
    command = subprocess.Popen(
        [*beginning, PROGRAM, "forecast", "2024-09"],
        env={**os.environ, **waiting, "POURPLAN_DATA": str(imported)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while not pid_file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)
        assert command.poll() is None
        command.send_signal(told)
        assert command.wait(60) != 0
        assert not pid_file.exists()
    finally:
        command.kill()


class TestSolvingWithoutADatabase:
    PROBLEM: ClassVar[dict[str, object]] = {
        "month": "2024-09",
        "history": [
            {"group": "Rebar", "grade": "B500A", "month": "2024-08", "tons": 900},
            {"group": "Rebar", "grade": "B500B", "month": "2024-08", "tons": 1100},
        ],
        "orders": [{"group": "Rebar", "month": "2024-09", "heats": 20}],
        "schedule": [{"date": "2024-09-01", "start_time": "04:00", "grade": "B500A", "mould_size": '5"'}],
    }

    def test_a_problem_goes_in_and_a_result_comes_out(self, tmp_path: Path) -> None:
        (tmp_path / "problem.json").write_text(json.dumps(self.PROBLEM))
        done = pourplan(tmp_path, "solve", "forecast", "problem.json", "-o", "result.json")
        assert done.returncode == 0, done.stderr
        assert done.stderr == "Wrote result.json.\n"
        result = json.loads((tmp_path / "result.json").read_text())
        assert {row["grade"]: row["heats"] for row in result["heats"]} == {"B500A": 9, "B500B": 11}

    def test_standard_input_and_output_will_do(self, tmp_path: Path) -> None:
        done = pourplan(tmp_path, "solve", "forecast", "-", stdin=json.dumps(self.PROBLEM))
        assert json.loads(done.stdout)["groups"] == [
            {"group": "Rebar", "ordered_heats": 20, "forecast_heats": 20}
        ]

    def test_every_fault_of_a_problem_is_named_with_its_place(self, tmp_path: Path) -> None:
        wrong = {**self.PROBLEM, "month": "Sep 24", "heat_tons": -1}
        done = pourplan(tmp_path, "solve", "forecast", "-", stdin=json.dumps(wrong))
        assert done.returncode == 1
        assert "month: found 'Sep 24', expected a month" in done.stderr
        assert "heat_tons: found -1, expected more than 0" in done.stderr

    def test_no_fault_is_told_in_the_words_of_a_library(self, tmp_path: Path) -> None:
        order = {"group": "Rebar", "month": "2024-09", "heats": "1" * 5000}
        wrong = {**self.PROBLEM, "orders": [order, 3], "schedule": {}, "demand": []}
        told = pourplan(tmp_path, "solve", "forecast", "-", stdin=json.dumps(wrong)).stderr
        assert "orders[0].heats: found '1111" in told
        assert "expected a smaller whole number" in told
        assert "orders[1]: found 3, expected an object" in told
        assert "schedule: found an object, expected a list" in told
        assert "demand: unknown key" in told
        assert "input" not in told.lower()

    def test_what_is_no_json_is_said_with_its_place(self, tmp_path: Path) -> None:
        done = pourplan(tmp_path, "solve", "forecast", "-", stdin="{")
        assert done.returncode == 1
        assert "is no JSON" in done.stderr

    def test_the_form_of_a_problem_is_told_as_json_schema(self, tmp_path: Path) -> None:
        schema = json.loads(pourplan(tmp_path, "schema", "forecast").stdout)
        assert set(self.PROBLEM) <= set(schema["properties"])


def test_the_exported_schema_is_the_one_that_is_served(tmp_path: Path) -> None:
    exported = (Path(__file__).parents[3] / "schema.graphql").read_text()
    assert pourplan(tmp_path, "schema", "graphql").stdout == exported
