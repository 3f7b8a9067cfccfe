"""`pourplan solve` and `pourplan schema`: problems as JSON files, without any database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from api.cli.failure import CommandFailed, job_failure
from api.cli.terminal import err
from api.cli.writing import write_or_print
from api.workbooks.package import OLE_MAGIC, ZIP_MAGIC
from solver_jobs.errors import JobError
from solver_jobs.faults import describe_faults
from solver_jobs.forecast.planner import solve
from solver_jobs.forecast.problem import ForecastProblem

Model = TypeVar("Model", bound=BaseModel)
MOST_FAULTS = 20
"""Faults of a file that are printed."""
_WORKBOOKS = ((ZIP_MAGIC, b"xl/"), (OLE_MAGIC, "Workbook".encode("utf-16-le")))
"""How .xlsx and .xls begin, and the name of a part that tells them from other archives."""


def read_problem(path: Path, model: type[Model]) -> Model:
    """Read a problem; "-" is standard input.

    Raises
    ------
    CommandFailed
        It can't be read, is no JSON, or not of the problem's form: every fault is named.
    """
    content = read_json(
        path,
        "a problem as JSON",
        "To forecast from workbooks, store them: pourplan import FILE, then pourplan forecast MONTH",
    )
    try:
        return model.model_validate(orjson.loads(content))
    except orjson.JSONDecodeError as error:
        raise CommandFailed(f"{path} is no JSON: {error}.") from error
    except ValidationError as error:
        faults = describe_faults(error, "the problem", MOST_FAULTS)
        raise CommandFailed(
            f"{path} is not of the form that is asked for:\n  " + "\n  ".join(faults)
        ) from error


def read_content(path: Path) -> bytes:
    """Read a file; "-" is standard input.

    Raises
    ------
    CommandFailed
        It can't be read.
    """
    try:
        return sys.stdin.buffer.read() if path == Path("-") else path.read_bytes()
    except OSError as error:
        raise CommandFailed(f"{path} can't be read: {error.strerror}.") from error


def read_json(path: Path, expected: str, way: str) -> bytes:
    """Read a file that is to be JSON, of the `expected` kind.

    Raises
    ------
    CommandFailed
        It can't be read, or is a workbook, of which a parser of JSON would name but a byte: `way` leads on.
    """
    content = read_content(path)
    if any(content.startswith(start) and part in content for start, part in _WORKBOOKS):
        raise CommandFailed(f"{name_of(path)} is a workbook; expected {expected}.", way)
    return content


def name_of(source: Path) -> str:
    """Name a file as messages do; "-" is standard input."""
    return "Standard input" if source == Path("-") else str(source)


def write_json(content: BaseModel, target: Path | None) -> Path | None:
    """Write a result to a file, and give it; to standard output, and give none.

    Raises
    ------
    CommandFailed
        The file can't be written; the result is on standard output.
    """
    return write_or_print(content.model_dump_json(indent=2).encode() + b"\n", target)


def solve_forecast(problem: Path, target: Path | None) -> None:
    """Forecast from a JSON file into a JSON file."""
    try:
        result = solve(read_problem(problem, ForecastProblem))
    except JobError as error:
        raise job_failure(error) from error
    if path := write_json(result, target):
        err.print(f"Wrote {path}.", markup=False, soft_wrap=True)


def print_schema(model: type[BaseModel]) -> None:
    """Print the JSON Schema of a problem."""
    sys.stdout.buffer.write(
        orjson.dumps(model.model_json_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    )
