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


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let no file skip as a whole either: the extras that it asks for are installed."""
    report = yield
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, although CI installs what it needs: {report.longrepr}"
    return report
