import asyncio
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from api.context import Services
from api.relay import parse_node_id
from solver_jobs.forecast.planner import solve
from solver_jobs.forecast.problem import ForecastProblem
from tests.api.desk import BATCHES, Desk, Postbox, desk_of
from tests.database import Connection, Plant

RUN = """
mutation ($month: Month!, $rounding: Rounding) {
  runForecast(input: {month: $month, rounding: $rounding}) {
    run { id kind status attempt month heats { heats } totalHeats method startedAt progress { phase } }
    userErrors { code message path hint }
  }
}
"""
CANCEL = """
mutation ($id: ID!, $keepBest: Boolean) {
  cancelRun(input: {runId: $id, keepBest: $keepBest}) {
    run { id status finishedAt } userErrors { code message path hint }
  }
}
"""
FORECAST = """
query ($month: Month!) {
  forecast(month: $month) {
    id status month totalHeats method warnings
    heats { grade { name } productGroup { name } heats tons committedHeats share low high }
    groups { productGroup { name } orderedHeats forecastHeats }
    scrapChef { grade heats }
    unassigned { grade { name } heats suggestion }
    scores { method misallocatedShare }
    progress { phase percent elapsedSeconds gap }
    download(format: XLSX) { url expiresAt }
  }
}
"""
RUNS = """
query ($kind: PlanRunKind, $status: RunStatus, $first: Int, $after: String) {
  planRuns(kind: $kind, status: $status, first: $first, after: $after) {
    nodes { __typename id status } totalCount pageInfo { hasNextPage endCursor }
  }
}
"""


async def queue(desk: Desk, month: str = "2024-09") -> str:
    payload = (await desk.ask(RUN, month=month))["runForecast"]
    assert payload["userErrors"] == []
    run_id: str = payload["run"]["id"]
    return run_id


async def carry_out(jobs: Connection, run_id: str) -> Any:
    """Do what a worker does, in this process: claim, solve, finish."""
    key = parse_node_id(run_id)[1]
    claimed = await jobs.fetchval("select claim_run($1)", key)
    result = solve(ForecastProblem.model_validate(claimed["problem"]))
    await jobs.execute(
        "select finish_run($1, $2, $3)", key, UUID(claimed["lease_token"]), result.model_dump(mode="json")
    )
    return result


async def test_a_forecast_is_queued_with_its_problem_and_handed_over(
    planner: Desk, postbox: Postbox, admin: Connection
) -> None:
    run = (await planner.ask(RUN, month="2024-09"))["runForecast"]["run"]
    key = parse_node_id(run.pop("id"))[1]
    assert run == {
        "kind": "FORECAST",
        "status": "QUEUED",
        "attempt": 0,
        "month": "2024-09",
        "heats": [],
        "totalHeats": 0,
        "method": None,
        "startedAt": None,
        "progress": None,
    }
    assert postbox.handed_over == [key]
    problem = await admin.fetchval("select problem from plan_runs where id = $1", key)
    assert problem["heat_tons"] == 100.0
    assert problem["rounding"] == "LARGEST_REMAINDER"
    assert problem["orders"] == [
        {"group": "Rebar", "month": "2024-09", "heats": 232},
        {"group": "MBQ", "month": "2024-09", "heats": 54},
    ]
    assert problem["grades"] == [
        {"grade": "B500A", "group": "Rebar"},
        {"grade": "B500B", "group": "Rebar"},
        {"grade": "A36", "group": "MBQ"},
        {"grade": "A53/C591", "group": "MBQ"},
    ]
    assert len(problem["history"]) == 7
    assert {"group": "Rebar", "grade": "B500B", "month": "2024-08", "tons": 9050.5} in problem["history"]
    # The grade without a group comes along with its scheduled heats alone.
    assert [(heat["date"], heat["start_time"], heat["grade"]) for heat in problem["schedule"]] == [
        ("2024-09-01", "04:00", "A36"),
        ("2024-09-01", "05:11", "A53/C592"),
    ]


