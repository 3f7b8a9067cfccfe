"""The Monday replan side by side: the planner, the specification's literal model in CP-SAT, and as a MIP.

    python bench/replan.py                          new instances of every size and utilisation
    python bench/replan.py FOLDER_OR_FILES...       these as well
    python bench/replan.py --quick                  one instance per size
    python bench/replan.py --contenders planner cp-sat --limits 10
    python bench/replan.py --sizes L XL --seeds 1 2 3

Every run is a process of its own with 2 workers, one after the other, so that time and peak memory are its
own. All plans are verified and counted by the same code.  The literal model in CP-SAT runs once, for the
longest limit, and its shorter limits are read from its trajectory (of plans without their count of
changes); HiGHS and SCIP tell no trajectory through MathOpt and run once for each limit.  Their objective
and bound contain the flask-days that the specification adds; `late` and `changes` compare across all.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from ortools.math_opt.python import mathopt
from ortools.sat.python import cp_model

from solver_jobs.foundry.cp_solver import new_cp_solver
from solver_jobs.foundry.generate import SCALES, generate
from solver_jobs.foundry.instance import Instance, compile_problem
from solver_jobs.foundry.literal import LiteralModel
from solver_jobs.foundry.planner import Progress, plan
from solver_jobs.foundry.problem import FoundryPlan, FoundryProblem, read_problem
from solver_jobs.foundry.report import make_plan
from solver_jobs.foundry.score import Layout
from solver_jobs.foundry.verify import verify
from solver_jobs.foundry.warm import warm

WORKERS = 2
SEED = 2026
UTILISATIONS = (0.7, 0.9, 1.05)
COLUMNS = (
    "instance",
    "contender",
    "limit s",
    "late",
    "changes",
    "objective",
    "bound",
    "gap %",
    "first plan s",
    "seconds",
    "memory MB",
    "verified",
)
Result = dict[str, Any]


def row(name: str, contender: str, limit: float, **found: object) -> Result:
    """One line of the table; what is not known stays empty."""
    return dict.fromkeys(COLUMNS, "") | {
        "instance": name,
        "contender": contender,
        "limit s": limit,
        **found,
    }


def judged(problem: FoundryProblem, answer: FoundryPlan) -> Result:
    """Ask the verifier and the counts about a plan."""
    broken = verify(problem, answer)
    return {
        "late": answer.summary.late,
        "changes": answer.summary.changes,
        "verified": "yes" if not broken else f"NO: {broken[0]}",
    }


def own_memory() -> int:
    """Peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def run_planner(name: str, problem: FoundryProblem, limits: list[float]) -> Iterator[Result]:
    """Run the planner once per limit."""
    for limit in limits:
        first: list[float] = []
        begun = time.monotonic()

        def listen(_: Progress, first: list[float] = first, begun: float = begun) -> None:
            first.append(time.monotonic() - begun)

        answer = plan(problem, time_limit=limit, workers=WORKERS, seed=1, listener=listen)
        yield row(
            name,
            "planner",
            limit,
            **judged(problem, answer),
            objective=answer.summary.objective,
            bound=round(answer.summary.bound),
            seconds=round(time.monotonic() - begun, 1),
            **{
                "gap %": round(100 * answer.summary.gap, 2),
                "first plan s": round(first[0], 2),
                "memory MB": own_memory(),
            },
        )


class Trajectory(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]
    """When CP-SAT found which objective."""

    def __init__(self, begun: float) -> None:
        super().__init__()
        self.begun, self.found = begun, list[tuple[float, float, float]]()

    def on_solution_callback(self) -> None:
        """Note time, objective and bound."""
        self.found.append((time.monotonic() - self.begun, self.objective_value, self.best_objective_bound))


def run_cp_sat(name: str, problem: FoundryProblem, limits: list[float]) -> Iterator[Result]:
    """Literal model in CP-SAT, once; shorter limits from its trajectory."""
    begun = time.monotonic()
    instance = compile_problem(problem)
    literal = LiteralModel(instance)
    model, variables = literal.rows.cp_sat()
    solver, seen = new_cp_solver(), Trajectory(begun)
    solver.parameters.num_workers = WORKERS
    solver.parameters.max_time_in_seconds = max(0.1, max(limits) - (time.monotonic() - begun))
    status = solver.solve(model, seen)
    spent = round(time.monotonic() - begun, 1)
    for limit in limits:
        known = [entry for entry in seen.found if entry[0] <= limit]
        line = row(name, "literal CP-SAT", limit, seconds=min(limit, spent))
        line["memory MB"] = own_memory()
        if known:
            line |= figures(known[-1][1], known[-1][2], seen.found[0][0])
        if limit == max(limits) and status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            layout = literal.layout(lambda number: float(solver.value(variables[number])))
            line |= figures(solver.objective_value, solver.best_objective_bound, seen.found[0][0])
            line |= judged(problem, as_plan(instance, layout))
        yield line


def figures(objective: float, bound: float, first: float | None) -> Result:
    """Objective, bound and gap of a literal model, in its own objective."""
    return {
        "objective": round(objective),
        "bound": round(bound),
        "gap %": round(100 * (objective - bound) / max(1.0, objective), 2),
        "first plan s": "" if first is None else round(first, 1),
    }


def as_plan(instance: Instance, layout: Layout) -> FoundryPlan:
    """Write a literal model's plan in the product's form; its bound is told apart."""
    return make_plan(instance, layout, 0)


