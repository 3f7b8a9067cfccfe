"""Writes synthetic foundry problems as JSON, one file per size and utilisation.

    python data/make_foundry_instances.py FOLDER [--sizes S M L XL] [--utilisations 0.7 0.9 1.05] [--seed 77]
                                          [--mixed-priorities] [--corners]

`M_90.json` is size M at 90%; with `--corners` there is also each corner case of it, such as
`M_90_flasks_overfull.json`. The same options write the same files.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from solver_jobs.foundry.corners import CORNERS
from solver_jobs.foundry.generate import SCALES, generate
from solver_jobs.foundry.problem import FoundryProblem


def write(folder: Path, stem: str, problem: FoundryProblem) -> None:
    """Write one problem."""
    path = folder / f"{stem}.json"
    path.write_text(problem.model_dump_json(indent=0) + "\n", encoding="utf-8")
    print(f"{path}: {len(problem.orders)} orders")


def main() -> None:
    """Read the options and write the files."""
    parser = argparse.ArgumentParser(description="Writes synthetic foundry problems as JSON.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", nargs="+", choices=sorted(SCALES), default=sorted(SCALES))
    parser.add_argument("--utilisations", nargs="+", type=float, default=[0.7, 0.9, 1.05])
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--mixed-priorities", action="store_true")
    parser.add_argument("--corners", action="store_true", help="also each corner case of each problem")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for size in options.sizes:
        for utilisation in options.utilisations:
            problem = generate(size, utilisation, options.seed, mixed_priorities=options.mixed_priorities)
            stem = f"{size}_{round(100 * utilisation)}"
            write(options.folder, stem, problem)
            for name, corner in CORNERS.items() if options.corners else ():
                write(options.folder, f"{stem}_{name}", corner(problem))


if __name__ == "__main__":
    main()
