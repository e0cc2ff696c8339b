"""Better and worse need an interval and a p-value that agree; the error rates are enumerated exactly."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.stats import multinomial

from evaluators.comparison.compare import compare, compare_runs
from evaluators.comparison.pairing import Pairs, pair
from evaluators.comparison.presentation import answer_in_words, comparison_row, rules_in_words
from evaluators.comparison.question import Question
from evaluators.criteria.grammar import VersusBaseline
from evaluators.criteria.metric_catalogue import Measure, of_stat
from evaluators.gate.file import gate_of
from evaluators.gate.multiplicity import apply_holm
from evaluators.gate.rules import judge_rule
from evaluators.scoring.scorer import Stat
from evaluators.trial import Trial
from fairtrial.domain.estimates import Comparison, Estimate
from fairtrial.domain.promises import ALPHA
from fairtrial.stats.intervals import tango
from tests.fixtures.evaluators.trials import run, suite
from tests.fixtures.for_each import for_each

ACCURACY = of_stat("qa", Stat("accuracy", "proportion"))
GRADED = of_stat("qa", Stat("f1", "mean"))
BETTER = VersusBaseline("better", "base")
SIZES = (5, 10, 20, 40)
SHARES = np.linspace(0.02, 1.0, 50)


def pairs_of(won: int, lost: int, n: int, measure: Measure = ACCURACY) -> Pairs:
    of = suite(n=n)
    same = n - won - lost
    new, old = [1.0] * won + [0.0] * lost + [1.0] * same, [0.0] * won + [1.0] * lost + [1.0] * same
    return pair(measure, run(of, "tuned", new), run(of, "base", old))


def compared(won: int, lost: int, n: int, measure: Measure = ACCURACY) -> Comparison:
    return compare(measure, pairs_of(won, lost, n, measure), level=0.95)


@cache
def template(n: int) -> Pairs:
    return pairs_of(0, 0, n)


@cache
def tables(n: int) -> list[tuple[int, int]]:
    return [(won, lost) for won in range(n + 1) for lost in range(n + 1 - won)]


def drawn(won: int, lost: int, n: int) -> Pairs:
    """The pairs with these counts, without making runs."""
    table, at = template(n), np.arange(n)
    new, old = (at < won) | (at >= won + lost), at >= won
    return replace(
        table,
        candidate=replace(table.candidate, values=new.astype(float)),
        baseline=replace(table.baseline, values=old.astype(float)),
    )


def error_rates(n: int, claims: np.ndarray) -> np.ndarray:
    """For each share of differing cases, the exact probability of a claim if both models are equally good."""
    counts = np.array([(won, lost, n - won - lost) for won, lost in tables(n)])
    return np.array([multinomial.pmf(counts, n, [d / 2, d / 2, 1 - d])[claims].sum() for d in SHARES])


@for_each(
    ("won", "lost", "p", "answer"),
    [
        (10, 0, 2 * 2**-10, "better"),
        (0, 10, 2 * 2**-10, "worse"),
        (0, 3, 0.25, "cannot tell"),
        (0, 4, 0.125, "cannot tell"),
        (4, 0, 0.125, "cannot tell"),
        (5, 0, 0.0625, "cannot tell"),
        (0, 5, 0.0625, "cannot tell"),
        (6, 0, 0.03125, "better"),
        (0, 6, 0.03125, "worse"),
        (5, 5, 1.0, "cannot tell"),
    ],
)
@for_each("measure", [ACCURACY, GRADED])
def test_ten_cases_are_better_or_worse_only_if_p_agrees(won, lost, p, answer, measure) -> None:
    comparison = compared(won, lost, 10, measure)
    assert (comparison.p, comparison.answer) == (pytest.approx(p), answer)
    assert comparison.rule == "95 % interval of the paired difference excludes 0 and p ≤ 0.05"


def test_where_only_the_interval_would_say_better_the_answer_says_why_not() -> None:
    comparison = compared(4, 0, 10)
    assert isinstance(comparison.difference, Estimate) and comparison.difference.low > 0
    assert answer_in_words(comparison) == "cannot tell: p is too high"
    row = comparison_row(comparison, ACCURACY)
    assert (row[2], *row[-2:]) == ("cannot tell: p is too high", "0.125", "interval and p")
    assert answer_in_words(compared(5, 5, 10)) == "cannot tell"


def test_figures_without_a_p_name_the_interval_alone() -> None:
    of = suite(n=40)
    slow, fast = (run(of, name, [1.0] * 40, latency=ms) for name, ms in (("tuned", 900.0), ("base", 100.0)))
    measures = [ACCURACY, replace(ACCURACY, name="total", kind="total")]
    comparisons = compare_runs(measures, slow, fast)
    assert [finding.rule for finding in comparisons] == [
        "95 % interval of the paired difference excludes 0 and p ≤ 0.05",
        "95 % interval of the paired difference excludes 0",
    ]
    assert rules_in_words(comparisons) == [
        "interval and p: better or worse if the 95 % interval of the paired difference excludes 0 and p ≤ 0.05; "
        "otherwise cannot tell.",
        "interval: better or worse if the 95 % interval of the paired difference excludes 0; otherwise cannot tell.",
    ]


@pytest.mark.parametrize("n", SIZES)
def test_equal_models_are_called_different_in_at_most_five_percent(n: int) -> None:
    """Exact, for every share of differing cases; in each direction at most half of it."""
    answers = np.array([compare(ACCURACY, drawn(*each, n), level=0.95).answer for each in tables(n)])
    assert error_rates(n, (answers == "better") | (answers == "worse")).max() <= 0.05
    assert error_rates(n, answers == "better").max() <= 0.025
    assert error_rates(n, answers == "worse").max() <= 0.025


@pytest.mark.parametrize("n", SIZES)
def test_a_gate_calls_equal_models_better_in_at_most_five_percent(n: int) -> None:
    def passes(won: int, lost: int) -> bool:
        question = Question(BETTER, ACCURACY, drawn(won, lost, n), later=False, seed=0)
        return question.result_of(question.at_look(ALPHA), ALPHA) == "pass"

    assert error_rates(n, np.array([passes(*each) for each in tables(n)])).max() <= 0.05


def test_the_interval_alone_would_be_wrong_more_often() -> None:
    """Shows why the p-value is needed: Tango's interval alone exceeds its level with few differing cases."""
    n = 10

    def beyond(level: float) -> np.ndarray:
        return np.array([tango(won, lost, n, level=level).low > 0 for won, lost in tables(n)])

    assert error_rates(n, beyond(0.95)).max() > 0.026
    assert error_rates(n, beyond(0.90)).max() > 0.06