async def test_the_problem_knows_the_days_that_the_schedule_covers(
    planner: Desk, admin: Connection, plant: Plant
) -> None:
    idle = ("2024-08-28", "2024-08-29", "2024-09-01", "2024-09-16", "2024-10-03", "2024-10-04")
    await admin.executemany(
        "insert into charge_schedule_days (tenant_id, scheduled_on) values ($1, $2)",
        [(plant.id, date.fromisoformat(day)) for day in idle],
    )
    key = parse_node_id(await queue(planner))[1]
    problem = await admin.fetchval("select problem from plan_runs where id = $1", key)
    # Those of heats, those without, and of neighbouring months as many as a rest may have.
    expected = ["2024-08-29", "2024-08-31", "2024-09-01", "2024-09-16", "2024-10-03"]
    assert problem["schedule_days"] == expected


async def test_the_problem_takes_the_tenants_own_tons_of_a_heat(
    planner: Desk, admin: Connection, plant: Plant
) -> None:
    await admin.execute("update tenants set heat_tons = 87.5 where id = $1", plant.id)
    key = parse_node_id(await queue(planner))[1]
    assert (
        await admin.fetchval("select (problem ->> 'heat_tons')::float8 from plan_runs where id = $1", key)
        == 87.5
    )


async def test_the_rule_of_rounding_is_part_of_the_problem(planner: Desk, admin: Connection) -> None:
    for asked, stored in (("ROUND_UP", "ROUND_UP"), (None, "LARGEST_REMAINDER")):
        run = (await planner.ask(RUN, month="2024-09", rounding=asked))["runForecast"]["run"]
        key = parse_node_id(run["id"])[1]
        assert (
            await admin.fetchval("select problem ->> 'rounding' from plan_runs where id = $1", key) == stored
        )


async def test_history_of_the_month_itself_and_later_is_left_out(planner: Desk, admin: Connection) -> None:
    key = parse_node_id(await queue(planner, "2024-07"))[1]
    problem = await admin.fetchval("select problem from plan_runs where id = $1", key)
    assert {row["month"] for row in problem["history"]} == {"2024-06"}
    assert problem["orders"] == []


async def test_history_of_merged_grades_is_their_targets(planner: Desk, admin: Connection) -> None:
    await admin.execute(
        "update steel_grades set merged_into_id = (select id from steel_grades where name = 'B500B')"
        " where name = 'B500A'"
    )
    key = parse_node_id(await queue(planner))[1]
    problem = await admin.fetchval("select problem from plan_runs where id = $1", key)
    june = {(row["grade"], row["tons"]) for row in problem["history"] if row["month"] == "2024-06"}
    assert june == {("B500B", 15000.0), ("A36", 1500.0)}
    assert "B500A" not in {row["grade"] for row in problem["grades"]}


async def test_the_result_adds_up_to_the_order_book(planner: Desk, viewer: Desk, jobs: Connection) -> None:
    run_id = await queue(planner)
    assert await viewer.ask(FORECAST, month="2024-09") == {"forecast": None}
    result = await carry_out(jobs, run_id)
    forecast = (await viewer.ask(FORECAST, month="2024-09"))["forecast"]
    assert forecast["id"] == run_id
    assert forecast["totalHeats"] == 286
    assert forecast["groups"] == [
        {"productGroup": {"name": "Rebar"}, "orderedHeats": 232, "forecastHeats": 232},
        {"productGroup": {"name": "MBQ"}, "orderedHeats": 54, "forecastHeats": 54},
    ]
    assert forecast["heats"] == [
        {
            "grade": {"name": row.grade},
            "productGroup": {"name": row.group},
            "heats": row.heats,
            "tons": row.tons,
            "committedHeats": row.committed_heats,
            "share": row.share,
            "low": row.low,
            "high": row.high,
        }
        for row in result.heats
    ]
    made = [{"grade": row.grade, "heats": row.heats} for row in result.heats if row.heats]
    assert forecast["scrapChef"] == made
    assert sum(row["heats"] for row in made) == 286
    assert forecast["unassigned"] == [{"grade": {"name": "A53/C592"}, "heats": 1, "suggestion": "A53/C591"}]
    assert (forecast["method"], forecast["warnings"]) == (result.method, list(result.warnings))
    assert forecast["scores"] == [
        {"method": score.method, "misallocatedShare": score.misallocated_share} for score in result.scores
    ]
    assert forecast["progress"]["percent"] == 100.0
    assert forecast["progress"]["gap"] is None
    assert forecast["download"]["url"].startswith("http://127.0.0.1:8000/downloads/")
    assert forecast["download"]["url"].endswith("/pourplan-forecast-2024-09.xlsx")


