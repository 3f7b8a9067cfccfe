"""The commands of `pourplan` with their options; what each does lies in the module of its name."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
from graphql import GraphQLError
from rich.text import Text
from typer.core import TyperGroup

from api.cli import account_commands, examining
from api.cli.failure import CommandFailed, CommandInterrupted, told_if_interrupted
from api.cli.terminal import err
from api.cli.writing import require_writable
from api.reports.formats import ExportFormat
from api.scalars import parse_month
from api.settings import Settings, SettingsError, load_settings

MIN_SECONDS, MAX_SECONDS = 0.1, 86_400
"""How long `pourplan solve foundry` may search."""
NO_PLAN = "no plan was made yet"
"""What is left of a replan that is interrupted before its search."""


class _Commands(TyperGroup):
    """Commands that don't end without a word."""

    def invoke(self, ctx: Any) -> Any:
        with told_if_interrupted():
            return super().invoke(ctx)


app = typer.Typer(
    name="pourplan",
    cls=_Commands,
    help="Production planning for steel plants and foundries.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
solve_app = typer.Typer(help="Solve a problem from a JSON file, without any database.", no_args_is_help=True)
schema_app = typer.Typer(help="Print a schema: of the service, or of a problem.", no_args_is_help=True)
export_app = typer.Typer(help="Write results to files.", no_args_is_help=True)
app.add_typer(solve_app, name="solve")
app.add_typer(schema_app, name="schema")
app.add_typer(export_app, name="export")
template_app = typer.Typer(help="Write workbooks to fill in and import.", no_args_is_help=True)
app.add_typer(template_app, name="template")
app.add_typer(account_commands.app)
app.add_typer(examining.app)


def _is_month(text: str) -> str:
    # Checked before a database is started for it.
    try:
        parse_month(text)
    except GraphQLError as error:
        raise CommandFailed(error.message) from None
    return text


def _is_seconds(seconds: float) -> float:
    # Not a number is beyond no bound, and nothing to wait for; infinity is told alike.
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise typer.BadParameter(
            f"{seconds:g} is no time to search; "
            f"expected a number of seconds, {MIN_SECONDS} to {MAX_SECONDS:,}."
        )
    return seconds


def _is_writable(target: Path | None) -> Path | None:
    # Told before a search, not after it.
    require_writable(target)
    return target


Month = Annotated[str, typer.Argument(help="A month, as 2024-09.", metavar="MONTH", callback=_is_month)]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help='A file; "-" is standard output.', callback=_is_writable),
]
Problem = Annotated[Path, typer.Argument(help='A problem as JSON; "-" is standard input.', metavar="PROBLEM")]
Plan = Annotated[Path, typer.Argument(help='A plan as JSON; "-" is standard input.', metavar="PLAN")]
Scenario = Annotated[
    str | None, typer.Option("--scenario", help="Name of a scenario; the base scenario unless told.")
]
WEEKS_IN_FULL = 4
Weeks = Annotated[
    int, typer.Option("--weeks", help="Weeks to print day by day; later ones take a line each.", min=0)
]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535, envvar="PORT")]
INTERRUPTED = 130
"""The exit status of a command that Ctrl-C ends."""
DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8000


def _in_session(work: Callable[..., Coroutine[Any, Any, None]], *args: Any, **options: Any) -> None:
    """Run a command that works on the plant's data."""
    from api.cli.opening import open_session

    async def run(settings: Settings) -> None:
        async with open_session(settings) as session:
            await work(session, *args, **options)

    asyncio.run(run(_settings_of_a_command()))


def _settings_of_a_command() -> Settings:
    """Read the settings; what a person at a terminal needs to know is printed, so only trouble is logged."""
    from api.logs import configure_logging

    settings = load_settings()
    if "log_level" not in settings.model_fields_set:
        settings = settings.model_copy(update={"log_level": "warning"})
    configure_logging(settings)
    return settings


@app.command()
def serve(host: Host = DEFAULT_HOST, port: Port = DEFAULT_PORT) -> None:
    """Serve the GraphQL API and its playground."""
    from api.cli import serving
    from api.logs import configure_logging

    settings = load_settings()
    configure_logging(settings)
    try:
        serving.serve(settings, host, port)
    except KeyboardInterrupt:
        # So a service is ended: there is nothing to tell.
        raise typer.Exit(INTERRUPTED) from None


