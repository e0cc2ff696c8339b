"""Defines a line whose evidence does not come from runs, with that evidence, and the families that judge such lines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evaluators.criteria.grammar import GateLine
from evaluators.criteria.validation import CANDIDATE, LineFamily
from evaluators.gate.file import Gate
from evaluators.gate.live_evidence import LiveEvidence, LiveExperiment
from evaluators.gate.multiplicity import RuleResult
from evaluators.trial import Trial
from fairtrial.domain.registry import Registry


@dataclass(frozen=True, slots=True)
class ExternalLine:
    """A line, as text and parsed, its gate, the evidence, and the time of judging in microseconds since 1970, UTC."""

    text: str
    line: GateLine
    gate: Gate
    trial: Trial
    live: LiveEvidence
    now_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedFamily(LineFamily):
    """A family with the rule that judges its lines."""

    judge: Callable[[ExternalLine], RuleResult]


def judging(named_experiment: str | None, experiments: Sequence[LiveExperiment]) -> list[LiveExperiment]:
    """Those that judge the lines of a gate: the named one, or all running ones on the candidate, or its newest one."""
    exact = [experiment for experiment in experiments if experiment.exact]
    if named_experiment != CANDIDATE:
        return [experiment for experiment in exact if experiment.name == named_experiment]
    running = [experiment for experiment in exact if experiment.state == "running"]
    newest = sorted(exact, key=lambda experiment: 0 if experiment.plan is None else -experiment.plan.started_us)[:1]
    return running if len(running) > 1 else newest


JUDGED = Registry("evaluators.gate.families", "family", noun="family of gate lines", kind=JudgedFamily)
