"""Takes workbooks in: reads them in a child process, compares, and writes in the caller's transaction.

All SQL runs under the caller's claims: row-level security decides what is seen and who may write.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from pathlib import PurePosixPath, PureWindowsPath
from uuid import UUID, uuid4

from api.database import Connection
from api.workbooks.catalogue import Grade, Group
from api.workbooks.changes import Changes, Stored, compare
from api.workbooks.content import Content, Reading
from api.workbooks.foundry_judge import judged
from api.workbooks.foundry_store import put_foundry
from api.workbooks.kinds import WorkbookKind
from api.workbooks.messages import CellMessage, Code, Severity
from api.workbooks.originals import KeepsNothing, OriginalFiles
from api.workbooks.report import WorkbookReport
from api.workbooks.sandbox import read_safely

TENANT = "select current_tenant_id()"

# Imports of a tenant take turns, with each other and with merges of its grades (which hold the same lock).
TAKE_TURN = "select pg_advisory_xact_lock(hashtextextended('pourplan.merge ' || $1::uuid::text, 0))"

GROUPS = "select id, name, position from product_groups where tenant_id = $1"

GRADES = """
select id, name, product_group_id, position, suspect, suggestion, merged_into_id
from steel_grades where tenant_id = $1
"""

# What is stored for the months and days that a file covers.
PRODUCTION = """
select steel_grade_id, month, tons, unit from steel_grade_production
where tenant_id = $1 and month = any($2::date[])
"""
ORDERS = """
select product_group_id, month, heats from product_group_monthly
where tenant_id = $1 and month = any($2::date[])
"""
SCHEDULE = """
select scheduled_on, start_time, steel_grade_id, mould_size from charge_schedule
where tenant_id = $1 and scheduled_on = any($2::date[])
"""
DAYS = "select scheduled_on from charge_schedule_days where tenant_id = $1 and scheduled_on = any($2::date[])"
UNITS = "select distinct unit from steel_grade_production where tenant_id = $1 and month <> all($2::date[])"

# Whether a file changed something when it came before: then its original is kept.
WAS_IMPORTED = "select exists (select from workbook_imports where tenant_id = $1 and sha256 = $2)"

ADD_IMPORT = """
insert into workbook_imports (id, tenant_id, kind, file_name, sha256, size_bytes, rows_read, rows_stored,
report) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
ADD_GROUPS = """
insert into product_groups (tenant_id, id, name, position)
select $1, * from unnest($2::uuid[], $3::text[], $4::integer[])
"""
CHANGE_GROUPS = """
update product_groups as g set name = told.name, position = told.position
from unnest($2::uuid[], $3::text[], $4::integer[]) as told (id, name, position)
where g.tenant_id = $1 and g.id = told.id
"""
ADD_GRADES = """
insert into steel_grades (tenant_id, id, name, product_group_id, position, suspect, suggestion)
select $1, * from unnest($2::uuid[], $3::text[], $4::uuid[], $5::integer[], $6::boolean[], $7::text[])
"""
CHANGE_GRADES = """
update steel_grades as g
set name = told.name, product_group_id = told.product_group_id, position = told.position,
    suspect = told.suspect, suggestion = told.suggestion
from unnest($2::uuid[], $3::text[], $4::uuid[], $5::integer[], $6::boolean[], $7::text[])
    as told (id, name, product_group_id, position, suspect, suggestion)
where g.tenant_id = $1 and g.id = told.id
"""
PUT_PRODUCTION = """
insert into steel_grade_production (tenant_id, import_id, steel_grade_id, month, tons, unit)
select $1, $2, * from unnest($3::uuid[], $4::date[], $5::numeric[], $6::text[])
on conflict (tenant_id, steel_grade_id, month)
do update set tons = excluded.tons, unit = excluded.unit, import_id = excluded.import_id
"""
PUT_ORDERS = """
insert into product_group_monthly (tenant_id, import_id, product_group_id, month, heats)
select $1, $2, * from unnest($3::uuid[], $4::date[], $5::integer[])
on conflict (tenant_id, product_group_id, month)
do update set heats = excluded.heats, import_id = excluded.import_id
"""
REMOVE_HEATS = """
delete from charge_schedule as c
using unnest($2::date[], $3::time[]) as gone (scheduled_on, start_time)
where c.tenant_id = $1 and c.scheduled_on = gone.scheduled_on and c.start_time = gone.start_time
"""
PUT_HEATS = """
insert into charge_schedule (tenant_id, import_id, scheduled_on, start_time, steel_grade_id, mould_size)
select $1, $2, * from unnest($3::date[], $4::time[], $5::uuid[], $6::text[])
on conflict (tenant_id, scheduled_on, start_time)
do update set steel_grade_id = excluded.steel_grade_id, mould_size = excluded.mould_size,
    import_id = excluded.import_id
"""

