"""The foundry in SQL: replans queued within bounds, scenarios copied whole, results stored by jobs alone."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg
import pytest

from solver_jobs.foundry.answer import answer
from solver_jobs.foundry.planner import plan
from solver_jobs.foundry.problem import read_problem
from tests.api.foundry.shop import PROBLEM
from tests.database import Connection, Ground, Plant, TemporaryDatabase, add_plant, as_user, connected

TABLES = ("replans", "plan_daily_order", "plan_weekly_order", "order_status", "plan_days")


@pytest.fixture(scope="module")
async def shared(every_ground: Ground) -> AsyncIterator[TemporaryDatabase]:
    async with every_ground.database() as database:
        yield database


@pytest.fixture
async def admin(shared: TemporaryDatabase) -> AsyncIterator[Connection]:
    async with connected(shared.admin_url) as connection:
        yield connection


@pytest.fixture
async def plant(admin: Connection) -> Plant:
    return await add_plant(admin, f"plant-{uuid.uuid4().hex[:8]}")


async def add_scenario(admin: Connection, plant: Plant, name: str = "Harbour") -> uuid.UUID:
    """A scenario with the parts and orders of the small foundry."""
    key: uuid.UUID = await admin.fetchval(
        "insert into scenarios (tenant_id, name, asof_date) values ($1, $2, '2026-01-05') returning id",
        plant.id,
        name,
    )
    for part in PROBLEM["parts"]:
        await admin.execute(
            "insert into parts (tenant_id, scenario_id, part_id, flask_size, cool_hours, finish_hours,"
            " gross_weight_ton) select $1, $2, * from jsonb_to_record($3) as r (part_id text,"
            " flask_size text, cool_hours numeric, finish_hours numeric, gross_weight_ton numeric)",
            plant.id,
            key,
            part,
        )
    for order in PROBLEM["orders"]:
        await admin.execute(
            "insert into orders (tenant_id, scenario_id, order_id, part_id, qty, due_date)"
            " select $1, $2, * from jsonb_to_record($3) as r (order_id text, part_id text, qty integer,"
            " due_date date)",
            plant.id,
            key,
            order,
        )
    return key


ROWS = (
    "resources values ($1, $2, 1, 2, 3, 4, 2, 5)",
    "calendar_workdays values ($1, $2, 0, '2026-01-05', 0)",
    "initial_order_progress values ($1, $2, '2026-01-05', 'A-1', 1)",
    "initial_patterns_loaded values ($1, $2, '2026-01-05', 'A-1', 1)",
    "initial_flask_inuse values ($1, $2, '2026-01-05', 1, 'S', 1, 1)",
    "initial_pour_load values ($1, $2, '2026-01-05', 1, 0, 1.5)",
    "expected_deliveries values ($1, $2, '2026-01-05', 1, 'A-1', '2026-01-07', 1)",
    "previous_plan values ($1, $2, 'A-1', 0, 2)",
    "pins values ($1, $2, 'A-1', 0, 2)",
)
"""One for each table of a scenario that may be empty."""


async def fill(admin: Connection, plant: Plant, scenario: uuid.UUID) -> None:
    for row in ROWS:
        await admin.execute(f"insert into {row}", plant.id, scenario)


async def tables_of_scenarios(admin: Connection) -> list[str]:
    """What holds a scenario's data, found in the catalog."""
    tables = await admin.fetch(
        "select c.relname::text as name from pg_class as c join pg_attribute as a on a.attrelid = c.oid"
        " where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attname = 'scenario_id'"
        " and not c.relname = any($1::text[])",
        # A copy to try something out with is not replanned on Mondays.
        [*TABLES, "plan_runs", "monday_replans", "monday_wishes"],
    )
    assert len(tables) == 11
    return [table["name"] for table in tables]


async def create(
    connection: Connection, plant: Plant, scenario: uuid.UUID, key: str | None = None
) -> uuid.UUID:
    async with as_user(connection, plant.planner):
        run: uuid.UUID = await connection.fetchval(
            "select create_replan($1, '2026-01-05', '{}', $2)", scenario, key
        )
    return run


