"""Validates gate lines on blind reviews: the metric must exist, and the test must fit it."""

from __future__ import annotations

from difflib import get_close_matches

from evaluators.criteria.grammar import GateLine, State, Threshold, VersusBaseline
from fairtrial.domain.review import DIMENSIONS

PREFERENCE = "review.preference"
REVIEW_METRICS = (PREFERENCE, *(f"review.{dimension}" for dimension in DIMENSIONS))
COUNTED = ("ratings", "votes", "pairs")
BASE = "base"


def validate_review_line(line: GateLine) -> tuple[str, str] | None:
    """The problem of the line with a hint, or ``None`` if it is valid."""
    if line.metric not in REVIEW_METRICS:
        known = _nearest(line.metric)
        return f"reviews do not measure {line.metric!r}", known
    if line.scope is not None:
        return "reviews are judged as a whole, not in slices", f"remove 'in {line.scope}'"
    if line.with_count is not None and line.with_unit not in COUNTED:
        return f"reviews do not count {line.with_unit!r}", f"known: {', '.join(COUNTED)}"
    if isinstance(line.test, State):
        return f"{line.metric} cannot {line.test.word}", f"{line.metric} not worse than base by 5pp"
    return (
        _check_comparison(line, line.test)
        if isinstance(line.test, VersusBaseline)
        else _check_threshold(line, line.test)
    )


def _nearest(metric: str) -> str:
    names = [name.partition(".")[2] for name in REVIEW_METRICS]
    near = get_close_matches(metric.partition(".")[2], names, n=1)
    return f"did you mean 'review.{near[0]}'?" if near else f"known: {', '.join(REVIEW_METRICS)}"


def _check_comparison(line: GateLine, test: VersusBaseline) -> tuple[str, str] | None:
    if test.ref != BASE:
        return f"blind reviews compare with the baseline of the gate, not with {test.ref!r}", "write: base"
    if line.metric == PREFERENCE and test.margin is not None:
        if test.unit != "pp":
            return "a preference is a share, so its margin is in points", "such as 5pp"
        if test.margin >= 50:
            return "the margin is subtracted from 50 %, so it must be less than 50pp", "such as 5pp"
    if line.metric != PREFERENCE and test.margin is not None and test.unit == "pp":
        return (
            f"{line.metric} is a rating from 1 to 5, so its margin cannot be in points",
            "a relative margin, such as 5%",
        )
    return None


def _check_threshold(line: GateLine, test: Threshold) -> tuple[str, str] | None:
    if test.operator == "==":
        return f"{line.metric} is an estimate, which never equals a number exactly", "use >="
    if line.metric == PREFERENCE:
        share = test.number / 100 if test.unit == "%" else test.number
        if test.unit not in ("", "%") or not 0 <= share <= 1:
            return "a preference lies between 0 and 100 %", "such as >= 50%"
    elif test.unit or not 1 <= test.number <= 5:
        return f"{line.metric} is a rating from 1 to 5", "such as >= 4.0"
    return None
