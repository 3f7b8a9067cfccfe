"""How well the forecast spreads a group's heats over its grades: each candidate, and the method chosen.

    python bench/forecast.py                panels of bench/melt_shops.py
    python bench/forecast.py history.csv    a long CSV: group,grade,month,tons (month as YYYY-MM)

For each length of history the newest months are forecast one by one from nothing but the months before
them (rolling origin), the groups' totals given. The misallocated share is half of the sum of
|forecast - actual| over the total, in percent. "chosen" is what the forecast uses, "whole heats" what it
answers; "best of the candidates" is known only afterwards; the last line is the obvious way,
the mean of the months in which a grade was made, rounded up: it knows neither the order book nor months of
zero.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.melt_shops import KINDS, PATCHWORK, melt_shop
from solver_jobs.forecast.backtest import choose
from solver_jobs.forecast.months import format_month, parse_month
from solver_jobs.forecast.panel import build_panel
from solver_jobs.forecast.planner import solve
from solver_jobs.forecast.problem import ForecastProblem, ForecastResult
from solver_jobs.forecast.shares import Evidence, Origins, candidates
from solver_jobs.forecast.verify import verify

FloatArray = NDArray[np.float64]
HISTORIES = (3, 6, 12, 24, 36)
HEAT_TONS = 100.0
CHOSEN, IN_HEATS, BEST = "chosen", "chosen, in whole heats", "best of the candidates"
FIRST = "mean of non-zero months, up"
REFERENCES = (CHOSEN, IN_HEATS, BEST, FIRST)


@dataclass
class Tally:
    """Errors by method, hits and widths of the intervals, methods chosen."""

    lost: dict[str, list[float]] = field(default_factory=dict)
    hits: list[bool] = field(default_factory=list)
    hits_where_made: list[bool] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)

    def add(self, method: str, forecast: FloatArray, actual: FloatArray) -> None:
        """Count one forecast month of one plant."""
        share = np.abs(forecast - actual).sum() / 2 / actual.sum()
        self.lost.setdefault(method, []).append(float(share))

    def score(self, method: str) -> float:
        """Misallocated share, all forecast months alike; not a number where the method was not tried."""
        if method == BEST:
            return min(self.score(name) for name in self.lost if name not in REFERENCES)
        return float(np.mean(self.lost[method])) if method in self.lost else float("nan")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("csv", type=Path, nargs="*", help="long CSVs: group,grade,month,tons")
    parser.add_argument("--plants", type=int, default=12, help="generated plants of each kind (12)")
    parser.add_argument("--origins", type=int, default=4, help="months forecast of each plant (4)")
    parser.add_argument(
        "--months", type=int, nargs="+", default=HISTORIES, help="months of history (3 6 12 24 36)"
    )
    parser.add_argument("--kinds", nargs="+", choices=[*KINDS, PATCHWORK], default=[*KINDS, PATCHWORK])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    print(f"On {machine()}.")
    if options.csv:
        for path in options.csv:
            report(str(path), [read_long(path)], options.months, options.origins)
    else:
        tallies = []
        for kind in options.kinds:
            span = max(options.months) + options.origins
            plants = [generated(kind, options.seed + number, span) for number in range(options.plants)]
            tallies.append(report(kind, plants, options.months, options.origins))
        show("all kinds", {months: merged(tally[months] for tally in tallies) for months in options.months})
    report_time()


def machine() -> str:
    """Name processor, cores and versions."""
    names = [
        line.split(":", 1)[1].strip()
        for line in _lines(Path("/proc/cpuinfo"))
        if line.startswith("model name")
    ]
    processor = names[0] if names else platform.processor() or platform.machine()
    return (
        f"{processor}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, numpy {np.__version__}"
    )


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def generated(kind: str, seed: int, months: int) -> pd.DataFrame:
    """Tons of a generated plant, months down and (group, grade) across."""
    shop = melt_shop(kind, seed, months)
    columns = [(f"group {group}", f"grade {group}/{number}") for number, group in enumerate(shop.group_of)]
    end = parse_month("2025-01")
    return pd.DataFrame(
        shop.heats * HEAT_TONS,
        index=pd.RangeIndex(end - months, end),
        columns=pd.MultiIndex.from_tuples(columns, names=["group", "grade"]),
    )


def read_long(path: Path) -> pd.DataFrame:
    """Tons of a plant from a long CSV, months down and (group, grade) across; cells left out are zero."""
    rows = pd.read_csv(path, dtype={"group": str, "grade": str, "month": str})
    missing = {"group", "grade", "month", "tons"} - set(rows.columns)
    if missing:
        raise SystemExit(
            f"{path}: found the columns {', '.join(rows.columns)}, expected group,grade,month,tons; "
            f"missing: {', '.join(sorted(missing))}."
        )
    groups_of_grade = rows.groupby("grade")["group"].transform("nunique")
    rows.loc[groups_of_grade > 1, "grade"] = rows["group"] + "/" + rows["grade"]
    rows["month"] = [parse_month(month[:7]) for month in rows["month"]]
    wide = rows.pivot_table(index="month", columns=["group", "grade"], values="tons", aggfunc="sum")
    return wide.fillna(0.0).sort_index()


def report(
    title: str, plants: Sequence[pd.DataFrame], histories: Sequence[int], origins: int
) -> dict[int, Tally]:
    """Forecast the newest months of every plant and print the table."""
    tallies = {}
    for months in histories:
        tally = Tally()
        for plant in plants:
            for problem, actual in rolling(plant, months, origins):
                try_all(problem, actual, tally)
        tallies[months] = tally
    show(title, tallies)
    return tallies


def rolling(plant: pd.DataFrame, months: int, origins: int) -> Iterator[tuple[ForecastProblem, FloatArray]]:
    """Problems with just so many months of history, and the tons that came true, in the panel's order."""
    for target in plant.index[-origins:]:
        history = plant.loc[(plant.index < target) & (plant.index >= target - months)]
        actual = plant.loc[target]
        if len(history) < months or actual.sum() <= 0:
            continue
        problem = as_problem(history, int(target), actual)
        by_grade = actual.droplevel("group")
        yield problem, by_grade[list(build_panel(problem).grades)].to_numpy(dtype=np.float64)