async def test_the_newest_that_succeeded_is_the_forecast(planner: Desk, jobs: Connection) -> None:
    older, newer, queued = [await queue(planner) for _ in range(3)]
    await carry_out(jobs, newer)
    assert (await planner.ask(FORECAST, month="2024-09"))["forecast"]["id"] == newer
    await carry_out(jobs, older)
    assert (await planner.ask(FORECAST, month="2024-09"))["forecast"]["id"] == older
    assert queued not in (older, newer)


async def test_nothing_to_download_before_the_end(planner: Desk) -> None:
    run_id = await queue(planner)
    query = "query ($id: ID!) { planRun(id: $id) { ... on ForecastRun { download(format: CSV) { url } } } }"
    assert await planner.ask(query, id=run_id) == {"planRun": {"download": None}}


async def test_a_result_costs_as_many_statements_whatever_its_length(
    planner: Desk, jobs: Connection, admin: Connection
) -> None:
    await carry_out(jobs, await queue(planner))
    before = await planner.cost(FORECAST, month="2024-09")
    await admin.execute(
        """
        with grade as (
            insert into steel_grades (tenant_id, name, position, product_group_id)
            select tenant_id, 'X' || n, 100 + n, id from product_groups cross join generate_series(1, 30) as n
            where name = 'MBQ' returning *
        )
        insert into forecast_heats (tenant_id, run_id, steel_grade_id, product_group_id, position,
                                    heats, tons, committed_heats, share, low, high)
        select g.tenant_id, f.run_id, g.id, g.product_group_id, g.position, 1, 100, 0, 0, 0, 1
        from grade as g cross join forecasts as f
        """
    )
    assert await planner.cost(FORECAST, month="2024-09") <= before + BATCHES
    assert len((await planner.ask(FORECAST, month="2024-09"))["forecast"]["heats"]) == 34


@pytest.mark.parametrize(
    ("month", "code"),
    [
        ("2024-06", "NOTHING_TO_FORECAST"),
        ("1949-12", "MONTH_OUT_OF_RANGE"),
        ("9999-12", "MONTH_OUT_OF_RANGE"),
        ("2026-10", "MONTH_TOO_FAR"),
    ],
)
async def test_a_month_that_can_not_be_forecast(
    planner: Desk, postbox: Postbox, admin: Connection, month: str, code: str
) -> None:
    mistake = await planner.mistake(RUN, month=month)
    assert (mistake["code"], mistake["path"]) == (code, ["input", "month"])
    assert postbox.handed_over == []
    assert await admin.fetchval("select count(*) from plan_runs") == 0


async def test_a_plant_that_knows_nothing_is_told_what_to_import(stranger: Desk) -> None:
    mistake = await stranger.mistake(RUN, month="2024-09")
    assert mistake["code"] == "NOTHING_TO_FORECAST"
    assert mistake["hint"].startswith("Import these workbooks first: steel grade production")


async def test_figures_beyond_all_reason_are_named(planner: Desk, admin: Connection) -> None:
    await admin.execute("update product_group_monthly set heats = 2000000 where heats = 232")
    mistake = await planner.mistake(RUN, month="2024-09")
    assert mistake["code"] == "DATA_OUT_OF_BOUNDS"
    assert "2000000" in mistake["message"]


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_only_planners_run_and_cancel(
    services: Services, planner: Desk, plant: Plant, postbox: Postbox, role: str
) -> None:
    run_id = await queue(planner)
    desk = desk_of(services, plant, role)
    for mistake in (await desk.mistake(RUN, month="2024-09"), await desk.mistake(CANCEL, id=run_id)):
        assert mistake["code"] == "FORBIDDEN"
        assert "planner or admin" in mistake["hint"]
    assert len(postbox.handed_over) == 1
    assert postbox.cancelled == []


