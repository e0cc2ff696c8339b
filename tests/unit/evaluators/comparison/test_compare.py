"""Two runs case by case: the method that each kind of metric calls for, repeats, clusters, unscored cases."""

from dataclasses import replace

import pytest

from evaluators.comparison.compare import compare, compare_runs, relative_difference
from evaluators.comparison.pairing import pair
from evaluators.criteria.metric_catalogue import BUILT_IN, LESS_IS_BETTER, measure_of, measures_of, measures_seen
from evaluators.gate.regression_rule import Regressions, find_regressions
from evaluators.loading.scorers import build_entry
from evaluators.scoring.metrics.label import build
from fairtrial.domain.answers.signals import LANGUAGE_SWITCH, OVER_REFUSED, REFUSED
from fairtrial.domain.errors import UsageError
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.run import Run, Score, ScoreFailure
from tests.fixtures.evaluators.scored_runs import ACCURACY, BLEU, SUITE, result, run

BETTER, WORSE = run("tuned", [1.0] * 35 + [0.0] * 5), run("base", [1.0] * 20 + [0.0] * 20)


def test_a_share_is_decided_by_tango_and_counts_its_flips() -> None:
    comparison = compare(ACCURACY, pair(ACCURACY, BETTER, WORSE))
    assert comparison.difference.method.startswith("Tango")
    assert comparison.p == pytest.approx(2**-14)  # McNemar: 15 discordant cases, all one way
    assert "McNemar" in comparison.p_method
    assert (comparison.candidate, comparison.baseline, comparison.won, comparison.lost, comparison.n) == (
        0.875,
        0.5,
        15,
        0,
        40,
    )
    assert comparison.answer == "better"


def test_repeats_are_averaged_within_a_case_before_anything_is_estimated() -> None:
    twice = tuple(result(case, float(k), k) for case in SUITE.cases for k in (0, 1))
    comparison = compare(ACCURACY, pair(ACCURACY, run("tuned", [], results=twice, repeat=2), WORSE))
    assert comparison.n == 40
    assert comparison.candidate == 0.5
    assert comparison.won is None
    assert "paired mean" in comparison.difference.method


def test_cases_without_a_score_on_either_side_leave_the_pair_and_are_counted() -> None:
    broken = list(BETTER.results)
    broken[0] = result(SUITE.cases[0], None)
    broken[1] = replace(broken[1], scores={"qa": ScoreFailure("qa", "crashed")}, outcome="judge_error")
    pairs = pair(ACCURACY, run("tuned", [], results=tuple(broken)), WORSE)
    assert (pairs.n, pairs.unscored) == (38, 2)


def test_nothing_in_common_is_not_enough() -> None:
    comparison = compare(ACCURACY, pair(ACCURACY, run("tuned", [None] * 40), WORSE))
    assert isinstance(comparison.difference, NotEnough)
    assert comparison.answer == "cannot tell"
    assert comparison.candidate is None


def test_a_corpus_figure_leaves_out_case_by_case_and_repeats_itself() -> None:
    first, again = (compare(BLEU, pair(BLEU, BETTER, WORSE)) for _ in range(2))
    assert first == again
    assert isinstance(first.difference, Estimate)
    assert first.difference.value == pytest.approx(37.5)
    assert first.difference.method == "score interval of the jackknife"


def test_clusters_replace_tango() -> None:
    def clustered(of: Run) -> Run:
        rows = tuple(replace(r, case=replace(r.case, cluster=f"t{i // 4}")) for i, r in enumerate(of.results))
        return replace(of, results=rows)

    comparison = compare(ACCURACY, pair(ACCURACY, clustered(BETTER), clustered(WORSE)))
    assert comparison.difference.method == "paired mean, score interval over clusters"


def test_a_relative_margin_is_the_difference_to_a_share_of_the_base() -> None:
    comparison = relative_difference(ACCURACY, pair(ACCURACY, BETTER, WORSE), 0.9)
    assert comparison.value == pytest.approx(0.875 - 0.9 * 0.5)