def as_problem(history: pd.DataFrame, target: int, actual: pd.Series[float]) -> ForecastProblem:
    """Make a problem whose order forecasts are what the groups really made, in whole heats."""
    month = format_month(target)
    rows: list[dict[str, Any]] = [
        {"group": group, "grade": grade, "month": format_month(int(number)), "tons": float(tons)}
        for (group, grade), series in zip(_names(history), history.to_numpy().T, strict=True)
        for number, tons in zip(history.index.to_list(), series, strict=True)
    ]
    totals = actual.groupby(level="group").sum() / HEAT_TONS
    orders = [{"group": group, "month": month, "heats": int(heats + 0.5)} for group, heats in totals.items()]
    return ForecastProblem.model_validate(
        {"month": month, "heat_tons": HEAT_TONS, "history": rows, "orders": orders}
    )


def _names(plant: pd.DataFrame) -> list[tuple[str, str]]:
    groups, grades = (plant.columns.get_level_values(level) for level in ("group", "grade"))
    return list(zip(map(str, groups), map(str, grades), strict=True))


def try_all(problem: ForecastProblem, actual: FloatArray, tally: Tally) -> None:
    """Forecast one month with every method and count what each misallocates."""
    panel = build_panel(problem)
    target = parse_month(problem.month)
    choice = choose(panel, target)
    now = Evidence(panel, Origins(known=np.array([panel.months.size]), target=np.array([target])))
    shares = {name: method(now)[0] for name, method in candidates(panel).items()}
    shares |= choice.alternatives
    totals = (actual @ panel.membership)[panel.group_of]
    for name, share in shares.items():
        tally.add(name, share * totals, actual)
    tally.add(CHOSEN, choice.shares * totals, actual)
    tally.chosen.append(choice.method)
    made = (panel.heats > 0).sum(axis=0)
    tally.add(FIRST, np.ceil(panel.heats.sum(axis=0) / np.maximum(made, 1)) * HEAT_TONS, actual)

    result = solve(problem)
    if violations := verify(problem, result):
        raise SystemExit("\n".join(violations))
    count_answer(result, dict(zip(panel.grades, actual, strict=True)), tally)


def count_answer(result: ForecastResult, actual: dict[str, float], tally: Tally) -> None:
    """Count the answer in whole heats and the hits of its intervals."""
    tons = np.array([actual[row.grade] for row in result.heats])
    tally.add(IN_HEATS, np.array([row.tons for row in result.heats]), tons)
    for row, real in zip(result.heats, tons, strict=True):
        heats = int(real / HEAT_TONS + 0.5)
        hit = row.low <= heats <= row.high
        tally.hits.append(hit)
        if heats or row.heats:
            tally.hits_where_made.append(hit)


def merged(tallies: Iterable[Tally]) -> Tally:
    """All tallies in one."""
    whole = Tally()
    for tally in tallies:
        for method, lost in tally.lost.items():
            whole.lost.setdefault(method, []).extend(lost)
        whole.hits += tally.hits
        whole.hits_where_made += tally.hits_where_made
        whole.chosen += tally.chosen
    return whole


def show(title: str, tallies: dict[int, Tally]) -> None:
    """Print misallocated shares by method and length of history, and the intervals' coverage."""
    tried = {months: tally for months, tally in tallies.items() if tally.chosen}
    print(f"\n{title}: misallocated share in % with {', '.join(map(str, tried))} months of history")
    if skipped := sorted(tallies.keys() - tried.keys()):
        print(f"  too few months to test with {', '.join(map(str, skipped))} months of history")
    names = list(
        dict.fromkeys(name for tally in tried.values() for name in tally.lost if name not in REFERENCES)
    )
    for name in [*names, *REFERENCES]:
        print(f"  {name:30}" + "".join(f"{100 * tally.score(name):8.2f}" for tally in tried.values()))
    for name, hits in (
        ("80% intervals that hold", [tally.hits for tally in tried.values()]),
        ("the same, grades made", [tally.hits_where_made for tally in tried.values()]),
    ):
        print(f"  {name:30}" + "".join(f"{100 * np.mean(hit):8.1f}" for hit in hits))


def report_time(grades: int = 400, months: int = 36, groups: int = 8) -> None:
    """Print the best time of twenty forecasts of a large plant, the check of the input left out."""
    rng = np.random.default_rng(0)
    columns = pd.MultiIndex.from_tuples(
        [(f"group {grade % groups}", f"grade {grade}") for grade in range(grades)], names=["group", "grade"]
    )
    tons = rng.gamma(0.3, 400.0, (months + 1, grades))
    end = parse_month("2025-01")
    plant = pd.DataFrame(tons, index=pd.RangeIndex(end - months, end + 1), columns=columns)
    problem = as_problem(plant.iloc[:-1], end, plant.iloc[-1])
    times = []
    for _ in range(20):
        start = time.perf_counter()
        solve(problem)
        times.append(time.perf_counter() - start)
    print(
        f"\n{grades} grades x {months} months: {1000 * min(times):.1f} ms at best, "
        f"{1000 * float(np.median(times)):.1f} ms in the middle of {len(times)} forecasts"
    )


if __name__ == "__main__":
    main()
