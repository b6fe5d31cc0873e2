import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

import lab  # noqa: E402
import node  # noqa: E402


def pytest_configure():
    os.sched_setaffinity(0, lab.OTHER_CPUS)


def pytest_sessionstart():
    if os.geteuid() != 0:
        pytest.exit("the e2e tests need root: they make network namespaces", returncode=2)
    if not node.HEDDLED.exists():
        pytest.exit(f"{node.HEDDLED} is not built", returncode=2)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for each in node.running:
            report.sections.append(("heddled", each.report()))
