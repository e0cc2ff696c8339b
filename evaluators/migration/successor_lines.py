"""Makes the gate lines that a successor must meet from those of the suites and from what the old model reaches."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from evaluators.comparison.levels import level_of
from evaluators.comparison.presentation import amount
from evaluators.criteria.content_lines import REVIEW_LINE, can_be_content, is_judged_by_people
from evaluators.criteria.grammar import GateLine, Threshold, VersusBaseline, parse
from evaluators.criteria.metric_catalogue import COUNTS, Measure, measure_of
from evaluators.criteria.validation import BASE, is_external, limit_of, scopes_of, validate_line
from evaluators.gate.file import Gate, of_text
from evaluators.gate.threshold_rule import by_truth_table
from evaluators.results.run_table import RunTable, Scope
from evaluators.suite import Suite
from fairtrial.domain.estimates import Estimate, NotEnough

TAIL = re.compile(r"\s(?:in|with)\s.*")
"""The end of a line, which names its slice and the required evidence."""
RELATIVE = "20%"
"""The margin of metrics that are not shares, such as a latency. The experiment's guardrail on latency has it too."""
ABSOLUTE = (*COUNTS, "errors")
"""Metrics whose lines stay: counts compare already, and unscored answers make the evidence unsound."""


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line that the old model breaks, the level that it has, and the line that replaces it, ``None`` if none may."""

    suite: str
    line: str
    level: str
    by: str | None

    def in_words(self, old: str) -> str:
        """One sentence for the report."""
        if self.by is None:
            return f"{self.suite}: {self.line} stays, although {old} has {self.level}, because it allows no exception."
        return f"{self.suite}: {self.by} replaces {self.line}: {old} has {self.level}."


def broken_lines(suite: Suite, old: RunTable, margin: str) -> Iterator[BrokenLine]:
    """The floors and ceilings of the suite that the old model does not reach, by its estimates."""
    for text in suite.gate:
        line = parse(text)
        if is_external(suite, line) or line.metric in ABSOLUTE or not isinstance(line.test, Threshold):
            continue
        if (level := _broken_level(suite, line, line.test, old)) is not None:
            yield BrokenLine(suite.name, text, level, _comparison(suite, text, line, line.test, margin=margin))


def own_levels(suite: Suite, lines: Sequence[str], old: RunTable) -> dict[str, str]:
    """What the old model itself has on each line, in words; for several slices it is the worst one."""
    levels: dict[str, str] = {}
    for text in lines:
        line = parse(text)
        if is_external(suite, line) or line.metric in COUNTS or (measure := measure_of(suite, line.metric)) is None:
            continue
        if found := [_in_words(measure, *each) for each in _levels(suite, line, measure, old)]:
            levels[text] = min(found)[1]
    return levels


def _levels(suite: Suite, line: GateLine, measure: Measure, old: RunTable) -> Iterator[tuple[Estimate, Scope | None]]:
    for scope in scopes_of(suite, line.scope):
        level = level_of(measure, old, scope)
        if not isinstance(level, NotEnough):
            yield level, scope


def _in_words(measure: Measure, level: Estimate, scope: Scope | None) -> tuple[float, str]:
    """How good the level is, and its words."""
    return measure.sign * level.value, amount(level.value, measure) + (f" in {scope}" if scope else "")


def _broken_level(suite: Suite, line: GateLine, test: Threshold, old: RunTable) -> str | None:
    """The worst level on the wrong side of the limit, in words; ``None`` if every slice is on the right side."""
    measure = measure_of(suite, line.metric)
    if measure is None:
        return None
    estimate, limit = replace(test, sure=False), limit_of(test, measure)
    broken = [
        _in_words(measure, level, scope)
        for level, scope in _levels(suite, line, measure, old)
        if by_truth_table(estimate, level, limit) != "pass"
    ]
    return min(broken)[1] if broken else None


def _comparison(suite: Suite, text: str, line: GateLine, test: Threshold, *, margin: str) -> str | None:
    """The line that compares the same metric and slice with the base: one that the suite has, or a new one.

    ``None`` for an exact line, which states what must never happen, and for a metric that can't be compared.
    """
    if test.operator == "==":
        return None
    for other in suite.gate:
        parsed = parse(other)
        if _compares_with_base(parsed) and (parsed.metric, parsed.scope) == (line.metric, line.scope):
            return _not_worse(other, margin)
    head, _, after = text.partition(test.operator)
    lines = [_line(head.strip(), each, after) for each in (margin, RELATIVE)]
    return next((new for new in lines if _is_valid(suite, new)), None)


def successor_suite(suite: Suite, margin: str, broken: Sequence[BrokenLine] = ()) -> Suite:
    """The suite with the lines that a successor must meet; its digest, and so its runs, stay the same.

    A line that requires "better" requires "not worse" by ``margin``, and so does a line that the old model breaks. A
    suite that compares nothing compares the first statistic of each scorer.
    """
    replaced = {line.line: line.by for line in broken if line.by is not None}
    lines: dict[str, int] = {}
    for text, number in zip(suite.gate, suite.gate_lines, strict=True):
        lines.setdefault(replaced.get(text) or _not_worse(text, margin), number)
    if not any(isinstance(parse(line).test, VersusBaseline) for line in lines):
        lines |= dict.fromkeys(_first_statistics(suite, margin), 1)
    return replace(suite, gate=tuple(lines), gate_lines=tuple(lines.values()))


def migration_gate(name: str, suites: Sequence[Suite]) -> tuple[Gate, str]:
    """The gate of these suites, and its text. If no line can measure what was answered, people must compare answers."""
    text = f"version: 1\ngate: {json.dumps(name)}\nsuites: {json.dumps([suite.name for suite in suites])}\n"
    text += "may_equal_base: yes\n"  # a successor that answers exactly as OLD is what a migration looks for
    if not any(can_be_content(suite, parse(line)) for suite in suites for line in suite.gate):
        text += f"require: {json.dumps([REVIEW_LINE])}\n"
    return of_text(text, {suite.name: [suite] for suite in suites}), text


def content_lines(gate: Gate) -> Iterator[tuple[str, str]]:
    """The lines of the gate that measure content, each with the gate or suite that has it, as findings name them."""
    for rule in gate.rules:
        if can_be_content(rule.suite, rule.line):
            yield rule.text, rule.source
    for text, line in gate.external:
        if is_judged_by_people(line):
            yield text, gate.name


def _compares_with_base(line: GateLine) -> bool:
    return isinstance(line.test, VersusBaseline) and line.test.ref == BASE


def _not_worse(text: str, margin: str) -> str:
    line = parse(text)
    if not _compares_with_base(line) or getattr(line.test, "question", "") != "better":
        return text
    head, _, after = text.partition(" better than base")
    return _line(head, margin, after)


def _line(metric: str, margin: str, rest: str) -> str:
    tail = TAIL.search(rest)
    return f"{metric} not worse than base by {margin}" + (tail[0] if tail else "")


def _is_valid(suite: Suite, text: str) -> bool:
    return validate_line(suite, parse(text)) is None


def _first_statistics(suite: Suite, margin: str) -> Iterator[str]:
    for scorer in suite.scorers:
        line = _line(f"{scorer.name}.{scorer.stats[0].name}", margin, "")
        if _is_valid(suite, line):
            yield line
