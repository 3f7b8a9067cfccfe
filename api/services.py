"""Opens what the service lives on, in order: database, migrations, tenant, pool, notices, dispatcher."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from api.context import Services
from api.database import Database, Notices, reason_of
from api.dispatch import Dispatcher
from api.local_tenant import ensure_local_tenant
from api.migrations import Applied, migrate
from api.planning.mondays import Mondays
from api.reports.exports import ExportFiles, FolderExports
from api.reports.links import Links
from api.settings import Settings, SettingsError
from api.vacancies import filling_vacancies
from api.workbooks.originals import FolderOriginals, OriginalFiles


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """One database, the doors of its two logins."""

    api: str
    jobs: str
    applied: tuple[Applied, ...] = ()
    """Migrations that the opening applied."""


@asynccontextmanager
async def open_database(settings: Settings, *, exclusive: bool) -> AsyncIterator[DatabaseUrls]:
    """Give the database's addresses; start the embedded one, migrated, where no other is configured.

    `exclusive` is for the service, of which a data folder has one; commands share it.
    """
    if settings.database_url and settings.database_jobs_url:
        yield DatabaseUrls(settings.database_url, settings.database_jobs_url)
        return
    from api.embedded import embedded

    async with embedded(settings.data, exclusive=exclusive) as postgres:
        applied = await migrate(postgres.admin_url)
        await ensure_local_tenant(postgres.admin_url)
        yield DatabaseUrls(postgres.api_url, postgres.jobs_url, tuple(applied))


@asynccontextmanager
async def open_services(settings: Settings, *, exclusive: bool) -> AsyncIterator[Services]:
    """Open everything, and close it in reverse."""
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(open_database(settings, exclusive=exclusive))
        with _named("DATABASE_URL", settings.database_url):
            database = await Database.connect(
                urls.api, size=settings.pool_size, statement_seconds=settings.statement_seconds
            )
        stack.push_async_callback(database.close)
        notices = await stack.enter_async_context(Notices(urls.api, "plan_runs"))
        dispatching = Dispatcher(settings, urls.jobs, own_runs_only=not exclusive)
        with _named("DATABASE_JOBS_URL", settings.database_jobs_url):
            dispatcher = await stack.enter_async_context(dispatching)
        if exclusive:
            await stack.enter_async_context(filling_vacancies(notices, dispatcher))
            await stack.enter_async_context(
                Mondays(database, urls.jobs, notices, dispatcher, every_seconds=settings.reap_seconds)
            )
        originals, exports = await stack.enter_async_context(_files(settings))
        yield Services(
            settings=settings,
            database=database,
            notices=notices,
            dispatcher=dispatcher,
            originals=originals,
            exports=exports,
            links=Links(signing_key(settings), timedelta(seconds=settings.download_seconds)),
        )


@contextmanager
def _named(setting: str, url: str | None) -> Iterator[None]:
    """Name the setting by which a configured database is not reached."""
    try:
        yield
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if url is None:
            raise
        raise SettingsError(
            f"{setting}: {reason_of(error)}. `pourplan doctor` looks at the rest as well."
        ) from error


@asynccontextmanager
async def _files(settings: Settings) -> AsyncIterator[tuple[OriginalFiles, ExportFiles]]:
    """Keep files in Supabase Storage where its project and secret key are set, else in folders."""
    if settings.supabase_url is None or settings.supabase_secret_key is None:
        yield FolderOriginals(settings.files), FolderExports(settings.exports)
        return
    from api.reports.supabase_exports import SupabaseExports
    from api.workbooks.supabase_originals import SupabaseOriginals

    project = (settings.supabase_url, settings.supabase_secret_key.get_secret_value())
    async with SupabaseOriginals(*project) as originals, SupabaseExports(*project) as exports:
        yield originals, exports


def signing_key(settings: Settings) -> bytes:
    """Give the key that signs download links: the one that is set, else that of the data folder, made once.

    Raises
    ------
    SettingsError
        None is set, and the data folder can't be written.
    """
    if settings.signing_key is not None:
        return settings.signing_key.get_secret_value().encode()
    data = settings.data
    path = data / "signing.key"
    try:
        data.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes()
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"POURPLAN_DATA is {str(data)!r}, where {path.name} can't be kept: {error}. Let this account "
            "write there, or set POURPLAN_SIGNING_KEY."
        ) from error
