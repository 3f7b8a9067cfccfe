# ruff: noqa: DTZ001 - the dates of workbooks know no time zone
"""What imports leave in a real database, under row-level security."""

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from api.catalog.store import hold_for_merge
from api.workbooks.kinds import WorkbookKind
from api.workbooks.messages import CellMessage, Code, Severity
from api.workbooks.originals import FolderOriginals
from api.workbooks.report import WorkbookReport
from api.workbooks.store import NoTenant, import_workbook, import_workbooks
from tests.api.workbooks.sheets import NAMES, ORDERS, PRODUCTION, REAL, SAMPLE, SCHEDULE, book, with_cells
from tests.database import Connection, Plant, TemporaryDatabase, add_plant, as_user, connected

CODES = {Code.REPLACED, Code.NOTHING_CHANGED}

TABLES = (
    "product_groups",
    "steel_grades",
    "steel_grade_production",
    "product_group_monthly",
    "charge_schedule",
    "charge_schedule_days",
)

CONTENT = {
    "groups": "select name, position from product_groups order by name",
    "grades": """
        select g.name, p.name, g.position, g.suspect, g.suggestion, m.name
        from steel_grades as g left join product_groups as p on p.id = g.product_group_id
        left join steel_grades as m on m.id = g.merged_into_id order by g.name""",
    "production": """
        select g.name, month, tons, unit from steel_grade_production as s
        join steel_grades as g on g.id = s.steel_grade_id order by g.name, month""",
    "orders": """
        select g.name, month, heats from product_group_monthly as s
        join product_groups as g on g.id = s.product_group_id order by g.name, month""",
    "schedule": """
        select scheduled_on, start_time, g.name, mould_size from charge_schedule as s
        join steel_grades as g on g.id = s.steel_grade_id order by scheduled_on, start_time""",
    "days": "select scheduled_on from charge_schedule_days order by scheduled_on",
}


