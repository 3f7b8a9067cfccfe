"""Synthetic foundries: reproducible, sound, of the load that was asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from solver_jobs.foundry.checks import check
from solver_jobs.foundry.corners import CORNERS
from solver_jobs.foundry.generate import PRIORITIES, SCALES, Scale, generate
from solver_jobs.foundry.instance import compile_problem, flask_stay
from solver_jobs.foundry.problem import FoundryProblem, read_problem
from tests.tier import tier

ROOT = Path(__file__).parents[3]
GIVEN = sorted((ROOT.parent / "shared" / "data" / "foundry").glob("*.json"))


def errors(problem: FoundryProblem) -> list[str]:
    return [str(found) for found in check(problem) if found.severity == "ERROR"]


class TestGenerate:
    @pytest.mark.parametrize("path", GIVEN or [None], ids=lambda path: path.stem if path else "none given")
    def test_given_instances_come_out_again(self, path: Path | None) -> None:
        if path is None:
            assert not GIVEN
            return
        given = json.loads(path.read_text(encoding="utf-8"))
        made = generate(given["meta"]["size"], given["meta"]["util"], given["meta"]["seed"])
        assert made == read_problem(given)

    def test_same_seed_same_problem(self) -> None:
        assert generate("S", 0.9, 4) == generate("S", 0.9, 4)
        assert generate("S", 0.9, 4) != generate("S", 0.9, 5)

    @pytest.mark.parametrize("size", sorted(SCALES))
    @pytest.mark.parametrize("utilisation", [0.3, 0.7, 0.9, 1.05, 1.5])
    def test_sound_and_of_its_size(self, size: str, utilisation: float) -> None:
        for seed in range(tier(2, 40)):
            problem = generate(size, utilisation, seed)
            assert errors(problem) == []
            scale = SCALES[size]
            low, high = scale.orders if isinstance(scale.orders, tuple) else (scale.orders, scale.orders)
            assert low <= len(problem.orders) <= high
            assert len(problem.calendar_workdays or ()) == scale.days
            assert compile_problem(problem).lag.max() <= scale.longest_lag

    @pytest.mark.parametrize("utilisation", [0.7, 0.9, 1.05])
    def test_load_is_what_was_asked_for(self, utilisation: float) -> None:
        problem = generate("L", utilisation, 11)
        instance = compile_problem(problem)
        assert problem.meta is not None
        window = problem.meta["Twin"]
        parts = {part.part_id: part for part in problem.parts}
        loads = [
            instance.remaining.sum() / (instance.molding_max * window),
            (instance.remaining @ instance.kg) / (instance.pour_max * window),
        ]
        for size, flasks in enumerate(instance.flasks):
            stays = [flask_stay(parts[order.part_id]) for order in problem.orders]
            held = sum(
                int(q) * s
                for q, s, z in zip(instance.remaining, stays, instance.size, strict=True)
                if z == size
            )
            loads.append(held / (flasks * (window + 1)))
        assert max(loads) == pytest.approx(utilisation, rel=0.08)
        assert min(loads) > 0.7 * utilisation

    def test_mixed_priorities_change_nothing_else(self) -> None:
        plain, mixed = generate("M", 0.9, 1), generate("M", 0.9, 1, mixed_priorities=True)
        assert {order.priority for order in plain.orders} == {100}
        assert {order.priority for order in mixed.orders} == {value for value, _ in PRIORITIES}
        flat = tuple(order.model_copy(update={"priority": 100}) for order in mixed.orders)
        assert mixed.model_copy(update={"orders": flat}) == plain

    @pytest.mark.parametrize(("orders", "days"), [(1, 25), (3, 12), (40, 200)])
    def test_any_size(self, orders: int, days: int) -> None:
        for seed in range(tier(10, 200)):
            problem = generate("tiny", 0.9, seed, scale=Scale(orders, days))
            assert errors(problem) == []
            assert len(problem.orders) == orders

    def test_another_monday(self) -> None:
        problem = generate("S", 0.9, 1, asof=date(2027, 3, 1))
        assert problem.asof_date == date(2027, 3, 1)
        assert errors(problem) == []


class TestCorners:
    @pytest.mark.parametrize("name", sorted(CORNERS))
    @pytest.mark.parametrize("size", ["S", "M"])
    def test_corner_cases_are_sound(self, name: str, size: str) -> None:
        for seed in range(tier(2, 30)):
            assert errors(CORNERS[name](generate(size, 0.9, seed))) == []

    def test_they_are_what_they_are_called(self) -> None:
        base = generate("S", 0.9, 1)
        made = {name: corner(base) for name, corner in CORNERS.items()}
        assert not compile_problem(made["nothing_remaining"]).remaining.any()
        assert (compile_problem(made["all_past_due"]).due == -1).all()
        assert {order.due_date.weekday() for order in made["weekend_due"].orders} == {5, 6}
        assert not compile_problem(made["flasks_overfull"]).flasks_free[:, 0].any()
        assert not compile_problem(made["metal_overcommitted"]).pour_free[:3].any()
        assert set(compile_problem(made["zero_hours"]).lag.tolist()) == {3}
        assert not compile_problem(made["weightless"]).kg.any()
        assert compile_problem(made["short_calendar"]).extended > 0
        assert compile_problem(made["overloaded"]).extended > 0
        assert compile_problem(made["no_calendar_but_holidays"]).calendar[0].date.weekday() == 1
        assert compile_problem(made["few_parts"]).n_units == 3
        assert (compile_problem(made["pinned"]).pinned > 0).any()
        assert (compile_problem(made["frozen_and_stable"]).pinned[:, :3] >= 0).all()


class TestScripts:
    def test_instances_are_written(self, tmp_path: Path) -> None:
        script = ROOT / "data" / "make_foundry_instances.py"
        options = ["--sizes", "S", "--utilisations", "0.9", "--seed", "3", "--corners"]
        subprocess.run(
            [sys.executable, str(script), str(tmp_path), *options], check=True, capture_output=True
        )
        made = {path.stem: read_problem(path.read_text(encoding="utf-8")) for path in tmp_path.glob("*.json")}
        assert made["S_90"] == generate("S", 0.9, 3)
        assert {name.removeprefix("S_90_") for name in made} - {"S_90"} == set(CORNERS)

    def test_sample_is_what_its_script_makes(self, tmp_path: Path) -> None:
        script = ROOT / "data" / "make_foundry_sample.py"
        target = tmp_path / "foundry.json"
        subprocess.run([sys.executable, str(script), str(target)], check=True, capture_output=True)
        assert target.read_bytes() == (ROOT / "data" / "sample" / "foundry.json").read_bytes()

    def test_sample_is_a_sound_foundry_with_a_few_late_orders(self) -> None:
        problem = read_problem((ROOT / "data" / "sample" / "foundry.json").read_bytes())
        assert errors(problem) == []
        assert 50 <= len(problem.orders) <= 70
        assert len({order.priority for order in problem.orders}) > 1
        assert {part.flask_size for part in problem.parts} == {"S", "M", "L"}
