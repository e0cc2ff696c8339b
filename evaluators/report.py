"""Defines a report format, which renders a verdict as a file. The implementations are in `reports/`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fairtrial.domain.registry import Registry
from fairtrial.domain.verdicts.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Report:
    """One format; ``render`` gives the text of the file, which has every finding, with unsafe text escaped."""

    summary: str
    render: Callable[[Verdict], str]


REPORTS: Registry[Report] = Registry("evaluators.reports", "report", noun="report", kind=Report)
