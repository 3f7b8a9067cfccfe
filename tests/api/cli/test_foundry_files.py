"""Foundry problems and plans as files: solved, judged, rolled on and printed, by the real program."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from api.workbooks.foundry_template import foundry_workbook
from tests.api.cli.test_commands import pourplan

FULL = Path("/dev/full")
"""A file on whose disk no space is left."""

PROBLEM: Mapping[str, Any] = {
    "name": "Harbour foundry",
    "asof_date": "2026-01-05",
    "parts": [
        {"part_id": "HOUSING", "flask_size": "M", "cool_hours": 30, "finish_hours": 10,
         "gross_weight_ton": 0.8},
        {"part_id": "LID", "flask_size": "S", "cool_hours": 8, "finish_hours": 0, "gross_weight_ton": 0.1},
    ],
    "orders": [
        {"order_id": "A-1", "part_id": "HOUSING", "qty": 9, "due_date": "2026-01-30"},
        {"order_id": "A-2", "part_id": "LID", "qty": 20, "due_date": "2026-01-23"},
        {"order_id": "A-3", "part_id": "LID", "qty": 2, "due_date": "2026-01-06"},
    ],
    "resources": {
        "flasks_S": 12, "flasks_M": 6, "flasks_L": 1, "molding_max_per_day": 8,
        "molding_max_same_part_per_day": 4, "pour_max_ton_per_day": 4,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a problem and its plan."""
    folder = tmp_path_factory.mktemp("foundry")
    (folder / "problem.json").write_text(json.dumps(PROBLEM))
    done = pourplan(folder, "solve", "foundry", "problem.json", "-o", "plan.json", "--time-limit", "5")
    assert done.returncode == 0, done.stderr
    (folder / "stdout.txt").write_text(done.stdout)
    (folder / "stderr.txt").write_text(done.stderr)
    return folder


def test_the_plan_is_printed_as_a_calendar_with_reasons_and_peaks(solved: Path) -> None:
    told = (solved / "stdout.txt").read_text()
    assert "Harbour foundry" in told
    assert "Week of 5 January 2026" in told
    assert "proven optimal" in told
    # By its lags alone: nobody molds on Monday what is delivered on Tuesday.
    (reason,) = [line for line in told.splitlines() if line.startswith("A-3 (LID): ")]
    assert "late: due 6 January" in reason
    assert "Peaks" in told


def test_what_is_odd_about_the_problem_is_said_before_it_is_solved(solved: Path) -> None:
    told = (solved / "stderr.txt").read_text()
    assert "warning LATE_BY_LAG: orders[2].due_date: " in told


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("nowhere/plan.json", "No such file or directory"),
        ("problem.json/plan.json", "Not a directory"),
        (".", "Is a directory"),
    ],
)
def test_a_file_that_cannot_be_written_is_told_before_the_search(solved: Path, target: str, why: str) -> None:
    # A problem that is not there would be the first thing to be told, were it read before.
    for command in (("solve", "foundry", "missing.json"), ("roll", "missing.json", "missing.json")):
        done = pourplan(solved, *command, "-o", target)
        assert done.returncode == 1
        assert done.stderr == f"error: {target} can't be written: {why}.\n"


@pytest.mark.skipif(not FULL.exists(), reason=f"there is no {FULL}")
def test_a_plan_that_cannot_be_written_after_all_stands_on_standard_output(solved: Path) -> None:
    done = pourplan(solved, "solve", "foundry", "problem.json", "-o", FULL, "--time-limit", "1")
    assert done.returncode == 1
    assert sum(row["molds"] for row in json.loads(done.stdout)["x"]) == 31
    assert f"{FULL} can't be written: No space left on device." in done.stderr
    assert "stands on standard output" in done.stderr


def test_a_sound_plan_is_judged_as_such_and_recounted(solved: Path) -> None:
    done = pourplan(solved, "verify", "problem.json", "plan.json")
    assert done.returncode == 0, done.stderr
    assert "late = 2" in done.stdout
    assert "The plan keeps every rule" in done.stdout


