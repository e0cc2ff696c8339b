"""Defines a line whose evidence does not come from runs, with that evidence, and the families that judge such lines."""

from collections.abc import Callable
from dataclasses import dataclass

from evaluators.criteria.grammar import GateLine
from evaluators.criteria.validation import LineFamily
from evaluators.gate.file import Gate
from evaluators.gate.live_evidence import LiveEvidence
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


JUDGED = Registry("evaluators.gate.families", "family", noun="family of gate lines", kind=JudgedFamily)
