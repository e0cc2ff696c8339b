"""Renders a report as one HTML page, which loads nothing and runs no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evaluators.comparison.wording import amount, rules_in_words
from evaluators.criteria.metric_catalogue import BUILT_IN
from evaluators.report_content import wording
from evaluators.report_content.content import CaseRow, ReportContent, SuiteReport
from evaluators.report_content.plots import forest, levels
from evaluators.report_content.texts import Text
from fairtrial import html_pages
from fairtrial.domain.answers.signals import BLOCK_TITLE
from fairtrial.domain.verdicts.verdict import Finding, Verdict
from fairtrial.domain.verdicts.verdict_wording import block_lines, is_unasked, standing_word
from fairtrial.domain.wording import IN_POINTS, OUTCOMES, UNADJUSTED, counted, noise_floor_in_words

LONG = 900
"""A text with more characters than this shows about `HEAD` of them, and the rest on demand."""
HEAD = 600
WORST_FIRST = ("invalid", "fail", "cannot tell", "pass")


def render(content: ReportContent) -> str:
    """The page."""
    return html_pages.render(
        "report.html",
        report=content,
        title=_title(content),
        standing="runs" if content.verdict is None else standing_word(official=content.verdict.official),
        findings=[] if content.verdict is None else _findings(content.verdict),
        suites=[_suite(suite) for suite in content.suites],
        texts=wording.shown_texts(content.policy, content.masked),
        changes_title=BLOCK_TITLE,
        outcome_words=OUTCOMES,
        split=_split,
        counted=counted,
        answer=wording.answer,
        difference=wording.difference,
        interval=wording.interval,
        level=wording.level,
        amount=amount,
        latency=BUILT_IN["latency.p50"],
        cost=BUILT_IN["cost"],
    )


def _title(content: ReportContent) -> str:
    if content.verdict is not None:
        return f"{content.verdict.candidate} against {content.verdict.baseline}"
    return ", ".join(suite.matrix.suite for suite in content.suites)


def _findings(verdict: Verdict) -> list[Finding]:
    """What decides, worst first, and then what is shown for information."""
    shown = [one for one in verdict.findings if not is_unasked(one)]
    return sorted(shown, key=lambda one: (not one.decisive, WORST_FIRST.index(one.result)))


def _suite(suite: SuiteReport) -> dict[str, Any]:
    """What the template shows of a suite beside its own fields."""
    common, noise = _common_messages(suite.cases), suite.matrix.noise
    several = len(suite.matrix.changes) > 1
    quiet = [row.metric for row in suite.overall if wording.quiet(row)]
    return {
        "report": suite,
        "rows": [row for row in suite.overall if row.metric not in quiet],
        "slices": [row for row in suite.slices if row.metric not in quiet],
        "quiet": quiet,
        "noise": "" if noise is None else noise_floor_in_words(noise.changed, noise.n, noise.metric),
        "plots": [plot for plot in (levels(suite), forest(suite)) if plot is not None],
        "signals": [
            (change.target, lines)
            for change in suite.matrix.changes
            if (lines := block_lines(one.says for one in change.signals))
        ],
        "reading": [] if not suite.matrix.changes else [IN_POINTS, *([UNADJUSTED] if several else [])],
        "rules": _rules(suite),
        "places": _places(suite.cases),
        "common": suite.cases[0].texts[:common] if suite.cases else (),
        "skipped": common,
        "failed": sum(case.failed for case in suite.cases),
        "changed": sum(case.changed for case in suite.cases),
    }


def _rules(suite: SuiteReport) -> list[str]:
    """What the answers of a matrix follow from."""
    found = (comparison for row in suite.overall for comparison in row.comparisons)
    return rules_in_words(comparison for comparison in found if comparison is not None)


def _common_messages(cases: Sequence[CaseRow]) -> int:
    """How many messages all cases begin with, such as a system prompt, so that they are shown once."""
    if len(cases) < 2:
        return 0
    first, shortest = cases[0].texts, min(len(case.texts) for case in cases)
    same = (all(case.texts[at] == first[at] for case in cases) for at in range(shortest - 1))
    return next((at for at, equal in enumerate(same) if not equal), max(shortest - 1, 0))


def _places(cases: Sequence[CaseRow]) -> Mapping[str, int]:
    """The place of each case's first row."""
    places: dict[str, int] = {}
    for at, case in enumerate(cases):
        places.setdefault(case.case_id, at)
    return places


def _split(text: Text) -> tuple[str, str]:
    """The beginning of a text, and the rest of a long one."""
    words = text.words
    if len(words) <= LONG:
        return words, ""
    at = words.rfind(" ", HEAD - 40, HEAD) + 1 or HEAD
    return words[:at], words[at:]