@pytest.fixture(scope="module")
def result() -> Mapping[str, Any]:
    problem = read_problem(PROBLEM)
    found: Mapping[str, Any] = answer(problem, plan(problem, steps=200, workers=1)).model_dump(mode="json")
    return found


async def finish(database: TemporaryDatabase, run: uuid.UUID, result: Mapping[str, Any]) -> None:
    """Claim a run, tell a first plan that is worse than the last one, and end it."""
    async with connected(database.jobs_url) as jobs:
        token = (await jobs.fetchval("select claim_run($1)", run))["lease_token"]
        await jobs.execute("select progress_run($1, $2, 'improve', 50, 38200000, 1)", run, token)
        await jobs.execute("select finish_run($1, $2, $3)", run, token, result)


async def counts(admin: Connection, run: uuid.UUID) -> list[int]:
    return [
        await admin.fetchval(f"select count(*)::int from {table} where run_id = $1", run) for table in TABLES
    ]


async def test_a_result_becomes_rows_of_all_tables(
    shared: TemporaryDatabase, admin: Connection, plant: Plant, result: Mapping[str, Any]
) -> None:
    async with connected(shared.api_url) as service:
        run = await create(service, plant, await add_scenario(admin, plant))
    await finish(shared, run, result)
    found = result["plan"]
    stored = await counts(admin, run)
    assert stored[:2] == [1, len(found["x"])]
    assert stored[3:] == [3, len(found["calendar_workdays"])]
    daily = "select sum(molds_molded)::int from plan_daily_order where run_id = $1"
    weekly = "select sum(molds_molded_week)::int from plan_weekly_order where run_id = $1"
    assert await admin.fetchval(daily, run) == await admin.fetchval(weekly, run) == 31
    row = await admin.fetchrow("select * from replans where run_id = $1", run)
    assert row is not None
    assert (row["late_molds"], row["objective"]) == (found["summary"]["late"], found["summary"]["objective"])
    assert row["plan"] == json.loads(json.dumps(found))
    assert list(row["explanation"]) == found["explanation"]["sentences"]
    told = await admin.fetchrow("select best_objective, best_bound from plan_runs where id = $1", run)
    assert told is not None
    assert tuple(told) == (row["objective"], row["bound"])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: r["plan"]["order_status"].append({**r["plan"]["order_status"][0], "order_id": "Z-9"}),
        lambda r: r["plan"]["summary"].update(bound=r["plan"]["summary"]["objective"] + 1),
        lambda r: r["plan"]["x"].append({"order_id": "A-1", "workday_index": 3, "molds": 0}),
        lambda r: r["days"].pop(0) and r["days"].append(r["days"][-1]),
    ],
    ids=["order of another scenario", "bound above the objective", "no molds", "a day twice"],
)
async def test_what_must_never_be_stored_is_refused_whole(
    shared: TemporaryDatabase, admin: Connection, plant: Plant, result: Mapping[str, Any], spoil: Any
) -> None:
    spoiled = json.loads(json.dumps(result))
    spoil(spoiled)
    async with connected(shared.api_url) as service:
        run = await create(service, plant, await add_scenario(admin, plant))
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await finish(shared, run, spoiled)
    assert await counts(admin, run) == [0] * 5


async def test_as_many_replans_wait_at_once_as_the_tenant_may_have_however_they_come(
    shared: TemporaryDatabase, admin: Connection, plant: Plant
) -> None:
    scenario = await add_scenario(admin, plant)

    async def ask(number: int) -> object:
        async with connected(shared.api_url) as service:
            try:
                return await create(service, plant, scenario, f"{plant.slug} {number}")
            except asyncpg.PostgresError as error:
                return error.sqlstate

    answers = await asyncio.gather(*(ask(number) for number in range(10)))
    assert answers.count("PT429") == 6
    assert len({found for found in answers if isinstance(found, uuid.UUID)}) == 4
    # Another tenant's are its own.
    other = await add_plant(admin, f"{plant.slug}-2")
    async with connected(shared.api_url) as service:
        assert await create(service, other, await add_scenario(admin, other))


