"""`pourplan migrate`: bring a database to the schema of this version."""

from __future__ import annotations

from api.cli.terminal import out
from api.migrations import migrate
from api.services import open_database
from api.settings import Settings


async def migrate_database(settings: Settings) -> None:
    """Apply what is not applied yet, and say what that was."""
    url = settings.database_admin_url or settings.database_url
    if url:
        applied = tuple(await migrate(url))
    else:
        async with open_database(settings, exclusive=False) as urls:
            applied = urls.applied
    for migration in applied:
        out.print(f"applied {migration.version} {migration.name}")
    if not applied:
        out.print("Nothing to apply: the database is at the schema of this version.")
