"""Validates gate lines on suites, live traffic and blind reviews, and reports keys and lines without an effect."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from evaluators.criteria.grammar import GateLine, State, Threshold, VersusBaseline
from evaluators.criteria.metric_catalogue import COUNTS, Measure, known_metrics, measure_of
from evaluators.results.run_table import Scope
from evaluators.suite import Suite
from fairtrial.config.file.yaml_file import Document, Step
from fairtrial.domain.errors import Diagnostic
from fairtrial.domain.metrics import CATALOGUE, KEPT_AWAY_RATE
from fairtrial.domain.registry import Registry
from fairtrial.domain.review import DIMENSIONS

EVERY_TAG = "slice"
NAMED_BASELINE = "baseline:"
COUNTED = "cases"
NOTHING = "this key has no effect in this version"
INERT_IN_SUITES: Mapping[str, str] = {"against": "each line of 'gate' names its own baseline"}
"""Keys without an effect, and what to know about each."""
NO_EXPERIMENT = "no experiment decides it, so a gate with this line never returns SHIP"
NAME_ONE = "write 'experiment: NAME' in the gate"
PRIMARY, GUARDRAILS = "live.primary", "live.guardrails"
FEEDBACK = "live.feedback."
CANDIDATE = "candidate"
"""The name by which a gate asks for the newest experiment on its candidate, whatever its name."""
LIVE_UNITS = ("units", "users", "conversations", "requests")
MILLISECONDS = ("live.requests.latency", "live.requests.ttft")
PREFERENCE = "review.preference"
REVIEW_UNITS = ("ratings", "votes", "pairs")
BASE = "base"


def validate_line(suite: Suite, line: GateLine) -> tuple[str, str] | None:
    """The problem of this line for this suite with a hint, or ``None`` if it is valid."""
    if is_external(suite, line):
        return validate_external_line(line)
    if line.population:
        return f"{line.metric} comes from a run, not from reviewers", f"remove {line.population!r}"
    measure = measure_of(suite, line.metric)
    if measure is None:
        return f"suite {suite.name} does not measure {line.metric!r}", _nearest(line.metric, known_metrics(suite))
    return _check_scope(suite, line.scope) or _check_count(line) or _check_test(measure, line)


def validate_external_line(line: GateLine) -> tuple[str, str] | None:
    """The same for a line whose evidence does not come from a run."""
    family = FAMILIES.get(line.family)
    if line.population and not family.populations:
        return f"{line.metric} does not come from reviewers", f"remove {line.population!r}"
    return family.validate(line)


def is_external(suite: Suite, line: GateLine) -> bool:
    """Whether the line needs evidence that no run has, such as reviews."""
    return line.family in FAMILIES.names() and suite.stat(line.metric) is None


def scopes_of(suite: Suite, scope: Scope | None) -> Sequence[Scope | None]:
    """The scopes in which a line is judged: one, or every slice of a tag (`slice` means all tags of the suite)."""
    if scope is None or scope.value is not None:
        return [scope]
    tags = suite.slices if scope.tag == EVERY_TAG else (scope.tag,)
    return [Scope(tag, value) for tag in tags for value in suite.values.get(tag, ())]


def limit_of(test: Threshold, measure: Measure) -> float:
    """The limit on the measure's own scale: ``95%`` of a share is 0.95, of a BLEU 95; ``2s`` is 2,000 ms."""
    if test.unit in ("%", "pp") and measure.form == "share":
        return test.number / 100 * measure.scale
    return test.number * 1000 if test.unit == "s" else test.number


def margin_of(test: VersusBaseline, measure: Measure) -> float:
    """An absolute margin on the measure's own scale."""
    return (test.margin or 0.0) / 100 * measure.scale


