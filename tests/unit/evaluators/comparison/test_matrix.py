"""Several runs against one baseline: the numbers are those of each pair alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evaluators.comparison.compare import compare_runs
from evaluators.comparison.matrix import matrix_of
from evaluators.criteria.metric_catalogue import measures_of
from evaluators.results.run_table import table_of
from fairtrial.domain.errors import UsageError
from fairtrial.domain.run import Case, noise_target
from tests.fixtures.evaluators.scored_runs import SUITE, run

BASE = [1.0] * 30 + [0.0] * 10
WORSE = [0.0] * 12 + [1.0] * 18 + [0.0] * 10
BETTER = [1.0] * 38 + [0.0] * 2


def test_each_comparison_of_a_matrix_is_that_of_the_two_runs_alone() -> None:
    base, worse, better = (
        table_of(run(*arguments)) for arguments in (("base", BASE), ("worse", WORSE), ("better", BETTER))
    )
    measures = measures_of(SUITE)
    matrix = matrix_of(measures, base, [worse, better])
    for at, candidate in enumerate((worse, better)):
        alone = {finding.metric: finding for finding in compare_runs(measures, candidate, base)}
        assert {row.metric: row.comparisons[at] for row in matrix.rows if row.comparisons[at]} == alone
    accuracy = matrix.rows[0]
    assert [level.value for level in accuracy.levels] == [0.75, 0.45, 0.95]
    assert [comparison.answer for comparison in accuracy.comparisons if comparison] == ["worse", "better"]


def test_a_matrix_names_the_cases_that_changed_most_and_the_noise_of_the_baseline() -> None:
    base, worse = table_of(run("base", BASE)), table_of(run("worse", WORSE))
    again = table_of(run(noise_target("base"), [0.0, *BASE[1:]]))
    matrix = matrix_of(measures_of(SUITE), base, [worse], again=again)
    [changes] = matrix.changes
    assert [case.case_id for case in changes.worst] == ["c0", "c1", "c2", "c3", "c4"]
    assert changes.best == ()
    assert matrix.noise is not None
    assert (matrix.noise.metric, matrix.noise.changed, matrix.noise.n) == ("qa.accuracy", 1, 40)


def test_tokens_and_latency_are_those_of_the_column_and_unscored_cases_are_counted() -> None:
    base = table_of(run("base", [*BASE[:-1], None]))
    [column, other_column] = matrix_of(measures_of(SUITE), base, [table_of(run("other", BASE))]).columns
    assert (column.unscored, column.results, column.tokens_out, column.latency_p50_ms) == (1, 40, 195.0, 100.0)
    assert other_column.unscored == 0


def test_runs_of_another_suite_are_refused() -> None:
    base, other_suite = run("base", BASE), replace(run("other", BASE), suite_digest="e")
    with pytest.raises(UsageError, match="digest"):
        matrix_of(measures_of(SUITE), table_of(base), [table_of(other_suite)])


def test_a_matrix_has_the_rows_of_every_slice() -> None:
    tagged = tuple(Case(f"c{at}", (), "", tags={"kind": "odd" if at % 2 else "even"}) for at in range(40))
    suite = replace(SUITE, cases=tagged)
    runs = [
        replace(each_run, results=tuple(replace(result, case=tagged[at]) for at, result in enumerate(each_run.results)))
        for each_run in (run("base", BASE), run("worse", WORSE))
    ]
    matrix = matrix_of(measures_of(suite), table_of(runs[0]), [table_of(runs[1])], by=["kind"])
    assert {row.scope for row in matrix.rows} == {"", "kind:even", "kind:odd"}
