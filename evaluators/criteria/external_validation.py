"""Validates gate lines on live traffic and on blind reviews: the metric must exist, and the test must fit it."""

from __future__ import annotations

from difflib import get_close_matches

from evaluators.criteria.grammar import GateLine, State, Threshold, VersusBaseline
from fairtrial.domain.metrics import CATALOGUE, KEPT_AWAY_RATE
from fairtrial.domain.review import DIMENSIONS

PRIMARY, GUARDRAILS = "live.primary", "live.guardrails"
FEEDBACK = "live.feedback."
CANDIDATE = "candidate"
"""The name by which a gate asks for the newest experiment on its candidate, whatever its name."""
SHARES = {name for name, metric in CATALOGUE.items() if metric.is_share}
AMOUNTS = CATALOGUE.keys() - SHARES
MEASURED = {f"live.{name}" for name, metric in CATALOGUE.items() if metric.decides}
LIVE_METRICS = sorted({PRIMARY, GUARDRAILS, FEEDBACK + "KEY", *MEASURED})
LIVE_UNITS = ("units", "users", "conversations", "requests")
MILLISECONDS = ("live.requests.latency", "live.requests.ttft")
PREFERENCE = "review.preference"
REVIEW_UNITS = ("ratings", "votes", "pairs")
BASE = "base"


def validate_live_line(line: GateLine) -> tuple[str, str] | None:
    """The problem of the line with a hint, or ``None`` if it is valid."""
    if line.metric == f"live.{KEPT_AWAY_RATE}":
        return f"{line.metric} is shown and never decides", "live.guardrails hold: its requests count against safety"
    if line.metric not in LIVE_METRICS and (line.metric == FEEDBACK or not line.metric.startswith(FEEDBACK)):
        near = get_close_matches(line.metric, LIVE_METRICS, n=1)
        return (
            f"live traffic has no {line.metric!r}",
            f"did you mean {near[0]!r}?" if near else f"known: {', '.join(LIVE_METRICS)}",
        )
    return _check_scope_and_count(line) or _check_live(line)


def _check_scope_and_count(line: GateLine) -> tuple[str, str] | None:
    """The problem with the slice or the required evidence of the line, if any."""
    if line.scope is not None:
        return "live traffic is judged as a whole, not in slices", f"remove 'in {line.scope}'"
    if line.with_count is not None and line.with_unit not in LIVE_UNITS:
        return f"live traffic does not count {line.with_unit!r}", f"known: {', '.join(LIVE_UNITS)}"
    if isinstance(line.test, VersusBaseline) and line.test.ref != "base":
        return f"an experiment compares with its control, not with {line.test.ref!r}", "write: base"
    return None


def _check_live(line: GateLine) -> tuple[str, str] | None:
    test = line.test
    if line.metric == GUARDRAILS:
        sound = isinstance(test, State) and test.word == "hold"
        return None if sound else ("guardrails can only be required to hold", f"write: {GUARDRAILS} hold")
    if isinstance(test, State):
        return f"{line.metric} cannot {test.word}", f"{line.metric} not worse than base by 20%"
    if line.metric == PRIMARY:
        sound = isinstance(test, VersusBaseline)
        return None if sound else ("the frozen plan decides it by a comparison", f"write: {PRIMARY} better than base")
    return (
        _check_live_comparison(line.metric, test)
        if isinstance(test, VersusBaseline)
        else _check_live_threshold(line.metric, test)
    )


def _check_live_comparison(metric: str, test: VersusBaseline) -> tuple[str, str] | None:
    if test.margin is not None and test.unit == "pp" and metric.removeprefix("live.") in AMOUNTS:
        return f"{metric} is not a share, so its margin cannot be in points", "a relative margin, such as 20%"
    return None


def _check_live_threshold(metric: str, test: Threshold) -> tuple[str, str] | None:
    units = _units(metric)
    if test.unit not in units:
        fitting = " or ".join(unit or "a bare number" for unit in units)
        return f"{metric} is given in {fitting}, not in {test.unit or 'a bare number'!r}", ""
    most = 100 if test.unit == "%" else 1
    if metric.removeprefix("live.") in SHARES and not 0 <= test.number <= most:
        return f"{metric} lies between 0 and 1", "the highest value is 100%"
    return None


def _units(metric: str) -> tuple[str, ...]:
    if metric.startswith(MILLISECONDS):
        return ("s", "ms")
    if metric.startswith("live.cost."):
        return ("", "$")
    return ("",) if metric.removeprefix("live.") in AMOUNTS else ("", "%")


REVIEW_METRICS = (PREFERENCE, *(f"review.{dimension}" for dimension in DIMENSIONS))


def validate_review_line(line: GateLine) -> tuple[str, str] | None:
    """The problem of the line with a hint, or ``None`` if it is valid."""
    if line.metric not in REVIEW_METRICS:
        known = _nearest(line.metric)
        return f"reviews do not measure {line.metric!r}", known
    if line.scope is not None:
        return "reviews are judged as a whole, not in slices", f"remove 'in {line.scope}'"
    if line.with_count is not None and line.with_unit not in REVIEW_UNITS:
        return f"reviews do not count {line.with_unit!r}", f"known: {', '.join(REVIEW_UNITS)}"
    if isinstance(line.test, State):
        return f"{line.metric} cannot {line.test.word}", f"{line.metric} not worse than base by 5pp"
    return (
        _check_review_comparison(line, line.test)
        if isinstance(line.test, VersusBaseline)
        else _check_review_threshold(line, line.test)
    )


def _nearest(metric: str) -> str:
    names = [name.partition(".")[2] for name in REVIEW_METRICS]
    near = get_close_matches(metric.partition(".")[2], names, n=1)
    return f"did you mean 'review.{near[0]}'?" if near else f"known: {', '.join(REVIEW_METRICS)}"


def _check_review_comparison(line: GateLine, test: VersusBaseline) -> tuple[str, str] | None:
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


def _check_review_threshold(line: GateLine, test: Threshold) -> tuple[str, str] | None:
    if test.operator == "==":
        return f"{line.metric} is an estimate, which never equals a number exactly", "use >="
    if line.metric == PREFERENCE:
        share = test.number / 100 if test.unit == "%" else test.number
        if test.unit not in ("", "%") or not 0 <= share <= 1:
            return "a preference lies between 0 and 100 %", "such as >= 50%"
    elif test.unit or not 1 <= test.number <= 5:
        return f"{line.metric} is a rating from 1 to 5", "such as >= 4.0"
    return None
