"""The forms in which a forecast leaves: CSV for ScrapChef, a workbook for people, JSON for programs."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
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


HEATS = ("group", "grade", "heats", "tons", "committed_heats", "share", "low", "high")
GROUPS = ("group", "ordered_heats", "forecast_heats")
UNASSIGNED = ("grade", "heats", "suggestion")
HEADERS = {
    "committed_heats": "scheduled heats",
    "low": "low (80%)",
    "high": "high (80%)",
    "ordered_heats": "ordered heats",
    "forecast_heats": "forecast heats",
    "suggestion": "probably meant",
}
"""What a column is called for people, where that is not its key."""
ALL_GROUPS = "all groups"


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A forecast as it leaves: heats per grade and group, what stayed outside, what there is to say.

    The rows of `heats`, `groups` and `unassigned` have the keys of HEATS, GROUPS and UNASSIGNED.
    """

    run_id: str
    month: str
    method: str
    rounding: str = "LARGEST_REMAINDER"
    finished_at: datetime | None = None
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
        "rounding": breakdown.rounding,
        "total_heats": breakdown.total_heats,
        "scrap_chef": breakdown.scrap_chef(),
        "heats": _ordered(breakdown.heats, HEATS),
        "groups": _ordered(breakdown.groups, GROUPS),
        "unassigned": _ordered(breakdown.unassigned, UNASSIGNED),
        "warnings": breakdown.warnings,
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _ordered(rows: list[dict[str, Any]], keys: Sequence[str]) -> list[dict[str, Any]]:
    # Postgres' jsonb keeps no order of keys.
    return [{key: row[key] for key in keys} for row in rows]


def _with_total(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not groups:
        return []
    ordered = [row["ordered_heats"] for row in groups if row["ordered_heats"] is not None]
    total = {
        "group": ALL_GROUPS,
        "ordered_heats": sum(ordered) if ordered else None,
        "forecast_heats": sum(row["forecast_heats"] for row in groups),
    }
    return [*groups, total]


def _xlsx(breakdown: Breakdown) -> bytes:
    import pandas as pd
    from openpyxl.styles import Font

    sheets = {
        "ScrapChef": _frame(breakdown.scrap_chef(), ["grade", "heats"]),
        "Grades": _frame(breakdown.heats, HEATS),
        "Groups": _frame(_with_total(breakdown.groups), GROUPS),
        "Unassigned": _frame(breakdown.unassigned, UNASSIGNED),
        "Notes": _frame(
            [{"note": f"Method: {breakdown.method}"}, *({"note": w} for w in breakdown.warnings)], ["note"]
        ),
    }
    out = io.BytesIO()
    with pd.ExcelWriter(out, engine="openpyxl") as writer:
        for name, table in sheets.items():
            table.rename(columns=HEADERS).to_excel(writer, sheet_name=name, index=False)
            finish_sheet(writer.sheets[name])
        if breakdown.groups:
            for cell in writer.sheets["Groups"][len(breakdown.groups) + 2]:
                cell.font = Font(bold=True)
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
            elif sheet.title == "Grades" and column[0].value == "tons":
                cell.number_format = "#,##0.0"


def _frame(rows: list[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame(rows, columns=list(columns))
    if "ordered_heats" in columns:
        # Absent where nothing was ordered; the column stays one of whole numbers.
        table["ordered_heats"] = table["ordered_heats"].astype("Int64")
    return table
