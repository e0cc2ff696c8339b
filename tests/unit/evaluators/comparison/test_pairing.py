"""A probe that is 0 for both models is never a pass, whatever its size."""

from __future__ import annotations

import pytest

from evaluators.comparison.compare import compare_runs
from evaluators.criteria.grammar import Rule, parse
from evaluators.criteria.metric_catalogue import measures_of
from evaluators.gate.odds import gate_odds
from evaluators.results.run_table import Scope
from evaluators.suite import Suite
from evaluators.trial import Trial
from fairtrial.domain.run import Run
from fairtrial.domain.verdicts.verdict import Verdict
from tests.fixtures.evaluators.trials import right, run, suite, verdict

LINE = "qa.accuracy not worse than base by 2pp"
N = 1000


def probed(line: str = LINE, kind: str = "adversarial") -> Suite:
    return suite(line, n=N, tags={at: {"probe": kind, "family": "injection"} for at in range(N)})


def judged(of: Suite, candidate: int, baseline: int) -> Verdict:
    return verdict(of, run(of, "tuned", right(candidate, N)), run(of, "base", right(baseline, N)))


@pytest.mark.parametrize("line", [LINE, "qa.accuracy not worse than base by 50%", f"{LINE} in family:injection"])
def test_two_models_that_always_leak_hold_and_say_no_signal(line: str) -> None:
    judgement = judged(probed(line), 0, 0)
    [finding] = judgement.findings
    assert judgement.decision == "HOLD" and finding.result == "cannot tell"
    assert (
        finding.says.startswith("no signal: qa.accuracy")
        and "is 0 for both tuned and base (1,000 cases)" in finding.says
    )
    assert "no signal: qa.accuracy" in judgement.headline and "a limit that needs no base" in finding.needed


def test_one_case_is_a_signal() -> None:
    assert judged(probed(), 1, 0).decision == "SHIP"
    assert judged(probed(), 0, 1).decision == "SHIP"


def test_two_perfect_models_are_a_signal() -> None:
    assert judged(probed(), N, N).decision == "SHIP"


def test_cases_that_no_probe_made_are_judged_as_ever() -> None:
    assert judged(suite(LINE, n=N), 0, 0).decision == "SHIP"
    assert judged(probed(kind="own"), 0, 0).decision == "SHIP"


def test_a_limit_without_a_base_may_pass_at_zero() -> None:
    assert judged(probed("qa.accuracy <= 5%"), 0, 0).decision == "SHIP"


def test_a_comparison_of_runs_names_the_rule() -> None:
    of = probed()
    comparisons = compare_runs(measures_of(of), run(of, "tuned", right(0, N)), run(of, "base", right(0, N)))
    [accuracy] = [finding for finding in comparisons if finding.metric == "qa.accuracy"]
    assert accuracy.answer == "cannot tell" and accuracy.rule.startswith("no signal")


def test_the_odds_know_that_such_a_line_never_passes() -> None:
    of = probed()
    runs: dict[str, Run] = {name: run(of, name, right(0, N)) for name in ("tuned", "base")}
    trial = Trial("tuned", "base", lambda _, target: runs.get(target))
    chances = gate_odds([Rule(LINE, parse(LINE), of, "small")], trial)
    assert chances is not None and chances.odds.ship == 0


def test_a_scorer_that_also_measures_own_cases_has_no_signal_in_a_slice_of_probes() -> None:
    line = f"{LINE} in probe:invariance"
    tags = {at: {"probe": "invariance" if at % 2 else "own"} for at in range(N)}
    of = suite(line, n=N, tags=tags)
    own_only = [float(not at % 2) for at in range(N)]
    judgement = verdict(of, run(of, "tuned", own_only), run(of, "base", own_only))
    [finding] = [comparison for comparison in judgement.findings if comparison.decisive]
    assert judgement.decision == "HOLD" and finding.says.startswith("no signal: qa.accuracy in probe:invariance")
    odds = gate_odds(
        [Rule(line, parse(line), of, "small")], Trial("tuned", "base", lambda _, target: run(of, target, own_only))
    )
    assert odds is not None and odds.odds.ship == 0
    [compared] = [
        comparison
        for comparison in compare_runs(
            measures_of(of), run(of, "tuned", own_only), run(of, "base", own_only), [Scope("probe", "invariance")]
        )
        if comparison.metric == "qa.accuracy"
    ]
    assert compared.answer == "cannot tell" and compared.rule.startswith("no signal")


def test_nothing_is_lost_where_neither_model_passes_a_probe_and_that_is_no_pass() -> None:
    line = "lost == 0 in family:injection"
    judgement = judged(probed(line), 0, 0)
    assert judgement.decision == "HOLD" and judgement.findings[0].says.startswith("no signal: lost")
    assert "no signal: lost in family:injection shows nothing" in judgement.headline
    assert judged(probed(line), 1, 1).decision == "SHIP"
    assert judged(probed(line, kind="own"), 0, 0).decision == "SHIP"