@for_each(
    ("won", "lost", "result", "p"),
    [
        (10, 0, "pass", 2**-10),
        (3, 0, "cannot tell", 0.125),
        (4, 0, "cannot tell", 0.0625),
        (5, 0, "pass", 0.03125),
        (6, 0, "pass", 2**-6),
        (0, 3, "cannot tell", 0.125),
        (0, 5, "fail", 0.03125),
    ],
)
def test_a_gate_line_without_a_margin_never_contradicts_its_p(won, lost, result, p) -> None:
    finding = judged("qa better than base", won, lost, 10)
    assert (finding.result, finding.evidence.p) == (result, pytest.approx(p))
    assert finding.evidence.p_method == "McNemar, exact, one-sided"
    assert finding.evidence.rule == "one-sided 95 % bound of the paired difference beyond 0 and one-sided p ≤ 0.05"
    assert (finding.result == "cannot tell") == ("because p is above 0.05" in finding.says)


@pytest.mark.parametrize("line", ["qa not worse than base by 5pp", "qa better than base by 5pp"])
def test_a_margin_is_tested_by_the_p_of_its_own_hypothesis(line: str) -> None:
    """Against every table of 12 cases: pass and fail exactly where the printed p is at most 5 %."""
    results = set()
    for won, lost in tables(12):
        finding = judged(line, won, lost, 12)
        results.add(finding.result)
        assert finding.evidence.p_method.removeprefix("enumerated ").startswith("score test of ")
        assert (finding.result != "cannot tell") == (finding.evidence.p <= 0.05), (won, lost)
    assert results >= {"fail", "cannot tell"}


def test_the_sentence_names_the_hypothesis() -> None:
    assert 'score test of "5 points worse or more": p 0.069' in judged("qa not worse than base by 5pp", 2, 3, 100).says
    assert 'score test of "at most 5 points worse": p' in judged("qa not worse than base by 5pp", 0, 20, 100).says
    relative = judged("qa not worse than base by 5%", 3, 4, 100)
    assert relative.evidence.p is None
    assert "(one-sided 95 % bounds −1.3 and +8.6 of candidate − 0.95 × baseline)" in relative.says
    assert relative.evidence.rule == "one-sided 95 % bound of candidate − 0.95 × baseline beyond 0"


def test_a_loss_beyond_the_margin_fails_only_with_its_enumerated_p() -> None:
    finding = judged("qa not worse than base by 5pp", 0, 6, 60)
    assert finding.result == "cannot tell"
    assert finding.says.endswith("at most 5 points worse is allowed: undecided, because p is above 0.05")
    assert finding.evidence.p == pytest.approx(0.0823, abs=1e-4)
    assert judged("qa better than base by 5pp", 6, 0, 60).result == "cannot tell"


def judged(line: str, won: int, lost: int, n: int):
    of, same = suite(line, n=n), n - won - lost
    new, old = [1.0] * won + [0.0] * lost + [1.0] * same, [0.0] * won + [1.0] * lost + [1.0] * same
    runs = {"tuned": run(of, "tuned", new), "base": run(of, "base", old)}
    trial = Trial("tuned", "base", lambda _, target: runs[target])
    (rule,) = gate_of(of).rules
    return apply_holm(judge_rule(rule, trial))[0]