def test_cached_answers_say_nothing_about_latency() -> None:
    cached = run("tuned", [], results=tuple(result(case, 1.0, cached=True) for case in SUITE.cases))
    assert pair(BUILT_IN["latency.p50"], cached, WORSE).n == 0


def test_an_unknown_cost_is_not_a_cost_of_nothing() -> None:
    assert pair(BUILT_IN["cost"], BETTER, WORSE).n == 0


def test_a_known_cost_is_summed() -> None:
    paid = run("tuned", [], results=tuple(result(case, 1.0, cost_usd=0.01) for case in SUITE.cases))
    dear = run("base", [], results=tuple(result(case, 1.0, cost_usd=0.02) for case in SUITE.cases))
    comparison = compare(BUILT_IN["cost"], pair(BUILT_IN["cost"], paid, dear))
    assert comparison.candidate == pytest.approx(0.4)
    assert comparison.difference.value == pytest.approx(-0.4)
    assert comparison.answer == "better"


def test_runs_that_differ_are_refused_with_what_differs() -> None:
    with pytest.raises(UsageError, match="the seeds are 0 and 3; scorer qa is '1' and '2'"):
        compare_runs(measures_of(SUITE), BETTER, replace(WORSE, seed=3, versions={"qa": "2"}))


def test_every_measure_of_the_suite_is_compared() -> None:
    names = {finding.metric for finding in compare_runs(measures_of(SUITE), BETTER, WORSE)}
    assert names >= {"qa.accuracy", "qa.f1", "qa.bleu", "errors", "tokens", "latency.p95"}
    assert "cost" not in names


def test_without_the_suite_shares_are_recognised_by_their_values() -> None:
    seen = {measure.name: measure.kind for measure in measures_seen([BETTER, WORSE])}
    assert seen["qa.accuracy"] == "proportion"


def test_without_the_suite_a_figure_of_all_cases_together_is_not_taken_for_a_mean() -> None:
    named = measures_seen([replace(BETTER, metrics={"qa.f1": 0.123, "qa.accuracy": None}), WORSE])
    assert "qa.f1" not in {measure.name for measure in named}
    assert "qa.accuracy" in {measure.name for measure in named}


def test_without_the_suite_fewer_answers_off_the_labels_are_better() -> None:
    label = build({"of": ["a", "b"]}, "intent")
    signals = {REFUSED, OVER_REFUSED, LANGUAGE_SWITCH}
    others = {"flips", "over_refusal"}
    assert {stat.name for stat in label.stats if not stat.higher_is_better} == LESS_IS_BETTER - signals - others
    off = Score("intent", {"off_label": 1.0})
    seen = measures_seen([replace(BETTER, results=(replace(BETTER.results[0], scores={"intent": off}),))])
    assert next(measure.sign for measure in seen if measure.name == "intent.off_label") == -1


def test_without_the_suite_every_bundled_scorer_has_its_direction() -> None:
    for name in ("keep", "direction", "refuses", "label"):
        options = {"of": ["a", "b"]} if name == "label" else None
        for stat in build_entry({name: options}, variables={}).scorer.stats:
            assert stat.higher_is_better == (stat.name not in LESS_IS_BETTER)


def test_a_scorers_name_alone_means_its_main_stat() -> None:
    assert measure_of(SUITE, "qa").name == "qa.accuracy"
    assert measure_of(SUITE, "nothing") is None


def test_a_flip_counts_only_if_every_repeat_agrees() -> None:
    steady = tuple(result(case, 1.0, k) for case in SUITE.cases[:2] for k in (0, 1))
    broken = (result(SUITE.cases[0], 0.0, 0), result(SUITE.cases[0], 0.0, 1),
              result(SUITE.cases[1], 0.0, 0), result(SUITE.cases[1], 1.0, 1))  # fmt: skip
    regressions = find_regressions(SUITE, (run("tuned", [], results=broken), run("base", [], results=steady)))
    assert regressions == Regressions(("c0",), (), 2)
