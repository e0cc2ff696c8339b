"""States what the evidence of a verdict is about, and what it says nothing about."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from evaluators.criteria.metric_catalogue import BUILT_IN
from evaluators.criteria.validation import GUARDRAILS
from evaluators.gate.external_line import judging
from evaluators.gate.file import Gate
from evaluators.gate.live_evidence import LiveEvidence
from evaluators.trial import Trial
from fairtrial.domain.estimates import Comparison, Estimate
from fairtrial.domain.verdicts.verdict import Finding
from fairtrial.domain.wording import counted

MOST_METRICS = 4
"""How many metrics of a suite are named."""
UNSHOWN: Mapping[str, tuple[str, ...]] = {
    "what users do": ("live.",),
    "prose as people read it": ("review.", "judge."),
    "cost": ("cost", "live.cost."),
    "latency": ("latency.", "live.requests.latency", "live.requests.ttft"),
    "training data": ("data.",),
}
"""What a verdict says nothing about unless a line has such a metric."""
HEAVY_USERS = "users with many requests"


@dataclass(frozen=True, slots=True)
class EvidenceScope:
    """Two sentences without full stops: what the evidence has shown, and what it has not."""

    shown: str
    not_shown: str


def scope_of(gate: Gate, trial: Trial, findings: Sequence[Finding], live: LiveEvidence) -> EvidenceScope:
    """The question of the trial, with what was measured on how many cases or users, and what no line measures."""
    measured = [finding for finding in findings if finding.decisive and _is_measured(finding)]
    parts = [*_suites(gate, trial, measured), *_others(gate, measured, live)]
    shown = f"{trial.candidate} against {trial.baseline}: {'; '.join(parts)}" if parts else "nothing"
    metrics = [finding.metric for finding in measured]
    missing = [name for name, starts in UNSHOWN.items() if not any(metric.startswith(starts) for metric in metrics)]
    if "what users do" not in missing:
        missing.insert(0, HEAVY_USERS)
    return EvidenceScope(shown, ", ".join([*missing, "questions unlike these"]))


def _suites(gate: Gate, trial: Trial, measured: Iterable[Finding]) -> Iterator[str]:
    """``tickets (label.accuracy, label.macro_f1; 320 cases)`` for each suite that a line has measured."""
    metrics: dict[str, dict[str, None]] = {suite.name: {} for suite in gate.suites}
    for rule in gate.rules:
        if any(finding.rule == rule.text and finding.source == rule.source for finding in measured):
            metrics[rule.suite.name][rule.line.metric] = None
    for suite, names in metrics.items():
        table = trial.table(suite, trial.candidate)
        if names and table is not None:
            named = sorted(names, key=lambda name: name in BUILT_IN)[:MOST_METRICS]
            more = ", …" if len(names) > len(named) else ""
            yield f"{suite} ({', '.join(named)}{more}; {counted(len(table.case_ids), 'case')})"


def _others(gate: Gate, measured: Iterable[Finding], live: LiveEvidence) -> Iterator[str]:
    """Each line on reviews, live traffic and training data, with how many judgements or units it rests on, if known."""
    lines = {text for text, _ in gate.external}
    plans = [experiment.plan for experiment in judging(gate.experiment, live.experiments)]
    unit_of = {"review": "judgement", "live": next((plan.unit for plan in plans if plan is not None), "unit")}
    for finding in measured:
        if finding.rule in lines:
            number, unit = _n(finding), unit_of.get(finding.metric.partition(".")[0])
            yield f"{finding.metric} ({counted(number, unit)})" if number and unit else finding.metric


WITHOUT_NUMBERS = ("data.", GUARDRAILS)
"""Lines whose findings have no estimate."""


def _is_measured(finding: Finding) -> bool:
    known = finding.metric.startswith(WITHOUT_NUMBERS) and finding.result in ("pass", "fail")
    return known or _n(finding) > 0


def _n(finding: Finding) -> int:
    evidence = finding.evidence
    return evidence.n if isinstance(evidence, Comparison | Estimate) else 0
