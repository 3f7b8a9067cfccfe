"""Plants to forecast: the published figures of a melt shop, and random ones."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
from hypothesis import strategies as st

from solver_jobs.forecast.months import format_month, parse_month
from solver_jobs.forecast.problem import ForecastProblem

TONS = {
    "Rebar": {"B500A": (8724, 9230, 8989), "B500B": (10880, 11030, 10822), "B500C": (4111, 1557, 4756)},
    "MBQ": {
        "A36": (0, 202, 199),
        "A5888": (512, 0, 0),
        "GR50": (935, 0, 0),
        "44W": (0, 3204, 3112),
        "50W": (0, 3199, 2879),
        "55W": (333, 0, 0),
        "60W": (0, 0, 0),
    },
    "SBQ": {"S235JR": (99, 0, 0), "S355J": (102, 0, 0), "C35": (0, 0, 0), "C40": (612, 601, 603)},
    "CHQ": {"A53/A543": (2078, 1032, 0), "A53/C591": (308, 0, 2541)},
}
"""Short tons of June, July and August 2024."""
ORDERS = {"Rebar": 232, "MBQ": 54, "SBQ": 10, "CHQ": 22}
"""Heats ordered for September 2024."""


def heats_on(day: str, *grades: str) -> list[dict[str, Any]]:
    """One scheduled heat for each of the grades."""
    return [{"date": day, "start_time": "04:00", "grade": grade, "mould_size": '5"'} for grade in grades]


def melt_shop(**changes: Any) -> ForecastProblem:
    """September 2024 of the melt shop whose figures are published, with some of it changed."""
    return ForecastProblem.model_validate(melt_shop_rows() | changes)


def melt_shop_rows() -> dict[str, Any]:
    """The same in its JSON form."""
    return {
        "month": "2024-09",
        "heat_tons": 100.0,
        "rounding": "LARGEST_REMAINDER",
        "history": [
            {"group": group, "grade": grade, "month": f"2024-{6 + index:02d}", "tons": tons}
            for group, grades in TONS.items()
            for grade, series in grades.items()
            for index, tons in enumerate(series)
        ],
        "orders": [{"group": group, "month": "2024-09", "heats": heats} for group, heats in ORDERS.items()],
        "schedule": [
            *heats_on("2024-08-30", "B500B", *(f"A53/C{number}" for number in range(591, 600))),
            *heats_on("2024-08-31", "A53/C600", "B500A"),
            *heats_on("2024-09-01", "C35", "C40", *["B500B"] * 11),
        ],
    }


def noisy_plant(seed: int, months: int, grades: int = 12, groups: int = 3) -> dict[str, Any]:
    """A plant of any size in JSON form: lumpy grades, and orders for the month after its history."""
    rng = np.random.default_rng(seed)
    end = parse_month("2025-01")
    level = rng.gamma(1.0, 1500.0, grades)
    tons = rng.gamma(4.0, 0.25, (months, grades)) * level * (rng.random((months, grades)) < 0.7)
    return {
        "month": format_month(end),
        "history": [
            {
                "group": f"group {grade % groups}",
                "grade": f"grade {grade}",
                "month": format_month(end - months + month),
                "tons": round(float(tons[month, grade]), 1),
            }
            for grade in range(grades)
            for month in range(months)
        ],
        "orders": [
            {"group": f"group {group}", "month": "2025-01", "heats": 20 + 40 * group}
            for group in range(groups)
        ],
    }


@st.composite
def any_problem(draw: st.DrawFn) -> ForecastProblem:
    """Problems of every shape: groups without history, orders or grades, strangers, gaps, any rounding."""
    groups = [f"G{index}" for index in range(draw(st.integers(1, 4)))]
    grades = {f"K{index}": draw(st.sampled_from(groups)) for index in range(draw(st.integers(1, 8)))}
    end = parse_month("2024-09")
    months = [format_month(end + offset) for offset in range(-draw(st.integers(0, 20)), 2)]
    row = st.tuples(
        st.sampled_from(sorted(grades)), st.sampled_from(months), st.floats(0, 30_000) | st.just(0.0)
    )
    history = draw(st.lists(row, max_size=80))
    ordered = draw(st.dictionaries(st.sampled_from([*groups, "G new"]), st.integers(0, 300), max_size=5))
    heat = st.tuples(
        st.dates(min_value=date(2024, 8, 25), max_value=date(2024, 10, 3)),
        st.sampled_from([*sorted(grades), "K9/1", "K9/2", "-"]),
    )
    return ForecastProblem.model_validate(
        {
            "month": "2024-09",
            "heat_tons": draw(st.sampled_from([100.0, 7.5])),
            "rounding": draw(st.sampled_from(["LARGEST_REMAINDER", "ROUND_UP"])),
            "grades": [{"grade": grade, "group": group} for grade, group in grades.items()],
            "history": [
                {"group": grades[grade], "grade": grade, "month": month, "tons": tons}
                for grade, month, tons in history
            ],
            "orders": [
                {"group": group, "month": "2024-09", "heats": heats} for group, heats in ordered.items()
            ],
            "schedule": [
                {"date": day.isoformat(), "start_time": "06:30", "grade": grade, "mould_size": None}
                for day, grade in draw(st.lists(heat, max_size=60))
            ],
        }
    )
