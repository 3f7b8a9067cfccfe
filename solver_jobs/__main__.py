"""A worker process: `python -m solver_jobs RUN_ID`.

The environment says where the run stands (`solver_jobs.environment`); the service that started the process
says in `POURPLAN_INSTANCE` who it is. Ends with 0 when the run's state is settled, however it went; with 1
when nothing could be written, so that the run has to be done again; with 2 when it was called wrongly; with
143 on SIGTERM.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from uuid import UUID

import structlog

from solver_jobs.environment import EnvironmentWrong, JobEnvironment
from solver_jobs.logs import configure_logs
from solver_jobs.store import RunNotFound, StoreUnreachable
from solver_jobs.worker import work

SETTLED, NOT_WRITTEN, CALLED_WRONGLY, TERMINATED = 0, 1, 2, 128 + signal.SIGTERM

log = structlog.get_logger(__name__)


async def run(run_id: UUID, environment: JobEnvironment, call_id: str) -> int:
    """Work on the run; give the exit code."""
    working = asyncio.current_task()
    if working is not None:
        with contextlib.suppress(NotImplementedError):  # Windows knows no signal handlers of a loop
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, working.cancel)
    try:
        async with environment.store(call_id) as store:
            await work(run_id, store, lease_seconds=environment.lease_seconds, kinds=environment.kind_of)
    except asyncio.CancelledError:
        log.info("worker_terminated", run=str(run_id))
        return TERMINATED
    except RunNotFound as error:
        log.warning("run_not_found", run=str(run_id), reason=str(error))
        return CALLED_WRONGLY
    except StoreUnreachable as error:
        log.warning("run_not_written", run=str(run_id), reason=str(error))
        return NOT_WRITTEN
    except Exception:
        log.exception("worker_broke", run=str(run_id))
        return NOT_WRITTEN
    return SETTLED


def main(arguments: list[str]) -> int:
    """Read what the process was called with, and work."""
    configure_logs(os.environ)
    try:
        (text,) = arguments
        run_id = UUID(text)
    except ValueError:
        sys.stderr.write(f"Expected one argument, the id of a run (a UUID); found {arguments}.\n")
        return CALLED_WRONGLY
    try:
        environment = JobEnvironment.read(os.environ)
    except EnvironmentWrong as error:
        sys.stderr.write(f"{error}\n")
        return CALLED_WRONGLY
    call_id = f"local:{os.environ.get('POURPLAN_INSTANCE', 'alone')}:{os.getpid()}"
    with asyncio.Runner() as runner:
        code = runner.run(run(run_id, environment, call_id))
        # What is settled is written. Leave at once: a solver that was given up may still be at work in its
        # thread, and an orderly end would wait for it.
        with contextlib.suppress(OSError):  # nobody reads the log any more
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
