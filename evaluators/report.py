"""What a report is: a verdict as the text of a file. The implementations are in `reports/`, found by their name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fairtrial.domain.registry import Registry
from fairtrial.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Report:
    """One form: ``render`` makes the whole text of the file; every form shows every finding, unsafe text escaped."""

    summary: str
    render: Callable[[Verdict], str]


REPORTS: Registry[Report] = Registry("evaluators.reports", "report", noun="report", kind=Report)
