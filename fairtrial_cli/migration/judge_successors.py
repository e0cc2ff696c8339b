"""Judges each successor by the suites' own margins, at its part of the error rate, and reads what it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evaluators.comparison.matrix import Column, column_of
from evaluators.criteria.grammar import VersusBaseline, parse
from evaluators.criteria.validation import validate_line
from evaluators.gate.file import Gate, of_text
from evaluators.results.run_table import table_of
from evaluators.suite import Suite
from fairtrial.api.verdicts import Judge
from fairtrial_cli.migration.report import Successor
from fairtrial_cli.store_client.stored import judge, load_table, record_suites
from gateway.control.operations.gate_file import suite_references

if TYPE_CHECKING:
    from fairtrial_cli.migration.ask_models import SuiteRuns
    from fairtrial_cli.store_client.client import StoreClient


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


def judge_successors(
    store: StoreClient, suite_runs: Sequence[SuiteRuns], old: str, new: Sequence[str], *, margin: str
) -> Iterator[Successor]:
    """The verdict on each successor against the old model's answers; every verdict is stored."""
    gate, text = migration_gate(f"migrate-{old}", [successor_suite(one.suite, margin) for one in suite_runs])
    record_suites(store, gate.suites)
    stored = tuple(found.run_id for one in suite_runs if (found := one.baseline).stored and found.run_id is not None)
    baselines = {one.suite.name: _column(store, one.baseline.run_id) for one in suite_runs}
    for target in new:
        request = Judge(
            gate=text,
            suites=tuple(suite_references(gate)),
            candidate=target,
            baseline=old,
            successors=len(new),
            baseline_runs=stored,
        )
        beside = {
            one.suite.name: (baselines[one.suite.name], column_of(table_of(one.runs[target])))
            for one in suite_runs
            if target in one.runs
        }
        yield Successor(target, judge(store, request), beside)


def _column(store: StoreClient, run_id: str | None) -> Column | None:
    return None if run_id is None else column_of(load_table(store, run_id))