class Importer:
    """Somebody who imports into a plant."""

    def __init__(self, connection: Connection, user: UUID, folder: Path) -> None:
        self.connection = connection
        self.user = user
        self.files = FolderOriginals(folder)

    async def take(
        self, content: bytes, *, name: str = "plant.xlsx", dry_run: bool = False
    ) -> WorkbookReport:
        async with as_user(self.connection, self.user):
            return await import_workbook(
                self.connection, name, content, kind=None, dry_run=dry_run, files=self.files
            )

    async def take_all(
        self, names: Sequence[str], folder: Path = SAMPLE, *, dry_run: bool = False
    ) -> list[WorkbookReport]:
        workbooks = [(name, (folder / name).read_bytes()) for name in names]
        async with as_user(self.connection, self.user):
            return await import_workbooks(self.connection, workbooks, dry_run=dry_run, files=self.files)

    async def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that is stored, without ids."""
        async with as_user(self.connection, self.user):
            return {
                name: [tuple(row) for row in await self.connection.fetch(query)]
                for name, query in CONTENT.items()
            }

    async def ask(self, query: str, *arguments: object) -> Any:
        async with as_user(self.connection, self.user):
            return await self.connection.fetchval(query, *arguments)


@pytest.fixture
async def plant(admin: Connection) -> Plant:
    return await add_plant(admin)


@pytest.fixture
def planner(service: Connection, plant: Plant, tmp_path: Path) -> Importer:
    return Importer(service, plant.planner, tmp_path)


def codes(report: WorkbookReport) -> set[Code]:
    return {message.code for message in report.messages}


def of_code(report: WorkbookReport, code: Code) -> list[CellMessage]:
    return [message for message in report.messages if message.code is code]


async def test_sample_plant_is_stored(planner: Importer) -> None:
    reports = await planner.take_all(NAMES)
    assert [(r.rows_read, r.rows_stored, r.stored) for r in reports] == [
        *((48, 48, True), (16, 16, True), (37, 37, True)),
    ]
    content = await planner.content()
    assert [name for name, _ in sorted(content["groups"], key=lambda g: g[1])] == [
        "Rebar",
        "MBQ",
        "SBQ",
        "CHQ",
    ]
    assert sum(heats for group, month, heats in content["orders"] if month.month == 9) == 318
    assert {unit for *_, unit in content["production"]} == {"SHORT_TON"}
    suspects = {name: suggestion for name, _, _, suspect, suggestion, _ in content["grades"] if suspect}
    assert suspects == {f"A53/C{number}": "A53/C591" for number in range(592, 601)}


async def test_dragged_grades_are_named_with_their_origin(planner: Importer) -> None:
    report = (await planner.take_all(NAMES))[2]
    dragged = of_code(report, Code.FILL_HANDLE)
    assert {m.message.split()[0] for m in dragged} == {f"A53/C{number}" for number in range(592, 601)}
    assert all("A53/C591" in (m.hint or "") for m in dragged)
    assert {m.cell for m in dragged} == {*(f"B{row}" for row in range(10, 18)), "E4"}


async def test_stray_month_stores_nothing(planner: Importer) -> None:
    await planner.take_all(NAMES)
    assert await planner.ask("select count(*) from steel_grade_production where month < '2024-06-01'") == 0


def in_any_order() -> list[Any]:
    real = pytest.mark.skipif(not REAL.exists(), reason="the real workbooks are not beside this checkout")
    orders = list(itertools.permutations(range(3)))
    names = ["".join(map(str, order)) for order in orders]
    return [
        *(pytest.param(SAMPLE, o, id=f"sample-{n}") for o, n in zip(orders, names, strict=True)),
        *(pytest.param(REAL, orders[i], id=f"real-{names[i]}", marks=real) for i in (0, 5)),
    ]


@pytest.mark.parametrize(("folder", "order"), in_any_order())
async def test_any_order_leaves_the_same_and_the_second_time_changes_nothing(
    planner: Importer, order: tuple[int, ...], folder: Path, expected: dict[str, Any]
) -> None:
    for index in order:
        report = await planner.take((folder / NAMES[index]).read_bytes())
        assert report.stored
    first = await planner.content()
    assert first == expected
    imports = await planner.ask("select count(*) from workbook_imports")
    for index in order:
        report = await planner.take((folder / NAMES[index]).read_bytes())
        assert (report.stored, report.rows_stored, report.import_id) == (True, 0, None)
        assert Code.NOTHING_CHANGED in codes(report)
    assert await planner.content() == first
    assert await planner.ask("select count(*) from workbook_imports") == imports == 3


@pytest.fixture(scope="module")
async def expected(
    module_database: TemporaryDatabase, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What the sample plant comes to."""
    async with connected(module_database.admin_url) as admin:
        plant = await add_plant(admin)
    async with connected(module_database.api_url) as service:
        planner = Importer(service, plant.planner, tmp_path_factory.mktemp("files"))
        await planner.take_all(NAMES)
        return await planner.content()


async def test_import_is_recorded_with_its_original(planner: Importer, plant: Plant) -> None:
    content = book(PRODUCTION)
    report = await planner.take(content, name="C:\\plans\\august.xlsx")
    async with as_user(planner.connection, planner.user):
        (row,) = await planner.connection.fetch("select * from workbook_imports")
    sha256 = hashlib.sha256(content).hexdigest()
    assert row["id"] == report.import_id
    assert row["kind"] == WorkbookKind.STEEL_GRADE_PRODUCTION
    assert (row["file_name"], row["sha256"], row["size_bytes"]) == ("august.xlsx", sha256, len(content))
    assert (row["rows_read"], row["rows_stored"], row["imported_by"]) == (6, 6, plant.planner)
    assert row["report"] == report.as_json()
    assert await planner.files.read(plant.id, sha256) == content
    assert (
        await planner.ask(
            "select count(*) from steel_grade_production where import_id = $1", report.import_id
        )
        == 6
    )


async def test_original_that_was_damaged_is_whole_again_when_its_file_comes_again(
    planner: Importer, plant: Plant, tmp_path: Path
) -> None:
    content = book(PRODUCTION)
    await planner.take(content)
    (kept,) = tmp_path.rglob("*.xlsx")
    kept.write_bytes(bytes(len(content)))
    await planner.take(content, dry_run=True)
    assert kept.read_bytes() != content
    report = await planner.take(content)
    assert (report.stored, report.import_id) == (True, None)
    assert await planner.files.read(plant.id, report.sha256) == content


