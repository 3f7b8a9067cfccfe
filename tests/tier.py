"""How much of a long test to run."""

import os


def tier(short: int, long: int) -> int:
    """Answer `short`, or `long` where POURPLAN_TEST_TIER is "long" (`make test-long`)."""
    return long if os.environ.get("POURPLAN_TEST_TIER") == "long" else short
