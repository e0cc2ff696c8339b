"""`python -m tests.conformance [FILE]…`: runs the list, and writes docs/conformance.md if it ran all of it."""

from __future__ import annotations

import os
import sys
from collections import defaultdict

import pytest

from tests.conformance.harness.combinations import FULL
from tests.conformance.harness.table import FOLDER, PAGE, page


class Outcomes:
    """Collects the outcome of every case, by the test that it belongs to."""

    def __init__(self) -> None:
        self.found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or not report.passed:
            name = report.nodeid.partition("[")[0].rpartition("/")[2]
            self.found[name].append((report.outcome, _why(report)))


def _why(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return str(getattr(report, "wasxfail", "")).removeprefix("reason: ")


def main() -> int:
    """Run, write the page unless only some files were asked for, and say whether all passed."""
    outcomes, some = Outcomes(), sys.argv[1:]
    os.environ[FULL] = "1"
    files = some or sorted(str(path) for path in FOLDER.glob("test_[a-d]_*.py"))
    code = pytest.main(["-q", "-p", "no:cacheprovider", "--release", "all", *files], plugins=[outcomes])
    if some or not outcomes.found:
        return int(code)
    PAGE.write_text(page(outcomes.found), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} is written\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
