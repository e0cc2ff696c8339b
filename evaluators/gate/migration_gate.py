"""Makes the gate of a migration: a successor has to be as good as the model that it replaces, not better."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from evaluators.criteria.grammar import VersusBaseline, parse
from evaluators.criteria.validation import validate_line
from evaluators.gate.file import Gate, of_text
from evaluators.suite import Suite


def successor_suite(suite: Suite, margin: str) -> Suite:
    """The suite with the lines that a successor must meet; its digest, and so its runs, stay the same.

    A line that requires "better" requires "not worse" by ``margin``. A suite that compares nothing compares the first
    statistic of each scorer.
    """
    lines = [_not_worse(line, margin) for line in suite.gate]
    numbers = list(suite.gate_lines)
    if not any(isinstance(parse(line).test, VersusBaseline) for line in lines):
        added = list(_first_statistics(suite, margin))
        lines, numbers = lines + added, numbers + [1] * len(added)
    return replace(suite, gate=tuple(lines), gate_lines=tuple(numbers))


def migration_gate(name: str, suites: Sequence[Suite]) -> tuple[Gate, str]:
    """The gate of these suites, and its text."""
    text = f"version: 1\ngate: {json.dumps(name)}\nsuites: {json.dumps([suite.name for suite in suites])}\n"
    return of_text(text, {suite.name: [suite] for suite in suites}), text


def _not_worse(line: str, margin: str) -> str:
    test = parse(line).test
    if not isinstance(test, VersusBaseline) or test.question != "better" or test.ref != "base":
        return line
    before, _, after = line.partition(" better than base")
    scope = after.partition(" in ")[2]
    return f"{before} not worse than base by {margin}" + (f" in {scope}" if scope else "")


def _first_statistics(suite: Suite, margin: str) -> Iterator[str]:
    for scorer in suite.scorers:
        line = f"{scorer.name}.{scorer.stats[0].name} not worse than base by {margin}"
        if validate_line(suite, parse(line)) is None:
            yield line
