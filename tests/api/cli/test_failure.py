"""How failures are told: each fact once, each hint where it belongs."""

from api.cli.failure import job_failure, mistakes_failure, run_failure
from solver_jobs.errors import JobError

FIRST = {"message": "The plan is to start on a Tuesday.", "hint": "Take a Monday."}
SECOND = {"message": "Order A is of part B, which is not there.", "hint": "Add the part."}


def test_of_several_mistakes_each_is_told_with_its_own_hint() -> None:
    told = mistakes_failure([FIRST, SECOND])
    assert str(told).splitlines() == [f"{one['message']} {one['hint']}" for one in (FIRST, SECOND)]
    assert told.hint is None


def test_a_hint_that_all_mistakes_share_is_told_once() -> None:
    told = mistakes_failure([FIRST, {**SECOND, "hint": FIRST["hint"]}])
    assert str(told).splitlines() == [FIRST["message"], SECOND["message"]]
    assert told.hint == "Take a Monday."


def test_a_run_that_cannot_be_planned_tells_each_finding_once() -> None:
    finding = f"asof_date: {FIRST['message']} {FIRST['hint']}"
    said = f"This problem can't be planned: {FIRST['message']}"
    error = {"code": "PROBLEM_UNSOUND", "message": said, "hint": FIRST["hint"], "details": [finding]}
    told = run_failure({"status": "FAILED", "error": error}, "plan")
    assert str(told) == f"This problem can't be planned:\n{finding}"
    assert told.hint is None


def test_other_errors_of_a_job_are_told_whole_with_their_file() -> None:
    told = job_failure(JobError("PLAN_INVALID", "This is no plan.", "Hand in one.", ["x: missing"]), "a.json")
    assert str(told) == "a.json: This is no plan.\nx: missing"
    assert told.hint == "Hand in one."


def test_a_run_that_ended_without_an_error_is_told_by_what_is_missing() -> None:
    told = run_failure({"status": "CANCELLED", "error": None}, "plan")
    assert str(told) == "The run was cancelled: no plan was made yet."
