"""Judges each successor by the suites' own margins, at its part of the error rate, and reads what it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from evaluators.comparison.matrix import Column, column_of
from evaluators.gate.migration_gate import migration_gate, successor_suite
from evaluators.results.run_table import table_of
from fairtrial.api.verdicts import Judge
from fairtrial_cli.migration.report import Successor
from fairtrial_cli.store_client.stored import judge, load_table, record_suites
from gateway.control.operations.gate_file import suite_references

if TYPE_CHECKING:
    from fairtrial_cli.migration.ask_models import SuiteRuns
    from fairtrial_cli.store_client.client import StoreClient


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
