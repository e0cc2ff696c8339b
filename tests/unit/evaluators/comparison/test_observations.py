"""Two runs show what changed without being asked; older runs show nothing, and never 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from evaluators.comparison.compare import compare, compare_runs
from evaluators.comparison.levels import level_of
from evaluators.comparison.observations import RULE, signal_changes
from evaluators.comparison.pairing import pair
from evaluators.criteria.metric_catalogue import BUILT_IN, measures_seen
from evaluators.report_content.content import REPORTS
from evaluators.reports import json as json_report, junit, markdown
from evaluators.results.equal_answers import same_results
from evaluators.results.evidence_table import read_table, written_table
from evaluators.results.run_table import table_of
from fairtrial.documents.verdict import describe_judgement
from fairtrial.domain.answers.signals import BLOCK_TITLE, METRICS, NOTABLE_RULE, SIGNALS
from fairtrial.domain.estimates import Comparison, NotEnough
from fairtrial.domain.run import Run, Score
from fairtrial.domain.verdicts.verdict import Finding, Verdict
from fairtrial.domain.verdicts.verdict_wording import is_unasked, unasked_lines
from fairtrial_cli.output.document import print_document
from tests.fixtures.evaluators.trials import run, suite, verdict

LINE = "qa not worse than base by 20pp"
HARD = range(12)
TAGS = {at: {"difficulty": "hard" if at in HARD else "easy"} for at in range(120)}


def marks(right: set[int], n: int = 120) -> list[float | None]:
    return [float(at in right) for at in range(n)]


def judged(new: set[int], old: set[int], tags: Mapping[int, Mapping[str, str]] = TAGS) -> Verdict:
    of = suite(LINE, tags=tags)
    return verdict(of, run(of, "tuned", marks(new)), run(of, "base", marks(old)))


def worst(judged_verdict: Verdict) -> list[Finding]:
    return [finding for finding in judged_verdict.findings if finding.rule == RULE]


def test_a_ship_says_that_no_hard_case_is_right(capsys) -> None:
    easy = set(range(12, 120))
    judgement = judged(easy, {0, 1} | easy - {50, 51})
    assert judgement.decision == "SHIP" and judgement.headline == "SHIP tuned: its only rule holds against base."
    (finding,) = worst(judgement)
    assert not finding.decisive and (finding.source, finding.scope) == ("small", "difficulty:hard")
    sentence = "small: the worst slice is difficulty:hard, where qa.accuracy is 0 of 12 for tuned and 2 of 12 for base"
    assert finding.says == sentence
    print_document(describe_judgement(judgement))
    printed = " ".join(capsys.readouterr().out.split())
    for report in (printed, junit.render(judgement), json_report.render(judgement)):
        assert sentence in report
    assert sentence.replace("_", "\\_") in markdown.render(judgement)


def test_the_largest_loss_is_named_beside_a_slice_that_is_hard_for_both() -> None:
    tags = {at: {"kind": "hard" if at < 12 else "new" if at < 40 else "easy"} for at in range(120)}
    (finding,) = worst(judged({0, *range(25, 120)}, {0, *range(12, 120)}, tags=tags))
    assert finding.says == (
        "small: the worst slice is kind:hard, where qa.accuracy is 1 of 12 for tuned and 1 of 12 for base; "
        "the largest loss is in kind:new, where qa.accuracy is 15 of 28 for tuned and 28 of 28 for base"
    )


def test_without_slices_or_with_tiny_ones_nothing_is_named() -> None:
    one_slice = {at: {"kind": "all"} for at in range(120)}
    tiny = {at: {"kind": "rare"} for at in range(4)}
    for tags in ({}, one_slice, tiny):
        of = suite(LINE, tags=tags)
        judgement = verdict(of, run(of, "tuned", marks(set())), run(of, "base", marks(set())))
        assert worst(judgement) == []


N = 120
OF = suite("qa.accuracy not worse than base by 20pp", "errors <= 1%", n=N)
SAME = {"refused": [0.0] * N, "format_valid": [1.0] * N, "language_switch": [0.0] * N, "characters": [100.0] * N}
CHANGED = {
    "refused": [1.0] * 20 + [0.0] * 100,
    "format_valid": [1.0] * 118 + [0.0] * 2,
    "language_switch": [0.0] * 90 + [1.0] * 30,
    "characters": [180.0] * 60 + [240.0] * 60,
}


def signalled(target: str, signals: dict[str, Sequence[float]], *, tokens: bool = False) -> Run:
    """A run whose answers have these signals."""
    made = run(OF, target, [1.0] * N)
    results = tuple(
        replace(
            result,
            answer=replace(result.answer, tokens_out=7 if tokens else None),
            scores={**result.scores, SIGNALS: Score(SIGNALS, {name: values[at] for name, values in signals.items()})},
        )
        for at, result in enumerate(made.results)
    )
    return replace(made, results=results, versions={**made.versions, SIGNALS: "1"})


NEW, BASE, OLD = signalled("tuned", CHANGED), signalled("base", SAME), run(OF, "base", [1.0] * N)


def test_large_changes_are_notable_and_come_first() -> None:
    comparisons = signal_changes(table_of(NEW), table_of(BASE))
    assert [(finding.comparison.metric, finding.notable) for finding in comparisons] == [
        ("refusals", True),
        ("language_switch", True),
        ("verbosity", True),
        ("format_valid", False),
    ]
    assert "0 → 20 of 120" in comparisons[0].says
    assert "the candidate refuses 20 cases that the baseline answers" in comparisons[0].says
    assert "2.10 times" in comparisons[2].says


def test_a_run_against_itself_has_no_notable_change() -> None:
    assert not any(change.notable for change in signal_changes(table_of(NEW), table_of(replace(NEW, target="base"))))


def test_a_large_change_of_two_cases_is_not_notable() -> None:
    of = suite(n=2)
    first, second = (
        replace(
            run(of, target, [1.0, 1.0]),
            results=tuple(
                replace(result, scores={SIGNALS: Score(SIGNALS, {"refused": 0.0, "characters": length})})
                for result in run(of, target, [1.0, 1.0]).results
            ),
            versions={SIGNALS: "1"},
        )
        for target, length in (("tuned", 500.0), ("base", 100.0))
    )
    assert [change.notable for change in signal_changes(table_of(first), table_of(second))] == [False, False]


def test_the_length_is_compared_in_tokens_where_both_runs_know_them() -> None:
    first, second = signalled("tuned", CHANGED, tokens=True), signalled("base", SAME, tokens=True)
    length = next(
        each for each in signal_changes(table_of(first), table_of(second)) if each.comparison.metric == "verbosity"
    )
    assert "7.0 → 7.0 tokens" in length.says
    assert not length.notable


def test_a_run_of_an_older_version_has_no_signals_and_not_0() -> None:
    assert signal_changes(table_of(NEW), table_of(OLD)) == []
    for name in METRICS:
        comparison = compare(BUILT_IN[name], pair(BUILT_IN[name], NEW, OLD))
        assert isinstance(comparison.difference, NotEnough)
        assert "different versions measured" in comparison.difference.reason
        if name != "refusals":
            level = level_of(BUILT_IN[name], OLD)
            assert isinstance(level, NotEnough)
            assert "older version" in level.reason


def test_refusals_of_two_older_runs_are_still_compared_by_their_outcomes() -> None:
    assert pair(BUILT_IN["refusals"], OLD, replace(OLD, target="tuned")).n == N


def test_other_metrics_are_compared_whatever_the_versions_of_the_detectors_are() -> None:
    metrics = {finding.metric for finding in compare_runs(measures_seen([NEW, OLD]), NEW, OLD)}
    assert "qa.accuracy" in metrics
    assert not metrics & METRICS.keys()
    assert not any(metric.startswith(SIGNALS) for metric in metrics)


def test_a_rerun_with_signals_has_the_same_results_as_an_older_run_without() -> None:
    assert same_results(table_of(signalled("base", SAME)), table_of(OLD))
    assert not same_results(table_of(NEW), table_of(BASE))


def test_a_gate_line_may_judge_a_signal() -> None:
    lines = ("language_switch not worse than base by 5pp", "refusals not worse than base by 5pp")
    of = replace(OF, gate=lines, gate_lines=(1, 2))
    judgement = verdict(of, NEW, BASE)
    decided = {finding.metric: finding.result for finding in judgement.findings if finding.decisive}
    assert decided == {"language_switch": "fail", "refusals": "fail"}
    assert not {finding.metric for finding in judgement.findings if is_unasked(finding)} & decided.keys()
    equal = verdict(of, replace(BASE, target="tuned"), BASE)
    assert {finding.result for finding in equal.findings if finding.metric in decided} == {"pass"}


def test_a_gate_line_on_a_signal_of_an_older_run_cannot_tell() -> None:
    judgement = verdict(replace(OF, gate=("format_valid not worse than base by 5pp",), gate_lines=(1,)), NEW, OLD)
    assert [finding.result for finding in judgement.findings if finding.decisive] == ["cannot tell"]


def test_a_verdict_shows_the_changes_and_they_decide_nothing() -> None:
    judgement = verdict(OF, NEW, BASE)
    assert judgement.decision == "SHIP"
    shown = [finding for finding in judgement.findings if is_unasked(finding)]
    assert [finding.metric for finding in shown] == ["refusals", "language_switch", "verbosity", "format_valid"]
    assert all(isinstance(finding.evidence, Comparison) for finding in shown)
    lines = unasked_lines(judgement.findings)
    assert [line.partition(":")[0] for line in lines[:4]] == ["Notable", "Notable", "Notable", "Not notable in small"]
    assert lines[-1] == NOTABLE_RULE


def test_a_verdict_on_older_runs_has_no_block() -> None:
    assert unasked_lines(verdict(OF, replace(OLD, target="tuned"), OLD).findings) == []


def test_every_report_has_the_block() -> None:
    judgement = verdict(OF, NEW, BASE)
    assert f"### {BLOCK_TITLE}" in REPORTS.get("markdown").render(judgement)
    for name in ("json", "junit"):
        assert "the candidate refuses 20 cases" in REPORTS.get(name).render(judgement)


def test_the_evidence_of_a_verdict_gives_the_same_changes_again() -> None:
    tables = [
        table_of(each) for each in (signalled("tuned", CHANGED, tokens=True), signalled("base", SAME, tokens=True))
    ]
    again = [
        read_table(
            written_table(
                table,
                tags=(),
                scorers=(),
                measured=SIGNALS in table.states,
                details=(),
                answers={digest: digest for digest in table.answers.tolist()},
            )
        )
        for table in tables
    ]
    assert np.array_equal(again[0].tokens_out, tables[0].tokens_out)
    assert [finding.says for finding in signal_changes(*again)] == [finding.says for finding in signal_changes(*tables)]
