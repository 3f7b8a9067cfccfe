"""The days that a charge schedule covers, as a database that knew heats alone comes to know them."""

import shutil
from datetime import date, time
from pathlib import Path

from api.embedded import EmbeddedPostgres
from api.migrations import default_folder, migrate
from tests.database import add_plant, connected, empty_database

SCHEDULE_DAYS = "20261121092200_schedule_days.sql"


async def test_the_days_of_stored_heats_are_covered(every_postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    for file in sorted(default_folder().glob("*.sql")):
        if file.name < SCHEDULE_DAYS:
            shutil.copy(file, tmp_path)
    async with empty_database(every_postgres) as database:
        await migrate(database.admin_url, migrations=tmp_path)
        async with connected(database.admin_url) as admin:
            plants = [await add_plant(admin, slug) for slug in ("north", "south")]
            for plant in plants:
                await admin.execute(
                    "insert into steel_grades (tenant_id, name, position) values ($1, 'B500A', 0)", plant.id
                )
            heats = [(plants[0], 30, 4), (plants[0], 30, 5), (plants[0], 31, 4), (plants[1], 31, 4)]
            for plant, day, hour in heats:
                await admin.execute(
                    "insert into charge_schedule (tenant_id, scheduled_on, start_time, steel_grade_id)"
                    " select $1, $2, $3, id from steel_grades where tenant_id = $1",
                    plant.id,
                    date(2024, 8, day),
                    time(hour),
                )
            shutil.copy(default_folder() / SCHEDULE_DAYS, tmp_path)
            assert [applied.name for applied in await migrate(database.admin_url, migrations=tmp_path)] == [
                "schedule_days"
            ]
            covered = await admin.fetch(
                "select tenant_id, scheduled_on from charge_schedule_days order by 2, 1"
            )
    expected = {(plants[0].id, 30), (plants[0].id, 31), (plants[1].id, 31)}
    assert {(row["tenant_id"], row["scheduled_on"].day) for row in covered} == expected
    assert len(covered) == len(expected)