ADD_DAYS = """
insert into charge_schedule_days (tenant_id, import_id, scheduled_on)
select $1, $2, * from unnest($3::date[])
on conflict do nothing
"""

_ORDER = tuple(WorkbookKind)


class NoTenant(Exception):
    """The caller belongs to no tenant, or to several without having chosen one: there is nowhere to store."""


async def import_workbook(
    connection: Connection,
    file_name: str,
    content: bytes,
    *,
    kind: WorkbookKind | None,
    dry_run: bool,
    files: OriginalFiles,
) -> WorkbookReport:
    """Read a workbook and store what it says. See `store_reading` for what is stored, and when nothing is."""
    reading = await read_safely(content, kind)
    return await store_reading(connection, file_name, content, reading, dry_run=dry_run, files=files)


async def import_workbooks(
    connection: Connection,
    workbooks: Sequence[tuple[str, bytes]],
    *,
    dry_run: bool,
    files: OriginalFiles,
) -> list[WorkbookReport]:
    """Take in several workbooks, each by itself: one that is refused doesn't keep the others out.

    The order in which they come doesn't matter to what is stored. Histories are taken first all the same,
    so that the reports on schedules know all grades. A dry run stores them too, one after the other, and
    takes it all back: so each is told what it would meet.

    Returns
    -------
    list[WorkbookReport]
        One for each workbook, in the order given.
    """
    readings = await asyncio.gather(*(read_safely(content) for _, content in workbooks))
    reports: dict[int, WorkbookReport] = {}
    attempt = connection.transaction()
    await attempt.start()
    try:
        for index in sorted(range(len(workbooks)), key=lambda i: _place(readings[i])):
            name, content = workbooks[index]
            kept = KeepsNothing() if dry_run else files
            report = await store_reading(
                connection, name, content, readings[index], dry_run=False, files=kept
            )
            reports[index] = report.unstored() if dry_run else report
    except BaseException:
        await attempt.rollback()
        raise
    await (attempt.rollback() if dry_run else attempt.commit())
    return [reports[index] for index in range(len(workbooks))]


def _place(reading: Reading) -> int:
    return _ORDER.index(reading.kind) if reading.kind else len(_ORDER)


async def store_reading(
    connection: Connection,
    file_name: str,
    content: bytes,
    reading: Reading,
    *,
    dry_run: bool,
    files: OriginalFiles,
) -> WorkbookReport:
    """Store what was read, all or nothing, inside the transaction that carries the caller's claims.

    Nothing is stored where a message is an error, on a dry run, and where the database says it all already;
    then there is no record of an import either. The original of a file that was imported before is kept anew,
    should it have been lost or damaged.

    Parameters
    ----------
    connection
        With an open transaction in which row-level security sees the caller.
    file_name, content
        The file as it came.
    reading
        What was read from it, by `read_safely`: best before the transaction begins, because it may take its
        time.
    dry_run
        Whether to tell everything and store nothing.
    files
        Where the original is kept.

    Raises
    ------
    NoTenant
        There is no tenant to store it in.
    asyncpg.InsufficientPrivilegeError
        The caller may not write.
    """
    sha256 = await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
    async with connection.transaction():
        tenant: UUID | None = await connection.fetchval(TENANT)
        if tenant is None:
            raise NoTenant("You belong to no tenant, or to several and have not chosen one.")
        if reading.refused or reading.kind is None:
            further = (await judged(reading))[1] if reading.kind is WorkbookKind.FOUNDRY else ()
            messages = (*reading.messages, *further)
            return WorkbookReport(reading.kind, sha256, False, reading.content.rows, 0, messages)
        await connection.execute(TAKE_TURN, tenant)
        if reading.kind is WorkbookKind.FOUNDRY:
            report = await put_foundry(connection, reading, sha256, dry_run=dry_run)
            await _keep(connection, tenant, file_name, content, report, files)
            return report
        stored = await _what_is_stored(connection, tenant, reading.content)
        changes = await asyncio.to_thread(compare, reading.content, stored)
        report = _report(reading, changes, sha256, dry_run=dry_run)
        await _keep(connection, tenant, file_name, content, report, files)
        if report.import_id is not None:
            await _write(connection, tenant, report.import_id, changes)
    return report


async def _keep(
    connection: Connection,
    tenant: UUID,
    file_name: str,
    content: bytes,
    report: WorkbookReport,
    files: OriginalFiles,
) -> None:
    """Keep the original of an import beside its record."""
    is_new = report.import_id is not None
    if is_new or (report.stored and await connection.fetchval(WAS_IMPORTED, tenant, report.sha256)):
        await files.keep(tenant, report.sha256, file_name, content)
    if is_new:
        await _record(connection, tenant, file_name, len(content), report)


