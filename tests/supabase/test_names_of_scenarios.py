"""Names of scenarios on one line, as a database that took any white space comes to have them."""

import shutil
from datetime import date
from pathlib import Path

from api.embedded import EmbeddedPostgres
from api.migrations import default_folder, migrate
from tests.database import add_plant, connected, empty_database

NAMES = "20261121093600_names_of_scenarios.sql"
ADD = "insert into scenarios (tenant_id, name, asof_date) values ($1, $2, $3)"


async def test_stored_names_are_put_on_one_line_and_stay_apart(
    every_postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    for file in sorted(default_folder().glob("*.sql")):
        if file.name < NAMES:
            shutil.copy(file, tmp_path)
    async with empty_database(every_postgres) as database:
        await migrate(database.admin_url, migrations=tmp_path)
        async with connected(database.admin_url) as admin:
            plant = await add_plant(admin, "north")
            for name in ("KW 36", "KW  36", "KW\t36", "A\nsecond\r\n flask  set", "\x1b", "Æther", "x" * 200):
                await admin.execute(ADD, plant.id, name, date(2026, 1, 5))
            shutil.copy(default_folder() / NAMES, tmp_path)
            await migrate(database.admin_url, migrations=tmp_path)
            stored = [row["name"] for row in await admin.fetch("select name from scenarios")]
    assert len(stored) == 7
    assert {"KW 36", "A second flask set", "Æther", "x" * 200} <= set(stored)
    assert sum(name.startswith("KW 36 ") for name in stored) == 2