def test_a_broken_rule_is_a_sentence_and_an_exit_code(solved: Path) -> None:
    plan = json.loads((solved / "plan.json").read_text())
    plan["x"][0]["molds"] += 40
    (solved / "broken.json").write_text(json.dumps(plan))
    done = pourplan(solved, "verify", "problem.json", "broken.json")
    assert done.returncode == 1
    assert f"Order {plan['x'][0]['order_id']}: " in done.stderr
    assert "remain to be molded" in done.stderr
    assert "keeps every rule" not in done.stdout


def test_a_plan_of_another_problem_is_not_counted_but_named(solved: Path) -> None:
    plan = json.loads((solved / "plan.json").read_text())
    plan["x"][0]["order_id"] = "Z-9"
    (solved / "foreign.json").write_text(json.dumps(plan))
    done = pourplan(solved, "verify", "problem.json", "foreign.json")
    assert done.returncode == 1
    assert "order Z-9, which the problem does not have" in done.stderr
    assert "orders that the problem does not have, such as Z-9: are they a pair?" in done.stderr
    rolled = pourplan(solved, "roll", "problem.json", "foreign.json", "-o", "-")
    assert rolled.returncode == 1
    assert rolled.stdout == ""


def test_a_plan_of_another_monday_is_told_by_its_date(solved: Path) -> None:
    later = {**PROBLEM, "asof_date": "2026-01-12"}
    (solved / "later.json").write_text(json.dumps(later))
    done = pourplan(solved, "verify", "later.json", "plan.json")
    assert done.returncode == 1
    assert "The plan is of 2026-01-05, the problem of 2026-01-12" in done.stderr


def test_of_many_violations_the_first_are_listed(solved: Path) -> None:
    plan = json.loads((solved / "plan.json").read_text())
    for row in plan["calendar_workdays"]:
        row["week_index"] += 50
        row["workday_index"] += 1
    (solved / "shifted.json").write_text(json.dumps(plan))
    done = pourplan(solved, "verify", "problem.json", "shifted.json")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 22
    assert "\nand " in done.stderr


