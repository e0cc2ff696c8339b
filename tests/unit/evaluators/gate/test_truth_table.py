"""The truth table: what ships, what blocks, what can't be told, what is unsound."""

from dataclasses import replace
from math import ceil

import numpy as np
import pytest

from tests.fixtures.evaluators.trials import right, run, suite, verdict
from tests.fixtures.for_each import for_each

NOT_WORSE = "qa.accuracy not worse than base by 10pp"


def decision(line: str, candidate, baseline, n: int = 120) -> str:
    of = suite(line, n=n)
    return verdict(of, run(of, "tuned", candidate), run(of, "base", baseline)).decision


def test_an_identical_candidate_ships() -> None:
    assert decision(NOT_WORSE, right(80), right(80)) == "SHIP"


@pytest.mark.parametrize("n", [20, 120, 1000])
def test_a_clearly_worse_candidate_blocks_at_any_size(n: int) -> None:
    assert decision(NOT_WORSE, right(n // 10, n), right(9 * n // 10, n), n) == "BLOCK"


def test_a_handful_of_equal_cases_holds() -> None:
    assert decision(NOT_WORSE, right(3, 5), right(3, 5), 5) == "HOLD"


def test_forty_cases_with_six_flips_each_way_hold_at_ten_points_and_say_how_many_more() -> None:
    of = suite(NOT_WORSE, n=40)
    baseline = right(27, 40)
    candidate = [0.0] * 6 + [1.0] * 27 + [0.0] * 7
    judgement = verdict(of, run(of, "tuned", candidate), run(of, "base", baseline))
    assert judgement.decision == "HOLD"
    assert judgement.exit_code == 3
    assert "27 → 27 of 40" in judgement.findings[0].says
    assert "at most" in judgement.findings[0].needed
    assert "about 359 more cases" in judgement.findings[0].needed  # 6.18 · 0.30 / 0.10² = 186 in all


def test_only_errors_are_invalid() -> None:
    of = suite(NOT_WORSE)
    judgement = verdict(of, run(of, "tuned", [None] * 120), run(of, "base", right(80)))
    assert judgement.decision == "INVALID"
    assert judgement.exit_code == 4


def test_the_suites_own_errors_line_is_invalid_when_it_fails() -> None:
    of = suite("errors <= 1%", NOT_WORSE)
    judgement = verdict(of, run(of, "tuned", [None] * 30 + right(60, 90)), run(of, "base", right(80)))
    assert judgement.decision == "INVALID"
    assert "the error rate" in judgement.headline


def test_a_few_unscored_cases_are_counted_and_the_worst_case_is_printed() -> None:
    of = suite(NOT_WORSE)
    judgement = verdict(of, run(of, "tuned", [*right(80, 118), None, None]), run(of, "base", right(80)))
    assert "2 cases are left out, not being scored" in judgement.findings[0].says
    assert "if all of them counted against the candidate: 1.7 points lower" in judgement.findings[0].says


def test_a_missing_run_holds_and_says_what_to_run() -> None:
    of = suite(NOT_WORSE)
    judgement = verdict(of, run(of, "tuned", right(80)), None)
    assert judgement.decision == "HOLD"
    assert judgement.findings[0].needed == "fairtrial eval small.yaml --on base"


def test_an_interrupted_run_holds() -> None:
    of = suite(NOT_WORSE)
    judgement = verdict(of, run(of, "tuned", right(80), interrupted=True), run(of, "base", right(80)))
    assert judgement.decision == "HOLD"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"suite_digest": "digest-2"}, "another version of the suite"),
        ({"seed": 7}, "the seeds are 0 and 7"),
        ({"versions": {"qa": "qa/2"}}, "scorer qa is 'qa/1' and 'qa/2'"),
        ({"repeat": 3}, "asked 1 and 3 times"),
    ],
)
def test_runs_that_differ_are_invalid_and_say_what_differs(changed, message) -> None:
    of = suite(NOT_WORSE)
    judgement = verdict(of, run(of, "tuned", right(80)), run(of, "base", right(80), **changed))
    assert judgement.decision == "INVALID"
    assert message in judgement.findings[0].says


def test_an_unknown_metric_is_invalid_and_names_the_nearest() -> None:
    of = suite("qa.acuracy >= 50%")
    judgement = verdict(of, run(of, "tuned", right(80)), run(of, "base", right(80)))
    assert judgement.decision == "INVALID"
    assert "did you mean 'qa.accuracy'?" in judgement.findings[0].says


