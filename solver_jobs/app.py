"""The jobs on Modal: the app that `modal deploy -m solver_jobs.app` deploys, and its functions.

Each kind of run is a function of the same name in lower case, called with the run's id and, where the service
can sign one, a token that opens that run alone. The problem, the result and every attempt stand in the
database, which alone decides who works on what. Therefore no retries here: a run whose container was lost is
handed over again by the service or by `sweep`, and the database counts the attempts.

Which keys the containers hold is chosen at deployment (`solver_jobs.environment.Door`).
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from uuid import UUID

import modal

from solver_jobs.environment import Door, HousekeepingEnvironment, JobEnvironment
from solver_jobs.foundry.task import MOST_SECONDS
from solver_jobs.handing_over import HandingOver
from solver_jobs.kinds import SOLVER_THREADS
from solver_jobs.logs import configure_logs
from solver_jobs.modal_calls import ModalCalls
from solver_jobs.waking import wake
from solver_jobs.worker import work

APP = "pourplan"
SECRET = "pourplan-jobs"  # noqa: S105 - the names under which Modal keeps them
HOUSEKEEPING_SECRET = "pourplan-housekeeping"  # noqa: S105
PYTHON = "3.12"
PACKAGES = ("asyncpg", "httpx", "numpy", "orjson", "pydantic", "pyjwt[crypto]", "structlog", "supabase")
SOLVERS = ("highspy", "numba", "ortools")
EVERY_FEW_MINUTES = "*/3 * * * *"
EVERY_QUARTER = "*/15 * * * *"
"""In some time zones an hour begins at a quarter, or at half past, of everybody else's."""

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
_door = Door.read(os.environ)
REQUIRED_KEYS = _door.job_keys
secret = modal.Secret.from_name(SECRET, required_keys=REQUIRED_KEYS)
# Whoever solves holds as little as can be; whoever looks after the queue has to open all of it.
housekeeping_secret = (
    modal.Secret.from_name(HOUSEKEEPING_SECRET, required_keys=_door.housekeeping_keys)
    if _door.by_token
    else secret
)
app = modal.App(APP, image=image, include_source=False)


class WorkerDied(Exception):
    """The worker could not work on the run, and the row of the run does not tell why."""


# ---------------------------------------------------------------------- a run


async def _work_on(run_id: str, token: str | None) -> str:
    configure_logs(os.environ)
    environment = JobEnvironment.read(os.environ, token)
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
    secrets=[secret], cpu=1.0, memory=1024, timeout=300, retries=0, max_containers=10
)
async def forecast(run_id: str, token: str | None = None) -> str:
    """Work on a forecast run; tells how the worker ended."""
    return await _work_on(run_id, token)


@app.function(  # type: ignore[untyped-decorator]
    image=foundry_image,
    secrets=[secret],
    cpu=float(SOLVER_THREADS),
    memory=2048,
    timeout=MOST_SECONDS + 300,
    retries=0,
    max_containers=10,
)
async def replan(run_id: str, token: str | None = None) -> str:
    """Work on a replan run; tells how the worker ended."""
    return await _work_on(run_id, token)


# ---------------------------------------------------------------------- the queue

_housekeeping = partial(
    app.function,
    secrets=[housekeeping_secret],
    cpu=0.25,
    memory=512,
    timeout=120,
    retries=0,
    max_containers=1,
    # Waiting a minute for work that comes every third would cost more than all else.
    scaledown_window=2,
)


@_housekeeping(schedule=modal.Cron(EVERY_FEW_MINUTES))  # type: ignore[untyped-decorator]
async def sweep() -> int:
    """Bring back what was lost and hand over what waits, also while the service is away; how many."""
    configure_logs(os.environ)
    environment = HousekeepingEnvironment.read(os.environ)
    async with environment.door.queue() as queue:
        calls = ModalCalls(_function, environment.tokens)
        handing_over = HandingOver(queue, calls, environment.max_attempts)
        return await handing_over.start(await handing_over.look(), thorough=True)


@_housekeeping(schedule=modal.Cron(EVERY_QUARTER))  # type: ignore[untyped-decorator]
async def monday() -> int:
    """Record whose Monday morning has come, for the service, which replans it, and wake that; how many."""
    configure_logs(os.environ)
    environment = HousekeepingEnvironment.read(os.environ)
    async with environment.door.queue() as queue:
        wishes = await queue.wish_mondays()
    if environment.service_url is not None:
        await wake(environment.service_url)
    return wishes


def _function(kind: str) -> modal.Function:
    """Give the function that works on a kind of run."""
    function = app.registered_functions.get(kind.lower())
    if function is None:
        raise modal.exception.NotFoundError(f"this app has no function {kind.lower()!r}")
    return function
