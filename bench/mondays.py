"""A thousand plants that replan on the same Monday at six: measured on this machine, then simulated.

    python -m bench.mondays                 measure (about a quarter of an hour), keep it, simulate
    python -m bench.mondays --measured      simulate from what was kept (bench/mondays.json), at once
    python -m bench.mondays --measured --plants 200 --containers 25 50

Measured are runs through the worker's own door on an embedded Postgres: seconds, signs of life, the time of
each call, bytes. What a cloud adds is assumed, and printed: `--boot`, `--hand-over` and `--ask` change it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from bench.monday_queue import Assumptions, Monday
from bench.monday_rows import Measured, Plant, machine, scales, start_seconds
from solver_jobs.foundry.warm import warm

KEPT = Path(__file__).with_suffix(".json")
UTILISATIONS = (0.7, 0.9, 1.05)
SEARCH_SECONDS = 60.0
MIX = {"S": 0.4, "M": 0.3, "L": 0.2, "XL": 0.1}
"""Shares of the sizes of plants."""
MONDAYS, MONTHS = 5 * 52, 5 * 12
REPLANS_A_MONDAY, FORECASTS_A_MONTH = 3, 8
WORKERS_AT_ONCE = 8
GIB, MIB, KIB = 2**30, 2**20, 2**10
CORE_SECOND, GIB_SECOND = 0.0000131, 0.00000222
"""What Modal asks in dollars: docs/operate.md tells since when and where from."""
CORES, MEMORY_GIB = 2.0, 2.0
"""Of a container for replans, as solver_jobs.app declares it."""


async def measure(search_seconds: float) -> Measured:
    """Measure plants of all sizes, one after the other."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    plants: dict[str, Plant] = {}
    warm()
    with tempfile.TemporaryDirectory(prefix="pourplan-mondays-") as folder:
        async with scales(Path(folder)) as weighing:
            plants["melt shop"] = await weighing.melt_shop(runs=5)
            for size in MIX:
                print(f"measuring size {size} ...", flush=True)
                plants[size] = await weighing.foundry(size, UTILISATIONS, search_seconds)
            beats = await weighing.beats_per_second(WORKERS_AT_ONCE, seconds=3)
    return Measured(machine(), search_seconds, round(start_seconds(), 3), round(beats), plants)


def tell_measured(measured: Measured) -> None:
    """Print what was measured."""
    print(f"\nMeasured: {measured.machine}; searches of at most {measured.search_seconds:g} s")
    print(f"start of a worker {measured.start_seconds:.1f} s; of {WORKERS_AT_ONCE} workers at once ", end="")
    print(f"Postgres took {measured.beats_per_second:,.0f} signs of life a second\n")
    print(
        f"{'plant':10}{'orders':>7}{'rows':>7}{'prepare ms':>12}{'seconds a run':>16}{'signs/s':>9}", end=""
    )
    print(f"{'claim ms':>10}{'sign ms':>9}{'finish ms':>11}{'run KiB':>9}{'data KiB':>10}")
    for size, plant in measured.plants.items():
        seconds = f"{min(plant.seconds):.1f} to {max(plant.seconds):.1f}"
        rate = sum(plant.beats) / sum(plant.seconds)
        prepare = f"{1e3 * plant.prepare:.0f}" if plant.prepare else ""
        print(f"{size:10}{plant.orders or '':>7}{plant.rows or '':>7}{prepare:>12}", end="")
        print(f"{seconds:>16}{rate:9.2f}", end="")
        print(f"{1e3 * plant.claim:10.1f}{1e3 * plant.beat:9.1f}{1e3 * plant.finish:11.0f}", end="")
        print(f"{plant.run_bytes / KIB:9.0f}{plant.scenario_bytes / KIB:10.0f}")


def simulate(measured: Measured, requested: Sequence[tuple[float, str]], given: Assumptions) -> Monday:
    """Let one Monday pass."""
    efforts = {size: measured.plants[size].effort for size in MIX}
    monday = Monday(requested, efforts, replace(given, start_seconds=measured.start_seconds))
    monday.play()
    return monday


def at_six(plants: int, minutes: float) -> list[tuple[float, str]]:
    """Draw the sizes of the plants, and when within so many minutes each asks for its plan."""
    drawn = random.Random(1)
    sizes = drawn.choices(list(MIX), list(MIX.values()), k=plants)
    return [(drawn.uniform(0, 60 * minutes), size) for size in sizes]


