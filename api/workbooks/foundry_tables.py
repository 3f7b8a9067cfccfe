"""The tables of a foundry's workbook: their columns, under the names of the foundry problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Form(Enum):
    """What a column holds, in words for messages."""

    TEXT = "a text"
    WHOLE = "a whole number"
    NUMBER = "a number"
    DAY = "a date"
    ANY = "a value"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `required` ones have a value in every row."""

    form: Form
    required: bool = True
    note: str = ""


_T, _W, _N, _D = Form.TEXT, Form.WHOLE, Form.NUMBER, Form.DAY
_ORDER = Column(_T, note="Name of the order.")
_DAY = Column(_W, note="Working days since the Monday; 0 is the first.")

TABLES: Mapping[str, Mapping[str, Column]] = {
    "scenario": {
        "name": Column(_T, False, "Name under which the data are stored."),
        "asof_date": Column(_D, note="The Monday from which is planned."),
        "frozen_days": Column(_W, False, "First days that stay as in previous_plan."),
    },
    "parts": {
        "part_id": Column(_T, note="Name of the part."),
        "flask_size": Column(_T, note="S, M or L."),
        "cool_hours": Column(_N, note="Hours from pour to shakeout."),
        "finish_hours": Column(_N, note="Hours of finishing."),
        "gross_weight_ton": Column(_N, note="Tons of metal poured into one mold."),
        "alloy": Column(_T, False),
    },
    "orders": {
        "order_id": _ORDER,
        "part_id": Column(_T, note="Name of its part."),
        "qty": Column(_W, note="Units ordered, those already molded included."),
        "due_date": Column(_D, note="Last day of delivery."),
        "priority": Column(_W, False, "Lower is more urgent; 100 unless told."),
    },
    "resources": {
        "flasks_S": Column(_W, note="Flasks of size S."),
        "flasks_M": Column(_W, note="Flasks of size M."),
        "flasks_L": Column(_W, note="Flasks of size L."),
        "molding_max_per_day": Column(_W, note="Molds a day, all patterns together."),
        "molding_max_same_part_per_day": Column(_W, note="Molds a day of one pattern."),
        "pour_max_ton_per_day": Column(_N, note="Tons poured a day."),
        "max_patterns": Column(_W, False, "Patterns on the line at once; 6 unless told."),
        "notes": Column(_T, False),
    },
    "calendar_workdays": {
        "workday_index": Column(_W, note="0, 1, 2 and so on."),
        "date": Column(_D, note="The working day."),
        "week_index": Column(_W, False, "Its week, for weekly reports."),
    },
    "holidays": {"holiday": Column(_D, note="A day without work beyond calendar_workdays.")},
    "initial_order_progress": {
        "order_id": _ORDER,
        "molded_qty_credit": Column(_W, note="Units molded before the Monday."),
    },
    "initial_patterns_loaded": {
        "order_id": _ORDER,
        "is_loaded": Column(_W, note="1: its pattern is on the line on the Monday morning."),
    },
    "initial_flask_inuse": {
        "flask_size": Column(_T, note="S, M or L."),
        "release_workday_index": Column(_W, note="First workday on which they are free again."),
        "qty_inuse": Column(_W, note="Flasks."),
    },
    "initial_pour_load": {"workday_index": _DAY, "tons_committed": Column(_N, note="Tons already promised.")},
    "expected_deliveries": {
        "order_id": _ORDER,
        "date": Column(_D, note="Day of delivery."),
        "qty": Column(_W, note="Units already molded."),
    },
    "pins": {
        "order_id": _ORDER,
        "workday_index": _DAY,
        "molds": Column(_W, note="Exactly so many molds on that day; 0 forbids it."),
    },
    "previous_plan": {
        "order_id": _ORDER,
        "workday_index": _DAY,
        "molds": Column(_W, note="Molds of the plan before."),
    },
    "settings": {
        "setting": Column(_T, note="Name of a setting, such as policy."),
        "value": Column(Form.ANY, False),
    },
}
"""The columns of each table, under the names of the foundry problem."""
NEEDED = ("scenario", "parts", "orders", "resources")
ONCE = ("scenario", "resources")
"""Tables of a single row."""
