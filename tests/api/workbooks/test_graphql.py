import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.auth import LOCAL_USER, Identity
from api.context import Services
from tests.api.desk import Desk, desk_of
from tests.api.reads.comparing import answered_alike
from tests.database import Connection, Plant, add_member

SAMPLE = Path(__file__).parents[3] / "data" / "sample"
PRODUCTION = SAMPLE / "steel_grade_production.xlsx"

IMPORT = """
mutation ($file: Upload!, $kind: WorkbookKind, $dryRun: Boolean) {
  importWorkbook(input: {file: $file, kind: $kind, dryRun: $dryRun}) {
    report { kind sha256 stored rowsRead rowsStored messages { severity sheet cell code message hint } }
    userErrors { code message path hint }
  }
}
"""
IMPORTS = """
query ($first: Int, $after: String) {
  imports(first: $first, after: $after) {
    nodes {
      id kind fileName sha256 sizeBytes rowsRead rowsStored importedAt importedBy
      report { kind stored messages { severity } } original { url expiresAt }
    }
    totalCount
    pageInfo { hasNextPage endCursor }
  }
}
"""


@dataclass
class Uploaded:
    """A file as the multipart parser hands it on."""

    filename: str | None
    content: bytes

    async def read(self, size: int = -1) -> bytes:
        return self.content if size < 0 else self.content[:size]


async def bring(desk: Desk, path: Path, **options: Any) -> dict[str, Any]:
    answer = await desk.ask(IMPORT, file=Uploaded(path.name, path.read_bytes()), **options)
    payload: dict[str, Any] = answer["importWorkbook"]
    return payload


@pytest.fixture
def newcomer(services: Services, other_plant: Plant) -> Desk:
    """The planner of a plant that knows nothing yet."""
    return desk_of(services, other_plant, "planner")


async def test_a_workbook_is_stored_and_the_second_time_changes_nothing(newcomer: Desk) -> None:
    payload = await bring(newcomer, PRODUCTION)
    assert payload["userErrors"] == []
    report = payload["report"]
    assert (report["kind"], report["stored"]) == ("STEEL_GRADE_PRODUCTION", True)
    assert report["rowsStored"] == report["rowsRead"] > 0
    assert report["sha256"] == hashlib.sha256(PRODUCTION.read_bytes()).hexdigest()
    again = (await bring(newcomer, PRODUCTION))["report"]
    assert (again["stored"], again["rowsStored"]) == (True, 0)
    assert (await newcomer.ask(IMPORTS))["imports"]["totalCount"] == 1


async def test_an_import_tells_who_brought_what(newcomer: Desk, planner: Desk) -> None:
    for path in sorted(SAMPLE.glob("*.xlsx")):
        assert (await bring(newcomer, path))["report"]["stored"]
    imports = (await newcomer.ask(IMPORTS))["imports"]
    assert imports["totalCount"] == 3
    newest = imports["nodes"][0]
    last = sorted(SAMPLE.glob("*.xlsx"))[-1]
    assert newest["fileName"] == last.name
    assert newest["sizeBytes"] == last.stat().st_size
    assert newest["importedBy"] == str(newcomer.identity.user_id)
    assert newest["report"]["kind"] == newest["kind"]
    first = (await newcomer.ask(IMPORTS, first=1))["imports"]
    rest = (await newcomer.ask(IMPORTS, after=first["pageInfo"]["endCursor"]))["imports"]
    listed = [node["id"] for node in first["nodes"] + rest["nodes"]]
    assert listed == [node["id"] for node in imports["nodes"]]
    assert (await planner.ask(IMPORTS))["imports"]["totalCount"] == 0


NAMES = "{ imports { nodes { importedBy importedByName } } }"


async def names(desk: Desk) -> list[str | None]:
    return [node["importedByName"] for node in (await answered_alike(desk, NAMES))["imports"]["nodes"]]


async def test_an_import_names_the_member_who_brought_it(
    newcomer: Desk, other_plant: Plant, admin: Connection
) -> None:
    await bring(newcomer, PRODUCTION)
    assert await names(newcomer) == [None]
    await admin.execute(
        "update tenant_members set email = 'ana@steel.example' where user_id = $1", newcomer.identity.user_id
    )
    assert await names(newcomer) == ["ana@steel.example"]
    # Without a membership, the address is known no longer.
    await admin.execute("delete from tenant_members where user_id = $1", newcomer.identity.user_id)
    assert await names(desk_of(newcomer.services, other_plant, "viewer")) == [None]


