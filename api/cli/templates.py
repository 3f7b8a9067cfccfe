"""`pourplan template`: workbooks to fill in and import."""

from __future__ import annotations

from pathlib import Path

from api.cli.foundry_files import read_foundry
from api.cli.terminal import err
from api.cli.writing import write_file
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
    if path := write_file(content, target, FOUNDRY):
        err.print(f"Wrote {path}: fill it in, then pourplan import {path}", soft_wrap=True)


def _tables(problem: Path) -> dict[str, object]:
    found = read_foundry(problem)
    settings = found.settings.model_dump(mode="json", exclude_defaults=True)
    return {"name": problem.stem, **found.model_dump(mode="json", exclude_none=True), "settings": settings}