async def test_one_key_gives_one_run_however_often_it_is_asked(
    shared: TemporaryDatabase, admin: Connection, plant: Plant
) -> None:
    scenario = await add_scenario(admin, plant)

    async def ask() -> uuid.UUID:
        async with connected(shared.api_url) as service:
            return await create(service, plant, scenario, "monday")

    assert len(set(await asyncio.gather(*(ask() for _ in range(8))))) == 1


async def test_a_replan_names_its_scenario_and_its_monday(admin: Connection, plant: Plant) -> None:
    add = "insert into plan_runs (tenant_id, kind, problem, requested_by, {}) values ($1, {}, '{{}}', $1, {})"
    for columns, kind, values in (
        ("asof_date", "'REPLAN'", "'2026-01-05'"),
        ("asof_date, month", "'FORECAST'", "'2026-01-05', '2026-01-01'"),
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await admin.execute(add.format(columns, kind, values), plant.id)


async def test_a_scenario_of_another_tenant_is_neither_planned_nor_copied(
    shared: TemporaryDatabase, admin: Connection, plant: Plant
) -> None:
    other = await add_plant(admin, f"{plant.slug}-2")
    scenario = await add_scenario(admin, other)
    async with connected(shared.api_url) as service:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await create(service, plant, scenario)
        assert refused.value.sqlstate == "PT404"
        async with as_user(service, plant.planner):
            with pytest.raises(asyncpg.PostgresError) as refused:
                await service.execute("select clone_scenario($1, 'Mine')", scenario)
        assert refused.value.sqlstate == "PT404"


async def test_a_copy_has_every_row_of_every_table_that_names_a_scenario(
    shared: TemporaryDatabase, admin: Connection, plant: Plant
) -> None:
    """Tables are found in the catalog: one that is added and not copied fails here."""
    scenario = await add_scenario(admin, plant)
    await fill(admin, plant, scenario)
    await admin.execute(
        "update orders set active = false where scenario_id = $1 and order_id = 'A-3'", scenario
    )
    async with connected(shared.api_url) as service, as_user(service, plant.planner):
        copy = await service.fetchval("select clone_scenario($1, 'What if')", scenario)
    for table in await tables_of_scenarios(admin):
        of = f"select count(*)::int from {table} where scenario_id = $1"
        expected = await admin.fetchval(of, scenario) - (table == "orders")
        assert await admin.fetchval(of, copy) == expected > 0, table


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("update scenarios set asof_date = '2026-01-06' where id = $1", asyncpg.CheckViolationError),
        ("update scenarios set name = ' x ' where id = $1", asyncpg.CheckViolationError),
        ("update scenarios set name = 'KW  36' where id = $1", asyncpg.CheckViolationError),
        ("update scenarios set name = E'KW\t36' where id = $1", asyncpg.CheckViolationError),
        ("update scenarios set name = E'KW\u009036' where id = $1", asyncpg.CheckViolationError),
        ("update scenarios set frozen_days = 2 where id = $1", asyncpg.CheckViolationError),
        ("update parts set flask_size = 'XL' where scenario_id = $1", asyncpg.CheckViolationError),
        ("update orders set qty = -1 where scenario_id = $1", asyncpg.CheckViolationError),
        ("update orders set part_id = 'LADLE' where scenario_id = $1", asyncpg.ForeignKeyViolationError),
        ("delete from parts where scenario_id = $1", asyncpg.ForeignKeyViolationError),
    ],
)
async def test_what_must_never_be_stored_cannot_be(
    admin: Connection, plant: Plant, change: str, error: type[Exception]
) -> None:
    scenario = await add_scenario(admin, plant)
    with pytest.raises(error):
        await admin.execute(change, scenario)


