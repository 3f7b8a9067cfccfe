"""Writes a foundry's workbook: all sheets with their columns explained, filled from a problem."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal, get_args, get_origin

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from api.workbooks.foundry_tables import TABLES, Form
from solver_jobs.foundry.problem import Settings

EXAMPLE: Mapping[str, Any] = {
    "name": "My foundry",
    "asof_date": "2026-01-05",
    "parts": [
        {
            "part_id": "Pump housing",
            "flask_size": "M",
            "cool_hours": 30,
            "finish_hours": 10,
            "gross_weight_ton": 0.8,
            "alloy": "GJS400",
        }
    ],
    "orders": [
        {
            "order_id": "26-0001",
            "part_id": "Pump housing",
            "qty": 12,
            "due_date": "2026-01-30",
            "priority": 100,
        }
    ],
    "resources": {
        "flasks_S": 40,
        "flasks_M": 30,
        "flasks_L": 8,
        "molding_max_per_day": 20,
        "molding_max_same_part_per_day": 8,
        "pour_max_ton_per_day": 5.2,
        "max_patterns": 6,
    },
}
"""What the template is filled with unless told: one row of each table that is needed, and all settings."""


def foundry_workbook(problem: Mapping[str, Any] = EXAMPLE) -> bytes:
    """Write a foundry problem, in its JSON form, as a workbook that can be imported."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for table in TABLES:
        sheet = book.create_sheet(table)
        _write(sheet, table, _rows(table, problem))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _rows(table: str, problem: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if table == "scenario":
        return [problem]
    if table == "holidays":
        return [{"holiday": day} for day in problem.get("holidays") or ()]
    if table == "settings":
        settings = {**Settings().model_dump(mode="json"), **(problem.get("settings") or {})}
        return [{"setting": name, "value": value} for name, value in settings.items()]
    rows = problem.get(table) or []
    return [rows] if isinstance(rows, Mapping) else list(rows)


def _write(sheet: Worksheet, table: str, rows: list[Mapping[str, Any]]) -> None:
    columns = TABLES[table]
    for number, (name, column) in enumerate(columns.items(), start=1):
        header = sheet.cell(1, number, name)
        header.font = Font(bold=column.required)
        header.comment = Comment(f"{column.note} {column.form.value.capitalize()}.".strip(), "Pourplan")
        sheet.column_dimensions[get_column_letter(number)].width = max(14, len(name) + 2)
        for row, values in enumerate(rows, start=2):
            _fill(sheet, row, number, values.get(name), column.form)
            if name == "setting":
                sheet.cell(row, number).comment = Comment(_explain(values[name]), "Pourplan")
    sheet.freeze_panes = "A2"


def _fill(sheet: Worksheet, row: int, column: int, value: Any, form: Form) -> None:
    if value is None:
        return
    if form is Form.DAY:
        sheet.cell(row, column, date.fromisoformat(str(value))).number_format = "yyyy-mm-dd"
        return
    cell = sheet.cell(row, column, value)
    if isinstance(value, str):
        # Else a text that begins with "=" is written as a formula.
        cell.data_type = "s"


def _explain(setting: str) -> str:
    """Say what a setting means, or which values it may have."""
    field = Settings.model_fields.get(setting)
    choices = " or ".join(str(choice) for choice in get_args(field.annotation)) if field else ""
    is_choice = field is not None and get_origin(field.annotation) is Literal
    return (field and field.description) or (f"{choices}." if is_choice else "See docs/replan.md.")