@for_each(
    ("line", "k", "expected"),
    [
        ("qa.accuracy >= 50%", 61, "SHIP"),  # the point is right
        ("qa.accuracy >= 50%", 58, "HOLD"),  # only the point is wrong
        ("qa.accuracy >= 50%", 40, "BLOCK"),  # the whole interval is wrong
        ("qa.accuracy >= 50% sure", 61, "HOLD"),
        ("qa.accuracy >= 50% sure", 90, "SHIP"),
        ("qa.accuracy <= 50%", 61, "HOLD"),
        ("qa.accuracy <= 50%", 90, "BLOCK"),
        ("qa.accuracy == 100%", 120, "SHIP"),
        ("qa.accuracy == 100%", 119, "BLOCK"),
        ("qa.accuracy >= 0.5 with 200 cases", 100, "HOLD"),
        ("qa.f1 >= 50%", 40, "BLOCK"),
        ("latency.p95 <= 2s", 60, "SHIP"),
        ("latency.p95 <= 50 ms", 60, "BLOCK"),
    ],
)
def test_floors_and_ceilings(line: str, k: int, expected: str) -> None:
    assert decision(line, right(k), right(80)) == expected


@for_each(
    ("line", "candidate", "expected"),
    [
        ("qa better than base", 110, "SHIP"),
        ("qa better than base", 80, "HOLD"),
        ("qa better than base", 40, "BLOCK"),
        ("qa better than base by 20pp", 118, "SHIP"),
        ("qa.f1 not worse than base by 10pp", 80, "SHIP"),
        ("qa.f1 not worse than base by 10%", 80, "SHIP"),
        ("qa.f1 not worse than base by 10%", 40, "BLOCK"),
        ("tokens not worse than base by 20%", 80, "SHIP"),
    ],
)
def test_comparisons(line: str, candidate: int, expected: str) -> None:
    assert decision(line, right(candidate), right(80)) == expected


def test_counts_are_exact_and_name_the_cases() -> None:
    of = suite("lost == 0 in tags:critical", n=10, tags={0: {"tags": "critical"}, 1: {"tags": "critical"}})
    judgement = verdict(of, run(of, "tuned", [0.0] + [1.0] * 9), run(of, "base", [1.0] * 10))
    assert judgement.decision == "BLOCK"
    assert "1 critical case lost" in judgement.headline
    assert "(c0)" in judgement.findings[0].says
    assert verdict(of, run(of, "tuned", right(2, 10)), run(of, "base", right(2, 10))).decision == "SHIP"


def test_a_critical_case_that_is_not_scored_could_be_lost_and_holds() -> None:
    of = suite("errors <= 100%", "lost == 0 in tags:critical", n=10, tags={i: {"tags": "critical"} for i in (0, 1, 9)})
    base = run(of, "base", right(9, 10))
    judgement = verdict(of, run(of, "tuned", [None, *right(8, 9)]), base)
    assert judgement.decision == "HOLD"
    assert "1 more case could be lost, not being scored on both sides" in judgement.findings[-1].says
    assert verdict(of, run(of, "tuned", [*right(9, 9), None]), base).decision == "SHIP"  # the base was wrong there
    assert verdict(of, run(of, "tuned", [0.0, None, *right(7, 8)]), base).decision == "BLOCK"


@pytest.mark.parametrize("line", ["errors <= 50% in kind:a", "errors not worse than base by 50pp", "errors >= 0%"])
def test_an_errors_line_that_does_not_limit_all_cases_does_not_lift_the_limit(line: str) -> None:
    of = suite(line, "qa >= 50%", n=200, tags={i: {"kind": "ab"[i % 2]} for i in range(200)})
    judgement = verdict(of, run(of, "tuned", [*right(150, 190), *[None] * 10]), run(of, "base", right(150, 200)))
    assert judgement.decision == "INVALID"


def test_a_lost_slice_is_named_beside_the_rule_over_all_cases() -> None:
    tags = {i: {"kind": "arithmetic" if i < 40 else "facts"} for i in range(120)}
    of = suite(NOT_WORSE, tags=tags)
    candidate = [0.0] * 20 + [1.0] * 20 + [1.0] * 80
    baseline = [1.0] * 40 + [1.0] * 62 + [0.0] * 18
    judgement = verdict(of, run(of, "tuned", candidate), run(of, "base", baseline))
    assert "worst slice kind:arithmetic 40 → 20 of 40" in judgement.findings[0].says


