"""The pages on deployment agree with the code: settings, links, the SQL and the commands that they name."""

import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from api.settings import DEFAULT_DATA, Settings
from solver_jobs import environment
from tests.api.test_settings import name_of
from tests.database import Connection
from tests.deploy.dockerfile import ROOT
from tests.deploy.dockerfile import environment as of_image
from tests.deploy.test_restore import SMALL, fill_a_plant
from tests.supabase.test_cli import NPM, project, run

__all__ = ["project"]

DOCS = ROOT / "docs"
PAGES = (
    "deploy.md",
    "deploy_supabase.md",
    "deploy_modal.md",
    "jobs_on_modal.md",
    "operate.md",
    "scale.md",
    "sign_in.md",
)
TEXTS = {page: (DOCS / page).read_text() for page in PAGES}
TABLE = re.findall(r"^\| `([A-Z_]+)` \| ([^|]*?) ?\|", TEXTS["deploy.md"], re.MULTILINE)

NOT_OURS = {"POURPLAN_JOBS_DOOR", "POURPLAN_URL"}
"""Read by the jobs alone."""
SHOWN = {"POURPLAN_DATA": str(DEFAULT_DATA), "POURPLAN_ALLOWED_HOSTS": "()"}
"""Defaults that the table tells in words."""
CLI = re.compile(r"npx supabase@[\d.]+ ((?:[a-z]+ )?[a-z]+(?:-[a-z]+)*)((?: .*)?)$")


def lines_of_shell() -> list[str]:
    return [
        line
        for text in TEXTS.values()
        for block in re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
    ]


def test_the_table_has_every_setting_once() -> None:
    assert sorted(name for name, _ in TABLE) == sorted(map(name_of, Settings.model_fields))


def test_the_table_tells_the_defaults() -> None:
    told = dict(TABLE)
    for field, info in Settings.model_fields.items():
        name, default = name_of(field), info.default
        if name == "POURPLAN_SIGNING_KEY":
            assert told[name] == "made in `POURPLAN_DATA`"
        elif name in SHOWN:
            assert str(default) == SHOWN[name]
        else:
            assert told[name] == ("" if default is None else f"{default:g}" if isinstance(default, float)
                                  else str(default)), name  # fmt: skip


def test_the_table_tells_what_the_image_sets() -> None:
    told = {
        name: line for line in TEXTS["deploy.md"].splitlines() for name, _ in TABLE if f"| `{name}`" in line
    }
    image = {name: value for name, value in of_image().items() if name.startswith("POURPLAN_")}
    assert image
    for name, value in image.items():
        assert f"`{value}` in the image" in told[name]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_no_setting_that_is_none(page: str) -> None:
    known = set(map(name_of, Settings.model_fields)) | NOT_OURS
    named = set(re.findall(r"\b(?:POURPLAN|SUPABASE|DATABASE)_[A-Z_]+\b", TEXTS[page]))
    assert named <= known
    assert environment.DOOR in NOT_OURS


@pytest.mark.parametrize("page", PAGES)
def test_a_page_links_to_what_is_there(page: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", TEXTS[page]):
        file, _, anchor = target.partition("#")
        found = DOCS / (file or page)
        assert found.is_file(), target
        headings = re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE)
        assert not anchor or anchor in {h.lower().replace(" ", "-") for h in headings}, target


def test_the_files_and_modules_that_the_pages_name_are_there() -> None:
    named = {
        path for text in TEXTS.values() for path in re.findall(r"`((?:api|bench|solver_jobs)/[\w/.]+)`", text)
    }
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
    modules = {m for text in TEXTS.values() for m in re.findall(r"python -m ([\w.]+)", text)}
    assert {"bench.costs", "bench.mondays"} <= modules
    assert [m for m in modules if not (ROOT / f"{m.replace('.', '/')}.py").exists()] == []


@pytest.mark.parametrize(
    ("page", "command"),
    [
        ("operate.md", "bench.costs --plants 20 --replans-a-week 6 --forecasts-a-month 8"),
        ("scale.md", "bench.mondays --measured"),
    ],
)
def test_the_figures_of_a_page_are_those_of_its_command(page: str, command: str) -> None:
    assert f"python -m {command}" in TEXTS[page]
    asked = [sys.executable, "-m", *command.split()]
    said = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    shown = "".join(re.findall(r"```text\n(.*?)```", TEXTS[page], re.DOTALL))
    assert shown.split() == said.split()


