"""Renders a report as one HTML page with its plots, which loads nothing and runs no script."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

from evaluators.comparison.presentation import amount, rules_in_words
from evaluators.criteria.metric_catalogue import BUILT_IN
from evaluators.report_content import wording
from evaluators.report_content.content import CaseRow, ReportContent, SuiteReport, Text
from evaluators.report_content.wording import answer, difference, interval, level, quiet
from fairtrial import html_pages
from fairtrial.api.comparison_answers import MatrixRow
from fairtrial.documents.verdict import describe_verdict
from fairtrial.domain.answers.signals import BLOCK_TITLE
from fairtrial.domain.estimates import Answer, Estimate
from fairtrial.domain.verdicts.verdict_wording import block_lines, standing_word
from fairtrial.domain.wording import IN_POINTS, OUTCOMES, UNADJUSTED, counted, noise_floor_in_words

LONG = 900
"""A text with more characters than this shows about `HEAD` of them, and the rest on demand."""
HEAD = 600
WIDTH, MARGIN = 380, 12
TOP, GROUP, ROW, FOOT = 6, 26, 38, 30
MOST_ROWS = 24
"""How many marks one plot has at most; the table beside it has all."""


def render(content: ReportContent) -> str:
    """The page."""
    return html_pages.render(
        "report.html",
        report=content,
        title=_title(content),
        standing="runs" if content.verdict is None else standing_word(official=content.verdict.official),
        verdict=() if content.verdict is None else describe_verdict(content.verdict, content.approvals).blocks,
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


def _suite(suite: SuiteReport) -> dict[str, Any]:
    """The values that the template shows of a suite beside its own fields."""
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
            (change.target, lines) for change in suite.matrix.changes if (lines := block_lines(change.signals))
        ],
        "same": [
            change.same.words(change.target, suite.matrix.columns[0].target)
            for change in suite.matrix.changes
            if change.same.n
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
    """The rules from which the answers of a matrix follow."""
    generator = (comparison for row in suite.overall for comparison in row.comparisons)
    return rules_in_words(comparison for comparison in generator if comparison is not None)


def _common_messages(cases: Sequence[CaseRow]) -> int:
    """The number of messages with which all cases begin, such as a system prompt, so that they are shown once."""
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


@dataclass(frozen=True, slots=True)
class Mark:
    """One row of a plot: its label and its words, and the places of its value and of its interval's ends.

    ``y`` is the middle of the row's line; a level has no ends.
    """

    label: str
    words: str
    answer: Answer | None
    y: float
    x: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot with its size, the place and name of each metric, its marks, and the labelled places of its axis.

    ``zero`` is the place of 0.
    """

    title: str
    height: float
    heads: tuple[tuple[float, str], ...]
    marks: tuple[Mark, ...]
    ticks: tuple[tuple[float, str], ...]
    zero: float
    width: int = WIDTH
    left: int = MARGIN
    right: int = WIDTH - MARGIN
    top: int = TOP

    @property
    def bottom(self) -> float:
        """Where the axis is."""
        return self.height - FOOT


@dataclass(frozen=True, slots=True)
class _Value:
    """One mark before it has a place; ``bounds`` are those of an interval."""

    metric: str
    label: str
    words: str
    value: float
    bounds: tuple[float, float] | None = None
    answer: Answer | None = None


def forest(suite: SuiteReport) -> Plot | None:
    """The differences of all shares that the suite scores, in points; ``None`` if there are none."""
    names = [column.target for column in suite.matrix.columns[1:]]
    values = [
        _Value(
            row.metric,
            names[at],
            f"{difference(row, comparison)} ({interval(row, comparison)}), {answer(comparison)}",
            100 * gap.value / row.scale,
            (100 * gap.low / row.scale, 100 * gap.high / row.scale),
            comparison.answer,
        )
        for row in _shares(suite)
        for at, comparison in enumerate(row.comparisons)
        if comparison is not None and isinstance(gap := comparison.difference, Estimate)
    ][:MOST_ROWS]
    ends = [end for value in values if value.bounds for end in value.bounds]
    ticks = _ticks(min(0.0, *ends), max(0.0, *ends)) if ends else []
    baseline = suite.matrix.columns[0].target
    return _plot(f"Difference from {baseline} in points, with 95 % intervals", values, ticks, signed=True)


def levels(suite: SuiteReport) -> Plot | None:
    """The level of each run by the shares that the suite scores; ``None`` if there are none."""
    values = [
        _Value(row.metric, run.target, level(row, column), 100 * value / row.scale)
        for row in _shares(suite)
        for column, run in enumerate(suite.matrix.columns)
        if (value := row.levels[column].value) is not None
    ][:MOST_ROWS]
    return _plot("Level by run in percent", values, [0.0, 25.0, 50.0, 75.0, 100.0], signed=False)


def _shares(suite: SuiteReport) -> Iterable[MatrixRow]:
    return (row for row in suite.overall if row.form == "share" and "." in row.metric and not quiet(row))


def _plot(title: str, values: Sequence[_Value], ticks: Sequence[float], *, signed: bool) -> Plot | None:
    if not values:
        return None
    heads: list[tuple[float, str]] = []
    marks: list[Mark] = []
    y = float(TOP)
    for value in values:
        if not heads or heads[-1][1] != value.metric:
            heads.append((y + 16, value.metric))
            y += GROUP
        low, high = (_x(end, ticks) for end in value.bounds) if value.bounds else (None, None)
        marks.append(Mark(value.label, value.words, value.answer, y + 28, _x(value.value, ticks), low, high))
        y += ROW
    form = "+g" if signed else "g"
    labels = tuple((_x(tick, ticks), f"{tick:{form}}".replace("-", "−") if tick else "0") for tick in ticks)
    return Plot(title, y + FOOT, tuple(heads), tuple(marks), labels, _x(0.0, ticks))


def _ticks(low: float, high: float) -> list[float]:
    """Round places that enclose both ends; three to seven of them."""
    span = max(high - low, 1.0)
    size = 10.0 ** floor(log10(span / 4))
    step = next(size * factor for factor in (1, 2, 5, 10) if span / (size * factor) <= 4)
    first, last = floor(low / step), ceil(high / step)
    return [round(step * number, 6) for number in range(first, max(last, first + 1) + 1)]


def _x(value: float, ticks: Sequence[float]) -> float:
    first, last = ticks[0], ticks[-1]
    return round(MARGIN + (value - first) / (last - first) * (WIDTH - 2 * MARGIN), 1)
