"""`pourplan template`: workbooks to fill in and import."""

from __future__ import annotations

import sys
from pathlib import Path

from api.cli.failure import CommandFailed
from api.cli.foundry_files import read_foundry
from api.cli.terminal import err
from api.workbooks.foundry_template import foundry_workbook

FOUNDRY = Path("pourplan-foundry.xlsx")


def write_foundry(target: Path | None, problem: Path | None) -> None:
    """Write a foundry's workbook, with an example or filled from a problem; "-" is standard output.

    Raises
    ------
    CommandFailed
        The problem can't be read, or the file can't be written.
    """
    content = foundry_workbook(_tables(problem)) if problem else foundry_workbook()
    if target == Path("-"):
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    path = target or FOUNDRY
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CommandFailed(f"{path} can't be written: {error.strerror}.") from error
    err.print(f"Wrote {path}: fill it in, then pourplan import {path}", soft_wrap=True)


def _tables(problem: Path) -> dict[str, object]:
    found = read_foundry(problem)
    settings = found.settings.model_dump(mode="json", exclude_defaults=True)
    return {"name": problem.stem, **found.model_dump(mode="json", exclude_none=True), "settings": settings}