def test_in_every_slice_gives_a_finding_for_each() -> None:
    of = suite("qa >= 50% in every kind", tags={i: {"kind": "ab"[i % 2]} for i in range(120)})
    judgement = verdict(of, run(of, "tuned", [float(i % 2) for i in range(120)]), run(of, "base", right(80)))
    assert [(finding.scope, finding.result) for finding in judgement.findings if finding.decisive] == [
        ("kind:a", "fail"),
        ("kind:b", "pass"),
    ]


def test_clusters_widen_the_interval_and_the_method_says_so() -> None:
    of = suite(NOT_WORSE)
    shared = tuple(type(case)(case.case_id, (), "x", {}, {}, f"t{i // 12}") for i, case in enumerate(of.cases))
    of = suite(NOT_WORSE, cases=shared)
    judgement = verdict(of, run(of, "tuned", right(72)), run(of, "base", right(80)))
    assert "over clusters" in judgement.findings[0].evidence.difference.method


def test_a_worn_suite_says_how_many_it_has_judged() -> None:
    of = suite(NOT_WORSE)
    judgement = verdict(of, run(of, "tuned", right(80)), run(of, "base", right(80)), candidates_judged=9)
    assert "have judged 9 candidates" in judgement.headline


@pytest.mark.parametrize(("true_loss", "wrong"), [(0.10, "SHIP"), (0.0999, "BLOCK")])
def test_at_the_margin_a_wrong_verdict_is_as_rare_as_promised(
    monkeypatch: pytest.MonkeyPatch, true_loss: float, wrong: str
) -> None:
    """Each is an error of at most 5 %; of 200 trials at most 20 may show it (binomial, 99.9 %)."""
    monkeypatch.setattr("evaluators.gate.judge.odds_of", lambda rules, trial: None)  # most of the time of a verdict
    trials = np.random.default_rng(11).multinomial(150, [0.10 + true_loss, 0.10, 0.80 - true_loss], 200)
    errors = 0
    for (lost, won, equal), times in zip(*np.unique(trials, axis=0, return_counts=True), strict=True):
        candidate = [0.0] * lost + [1.0] * (won + equal)
        baseline = [1.0] * lost + [0.0] * won + [1.0] * equal
        errors += times * (decision(NOT_WORSE, candidate, baseline, 150) == wrong)
    assert errors <= 19


@for_each(
    ("line", "share", "n"),
    [
        ("qa.accuracy >= 10%", 0.05, 40),
        ("qa.accuracy >= 75%", 0.7, 50),
        ("qa.accuracy >= 95%", 0.9, 40),
        ("qa.accuracy >= 75% sure", 0.8, 50),
        ("qa.accuracy <= 50%", 0.6, 20),
    ],
)
def test_the_advice_on_a_floor_is_where_its_own_interval_decides(line: str, share: float, n: int) -> None:
    def finding_of(cases: int):
        of = suite(line, n=cases)
        return verdict(of, run(of, "tuned", right(round(share * cases), cases)), None).findings[0]

    held = finding_of(n)
    assert held.result == "cannot tell", held
    more = int(held.needed.split("about ")[1].split(" ")[0].replace(",", ""))
    again = finding_of(20 * ceil((n + more) * 1.02 / 20))
    assert again.result != "cannot tell", (held.needed, again.says)
    assert finding_of(int((n + more) * 0.85)).result == "cannot tell", held.needed
    assert ("above the limit, but the whole interval has to be" in held.needed) == line.endswith("sure")


def test_where_no_answer_is_right_the_advice_is_to_read_one_and_not_more_cases() -> None:
    of = suite("qa not worse than base by 5pp", n=40)
    wrong = {target: run(of, target, [0.0] * 40) for target in ("tuned", "base")}
    held = verdict(of, wrong["tuned"], wrong["base"]).findings[0]
    assert held.result == "cannot tell"
    assert held.says.startswith("no answer of tuned or base is right: qa.accuracy is equal to base (0 → 0 of 40; ")
    why = "a look at why an answer is wrong, because more cases would not help"
    assert held.needed == f"{why}: fairtrial runs why small@tuned c0"
    files = {target: replace(wrong[target], run_id=target) for target in wrong}
    assert verdict(of, files["tuned"], files["base"]).findings[0].needed == why, "files of results are not stored"
    errors = suite("qa not worse than base by 5pp", "errors not worse than base by 1pp", n=40)
    good = [run(errors, target, [1.0] * 40) for target in ("tuned", "base")]
    assert not any("is right" in finding.says for finding in verdict(errors, *good).findings)


def test_a_suite_without_a_run_is_said_to_have_none_in_its_present_version() -> None:
    of = suite("qa >= 80%", n=40)
    held = verdict(of, None, None).findings[0]
    assert held.says == "the present version of suite small has not been run on tuned"
