"""Defines a report format, which renders a verdict or a report as a file. The implementations are in `reports/`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairtrial.domain.registry import Registry
from fairtrial.domain.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from evaluators.report_content.content import ReportContent


@dataclass(frozen=True, slots=True)
class Report:
    """One format. Both functions give the text of the file, with unsafe text escaped.

    ``render``: a verdict with every finding. ``render_content``: a report on runs, or on a verdict with its runs.
    """

    summary: str
    render: Callable[[Verdict], str]
    render_content: Callable[[ReportContent], str]


REPORTS: Registry[Report] = Registry("evaluators.reports", "report", noun="report", kind=Report)
