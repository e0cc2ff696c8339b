"""Whether a gate line on blind reviews can be judged: a known metric, and a test that it can bear."""

from __future__ import annotations

from difflib import get_close_matches

from evaluators.criteria.grammar import GateLine, Level, State, Versus
from fairtrial.domain.reviews.review import DIMENSIONS

PREFERENCE = "review.preference"
REVIEW_METRICS = (PREFERENCE, *(f"review.{dimension}" for dimension in DIMENSIONS))
COUNTED = ("ratings", "votes", "pairs")
BASE = "base"


def unfit_review(line: GateLine) -> tuple[str, str] | None:
    """What is wrong with the line and what is known, or ``None`` if it can be judged."""
    if line.metric not in REVIEW_METRICS:
        known = _nearest(line.metric)
        return f"reviews do not measure {line.metric!r}", known
    if line.scope is not None:
        return "reviews are judged as a whole, not in slices", f"leave out 'in {line.scope}'"
    if line.with_count is not None and line.with_unit not in COUNTED:
        return f"reviews do not count {line.with_unit!r}", f"known: {', '.join(COUNTED)}"
    if isinstance(line.test, State):
        return f"{line.metric} can't {line.test.word}", f"{line.metric} not worse than base by 5pp"
    return _unfit_versus(line, line.test) if isinstance(line.test, Versus) else _unfit_level(line, line.test)


def _nearest(metric: str) -> str:
    names = [name.partition(".")[2] for name in REVIEW_METRICS]
    near = get_close_matches(metric.partition(".")[2], names, n=1)
    return f"did you mean 'review.{near[0]}'?" if near else f"known: {', '.join(REVIEW_METRICS)}"


def _unfit_versus(line: GateLine, test: Versus) -> tuple[str, str] | None:
    if test.ref != BASE:
        return f"blind reviews compare with the baseline of the gate, not with {test.ref!r}", "write: base"
    if line.metric == PREFERENCE and test.margin is not None:
        if test.unit != "pp":
            return "a preference is a share: its margin is in points", "such as 5pp"
        if test.margin >= 50:
            return "the margin is taken from 50 %, so it is less than 50pp", "such as 5pp"
    if line.metric != PREFERENCE and test.margin is not None and test.unit == "pp":
        return f"{line.metric} is a mark from 1 to 5: its margin can't be in points", "a relative margin, such as 5%"
    return None


def _unfit_level(line: GateLine, test: Level) -> tuple[str, str] | None:
    if test.operator == "==":
        return f"{line.metric} is an estimate, which is never exactly a number", "use >="
    if line.metric == PREFERENCE:
        share = test.number / 100 if test.unit == "%" else test.number
        if test.unit not in ("", "%") or not 0 <= share <= 1:
            return "a preference lies between 0 and 100 %", "such as >= 50%"
    elif test.unit or not 1 <= test.number <= 5:
        return f"{line.metric} is a mark from 1 to 5", "such as >= 4.0"
    return None