def tell_mondays(mondays: Mapping[int, Monday]) -> None:
    """Print how long the queue took to drain, by the bound on containers."""
    print(
        f"{'containers':>11}{'last plan':>11}{'median':>9}{'95 %':>9}{'queued':>9}{'handed over':>13}", end=""
    )
    print(f"{'container h':>13}{'$':>7}{'calls/s':>9}{'busy':>7}{'longest silence':>17}")
    for bound, monday in mondays.items():
        waits = sorted((run.finished or 0.0) - run.requested for run in monday.runs)
        end = max(run.finished or 0.0 for run in monday.runs)
        queued, handed = (
            max(getattr(run, told) or 0.0 for run in monday.runs) for told in ("queued", "handed_over")
        )
        seconds = monday.containers.seconds
        dollars = seconds * (CORES * CORE_SECOND + MEMORY_GIB * GIB_SECOND)
        busy = monday.database.busy_seconds / (end * monday.cores)
        at_most = max(monday.database.by_second.values())
        silence = max(run.longest_silence for run in monday.runs)
        print(f"{bound:11}{_clock(end):>11}{_clock(statistics.median(waits)):>9}", end="")
        print(
            f"{_clock(waits[int(0.95 * (len(waits) - 1))]):>9}{_clock(queued):>9}{_clock(handed):>13}", end=""
        )
        print(f"{seconds / 3600:13.1f}{dollars:7.2f}{at_most:9,}{busy:7.1%}{silence:15.1f} s")


def tell_five_years(measured: Measured, plants: int) -> None:
    """Print what the database holds after five years, by size of plant and for all."""
    forecasts = MONTHS * FORECASTS_A_MONTH * measured.plants["melt shop"].run_bytes
    replans = MONDAYS * REPLANS_A_MONDAY
    print(f"\nFive years: {replans} replans a plant ({REPLANS_A_MONDAY} a Monday), and ", end="")
    print(
        f"{MONTHS * FORECASTS_A_MONTH} forecasts ({FORECASTS_A_MONTH} a month) of {forecasts / MIB:.0f} MiB"
    )
    kept = {size: replans * measured.plants[size].run_bytes + forecasts for size in MIX}
    for size, held in kept.items():
        data = measured.plants[size].scenario_bytes * (1 + REPLANS_A_MONDAY)
        print(f"{size:4}{held / MIB:10,.0f} MiB of runs, {data / MIB:6.1f} MiB of data a plant")
    total = plants * sum(share * kept[size] for size, share in MIX.items())
    print(f"all {plants:,} plants: {total / GIB:,.0f} GiB of runs")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def main() -> None:
    """Measure, simulate, tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--measured", action="store_true", help=f"take {KEPT.name} instead of measuring")
    parser.add_argument("--search", type=float, default=SEARCH_SECONDS, help="seconds of a search")
    parser.add_argument("--plants", type=int, default=1_000)
    parser.add_argument("--minutes", type=float, default=0, help="within which they ask")
    parser.add_argument("--containers", type=int, nargs="+", default=[10, 50, 100, 250, 1_000])
    parser.add_argument("--instances", type=int, default=1, help="of the service")
    parser.add_argument("--boot", type=float, nargs=2, default=(2.0, 8.0), help="seconds")
    parser.add_argument("--hand-over", type=float, default=0.1, help="seconds to hand a run to Modal")
    parser.add_argument("--at-once", type=int, default=1, help="runs that are handed over side by side")
    parser.add_argument("--ask", type=float, default=0.05, help="seconds to ask whether a call has ended")
    parser.add_argument("--cores", type=int, default=2, help="cores of the database")
    asked = parser.parse_args()
    if not asked.measured:
        asyncio.run(measure(asked.search)).write(KEPT)
    measured = Measured.read(KEPT)
    tell_measured(measured)
    given = Assumptions(
        boot_seconds=tuple(asked.boot), hand_over_seconds=asked.hand_over, ask_seconds=asked.ask,
        hand_overs_at_once=asked.at_once, database_cores=asked.cores, instances=asked.instances,
    )  # fmt: skip
    when = f"within {asked.minutes:g} minutes" if asked.minutes else "at the same moment"
    print(f"\nSimulated: {asked.plants:,} plants {when}, shares of the sizes {MIX}")
    print(
        f"assumed: boot {asked.boot[0]:g} to {asked.boot[1]:g} s, hand-over {asked.hand_over:g} s, ", end=""
    )
    print(
        f"{asked.at_once} at once, asking Modal {asked.ask:g} s,\n"
        f"{asked.instances} instance(s) of the service, {asked.cores} cores of Postgres\n"
    )
    requested = at_six(asked.plants, asked.minutes)
    bounds: list[int] = asked.containers
    tell_mondays({n: simulate(measured, requested, replace(given, max_containers=n)) for n in bounds})
    tell_five_years(measured, asked.plants)


if __name__ == "__main__":
    main()
