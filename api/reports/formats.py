"""The forms in which a forecast leaves: CSV for ScrapChef, a workbook for people, JSON for programs."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    import pandas as pd
    from openpyxl.worksheet.worksheet import Worksheet

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet runs a text that begins so (OWASP, CSV injection)."""


class ExportFormat(Enum):
    """A file format of an export, with its media type."""

    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"

    @property
    def media_type(self) -> str:
        """The media type for HTTP."""
        return {
            "csv": "text/csv; charset=utf-8",
            "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "json": "application/json",
        }[self.value]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A forecast as it leaves: heats per grade and group, what stayed outside, what there is to say.

    Each row of `heats` has group, grade, heats, tons, committed_heats, share, low, high; of `groups`
    group, ordered_heats, forecast_heats; of `unassigned` grade, heats, suggestion.
    """

    run_id: str
    month: str
    method: str
    heats: list[dict[str, Any]] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)
    unassigned: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def total_heats(self) -> int:
        """Heats of all grades."""
        return sum(row["heats"] for row in self.heats)

    def scrap_chef(self) -> list[dict[str, Any]]:
        """Tell what ScrapChef reads: a row for each grade that is made, with its number of heats."""
        return [{"grade": row["grade"], "heats": row["heats"]} for row in self.heats if row["heats"] > 0]

    def file_name(self, form: ExportFormat) -> str:
        """Name the exported file."""
        return forecast_file_name(self.month, form)


def forecast_file_name(month: str, form: ExportFormat) -> str:
    """Name the file of a month's forecast."""
    return f"pourplan-forecast-{month}.{form.value}"


def render(breakdown: Breakdown, form: ExportFormat) -> bytes:
    """Write the breakdown in one of the formats."""
    writers: dict[ExportFormat, Callable[[Breakdown], bytes]] = {
        ExportFormat.CSV: _csv,
        ExportFormat.XLSX: _xlsx,
        ExportFormat.JSON: _json,
    }
    return writers[form](breakdown)


def _csv(breakdown: Breakdown) -> bytes:
    table = _frame(breakdown.scrap_chef(), ["grade", "heats"])
    table["grade"] = table["grade"].map(harmless)
    return table.to_csv(index=False, lineterminator="\r\n").encode()


def harmless(text: str) -> str:
    """Keep a spreadsheet from running a text of a CSV file as a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _json(breakdown: Breakdown) -> bytes:
    content = {
        "month": breakdown.month,
        "run": breakdown.run_id,
        "method": breakdown.method,
        "total_heats": breakdown.total_heats,
        "scrap_chef": breakdown.scrap_chef(),
        "heats": breakdown.heats,
        "groups": breakdown.groups,
        "unassigned": breakdown.unassigned,
        "warnings": breakdown.warnings,
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _xlsx(breakdown: Breakdown) -> bytes:
    import pandas as pd

    sheets = {
        "ScrapChef": _frame(breakdown.scrap_chef(), ["grade", "heats"]),
        "Grades": _frame(
            breakdown.heats, ["group", "grade", "heats", "tons", "committed_heats", "share", "low", "high"]
        ),
        "Groups": _frame(breakdown.groups, ["group", "ordered_heats", "forecast_heats"]),
        "Unassigned": _frame(breakdown.unassigned, ["grade", "heats", "suggestion"]),
        "Notes": _frame(
            [{"note": f"Method: {breakdown.method}"}, *({"note": w} for w in breakdown.warnings)], ["note"]
        ),
    }
    out = io.BytesIO()
    with pd.ExcelWriter(out, engine="openpyxl") as writer:
        for name, table in sheets.items():
            table.to_excel(writer, sheet_name=name, index=False)
            finish_sheet(writer.sheets[name])
    return out.getvalue()


def finish_sheet(sheet: Worksheet) -> None:
    """Keep the header in sight, the columns wide enough, and texts what they are."""
    from openpyxl.utils import get_column_letter

    sheet.freeze_panes = "A2"
    for number, column in enumerate(sheet.iter_cols(), start=1):
        longest = max(len(str(cell.value)) for cell in column if cell.value is not None)
        sheet.column_dimensions[get_column_letter(number)].width = min(longest + 2, 100)
        for cell in column:
            if isinstance(cell.value, str):
                # Else a text that begins with "=" is written as a formula.
                cell.data_type = "s"
                cell.quotePrefix = cell.value.startswith(FORMULA_STARTS)
            elif sheet.title == "Grades" and column[0].value == "share":
                cell.number_format = "0.0%"


def _frame(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame(rows, columns=columns)
    if "ordered_heats" in columns:
        # Absent where nothing was ordered; the column stays one of whole numbers.
        table["ordered_heats"] = table["ordered_heats"].astype("Int64")
    return table