async def test_an_import_of_a_key_is_named_to_admins(
    newcomer: Desk, other_plant: Plant, admin: Connection
) -> None:
    await bring(newcomer, PRODUCTION)
    await admin.execute(
        "insert into api_keys (id, tenant_id, name, role, created_by)"
        " values ($1, $2, 'night ERP', 'planner', $1)",
        newcomer.identity.user_id,
        other_plant.id,
    )
    assert await names(newcomer) == [None]
    assert await names(desk_of(newcomer.services, other_plant, "admin")) == ["night ERP"]


async def test_an_import_without_signing_in_is_of_this_machine(
    services: Services, other_plant: Plant, admin: Connection
) -> None:
    await add_member(admin, other_plant.id, "admin", LOCAL_USER)
    local = Desk(services, Identity(LOCAL_USER, other_plant.slug))
    await bring(local, PRODUCTION)
    assert await names(local) == ["this machine"]


async def test_the_link_to_the_original_opens_the_file(newcomer: Desk) -> None:
    await bring(newcomer, PRODUCTION)
    found = (await newcomer.ask(IMPORTS))["imports"]["nodes"][0]
    token = found["original"]["url"].split("/")[-2]
    caller, target = newcomer.services.links.read(token)
    assert caller == newcomer.identity
    assert target.kind == "original"
    async with newcomer.context.transaction() as connection:
        tenant = await connection.fetchval("select tenant_id from workbook_imports where id = $1", target.key)
    assert await newcomer.services.originals.read(tenant, found["sha256"]) == PRODUCTION.read_bytes()


async def test_an_import_is_a_node_of_its_tenant(newcomer: Desk, planner: Desk) -> None:
    await bring(newcomer, PRODUCTION)
    import_id = (await newcomer.ask(IMPORTS))["imports"]["nodes"][0]["id"]
    query = "query ($id: ID!) { node(id: $id) { ... on WorkbookImport { fileName } } }"
    assert await newcomer.ask(query, id=import_id) == {"node": {"fileName": PRODUCTION.name}}
    assert await planner.ask(query, id=import_id) == {"node": None}


async def test_a_dry_run_tells_all_and_stores_nothing(newcomer: Desk) -> None:
    report = (await bring(newcomer, PRODUCTION, dryRun=True))["report"]
    assert (report["stored"], report["rowsStored"]) == (False, 0)
    assert report["rowsRead"] > 0
    assert (await newcomer.ask("{ steelGrades { totalCount } }"))["steelGrades"]["totalCount"] == 0


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "EMPTY_FILE"), (b"grade,heats\r\n", "NOT_A_WORKBOOK"), (b"PK\3\4", "DAMAGED")]
)
async def test_what_is_no_workbook_is_a_user_error(newcomer: Desk, content: bytes, code: str) -> None:
    mistake = await newcomer.mistake(IMPORT, file=Uploaded("x.xlsx", content))
    assert (mistake["code"], mistake["path"]) == (code, ["input", "file"])
    assert mistake["hint"]


async def test_another_kind_than_told_is_a_user_error(newcomer: Desk) -> None:
    upload = Uploaded(PRODUCTION.name, PRODUCTION.read_bytes())
    mistake = await newcomer.mistake(IMPORT, file=upload, kind="DAILY_CHARGE_SCHEDULE")
    assert mistake["code"] == "KIND_MISMATCH"
    later = await newcomer.mistake(IMPORT, file=upload, kind="MULTISITE")
    assert later["code"] == "KIND_NOT_SUPPORTED"


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_only_planners_import(services: Services, other_plant: Plant, role: str) -> None:
    mistake = await desk_of(services, other_plant, role).mistake(IMPORT, file=Uploaded("x.xlsx", b""))
    assert mistake["code"] == "FORBIDDEN"


async def test_a_text_where_a_file_belongs_is_the_callers_mistake(newcomer: Desk) -> None:
    error = await newcomer.refusal(IMPORT, file="no file")
    assert error.extensions is not None
    assert error.extensions["code"] == "BAD_USER_INPUT"
    assert "multipart" in error.message