def test_a_week_later_the_molds_are_credited_and_the_rest_can_be_planned(solved: Path) -> None:
    done = pourplan(solved, "roll", "problem.json", "plan.json", "--weeks", "1", "-o", "next.json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "Wrote next.json: the problem of 2026-01-12.\n"
    later = json.loads((solved / "next.json").read_text())
    plan = json.loads((solved / "plan.json").read_text())
    assert later["asof_date"] == "2026-01-12"
    credited = sum(row["molded_qty_credit"] for row in later["initial_order_progress"])
    assert credited == sum(row["molds"] for row in plan["x"] if row["workday_index"] < 5) > 0
    again = pourplan(solved, "solve", "foundry", "next.json", "--time-limit", "5")
    assert again.returncode == 0, again.stderr
    molds = sum(row["molds"] for row in json.loads(again.stdout)["x"])
    assert credited + molds == sum(order["qty"] for order in PROBLEM["orders"])


def test_a_problem_that_cannot_be_planned_names_everything_at_once(tmp_path: Path) -> None:
    orders = [{**order, "part_id": "LADLE"} for order in PROBLEM["orders"]]
    wrong = {**PROBLEM, "asof_date": "2026-01-06", "orders": orders}
    done = pourplan(tmp_path, "solve", "foundry", "-", stdin=json.dumps(wrong))
    assert done.returncode == 1
    assert done.stdout == ""
    head, *findings = done.stderr.splitlines()
    assert head == "error: Standard input: This problem can't be planned:"
    assert [line.partition(":")[0] for line in findings] == [
        "asof_date",
        *(f"orders[{number}].part_id" for number in range(3)),
    ]
    # Each fact stands once, with its own hint and no other's after it.
    assert done.stderr.count("Tuesday 2026-01-06, expected a Monday") == 1
    assert done.stderr.count("Take 2026-01-05 or a later Monday") == 1
    assert done.stderr.count("part LADLE, which is not among the parts. Add the part") == 3


def test_what_is_no_problem_or_plan_is_told_with_its_file(solved: Path) -> None:
    (solved / "empty.json").write_text("{}")
    for command in (("solve", "foundry", "empty.json"), ("verify", "problem.json", "empty.json")):
        done = pourplan(solved, *command)
        assert done.returncode == 1
        assert done.stderr.startswith("error: empty.json: This is no foundry p")
        assert done.stderr.count("missing") >= 3


@pytest.mark.parametrize(
    ("command", "expected", "way"),
    [
        (("solve", "foundry", "shop.xlsx"), "a problem", "pourplan export problem --scenario NAME"),
        (("verify", "shop.xlsx", "plan.json"), "a problem", "pourplan export problem --scenario NAME"),
        (("roll", "shop.xlsx", "plan.json"), "a problem", "pourplan export problem --scenario NAME"),
        (("verify", "problem.json", "shop.xlsx"), "a plan", "pourplan export plan --format json"),
        (("roll", "problem.json", "shop.xlsx"), "a plan", "pourplan export plan --format json"),
        (("solve", "forecast", "shop.xlsx"), "a problem", "pourplan forecast MONTH"),
    ],
)
def test_a_workbook_in_the_place_of_json_is_told_with_the_way_to_json(
    solved: Path, command: tuple[str, ...], expected: str, way: str
) -> None:
    (solved / "shop.xlsx").write_bytes(foundry_workbook(PROBLEM))
    done = pourplan(solved, *command)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: shop.xlsx is a workbook; expected {expected} as JSON.\n")
    assert way in done.stderr


@pytest.mark.parametrize("seconds", ["nan", "inf", "0", "-inf", "86401"])
def test_what_is_no_time_to_search_is_refused_with_what_is(solved: Path, seconds: str) -> None:
    done = pourplan(solved, "solve", "foundry", "problem.json", "--time-limit", seconds)
    assert done.returncode == 2
    assert f"{seconds} is no time to search; expected a number of seconds, 0.1 to 86,400." in done.stderr


def test_unknown_keys_are_refused_with_their_place(tmp_path: Path) -> None:
    wrong = {**PROBLEM, "resources": {**PROBLEM["resources"], "flasks_XL": 3}}
    done = pourplan(tmp_path, "solve", "foundry", "-", stdin=json.dumps(wrong))
    assert done.returncode == 1
    assert "resources.flasks_XL: unknown key" in done.stderr


def test_the_form_of_a_foundry_problem_is_told_as_json_schema(tmp_path: Path) -> None:
    schema = json.loads(pourplan(tmp_path, "schema", "foundry").stdout)
    assert set(PROBLEM) <= set(schema["properties"])


HALF = chr(0xD800)
"""Half of a surrogate pair, which JSON escapes can write and no file can."""


def test_half_a_character_is_told_by_every_command_that_reads_a_problem(solved: Path) -> None:
    parts = [{**PROBLEM["parts"][0], "alloy": HALF}, *PROBLEM["parts"][1:]]
    (solved / "half.json").write_text(json.dumps({**PROBLEM, "parts": parts}))
    for command in (
        ("solve", "foundry", "half.json"),
        ("verify", "half.json", "plan.json"),
        ("roll", "half.json", "plan.json", "-o", "-"),
        ("import", "--dry-run", "half.json"),
    ):
        done = pourplan(solved, *command)
        assert done.returncode == 1
        assert done.stderr.startswith("error: half.json: "), done.stderr
    assert "parts[0].alloy: found '\\ud800', expected a text without zero characters" in done.stderr


def test_a_plan_with_half_a_character_is_told_by_its_place(solved: Path) -> None:
    plan = json.loads((solved / "plan.json").read_text())
    plan["x"][0]["order_id"] = HALF
    (solved / "half-plan.json").write_text(json.dumps(plan))
    for command in (("verify",), ("roll", "-o", "-")):
        done = pourplan(solved, command[0], "problem.json", "half-plan.json", *command[1:])
        assert done.returncode == 1
        assert "half-plan.json: This is no foundry plan" in done.stderr
        assert "x[0].order_id: found '\\ud800', expected a text without zero characters" in done.stderr


def test_remarks_of_any_depth_stand_in_no_ones_way(solved: Path) -> None:
    deep: list[object] = []
    for _ in range(300):
        deep = [deep]
    (solved / "deep.json").write_text(json.dumps({**PROBLEM, "meta": {"deep": deep}}))
    rolled = pourplan(solved, "roll", "deep.json", "plan.json", "-o", "-")
    assert rolled.returncode == 0, rolled.stderr
    assert json.loads(rolled.stdout)["meta"] is None
