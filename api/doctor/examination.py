"""One examination: what can be reached is looked at, and what can't be is told with its reason."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import asyncpg

from api.cluster import EmbeddedPostgresError
from api.doctor import configuration, database, machine, migrations, modal_app, rights, sign_in, storage
from api.doctor.findings import Area, Finding, Findings
from api.migrations import MigrationError
from api.services import DatabaseUrls, open_database
from api.settings import Settings

Told = Callable[[Finding], None]
MOST_SECONDS = 120.0
"""No look takes longer."""


async def examine(settings: Settings, tell: Told) -> list[Finding]:
    """Look at everything, telling each finding as it is made."""
    report = _Report(tell)
    await report.add(Area("settings"), configuration.check(settings))
    async with AsyncExitStack() as stack:
        urls = await _open(settings, report, stack)
        if urls is None:
            for area in (migrations.AREA, rights.AREA, machine.CLOCK, machine.WORKERS):
                report.note(area.unchecked("The database is not open."))
        else:
            await _examine_database(settings, urls, report, stack)
            if await report.add(database.AREA, database.check_jobs_login(urls.jobs)):
                await report.add(machine.WORKERS, machine.check_worker(settings, urls.jobs))
            else:
                report.note(machine.WORKERS.unchecked("The jobs' login does not get in."))
    await report.add(storage.AREA, storage.check(settings))
    await report.add(sign_in.AREA, sign_in.check(settings))
    await report.add(modal_app.AREA, modal_app.check(settings))
    await report.add(machine.DISK, machine.check_disk(settings))
    return report.findings


class _Report:
    """Collects findings; a look that breaks off is itself a finding."""

    def __init__(self, tell: Told) -> None:
        self.findings: list[Finding] = []
        self._tell = tell

    def note(self, finding: Finding) -> None:
        self.findings.append(finding)
        self._tell(finding)

    async def add(self, area: Area, findings: Findings) -> bool:
        """Add what a look finds; tell whether nothing of it is wrong."""
        before = len(self.findings)
        try:
            async with asyncio.timeout(MOST_SECONDS):
                async for finding in findings:
                    self.note(finding)
        except Exception as error:
            reason = str(error) or "it took too long"
            self.note(area.wrong(f"The look broke off: {type(error).__name__}: {reason}", "Look at the log."))
        return not any(finding.is_wrong for finding in self.findings[before:])


async def _open(settings: Settings, report: _Report, stack: AsyncExitStack) -> DatabaseUrls | None:
    """Open the database; on one machine as every command does, which makes it and brings it up to date."""
    try:
        return await stack.enter_async_context(open_database(settings, exclusive=False))
    except EmbeddedPostgresError as error:
        report.note(database.AREA.wrong(*_halves(str(error))))
    except MigrationError as error:
        report.note(migrations.AREA.wrong(*_halves(str(error))))
    return None


async def _examine_database(
    settings: Settings, urls: DatabaseUrls, report: _Report, stack: AsyncExitStack
) -> None:
    try:
        connection = await stack.enter_async_context(database.connected(urls.api))
    except database.NOT_REACHED as error:
        report.note(database.not_reached("DATABASE_URL", error))
        for area in (migrations.AREA, rights.AREA, machine.CLOCK):
            report.note(area.unchecked("The database is not reached."))
        return
    await report.add(database.AREA, database.check(settings, connection, urls.api))
    owner = await _owner(settings, report, stack)
    await report.add(migrations.AREA, migrations.check(owner or connection, compared=settings.embedded))
    await report.add(rights.AREA, rights.check(connection))
    await report.add(machine.CLOCK, machine.check_clock(connection))


async def _owner(settings: Settings, report: _Report, stack: AsyncExitStack) -> asyncpg.Connection | None:
    if settings.embedded or settings.database_admin_url is None:
        return None
    try:
        return await stack.enter_async_context(database.connected(settings.database_admin_url))
    except database.NOT_REACHED as error:
        report.note(database.not_reached("DATABASE_ADMIN_URL", error))
        return None


def _halves(told: str) -> tuple[str, str]:
    """Part what was found from what to do, which our own errors tell after it."""
    what, _, todo = told.partition(". ")
    return f"{what.rstrip('.')}.", todo or "Look at the log."
