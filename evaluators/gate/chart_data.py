"""Converts findings to chart data: the interval and the limit in the unit that people read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evaluators.criteria.grammar import GateLineError, Threshold, VersusBaseline, parse
from evaluators.criteria.metric_catalogue import BUILT_IN, LESS_IS_BETTER
from fairtrial.domain.estimates import Comparison, Estimate
from fairtrial.domain.verdicts.verdict import Finding

FigureUnit = Literal["points", "%", "ms", "$", ""]
SUMS = ("lost", "gained")
"""Counts, which are exact and have no interval to draw."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A two-sided interval at ``level``, in ``unit``; ``limit`` is what the rule requires.

    ``kind`` is a difference candidate − baseline, or the candidate's level; ``better`` is its good direction.
    ``finding`` is the index of the finding. An `Estimate` has the same numbers on the metric's own scale.
    """

    finding: int
    kind: Literal["difference", "level"]
    value: float
    low: float
    high: float
    level: float
    n: int
    limit: float | None
    unit: FigureUnit
    better: Literal["higher", "lower"]


def figures(findings: tuple[Finding, ...]) -> list[Figure]:
    """The figure of each finding that has an interval."""
    return [figure for place, finding in enumerate(findings) if (figure := _figure(place, finding)) is not None]


def _figure(place: int, finding: Finding) -> Figure | None:
    evidence = finding.evidence
    try:
        test = parse(finding.rule).test
    except GateLineError:
        return None
    if isinstance(evidence, Estimate) and isinstance(test, Threshold) and finding.metric not in SUMS:
        return _level(place, finding, evidence, test)
    if (
        isinstance(evidence, Comparison)
        and isinstance(evidence.difference, Estimate)
        and isinstance(test, VersusBaseline)
    ):
        return _difference(place, finding, evidence, test)
    return None


def _level(place: int, finding: Finding, estimate: Estimate, test: Threshold) -> Figure:
    unit: FigureUnit = "%" if test.unit == "%" else _unit(finding.metric)
    factor = (100.0 if abs(estimate.high) <= 1 else 1.0) if unit == "%" else 1.0
    limit = test.number * (1000 if test.unit == "s" else 1)
    if unit == "%" and test.unit == "":
        limit *= factor
    better: Literal["higher", "lower"] = "lower" if test.operator == "<=" else "higher"
    return Figure(place, "level", *_bounds(estimate, factor), estimate.level, estimate.n, limit, unit, better)


def _difference(place: int, finding: Finding, compared: Comparison, test: VersusBaseline) -> Figure:
    found = compared.difference
    assert isinstance(found, Estimate)
    sign = _sign(finding.metric)
    largest = max(abs(compared.candidate or 0.0), abs(compared.baseline or 0.0))
    unit = _unit(finding.metric)
    if unit == "%" or test.unit == "pp":
        unit = "points"
    factor = 100.0 if unit == "points" and largest <= 1 else 1.0
    limit = _limit(test, compared.baseline, factor)
    limit = None if limit is None else limit * sign
    better: Literal["higher", "lower"] = "higher" if sign > 0 else "lower"
    return Figure(place, "difference", *_bounds(found, factor), found.level, found.n, limit, unit, better)


def _sign(metric: str) -> int:
    """+1 if more is better, −1 if less is; the stat of a scorer is known by its name."""
    built_in = BUILT_IN.get(metric)
    if built_in is not None:
        return built_in.sign
    return -1 if metric.rpartition(".")[2] in LESS_IS_BETTER else 1


def _limit(test: VersusBaseline, baseline: float | None, factor: float) -> float | None:
    """The limit for a metric where more is better; a relative margin is a share of the baseline's figure."""
    if test.margin is None:
        return 0.0
    direction = 1 if test.question == "better" else -1
    if test.unit == "pp":
        return direction * test.margin
    return None if baseline is None else direction * test.margin / 100 * abs(baseline) * factor


def _unit(metric: str) -> FigureUnit:
    built_in = BUILT_IN.get(metric)
    if built_in is None:
        return "%"
    units: dict[str, FigureUnit] = {"share": "%", "ms": "ms", "usd": "$"}
    return units.get(built_in.form, "")


def _bounds(estimate: Estimate, factor: float) -> tuple[float, float, float]:
    return estimate.value * factor, estimate.low * factor, estimate.high * factor