@app.command()
def migrate() -> None:
    """Apply the migrations to DATABASE_ADMIN_URL, else DATABASE_URL, else this machine's database."""
    from api.cli import migrating

    asyncio.run(migrating.migrate_database(_settings_of_a_command()))


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(help="Files, in any order.", metavar="FILE...")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show everything, store nothing.")] = False,
) -> None:
    """Import a plant's workbooks, and foundry problems as JSON.

    What a workbook is, is recognised from its content; a foundry problem becomes a scenario.
    """
    from api.cli import importing

    _in_session(importing.import_files, files, dry_run=dry_run)


@app.command()
def forecast(
    month: Month,
    round_up: Annotated[
        bool, typer.Option("--round-up", help="Round every grade up to the next heat, above the order book.")
    ] = False,
) -> None:
    """Forecast a month's heats of each steel grade, and print them."""
    from api.cli import forecasting

    _in_session(forecasting.forecast, month, round_up=round_up)


@app.command()
def demo(
    serve_after: Annotated[
        bool, typer.Option("--serve", help="Serve API and playground afterwards.")
    ] = False,
    host: Host = DEFAULT_HOST,
    port: Port = DEFAULT_PORT,
) -> None:
    """Load the sample plant, forecast its September, and replan its foundry's Monday."""
    from api.cli import demonstrating

    _in_session(demonstrating.demonstrate)
    if serve_after:
        serve(host, port)


@app.command()
def replan(
    scenario: Scenario = None,
    time_limit: Annotated[
        int, typer.Option("--time-limit", help="Seconds to search at most.", min=1, max=900)
    ] = 60,
    weeks: Weeks = WEEKS_IN_FULL,
) -> None:
    """Plan the foundry's molds from the scenario's Monday on, and print the plan."""
    with told_if_interrupted(NO_PLAN):
        from api.cli import replanning

        _in_session(replanning.replan, scenario, time_limit=time_limit, weeks=weeks)


@export_app.command("plan")
def export_plan(
    run: Annotated[
        str | None,
        typer.Argument(help="Id of a replan; the base scenario's newest unless told.", metavar="[RUN]"),
    ] = None,
    form: Annotated[ExportFormat, typer.Option("--format", help="What to write.")] = ExportFormat.XLSX,
    output: Output = None,
) -> None:
    """Write a foundry plan: its rows as CSV, calendar, orders and days as a workbook, or all as JSON."""
    from api.cli import plan_export

    _in_session(plan_export.export_plan, run, form, output)


