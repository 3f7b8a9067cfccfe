"""What a month costs, with its arithmetic, from what bench/mondays.json says of runs.

python -m bench.costs --plants 20 --replans-a-week 6 --forecasts-a-month 8
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import dataclass

from bench.monday_rows import Measured
from bench.mondays import GIB, KEPT, MIX, MONDAYS, MONTHS

WEEKS_A_MONTH = 52 / 12
SWEEPS_A_MONTH, MONDAY_LOOKS_A_MONTH = 20 * 24 * 365 / 12, 4 * 24 * 365 / 12
BOOT_SECONDS = 5.0
LOOK_SECONDS, LOOK_IDLE_SECONDS = 3.0, 2.0
"""Of work, and of waiting, which solver_jobs.app sets."""


@dataclass(frozen=True, slots=True)
class Containers:
    """Containers of a kind in a month.

    Attributes
    ----------
    calls
        How many; each is taken to have a container of its own.
    seconds
        Of one: boot, start, work, and waiting for more work.
    cores, gib
        Its size.
    """

    name: str
    calls: float
    seconds: float
    cores: float
    gib: float

    def dollars(self, core_second: float, gib_second: float) -> float:
        """Give what they cost together."""
        return self.calls * self.seconds * (self.cores * core_second + self.gib * gib_second)

    def tell(self, core_second: float, gib_second: float) -> None:
        """Print the arithmetic."""
        print(f"{self.name:10}{self.calls:10,.0f} x {self.seconds:6.1f} s x ", end="")
        print(f"({self.cores:g} cores x {core_second:g} + {self.gib:g} GiB x {gib_second:g})", end="")
        print(f"{self.dollars(core_second, gib_second):10.2f}")


def mean_seconds(measured: Measured) -> float:
    """Give the mean seconds of a replan over the mix of plants."""
    return sum(share * statistics.mean(measured.plants[size].seconds) for size, share in MIX.items())


def mean_bytes(measured: Measured) -> float:
    """Give the mean bytes of a stored replan over the mix of plants."""
    return sum(share * measured.plants[size].run_bytes for size, share in MIX.items())


def containers(measured: Measured, asked: argparse.Namespace) -> list[Containers]:
    """Count a month's containers of each kind."""
    around = BOOT_SECONDS + measured.start_seconds + asked.idle
    looking = BOOT_SECONDS + LOOK_SECONDS + LOOK_IDLE_SECONDS
    replans = asked.plants * asked.replans_a_week * WEEKS_A_MONTH
    forecasts = asked.plants * asked.forecasts_a_month
    melting = statistics.mean(measured.plants["melt shop"].seconds)
    return [
        Containers("replan", replans, around + mean_seconds(measured), 2, 2),
        Containers("forecast", forecasts, around + melting, 1, 1),
        Containers("sweep", SWEEPS_A_MONTH, looking, 0.25, 0.5),
        Containers("monday", MONDAY_LOOKS_A_MONTH, looking, 0.25, 0.5),
    ]


def stored_gib(measured: Measured, asked: argparse.Namespace) -> float:
    """Give what the runs of five years take in the database."""
    replans = MONDAYS * asked.replans_a_week * mean_bytes(measured)
    forecasts = MONTHS * asked.forecasts_a_month * measured.plants["melt shop"].run_bytes
    return float(asked.plants * (replans + forecasts) / GIB)


def main() -> None:
    """Compute and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--plants", type=int, default=20)
    parser.add_argument("--replans-a-week", type=float, default=6, help="of one plant, what-ifs included")
    parser.add_argument("--forecasts-a-month", type=float, default=8, help="of one plant")
    parser.add_argument("--idle", type=float, default=60, help="seconds that a container waits for more work")
    parser.add_argument("--core-second", type=float, default=0.0000131)
    parser.add_argument("--gib-second", type=float, default=0.00000222)
    parser.add_argument("--free", type=float, default=30, help="of Modal's, a month")
    parser.add_argument("--supabase", type=float, default=25, help="the plan, a month")
    parser.add_argument("--compute", type=float, default=60, help="the database's machine (Medium)")
    parser.add_argument("--compute-credit", type=float, default=10)
    parser.add_argument("--disk-gib", type=float, default=0.125)
    parser.add_argument("--disk-included", type=float, default=8)
    parser.add_argument("--host", type=float, default=15, help="of the API's container")
    asked = parser.parse_args()
    measured = Measured.read(KEPT)
    kinds = containers(measured, asked)
    for kind in kinds:
        kind.tell(asked.core_second, asked.gib_second)
    modal = sum(kind.dollars(asked.core_second, asked.gib_second) for kind in kinds)
    held = stored_gib(measured, asked)
    disk = max(0.0, held - asked.disk_included) * asked.disk_gib
    compute = max(0.0, asked.compute - asked.compute_credit)
    rows = [
        (f"Modal: {modal:.2f} less {asked.free:g} free", max(0.0, modal - asked.free)),
        ("Supabase: the plan", asked.supabase),
        (f"Supabase: compute {asked.compute:g} less {asked.compute_credit:g}", compute),
        (f"Supabase: disk, after five years {held:.1f} GiB less {asked.disk_included:g}", disk),
        ("the API's container, anywhere", asked.host),
    ]
    print()
    for name, dollars in rows:
        print(f"{name:58}{dollars:10.2f}")
    total = sum(dollars for _, dollars in rows)
    print(f"{'a month, ' + str(asked.plants) + ' plants':58}{total:10.2f}")
    print(f"{'a month and plant':58}{total / asked.plants:10.2f}")


if __name__ == "__main__":
    main()
