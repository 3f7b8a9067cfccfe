"""The kinds of workbook that plants bring."""

from enum import StrEnum


class WorkbookKind(StrEnum):
    """What a workbook holds, told by its titles and headers."""

    STEEL_GRADE_PRODUCTION = "STEEL_GRADE_PRODUCTION"
    PRODUCT_GROUPS_MONTHLY = "PRODUCT_GROUPS_MONTHLY"
    DAILY_CHARGE_SCHEDULE = "DAILY_CHARGE_SCHEDULE"
    FOUNDRY = "FOUNDRY"
    MULTISITE = "MULTISITE"


LAYOUTS = {
    WorkbookKind.STEEL_GRADE_PRODUCTION: (
        "a production history has a row of headers with a group (`Quality group` or `Product "
        "group`), `Grade` "
        "and a column for each month"
    ),
    WorkbookKind.PRODUCT_GROUPS_MONTHLY: (
        "an order forecast has a row of headers with a group (`Quality:` or `Product group`) and a "
        "column for "
        "each month, without a column of grades"
    ),
    WorkbookKind.DAILY_CHARGE_SCHEDULE: (
        "a charge schedule has, for each day, three columns `Start time`, `Grade`, `Mould size` "
        "under the day's date"
    ),
    WorkbookKind.FOUNDRY: (
        "a foundry's data have a sheet for each table, `scenario`, `parts`, `orders` and `resources` at "
        "least, as `pourplan template foundry` writes them"
    ),
}
"""What the sheets of each kind that can be read look like, for messages."""
