"""Small foundries for tests of the service."""

from collections.abc import Mapping
from typing import Any

IMPORT = """
mutation ($name: String!, $problem: JSON!) {
  importScenario(input: {name: $name, problem: $problem}) {
    scenario { id name asofDate isBase } warnings { code message path hint }
    userErrors { code message path hint }
  }
}
"""

CLONE = """
mutation ($id: ID!, $name: String!) { cloneScenario(input: {scenarioId: $id, name: $name}) {
  scenario { id name asofDate isBase } userErrors { code message path }
} }
"""

PROBLEM: Mapping[str, Any] = {
    "asof_date": "2026-01-05",
    "parts": [
        {"part_id": "HOUSING", "flask_size": "M", "cool_hours": 30, "finish_hours": 10,
         "gross_weight_ton": 0.8, "alloy": "GJS-400"},
        {"part_id": "LID", "flask_size": "S", "cool_hours": 8, "finish_hours": 0, "gross_weight_ton": 0.1},
    ],
    "orders": [
        {"order_id": "A-1", "part_id": "HOUSING", "qty": 9, "due_date": "2026-01-30"},
        {"order_id": "A-2", "part_id": "LID", "qty": 20, "due_date": "2026-01-23"},
        {"order_id": "A-3", "part_id": "LID", "qty": 2, "due_date": "2026-01-06"},
    ],
    "resources": {
        "flasks_S": 12, "flasks_M": 6, "flasks_L": 1, "molding_max_per_day": 8,
        "molding_max_same_part_per_day": 4, "pour_max_ton_per_day": 4,
    },
}  # fmt: skip
"""Three orders, of which one can't be on time by its lags alone."""


def big_problem(orders: int = 120) -> dict[str, Any]:
    """Give a foundry that nobody solves to proof in some seconds."""
    sizes = "SML"
    parts = [
        {
            "part_id": f"P{number}",
            "flask_size": sizes[number % 3],
            "cool_hours": 10 + 17 * (number % 4),
            "finish_hours": 12 * (number % 3),
            "gross_weight_ton": 0.1 + 0.07 * (number % 9),
        }
        for number in range(20)
    ]
    return {
        "asof_date": "2026-01-05",
        "parts": parts,
        "orders": [
            {
                "order_id": f"O{number:03}",
                "part_id": f"P{7 * number % 20}",
                "qty": 5 + 13 * number % 31,
                "due_date": f"2026-0{1 + number % 5}-{10 + 11 * number % 18}",
                "priority": 50 + 10 * (number % 11),
            }
            for number in range(orders)
        ],
        "resources": {
            "flasks_S": 40,
            "flasks_M": 45,
            "flasks_L": 45,
            "molding_max_per_day": 30,
            "molding_max_same_part_per_day": 9,
            "pour_max_ton_per_day": 9,
        },
    }
