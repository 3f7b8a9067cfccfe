"""The jobs on Modal: the app that `modal deploy -m solver_jobs.app` deploys, and its functions.

Each kind of run is a function of the same name in lower case, called with the run's id and nothing else: the
problem, the result and every attempt stand in the database, which alone decides who works on what. Therefore
no retries here: a run whose container was lost is handed over again by the reaper, which counts.
"""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

import modal

from solver_jobs.environment import JobEnvironment
from solver_jobs.foundry.task import MOST_SECONDS
from solver_jobs.kinds import SOLVER_THREADS
from solver_jobs.logs import configure_logs
from solver_jobs.worker import work

APP = "pourplan"
SECRET = "pourplan-jobs"  # noqa: S105 - the name under which Modal keeps it
REQUIRED_KEYS = ["DATABASE_JOBS_URL"]
PYTHON = "3.12"
PACKAGES = ("asyncpg", "numpy", "orjson", "pydantic", "structlog")
SOLVERS = ("numba", "ortools")

_CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
_CONSTRAINTS_THERE = "/constraints.txt"

_base = (
    modal.Image.debian_slim(python_version=PYTHON)
    .add_local_file(_CONSTRAINTS, _CONSTRAINTS_THERE, copy=True)
    .uv_pip_install(*PACKAGES, extra_options=f"--constraint {_CONSTRAINTS_THERE}")
)
image = _base.add_local_python_source("solver_jobs")
# numba's cache is keyed by the processor, and the one that builds is not the one that runs.
foundry_image = (
    _base.uv_pip_install(*SOLVERS, extra_options=f"--constraint {_CONSTRAINTS_THERE}")
    .env({"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""})
    .add_local_python_source("solver_jobs", copy=True)
    .run_commands("python -m solver_jobs.foundry.warm")
)
secret = modal.Secret.from_name(SECRET, required_keys=REQUIRED_KEYS)
app = modal.App(APP, image=image, secrets=[secret], include_source=False)


class WorkerDied(Exception):
    """The worker could not work on the run, and the row of the run does not tell why."""


async def _work_on(run_id: str) -> str:
    configure_logs(os.environ)
    environment = JobEnvironment.read(os.environ)
    try:
        async with environment.store(modal.current_function_call_id()) as store:
            ending = await work(
                UUID(run_id), store, lease_seconds=environment.lease_seconds, kinds=environment.kind_of
            )
    except OSError as error:
        # Raised as it is where the call's outcome is asked for, it would read as Modal being out of reach.
        raise WorkerDied(f"{type(error).__name__}: {error}") from error
    return ending.value


@app.function(  # type: ignore[untyped-decorator]
    cpu=1.0, memory=1024, timeout=300, retries=0, max_containers=10
)
async def forecast(run_id: str) -> str:
    """Work on a forecast run; tells how the worker ended."""
    return await _work_on(run_id)


@app.function(  # type: ignore[untyped-decorator]
    image=foundry_image,
    cpu=float(SOLVER_THREADS),
    memory=2048,
    timeout=MOST_SECONDS + 300,
    retries=0,
    max_containers=10,
)
async def replan(run_id: str) -> str:
    """Work on a replan run; tells how the worker ended."""
    return await _work_on(run_id)
