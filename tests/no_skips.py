"""A pytest plugin for CI, where everything is installed: what needs Node or chromium must run, not skip."""

from collections.abc import Generator

import pytest

NEEDS = ("node", "browser")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and any(item.get_closest_marker(name) for name in NEEDS):
        report.outcome = "failed"
        report.longrepr = f"skipped, although CI installs what it needs: {report.longrepr}"
    return report
