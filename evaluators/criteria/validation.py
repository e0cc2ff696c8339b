"""Validates gate lines against a suite or their family, and reports keys and lines without an effect."""

from __future__ import annotations

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
from fairtrial.domain.registry import Registry

EVERY_TAG = "slice"
NAMED_BASELINE = "baseline:"
COUNTED = "cases"
NOTHING = "this key has no effect in this version"
INERT_IN_SUITES: Mapping[str, str] = {"against": "each line of 'gate' names its own baseline"}
"""Keys without an effect, and what to know about each."""
NO_EXPERIMENT = "no experiment decides it, so a gate with this line never returns SHIP"
NAME_ONE = "write 'experiment: NAME' in the gate"


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
