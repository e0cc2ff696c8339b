"""Plain rates of live traffic are shown beside a verdict and pass nothing."""

from dataclasses import replace

from evaluators.criteria.grammar import parse
from evaluators.gate.file import gate_of
from evaluators.gate.judge import judge
from evaluators.gate.live_evidence import LiveEvidence, Rate
from evaluators.trial import Trial
from fairtrial.domain.verdicts.verdict import Verdict
from tests.fixtures.evaluators.trials import right, run, suite


def verdict(*lines: str, rates: dict[str, tuple[Rate, Rate]] | None = None) -> Verdict:
    of = suite("qa not worse than base by 10pp")
    gate = replace(gate_of(of), external=tuple((line, parse(line)) for line in lines))
    runs = {"tuned": run(of, "tuned", right(80)), "base": run(of, "base", right(80))}
    trial = Trial("tuned", "base", lambda _, target: runs.get(target))
    return judge(gate, trial, verdict_id="v", at_us=0, live=LiveEvidence(rates or {}))


def test_evidence_that_is_not_there_holds_and_says_why() -> None:
    judgement = verdict("review.tone >= 4.0 with 100 ratings", "data.audit clean")
    assert judgement.decision == "HOLD"
    enqueue = "fairtrial review enqueue SUITE --candidate tuned --baseline base"
    assert judgement.findings[1].needed == enqueue
    assert judgement.findings[2].result == "cannot tell"


def test_rates_are_shown_and_do_not_decide() -> None:
    rates = {
        "requests.error_rate": (Rate(0.5, 200), Rate(0.01, 210)),
        "feedback.resolved": (Rate(0.8, 90, "ratings"), Rate(None, 0)),
    }
    judgement = verdict(rates=rates)
    assert judgement.decision == "SHIP"
    shown = [finding for finding in judgement.findings if not finding.decisive]
    assert [finding.metric for finding in shown] == [
        "live.requests.error_rate",
        "live.feedback.resolved",
        "live.answer",
    ]
    assert "50.0 % of 200 requests, baseline 1.0 % of 210 requests" in shown[0].says
    assert "no data yet" in shown[1].says


def test_a_live_line_of_a_gate_without_an_experiment_holds_on_any_rates() -> None:
    rates = {"requests.error_rate": (Rate(0.0, 20_000), Rate(0.01, 21_000))}
    judgement = verdict("live.requests.error_rate <= 2%", rates=rates)
    assert judgement.decision == "HOLD"
    assert judgement.findings[1].needed.startswith("write `experiment: NAME` in the gate")