async def test_file_that_says_what_is_stored_already_is_not_kept(planner: Importer, tmp_path: Path) -> None:
    await planner.take(book(PRODUCTION))
    await planner.take(book(with_cells(PRODUCTION, A1="Production history of the plant (short tons)")))
    assert len(list(tmp_path.rglob("*.xlsx"))) == 1


async def test_dry_run_tells_all_and_stores_nothing(planner: Importer, tmp_path: Path) -> None:
    report = await planner.take(book(with_cells(SCHEDULE, B4="X70")), dry_run=True)
    assert (report.stored, report.rows_read, report.rows_stored, report.import_id) == (False, 3, 0, None)
    assert Code.NO_KNOWN_GRADES in codes(report)
    assert not any((await planner.content()).values())
    assert await planner.ask("select count(*) from workbook_imports") == 0
    assert list(tmp_path.iterdir()) == []


async def test_dry_run_of_several_files_knows_what_others_tell(planner: Importer, tmp_path: Path) -> None:
    reports = await planner.take_all(NAMES[::-1], dry_run=True)
    assert [(r.stored, r.rows_stored, r.import_id) for r in reports] == [(False, 0, None)] * 3
    assert not {Code.NO_KNOWN_GRADES, Code.UNKNOWN_GRADE} & codes(reports[0])
    assert len(of_code(reports[0], Code.FILL_HANDLE)) == 9
    assert not any((await planner.content()).values())
    assert list(tmp_path.iterdir()) == []


async def test_error_anywhere_stores_nothing(planner: Importer, tmp_path: Path) -> None:
    report = await planner.take(book({"good": ORDERS, "bad": with_cells(PRODUCTION, C3=-1)}))
    assert (report.stored, report.rows_stored, report.refused) == (False, 0, True)
    assert not any((await planner.content()).values())
    assert list(tmp_path.iterdir()) == []


async def test_file_that_can_not_be_read_is_reported_without_a_kind(planner: Importer) -> None:
    report = await planner.take(b"%PDF")
    assert (report.kind, report.stored) == (None, False)
    assert codes(report) == {Code.NOT_A_WORKBOOK}


async def test_several_kinds_in_one_workbook_are_stored_together(planner: Importer) -> None:
    report = await planner.take(book({"b": SCHEDULE, "c": ORDERS, "a": PRODUCTION}))
    assert (report.stored, report.rows_stored) == (True, 3 + 4 + 6)
    assert not {Code.UNKNOWN_GRADE, Code.NO_KNOWN_GRADES} & codes(report)


async def test_history_replaces_its_months_and_grades_and_nothing_else(planner: Importer) -> None:
    await planner.take(book(PRODUCTION))
    august = with_cells(PRODUCTION[:3], C2=datetime(2024, 7, 1), D2=datetime(2024, 8, 1), C3=1, D3=2)
    report = await planner.take(book(august))
    assert report.rows_stored == 2
    assert "1 figure differs from the stored one and replaces it" in of_code(report, Code.REPLACED)[0].message
    tons = {
        (grade, month.month): int(tons) for grade, month, tons, _ in (await planner.content())["production"]
    }
    assert tons == {
        ("B500A", 6): 8724, ("B500A", 7): 1, ("B500A", 8): 2,
        ("B500B", 6): 10880, ("B500B", 7): 11030, ("A36", 6): 0, ("A36", 7): 202,
    }  # fmt: skip


async def test_blank_figure_leaves_what_is_stored(planner: Importer) -> None:
    await planner.take(book(PRODUCTION))
    report = await planner.take(book(with_cells(PRODUCTION, C3=None)))
    assert (report.rows_stored, report.import_id) == (0, None)


async def test_schedule_replaces_its_days_and_no_others(planner: Importer) -> None:
    await planner.take(book(PRODUCTION))
    await planner.take(book(SCHEDULE))
    only_the_30th = [row[:3] for row in with_cells(SCHEDULE, A4="03:00", A5="06:00", B5="A36", C5="7")]
    report = await planner.take(book(only_the_30th))
    assert report.rows_stored == 2
    assert (
        "1 heat of these days is no longer scheduled and is removed."
        in of_code(report, Code.REPLACED)[0].message
    )
    stored = [
        (day.day, f"{start:%H:%M}", grade) for day, start, grade, _ in (await planner.content())["schedule"]
    ]
    assert stored == [
        (30, "03:00", "B500B"),
        (30, "06:00", "A36"),
        (31, "05:00", "B500A"),
        (31, "06:11", "B500B"),
    ]