@export_app.command("problem")
def export_problem(
    run: Annotated[
        str | None,
        typer.Argument(help="Id of a replan; the scenario as it is unless told.", metavar="[RUN]"),
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            help="Name of a scenario, or name or id of one that was deleted; the base scenario unless told.",
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Write what a run planned, or a scenario as it is, as JSON: for `verify`, `roll`, `template --from`."""
    from api.cli import problem_export

    _in_session(problem_export.export_problem, run, scenario, output)


@export_app.command("forecast")
def export_forecast(
    month: Month,
    form: Annotated[ExportFormat, typer.Option("--format", help="What to write.")] = ExportFormat.CSV,
    output: Output = None,
) -> None:
    """Write the newest forecast of a month: ScrapChef's breakdown as CSV or JSON, all of it as a workbook."""
    from api.cli import forecasting

    _in_session(forecasting.export_forecast, month, form, output)


@solve_app.command("forecast")
def solve_forecast(
    problem: Problem,
    output: Output = None,
) -> None:
    """Forecast from a JSON file; `pourplan schema forecast` describes its form."""
    from api.cli import solving

    solving.solve_forecast(problem, output)


@solve_app.command("foundry")
def solve_foundry(
    problem: Problem,
    output: Output = None,
    time_limit: Annotated[
        float,
        typer.Option(
            "--time-limit",
            help=f"Seconds to search, {MIN_SECONDS} to {MAX_SECONDS:,}.",
            callback=_is_seconds,
        ),
    ] = 60,
    workers: Annotated[int, typer.Option(help="Cores to search on.", min=1, max=256)] = 2,
    seed: Annotated[int, typer.Option(help="Another one searches elsewhere.", min=0)] = 1,
    weeks: Weeks = WEEKS_IN_FULL,
) -> None:
    """Plan a foundry's molds from a JSON file; `pourplan schema foundry` describes its form.

    With a file to write to, the plan is printed as well. Ctrl-C ends the search with the best plan so far.
    """
    with told_if_interrupted(NO_PLAN):
        from api.cli import foundry_files

        foundry_files.solve_foundry(
            problem, output, time_limit=time_limit, workers=workers, seed=seed, weeks=weeks
        )


@app.command()
def verify(problem: Problem, plan: Plan) -> None:
    """Judge a foundry plan: recount it, and name every rule that it breaks."""
    from api.cli import foundry_files

    foundry_files.verify_files(problem, plan)


@app.command()
def roll(
    problem: Annotated[
        Path | None, typer.Argument(help="A problem as JSON; without it the stored scenario is rolled.")
    ] = None,
    plan: Annotated[Path | None, typer.Argument(help="The problem's plan as JSON.")] = None,
    weeks: Annotated[int, typer.Option(help="Weeks that pass.", min=1, max=520)] = 1,
    scenario: Scenario = None,
    output: Output = None,
) -> None:
    """Carry a foundry on to a later Monday, had its plan been carried out as planned.

    Without files the stored scenario, by its newest plan; with a problem and its plan, the problem of the
    later Monday is written, and nothing is stored.
    """
    if problem is None:
        if output is not None:
            raise CommandFailed(
                "Without files nothing is written: the stored scenario itself is rolled.",
                "Roll it without -o; its data as a file: pourplan export problem",
            )
        from api.cli import rolling

        _in_session(rolling.roll_scenario, scenario, weeks=weeks)
        return
    if plan is None or scenario is not None:
        raise CommandFailed(
            "A problem is rolled with its plan, and no scenario.",
            "pourplan roll PROBLEM PLAN, or without files for the stored scenario: pourplan roll",
        )
    from api.cli import foundry_files

    foundry_files.roll_files(problem, plan, output, weeks=weeks)


@schema_app.command("foundry")
def schema_foundry() -> None:
    """Print the JSON Schema of a foundry problem."""
    from api.cli import solving
    from solver_jobs.foundry.problem import FoundryProblem

    solving.print_schema(FoundryProblem)


@schema_app.command("forecast")
def schema_forecast() -> None:
    """Print the JSON Schema of a forecast problem."""
    from api.cli import solving
    from solver_jobs.forecast.problem import ForecastProblem

    solving.print_schema(ForecastProblem)


@schema_app.command("graphql")
def schema_graphql() -> None:
    """Print the GraphQL schema."""
    from api.schema import schema

    sys.stdout.write(schema.as_str().rstrip() + "\n")


@template_app.command("foundry")
def template_foundry(
    output: Output = None,
    problem: Annotated[
        Path | None, typer.Option("--from", help="A foundry problem as JSON to fill it with.")
    ] = None,
) -> None:
    """Write a foundry's workbook: a sheet for each table, its columns explained."""
    from api.cli import templates

    templates.write_foundry(output, problem)


def _end_as_by_interrupt() -> None:
    """Told to end, a command ends as by Ctrl-C: it closes what it has opened, the database above all."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Begun in the background of a script, it is out of Ctrl-C's reach, and not of whoever ends it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)


def main() -> None:
    """Run `pourplan`; a failure ends as a sentence on standard error, never as a traceback."""
    from api.cluster import EmbeddedPostgresError
    from api.migrations import MigrationError

    signal.signal(signal.SIGTERM, lambda *_: _end_as_by_interrupt())
    try:
        app()
    except CommandInterrupted as interrupted:
        err.print(Text(str(interrupted)))
        sys.exit(INTERRUPTED)
    except CommandFailed as failure:
        err.print(Text.assemble(("error: ", "bold red"), str(failure)))
        if failure.hint:
            err.print(Text(failure.hint, style="dim"))
        sys.exit(1)
    except (SettingsError, EmbeddedPostgresError, MigrationError) as error:
        err.print(Text.assemble(("error: ", "bold red"), str(error)))
        sys.exit(1)