async def test_a_queued_run_is_cancelled(planner: Desk, postbox: Postbox) -> None:
    run_id = await queue(planner)
    run = (await planner.ask(CANCEL, id=run_id))["cancelRun"]["run"]
    assert (run["id"], run["status"]) == (run_id, "CANCELLED")
    assert run["finishedAt"]
    assert postbox.cancelled == postbox.handed_over
    again = await planner.mistake(CANCEL, id=run_id)
    assert (again["code"], again["path"]) == ("RUN_HAS_ENDED", ["input", "runId"])
    assert "CANCELLED" in again["message"]
    assert len(postbox.cancelled) == 1


async def test_who_keeps_the_best_lets_the_worker_end_by_itself(
    planner: Desk, postbox: Postbox, jobs: Connection, admin: Connection
) -> None:
    run_id = await queue(planner)
    key = parse_node_id(run_id)[1]
    await jobs.execute("select claim_run($1)", key)
    run = (await planner.ask(CANCEL, id=run_id, keepBest=True))["cancelRun"]["run"]
    assert run["status"] == "RUNNING"
    assert postbox.cancelled == []
    assert await admin.fetchval("select stop_requested from plan_runs where id = $1", key)


async def test_runs_of_another_tenant_are_not_there(planner: Desk, stranger: Desk, jobs: Connection) -> None:
    run_id = await queue(planner)
    await carry_out(jobs, run_id)
    assert (await stranger.mistake(CANCEL, id=run_id))["code"] == "NOT_FOUND"
    assert await stranger.ask("query ($id: ID!) { planRun(id: $id) { id } }", id=run_id) == {"planRun": None}
    assert await stranger.ask("query ($id: ID!) { node(id: $id) { id } }", id=run_id) == {"node": None}
    assert await stranger.ask(FORECAST, month="2024-09") == {"forecast": None}
    assert (await stranger.ask(RUNS))["planRuns"]["totalCount"] == 0


async def test_runs_are_listed_the_newest_first(planner: Desk, jobs: Connection) -> None:
    run_ids = [await queue(planner) for _ in range(5)]
    await carry_out(jobs, run_ids[0])
    pages, after = [], None
    while True:
        page = (await planner.ask(RUNS, first=2, after=after))["planRuns"]
        assert page["totalCount"] == 5
        pages += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert [run["id"] for run in pages] == run_ids[::-1]
    assert {run["__typename"] for run in pages} == {"ForecastRun"}
    succeeded = (await planner.ask(RUNS, status="SUCCEEDED", kind="FORECAST"))["planRuns"]
    assert [run["id"] for run in succeeded["nodes"]] == run_ids[:1]
    assert (await planner.ask(RUNS, kind="REPLAN"))["planRuns"] == {
        "nodes": [],
        "totalCount": 0,
        "pageInfo": {"hasNextPage": False, "endCursor": None},
    }


async def test_runs_of_a_kind_without_a_type_are_passed_over(
    planner: Desk, admin: Connection, plant: Plant
) -> None:
    await admin.execute(
        "insert into plan_runs (tenant_id, kind, problem, requested_by) values ($1, 'ALLOCATION', '{}', $2)",
        plant.id,
        plant.planner,
    )
    assert (await planner.ask(RUNS))["planRuns"]["totalCount"] == 0


async def test_a_failure_is_told_in_a_planners_words(planner: Desk, jobs: Connection) -> None:
    run_id = await queue(planner)
    key = parse_node_id(run_id)[1]
    token = UUID((await jobs.fetchval("select claim_run($1)", key))["lease_token"])
    await jobs.execute(
        "select fail_run($1, $2, 'CODE', 'What happened.', 'What to do.', array['one', 'two'])", key, token
    )
    query = """query ($id: ID!) { planRun(id: $id) {
        status attempt startedAt finishedAt error { code message hint details }
    } }"""
    run = (await planner.ask(query, id=run_id))["planRun"]
    assert (run["status"], run["attempt"]) == ("FAILED", 1)
    assert run["startedAt"] <= run["finishedAt"]
    assert run["error"] == {
        "code": "CODE",
        "message": "What happened.",
        "hint": "What to do.",
        "details": ["one", "two"],
    }


async def test_mutations_at_once_make_a_run_each(planner: Desk, postbox: Postbox) -> None:
    run_ids = await asyncio.gather(*(queue(planner) for _ in range(6)))
    assert len(set(run_ids)) == len(set(postbox.handed_over)) == 6