async def test_day_of_idle_times_is_cleared(planner: Importer) -> None:
    await planner.take(book(SCHEDULE))
    report = await planner.take(book(with_cells(SCHEDULE, B4="-", C4="-")))
    assert (report.rows_stored, report.stored) == (0, True)
    assert report.import_id is not None
    content = await planner.content()
    assert [day.day for day, *_ in content["schedule"]] == [31, 31]
    assert [day.day for (day,) in content["days"]] == [30, 31]


async def test_idle_day_is_known_as_covered(planner: Importer) -> None:
    idle = with_cells(SCHEDULE, B4="-", C4="-")
    report = await planner.take(book([row[:3] for row in idle]))
    assert (report.rows_read, report.rows_stored, report.stored) == (0, 0, True)
    assert report.import_id is not None
    content = await planner.content()
    assert (content["schedule"], [day.day for (day,) in content["days"]]) == ([], [30])
    again = await planner.take(book([row[:3] for row in idle]))
    assert (again.import_id, Code.NOTHING_CHANGED in codes(again)) == (None, True)


async def test_day_without_rows_is_not_covered(planner: Importer) -> None:
    await planner.take(book([row[:3] if i > 2 else row for i, row in enumerate(SCHEDULE)]))
    assert [day.day for (day,) in (await planner.content())["days"]] == [30]


async def test_unit_is_kept_and_mixing_is_doubted(planner: Importer) -> None:
    await planner.take(book(PRODUCTION))
    metric = with_cells(
        PRODUCTION, A1="Production history (tonnes)", C2=datetime(2024, 8, 1), D2=datetime(2024, 9, 1)
    )
    report = await planner.take(book(metric))
    assert Code.UNIT_CHANGED in codes(report)
    units = {unit for *_, unit in (await planner.content())["production"]}
    assert units == {"SHORT_TON", "TONNE"}


async def test_unit_of_what_is_replaced_is_said_to_be_gone(planner: Importer) -> None:
    await planner.take(book(PRODUCTION))
    metric = with_cells(PRODUCTION, A1="Production history (tonnes)")
    (said,) = of_code(await planner.take(book(metric)), Code.UNIT_CHANGED)
    assert "stored in short tons; the file replaces all of these (6 figures)." in said.message
    assert {unit for *_, unit in (await planner.content())["production"]} == {"TONNE"}
    assert not of_code(await planner.take(book(metric)), Code.UNIT_CHANGED)


async def test_unit_of_what_is_replaced_in_part_is_said_to_stay(planner: Importer) -> None:
    await planner.take(book(PRODUCTION))
    one_row = with_cells(PRODUCTION[:3], A1="Production history (tonnes)", D3=None)
    (said,) = of_code(await planner.take(book(one_row)), Code.UNIT_CHANGED)
    assert "the file replaces 1 figure of these, the others are kept as they are." in said.message
    assert [unit for *_, unit in (await planner.content())["production"]].count("SHORT_TON") == 5


LOWER = with_cells(PRODUCTION, A3="REBAR", B3="b500a", B4="b500B", A5="mbq")
SCHEDULED_LOWER = with_cells(SCHEDULE, B4="b500B", E4="b500a", E5="b500B")
ORDERS_UPPER = with_cells(ORDERS, A3="REBAR", A4="mbq")


