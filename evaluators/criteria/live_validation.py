"""Validates gate lines on live traffic."""

from __future__ import annotations

from difflib import get_close_matches

from evaluators.criteria.grammar import GateLine, State, Threshold, VersusBaseline
from fairtrial.domain.metrics import CATALOGUE, KEPT_AWAY_RATE

PRIMARY, GUARDRAILS = "live.primary", "live.guardrails"
FEEDBACK = "live.feedback."
CANDIDATE = "candidate"
"""The name by which a gate asks for the newest experiment on its candidate, whatever its name."""
SHARES = {name for name, metric in CATALOGUE.items() if metric.is_share}
AMOUNTS = CATALOGUE.keys() - SHARES
MEASURED = {f"live.{name}" for name, metric in CATALOGUE.items() if metric.decides}
KNOWN = sorted({PRIMARY, GUARDRAILS, FEEDBACK + "KEY", *MEASURED})
COUNTED = ("units", "users", "conversations", "requests")
MILLISECONDS = ("live.requests.latency", "live.requests.ttft")


def validate_live_line(line: GateLine) -> tuple[str, str] | None:
    """The problem of the line with a hint, or ``None`` if it is valid."""
    if line.metric == f"live.{KEPT_AWAY_RATE}":
        return f"{line.metric} is shown and never decides", "live.guardrails hold: its requests count against safety"
    if line.metric not in KNOWN and (line.metric == FEEDBACK or not line.metric.startswith(FEEDBACK)):
        near = get_close_matches(line.metric, KNOWN, n=1)
        return (
            f"live traffic has no {line.metric!r}",
            f"did you mean {near[0]!r}?" if near else f"known: {', '.join(KNOWN)}",
        )
    return _check_scope_and_count(line) or _check_live(line)


def _check_scope_and_count(line: GateLine) -> tuple[str, str] | None:
    """The problem with the slice or the required evidence of the line, if any."""
    if line.scope is not None:
        return "live traffic is judged as a whole, not in slices", f"remove 'in {line.scope}'"
    if line.with_count is not None and line.with_unit not in COUNTED:
        return f"live traffic does not count {line.with_unit!r}", f"known: {', '.join(COUNTED)}"
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
        _check_comparison(line.metric, test)
        if isinstance(test, VersusBaseline)
        else _check_threshold(line.metric, test)
    )


def _check_comparison(metric: str, test: VersusBaseline) -> tuple[str, str] | None:
    if test.margin is not None and test.unit == "pp" and metric.removeprefix("live.") in AMOUNTS:
        return f"{metric} is not a share, so its margin cannot be in points", "a relative margin, such as 20%"
    return None


def _check_threshold(metric: str, test: Threshold) -> tuple[str, str] | None:
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