def _check_scope(suite: Suite, scope: Scope | None) -> tuple[str, str] | None:
    if scope is None or (scope.value is None and scope.tag == EVERY_TAG and suite.slices):
        return None
    tags = sorted(suite.values)
    if scope.tag not in tags:
        return f"suite {suite.name} has no tag {scope.tag!r}", _nearest(scope.tag, tags)
    values = suite.values[scope.tag]
    if scope.value is not None and scope.value not in values:
        return f"no case of suite {suite.name} is in {scope}", _nearest(scope.value, values)
    return None


def _check_count(line: GateLine) -> tuple[str, str] | None:
    if line.with_count is not None and line.with_unit != COUNTED:
        return f"suites do not count {line.with_unit!r}", f"write: with {line.with_count} {COUNTED}"
    return None


def _check_test(measure: Measure, line: GateLine) -> tuple[str, str] | None:
    test = line.test
    if isinstance(test, State):
        return f"{measure.name} cannot {test.word}", "a floor (>=, <=, ==) or a comparison"
    if isinstance(test, VersusBaseline):
        if test.ref.startswith(NAMED_BASELINE):
            return (
                f"there is no baseline {test.ref!r}, because this version has no named baselines",
                "write: base, or a deployment's name",
            )
        if measure.name in COUNTS:
            return f"{measure.name} already compares with the baseline", f"{measure.name} == 0"
        if test.margin is not None and test.unit == "pp" and not measure.in_points:
            return f"{measure.name} is not a share, so its margin cannot be in points", "a relative margin, such as 20%"
        return None
    return _check_threshold(measure, test)


def _check_threshold(measure: Measure, test: Threshold) -> tuple[str, str] | None:
    allowed = {"share": ("", "%"), "ms": ("s", "ms"), "usd": ("", "$"), "number": ("",)}[measure.form]
    if test.unit not in allowed:
        fitting = " or ".join(unit or "a bare number" for unit in allowed)
        return f"{measure.name} is given in {fitting}, not in {test.unit or 'a bare number'!r}", ""
    if measure.form == "share" and not 0 <= limit_of(test, measure) <= measure.scale:
        return f"{measure.name} lies between 0 and {measure.scale:g}", "the highest value is 100%"
    if test.sure and test.operator == "==":
        return "'sure' needs a confidence bound, and '==' has none", "use >= or <="
    return None


def _nearest(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else "known: " + ", ".join(list(known)[:12])


@dataclass(frozen=True, slots=True)
class LineFamily:
    """A family, named by its module. The metrics of its lines begin with that name and a dot.

    ``evidence``: what it rests on, in words. ``validate``: the problem of a line and a hint, or ``None`` if it is
    valid. ``populations``: whether its lines may name the reviewers to which they generalise.
    """

    evidence: str
    validate: Callable[[GateLine], tuple[str, str] | None]
    populations: bool = False


FAMILIES = Registry("evaluators.gate.families", "family", noun="family of gate lines", kind=LineFamily)


def inert_keys(document: Document, keys: Mapping[str, str]) -> Iterator[Diagnostic]:
    """The keys of the document that have no effect."""
    value: Any = document.value
    yield from (document.diagnostic((key,), NOTHING, known) for key, known in keys.items() if key in value)


def homeless_lines(document: Document, lines: Iterable[tuple[tuple[Step, ...], str]]) -> Iterator[Diagnostic]:
    """Live lines, by place and text, of a gate that names no experiment."""
    yield from (document.diagnostic(place, f"{text!r}: {NO_EXPERIMENT}", NAME_ONE) for place, text in lines)


SHARES = {name for name, metric in CATALOGUE.items() if metric.is_share}
AMOUNTS = CATALOGUE.keys() - SHARES
MEASURED = {f"live.{name}" for name, metric in CATALOGUE.items() if metric.decides}
LIVE_METRICS = sorted({PRIMARY, GUARDRAILS, FEEDBACK + "KEY", *MEASURED})


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
        return f"reviews do not measure {line.metric!r}", _nearest_metric(line.metric)
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


def _nearest_metric(metric: str) -> str:
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