async def test_names_that_differ_by_case_become_no_second_grade_or_group(planner: Importer) -> None:
    for rows in (PRODUCTION, ORDERS, SCHEDULE):
        await planner.take(book(rows))
    before = await planner.content()
    for rows, names in (
        (LOWER, {"REBAR", "b500a", "b500B", "mbq"}),
        (ORDERS_UPPER, {"REBAR", "mbq"}),
        (SCHEDULED_LOWER, {"b500a", "b500B"}),
    ):
        report = await planner.take(book(rows))
        assert {m.about for m in of_code(report, Code.NAME_SPELLED_DIFFERENTLY)} == names
        assert Code.NOTHING_CHANGED in codes(report)
        assert await planner.content() == before


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a_history_tells_the_spelling_in_whatever_order_files_come(
    planner: Importer, order: tuple[int, ...]
) -> None:
    files = (PRODUCTION, ORDERS_UPPER, SCHEDULED_LOWER)
    for index in order:
        assert (await planner.take(book(files[index]))).stored
    content = await planner.content()
    assert content["groups"] == [("MBQ", 1), ("Rebar", 0)]
    assert [(name, group, suspect) for name, group, _, suspect, *_ in content["grades"]] == [
        ("A36", "MBQ", False),
        ("B500A", "Rebar", False),
        ("B500B", "Rebar", False),
    ]
    assert {grade for _, _, grade, _ in content["schedule"]} == {"B500A", "B500B"}
    assert {group for group, *_ in content["orders"]} == {"MBQ", "Rebar"}


async def test_spellings_of_one_file_are_one_grade_and_contradict_each_other(planner: Importer) -> None:
    twice = await planner.take(book({"a": PRODUCTION, "b": LOWER}))
    assert (twice.stored, len((await planner.content())["grades"])) == (True, 3)
    assert {m.sheet for m in of_code(twice, Code.NAME_SPELLED_DIFFERENTLY)} == {"b"}
    otherwise = await planner.take(book({"a": PRODUCTION, "b": with_cells(LOWER, C3=1)}))
    assert (otherwise.stored, [m.cell for m in of_code(otherwise, Code.CONTRADICTION)]) == (False, ["B3"])


async def test_two_spellings_that_are_stored_both_stay_two_grades(
    planner: Importer, plant: Plant, admin: Connection
) -> None:
    await planner.take(book(PRODUCTION))
    await admin.execute(
        "insert into steel_grades (tenant_id, name, product_group_id, position)"
        " select tenant_id, 'b500a', product_group_id, 9 from steel_grades where name = 'B500A'"
    )
    report = await planner.take(book(with_cells(PRODUCTION, B3="b500A")))
    assert not of_code(report, Code.NAME_SPELLED_DIFFERENTLY)
    assert "'B500A'" in of_code(report, Code.GRADE_SIMILAR)[0].message
    assert len((await planner.content())["grades"]) == 5


async def test_history_gives_a_suspect_its_group(planner: Importer) -> None:
    await planner.take(book(SCHEDULE))
    grades = {name: suspect for name, _, _, suspect, *_ in (await planner.content())["grades"]}
    assert grades == {"B500A": True, "B500B": True}
    report = await planner.take(book(PRODUCTION))
    assert {m.message.split(",")[0] for m in of_code(report, Code.GROUP_ASSIGNED)} == {"B500A", "B500B"}
    grades = {name: (group, suspect) for name, group, _, suspect, *_ in (await planner.content())["grades"]}
    assert grades == {
        name: (group, False) for name, group in (("A36", "MBQ"), ("B500A", "Rebar"), ("B500B", "Rebar"))
    }


async def test_suggestions_are_found_when_known_grades_appear(planner: Importer) -> None:
    await planner.take(book(with_cells(SCHEDULE, B4="B5OOB")))
    assert await planner.ask("select suggestion from steel_grades where name = 'B5OOB'") is None
    await planner.take(book(PRODUCTION))
    assert await planner.ask("select suggestion from steel_grades where name = 'B5OOB'") == "B500B"


async def test_merged_grade_answers_for_its_name(planner: Importer, admin: Connection) -> None:
    await planner.take(book(PRODUCTION))
    await planner.take(book(with_cells(SCHEDULE, B4="B500B old")))
    await admin.execute(
        "update steel_grades set suspect = false, suggestion = null,"
        " merged_into_id = (select id from steel_grades where name = 'B500B') where name = 'B500B old'"
    )
    report = await planner.take(book(with_cells(SCHEDULE, B4="B500B old", A4="03:00")))
    assert Code.MERGED_GRADE in codes(report)
    assert await planner.ask(
        "select g.name from charge_schedule join steel_grades as g on g.id = steel_grade_id"
        " where start_time = '03:00'"
    ) == "B500B"  # fmt: skip
    both = with_cells(PRODUCTION, B6="B500B old", A6="Rebar", C6=20, D6=30)
    await planner.take(book(both))
    assert await planner.ask(
        "select sum(tons)::int from steel_grade_production join steel_grades as g on g.id = steel_grade_id"
        " where g.name = 'B500B' and month = '2024-06-01'"
    ) == 10880 + 20  # fmt: skip
    again = await planner.take(book(both))
    assert again.rows_stored == 0