def _report(reading: Reading, changes: Changes, sha256: str, *, dry_run: bool) -> WorkbookReport:
    messages = (*reading.messages, *changes.messages)
    refused = any(message.severity is Severity.ERROR for message in messages)
    if changes.nothing and not refused:
        unchanged = "Nothing changed: all that the workbook says is stored already."
        messages = (*messages, CellMessage(Severity.INFO, "", None, Code.NOTHING_CHANGED, unchanged))
    stored = not (refused or dry_run)
    return WorkbookReport(
        kind=reading.kind,
        sha256=sha256,
        stored=stored,
        rows_read=reading.content.rows,
        rows_stored=changes.rows if stored else 0,
        messages=messages,
        import_id=uuid4() if stored and not changes.nothing else None,
    )


async def _what_is_stored(connection: Connection, tenant: UUID, content: Content) -> Stored:
    made = sorted({month for table in content.production for month in table.months})
    ordered = sorted({month for table in content.orders for month in table.months})
    days = sorted({day for table in content.schedules for day in table.days})
    grades = await connection.fetch(GRADES, tenant)
    return Stored(
        groups=tuple(Group(**row) for row in await connection.fetch(GROUPS, tenant)),
        grades=tuple(
            Grade(
                id=row["id"],
                name=row["name"],
                group_id=row["product_group_id"],
                position=row["position"],
                suspect=row["suspect"],
                suggestion=row["suggestion"],
                merged_into_id=row["merged_into_id"],
            )
            for row in grades
        ),
        production={(r[0], r[1]): (r[2], r[3]) for r in await connection.fetch(PRODUCTION, tenant, made)},
        orders={(r[0], r[1]): r[2] for r in await connection.fetch(ORDERS, tenant, ordered)},
        schedule={(r[0], r[1]): (r[2], r[3]) for r in await connection.fetch(SCHEDULE, tenant, days)},
        days=frozenset(r[0] for r in await connection.fetch(DAYS, tenant, days)),
        units=frozenset(r[0] for r in await connection.fetch(UNITS, tenant, made)) if made else frozenset(),
    )


async def _record(
    connection: Connection, tenant: UUID, file_name: str, size: int, report: WorkbookReport
) -> None:
    await connection.execute(
        ADD_IMPORT,
        *(report.import_id, tenant, report.kind, safe_name(file_name), report.sha256, size),
        *(report.rows_read, report.rows_stored, report.as_json()),
    )


async def _write(connection: Connection, tenant: UUID, import_id: UUID, changes: Changes) -> None:
    await _write_catalogue(connection, tenant, changes)
    if changes.production:
        made = [(grade, month, tons, unit) for (grade, month), (tons, unit) in changes.production.items()]
        await connection.execute(PUT_PRODUCTION, tenant, import_id, *_columns(made))
    if changes.orders:
        ordered = [(group, month, heats) for (group, month), heats in changes.orders.items()]
        await connection.execute(PUT_ORDERS, tenant, import_id, *_columns(ordered))
    if changes.removed:
        await connection.execute(REMOVE_HEATS, tenant, *_columns(changes.removed))
    if changes.schedule:
        heats = [(day, start, grade, size) for (day, start), (grade, size) in changes.schedule.items()]
        await connection.execute(PUT_HEATS, tenant, import_id, *_columns(heats))
    if changes.days:
        await connection.execute(ADD_DAYS, tenant, import_id, changes.days)


async def _write_catalogue(connection: Connection, tenant: UUID, changes: Changes) -> None:
    if changes.new_groups:
        groups = [(g.id, g.name, g.position) for g in changes.new_groups]
        await connection.execute(ADD_GROUPS, tenant, *_columns(groups))
    if changes.changed_groups:
        groups = [(g.id, g.name, g.position) for g in changes.changed_groups]
        await connection.execute(CHANGE_GROUPS, tenant, *_columns(groups))
    if changes.new_grades:
        grades = [(g.id, g.name, g.group_id, g.position, g.suspect, g.suggestion) for g in changes.new_grades]
        await connection.execute(ADD_GRADES, tenant, *_columns(grades))
    if changes.changed_grades:
        told = [
            (g.id, g.name, g.group_id, g.position, g.suspect, g.suggestion) for g in changes.changed_grades
        ]
        await connection.execute(CHANGE_GRADES, tenant, *_columns(told))


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


def safe_name(file_name: str) -> str:
    """Give a file's name without folders and control characters, as it is recorded and offered again."""
    name = PurePosixPath(PureWindowsPath(file_name).name).name
    name = re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", "", name).strip()
    return name[:255] if name.strip(".") else "workbook.xlsx"
