"""`pourplan doctor`: whether all that Pourplan lives on is as it must be, and what to do where it is not."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from typing import Annotated, Any

import orjson
import typer
from rich.text import Text

from api.cli.terminal import err, out
from api.logs import configure_logging
from api.settings import Settings, SettingsError, load_settings

app = typer.Typer()

COLOURS = {"ok": "green", "warning": "yellow", "wrong": "bold red", "not checked": "dim"}
_MARGIN = 13


@app.command()
def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help="Tell it as JSON, for programs: a list of findings.")
    ] = False,
) -> None:
    """Look at settings, database, rights, storage, sign-in, Modal, clock, disk and workers.

    Each line tells how something is: ok, a warning, wrong, or not checked and why; below it, what to do.
    Ends with 1 if anything is wrong. On one machine it opens the database as every command does.
    """
    from api.doctor import Finding, Verdict

    def tell(finding: Finding) -> None:
        if not as_json:
            _print(finding)

    findings = asyncio.run(_examine(tell))
    counted = Counter(finding.verdict for finding in findings)
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(_told(findings), option=orjson.OPT_INDENT_2) + b"\n")
    else:
        wrong, warnings = counted[Verdict.WRONG], counted[Verdict.WARNING]
        err.print("All is well." if not wrong + warnings else f"Wrong: {wrong}. Warnings: {warnings}.")
    if counted[Verdict.WRONG]:
        raise typer.Exit(1)


async def _examine(tell: Any) -> list[Any]:
    from api.doctor import examine
    from api.doctor.configuration import AREA

    try:
        settings = _quiet(load_settings())
    except SettingsError as error:
        finding = AREA.wrong(f"{str(error).rstrip('.')}.", "Correct it in the environment or in .env.")
        tell(finding)
        return [finding]
    configure_logging(settings)
    return await examine(settings, tell)


def _quiet(settings: Settings) -> Settings:
    """Keep the log from telling once more what the report tells."""
    if "log_level" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"log_level": "error"})


def _print(finding: Any) -> None:
    verdict: str = finding.verdict.value
    line = Text.assemble(
        (f"{verdict:<{_MARGIN}}", COLOURS[verdict]), (f"{finding.area:<{_MARGIN}}", "bold"), finding.message
    )
    out.print(line, soft_wrap=True)
    if finding.todo:
        out.print(Text(" " * 2 * _MARGIN + finding.todo), soft_wrap=True)


def _told(findings: list[Any]) -> list[dict[str, str | None]]:
    return [
        {"area": one.area, "verdict": one.verdict.value, "message": one.message, "todo": one.todo}
        for one in findings
    ]
