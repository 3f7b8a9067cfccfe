"""`pourplan import`: workbooks and foundry problems in, reports out."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from api.cli.failure import CommandFailed
from api.cli.sample import WORKBOOKS, digests, stored_digests
from api.cli.scenarios import check_scenario, import_scenario
from api.cli.session import Session
from api.cli.terminal import out
from api.workbooks.terminal import render_report


async def import_files(session: Session, files: list[Path], *, dry_run: bool) -> None:
    """Import files in any order, each by itself, and print what is to say about them.

    Raises
    ------
    CommandFailed
        A file can't be read, or was refused; the others are stored all the same.
    """
    problems = [path for path in files if path.suffix.lower() == ".json"]
    await _import_workbooks(session, [path for path in files if path not in problems], dry_run=dry_run)
    for path in problems:
        if dry_run:
            check_scenario(path)
        else:
            await import_scenario(session, path)


async def _import_workbooks(session: Session, files: list[Path], *, dry_run: bool) -> None:
    workbooks = [(path.name, _read(path)) for path in files]
    await _warn_of_the_sample(session, files)
    reports = await session.import_workbooks(workbooks, dry_run=dry_run)
    for path, report in zip(files, reports, strict=True):
        out.print(render_report(path.name, report, dry_run=dry_run))
        out.print()
    refused = [str(path) for path, report in zip(files, reports, strict=True) if report.refused]
    if refused:
        raise CommandFailed(
            f"{', '.join(refused)}: nothing of it was stored.",
            "Mend what is marked as an error and import again.",
        )


async def _warn_of_the_sample(session: Session, files: list[Path]) -> None:
    """Tell whoever begins with his own plant where the sample stands already."""
    stored, samples = await stored_digests(session), digests(WORKBOOKS)
    if stored and stored <= samples and digests(files) - samples:
        out.print(
            Text(
                f"! {session.place} holds the sample plant; this comes on top of it. "
                "For your plant alone choose a new folder: POURPLAN_DATA=~/my-plant pourplan import ...\n",
                style="yellow",
            )
        )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandFailed(f"{path} can't be read: {error.strerror}.") from error
