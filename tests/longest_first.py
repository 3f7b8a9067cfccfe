"""A pytest plugin for several processes: what takes long goes first, so nothing runs alone at the end."""

from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LONG = (
    "api/cli/test_replanning.py",
    "api/cli/test_commands.py",
    "api/cli/test_remote.py",
    "api/http/test_browser.py",
    "api/http/test_fuzz.py",
    "api/http/test_process.py",
    "api/planning/test_replan.py",
    "api/planning/test_replan_faults.py",
    "api/reads/test_equality.py",
    "deploy/test_restore.py",
    "peers/test_modal_faults.py",
    "peers/test_modal_many.py",
    "peers/test_supabase_modal_end_to_end.py",
    "solver_jobs/foundry/test_head.py",
    "solver_jobs/foundry/test_mondays.py",
    "solver_jobs/foundry/test_planner.py",
    "supabase/test_cli.py",
)
"""Half a minute or more; of all others, those of many tests take longest."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests = Counter(item.path for item in items)
    first = {TESTS / name for name in LONG}
    items.sort(key=lambda item: (item.path not in first, -tests[item.path], item.path))
