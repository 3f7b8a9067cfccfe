"""How plans are judged: settings of a foundry problem that a planner chooses by name."""

from __future__ import annotations

from enum import Enum

from api.relay import described_enum


@described_enum(
    "What shares a pattern place and the daily cap of a part.",
    {"ORDER": "Each order has a pattern of its own.", "PART": "All orders of a part share one."},
)
class PatternSharing(Enum):
    """Values of a problem's `pattern_unit`."""

    ORDER = "ORDER"
    PART = "PART"


@described_enum(
    "What a plan weighs first.",
    {
        "WEIGHTED": "Late units and pattern changes by their weights.",
        "LEXICOGRAPHIC": "No pattern change is worth a late unit.",
    },
)
class PlanPolicy(Enum):
    """Values of a problem's `policy`."""

    WEIGHTED = "WEIGHTED"
    LEXICOGRAPHIC = "LEXICOGRAPHIC"