async def test_group_that_changes_takes_its_grade_along(planner: Importer) -> None:
    await planner.take(book(PRODUCTION))
    report = await planner.take(book(with_cells(PRODUCTION, A4="MBQ")))
    assert report.rows_stored == 0
    assert report.import_id is not None
    assert Code.GROUP_CHANGED in codes(report)
    assert Code.NOTHING_CHANGED not in codes(report)
    grades = {name: group for name, group, *_ in (await planner.content())["grades"]}
    assert grades["B500B"] == "MBQ"


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_only_planners_store(planner: Importer, plant: Plant, role: str, tmp_path: Path) -> None:
    other = Importer(planner.connection, plant.members[role], tmp_path)
    assert (await other.take(book(PRODUCTION), dry_run=True)).rows_read == 6
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await other.take(book(PRODUCTION))
    assert not any((await planner.content()).values())


async def test_stranger_has_nowhere_to_store(planner: Importer, tmp_path: Path) -> None:
    stranger = Importer(planner.connection, uuid4(), tmp_path)
    with pytest.raises(NoTenant):
        await stranger.take(book(PRODUCTION))


async def test_tenants_do_not_see_each_others_grades(
    planner: Importer, admin: Connection, tmp_path: Path
) -> None:
    other = Importer(planner.connection, (await add_plant(admin, "south")).planner, tmp_path)
    await planner.take(book(PRODUCTION))
    report = await other.take(book(SCHEDULE))
    assert Code.NO_KNOWN_GRADES in codes(report)
    assert len((await other.content())["grades"]) == 2
    assert len((await planner.content())["grades"]) == 3


@asynccontextmanager
async def importers(
    database: TemporaryDatabase, plant: Plant, folder: Path, count: int
) -> AsyncIterator[list[Importer]]:
    """Several at once, each with a connection of their own."""
    opened = [connected(database.api_url) for _ in range(count)]
    connections = [await each.__aenter__() for each in opened]
    try:
        yield [Importer(connection, plant.planner, folder) for connection in connections]
    finally:
        for each in opened:
            await each.__aexit__(None, None, None)


async def test_imports_at_once_take_turns(database: TemporaryDatabase, plant: Plant, tmp_path: Path) -> None:
    async with importers(database, plant, tmp_path, 4) as several:
        content = book(PRODUCTION)
        reports = await asyncio.gather(*(each.take(content) for each in several))
        assert sorted(report.rows_stored for report in reports) == [0, 0, 0, 6]
        assert await several[0].ask("select count(*) from workbook_imports") == 1


async def test_imports_and_merges_take_turns(planner: Importer, admin: Connection, plant: Plant) -> None:
    async with as_user(admin, plant.planner):
        await hold_for_merge(admin, [])
        importing = asyncio.create_task(planner.take(book(PRODUCTION)))
        await asyncio.sleep(0.6)
        assert not importing.done()
    assert (await importing).stored


async def test_failure_while_writing_leaves_nothing(planner: Importer, admin: Connection) -> None:
    await admin.execute("alter table steel_grade_production add check (tons < 9000) not valid")
    with pytest.raises(asyncpg.CheckViolationError):
        await planner.take(book(PRODUCTION))
    assert not any((await planner.content()).values())
    assert await planner.ask("select count(*) from workbook_imports") == 0


async def test_several_files_come_back_in_the_order_given(planner: Importer) -> None:
    async with as_user(planner.connection, planner.user):
        reports = await import_workbooks(
            planner.connection,
            [("a", book(SCHEDULE)), ("b", b"%PDF"), ("c", book(PRODUCTION)), ("d", book(ORDERS))],
            dry_run=False,
            files=planner.files,
        )
    assert [(report.kind or "").split("_")[0] for report in reports] == ["DAILY", "", "STEEL", "PRODUCT"]
    assert [report.stored for report in reports] == [True, False, True, True]
    assert max(m.severity for m in reports[0].messages) is Severity.INFO