@pytest.mark.filterwarnings("ignore")
def test_the_table_of_functions_is_that_of_the_app() -> None:
    pytest.importorskip("modal", reason="the extra `modal` is not installed")
    from solver_jobs.app import app

    row = re.compile(r"^\| `(\w+)`.*? \| ([\d.]+) \| ([\d.]+) GiB \| (\d+) minutes", re.MULTILINE)
    told = {name: tuple(map(float, figures)) for name, *figures in row.findall(TEXTS["deploy_modal.md"])}
    declared = {name: function.info() for name, function in app.registered_functions.items()}
    assert told == {
        name: (info.cpu, info.memory_mib / 1024, info.timeout / 60) for name, info in declared.items()
    }


def modal_commands() -> set[tuple[str, ...]]:
    found = set()
    for line in lines_of_shell():
        if line.startswith("modal "):
            words = line.split()[1:]
            group = words[:1] if words[0] == "deploy" else words[:2]
            found.add((*group, *(word for word in words if re.fullmatch(r"-[a-z]|--[a-z-]+", word))))
    return found


@pytest.mark.parametrize("command", sorted(modal_commands()), ids=" ".join)
def test_modal_knows_the_command(command: tuple[str, ...]) -> None:
    pytest.importorskip("modal", reason="the extra `modal` is not installed")
    words = [word for word in command if not word.startswith("-")]
    asked = [sys.executable, "-m", "modal", *words, "--help"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"Usage: modal {' '.join(words)}" in done.stdout.replace("python -m modal", "modal")
    for option in set(command) - set(words):
        assert re.search(rf"(?<![\w-]){option}\b", done.stdout), option


def supabase_commands() -> set[tuple[str, str]]:
    found = set()
    for text in TEXTS.values():
        for line in [*re.findall(r"`([^`\n]+)`", text), *lines_of_shell()]:
            if match := CLI.search(line):
                found.add((match[1], " ".join(re.findall(r"--[a-z-]+", match[2]))))
    return found


@pytest.mark.node
@pytest.mark.skipif(NPM is None, reason="npm is not installed")
async def test_the_supabase_cli_knows_the_commands(project: Path) -> None:
    commands = supabase_commands()
    assert {command for command, _ in commands} >= {"link", "db push", "storage cp"}
    for command, options in sorted(commands):
        cli = project / "node_modules" / ".bin" / "supabase"
        words = command.split()
        told = await run(str(cli), *words, "--help", cwd=project)
        assert f"supabase {command}" in told
        assert [option for option in options.split() if option not in told] == []


async def test_the_first_admin_is_made_as_the_page_says(admin: Connection) -> None:
    statements, again = (
        re.findall(r"```sql\n(.*?)```", TEXTS[page], re.DOTALL)[0]
        for page in ("deploy_supabase.md", "sign_in.md")
    )
    assert statements == again
    await admin.execute(statements)
    kim = uuid.uuid4()
    await admin.execute("create table auth.users (id uuid, email text, email_confirmed_at timestamptz)")
    await admin.execute("insert into auth.users values ($1, 'Kim@plant.example', now())", kim)
    async with admin.transaction():
        await admin.execute("select set_config('request.jwt.claims', $1, true)", f'{{"sub": "{kim}"}}')
        assert await admin.fetchval("select accept_invitations()") == 1
    row = await admin.fetchrow("select slug, role from tenants join tenant_members on tenant_id = tenants.id")
    assert tuple(row or ()) == ("north", "admin")


async def test_old_runs_are_deleted_with_all_that_hangs_on_them(admin: Connection) -> None:
    await fill_a_plant(admin)
    assert await admin.fetchval("select count(*) from plan_runs") == SMALL.runs + 1
    await admin.execute(
        "update plan_runs set finished_at = now() - interval '3 years' where finished_at is not null"
    )
    assert await admin.fetchval("select count(*) from run_batches") == 2
    (statement,) = re.findall(r"```sql\n(.*?)```", TEXTS["scale.md"], re.DOTALL)
    await admin.execute(statement)
    assert await admin.fetchval("select count(*) from plan_runs where finished_at is not null") == 0
    # One of its runs is queued.
    assert await admin.fetchval("select array_agg(name) from run_batches") == ["What if"]
    for table in ("forecasts", "forecast_heats", "replans", "plan_daily_order", "order_status"):
        assert await admin.fetchval(f"select count(*) from {table}") == 0, table
