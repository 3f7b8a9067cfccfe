"""What a shop could make of one part if it made nothing else: the limits that no plan can pass."""

from __future__ import annotations

from solver_jobs.foundry.instance import flask_stay, kilograms
from solver_jobs.foundry.problem import Part, Resources


def most_per_day(part: Part, resources: Resources) -> int:
    """Molds of a part on one day: its cap, molding, flasks, metal."""
    kg = kilograms(part.gross_weight_ton)
    limits = [
        resources.molding_max_same_part_per_day,
        resources.molding_max_per_day,
        resources.flasks(part.flask_size),
    ]
    if kg:
        limits.append(kilograms(resources.pour_max_ton_per_day) // kg)
    return min(limits) if resources.max_patterns else 0


def most_in_days(part: Part, resources: Resources, days: int) -> int:
    """Molds of a part on so many consecutive days: flasks come back only after the part's stay."""
    per_day, flasks, stay = most_per_day(part, resources), resources.flasks(part.flask_size), flask_stay(part)
    rounds, rest = divmod(max(0, days), stay)
    return rounds * min(flasks, per_day * stay) + min(flasks, per_day * rest)


def days_needed(part: Part, resources: Resources, molds: int) -> int:
    """Fewest consecutive days for so many molds of a part, of which the shop can make at least one."""
    per_round = most_in_days(part, resources, flask_stay(part))
    rounds = max(0, -(-molds // per_round) - 1)
    rest = molds - rounds * per_round
    return rounds * flask_stay(part) + -(-rest // most_per_day(part, resources))
