"""What may be served where, and what a start costs."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api.app import check_may_serve
from api.auth import LOCAL_TENANT, LOCAL_USER
from api.local_tenant import ensure_local_tenant
from api.settings import SettingsError
from tests.api.http.serving import plain_settings
from tests.database import Connection, TemporaryDatabase

HOSTED: dict[str, Any] = {
    "database_url": "postgresql://api@db/x",
    "database_jobs_url": "postgresql://jobs@db/x",
}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST"])
def test_loopback_may_be_served(host: str) -> None:
    check_may_serve(plain_settings(), host)


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",  # noqa: S104 - refused
        "::",
        "",
        "192.168.1.7",
        "plan.example",
        "::ffff:10.0.0.1",
    ],
)
def test_the_network_may_not_without_sign_in(host: str) -> None:
    with pytest.raises(SettingsError, match=r"nobody signs in.*Serve on 127"):
        check_may_serve(plain_settings(), host)


def test_a_database_of_ones_own_may_not_without_sign_in() -> None:
    with pytest.raises(SettingsError, match=r"DATABASE_URL is set.*Set SUPABASE_URL"):
        check_may_serve(plain_settings(**HOSTED), "127.0.0.1")


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1", "plan.example"])  # noqa: S104 - served on purpose
def test_a_database_of_ones_own_may_where_people_sign_in(host: str) -> None:
    check_may_serve(plain_settings(**HOSTED, supabase_url="https://project.supabase.co"), host)


def test_signing_in_does_not_open_the_database_of_this_machine_to_the_network() -> None:
    with pytest.raises(SettingsError, match="not loopback"):
        check_may_serve(plain_settings(supabase_url="https://project.supabase.co"), "192.168.1.7")


def test_the_start_imports_no_solver_no_tables_and_no_reader_of_workbooks() -> None:
    script = (
        "import sys\n"
        "import api.app, api.schema, api.services, api.cli.serving\n"
        "from api.settings import Settings\n"
        "api.app.create_app(Settings())\n"
        "heavy = {'pandas', 'numpy', 'ortools', 'numba', 'openpyxl', 'modal', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_the_local_tenant_is_made_once_and_keeps_what_was_changed(
    database: TemporaryDatabase, admin: Connection
) -> None:
    await ensure_local_tenant(database.admin_url)
    await admin.execute("update tenants set name = 'Melt shop', heat_tons = 120")
    await admin.execute("update tenant_members set role = 'viewer'")
    await ensure_local_tenant(database.admin_url)
    row = await admin.fetchrow(
        "select slug, name, heat_tons, user_id, role"
        " from tenants join tenant_members on tenant_id = tenants.id"
    )
    assert row is not None
    assert tuple(row) == (LOCAL_TENANT, "Melt shop", 120, LOCAL_USER, "admin")


def test_the_service_is_not_opened_by_making_it(tmp_path: Path) -> None:
    from api.app import create_app

    create_app(plain_settings(data=tmp_path / "data"))
    assert not (tmp_path / "data").exists()
