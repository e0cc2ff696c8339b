"""Places the marks of a report's plots: differences with their intervals, and the level of each run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from evaluators.comparison.matrix import Row
from evaluators.report_content.content import SuiteReport
from evaluators.report_content.wording import answer, difference, interval, level, quiet
from fairtrial.domain.estimates import Answer, Estimate

WIDTH, MARGIN = 380, 12
TOP, GROUP, ROW, FOOT = 6, 26, 38, 30
MOST_ROWS = 24
"""How many marks one plot has at most; the table beside it has all."""


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
    found = [
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
    ends = [end for one in found if one.bounds for end in one.bounds]
    ticks = _ticks(min(0.0, *ends), max(0.0, *ends)) if ends else []
    baseline = suite.matrix.columns[0].target
    return _plot(f"Difference from {baseline} in points, with 95 % intervals", found, ticks, signed=True)


def levels(suite: SuiteReport) -> Plot | None:
    """The level of each run by the shares that the suite scores; ``None`` if there are none."""
    found = [
        _Value(row.metric, run.target, level(row, column), 100 * value / row.scale)
        for row in _shares(suite)
        for column, run in enumerate(suite.matrix.columns)
        if (value := row.levels[column].value) is not None
    ][:MOST_ROWS]
    return _plot("Level by run in percent", found, [0.0, 25.0, 50.0, 75.0, 100.0], signed=False)


def _shares(suite: SuiteReport) -> Iterable[Row]:
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