def run_mip(
    contender: str, solver: mathopt.SolverType
) -> Callable[[str, FoundryProblem, list[float]], Iterator[Result]]:
    """Literal model as a mixed-integer program, once per limit."""

    def run(name: str, problem: FoundryProblem, limits: list[float]) -> Iterator[Result]:
        for limit in limits:
            begun = time.monotonic()
            instance = compile_problem(problem)
            literal = LiteralModel(instance)
            model, variables = literal.rows.mathopt()
            left = max(0.1, limit - (time.monotonic() - begun))
            threads = WORKERS if solver is mathopt.SolverType.GSCIP else None
            result = mathopt.solve(
                model,
                solver,
                params=mathopt.SolveParameters(time_limit=timedelta(seconds=left), threads=threads),
            )
            line = row(name, contender, limit, seconds=round(time.monotonic() - begun, 1))
            line["memory MB"] = own_memory()
            if result.has_primal_feasible_solution():
                values = result.variable_values()

                def value_of(
                    number: int,
                    values: dict[mathopt.Variable, float] = values,
                    variables: list[mathopt.Variable] = variables,
                ) -> float:
                    return values[variables[number]]

                layout = literal.layout(value_of)
                line |= figures(result.objective_value(), result.dual_bound(), None)
                line |= judged(problem, as_plan(instance, layout))
            yield line

    return run


CONTENDERS: dict[str, Callable[[str, FoundryProblem, list[float]], Iterator[Result]]] = {
    "planner": run_planner,
    "cp-sat": run_cp_sat,
    "highs": run_mip("literal HiGHS", mathopt.SolverType.HIGHS),
    "scip": run_mip("literal SCIP", mathopt.SolverType.GSCIP),
}


def one(contender: str, name: str, path: Path, limits: list[float]) -> None:
    """Child: run one contender on one instance, a JSON line per limit."""
    problem = read_problem(path.read_bytes())
    for line in CONTENDERS[contender](name, problem, limits):
        print(json.dumps(line), flush=True)


def apart(contender: str, name: str, path: Path, limits: list[float]) -> Iterator[Result]:
    """Parent: the same in a process of its own for each limit; one for CP-SAT, which tells its trajectory."""
    for some in [limits] if contender == "cp-sat" else [[limit] for limit in limits]:
        command = [sys.executable, "-m", "bench.replan", "--one", contender, name, str(path)]
        command += ["--limits", *(str(limit) for limit in some)]
        patience = 3 * max(some) + 300
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False)
        except subprocess.TimeoutExpired:
            yield from (
                row(name, contender, limit, verified=f"no answer in {patience:g} s") for limit in some
            )
            continue
        lines = [json.loads(text) for text in done.stdout.splitlines() if text.startswith("{")]
        if done.returncode or not lines:
            fault = (done.stderr.strip().splitlines() or ["ended without a word"])[-1]
            lines = [row(name, contender, limit, verified=f"failed: {fault[:80]}") for limit in some]
        yield from lines


def instances(
    paths: list[Path], folder: Path, sizes: list[str], seeds: list[int], *, quick: bool
) -> list[tuple[str, Path]]:
    """Files given, and new instances written to `folder`; with `quick` the one at 90% of each size."""
    found = [
        (path.stem, path)
        for given in paths
        for path in (sorted(given.glob("*.json")) if given.is_dir() else [given])
    ]
    for size, utilisation, seed in itertools.product(sizes, UTILISATIONS, seeds):
        for mixed in (False, True) if utilisation == 0.9 else (False,):
            name = f"{size}_{round(100 * utilisation)}_s{seed}{'_mixed' if mixed else ''}"
            path = folder / f"{name}.json"
            problem = generate(size, utilisation, seed, mixed_priorities=mixed)
            path.write_text(problem.model_dump_json(), encoding="utf-8")
            found.append((name, path))
    if quick:
        first: dict[str, tuple[str, Path]] = {}
        for name, path in found:
            if "_90" in name:
                first.setdefault(name.split("_")[0], (name, path))
        found = list(first.values())
    return found


def show(line: Result) -> None:
    """Print a line of the table."""
    print("| " + " | ".join(str(line[column]) for column in COLUMNS) + " |", flush=True)


def main() -> None:
    """Read the options, run, print a table in Markdown."""
    parser = argparse.ArgumentParser(description="Benchmarks the Monday replan.")
    parser.add_argument("paths", nargs="*", type=Path, help="problems as JSON, or folders of them")
    parser.add_argument("--quick", action="store_true", help="one instance per size")
    parser.add_argument("--limits", nargs="+", type=float, default=[10.0, 60.0])
    parser.add_argument("--contenders", nargs="+", choices=sorted(CONTENDERS), default=list(CONTENDERS))
    parser.add_argument(
        "--sizes", nargs="+", choices=list(SCALES), default=list(SCALES), help="of the new instances"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[SEED], help="of the new instances")
    parser.add_argument("--folder", type=Path, default=Path("bench/instances"))
    parser.add_argument("--one", nargs=3, metavar=("CONTENDER", "NAME", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one[0], options.one[1], Path(options.one[2]), options.limits)
        return
    warm()
    options.folder.mkdir(parents=True, exist_ok=True)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, {WORKERS} workers\n")
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    for name, path in instances(
        options.paths, options.folder, options.sizes, options.seeds, quick=options.quick
    ):
        for contender in options.contenders:
            for line in apart(contender, name, path, sorted(options.limits)):
                show(line)


if __name__ == "__main__":
    main()