ARCHIVE = "update scenarios set archived_at = now() where id = $1"


async def test_a_scenario_is_archived_by_deleting_it_alone(
    shared: TemporaryDatabase, admin: Connection, plant: Plant
) -> None:
    scenario = await add_scenario(admin, plant)
    archived = "insert into scenarios (tenant_id, name, asof_date, archived_at)"
    async with connected(shared.api_url) as service:
        for statement, key in (
            (ARCHIVE, scenario),
            (f"{archived} values ($1, 'Old', '2026-01-05', now())", plant.id),
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with as_user(service, plant.planner):
                    await service.execute(statement, key)
        await admin.execute(ARCHIVE, scenario)
        async with as_user(service, plant.planner):
            for change in ("archived_at = null", "name = 'New'", "is_base = true"):
                changed = await service.execute(f"update scenarios set {change} where id = $1", scenario)
                assert changed == "UPDATE 0"
            assert await service.fetchval("select name from scenarios where id = $1", scenario) == "Harbour"


@pytest.mark.parametrize(
    "asked",
    [
        "select create_replan($1, '2026-01-05', '{}')",
        "select create_batch(null, jsonb_build_array(jsonb_build_object('scenario_id', $1::uuid,"
        " 'asof_date', '2026-01-05')), array['{}'::jsonb])",
        "select set_monday_replan($1, 6)",
        "select delete_scenario($1)",
    ],
)
async def test_what_is_archived_or_of_another_tenant_is_not_there_to_be_planned(
    shared: TemporaryDatabase, admin: Connection, plant: Plant, asked: str
) -> None:
    await add_scenario(admin, plant)
    archived = await add_scenario(admin, plant, "Trial")
    await admin.execute(ARCHIVE, archived)
    theirs = await add_scenario(admin, await add_plant(admin, f"{plant.slug}-2"))
    async with connected(shared.api_url) as service:
        for scenario in (archived, theirs):
            with pytest.raises(asyncpg.PostgresError) as refused:
                async with as_user(service, plant.planner):
                    await service.execute(asked, scenario)
            assert refused.value.sqlstate == "PT404"


async def test_what_an_archived_scenario_holds_is_read_and_not_changed(
    shared: TemporaryDatabase, admin: Connection, plant: Plant
) -> None:
    present, archived = await add_scenario(admin, plant), await add_scenario(admin, plant, "Trial")
    for scenario in (present, archived):
        await fill(admin, plant, scenario)
    await admin.execute(ARCHIVE, archived)
    async with connected(shared.api_url) as service:
        for table in await tables_of_scenarios(admin):
            of = f"{table} where scenario_id = $1"
            change = f"update {table} set tenant_id = tenant_id where scenario_id = $1"
            move = f"update {table} set scenario_id = $2 where scenario_id = $1"
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with as_user(service, plant.planner):
                    await service.execute(move, present, archived)
            async with as_user(service, plant.planner):
                rows = await service.fetchval(f"select count(*)::int from {of}", archived)
                assert rows > 0, table
                assert await service.execute(change, archived) == "UPDATE 0", table
                assert await service.execute(change, present) == f"UPDATE {rows}", table
                if table not in ("parts", "orders"):
                    assert await service.execute(f"delete from {of}", archived) == "DELETE 0", table
                    assert await service.execute(f"delete from {of}", present) == f"DELETE {rows}", table
        for row in ROWS:
            async with as_user(service, plant.planner):
                assert await service.execute(f"insert into {row}", plant.id, present) == "INSERT 0 1"
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with as_user(service, plant.planner):
                    await service.execute(f"insert into {row}", plant.id, archived)


async def test_the_base_is_never_archived(admin: Connection, plant: Plant) -> None:
    scenario = await add_scenario(admin, plant)
    await admin.execute("update scenarios set is_base = true where id = $1", scenario)
    with pytest.raises(asyncpg.CheckViolationError):
        await admin.execute(ARCHIVE, scenario)
